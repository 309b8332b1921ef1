//! Forecasts: what measures the chain and scores its validators' forecasts of it.

use based_primitives::{
    constants::BASED,
    traits::{BrainInspect, BrainStandings, Epochs},
    BrainId,
};
use frame_support::{parameter_types, traits::ConstU32, PalletId};
use sp_runtime::traits::AccountIdConversion;

use super::Governed;
use crate::{
    time::{CYCLE_BLOCKS, METRIC_BUCKET_BLOCKS, TFT_YEAR},
    AccountId, Balance, Balances, Brains, Consensus, Registry, Runtime, RuntimeHoldReason, Staking,
    Timestamp,
};

/// Account of the treasury; no key opens it, so that only what governance enacts moves it.
const TREASURY: PalletId = PalletId(*b"based/tr");

parameter_types! {
    /// Deposit of a commitment to a forecast.
    pub const ForecastDeposit: Balance = BASED;
    /// Account of the treasury.
    pub TreasuryAccount: AccountId = TREASURY.into_account_truncating();
}

/// Brains as consensus sees them.
pub struct ConsensusStandings;

impl BrainStandings for ConsensusStandings {
    fn standing(brain: BrainId) -> (u64, u16) {
        if !Brains::is_open(brain) {
            return (0, 0);
        }
        let active = based_pallet_consensus::LastEpoch::<Runtime>::get(brain).map_or(0, |epoch| epoch.active);
        (Consensus::performance(brain), active)
    }
}

impl based_pallet_forecasts::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type BucketBlocks = ConstU32<METRIC_BUCKET_BLOCKS>;
    type Currency = Balances;
    type CycleBlocks = ConstU32<CYCLE_BLOCKS>;
    type Deposit = ForecastDeposit;
    type GovernanceOrigin = Governed;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    // All 130,944 forecasters of a full round, each silent, take under 1% of every block of a cycle.
    type ScoredPerBlock = ConstU32<128>;
    type Stake = Staking;
    type Standings = ConsensusStandings;
    type TftYear = ConstU32<TFT_YEAR>;
    type Time = Timestamp;
    type Treasury = TreasuryAccount;
    type WeightInfo = based_pallet_forecasts::weights::SubstrateWeight<Runtime>;
}
