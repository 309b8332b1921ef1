use based_primitives::{Balance, BlockNumber, BrainId, BrainKind};
use frame_support::{
    dispatch::DispatchResultWithPostInfo,
    traits::fungible::{Inspect, InspectHold},
};
use frame_system::RawOrigin;
use proptest::prelude::*;
use sp_runtime::traits::Dispatchable;

use crate::{mock::*, AuditStatus, Call, HoldReason, PepecoinTotals};

const PEOPLE: [u64; 4] = [ALICE, BOB, LABS, POOR];
/// One administrative Brain, one reserved, two of genesis, two free numbers and one that cannot be.
const NUMBERS: [BrainId; 7] = [2, 47, BURNED, STAKED, 9, 10, 1_024];
const LABELS: [&[u8]; 4] = [b"one", b"two", b"a.eth", b"-"];

#[derive(Clone, Debug)]
enum Step {
    Call { origin: Option<u64>, call: Call<Test> },
    Advance { blocks: BlockNumber },
    Idle,
}

fn brain() -> impl Strategy<Value = BrainId> {
    proptest::sample::select(&NUMBERS[..])
}

fn person() -> impl Strategy<Value = u64> {
    proptest::sample::select(&PEOPLE[..])
}

fn kind() -> impl Strategy<Value = BrainKind> {
    prop_oneof![
        4 => Just(BrainKind::Burned),
        4 => Just(BrainKind::Staked),
        1 => Just(BrainKind::Administrative),
    ]
}

fn label() -> impl Strategy<Value = Option<based_primitives::Domain>> {
    proptest::option::of(
        proptest::sample::select(&LABELS[..]).prop_map(|name| name.to_vec().try_into().unwrap()),
    )
}

fn purchase() -> impl Strategy<Value = Call<Test>> {
    let number = proptest::option::of(brain());
    let limit = prop_oneof![4 => Just(Balance::MAX), 1 => Just(0)];
    (number, kind(), limit).prop_map(|(brain, kind, max_price)| Call::acquire {
        brain,
        kind,
        max_price,
    })
}

/// Calls of owners, by anyone and on any number.
fn owners() -> impl Strategy<Value = Call<Test>> {
    prop_oneof![
        6 => brain().prop_map(|brain| Call::deactivate { brain }),
        4 => (brain(), person()).prop_map(|(brain, to)| Call::transfer { brain, to }),
        4 => (brain(), label(), label()).prop_map(|(brain, bns, ens)| Call::set_domains { brain, bns, ens }),
        2 => (brain(), proptest::option::of(0..3u16))
            .prop_map(|(brain, template)| Call::set_template { brain, template }),
        2 => (brain(), any::<bool>()).prop_map(|(brain, restricted)| Call::set_admission { brain, restricted }),
        4 => (brain(), person(), any::<bool>())
            .prop_map(|(brain, account, allowed)| Call::set_allowed { brain, account, allowed }),
        2 => (brain(), 0..3u8).prop_map(|(brain, seed)| Call::set_task { brain, task: task(seed) }),
    ]
}

/// Calls of the bridge and of governance.
fn authorities() -> impl Strategy<Value = Step> {
    let bridge = |call| Step::Call {
        origin: Some(BRIDGE),
        call,
    };
    let root = |call| Step::Call { origin: None, call };
    prop_oneof![
        (proptest::option::of(brain()), person(), kind())
            .prop_map(move |(brain, owner, kind)| bridge(Call::issue { brain, owner, kind })),
        (proptest::option::of(brain()), person(), kind())
            .prop_map(move |(brain, owner, kind)| root(Call::issue { brain, owner, kind })),
        (brain(), person()).prop_map(move |(brain, owner)| bridge(Call::reassign { brain, owner })),
        brain().prop_map(move |brain| bridge(Call::close { brain })),
        (brain(), 1..3u8).prop_map(move |(brain, seed)| root(Call::record_audit {
            brain,
            task: Brains::task_hash(&task(seed)),
            status: AuditStatus::Passed,
        })),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let signed = |(who, call)| Step::Call {
        origin: Some(who),
        call,
    };
    prop_oneof![
        4 => (person(), purchase()).prop_map(signed),
        10 => (person(), owners()).prop_map(signed),
        4 => authorities(),
        2 => (1..2 * VESTING).prop_map(|blocks| Step::Advance { blocks }),
        1 => Just(Step::Idle),
    ]
}

fn dispatch(origin: Option<u64>, call: Call<Test>) -> DispatchResultWithPostInfo {
    let origin = origin.map_or(RawOrigin::Root, RawOrigin::Signed);
    RuntimeCall::Brains(call).dispatch(origin.into())
}

/// Calls that fail must change nothing.
fn apply(step: Step) {
    match step {
        Step::Call { origin, call } => {
            let root = || sp_io::storage::root(sp_runtime::StateVersion::V1);
            let before = root();
            if dispatch(origin, call.clone()).is_err() {
                assert_eq!(root(), before, "{call:?} failed and left something behind");
            }
        }
        Step::Advance { blocks } => System::set_block_number(System::block_number() + u64::from(blocks)),
        Step::Idle => {
            idle();
        }
    }
}

/// All Pepecoin is somewhere: burnt, with people, or in the pallet's care for the stakes; and no $BASED goes away.
fn check() {
    let totals = PepecoinTotals::<Test>::get();
    assert_eq!(Pepecoin::total_issuance() + totals.burned, 2 * WEALTH);
    let with_people: Balance = PEOPLE.iter().map(Pepecoin::balance).sum();
    assert_eq!(
        with_people + totals.staked,
        Pepecoin::total_issuance(),
        "stakes lie in the pallet's account"
    );
    assert_eq!(Pepecoin::balance(&Brains::account_id()), totals.staked);
    let deposits: Balance = crate::Deposits::<Test>::iter_values().sum();
    let held: Balance = PEOPLE
        .iter()
        .map(|who| Balances::balance_on_hold(&HoldReason::Deposit.into(), who))
        .sum();
    assert_eq!(deposits, held, "every deposit is held, and nothing else");
    Brains::do_try_state().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pepecoin_and_deposits_are_conserved_over_any_calls(
        steps in proptest::collection::vec(step(), 40..100),
    ) {
        build_and_execute(|| {
            dispatch(None, Call::set_bridge { account: Some(BRIDGE) }).unwrap();
            for step in steps {
                apply(step);
                check();
            }
        });
    }
}
