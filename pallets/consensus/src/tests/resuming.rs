use based_primitives::{
    traits::{Epochs, SweepBrain},
    EpochScores, Uid,
};
use frame_support::weights::Weight;

use crate::{
    mock::*, Credits, LastEpoch, MinWeights, Performance, Published, Resting, RestingState, Rows, Standings,
    Validators, WeightInfo,
};

/// Nine validators of equal stake, thirty miners, rows that overlap.
fn brain() -> u32 {
    for uid in 0..9 {
        add_validator(uid, 10);
    }
    for uid in 9..39 {
        add_miner(uid, 0);
    }
    let rows: Vec<Vec<(Uid, u16)>> = (0..9u16)
        .map(|own| {
            (9..39)
                .filter(|uid| (uid + own) % 3 > 0)
                .map(|uid| (uid, uid * (own + 1)))
                .collect()
        })
        .collect();
    let rows: Vec<(Uid, &[(Uid, u16)])> = (0..).zip(rows.iter().map(Vec::as_slice)).collect();
    set_weights(1, &rows);
    start(2 + DELAY)
}

/// Weight of the longest step, and what is set aside besides.
fn step() -> Weight {
    <() as WeightInfo>::epoch_bonds(2_048, 64)
        .saturating_add(<() as WeightInfo>::epoch_pass(2_048))
        .saturating_add(fixed())
}

/// Weight of looking, taking up an epoch and putting it away again.
fn fixed() -> Weight {
    <() as WeightInfo>::epoch_look()
        .saturating_add(<() as WeightInfo>::epoch_resume())
        .saturating_add(<() as WeightInfo>::epoch_rest())
}

type State = (
    Vec<crate::PeerScore>,
    Vec<(Uid, u64)>,
    Vec<based_primitives::math::WeightRow>,
);

fn state() -> State {
    (
        LastEpoch::<Test>::get(BRAIN).unwrap().peers.into_inner(),
        Credits::<Test>::get(BRAIN).into_inner(),
        (0..9).map(|uid| Rows::<Test>::get(BRAIN, uid).unwrap()).collect(),
    )
}

fn at_once() -> (EpochScores<u64>, State) {
    let mut found = None;
    build_and_execute(|| {
        let due = brain();
        found = Some((epoch_of(BRAIN, due), state()));
    });
    found.unwrap()
}

#[test]
fn an_epoch_in_parts_ends_as_one_at_once() {
    let expected = at_once();
    build_and_execute(|| {
        let due = brain();
        // Barely enough for the end, which costs more than beginning and more than any step.
        let step =
            <() as WeightInfo>::epoch_bonds(2_048, 64).saturating_add(<() as WeightInfo>::epoch_pass(39));
        let limit = <() as WeightInfo>::epoch_end(39, 0)
            .max(step)
            .saturating_add(fixed());
        let mut blocks = 0;
        let scores = loop {
            go_to(due + blocks);
            let advance = Consensus::advance(BRAIN, due, limit);
            assert!(advance.weight.all_lte(limit), "{:?} of {limit:?}", advance.weight);
            Consensus::do_try_state().unwrap();
            blocks += 1;
            assert!(blocks < 100, "no progress");
            match advance.scores {
                Some(scores) => break scores,
                None => assert_eq!(Resting::<Test>::get(), Some(BRAIN)),
            }
        };
        assert!(blocks > 2, "{blocks} blocks");
        assert_eq!((scores, state()), expected);
        assert_eq!(LastEpoch::<Test>::get(BRAIN).unwrap().at, due);
        assert!(!RestingState::<Test>::exists());
        assert!(Standings::<Test>::contains_key(BRAIN, 0));
    });
}

#[test]
fn without_room_nothing_changes() {
    build_and_execute(|| {
        let due = brain();
        go_to(due);
        let advance = Consensus::advance(BRAIN, due, Weight::from_parts(1, 1));
        assert_eq!(advance.scores, None);
        assert!(!Resting::<Test>::exists() && !LastEpoch::<Test>::contains_key(BRAIN));
    });
}

#[test]
fn who_leaves_while_the_epoch_rests_is_not_paid_nor_is_a_successor() {
    build_and_execute(|| {
        let due = brain();
        go_to(due);
        assert_eq!(Consensus::advance(BRAIN, due, step()).scores, None);
        remove(3);
        remove(20);
        add_miner(20, due);
        go_to(due + 1);
        let scores = Consensus::advance(BRAIN, due, Weight::MAX).scores.unwrap();
        let paid: Vec<_> = scores
            .miners
            .iter()
            .chain(&scores.validators)
            .map(|(who, _)| *who)
            .collect();
        assert_eq!(paid.len(), 29 + 8);
        assert!(!paid.contains(&(VALIDATORS + 3)) && !paid.contains(&(MINERS + 20)));
        assert!(Credits::<Test>::get(BRAIN).iter().all(|(uid, _)| *uid != 3));
        assert!(!Rows::<Test>::contains_key(BRAIN, 3));
    });
}

#[test]
fn a_closed_brain_leaves_nothing_not_even_the_epoch_that_rests() {
    build_and_execute(|| {
        let due = brain();
        epoch_of(BRAIN, due);
        MinWeights::<Test>::insert(BRAIN, 4);
        go_to(due + CYCLE);
        assert_eq!(Consensus::advance(BRAIN, due + CYCLE, step()).scores, None);
        assert_eq!(Resting::<Test>::get(), Some(BRAIN));
        (0..39).for_each(remove);
        let most = <() as WeightInfo>::sweep();
        let less = most.saturating_sub(Weight::from_parts(1, 0));
        assert_eq!(Consensus::sweep(BRAIN, less), (Weight::zero(), false));
        assert_eq!(Consensus::sweep(BRAIN, most), (most, true));
        assert!(!Resting::<Test>::exists() && !RestingState::<Test>::exists());
        let left = Validators::<Test>::iter_prefix(BRAIN).count()
            + Rows::<Test>::iter_prefix(BRAIN).count()
            + Standings::<Test>::iter_prefix(BRAIN).count()
            + Published::<Test>::iter_prefix(BRAIN).count();
        assert_eq!(left, 0);
        assert!(!LastEpoch::<Test>::contains_key(BRAIN) && !Performance::<Test>::contains_key(BRAIN));
        assert!(!Credits::<Test>::contains_key(BRAIN) && !MinWeights::<Test>::contains_key(BRAIN));
    });
}

#[test]
fn a_sweep_leaves_other_brains_alone() {
    build_and_execute(|| {
        let due = brain();
        go_to(due);
        assert_eq!(Consensus::advance(BRAIN, due, step()).scores, None);
        Consensus::sweep(OTHER, Weight::MAX);
        assert_eq!(Resting::<Test>::get(), Some(BRAIN));
        go_to(due + 1);
        let scores = Consensus::advance(BRAIN, due, Weight::MAX).scores.unwrap();
        assert_eq!(scores.miners.len(), 30);
        Consensus::sweep(OTHER, Weight::MAX);
        assert!(LastEpoch::<Test>::contains_key(BRAIN));
    });
}
