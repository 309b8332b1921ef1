//! Constants of the network, each with the statement of the specification it comes from.

use crate::types::{Balance, BlockNumber, BrainId};

/// One $BASED in its smallest unit (18 decimals, as Ethereum tools expect).
pub const BASED: Balance = 1_000_000_000_000_000_000;
/// Decimals of $BASED.
pub const DECIMALS: u8 = 18;
/// Symbol of the token.
pub const SYMBOL: &str = "BASED";
/// SS58 address prefix of every BasedAI network.
pub const SS58_PREFIX: u16 = 3232;
/// EVM chain id, also the `chainId` of the EIP-712 domain of vouchers.
pub const EVM_CHAIN_ID: u64 = 32323;
/// Smallest balance an account may keep.
pub const EXISTENTIAL_DEPOSIT: Balance = BASED / 1_000_000;

/// Slot length in milliseconds (R082).
pub const SLOT_MILLIS: u64 = 10_000;
/// Blocks in one consensus cycle; Brain b runs its epoch in block h with h mod 1,024 = b (C.10).
pub const CYCLE_BLOCKS: BlockNumber = 1_024;
/// Blocks in one emission year of 365 days (R087, B.2).
pub const EMISSION_YEAR: BlockNumber = 3_153_600;
/// Reward of a block of the first year (R074, R082).
pub const INITIAL_BLOCK_REWARD: Balance = 10 * BASED;

/// Brains in all (R016, R035, B.18).
pub const MAX_BRAINS: u16 = 1_024;
/// Brains kept by Based Labs (R073).
pub const ADMIN_BRAINS: [BrainId; 8] = [0, 1, 2, 3, 4, 5, 6, 47];
/// Administrative Brains that are reserved: no registration, no stake, no emission (R079).
pub const RESERVED_BRAINS: [BrainId; 3] = [5, 6, 47];
/// One Pepecoin in its smallest unit (R018).
pub const PEPECOIN: Balance = 1_000_000_000_000_000_000;
/// Contract of Pepecoin on Ethereum, which a bridge must lock (R018). The whitepaper prints 4 for the last digit, which
/// contradicts the checksum in its own capitals; of all last digits only this one fits them.
pub const PEPECOIN_CONTRACT: [u8; 20] = [
    0xa9, 0xe8, 0xac, 0xf0, 0x69, 0xc5, 0x8a, 0xec, 0x88, 0x25, 0x54, 0x28, 0x45, 0xfd, 0x75, 0x4e, 0x41,
    0xa9, 0x48, 0x9a,
];
/// Decimals of Pepecoin, as on Ethereum.
pub const PEPECOIN_DECIMALS: u8 = 18;
/// Number of Pepecoin among the assets of the chain.
pub const PEPECOIN_ASSET: u32 = 1;
/// Smallest balance of Pepecoin an account may keep.
pub const PEPECOIN_MINIMUM: Balance = PEPECOIN / 1_000_000;
/// Pepecoin burnt for the first Brain issued by burning (R037).
pub const BURN_PRICE_BASE: Balance = 1_000 * PEPECOIN;
/// What every Brain issued by burning adds to the price of the next (R038).
pub const BURN_PRICE_STEP: Balance = 200 * PEPECOIN;
/// Pepecoin staked for a Brain (R043).
pub const BRAIN_STAKE: Balance = 100_000 * PEPECOIN;
/// Validators one Brain holds at most (R148).
pub const MAX_VALIDATORS: u16 = 256;
/// Miners one Brain holds at most (R148).
pub const MAX_MINERS: u16 = 1_792;
/// Peers one Brain holds at most (R148).
pub const MAX_PEERS: u16 = 2_048;
/// Registration fee to the Brain's owner unless the owner sets another (R146, B.19).
pub const DEFAULT_REGISTRATION_FEE: Balance = 100 * BASED;

/// Held from a peer until it leaves: for its entry, uid, deposit and last change, at most 220 bytes in all.
pub const PEER_DEPOSIT: Balance = 62 * BASED / 1_000;
/// Blocks after its registration in which a peer is not pruned (B.32).
pub const IMMUNITY_BLOCKS: BlockNumber = 4_096;

