//! Parameters that change without a new runtime: thresholds of consensus, by governance (B.5, R124), and what Brain #1
//! takes of contracts' fees, by its owner too (R075).

use based_primitives::{
    constants::{ACTIVE_PERCENTILE, ACTIVITY_CUTOFF},
    traits::BrainInspect,
    BlockNumber,
};
use frame_support::{
    dynamic_params::{dynamic_pallet_params, dynamic_params},
    traits::{EnsureOrigin, EnsureOriginWithArg, Get, OriginTrait},
};
use sp_runtime::Perbill;

use super::{fees::CONTRACTS_BRAIN, Governed};
use crate::{time::CYCLE_BLOCKS, Brains, Runtime, RuntimeEvent, RuntimeOrigin};

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

    /// Smart contracts, which Brain #1 operates.
    #[dynamic_pallet_params]
    #[codec(index = 1)]
    pub mod contracts {
        use super::*;

        /// Part of the fees of contracts' calls that Brain #1 gets; the rest is burnt (R075).
        #[codec(index = 0)]
        pub static FeeShare: Perbill = Perbill::one();
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

/// Part of the fees of contracts' calls that Brain #1 gets.
pub struct ContractFeeShare;

impl Get<Perbill> for ContractFeeShare {
    fn get() -> Perbill {
        dynamic::contracts::FeeShare::get()
    }
}

/// Governance sets every parameter, the owner of Brain #1 those of contracts.
pub struct Setters;

impl EnsureOriginWithArg<RuntimeOrigin, RuntimeParametersKey> for Setters {
    type Success = ();

    fn try_origin(origin: RuntimeOrigin, key: &RuntimeParametersKey) -> Result<(), RuntimeOrigin> {
        let operator = || {
            let who = origin.as_signer()?;
            (Brains::owner(CONTRACTS_BRAIN)? == *who).then_some(())
        };
        match key {
            RuntimeParametersKey::Contracts(_) if operator().is_some() => Ok(()),
            _ => Governed::try_origin(origin).map(|_| ()),
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin(_: &RuntimeParametersKey) -> Result<RuntimeOrigin, ()> {
        Governed::try_successful_origin()
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
    type AdminOrigin = Setters;
    type RuntimeEvent = RuntimeEvent;
    type RuntimeParameters = RuntimeParameters;
    // The crate keeps its other weights to itself; these are of a slower database.
    type WeightInfo = ();
}
