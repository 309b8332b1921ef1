//! Stake in the whole runtime: which Brains take it, and what it earns.

use based_primitives::{
    constants::{ADMIN_BRAINS, BASED, CYCLE_BLOCKS, INITIAL_BLOCK_REWARD, RESERVED_BRAINS, REVEAL_DELAY},
    traits::{BrainInspect, RegistryInspect},
    weights_commitment, Balance, Role, Task,
};
use frame_support::{assert_noop, assert_ok};
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve};

use super::{act, block, chain, free, memorize, BRAIN};
use crate::{AccountId, Brains, Registry, Runtime, RuntimeEvent, RuntimeOrigin, Staking, System};

const SALT: [u8; 32] = [3; 32];

fn run_to(height: u32) {
    while System::block_number() < height {
        block(vec![]);
    }
}

fn stake(who: Sr25519Keyring, validator: Option<AccountId>, amount: Balance) {
    let stake = based_pallet_staking::Call::stake {
        brain: BRAIN,
        validator,
        amount,
    };
    act(who, stake);
}

#[test]
fn administrative_brains_take_stake_and_reserved_ones_do_not() {
    chain("development").execute_with(|| {
        block(vec![]);
        for brain in ADMIN_BRAINS {
            let bob = RuntimeOrigin::signed(Bob.to_account_id());
            if RESERVED_BRAINS.contains(&brain) {
                assert_noop!(
                    Staking::stake(bob, brain, None, BASED),
                    based_pallet_staking::Error::<Runtime>::BrainNotOpen
                );
            } else {
                assert_ok!(Staking::stake(bob, brain, None, BASED));
            }
        }
    });
}

/// Bob commits himself to the one miner there is, and says so once he may.
fn weigh(miner: &AccountId) {
    // The cycle of commitments begins with the Brain's epoch.
    run_to(u32::from(BRAIN));
    let miner = <Registry as RegistryInspect<AccountId>>::uid(BRAIN, miner).unwrap();
    let row = vec![(miner, u16::MAX)];
    let genesis = System::block_hash(0);
    let hash = weights_commitment(&genesis, BRAIN, &Bob.to_account_id(), &row, &SALT);
    act(
        Bob,
        based_pallet_consensus::Call::commit_weights { brain: BRAIN, hash },
    );
    run_to(REVEAL_DELAY * CYCLE_BLOCKS + 100);
    let reveal = based_pallet_consensus::Call::reveal_weights {
        brain: BRAIN,
        row: row.try_into().unwrap(),
        salt: SALT,
    };
    act(Bob, reveal);
}

/// The chain reads neither a task's manifest nor its code, so peers of any task earn alike (R006).
#[test]
fn a_task_that_is_no_language_model_is_worked_and_paid() {
    chain("development").execute_with(|| {
        block(vec![]);
        let repository = b"https://example.org/weather-of-tomorrow.git".to_vec();
        let task = Task {
            zk: false,
            ..Task::new(H256::repeat_byte(6), repository.try_into().unwrap(), [6; 20])
        };
        let set = based_pallet_brains::Call::set_task {
            brain: BRAIN,
            task: task.clone(),
        };
        act(Alice, set);
        act(Bob, memorize(Role::Validator, 5));
        act(Charlie, memorize(Role::Miner, 6));
        stake(Bob, Some(Bob.to_account_id()), 1_500 * BASED);
        let charlie = Charlie.to_account_id();
        weigh(&charlie);
        assert_eq!(<Brains as BrainInspect<AccountId>>::task(BRAIN), Some(task));
        run_to((REVEAL_DELAY + 2) * CYCLE_BLOCKS + u32::from(BRAIN));
        let earned = based_pallet_emission::Pending::<Runtime>::get(&charlie);
        assert!(earned > 0);
        let before = free(&charlie);
        let account = charlie.clone();
        act(Bob, based_pallet_emission::Call::claim { account });
        assert_eq!(free(&charlie) - before, earned);
    });
}

/// Blocks mint, weights decide, and what was minted is where it belongs, to the last unit (R134).
#[test]
fn rewards_go_from_blocks_to_miners_validators_owners_and_stakers() {
    chain("development").execute_with(|| {
        let [alice, bob, charlie, dave, eve] =
            [Alice, Bob, Charlie, Dave, Eve].map(|key| key.to_account_id());
        block(vec![]);
        act(Bob, memorize(Role::Validator, 5));
        act(Charlie, memorize(Role::Miner, 6));
        stake(Bob, Some(bob.clone()), 1_000 * BASED);
        stake(Dave, Some(bob.clone()), 500 * BASED);
        stake(Eve, None, 500 * BASED);
        weigh(&charlie);

        // The epoch after the reveal makes the Brain perform; the pot of that cycle is its alone.
        let last = (REVEAL_DELAY + 2) * CYCLE_BLOCKS - 1;
        run_to(last);
        let pot = Balance::from(last) * INITIAL_BLOCK_REWARD;
        run_to(last + 1 + u32::from(BRAIN));
        let paid = System::events()
            .into_iter()
            .find_map(|record| match record.event {
                RuntimeEvent::Emission(based_pallet_emission::Event::EpochPaid {
                    budget,
                    miners,
                    validators,
                    owner,
                    stakers,
                    returned,
                    ..
                }) => Some([budget, miners, validators, owner, stakers, returned]),
                _ => None,
            });
        // A quarter is divided over 1,500 staked to Bob and 500 to the Brain, whose owner keeps half.
        let slice = pot / 4;
        let (nodes, owner) = (3 * pot / 8, slice / 8);
        let stakers = slice - owner;
        assert_eq!(paid, Some([pot, nodes, nodes, owner, stakers, 0]));
        let pending = based_pallet_emission::Pending::<Runtime>::get;
        assert_eq!(
            [pending(charlie), pending(bob.clone()), pending(alice)],
            [nodes, nodes, owner]
        );
        // Of his pool Bob takes 18%, and the rest goes by stake, one third of it to Dave.
        let pool = 3 * slice / 4;
        let take = pool * 18 / 100;
        let claimable = [bob, dave, eve].map(|who| Staking::claimable(&who));
        let expected = [take + (pool - take) * 2 / 3, (pool - take) / 3, slice / 8];
        // Less than a unit for each 2^64 of a pool's stake waits for the next reward.
        let waiting = (1_500 * BASED >> 64) + 1;
        for (got, expected) in claimable.into_iter().zip(expected) {
            assert!(expected.abs_diff(got) <= waiting, "{got}, not {expected}");
        }
    });
}
