//! Records of this pallet.

use alloc::vec::Vec;

use based_primitives::{
    constants::PPB,
    forecasts::{Figures, Quantiles},
    math::Sketch,
    Balance, BrainId, ComputeKey,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_core::H256;

/// Forecasts kept of one Brain: those with the most weight.
pub const FORECASTS_PER_BRAIN: u32 = 64;
/// Units of 10^-6 in one.
const MILLION: u128 = 1_000_000;
/// Units of 10^-18 $BASED in one of the fixed-point fee, 10^-12 $BASED.
const FEE_UNIT: u128 = 1_000_000;
/// Parts per billion in one part per million.
const PPB_IN_PPM: u128 = PPB as u128 / MILLION;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone,
            Debug,
            Default,
            PartialEq,
            Eq,
            Encode,
            Decode,
            DecodeWithMemTracking,
            MaxEncodedLen,
            TypeInfo,
        )]
        $item
    };
}

record! {
    /// What was counted in the block being built, besides payments.
    pub struct Traffic {
        /// Seed of the cycle, by which accounts find their bits in sketches.
        pub seed: H256,
        /// Peers that joined a Brain.
        pub joins: u32,
        /// Peers that left a Brain.
        pub leaves: u32,
    }
}

record! {
    /// A transaction that paid.
    pub struct Payment {
        /// The account, folded to 64 bits.
        pub payer: u64,
        /// The fee without tip.
        pub fee: Balance,
    }
}

record! {
    /// Sums over the blocks of a bucket or of a cycle so far.
    pub struct Window {
        /// Blocks.
        pub blocks: u32,
        /// Transactions that paid.
        pub transactions: u64,
        /// Their fees without tips.
        pub fees: Balance,
        /// Bytes of blocks.
        pub bytes: u64,
        /// Times between two blocks that were seen.
        pub intervals: u32,
        /// Their sum in milliseconds.
        pub time: u64,
        /// The longest of them in milliseconds.
        pub time_max: u64,
        /// Rewards minted.
        pub emission: Balance,
        /// Peers that joined a Brain.
        pub joins: u32,
        /// Peers that left a Brain.
        pub leaves: u32,
    }
}

impl Window {
    /// Adds later blocks.
    pub fn merge(&mut self, later: &Self) {
        self.blocks = self.blocks.saturating_add(later.blocks);
        self.transactions = self.transactions.saturating_add(later.transactions);
        self.fees = self.fees.saturating_add(later.fees);
        self.bytes = self.bytes.saturating_add(later.bytes);
        self.intervals = self.intervals.saturating_add(later.intervals);
        self.time = self.time.saturating_add(later.time);
        self.time_max = self.time_max.max(later.time_max);
        self.emission = self.emission.saturating_add(later.emission);
        self.joins = self.joins.saturating_add(later.joins);
        self.leaves = self.leaves.saturating_add(later.leaves);
    }

    /// Mean fee of a transaction; 0 without any.
    pub fn mean_fee(&self) -> Balance {
        self.fees.checked_div(self.transactions.into()).unwrap_or(0)
    }

    /// Mean time between blocks in milliseconds; 0 while none was seen.
    pub fn mean_time(&self) -> u64 {
        self.time.checked_div(self.intervals.into()).unwrap_or(0)
    }

    /// Figures that forecasts are about, with six decimals, of a cycle with so many accounts and this performance of
    /// Brains.
    pub fn figures(&self, accounts: u32, standings: &Standings) -> Figures {
        let time = u128::from(self.time).saturating_mul(MILLION);
        [
            u128::from(self.transactions).saturating_mul(MILLION),
            time.checked_div(self.intervals.into()).unwrap_or(0),
            u128::from(self.bytes).saturating_mul(MILLION),
            u128::from(accounts).saturating_mul(MILLION),
            self.mean_fee().checked_div(FEE_UNIT).unwrap_or(0),
            u128::from(standings.mean_performance())
                .checked_div(PPB_IN_PPM)
                .unwrap_or(0),
        ]
        .map(|figure| i64::try_from(figure).unwrap_or(i64::MAX))
    }
}

record! {
    /// How one Brain stood when it was last looked at.
    #[derive(Copy)]
    pub struct Standing {
        /// Performance in ppb.
        pub performance: u64,
        /// Active validators.
        pub validators: u16,
    }
}

record! {
    /// Sums over the last standings of all Brains.
    pub struct Standings {
        /// Brains with a performance above 0.
        pub performing: u32,
        /// Sum of performances in ppb.
        pub performance: u64,
        /// Sum of active validators.
        pub validators: u32,
    }
}