/// Parts per billion, the unit of ratios that cross pallet boundaries.
pub const PPB: u64 = 1_000_000_000;
/// Share of a Brain's emission that goes to its miners and validators, as numerator over 4 (R095).
pub const NODE_QUARTERS: u32 = 3;
/// Highest and default take of a validator from what its stakers earn, in ppb (E.1).
pub const MAX_TAKE_PPB: u64 = 180_000_000;
/// Default commission of a Brain's owner on the Brain-directed part of the slice, in ppb (B.10).
pub const DEFAULT_OWNER_COMMISSION_PPB: u64 = 500_000_000;
/// Default share of miners in the node pool, in ppb (B.10).
pub const DEFAULT_MINER_SHARE_PPB: u64 = 500_000_000;
/// Smallest stake one account may keep on one target.
pub const MIN_STAKE: Balance = BASED / 1_000;
/// Smallest part of the stake behind a producer that an equivocation costs, in ppb (F.2-5).
pub const MIN_SLASH_PPB: u64 = 50_000_000;
/// Expected blocks without which a producer counts as silent (F.2-5): one that runs misses them by chance with a
/// probability of e^-16.
pub const SILENT_SHARES: u32 = 16;
/// A Brain's effective stake is at most this fraction (one over it) of all stake (R103, B.6).
pub const STAKE_CAP_DIVISOR: Balance = 200;
/// Bonus of the Brains at or above the 70th percentile of performance, in ppb (R085, C.7).
pub const TOP_BONUS_PPB: u64 = 250_000_000;
/// Percentile that validators and bonus Brains must reach (R085, R099, B.5).
pub const ACTIVE_PERCENTILE: u32 = 70;
/// Smallest stake with which a validator counts in the percentile population (B.31).
pub const MIN_VALIDATOR_STAKE: Balance = BASED;
/// Blocks without fresh weights after which a validator no longer counts (B.30).
pub const ACTIVITY_CUTOFF: BlockNumber = 5_000;
/// Cycles between the commitment to a row of weights and its reveal (C.11-T5).
pub const REVEAL_DELAY: u32 = 3;
/// Commitments one validator may have pending in a Brain (F.1-3).
pub const MAX_COMMITS: u32 = 8;
/// Edges to peers of other Brains that one validator may hold (C.5b).
pub const MAX_CROSS_EDGES: u32 = 64;
/// Validators outside a Brain without which their score does not count (F.2-2).
pub const MIN_SCORERS: usize = 4;
/// Validators outside a Brain whose scores of it are kept: those with the most stake.
pub const MAX_SCORERS: u32 = 64;
/// Entries of a row that need no deposit (C.10).
pub const FREE_ROW_ENTRIES: u32 = 256;
/// Most positive weights that a Brain may come to ask of a row (C.10).
pub const MOST_MIN_WEIGHTS: u16 = 1_024;
/// Miners from which a Brain has so many that one weight is limited to [`EDGE_SHARE_DIVISOR`] (C.10).
pub const MANY_MINERS: u16 = 1_024;
/// In a Brain of many miners a weight is at most this fraction (one over it) of its row: 655/65,535 (C.10) and room
/// for peers that leave between commitment and reveal.
pub const EDGE_SHARE_DIVISOR: u64 = 80;
/// Edges from which a row is compared with public consensus (F.1-2).
pub const MIN_COMPARED_EDGES: usize = 8;
/// One in TrustCredits: they are parts of 10^18 (R127).
pub const CREDIT_ONE: u64 = 1_000_000_000_000_000_000;
/// Weight of a new observation in TrustCredits, as one over it (C.5b).
pub const CREDITS_EMA_DIVISOR: u128 = 100;
/// Most that TrustCredits add to a validator's stake, as one over it: g = 0.2 (C.3, R133).
pub const CREDIT_BOOST_DIVISOR: u128 = 5;
/// Most that divergence takes from a validator's stake at full forecast weight, as one over it: eta = 1/2 (C.5c).
pub const MODULATION_DIVISOR: u128 = 2;
/// Weight of a new observation in the moving average of performance, as one over it (C.7).
pub const PERFORMANCE_EMA_DIVISOR: u64 = 10;
/// Days before the owner of a staked Brain earns (R046).
pub const OWNER_VESTING_BLOCKS: BlockNumber = 90 * 8_640;

