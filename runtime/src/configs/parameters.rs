//! Parameters that governance changes without a new runtime: thresholds of consensus (B.5, R124).

use based_primitives::{
    constants::{ACTIVE_PERCENTILE, ACTIVITY_CUTOFF},
    BlockNumber,
};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    traits::{AsEnsureOriginWithArg, Get},
};

use super::Governed;
use crate::{time::CYCLE_BLOCKS, Runtime, RuntimeEvent};

/// Percentiles that may be set: no fewer than one of twenty validators count, and no more than half of them.
const PERCENTILES: (u32, u32) = (50, 95);
/// Longest silence after which a validator may still count: a day.
const LONGEST_CUTOFF: BlockNumber = 8_640;

/// What may be set, and the values that hold until then.
#[dynamic_params(RuntimeParameters, pallet_parameters::Parameters::<Runtime>)]
pub mod dynamic {
    use super::*;

    /// Thresholds of consensus.
    #[dynamic_pallet_params]
    #[codec(index = 0)]
    pub mod consensus {
        use super::*;

        /// Percentile of stake that validators must reach (R099).
        #[codec(index = 0)]
        pub static ActivePercentile: u32 = ACTIVE_PERCENTILE;

        /// Blocks without fresh weights after which a validator no longer counts (B.30).
        #[codec(index = 1)]
        pub static ActivityCutoff: BlockNumber = ACTIVITY_CUTOFF;
    }
}

/// The percentile in force, within its bounds whatever was set.
pub struct ActivePercentile;

impl Get<u32> for ActivePercentile {
    fn get() -> u32 {
        let (least, most) = PERCENTILES;
        dynamic::consensus::ActivePercentile::get().clamp(least, most)
    }
}

/// The cutoff in force, a cycle at least.
pub struct ActivityCutoff;

impl Get<BlockNumber> for ActivityCutoff {
    fn get() -> BlockNumber {
        dynamic::consensus::ActivityCutoff::get().clamp(CYCLE_BLOCKS, LONGEST_CUTOFF)
    }
}

#[cfg(feature = "runtime-benchmarks")]
impl Default for RuntimeParameters {
    fn default() -> Self {
        RuntimeParameters::Consensus(dynamic::consensus::Parameters::ActivePercentile(
            dynamic::consensus::ActivePercentile,
            Some(ACTIVE_PERCENTILE),
        ))
    }
}

impl pallet_parameters::Config for Runtime {
    type AdminOrigin = AsEnsureOriginWithArg<Governed>;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    // The crate keeps its other weights to itself; these are of a slower database.
    type WeightInfo = ();
}
