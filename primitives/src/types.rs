//! Identifiers and records that pass between pallets, runtime APIs and programs.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::H256;
use sp_runtime::{traits::ConstU32, BoundedVec, Weight};

use crate::constants::{MAX_DOMAIN_LEN, MAX_NAME_LEN, MAX_PEERS, MAX_URL_LEN};

/// Amount of $BASED in units of 10^-18.
pub type Balance = u128;
/// Height of a block.
pub type BlockNumber = u32;
/// Number of a Brain, 0 to 1,023 (R072).
pub type BrainId = u16;
/// Number of a peer within its Brain, 0 to 2,047.
pub type Uid = u16;
/// Number of a spending account.
pub type SpendingAccountId = u64;
/// Identifier a client draws at random for one job.
pub type JobId = [u8; 32];
/// Ed25519 public key that authenticates a peer's endpoint and signs its receipts (R125).
pub type ComputeKey = [u8; 32];
/// Name of a Brain, UTF-8.
pub type BrainName = BoundedVec<u8, ConstU32<MAX_NAME_LEN>>;
/// BNS or ENS name of a Brain, in lower-case ASCII (R064).
pub type Domain = BoundedVec<u8, ConstU32<MAX_DOMAIN_LEN>>;
/// Number of a template of tasks; 0 is the Hugging Face ZK-LLM Converter (R069).
pub type TemplateId = u16;
/// Bound of vectors with one entry a peer.
pub type MaxPeers = ConstU32<{ MAX_PEERS as u32 }>;
/// Values of a validator on peers, by strictly ascending uid.
pub type Edges = BoundedVec<(Uid, u16), MaxPeers>;
/// URL of a repository, UTF-8.
pub type Url = BoundedVec<u8, ConstU32<MAX_URL_LEN>>;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        $item
    };
}

record! {
    /// What a peer does in a Brain.
    #[derive(Copy, PartialOrd, Ord, Serialize, Deserialize)]
    pub enum Role { Miner, Validator }
}
record! {
    /// Processor a peer dedicates (R023).
    #[derive(Copy, Serialize, Deserialize)]
    pub enum ResourceKind { Cpu, Gpu }
}
record! {
    /// What a peer declares when it joins (R023, R029).
    #[derive(Copy, Serialize, Deserialize)]
    pub struct Resources {
        /// Processor that does the work.
        pub kind: ResourceKind,
        /// Disk the peer keeps within, in MiB.
        pub storage_mib: u32,
    }
}
record! {
    /// Address of an endpoint (R125).
    #[derive(Copy, Serialize, Deserialize)]
    pub enum IpAddress { V4([u8; 4]), V6([u8; 16]) }
}
record! {
    /// Where a peer listens (R125).
    #[derive(Copy, Serialize, Deserialize)]
    pub struct Endpoint {
        /// Address.
        pub ip: IpAddress,
        /// TCP port, not 0.
        pub port: u16,
    }
}
record! {
    /// The task of a Brain: which model its peers run and where its code can be audited (R011, R158).
    #[derive(Serialize, Deserialize)]
    pub struct Task {
        /// SHA-256 of the model's manifest.
        pub manifest: H256,
        /// Repository with the task's code.
        pub repository: Url,
        /// Commit of that repository.
        pub commit: [u8; 20],
        /// Whether prompts are encrypted; on by default (R071).
        pub zk: bool,
    }
}
impl Task {
    /// A task whose prompts are encrypted, as they are unless the Brain's owner says otherwise (R071).
    pub fn new(manifest: H256, repository: Url, commit: [u8; 20]) -> Self {
        Self {
            manifest,
            repository,
            commit,
            zk: true,
        }
    }
}
record! {
    /// How a Brain came to be (R033, R073).
    #[derive(Copy, Serialize, Deserialize)]
    pub enum BrainKind {
        /// One of the eight kept by Based Labs.
        Administrative,
        /// Issued for burnt Pepecoin: transferable, permanent.
        Burned,
        /// Issued for staked Pepecoin: not transferable; the owner earns after 90 days.
        Staked,
    }
}
record! {
    /// Whether a Brain works.
    #[derive(Copy, Serialize, Deserialize)]
    pub enum BrainState { Active, Reserved }
}
record! {
    /// Prices of a Brain (R138-R142): $BASED for 1,000 compute units.
    #[derive(Copy, Serialize, Deserialize)]
    pub struct PriceList {
        /// Price of 1,000 prompt units.
        pub prompt: Balance,
        /// Price of 1,000 completion units.
        pub completion: Balance,
        /// Most units, prompt and completion together, that one operation may use (R140).
        pub context: u32,
    }
}
record! {
    /// What a spending account may be used for (R145).
    #[derive(Copy, Serialize, Deserialize)]
    pub enum Purpose { Prompt, Training, Task }
}
record! {
    /// A peer as read by clients.
    #[derive(Serialize, Deserialize)]
    pub struct PeerInfo<AccountId> {
        /// Number within the Brain.
        pub uid: Uid,
        /// Account that is paid.
        pub account: AccountId,
        /// Miner or validator.
        pub role: Role,
        /// Where it listens.
        pub endpoint: Endpoint,
        /// Key that authenticates the endpoint.
        pub computekey: ComputeKey,
        /// Declared resources.
        pub resources: Resources,
        /// Block of registration.
        pub registered_at: BlockNumber,
    }
}
record! {
    /// What a Brain asks of rows of weights that are committed now (C.10, C.11-T5).
    #[derive(Copy, Serialize, Deserialize)]
    pub struct WeightTerms {
        /// Cycles between a commitment and its reveal.
        pub reveal_delay: u32,
        /// Positive weights that the row must have.
        pub min_weights: u16,
        /// Whether a single weight may make up only a small part of the row:
        /// [`crate::constants::EDGE_SHARE_DIVISOR`].
        pub spread: bool,
    }
}
record! {
    /// How a Brain does (C.7, F.2-2), all in ppb.
    #[derive(Copy, Serialize, Deserialize)]
    pub struct BrainPerformance {
        /// Moving average of uptime times quality times the score from outside, which decides its share.
        pub performance: u64,
        /// Of the stake with a reveal due in the last cycle, the part whose holders made it.
        pub uptime: u64,
        /// Share of rank that reached consensus in the last epoch.
        pub quality: u64,
        /// Validators outside the Brain whose score of it counts now.
        pub scorers: u16,
        /// Median of their scores by stake, by which the next epoch would multiply quality; none while they are fewer
        /// than [`crate::constants::MIN_SCORERS`].
        pub outside: Option<u64>,
    }
}
record! {
    /// A Brain as read by clients.
    #[derive(Serialize, Deserialize)]
    pub struct BrainInfo<AccountId> {
        /// Number.
        pub id: BrainId,
        /// Owner.
        pub owner: AccountId,
        /// How it came to be.
        pub kind: BrainKind,
        /// Whether it works.
        pub state: BrainState,
        /// Name.
        pub name: BrainName,
        /// Task in force.
        pub task: Option<Task>,
        /// Announced task and the block from which it holds (R062).
        pub next_task: Option<(Task, BlockNumber)>,
        /// Registration fee.
        pub fee: Balance,
        /// Prices, if the owner set any.
        pub prices: Option<PriceList>,
        /// Memorized miners.
        pub miners: u16,
        /// Memorized validators.
        pub validators: u16,
        /// $BASED staked to it, its validators included.
        pub stake: Balance,
    }
}

