//! Random histories of the whole runtime: `BASED_FUZZ_SECONDS` runs as many as fit, `BASED_FUZZ_SEED` begins with
//! another one.

use std::time::{Duration, Instant};

use crate::fuzzing::{random_bytes, History, Setting, Tally};

/// Calls that are made at least.
const CALLS: u64 = 10_000;
/// Bytes that one history reads at most.
const BYTES: usize = 8_192;

/// Tells how to see a failure again.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("BASED_FUZZ_SEED={} BASED_FUZZ_SECONDS=1 shows it again", self.0);
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number")),
    )
}

#[test]
fn random_histories_keep_every_invariant_and_reach_every_call() {
    let end = variable("BASED_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut seed = variable("BASED_FUZZ_SEED").unwrap_or(0);
    let (setting, mut tally) = (Setting::new(), Tally::default());
    let goes_on = |tally: &Tally| match end {
        Some(end) => Instant::now() < end,
        None => tally.tried() < CALLS,
    };
    while goes_on(&tally) {
        let _shown = Seed(seed);
        History::new(&setting, &mut tally).run(&random_bytes(seed, BYTES));
        seed += 1;
    }
    println!("{tally}");
    let never = tally.never_succeeded();
    assert!(
        tally.tried() < CALLS || never.is_empty(),
        "never succeeded: {never:?}"
    );
}
