//! How soon canaries find a miner that cheats now and then (SPEC F.4-3), beside what theory says.

use std::{path::Path, time::Duration};

use based_client::session::split::Settings;
use based_primitives::constants::{CYCLE_BLOCKS, SLOT_MILLIS};
use clap::Parser;
use rand::{rngs::StdRng, Rng, SeedableRng};
use sp_core::H256;
use zk_llm::{compile::compile, exec_clear, ir::Graph, squeeze, ClientModel, Logits, Model};

use crate::{
    args::{Cli, Command},
    canary::Deck,
    oracle::{Asking, Oracle, Right},
    prober::per_round,
};

const TRIALS: u32 = 200;
/// Share of its answers on which the miner cheats.
const CHEATING: f64 = 0.1;
const DAY: Duration = Duration::from_secs(86_400);

/// What a miner can send instead of the answer.
#[derive(Clone, Copy, Debug)]
enum Cheat {
    /// The answer of a smaller model.
    SwappedModel,
    /// The answer without one of the heads.
    SkippedHead,
    /// An answer given before.
    Replay,
    /// Anything.
    Noise,
}

const CHEATS: [Cheat; 4] = [
    Cheat::SwappedModel,
    Cheat::SkippedHead,
    Cheat::Replay,
    Cheat::Noise,
];

/// Canaries that a miner gets in a day, by the defaults of the command line and the time of the chain.
fn canaries_a_day() -> u32 {
    let cli = Cli::parse_from([
        "based-validator",
        "run",
        "--uri",
        "//Validator",
        "--canary-uri",
        "//Canary",
    ]);
    let Command::Run(run) = cli.command else {
        panic!("run is not run")
    };
    let round = Duration::from_millis(SLOT_MILLIS) * CYCLE_BLOCKS;
    let rounds = DAY.as_secs() / round.as_secs();
    per_round(round, run.canary_every) * u32::try_from(rounds).unwrap()
}

#[test]
fn a_tenth_of_cheating_is_found_within_a_day_in_nineteen_trials_of_twenty() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/models/emotion");
    let model = Model::load(&dir).unwrap();
    let client = ClientModel::load(&dir).unwrap();
    let oracle = Oracle::load(&dir, H256(model.manifest_hash())).unwrap();
    let graph = Graph::from_json(&std::fs::read(dir.join("graph.json")).unwrap()).unwrap();
    let without = |keep: &dyn Fn(u16) -> bool| {
        compile(
            &squeeze::prune(&graph, keep).unwrap(),
            model.circuit().parameter_set(),
        )
        .unwrap()
    };
    let (smaller, headless) = (without(&|head| head == 0), without(&|head| head != 0));

    let canaries = canaries_a_day();
    let mut rng = StdRng::seed_from_u64(7);
    let usual = Asking {
        settings: Settings::default(),
        audit: 0,
        price: 0,
    };
    let (mut found, mut cheats, mut seen) = (0, [0u32; CHEATS.len()], [0u32; CHEATS.len()]);
    for trial in 0..TRIALS {
        let way = trial as usize % CHEATS.len();
        let mut deck = Deck::restore(rng.gen(), &[]);
        let mut before: Option<Logits> = None;
        let mut caught = false;
        for _ in 0..canaries {
            let question = oracle.question(&mut deck, &usual, &mut rng).unwrap();
            let Right::Logits(right, _) = question.answer else {
                panic!("the model is one of full mode")
            };
            let by =
                |circuit| exec_clear::run(circuit, &client.prepare(&question.sentence).unwrap()).unwrap();
            // Who has answered nothing yet has nothing to replay.
            if let (true, Some(last)) = (rng.gen_bool(CHEATING), &before) {
                let given = match CHEATS[way] {
                    Cheat::SwappedModel => by(&smaller),
                    Cheat::SkippedHead => by(&headless),
                    Cheat::Replay => last.clone(),
                    Cheat::Noise => Logits(right.0.iter().map(|_| rng.gen_range(-50..50)).collect()),
                };
                cheats[way] += 1;
                seen[way] += u32::from(given != right);
                caught |= given != right;
            }
            before = Some(right);
        }
        found += u32::from(caught);
    }
    let theory = 1.0 - (1.0 - CHEATING).powf(f64::from(canaries - 1));
    println!(
        "{canaries} canaries a day; found in {found} of {TRIALS} days, in theory {:.1}",
        theory * f64::from(TRIALS)
    );
    for (way, (cheats, seen)) in CHEATS.iter().zip(cheats.into_iter().zip(seen)) {
        println!("{way:?}: {seen} of {cheats} wrong answers differ");
    }
    assert!(found * 20 >= TRIALS * 19, "{found} of {TRIALS}");
    let deviation = (f64::from(TRIALS) * theory * (1.0 - theory)).sqrt();
    assert!(
        (f64::from(found) - theory * f64::from(TRIALS)).abs() < 4.0 * deviation,
        "{found}, {theory}"
    );
}
