use based_primitives::{
    constants::{BASED, MIN_STAKE},
    traits::{StakeInspect, SweepBrain},
    Balance, BrainId,
};
use proptest::prelude::*;

use crate::{mock::*, Pools, Positions, Target, Unstaking, WeightInfo};

const STAKERS: [u64; 5] = [ALICE, BOB, CAROL, VALIDATOR, VALIDATOR2];
const TARGETS: [(BrainId, Option<u64>); 5] = [
    (BRAIN, None),
    (BRAIN, Some(VALIDATOR)),
    (BRAIN, Some(VALIDATOR2)),
    (OTHER, None),
    (OTHER, Some(VALIDATOR)),
];

#[derive(Clone, Debug)]
enum Step {
    Stake {
        who: u64,
        target: usize,
        amount: Balance,
    },
    Unstake {
        who: u64,
        target: usize,
        amount: Balance,
    },
    UnstakeAll {
        who: u64,
        target: usize,
    },
    Withdraw {
        who: u64,
    },
    Claim {
        who: u64,
        target: usize,
    },
    Reward {
        target: usize,
        amount: Balance,
    },
    SetTake {
        who: u64,
        brain: BrainId,
        ppb: u64,
    },
    Advance {
        blocks: u32,
    },
    Leave {
        brain: BrainId,
        who: u64,
    },
    Sweep {
        brain: BrainId,
        positions: u64,
    },
}

fn amount() -> impl Strategy<Value = Balance> {
    prop_oneof![
        0..3 * MIN_STAKE,
        MIN_STAKE..2_000 * BASED,
        Just(MIN_STAKE),
        Just(997 * BASED + 1),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let who = || proptest::sample::select(&STAKERS[..]);
    let target = || 0..TARGETS.len();
    prop_oneof![
        6 => (who(), target(), amount()).prop_map(|(who, target, amount)| Step::Stake { who, target, amount }),
        4 => (who(), target(), amount()).prop_map(|(who, target, amount)| Step::Unstake { who, target, amount }),
        2 => (who(), target()).prop_map(|(who, target)| Step::UnstakeAll { who, target }),
        2 => who().prop_map(|who| Step::Withdraw { who }),
        4 => (who(), target()).prop_map(|(who, target)| Step::Claim { who, target }),
        6 => (target(), prop_oneof![0u128..100, 1..20_000 * BASED])
            .prop_map(|(target, amount)| Step::Reward { target, amount }),
        1 => (who(), prop_oneof![Just(BRAIN), Just(OTHER)], 0..200_000_000u64)
            .prop_map(|(who, brain, ppb)| Step::SetTake { who, brain, ppb }),
        2 => (1..30u32).prop_map(|blocks| Step::Advance { blocks }),
        1 => Just(Step::Leave { brain: BRAIN, who: VALIDATOR2 }),
        1 => (prop_oneof![Just(BRAIN), Just(OTHER)], 0..5u64)
            .prop_map(|(brain, positions)| Step::Sweep { brain, positions }),
    ]
}

fn position(who: u64, target: usize) -> Option<Balance> {
    let (brain, validator) = TARGETS[target];
    Positions::<Test>::get(who, Target { brain, validator }).map(|position| position.amount)
}

/// What a call may change; calls that fail must change nothing.
fn apply(step: &Step) -> Balance {
    let root = || sp_io::storage::root(sp_runtime::StateVersion::V1);
    let before = root();
    let (outcome, rewarded) = match *step {
        Step::Stake { who, target, amount } => {
            let (brain, validator) = TARGETS[target];
            (stake(who, brain, validator, amount), 0)
        }
        Step::Unstake { who, target, amount } => {
            let (brain, validator) = TARGETS[target];
            (unstake(who, brain, validator, amount), 0)
        }
        Step::UnstakeAll { who, target } => {
            let (brain, validator) = TARGETS[target];
            let Some(all) = position(who, target).filter(|all| *all > 0) else {
                return 0;
            };
            let outcome = unstake(who, brain, validator, all);
            assert_eq!(outcome, Ok(()), "all of a position can always be unstaked");
            (outcome, 0)
        }
        Step::Withdraw { who } => (Staking::withdraw(RuntimeOrigin::signed(who)), 0),
        Step::Claim { who, target } => {
            let (brain, validator) = TARGETS[target];
            (claim(who, brain, validator), 0)
        }
        Step::Reward { target, amount } => {
            let (brain, validator) = TARGETS[target];
            let accepted = reward(brain, validator, amount);
            let staked = STAKERS
                .iter()
                .any(|who| position(*who, target).is_some_and(|stake| stake > 0));
            assert_eq!(
                accepted,
                if staked { amount } else { 0 },
                "all is accepted, or nothing"
            );
            (Ok(()), accepted)
        }
        Step::SetTake { who, brain, ppb } => (Staking::set_take(RuntimeOrigin::signed(who), brain, ppb), 0),
        Step::Advance { blocks } => {
            go_to(System::block_number() as u32 + blocks);
            (Ok(()), 0)
        }
        Step::Leave { brain, who } => {
            remove_peer(brain, who);
            (Ok(()), 0)
        }
        Step::Sweep { brain, positions } => {
            let limit = <() as WeightInfo>::sweep().saturating_mul(positions);
            let (used, _) = Staking::sweep(brain, limit);
            assert!(used.all_lte(limit));
            (Ok(()), 0)
        }
    };
    if outcome.is_err() {
        assert_eq!(root(), before, "a call that fails changes nothing");
    }
    rewarded
}

/// Funds that stakers hold, free or not, and can claim.
fn wealth() -> Balance {
    STAKERS
        .iter()
        .map(|who| free(*who) + held(*who) + Staking::claimable(who))
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any sequence of calls: stake by Brain, by staker and held agree (C.9-4); accrued + residual +
    /// claimed = credited; nothing is created or lost; in the end everyone gets everything back.
    #[test]
    fn stake_and_rewards_are_conserved(steps in proptest::collection::vec(step(), 1..80)) {
        build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let start = wealth();
            let mut rewarded = 0;
            for step in &steps {
                rewarded += apply(step);
                if let Err(broken) = Staking::do_try_state() {
                    panic!("{broken:?} after {step:?}");
                }
            }
            let dust = start + rewarded - wealth();
            // Each position may wait for a part of a unit, each pool for what did not divide.
            let slack = (STAKERS.len() * TARGETS.len() * (steps.len() + 1)) as u128 + TARGETS.len() as u128;
            assert!(dust <= slack + (rewarded >> 40), "{dust} of {rewarded} cannot be claimed");

            for who in STAKERS {
                for target in 0..TARGETS.len() {
                    apply(&Step::UnstakeAll { who, target });
                    apply(&Step::Claim { who, target });
                }
            }
            go_to(System::block_number() as u32 + CYCLE);
            for who in STAKERS {
                apply(&Step::Withdraw { who });
                assert_eq!(held(who), 0);
                assert_eq!(Staking::claimable(&who), 0);
            }
            assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 0);
            assert_eq!(Positions::<Test>::iter().count() + Unstaking::<Test>::iter().count(), 0);
            let left: Balance = Pools::<Test>::iter_values().map(|pool| pool.credited - pool.claimed).sum();
            assert_eq!(wealth() + left, start + rewarded, "to the last unit");
            assert_eq!(free(Staking::reward_account()), DEPOSIT + left);
            assert_eq!(Balances::total_issuance(), issuance);
        });
    }

    /// Splitting a stake over two accounts neither gains nor loses more than a unit per reward.
    #[test]
    fn splitting_a_stake_does_not_pay(
        part in MIN_STAKE..99 * BASED,
        rest in MIN_STAKE..99 * BASED,
        rewards in proptest::collection::vec(1..1_000 * BASED, 1..10),
    ) {
        build_and_execute(|| {
            stake(ALICE, BRAIN, None, part).unwrap();
            stake(BOB, BRAIN, None, rest).unwrap();
            stake(CAROL, BRAIN, None, part + rest).unwrap();
            for amount in rewards {
                reward(BRAIN, None, amount);
            }
            let split = Staking::claimable(&ALICE) + Staking::claimable(&BOB);
            let whole = Staking::claimable(&CAROL);
            assert!(whole - split <= 1, "{whole} in one position, {split} in two");
        });
    }
}

