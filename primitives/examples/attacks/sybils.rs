//! C.11 T7 to T10: percentile sybils, cap splitting, stake hopping, late registration.

use based_primitives::{
    constants::{ACTIVE_PERCENTILE, BASED, MIN_VALIDATOR_STAKE, PPB},
    math::{activity_bar, apportion, brain_scores, BrainStanding},
    Balance, Uid,
};

use crate::network::{part, score, Network, CYCLE};

pub fn run() {
    percentile_sybils();
    cap_splitting();
    stake_hopping();
    late_registration();
}

/// Dust validators cannot lower the bar; a split stake sinks below it.
fn percentile_sybils() {
    let honest: Vec<Balance> = (1..=20).map(|stake| stake * 100 * BASED).collect();
    let bar = |more: Vec<Balance>| activity_bar(honest.iter().copied().chain(more), ACTIVE_PERCENTILE);
    let shown = |bar: Option<Balance>| bar.unwrap_or(0) / BASED;
    let dust = vec![MIN_VALIDATOR_STAKE - 1; 200];
    let counted = vec![MIN_VALIDATOR_STAKE; 200];
    println!("T7  bar of 20 validators of 100 to 2,000: {}", shown(bar(vec![])));
    println!(
        "    with 200 dust validators below the minimum stake: {}",
        shown(bar(dust))
    );
    println!(
        "    with 200 at the minimum stake (they cost {} and 200 places): {}",
        200,
        shown(bar(counted))
    );
    let split = bar(vec![150 * BASED; 10]);
    println!(
        "    a stake of 1,500 is active alone ({}), split in ten ({})",
        1_500 * BASED >= bar(vec![1_500 * BASED]).unwrap_or(0),
        150 * BASED >= split.unwrap_or(0)
    );
}

/// An owner above the cap gains by spreading over Brains, each of which costs a burn or a stake.
fn cap_splitting() {
    let share = |brains: usize| {
        // 4% of all stake, against 300 Brains with the rest.
        let total = 100_000 * BASED;
        let own = total / 25;
        let mut standings = vec![own / brains as u128; brains];
        standings.extend(vec![(total - own) / 300; 300]);
        let standings: Vec<_> = standings
            .into_iter()
            .map(|stake| BrainStanding {
                stake,
                performance: PPB / 2,
            })
            .collect();
        let pays = apportion(1_000_000 * BASED, &brain_scores(&standings, total)).unwrap_or_default();
        part(pays.iter().take(brains).sum(), pays.iter().sum())
    };
    println!("T8  share of emission of 4% of all stake over 1, 2, 4, 8, 16 Brains (the cap is half a percent each):");
    for brains in [1, 2, 4, 8, 16] {
        println!("    {brains:>2}  {:.4}", share(brains));
    }
}

/// Unstaked tokens are free from the next cycle boundary on (B.29): tokens that counted in one epoch of a cycle can
/// count in another one only if that lies behind the boundary.
fn stake_hopping() {
    let boundary = 2 * CYCLE;
    let block = |brain: u32| CYCLE + brain;
    let pairs = (0..CYCLE).flat_map(|first| (first + 1..CYCLE).map(move |second| (first, second)));
    let (mut all, mut free, mut waiting) = (0u32, 0u32, 0u32);
    for (first, second) in pairs {
        all += 1;
        free += u32::from(block(second) > block(first));
        waiting += u32::from(block(second) >= boundary);
    }
    println!("T9  of {all} pairs of epochs of a cycle the same tokens count in {free} if free at once, in {waiting} by the rule");
}

/// Edges to an earlier holder of a uid do nothing for its successor.
fn late_registration() {
    let mut network = Network::new(&[10 * BASED], 2);
    network.reveal(0, &[(1, 1), (2, 1)]);
    network.input.peers[2].registered_at = network.input.now - 1;
    let output = network.epoch();
    let ranks: Vec<bool> = (1..3 as Uid).map(|uid| score(&output, uid).rank > 0).collect();
    println!(
        "T10 ranked: a miner {}, one that took a uid after the commitment {}",
        ranks[0], ranks[1]
    );
}
