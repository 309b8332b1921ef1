use based_primitives::{
    constants::{BASED, PPB},
    Balance,
};

use crate::{mock::*, Carry, Pending};

const BUDGET: Balance = 190 * BASED;
const NODES: Balance = BUDGET / 4 * 3;
const SLICE: Balance = BUDGET / 4;

fn pay(setting: Setting) -> [Balance; 6] {
    set(BRAIN, setting);
    run_to_pay();
    let parts = division();
    assert_eq!(parts[0], BUDGET);
    assert_eq!(
        parts[1..].iter().sum::<Balance>(),
        BUDGET,
        "the parts of {parts:?}"
    );
    parts
}

fn pending(account: u64) -> Balance {
    Pending::<Test>::get(account)
}

fn deposit(validator: Option<u64>) -> Balance {
    Deposits::get().get(&(BRAIN, validator)).copied().unwrap_or(0)
}

/// Stake 20 directed to the Brain, 20 and 60 to validators; everybody scores.
fn busy() -> Setting {
    Setting {
        directed: 20 * BASED,
        validators: vec![20 * BASED, 60 * BASED],
        miner_scores: vec![1, 0, 3],
        validator_scores: vec![1, 1],
        ..Default::default()
    }
}

#[test]
fn three_quarters_go_to_nodes_by_role_and_score() {
    build_and_execute(|| {
        let [_, miners, validators, ..] = pay(Setting {
            miner_share: PPB / 5,
            ..busy()
        });
        assert_eq!((miners, validators), (NODES / 5, NODES / 5 * 4));
        assert_eq!(pending(MINERS), NODES / 20);
        assert_eq!(pending(MINERS + 1), 0);
        assert_eq!(pending(MINERS + 2), NODES / 20 * 3);
        assert_eq!(
            (pending(VALIDATORS), pending(VALIDATORS + 1)),
            (NODES / 5 * 2, NODES / 5 * 2)
        );
    });
}

#[test]
fn the_slice_follows_the_direction_of_stake() {
    build_and_execute(|| {
        let [_, _, _, owner, stakers, returned] = pay(Setting {
            commission: PPB / 4,
            ..busy()
        });
        // A fifth was directed to the Brain: a quarter of it is the owner's commission.
        assert_eq!(owner, SLICE / 5 / 4);
        assert_eq!(pending(OWNER), owner);
        assert_eq!(deposit(None), SLICE / 5 / 4 * 3);
        assert_eq!(deposit(Some(VALIDATORS)), SLICE / 5);
        assert_eq!(deposit(Some(VALIDATORS + 1)), SLICE / 5 * 3);
        assert_eq!(stakers, SLICE - owner);
        assert_eq!(free(STAKERS), DEPOSIT + stakers);
        assert_eq!(returned, 0);
    });
}

#[test]
fn without_stake_at_the_brain_itself_the_owner_has_no_part() {
    build_and_execute(|| {
        let [.., owner, stakers, _] = pay(Setting {
            directed: 0,
            ..busy()
        });
        assert_eq!((owner, stakers), (0, SLICE));
    });
}

#[test]
fn stake_of_validators_that_left_counts_for_nobody_and_the_owner_gets_the_rest() {
    build_and_execute(|| {
        set(BRAIN, busy());
        run_to_split();
        // Everything is unstaked before the budget is divided.
        set(
            BRAIN,
            Setting {
                directed: 0,
                validators: vec![0, 0],
                ..busy()
            },
        );
        run_to_pay();
        let [.., owner, stakers, returned] = division();
        assert_eq!((owner, stakers, returned), (SLICE, 0, 0));
    });
}

#[test]
fn what_stakers_do_not_take_returns_to_the_pot() {
    build_and_execute(|| {
        let [.., stakers, returned] = pay(Setting {
            refusing: vec![VALIDATORS + 1],
            ..busy()
        });
        assert_eq!(returned, SLICE / 5 * 3);
        assert_eq!(stakers, SLICE / 5 + SLICE / 10);
        // 80 more were minted since the pot was divided.
        assert_eq!(Carry::<Test>::get(), 80 * BASED + returned);
    });
}

/// B.11: only the owner's part of a staked Brain waits.
#[test]
fn the_part_of_an_owner_that_does_not_earn_yet_returns_to_the_pot() {
    build_and_execute(|| {
        let redistribution = (PPB / 2, PPB / 2);
        let [_, miners, validators, owner, stakers, returned] = pay(Setting {
            owner_earns: false,
            redistribution,
            ..busy()
        });
        assert_eq!((owner, returned), (0, SLICE / 10));
        assert_eq!((miners + validators, stakers), (NODES, SLICE / 10 * 9));
        assert_eq!(pending(OWNER), 0);
    });
}

/// B.33.
#[test]
fn pools_without_scores_return_to_the_pot() {
    build_and_execute(|| {
        let unscored = Setting {
            miner_scores: vec![],
            validator_scores: vec![0, 0],
            ..busy()
        };
        let [_, miners, validators, _, stakers, returned] = pay(unscored);
        assert_eq!((miners, validators, returned), (0, 0, NODES));
        assert!(stakers > 0);
    });
}

#[test]
fn one_pool_without_scores_leaves_the_other_alone() {
    build_and_execute(|| {
        let [_, miners, validators, .., returned] = pay(Setting {
            miner_scores: vec![],
            ..busy()
        });
        assert_eq!((miners, validators, returned), (0, NODES / 2, NODES / 2));
    });
}

/// R097.
#[test]
fn an_owner_passes_income_on_to_pools() {
    build_and_execute(|| {
        let income = SLICE / 10;
        let redistribution = (PPB / 2, PPB / 4);
        let [_, miners, validators, owner, stakers, _] = pay(Setting {
            redistribution,
            ..busy()
        });
        assert_eq!(miners, NODES / 2 + income / 2);
        assert_eq!(validators, NODES / 2 + income / 4);
        assert_eq!(owner, income / 4);
        assert_eq!(stakers, SLICE - income);
    });
}

#[test]
fn income_passed_on_to_a_pool_that_pays_nobody_stays_with_the_owner() {
    build_and_execute(|| {
        let setting = Setting {
            redistribution: (PPB, 0),
            miner_scores: vec![0],
            ..busy()
        };
        let [_, miners, _, owner, _, returned] = pay(setting);
        assert_eq!((miners, owner, returned), (0, SLICE / 10, NODES / 2));
    });
}

#[test]
fn a_budget_that_cannot_be_divided_returns_whole() {
    build_and_execute(|| {
        set(BRAIN, busy());
        run_to_split();
        // The sum of what this miner can claim would leave its range.
        Pending::<Test>::insert(MINERS, Balance::MAX);
        run_to_pay();
        Pending::<Test>::remove(MINERS);
        System::assert_has_event(
            crate::Event::EpochFailed {
                brain: BRAIN,
                budget: BUDGET,
            }
            .into(),
        );
        assert_eq!(Carry::<Test>::get(), BUDGET + 80 * BASED);
        assert_eq!(free(STAKERS), DEPOSIT);
        // The mock of staking keeps no storage to roll back.
        assert_eq!(pending(OWNER), 0);
    });
}
