//! C.8 and C.9-4 over random histories, slashes included.
//!
//! `PROPTEST_CASES` sets the number of histories, of up to 240 steps each.

use based_primitives::{
    constants::{BASED, MIN_STAKE, PPB},
    traits::{ProducerStake, StakeInspect, SweepBrain},
    Balance, BrainId,
};
use proptest::prelude::*;

use crate::{mock::*, LeavingStake, Leavings, Pools, Positions, Target, Unstaking, WeightInfo};

/// Histories unless the environment asks for more: over ten thousand steps in all.
const CASES: u32 = 64;

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
    Expose {
        who: u64,
    },
    Slash {
        who: u64,
        part: u64,
        ago: u32,
    },
    Settle {
        who: u64,
        target: usize,
    },
    WithdrawLeaving {
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
    let validator = || prop_oneof![Just(VALIDATOR), Just(VALIDATOR2)];
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
        1 => validator().prop_map(|who| Step::Expose { who }),
        1 => (validator(), prop_oneof![Just(0), Just(PPB), 0..=PPB], 0..2 * WINDOW)
            .prop_map(|(who, part, ago)| Step::Slash { who, part, ago }),
        2 => (who(), target()).prop_map(|(who, target)| Step::Settle { who, target }),
        3 => who().prop_map(|who| Step::WithdrawLeaving { who }),
        1 => (prop_oneof![Just(BRAIN), Just(OTHER)], 0..5u64)
            .prop_map(|(brain, positions)| Step::Sweep { brain, positions }),
    ]
}

fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(CASES)
}

/// Stake of a position, less its part of a slash.
fn position(who: u64, target: usize) -> Option<Balance> {
    let (brain, validator) = TARGETS[target];
    let target = Target { brain, validator };
    let mut position = Positions::<Test>::get(who, &target)?;
    position.settle(&mut Pools::<Test>::get(&target)?)?;
    Some(position.amount)
}

/// What left a validator and is free by now: validator and cycle.
fn free_leaving(who: u64) -> Option<(u64, u32)> {
    let now = System::block_number() as u32;
    LeavingStake::<Test>::iter_prefix(who)
        .find(|(_, funds)| funds.until <= now)
        .map(|(key, _)| key)
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
            let staked = Pools::<Test>::get(Target { brain, validator }).is_some_and(|pool| pool.staked > 0);
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
        Step::Expose { who } => {
            expose(who);
            (Ok(()), 0)
        }
        Step::Slash { who, part, ago } => {
            slash(who, part, (System::block_number() as u32).saturating_sub(ago));
            (Ok(()), 0)
        }
        Step::Settle { who, target } => {
            let (brain, Some(validator)) = TARGETS[target] else {
                return 0;
            };
            let origin = RuntimeOrigin::signed(MINER);
            (Staking::settle_slash(origin, who, brain, validator), 0)
        }
        Step::WithdrawLeaving { who } => {
            let Some((validator, cycle)) = free_leaving(who) else {
                return 0;
            };
            let outcome = Staking::withdraw_leaving(RuntimeOrigin::signed(who), validator, cycle);
            assert_eq!(outcome, Ok(()), "what is free can be withdrawn");
            (outcome, 0)
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

/// Slashes and checks that what counts as stake falls by no more than what stakers will pay.
fn slash(who: u64, part: u64, since: u32) {
    let total = || <Staking as StakeInspect<u64>>::total_stake();
    let before = total();
    let slashed = <Staking as ProducerStake<u64>>::slash(&who, part, since);
    assert!(before - total() <= slashed, "the rest is of what left");
}

/// Funds that stakers hold, free or not, and can claim, and what slashes brought.
fn wealth() -> Balance {
    let own = STAKERS
        .iter()
        .map(|who| free(*who) + held(*who) + Staking::claimable(who));
    own.chain([free(TREASURY)]).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Over any sequence of calls: stake by Brain, by staker and held agree (C.9-4); accrued + residual +
    /// claimed = credited; nothing is created or lost; in the end everyone gets everything back but slashes.
    #[test]
    fn stake_and_rewards_are_conserved(steps in proptest::collection::vec(step(), 160..240)) {
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
                    apply(&Step::Settle { who, target });
                    apply(&Step::UnstakeAll { who, target });
                    apply(&Step::Claim { who, target });
                }
            }
            go_to(System::block_number() as u32 + CYCLE + WINDOW);
            for who in STAKERS {
                apply(&Step::Withdraw { who });
                while free_leaving(who).is_some() {
                    apply(&Step::WithdrawLeaving { who });
                }
                assert_eq!(held(who), 0);
                assert_eq!(Staking::claimable(&who), 0);
            }
            assert_eq!(<Staking as StakeInspect<u64>>::total_stake(), 0);
            assert_eq!(Positions::<Test>::iter().count() + Unstaking::<Test>::iter().count(), 0);
            assert_eq!(Leavings::<Test>::iter().count() + LeavingStake::<Test>::iter().count(), 0);
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
        let damages: [&dyn Fn(); 11] = [
            &|| crate::Backing::<Test>::mutate(VALIDATOR, |total| *total += 1),
            &|| crate::BackedBrains::<Test>::remove(VALIDATOR, BRAIN),
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