impl PriceList {
    /// Price of an operation, rounded up to the unit; `None` if it exceeds the context (R140) or overflows.
    pub fn quote(&self, prompt_units: u32, completion_units: u32) -> Option<Balance> {
        if prompt_units.checked_add(completion_units)? > self.context {
            return None;
        }
        let prompt = self.prompt.checked_mul(prompt_units.into())?;
        let completion = self.completion.checked_mul(completion_units.into())?;
        prompt.checked_add(completion).map(|sum| sum.div_ceil(1_000))
    }
}

/// Scores of one Brain's epoch by which its pools are apportioned (C.2).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct EpochScores<AccountId> {
    /// Miners and their incentive scores, by uid.
    pub miners: Vec<(AccountId, u128)>,
    /// Validators and their dividend scores, by uid.
    pub validators: Vec<(AccountId, u128)>,
}

/// How far an epoch came in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochAdvance<AccountId> {
    /// Scores, once it has ended.
    pub scores: Option<EpochScores<AccountId>>,
    /// What the work of this block cost.
    pub weight: Weight,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::BASED;

    /// A price of Table 3, in millionths of $BASED.
    fn prices(prompt: u128, completion: u128, context: u32) -> PriceList {
        PriceList {
            prompt: prompt * BASED / 1_000_000,
            completion: completion * BASED / 1_000_000,
            context,
        }
    }

    #[test]
    fn a_thousand_and_a_thousand_units_of_gpt_4_cost_nine_hundredths() {
        let gpt_4 = prices(30_000, 60_000, 8_191);
        assert_eq!(gpt_4.quote(1_000, 1_000), Some(BASED / 100 * 9));
    }

    #[test]
    fn prompt_and_completion_are_priced_apart() {
        let mistral = prices(2_778, 8_333, 32_000);
        assert_eq!(
            mistral.quote(16, 1),
            Some((16 * 2_778 + 8_333) * BASED / 1_000_000_000)
        );
        assert_eq!(mistral.quote(0, 0), Some(0));
    }

    #[test]
    fn the_context_is_the_most_one_operation_uses() {
        let prices = prices(30_000, 60_000, 8_191);
        assert!(prices.quote(8_000, 191).is_some());
        assert_eq!(prices.quote(8_000, 192), None);
        assert_eq!(prices.quote(u32::MAX, u32::MAX), None);
    }

    #[test]
    fn quotes_round_up_and_never_overflow() {
        let tiny = PriceList {
            prompt: 1,
            completion: 0,
            context: 10_000,
        };
        assert_eq!(tiny.quote(1, 0), Some(1));
        assert_eq!(tiny.quote(1_001, 0), Some(2));
        assert_eq!(
            PriceList {
                prompt: u128::MAX,
                completion: 0,
                context: 10
            }
            .quote(2, 0),
            None
        );
        assert_eq!(
            PriceList {
                prompt: u128::MAX,
                completion: 1,
                context: 10
            }
            .quote(1, 1),
            None
        );
    }
}
