//! The pallets of the economy: Brains, their peers, stake, scores, rewards and the payment of prompts.

use based_primitives::constants::{BASED, IMMUNITY_BLOCKS, PEER_DEPOSIT};
use frame_support::{parameter_types, traits::ConstU32, weights::Weight};

use super::{ActivePercentile, ActivityCutoff, BlockWeights, TreasuryAccount};
use crate::{
    time::{
        CYCLE_BLOCKS, ENDPOINT_COOLDOWN, REDEMPTION_GRACE, REVEAL_DELAY, SLASH_WINDOW, TAKE_RAISE_DELAY,
        WEIGHTS_INTERVAL,
    },
    Authorities, Balance, Balances, Brains, Consensus, Forecasts, Registry, Runtime, RuntimeHoldReason,
    Staking,
};

parameter_types! {
    /// Smallest deposit of a spending account.
    pub const MinimumSpendingDeposit: Balance = BASED / 100;
    pub const PeerDeposit: Balance = PEER_DEPOSIT;
    /// Held for a byte of a row of weights beyond its free size: a full row holds about one $BASED.
    pub const RowDepositPerByte: Balance = BASED / 10_000;
    /// Most weight of epochs and of the division of budgets in a block: a tenth of it (F.1-1).
    pub EpochLimit: Weight = BlockWeights::get().max_block / 10;
}

type CycleBlocks = ConstU32<CYCLE_BLOCKS>;

impl based_pallet_registry::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Brains = Brains;
    type Currency = Balances;
    type Deposit = PeerDeposit;
    type EndpointCooldown = ConstU32<ENDPOINT_COOLDOWN>;
    type Immunity = ConstU32<IMMUNITY_BLOCKS>;
    type Incentives = Consensus;
    type OnPeerJoined = Forecasts;
    type OnPeerRemoved = (Consensus, Forecasts);
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = based_pallet_registry::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_staking::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Brains = Brains;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type Producers = Authorities;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    type SlashWindow = ConstU32<SLASH_WINDOW>;
    type SlashedTo = TreasuryAccount;
    type TakeRaiseDelay = ConstU32<TAKE_RAISE_DELAY>;
    type WeightInfo = based_pallet_staking::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_consensus::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type ActivePercentile = ActivePercentile;
    type ActivityCutoff = ActivityCutoff;
    type Brains = Brains;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type DepositPerByte = RowDepositPerByte;
    type Forecasts = Forecasts;
    type Registry = Registry;
    type RevealDelay = ConstU32<REVEAL_DELAY>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Stake = Staking;
    type WeightInfo = based_pallet_consensus::weights::SubstrateWeight<Runtime>;
    type WeightsRateLimit = ConstU32<WEIGHTS_INTERVAL>;
}

impl based_pallet_emission::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Brains = Brains;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type EpochLimit = EpochLimit;
    type Epochs = Consensus;
    type Forecasts = Forecasts;
    type Registry = Registry;
    type Rewards = Staking;
    type Stake = Staking;
    type WeightInfo = based_pallet_emission::weights::SubstrateWeight<Runtime>;
}

impl based_pallet_compute::Config for Runtime {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::FullState;
    type Brains = Brains;
    type Currency = Balances;
    type MinimumDeposit = MinimumSpendingDeposit;
    type RedemptionGrace = ConstU32<REDEMPTION_GRACE>;
    type Registry = Registry;
    type RuntimeHoldReason = RuntimeHoldReason;
    type WeightInfo = based_pallet_compute::weights::SubstrateWeight<Runtime>;
}
