//! C.11 T1 to T4 and T6: cabals, the forecast term, the control, self weights, idle stake.

use std::path::Path;

use based_primitives::{
    constants::{BASED, PPB},
    math::{apportion, blend, mul_div, EpochScore, ONE_Q64},
    Balance, Uid,
};

use crate::{
    network::{part, score, Network},
    plot::{lines, Line},
    Figure,
};

const TOTAL: Balance = 1_000_000 * BASED;
const HONEST: usize = 12;
const CABAL: usize = 8;
/// Sizes of the cabal printed by the source for the first five blocks.
const PRINTED: [f64; 5] = [
    0.4877323388820201,
    0.4849535784321247,
    0.4815511535094221,
    0.477389901500398,
    0.4723093486843246,
];

/// What validators are paid by.
#[derive(Clone, Copy)]
enum Pay {
    /// Rank times consensus, with forecasts of equal skill at this weight in ppb.
    Consensus(u64),
    /// Rank alone.
    Rank,
}

/// Sizes of a cabal that begins with `permille` of the stake, over 100 blocks: twelve honest and eight cabal
/// validators that rank the others of their group alike. Everybody is active in that setting.
fn sizes(permille: u128, pay: Pay) -> Vec<f64> {
    let mut stakes = vec![TOTAL * (1_000 - permille) / 1_000 / HONEST as u128; HONEST];
    stakes.extend(vec![TOTAL * permille / 1_000 / CABAL as u128; CABAL]);
    let mut found = Vec::new();
    for _ in 0..100 {
        let mut network = Network::new(&stakes, 0);
        network.input.percentile = 0;
        for uid in 0..stakes.len() {
            let group = if uid < HONEST {
                0..HONEST
            } else {
                HONEST..stakes.len()
            };
            let row: Vec<(Uid, u16)> = group
                .filter(|other| *other != uid)
                .map(|other| (other as Uid, 1))
                .collect();
            network.reveal(uid as Uid, &row);
        }
        let output = network.epoch();
        let value = |score: &EpochScore| match pay {
            Pay::Consensus(_) => score.standing,
            Pay::Rank => score.rank,
        };
        let all: u128 = output.scores.iter().map(value).sum();
        let total: Balance = stakes.iter().sum();
        let beta = match pay {
            Pay::Consensus(beta) => beta,
            Pay::Rank => 0,
        };
        let share = |(score, stake): (&EpochScore, &Balance)| {
            let ranked = mul_div(value(score), ONE_Q64, all).unwrap_or(0);
            blend(ranked, mul_div(*stake, ONE_Q64, total).unwrap_or(0), beta)
        };
        let shares: Vec<u128> = output.scores.iter().zip(&stakes).map(share).collect();
        let pays = apportion(total / 10, &shares).expect("somebody is paid");
        stakes.iter_mut().zip(pays).for_each(|(stake, pay)| *stake += pay);
        found.push(part(stakes[HONEST..].iter().sum(), stakes.iter().sum()));
    }
    found
}

pub fn run(folder: &Path) -> std::io::Result<Vec<Figure>> {
    let main = sizes(490, Pay::Consensus(0));
    let errors = main
        .iter()
        .zip(PRINTED)
        .map(|(found, printed)| (found - printed).abs());
    let error = errors.fold(0.0, f64::max);
    println!("T1  cabal of 0.49, sizes after blocks 0 to 4 (largest difference from print {error:.1e})");
    for (block, (size, printed)) in main.iter().zip(PRINTED).enumerate() {
        println!("    {block}  {size:.16}  printed {printed:.16}");
    }
    println!("T1  other starts, size after block 99");
    for permille in [300, 400, 450, 490, 499, 510] {
        println!("    0.{permille}  {:.3e}", sizes(permille, Pay::Consensus(0))[99]);
    }
    println!("T2  with the forecast term, size after block 99");
    let mut curves = vec![Line::of("beta 0", main)];
    for beta in [450_000_000, 900_000_000, PPB] {
        let curve = sizes(490, Pay::Consensus(beta));
        println!("    beta {:.2}  {:.3e}", part(beta.into(), PPB.into()), curve[99]);
        curves.push(Line::of(
            &format!("beta {:.2}", part(beta.into(), PPB.into())),
            curve,
        ));
    }
    let control = sizes(490, Pay::Rank);
    println!(
        "T3  control: by rank alone the cabal has {:.6} after block 99",
        control[99]
    );
    curves.push(Line::of("rank alone", control));
    lines(
        &folder.join("attacks-cabal.svg"),
        "Size of a cabal of 0.49",
        "block",
        &curves,
    )?;
    self_weights();
    idle_stake();
    Ok(vec![Figure {
        key: "cabal_max_abs_error",
        value: error,
        unit: "share",
        target: Some(1e-12),
    }])
}

fn self_weights() {
    let pay = |row: &[(Uid, u16)]| {
        let mut network = Network::new(&[5 * BASED, 5 * BASED], 2);
        network.reveal(0, row);
        network.reveal(1, &[(2, 1), (3, 1)]);
        let output = network.epoch();
        (score(&output, 0).rank, score(&output, 0).dividend)
    };
    println!(
        "T4  self weights: rank and dividend {:?}, with an empty row {:?}",
        pay(&[(0, 7)]),
        pay(&[])
    );
}

fn idle_stake() {
    let run = |idle: bool| {
        let mut network = Network::new(&[30 * BASED, 30 * BASED, 40 * BASED], 2);
        network.input.percentile = 0;
        if !idle {
            network.reveal(0, &[(3, 1)]);
        }
        network.reveal(1, &[(3, 1)]);
        network.reveal(2, &[(4, 1)]);
        let output = network.epoch();
        (
            part(score(&output, 3).trust, ONE_Q64),
            part(score(&output, 4).trust, ONE_Q64),
            output.loss as f64 / 1e9,
        )
    };
    for (name, idle) in [("idle", true), ("awake", false)] {
        let (honest, cabal, loss) = run(idle);
        println!("T6  0.3 of stake {name}: honest trust {honest:.3}, cabal {cabal:.3}, loss {loss:+.3}");
    }
}