#[test]
fn the_invariants_notice_a_damaged_state() {
    build_and_execute(|| {
        stake(ALICE, BRAIN, Some(VALIDATOR), 8 * BASED).unwrap();
        stake(ALICE, BRAIN, None, 8 * BASED).unwrap();
        reward(BRAIN, Some(VALIDATOR), BASED);
        unstake(ALICE, BRAIN, None, BASED).unwrap();
        let directed = || Target {
            brain: BRAIN,
            validator: Some(VALIDATOR),
        };
        let change_pool = |change: fn(&mut crate::Pool)| {
            Pools::<Test>::mutate(directed(), |pool| change(pool.as_mut().unwrap()));
        };
        let damages: [&dyn Fn(); 9] = [
            &|| change_pool(|pool| pool.staked += 1),
            &|| change_pool(|pool| pool.positions += 1),
            &|| change_pool(|pool| pool.rewards.residual_q64 += 1),
            &|| change_pool(|pool| pool.credited += 1),
            &|| change_pool(|pool| pool.claimed += 1),
            &|| crate::TotalStake::<Test>::mutate(|total| *total += 1),
            &|| crate::BrainTotals::<Test>::mutate(BRAIN, |total| *total += 1),
            &|| Unstaking::<Test>::remove(ALICE),
            &|| crate::Commissions::<Test>::mutate(VALIDATOR, BRAIN, |take| *take += 1),
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let noticed = frame_support::storage::with_transaction(|| {
                damage();
                let outcome = Ok::<_, sp_runtime::DispatchError>(Staking::do_try_state().is_err());
                frame_support::storage::TransactionOutcome::Rollback(outcome)
            });
            assert_eq!(noticed, Ok(true), "damage {index}");
        }
    });
}
