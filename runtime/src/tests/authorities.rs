//! Elected producers in the whole runtime: genesis, history of keys, and the way of a report.

use based_primitives::{
    constants::{BASED, EXISTENTIAL_DEPOSIT, PPB},
    traits::{ProducerStake, StakeInspect},
    Balance, Role,
};
use codec::{Decode, Encode};
use frame_support::{assert_noop, assert_ok, traits::KeyOwnerProofSystem};
use pallet_session::historical::HistoricalSessions;
use sp_consensus_babe::EquivocationProof;
use sp_consensus_grandpa::{AuthorityId as GrandpaId, AuthoritySignature as GrandpaSignature};
use sp_core::H256;
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{self, Alice, Bob, Charlie, Dave},
};
use sp_runtime::generic;

use super::{act, block, chain, free, memorize, BRAIN, FIRST_SLOT};
use crate::{
    configs::TreasuryAccount,
    fuzzing::offences::{self, equivocation},
    time::EPOCH_SLOTS,
    AccountId, Authorities, Babe, BlockNumber, Header, Historical, Runtime, RuntimeCall, RuntimeOrigin,
    Session, Staking,
};

/// Bond of a candidate.
const BOND: Balance = 100 * BASED;
/// Stake of an operator behind itself, and of Dave behind it.
const OWN: Balance = 2_000 * BASED;
const DELEGATED: Balance = 1_000 * BASED;

/// Two votes in one round of GRANDPA, both signed by the key.
fn double_vote(
    signer: Ed25519Keyring,
    set: u64,
    round: u64,
) -> sp_consensus_grandpa::EquivocationProof<H256, BlockNumber> {
    let vote = |target: u8| {
        let vote = sp_consensus_grandpa::Prevote::<Header> {
            target_hash: H256::repeat_byte(target),
            target_number: 1,
        };
        let message = sp_consensus_grandpa::Message::<Header>::Prevote(vote.clone());
        let payload = sp_consensus_grandpa::localized_payload(round, set, &message);
        (vote, GrandpaSignature::from(signer.sign(&payload)))
    };
    // As it travels: the set, the kind - two prevotes -, the round, the key and its votes.
    let proof = (
        set,
        0u8,
        round,
        GrandpaId::from(signer.public()),
        vote(1),
        vote(2),
    );
    Decode::decode(&mut &proof.encode()[..]).unwrap()
}

fn owner(signer: Sr25519Keyring) -> sp_session::MembershipProof {
    offences::owner(signer).unwrap()
}

fn finality_owner(signer: Ed25519Keyring) -> sp_session::MembershipProof {
    let key = GrandpaId::from(signer.public());
    Historical::prove((sp_consensus_grandpa::KEY_TYPE, key)).unwrap()
}

fn report(proof: EquivocationProof<Header>, owner: sp_session::MembershipProof) -> Result<(), &'static str> {
    Babe::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), owner)
        .map(|_| ())
        .map_err(|error| error.error.into())
}

/// Makes an account a candidate with stake of its own and of Dave.
fn stand_for_election(who: Sr25519Keyring) {
    act(who, memorize(Role::Validator, 5));
    for (staker, amount) in [(who, OWN), (Dave, DELEGATED)] {
        let stake = based_pallet_staking::Call::stake {
            brain: BRAIN,
            validator: Some(account(who)),
            amount,
        };
        act(staker, stake);
    }
    act(who, based_pallet_authorities::Call::opt_in { brain: BRAIN });
}

