//! An epoch of any Brain, whatever its peers, stakes and rows: it never panics, pays out nothing twice, and ends the
//! same if it rests in storage after every step.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Arbitrary;
use based_primitives::{
    constants::{CREDIT_ONE, MAX_PEERS, PPB},
    math::{Entry, EpochInput, EpochPeer, EpochRun, EpochValidator, WeightRow, ONE_Q64, ONE_Q96},
    Role,
};
use codec::{Decode, Encode, MaxEncodedLen};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Validator {
    stake: u128,
    /// Halvings of the stake, so that small figures are as frequent as large ones.
    shift: u8,
    revealed_at: Option<u32>,
    accuracy: u64,
    credits: u64,
    committed_at: u32,
    bonded_at: u32,
    elsewhere: Option<u64>,
    edges: Vec<(u16, u16, u16)>,
}

#[derive(Arbitrary, Debug)]
struct Brain {
    /// Whether uids are spread over all that there can be: seldom, as edges then meet few peers and columns are many.
    spread: u8,
    now: u32,
    cycle_blocks: u32,
    activity_cutoff: u32,
    percentile: u8,
    beta: u64,
    miners: Vec<(u16, u32)>,
    validators: Vec<(u16, u32, Validator)>,
    /// Uids of validators that are no peers any more.
    strays: BTreeSet<u16>,
}

fuzz_target!(|brain: Brain| {
    let uids = if brain.spread == 0 { MAX_PEERS } else { 32 };
    let mut peers = BTreeMap::new();
    let mut validators = BTreeMap::new();
    // The last possible block stands for a uid that nobody has.
    for (uid, registered_at) in brain.miners {
        peers.insert(uid % uids, (Role::Miner, registered_at % u32::MAX));
    }
    for (uid, registered_at, validator) in brain.validators {
        let uid = uid % uids;
        if brain.strays.contains(&uid) {
            peers.remove(&uid);
        } else {
            peers.insert(uid, (Role::Validator, registered_at % u32::MAX));
        }
        validators.insert(uid, validator);
    }
    let rows: BTreeMap<u16, WeightRow> = validators
        .iter()
        .map(|(uid, validator)| {
            let edges: BTreeMap<u16, (u16, u16)> = validator
                .edges
                .iter()
                .filter(|(_, weight, bond)| *weight > 0 || *bond > 0)
                .map(|(uid, weight, bond)| (*uid % (uids + 4), (*weight, *bond)))
                .collect();
            let entries: Vec<Entry> = edges
                .into_iter()
                .map(|(uid, (weight, bond))| Entry { uid, weight, bond })
                .collect();
            (
                *uid,
                WeightRow::of(validator.committed_at, validator.bonded_at, &entries),
            )
        })
        .collect();
    let elsewhere: BTreeMap<u16, Option<u64>> = validators
        .iter()
        .map(|(uid, validator)| (*uid, validator.elsewhere.map(|worth| worth % (CREDIT_ONE + 1))))
        .collect();
    let input = EpochInput {
        now: brain.now,
        cycle_blocks: brain.cycle_blocks,
        activity_cutoff: brain.activity_cutoff,
        percentile: u32::from(brain.percentile) % 101,
        beta: brain.beta % (PPB + 1),
        peers: peers
            .iter()
            .map(|(uid, (role, registered_at))| EpochPeer {
                uid: *uid,
                role: *role,
                registered_at: *registered_at,
            })
            .collect(),
        validators: validators
            .iter()
            .map(|(uid, validator)| EpochValidator {
                uid: *uid,
                // More than ever can be issued, less than what sums of 2,048 could not hold.
                stake: (validator.stake >> 16) >> (validator.shift % 112),
                revealed_at: validator.revealed_at,
                accuracy: validator.accuracy % (PPB + 1),
                credits: validator.credits % (CREDIT_ONE + 1),
            })
            .collect(),
    };

    let mut rows_at_once = rows.clone();
    let mut run = EpochRun::start(&input);
    let mut steps = 0;
    while let Some((_, uid)) = run.next() {
        run.step(rows_at_once.entry(uid).or_default(), elsewhere[&uid]);
        steps += 1;
    }
    assert!(steps <= 4 * validators.len(), "more than four passes");
    let output = run.finish();

    let mut stored_rows: BTreeMap<u16, Vec<u8>> =
        rows.iter().map(|(uid, row)| (*uid, row.encode())).collect();
    let mut stored = EpochRun::start(&input).encode();
    loop {
        assert!(stored.len() <= EpochRun::max_encoded_len());
        let mut run = EpochRun::decode(&mut &stored[..]).expect("what was written can be read");
        let Some((_, uid)) = run.next() else {
            assert_eq!(run.finish(), output, "in parts as at once");
            break;
        };
        let mut row = WeightRow::decode(&mut &stored_rows[&uid][..]).expect("what was written can be read");
        if run.step(&mut row, elsewhere[&uid]) {
            stored_rows.insert(uid, row.encode());
        }
        stored = run.encode();
    }
    for (uid, row) in &rows_at_once {
        assert!(row.is_sound());
        assert_eq!(row.encode(), stored_rows[uid], "rows in parts as at once");
        assert_eq!(row.committed_at, rows[uid].committed_at);
    }

    let scores = &output.scores;
    assert!(scores.iter().map(|score| score.uid).eq(peers.keys().copied()));
    let sum = |part: fn(&based_primitives::math::EpochScore) -> u128| scores.iter().map(part).sum::<u128>();
    assert!(sum(|score| score.rank) <= ONE_Q96);
    assert!(scores
        .iter()
        .all(|score| score.trust <= ONE_Q64 && score.consensus <= ONE_Q64));
    assert!(scores.iter().all(|score| score.worth <= CREDIT_ONE));
    let incentives = sum(|score| score.incentive);
    assert!(incentives <= ONE_Q96);
    assert!(
        incentives == 0 || ONE_Q96 - incentives <= scores.len() as u128,
        "pay was lost"
    );
    let all = u128::from(PPB + input.beta) * ONE_Q64;
    assert!(sum(|score| score.dividend) <= all);
    for score in scores {
        match peers[&score.uid].0 {
            Role::Miner => assert_eq!(score.dividend, 0),
            Role::Validator => assert_eq!(score.incentive, 0),
        }
    }
    assert!(output.quality <= PPB);
    assert!(output.loss.unsigned_abs() <= PPB / 2 + 1);
    assert!(usize::from(output.active) <= validators.len());
    assert!(output.credits.iter().all(|(_, credits)| *credits <= CREDIT_ONE));
    assert!(output.credits.iter().map(|(uid, _)| uid).eq(validators.keys()));
});