impl Standings {
    /// Replaces what one Brain adds.
    pub fn replace(&mut self, old: &Standing, new: &Standing) {
        let performs = |standing: &Standing| u32::from(standing.performance > 0);
        self.performing = self
            .performing
            .saturating_sub(performs(old))
            .saturating_add(performs(new));
        self.performance = self
            .performance
            .saturating_sub(old.performance)
            .saturating_add(new.performance);
        self.validators = self
            .validators
            .saturating_sub(old.validators.into())
            .saturating_add(new.validators.into());
    }

    /// Mean performance of the Brains that perform, in ppb; 0 if none does.
    pub fn mean_performance(&self) -> u64 {
        self.performance.checked_div(self.performing.into()).unwrap_or(0)
    }
}

record! {
    /// What is being measured.
    pub struct Meter {
        /// Time of the last block in milliseconds.
        pub moment: Option<u64>,
        /// Blocks of the bucket so far.
        pub bucket: Window,
        /// Blocks of the cycle so far.
        pub cycle: Window,
        /// Brains as last seen.
        pub standings: Standings,
    }
}

record! {
    /// Accounts that paid.
    pub struct Payers {
        /// In the bucket so far.
        pub bucket: Sketch,
        /// In the cycle so far.
        pub cycle: Sketch,
    }
}

impl Payment {
    /// By an account in its encoded form.
    pub fn new(payer: &[u8], fee: Balance) -> Self {
        let payer = payer.chunks(8).fold(0, |key, bytes| key ^ word(bytes));
        Self { payer, fee }
    }
}

impl Payers {
    /// Sees who paid. Which bit is whose depends on the seed: two rounds of multiplying by its words and folding.
    pub fn see(&mut self, payments: &[Payment], seed: &H256) {
        let rounds = seed.0.chunks(16).map(|words| {
            let (mask, factor) = words.split_at(8);
            (word(mask), word(factor) | 1)
        });
        let rounds: Vec<(u64, u64)> = rounds.collect();
        for payment in payments {
            let hash = rounds.iter().fold(payment.payer, |hash, (mask, factor)| {
                let product = u128::from(hash ^ mask).wrapping_mul((*factor).into());
                product as u64 ^ (product >> 64) as u64
            });
            self.bucket.insert(hash);
            self.cycle.insert(hash);
        }
    }
}

/// The number that up to eight bytes make, the lowest first.
fn word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

record! {
    /// Number of forecasters committed to a round.
    #[derive(Copy)]
    pub struct Committed {
        /// The round.
        pub round: u32,
        /// Forecasters.
        pub forecasters: u32,
    }
}

record! {
    /// A forecaster's promise.
    #[derive(Copy)]
    pub struct Commitment {
        /// Hash of the forecast, see [`based_primitives::forecasts::commitment`].
        pub hash: H256,
        /// Brain in which the forecaster validates.
        pub brain: BrainId,
        /// Its computekey there, which the hash covers.
        pub computekey: ComputeKey,
        /// What is held until it reveals.
        pub deposit: Balance,
    }
}

record! {
    /// A forecast that was revealed and waits for its score.
    #[derive(Copy)]
    pub struct Revealed {
        /// Stake of the forecaster in the Brain it named.
        pub stake: Balance,
        /// What it forecast.
        pub quantiles: Quantiles,
    }
}

record! {
    /// Accuracy as it was after a round.
    #[derive(Copy)]
    pub struct AccuracyRecord {
        /// In ppb.
        pub value: u32,
        /// The last round with a forecast.
        pub round: u32,
    }
}

record! {
    /// One forecast of a Brain's performance.
    #[derive(Copy)]
    pub struct Voice {
        /// Forecast in ppb.
        pub performance: u32,
        /// Stake times Accuracy of the forecaster; above 0.
        pub weight: u128,
    }
}

record! {
    /// Forecasts of one Brain's performance in a round.
    pub struct Voices {
        /// The round.
        pub round: u32,
        /// Those with the most weight, in no order.
        pub voices: BoundedVec<Voice, ConstU32<FORECASTS_PER_BRAIN>>,
    }
}

impl Voices {
    /// Adds a forecast; if there is no room, it replaces the one with the least weight, should that be less.
    pub fn add(&mut self, voice: Voice) {
        if self.voices.try_push(voice).is_ok() {
            return;
        }
        if let Some(least) = self.voices.iter_mut().min_by_key(|other| other.weight) {
            if least.weight < voice.weight {
                *least = voice;
            }
        }
    }
}