/// Longest URL of a task's repository, in bytes (R158).
pub const MAX_URL_LEN: u32 = 256;
/// Longest name of a Brain, in bytes (R064).
pub const MAX_NAME_LEN: u32 = 64;
/// Longest BNS or ENS name of a Brain, in bytes (R064).
pub const MAX_DOMAIN_LEN: u32 = 63;
/// Accounts that the allow-list of one Brain holds at most (R184): as many as it has places for.
pub const MAX_ALLOWED: u32 = MAX_PEERS as u32;
/// Vouchers redeemed by one extrinsic at most (F.3).
pub const MAX_REDEEM_BATCH: u32 = 64;

/// Blocks of one year of the forecasts' clock, 365.25 days (R118, B.2).
pub const TFT_YEAR: BlockNumber = 3_155_760;
/// Share of consensus that forecasts approach by the end of their fourth year, in ppb (R119, B.3).
pub const BETA_CEILING_PPB: u64 = 900_000_000;
/// Blocks of one bucket of metrics: ten minutes (D.4).
pub const METRIC_BUCKET_BLOCKS: BlockNumber = 60;
/// Newest buckets of metrics that the state keeps: a week.
pub const METRIC_BUCKETS: u32 = 1_008;
/// Buckets of metrics that one answer of the runtime holds at most.
pub const METRICS_PER_PAGE: u16 = 256;
/// Revealed forecasts that one answer of the runtime holds at most.
pub const FORECASTS_PER_PAGE: u16 = 256;
/// Network figures that every forecast covers (D.4, F.1-4).
pub const FORECAST_TARGETS: usize = 6;
/// Brains whose performance one forecast covers at most (F.1-4).
pub const MAX_FORECAST_BRAINS: u32 = 64;
/// One-step differences of a figure from which the baseline is made (D.5).
pub const BASELINE_DIFFERENCES: u32 = 64;
/// Differences without which a figure is not winsorised: percentiles of fewer would clip honest news.
pub const WINSOR_MINIMUM: usize = 8;
/// Forecasters without which a Brain's forecast does not count (F.1-4).
pub const MIN_FORECASTERS: usize = 8;
/// Weight of a new round in the moving average of Accuracy, as one over it (D.5).
pub const ACCURACY_EMA_DIVISOR: u64 = 10;
/// Part of a cycle in which forecasts of the cycle before are revealed, as one over it (D.5).
pub const REVEAL_DIVISOR: BlockNumber = 4;

/// A Brain whose stake is at least this fraction (one over it) of all stake is a GigaBrain (R154, B.7).
pub const GIGA_BRAIN_DIVISOR: Balance = 200;
/// Cycles over which the stake of a GigaBrain is averaged (F.2-3).
pub const GIGA_BRAIN_CYCLES: u32 = 8;
/// Brain that houses the TFT Enforcer (R076).
pub const ENFORCER_BRAIN: BrainId = 2;
/// Accuracy from which a validator of the Enforcer's Brain may propose parameters, in ppb (R124).
pub const ENFORCER_ACCURACY_PPB: u64 = 500_000_000;
/// Proposals of Based Labs that may be open at once.
pub const MAX_LABS_PROPOSALS: u32 = 4;
/// Proposals of GigaBrains that may be open at once.
pub const MAX_BRAIN_PROPOSALS: u32 = 11;
/// Proposals of the Enforcer that may be open at once.
pub const MAX_ENFORCER_PROPOSALS: u32 = 1;
/// Proposals that may be open at once.
pub const MAX_PROPOSALS: u32 = MAX_LABS_PROPOSALS + MAX_BRAIN_PROPOSALS + MAX_ENFORCER_PROPOSALS;
/// Part of the eligible GigaBrains that must vote on a proposal that does not pass by default, as one over it (B.21).
pub const QUORUM_DIVISOR: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Capitals of an address are the checksum of EIP-55: a wrong digit would not fit them.
    #[test]
    fn pepecoins_contract_fits_the_published_checksum() {
        let published = "A9E8aCf069C58aEc8825542845Fd754e41a9489A";
        let digits: String = PEPECOIN_CONTRACT
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let checksum = sp_io::hashing::keccak_256(digits.as_bytes());
        let nibbles = checksum.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let spelled = digits.chars().zip(nibbles).map(|(digit, nibble)| match nibble {
            8.. => digit.to_ascii_uppercase(),
            _ => digit,
        });
        assert_eq!(spelled.collect::<String>(), published);
    }
}
