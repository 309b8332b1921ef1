//! Properties for any input (C.9).

use proptest::prelude::*;

use super::*;

fn inputs() -> impl Strategy<Value = Brain> {
    let rows = proptest::collection::vec(proptest::collection::vec(0u16..50, 12), 1..6);
    let stakes = proptest::collection::vec(1u128..1_000_000, 6);
    (rows, stakes, 0..=PPB).prop_map(|(rows, stakes, beta)| {
        let validators: Vec<_> = (0u16..)
            .zip(rows)
            .zip(stakes)
            .map(|((uid, row), stake)| {
                let edges: Vec<_> = (0u16..).zip(row).collect();
                let mut validator = validator(uid, stake * BASED, &edges);
                validator.0.accuracy = stake as u64 * 1_000;
                validator.0.credits = stake as u64 * 7;
                validator
            })
            .collect();
        let first = validators.len() as Uid;
        let mut brain = brain(validators, first..12);
        brain.input.beta = beta;
        brain
    })
}

proptest! {
    /// C.9-5.
    #[test]
    fn shares_sum_to_one_up_to_a_unit_each(input in inputs()) {
        let output = input.run();
        let incentives: u128 = output.scores.iter().map(|score| score.incentive).sum();
        prop_assert!(incentives == 0 || ONE_Q96 - incentives <= 12);
        let ranks: u128 = output.scores.iter().map(|score| score.rank).sum();
        prop_assert!(ranks <= ONE_Q96);
        prop_assert!(output.scores.iter().all(|score| score.trust <= ONE_Q64));
    }

    /// C.9-7.
    #[test]
    fn names_do_not_matter(input in inputs()) {
        let mirror = |uid: Uid| 40 - uid;
        let flip = |row: &WeightRow| {
            let mut entries: Vec<_> = row.entries().map(|entry| Entry { uid: mirror(entry.uid), ..entry }).collect();
            entries.reverse();
            WeightRow::of(row.committed_at, row.bonded_at, &entries)
        };
        let mut other = input.clone();
        other.input.peers.iter_mut().for_each(|peer| peer.uid = mirror(peer.uid));
        other.input.peers.reverse();
        other.input.validators.iter_mut().for_each(|validator| validator.uid = mirror(validator.uid));
        other.input.validators.reverse();
        other.rows = input.rows.iter().map(|(uid, row)| (mirror(*uid), flip(row))).collect();
        let (one, other) = (input.run(), other.run());
        for score in one.scores {
            let same = other.scores.iter().find(|other| other.uid == mirror(score.uid)).expect("a peer");
            prop_assert_eq!(EpochScore { uid: score.uid, ..*same }, score);
        }
    }

    /// C.9-8.
    #[test]
    fn the_unit_of_stake_does_not_matter(input in inputs(), factor in 1u128..1_000_000) {
        let mut scaled = input.clone();
        scaled.input.validators.iter_mut().for_each(|validator| validator.stake *= factor);
        // Up to the rounding of the smaller unit.
        for (one, other) in input.run().scores.iter().zip(scaled.run().scores) {
            prop_assert!(one.rank.abs_diff(other.rank) < ONE_Q96 >> 50);
            prop_assert!(one.incentive.abs_diff(other.incentive) < ONE_Q96 >> 45);
            prop_assert!(one.dividend.abs_diff(other.dividend) / u128::from(PPB) < ONE_Q64 >> 28);
        }
    }

    /// C.9-9.
    #[test]
    fn an_unranked_peer_changes_nobody(input in inputs()) {
        let mut more = input.clone();
        more.input.peers.push(miner(500));
        let (before, mut after) = (input.run(), more.run());
        let added = after.scores.pop().expect("the new peer");
        prop_assert_eq!((added.uid, added.incentive), (500, 0));
        prop_assert_eq!(before, after);
    }

    /// R017: a higher rank, all else equal, is not paid less.
    #[test]
    fn more_weight_is_not_less_pay(weights in proptest::collection::vec(1u16..1_000, 5), rise in 0u16..1_000) {
        let row = |weights: &[u16]| (1..).zip(weights.iter().copied()).collect::<Vec<_>>();
        let pay = |weights: &[u16]| {
            score(&brain(vec![validator(0, BASED, &row(weights))], 1..6).run(), 3).incentive
        };
        let mut more = weights.clone();
        more[2] += rise;
        prop_assert!(pay(&more) >= pay(&weights));
    }

    #[test]
    fn hostile_input_never_panics(
        stake: u128, other: u128, set_at: u32, bonded_at: u32, cutoff: u32, cycle_blocks: u32, beta: u64, accuracy: u64,
        credits: u64, elsewhere: Option<u64>, edges in proptest::collection::vec((0u16..4_096, any::<u16>(), any::<u16>()), 0..40),
    ) {
        let entries: Vec<_> = edges.into_iter().map(|(uid, weight, bond)| Entry { uid, weight, bond }).collect();
        let row = Some(WeightRow::of(set_at, bonded_at, &entries));
        let mut one = validator(0, stake, &[]).0;
        (one.accuracy, one.credits, one.revealed_at) = (accuracy, credits, Some(set_at));
        let other = EpochValidator { uid: 1, stake: other, ..one };
        let mut brain = brain(vec![(one, row.clone()), (other, row)], 2..2_048);
        brain.input.activity_cutoff = cutoff;
        brain.input.cycle_blocks = cycle_blocks;
        brain.input.beta = beta;
        let mut run = EpochRun::start(&brain.input);
        while let Some((_, uid)) = run.next() {
            run.step(brain.rows.get_mut(&uid).expect("set"), elsewhere);
        }
        let output = run.finish();
        prop_assert_eq!(output.scores.len(), 2_048);
    }
}
