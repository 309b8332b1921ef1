//! Elected producers in the whole runtime: genesis, history of keys, and the way of a report.

use codec::Encode;
use frame_support::{assert_noop, assert_ok, traits::KeyOwnerProofSystem};
use sp_consensus_babe::{
    digests::{PreDigest, SecondaryPlainPreDigest},
    AuthorityId, AuthoritySignature, EquivocationProof, BABE_ENGINE_ID, KEY_TYPE,
};
use sp_core::{Pair, H256};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};
use sp_runtime::{traits::Header as _, Digest, DigestItem};

use super::{block, chain, FIRST_SLOT};
use crate::{
    time::EPOCH_SLOTS, AccountId, Authorities, Babe, Header, Historical, Runtime, RuntimeOrigin, Session,
};

/// Two blocks for one slot, both signed by the key.
fn equivocation(signer: Sr25519Keyring, slot: u64) -> EquivocationProof<Header> {
    let header = |state: u8| {
        let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
            authority_index: 0,
            slot: slot.into(),
        });
        let digest = Digest {
            logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())],
        };
        let mut header = Header::new(
            1,
            Default::default(),
            H256::repeat_byte(state),
            Default::default(),
            digest,
        );
        let signature = AuthoritySignature::from(signer.pair().sign(header.hash().as_ref()));
        header
            .digest_mut()
            .push(DigestItem::Seal(BABE_ENGINE_ID, signature.encode()));
        header
    };
    EquivocationProof {
        offender: AuthorityId::from(signer.public()),
        slot: slot.into(),
        first_header: header(1),
        second_header: header(2),
    }
}

fn owner(signer: Sr25519Keyring) -> sp_session::MembershipProof {
    Historical::prove((KEY_TYPE, AuthorityId::from(signer.public()))).unwrap()
}

fn report(proof: EquivocationProof<Header>, owner: sp_session::MembershipProof) -> Result<(), &'static str> {
    Babe::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), owner)
        .map(|_| ())
        .map_err(|error| error.error.into())
}

fn account(signer: Sr25519Keyring) -> AccountId {
    signer.to_account_id()
}

#[test]
fn every_authority_of_genesis_is_a_producer_whose_keys_can_be_proven() {
    for (preset, producers) in [("development", 1), ("local_testnet", 3), ("testnet", 3)] {
        chain(preset).execute_with(|| {
            assert_eq!(
                based_pallet_authorities::Bootstrap::<Runtime>::get().into_inner(),
                Session::validators(),
                "{preset}"
            );
            assert_eq!(Session::validators().len(), producers, "{preset}");
            for session in 0..2 {
                let root = pallet_session::historical::HistoricalSessions::<Runtime>::get(session);
                assert_eq!(root.map(|(_, count)| count), Some(producers as u32), "{preset}");
            }
        });
    }
}

#[test]
fn an_equivocation_of_an_earlier_session_is_proven_from_its_root_and_costs_the_place() {
    chain("local_testnet").execute_with(|| {
        block(vec![]);
        let slot = FIRST_SLOT + 1;
        let owner = owner(Charlie);
        for _ in 0..EPOCH_SLOTS {
            block(vec![]);
        }
        assert_eq!(Session::current_index(), 1);
        assert_ok!(report(equivocation(Charlie, slot), owner.clone()));
        let bar = based_pallet_authorities::Barred::<Runtime>::get(account(Charlie)).unwrap();
        assert_eq!(
            bar.part,
            based_primitives::constants::PPB,
            "one of three is a third"
        );
        assert!(report(equivocation(Charlie, slot), owner).is_err(), "once");
        block(vec![]);
        assert!(based_pallet_authorities::PendingSlashes::<Runtime>::get().is_empty());
        for _ in 0..2 * EPOCH_SLOTS {
            block(vec![]);
        }
        let mut left = Session::validators();
        left.sort();
        let mut expected = vec![account(Alice), account(Bob)];
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(Babe::authorities().len(), 2);
    });
}

#[test]
fn a_report_needs_two_blocks_and_the_keys_owner() {
    chain("local_testnet").execute_with(|| {
        block(vec![]);
        let slot = FIRST_SLOT + 1;
        let mut same = equivocation(Charlie, slot);
        same.second_header = same.first_header.clone();
        assert!(report(same, owner(Charlie)).is_err());
        assert!(report(equivocation(Charlie, slot), owner(Bob)).is_err());
        assert!(
            report(
                equivocation(Charlie, slot + u64::from(EPOCH_SLOTS)),
                owner(Charlie)
            )
            .is_err(),
            "a slot of another session"
        );
        assert!(!based_pallet_authorities::Barred::<Runtime>::contains_key(
            account(Charlie)
        ));
    });
}

#[test]
fn only_validators_with_keys_opt_in() {
    chain("local_testnet").execute_with(|| {
        block(vec![]);
        assert_noop!(
            Authorities::opt_in(RuntimeOrigin::signed(account(Alice)), 0),
            based_pallet_authorities::Error::<Runtime>::NotValidator
        );
    });
}
