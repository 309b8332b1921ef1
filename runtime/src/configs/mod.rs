//! Configuration of every pallet, one file per concern.

mod accounts;
mod assets;
mod authorities;
mod brains;
mod consensus;
mod economy;
mod evm;
mod fees;
mod forecasts;
mod governance;
mod parameters;
mod system;

pub use accounts::{deposit, ExistentialDeposit};
pub use assets::{Pepecoin, PepecoinIssuer};
pub use consensus::BABE_GENESIS_EPOCH_CONFIG;
pub use fees::{
    BurnFeesTipAuthor, CountedFees, FeeMultiplier, MinimumMultiplier, WEIGHT_FEE, WEIGHT_FEE_DIVISOR,
};
pub use forecasts::TreasuryAccount;
pub use governance::{AccurateForecasters, CallFilter, Governed, SafeModeBrake, VotingAsset};
pub use parameters::{dynamic, ActivePercentile, ActivityCutoff, RuntimeParameters};
pub use system::{BlockLength, BlockWeights, MAXIMUM_BLOCK_WEIGHT, NORMAL_DISPATCH_RATIO};
