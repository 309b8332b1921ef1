use based_pallet_ethereum::{consent_hash, Call, Error};
use based_primitives::{eip712, BrainId, BrainKind};
use sp_core::{ecdsa, Pair, H160};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};

use super::{account, case, make, By, Case};
use crate::Runtime;

type E = Error<Runtime>;

const ALICE: By = By::Signed(Alice);
const BOB: By = By::Signed(Bob);
/// A Brain that Alice acquires.
const BRAIN: BrainId = 99;

/// A link of an account to a wallet's address, with the wallet's consent to be linked to `named`.
fn link(named: Sr25519Keyring, nonce: u32) -> Call<Runtime> {
    let wallet = ecdsa::Pair::from_seed(&[1; 32]);
    // The tests' first block has this parent.
    let hash = consent_hash(Default::default(), &account(named), nonce);
    let consent = wallet.sign_prehashed(&hash).0;
    let address = eip712::signer(&consent, &hash).unwrap();
    Call::link { address, consent }
}

fn approve(brain: BrainId, spender: Option<Sr25519Keyring>) -> Call<Runtime> {
    let spender = spender.map(account);
    Call::approve { brain, spender }
}

fn transfer(brain: BrainId, from: Sr25519Keyring) -> Call<Runtime> {
    let (from, to) = (account(from), account(Charlie));
    Call::transfer_from { brain, from, to }
}

fn acquire(kind: BrainKind) {
    let call = based_pallet_brains::Call::acquire {
        brain: Some(BRAIN),
        kind,
        max_price: u128::MAX,
    };
    make(ALICE, call);
}

pub fn cases() -> Vec<Case> {
    let operator = |who, allowed| Call::<Runtime>::set_operator {
        operator: account(who),
        allowed,
    };
    let unsigned = Call::<Runtime>::link {
        address: H160::zero(),
        consent: [0; 65],
    };
    vec![
        case(ALICE, link(Alice, 0))
            .refuses(link(Alice, 1), E::WrongConsent)
            .refuses(link(Bob, 0), E::WrongConsent)
            .refuses(unsigned, E::WrongConsent)
            .again(E::WrongConsent),
        case(ALICE, Call::<Runtime>::unlink {})
            .early(E::NotLinked)
            .after(|| make(ALICE, link(Alice, 0)))
            .again(E::NotLinked),
        case(ALICE, approve(BRAIN, Some(Bob)))
            .early(E::UnknownBrain)
            .after(|| acquire(BrainKind::Burned))
            .refuses(approve(1_024, Some(Bob)), E::UnknownBrain)
            .refuses_by(BOB, approve(BRAIN, Some(Bob)), E::NotOwner),
        case(ALICE, operator(Bob, true)).refuses(operator(Alice, true), E::OwnOperator),
        case(BOB, transfer(BRAIN, Alice))
            .early(E::UnknownBrain)
            .after(|| {
                acquire(BrainKind::Burned);
                make(ALICE, approve(BRAIN, Some(Bob)));
            })
            .refuses(transfer(BRAIN, Bob), E::NotFrom)
            .refuses_by(By::Signed(Charlie), transfer(BRAIN, Alice), E::NotApproved)
            .again(E::NotFrom),
    ]
}
