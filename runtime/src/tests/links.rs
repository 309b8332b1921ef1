//! Links of Ethereum addresses.

use based_pallet_ethereum::{consent_hash, Error, Links};
use based_primitives::{constants::EVM_CHAIN_ID, eip712};
use frame_support::{assert_noop, assert_ok};
use pallet_revive::{precompiles::alloy::primitives::Address, H160, U256};
use sp_core::{ecdsa, Pair};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Dave};

use super::{
    free,
    precompiles::{call, on_chain, LINKS_AT},
};
use crate::{precompiles::links::ILinks, AccountId, Ethereum, Runtime, RuntimeOrigin, System};

type E = Error<Runtime>;

fn wallet(seed: u8) -> (ecdsa::Pair, H160) {
    let pair = ecdsa::Pair::from_seed(&[seed; 32]);
    let address = eip712::signer(&pair.sign_prehashed(&[1; 32]).0, &[1; 32]).unwrap();
    (pair, address)
}

fn consent(wallet: &ecdsa::Pair, who: &AccountId, nonce: u32) -> [u8; 65] {
    let genesis = System::block_hash(0);
    wallet.sign_prehashed(&consent_hash(genesis, who, nonce)).0
}

fn link(who: Sr25519Keyring, address: H160, consent: [u8; 65]) -> sp_runtime::DispatchResult {
    Ethereum::link(RuntimeOrigin::signed(who.to_account_id()), address, consent)
}

/// Typed data and its signature, as made by ethers 6.17.
const CONSENT_HASH: &str = "cc6c0e8c1a82eb19c5d288ae979767e05ae3e37342f7f512e440d993ce31a8de";
const CONSENT: &str = "6655e44bbb8c0cc4eb536f78f61a78fbe0f70afa478c979bf8e5e23af6c72768556c37de612155377feaf12165d47fc2d0d2a5883d0df63bbb8adcc115c0b71d1c";

#[test]
fn the_consent_is_what_wallets_sign() {
    let (pair, _) = wallet(0x42);
    let hash = consent_hash([0x11; 32].into(), &AccountId::new([0x22; 32]), 5);
    assert_eq!(EVM_CHAIN_ID, 32_323);
    assert_eq!(
        sp_core::hexdisplay::HexDisplay::from(&hash).to_string(),
        CONSENT_HASH
    );
    let mut signature = pair.sign_prehashed(&hash).0;
    signature[64] += 27;
    assert_eq!(
        sp_core::hexdisplay::HexDisplay::from(&signature).to_string(),
        CONSENT
    );
}

#[test]
fn an_address_is_linked_by_its_own_consent_which_is_good_once() {
    on_chain(|| {
        let (pair, address) = wallet(1);
        let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
        let first = consent(&pair, &alice, 0);
        assert_noop!(link(Bob, address, first), E::WrongConsent);
        assert_noop!(link(Alice, H160::repeat_byte(1), first), E::WrongConsent);
        assert_noop!(link(Alice, address, [0; 65]), E::WrongConsent);
        assert_noop!(link(Alice, address, consent(&pair, &alice, 1)), E::WrongConsent);
        let before = free(&alice);
        assert_ok!(link(Alice, address, first));
        assert_eq!(Ethereum::account_of(&address), Some(alice.clone()));
        assert!(free(&alice) < before);
        let question = ILinks::linkedAccountCall {
            ethereum: Address::from(address.0),
        };
        assert_eq!(
            call(Dave, LINKS_AT, question).unwrap().0,
            *AsRef::<[u8; 32]>::as_ref(&alice)
        );
        // Neither again nor after the link is gone.
        assert_noop!(link(Alice, address, first), E::WrongConsent);
        assert_ok!(Ethereum::unlink(RuntimeOrigin::signed(alice.clone())));
        assert_eq!(Ethereum::account_of(&address), None);
        assert_noop!(link(Alice, address, first), E::WrongConsent);
        assert_noop!(
            Ethereum::unlink(RuntimeOrigin::signed(alice.clone())),
            E::NotLinked
        );
        // The address goes on to another account, whose deposit takes the place of the first.
        assert_ok!(link(Bob, address, consent(&pair, &bob, 1)));
        assert_eq!(free(&alice), before);
        assert_eq!(Ethereum::nonce(&address), 2);
    });
}

#[test]
fn an_account_and_an_address_have_one_link_each() {
    on_chain(|| {
        let ((one, first), (other, second)) = (wallet(1), wallet(2));
        let (alice, bob) = (Alice.to_account_id(), Bob.to_account_id());
        assert_ok!(link(Alice, first, consent(&one, &alice, 0)));
        assert_ok!(link(Bob, second, consent(&other, &bob, 0)));
        assert_ok!(link(Alice, second, consent(&other, &alice, 1)));
        assert_eq!(Links::<Runtime>::get(&alice), Some(second));
        assert_eq!(Links::<Runtime>::get(&bob), None);
        assert_eq!(Ethereum::account_of(&first), None);
        assert_ok!(Ethereum::do_try_state());
        // Again the same, with a new consent.
        assert_ok!(link(Alice, second, consent(&other, &alice, 2)));
        assert_eq!(Ethereum::account_of(&second), Some(alice));
    });
}

#[test]
fn of_two_signatures_of_one_consent_only_the_usual_one_counts() {
    on_chain(|| {
        let (pair, address) = wallet(1);
        let signature = consent(&pair, &Alice.to_account_id(), 0);
        // The other is (r, n - s) with the other parity.
        let order = U256::from_str_radix(
            "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
            16,
        )
        .unwrap();
        let mirrored = order - U256::from_big_endian(&signature[32..64]);
        let mut other = signature;
        other[32..64].copy_from_slice(&mirrored.to_big_endian());
        other[64] ^= 1;
        assert_noop!(link(Alice, address, other), E::WrongConsent);
        assert_ok!(link(Alice, address, signature));
    });
}
