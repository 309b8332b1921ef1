//! How often each call was tried, and how often it succeeded.

use std::{collections::BTreeMap, fmt};

use frame_support::traits::GetCallMetadata;

use crate::RuntimeCall;

/// Pallets of this repository.
pub const PALLETS: [&str; 10] = [
    "Brains",
    "Registry",
    "Staking",
    "Consensus",
    "Emission",
    "Compute",
    "Forecasts",
    "Governance",
    "Authorities",
    "Ethereum",
];

/// Calls that were tried, and that succeeded.
#[derive(Clone, Copy, Default)]
struct Count {
    tried: u64,
    succeeded: u64,
}

/// Outcomes by pallet and call.
#[derive(Default)]
pub struct Tally {
    counts: BTreeMap<(&'static str, &'static str), Count>,
    /// Blocks written.
    pub blocks: u64,
}

impl Tally {
    /// Counts a call and whether it succeeded.
    pub fn count(&mut self, call: &RuntimeCall, succeeded: bool) {
        let name = call.get_call_metadata();
        let count = self
            .counts
            .entry((name.pallet_name, name.function_name))
            .or_default();
        count.tried += 1;
        count.succeeded += u64::from(succeeded);
    }

    /// Calls tried.
    pub fn tried(&self) -> u64 {
        self.counts.values().map(|count| count.tried).sum()
    }

    /// Calls of this repository's pallets that never succeeded, as `Pallet.call`.
    pub fn never_succeeded(&self) -> Vec<String> {
        PALLETS
            .iter()
            .flat_map(|pallet| calls_of(pallet).into_iter().map(move |call| (*pallet, call)))
            .filter(|name| self.counts.get(name).is_none_or(|count| count.succeeded == 0))
            .map(|(pallet, call)| format!("{pallet}.{call}"))
            .collect()
    }
}

/// Names of a pallet's calls; of none for a pallet without calls.
fn calls_of(pallet: &str) -> Vec<&'static str> {
    <RuntimeCall as GetCallMetadata>::get_call_names(pallet).to_vec()
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pallets = BTreeMap::<_, Count>::new();
        for ((pallet, _), count) in &self.counts {
            let sum = pallets.entry(pallet).or_default();
            sum.tried += count.tried;
            sum.succeeded += count.succeeded;
        }
        writeln!(out, "{:40} {:>8} {:>10}", "call", "tried", "succeeded")?;
        for ((pallet, call), count) in &self.counts {
            let name = format!("{pallet}.{call}");
            writeln!(out, "{name:40} {:>8} {:>10}", count.tried, count.succeeded)?;
        }
        for (pallet, count) in pallets {
            let percent = 100 * count.succeeded / count.tried.max(1);
            writeln!(
                out,
                "{pallet:40} {:>8} {:>10} {percent:>4}%",
                count.tried, count.succeeded
            )?;
        }
        write!(out, "{} calls in {} blocks", self.tried(), self.blocks)
    }
}
