//! C.9-2 and C.9-3 over random histories; `PROPTEST_CASES` sets their number.

use based_primitives::{
    constants::{BASED, PPB},
    math::total_reward,
    Balance, BrainId,
};
use proptest::{collection::vec, prelude::*};

use crate::{mock::*, Event};

/// Histories unless the environment asks for more: about ten thousand steps in all.
const CASES: u32 = 512;

#[derive(Clone, Debug)]
enum Step {
    Blocks(u64),
    Set(BrainId, Setting),
    Close(BrainId),
    Claim(u64),
}

fn ratio() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(PPB), 0..=PPB]
}

fn setting() -> impl Strategy<Value = Setting> {
    let stake = || prop_oneof![Just(0), 0..BASED * 100_000];
    let score = || prop_oneof![Just(0u128), any::<u64>().prop_map(u128::from)];
    let people = (
        stake(),
        vec(stake(), 0..4),
        vec(VALIDATORS..VALIDATORS + 4, 0..2),
        vec(score(), 0..5),
        vec(score(), 0..4),
    );
    let terms = (
        (ratio(), proptest::option::of(ratio())),
        any::<bool>(),
        ratio(),
        ratio(),
        ratio(),
    );
    (people, terms).prop_map(
        |(
            (directed, validators, refusing, miner_scores, validator_scores),
            ((performance, forecast), owner_earns, a, b, c),
        )| Setting {
            directed,
            validators,
            refusing,
            performance,
            forecast,
            owner_earns,
            commission: a,
            miner_share: b,
            redistribution: (c / 2, c / 3),
            miner_scores,
            validator_scores,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let brain = || prop_oneof![Just(BRAIN), Just(OTHER), 0u16..40];
    let account = prop_oneof![Just(OWNER), MINERS..MINERS + 4, VALIDATORS..VALIDATORS + 4];
    let step = prop_oneof![
        3 => (1u64..25).prop_map(Step::Blocks),
        3 => (brain(), setting()).prop_map(|(brain, setting)| Step::Set(brain, setting)),
        1 => brain().prop_map(Step::Close),
        2 => account.prop_map(Step::Claim),
    ];
    vec(step, 20..40)
}

fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn every_unit_minted_is_accounted_for(steps in steps(), beta in ratio()) {
        build_and_execute(|| {
            Beta::set(beta);
            let issued = Balances::total_issuance();
            for step in steps {
                match step {
                    Step::Blocks(count) => run_to(System::block_number() + count),
                    Step::Set(brain, setting) => set(brain, setting),
                    Step::Close(brain) => Brains::mutate(|brains| {
                        brains.remove(&brain);
                    }),
                    Step::Claim(account) => {
                        let _ = Emission::claim(RuntimeOrigin::signed(ANYONE), account);
                    },
                }
                Emission::do_try_state().unwrap();
                let minted = total_reward(System::block_number() as u32);
                assert_eq!(Balances::total_issuance(), issued + minted);
                assert_eq!(free(STAKERS) - DEPOSIT, Deposits::get().into_values().sum::<Balance>());
            }
            for record in System::events() {
                match record.event {
                    RuntimeEvent::Emission(Event::EpochPaid {
                        budget, miners, validators, owner, stakers, returned, ..
                    }) => assert_eq!(budget, miners + validators + owner + stakers + returned),
                    RuntimeEvent::Emission(Event::EpochFailed { .. }) => panic!("a budget was not divided"),
                    _ => {},
                }
            }
        });
    }
}