/// Charlie, one of three authorities, stands for election and equivocates: a report, as a node writes it into its
/// block, costs it everything.
fn costs_charlie_everything(report: impl FnOnce() -> RuntimeCall) {
    let charlie = account(Charlie);
    let treasury = || free(&TreasuryAccount::get()) - EXISTENTIAL_DEPOSIT;
    block(vec![]);
    stand_for_election(Charlie);
    assert_eq!(Staking::backing(&charlie), OWN + DELEGATED);
    let operator = || based_pallet_authorities::Operators::<Runtime>::get(account(Charlie)).unwrap();
    assert!(operator().running);
    let report = generic::UncheckedExtrinsic::new_bare(report());
    assert_ok!(block(vec![report.into()])[0].unwrap());
    assert!(!operator().running, "chilled at once");
    assert_eq!(
        based_pallet_authorities::Barred::<Runtime>::get(&charlie)
            .unwrap()
            .part,
        PPB
    );
    assert_eq!(
        (operator().bond, treasury()),
        (BOND, 0),
        "the slash follows in the next block"
    );
    block(vec![]);
    assert_eq!((operator().bond, treasury()), (0, BOND));
    assert_eq!(Staking::backing(&charlie), 0);
    assert_eq!(Staking::total_stake(), 0);
    for staker in [Charlie, Dave] {
        let settle = based_pallet_staking::Call::settle_slash {
            staker: account(staker),
            brain: BRAIN,
            validator: charlie.clone(),
        };
        act(Bob, settle);
    }
    assert_eq!(treasury(), BOND + OWN + DELEGATED);
    assert_noop!(
        Authorities::opt_in(RuntimeOrigin::signed(charlie), BRAIN),
        based_pallet_authorities::Error::<Runtime>::Barred
    );
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
                let root = HistoricalSessions::<Runtime>::get(session);
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
        assert_eq!(bar.part, PPB, "one of three is a third");
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
fn two_blocks_for_one_slot_cost_the_operators_stake_and_its_place() {
    chain("local_testnet").execute_with(|| {
        costs_charlie_everything(|| {
            pallet_babe::Call::report_equivocation_unsigned {
                equivocation_proof: Box::new(equivocation(Charlie, FIRST_SLOT + 1)),
                key_owner_proof: owner(Charlie),
            }
            .into()
        });
    });
}

#[test]
fn two_votes_in_one_round_cost_the_operators_stake_and_its_place() {
    chain("local_testnet").execute_with(|| {
        costs_charlie_everything(|| {
            pallet_grandpa::Call::report_equivocation_unsigned {
                equivocation_proof: Box::new(double_vote(Ed25519Keyring::Charlie, 0, 1)),
                key_owner_proof: finality_owner(Ed25519Keyring::Charlie),
            }
            .into()
        });
    });
}

#[test]
fn the_block_that_begins_a_session_counts_for_a_producer_of_its_set() {
    chain("local_testnet").execute_with(|| {
        block(vec![]);
        assert_ok!(report(equivocation(Charlie, FIRST_SLOT + 1), owner(Charlie)));
        let old = Session::validators();
        while Session::current_index() < 2 {
            block(vec![]);
        }
        // The tests' blocks are written by the first producer of the set.
        let new = Session::validators();
        assert_ne!(new[0], old[0], "else this shows nothing");
        let authors: Vec<_> = based_pallet_authorities::Authored::<Runtime>::iter_keys().collect();
        assert_eq!(authors, new[..1]);
    });
}

#[test]
fn a_double_vote_is_reported_for_its_set_and_with_the_keys_owner() {
    chain("local_testnet").execute_with(|| {
        block(vec![]);
        let report = |vote, owner| {
            let report = crate::Grandpa::report_equivocation_unsigned;
            report(RuntimeOrigin::none(), Box::new(vote), owner).map(|_| ())
        };
        let (bob, charlie) = (Ed25519Keyring::Bob, Ed25519Keyring::Charlie);
        assert!(report(double_vote(charlie, 1, 1), finality_owner(charlie)).is_err());
        assert!(report(double_vote(charlie, 0, 1), finality_owner(bob)).is_err());
        let owner = finality_owner(charlie);
        for _ in 0..EPOCH_SLOTS {
            block(vec![]);
        }
        assert_eq!(Session::current_index(), 1);
        assert_ok!(report(double_vote(charlie, 0, 1), owner.clone()));
        assert!(report(double_vote(charlie, 0, 2), owner).is_err(), "once");
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
