//! Records of the pallets as programs read them: fields by name, so that further fields do no harm.

use based_primitives::{Balance, BlockNumber, BrainId, Purpose, TemplateId, Uid};
use sp_core::H256;
use subxt::{
    ext::{scale_decode::DecodeAsType, scale_encode::EncodeAsType},
    utils::Static,
};

use super::AccountId;

/// Miners for whom one spending account reserves at most.
pub const MAX_RESERVATIONS: u32 = 32;

/// A spending account (R145, F.3).
#[derive(Debug, Clone, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct SpendingAccount {
    /// Account whose $BASED it holds.
    pub owner: Static<AccountId>,
    /// Account that signs vouchers.
    pub spender: Static<AccountId>,
    /// What it may be used for.
    pub purpose: Static<Purpose>,
    /// Held and not reserved for any miner.
    pub balance: Balance,
    /// Reserved for miners and not redeemed.
    pub reserved: Balance,
    /// Most that may be spent in all.
    pub cap: Balance,
    /// Spent so far.
    pub spent: Balance,
    /// Last block in which it pays.
    pub expiry: BlockNumber,
    /// Block in which a closing may end, if one was started.
    pub closing: Option<BlockNumber>,
    /// Number of miners for whom it has reserved; at most [`MAX_RESERVATIONS`].
    pub reservations: u32,
}

impl SpendingAccount {
    /// Most that can be reserved now: neither the balance nor the cap is exceeded.
    pub fn room(&self) -> Balance {
        self.balance
            .min(self.cap.saturating_sub(self.spent).saturating_sub(self.reserved))
    }
}

/// Part of a spending account reserved for one miner (F.3-1).
#[derive(Debug, Clone, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Reservation {
    /// Brain for whose work it pays.
    pub brain: BrainId,
    /// Reserved in all, redeemed part included.
    pub reserved: Balance,
    /// Redeemed so far.
    pub redeemed: Balance,
}

/// Stake of one account on a Brain or on one of its validators.
#[derive(Debug, Clone)]
pub struct StakePosition {
    /// Brain.
    pub brain: BrainId,
    /// Validator, or the Brain as such.
    pub validator: Option<AccountId>,
    /// Stake.
    pub amount: Balance,
}

/// What an account unstaked and did not withdraw.
#[derive(Debug, Clone, Copy, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Unstaking {
    /// Withdrawable now.
    pub withdrawable: Balance,
    /// Withdrawable from `pending_until` on.
    pub pending: Balance,
    /// First block in which `pending` can be withdrawn.
    pub pending_until: BlockNumber,
}

/// What an account unstaked from a producer of blocks in one cycle. It can be slashed until it is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingStake {
    /// The producer.
    pub validator: AccountId,
    /// Cycle in which it was unstaked.
    pub cycle: BlockNumber,
    /// Amount.
    pub amount: Balance,
    /// First block in which it can be withdrawn.
    pub until: BlockNumber,
}

/// An account that writes blocks, would, or did (F.2-5).
#[derive(Debug, Clone, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Operator {
    /// Brain whose validator it is; none for one of genesis that never opted in.
    pub brain: Option<BrainId>,
    /// Bond held.
    pub bond: Balance,
    /// Whether it stands for election.
    pub running: bool,
    /// Whether it has written a block since it opted in.
    pub proven: bool,
    /// Blocks of the sessions since it last wrote one.
    pub idle: u32,
    /// Block until which its offences may be reported.
    pub exposed_until: BlockNumber,
}

/// An equivocation that was proven.
#[derive(Debug, Clone, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Bar {
    /// Block in which it was reported.
    pub reported_at: BlockNumber,
    /// Part of stake and bond that it costs, in parts per billion.
    pub part: u64,
}

/// A commitment to a row of weights that was not revealed yet.
#[derive(Debug, Clone, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Commitment {
    /// Hash of the row: see `based_primitives::weights_commitment`.
    pub hash: Static<H256>,
    /// Block in which it was made.
    pub at: BlockNumber,
}

/// Edges of a validator to peers of other Brains.
#[derive(Debug, Clone, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct CrossRow {
    /// Block in which they were set.
    pub set_at: BlockNumber,
    /// The edges, by Brain and uid.
    pub edges: Vec<CrossEdge>,
}

/// An edge to a peer of another Brain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct CrossEdge {
    /// The other Brain.
    pub brain: BrainId,
    /// Number of the peer there.
    pub uid: Uid,
    /// What it scored, as a part of 65,535.
    pub weight: u16,
}

/// What the owner of a Brain stored for it, beside what every reader gets of a Brain.
#[derive(Debug, Clone, Default)]
pub struct BrainSettings {
    /// Account that receives the owner's income, if not the owner.
    pub reward_account: Option<AccountId>,
    /// Block in which it was issued.
    pub issued_at: BlockNumber,
    /// Names and template.
    pub profile: BrainProfile,
    /// Whether only accounts on its list may join, and how many are on it.
    pub admission: BrainAdmission,
    /// Whether newcomers take the places of those who earn least.
    pub pruning: bool,
    /// Pepecoin staked for it on this chain.
    pub stake: Option<Balance>,
}

/// Names and template of a Brain.
#[derive(Debug, Clone, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct BrainProfile {
    /// Name in the network's own name service.
    pub bns: Option<Vec<u8>>,
    /// Name in the Ethereum Name Service.
    pub ens: Option<Vec<u8>>,
    /// Whether Ethereum showed that the owner has that name.
    pub ens_proved: bool,
    /// Template from which the task was made.
    pub template: Option<TemplateId>,
}

/// Whom a Brain admits.
#[derive(Debug, Clone, Copy, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct BrainAdmission {
    /// Whether only accounts on the list may join.
    pub restricted: bool,
    /// Accounts on the list.
    pub allowed: u32,
}

/// Pepecoin that went into Brains on this chain.
#[derive(Debug, Clone, Copy, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct PepecoinTotals {
    /// Burnt since genesis.
    pub burned: Balance,
    /// Staked now.
    pub staked: Balance,
}

/// Event of a Brain's issue.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct BrainIssued {
    /// Its number.
    pub brain: BrainId,
}

impl subxt::events::DecodeAsEvent for BrainIssued {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Brains" && event == "BrainIssued"
    }
}

/// Event of a validator's announcement of its take.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct TakeSet {
    /// Block from which on it holds.
    pub effective_at: BlockNumber,
}

impl subxt::events::DecodeAsEvent for TakeSet {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Staking" && event == "TakeSet"
    }
}

/// Event of what was paid for a Brain.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct PepecoinPaid {
    /// Pepecoin.
    pub amount: Balance,
}

impl subxt::events::DecodeAsEvent for PepecoinPaid {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Brains" && event == "PepecoinPaid"
    }
}

/// An account's native balance.
#[derive(Debug, Clone, Copy, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct AccountBalance {
    /// Free, frozen part included.
    pub free: Balance,
    /// On hold: stake and spending accounts.
    pub reserved: Balance,
    /// Part of the free balance that must stay.
    pub frozen: Balance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct SystemAccount {
    pub data: AccountBalance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct ValidatorRecord {
    pub commits: Vec<Commitment>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct Promise {
    pub hash: Static<H256>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct Row {
    pub uids: Vec<Uid>,
    pub weights: Vec<u16>,
}

#[derive(DecodeAsType, EncodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub(super) struct Target {
    pub brain: BrainId,
    pub validator: Option<Static<AccountId>>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct Position {
    pub amount: Balance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct LeavingFunds {
    pub amount: Balance,
    pub until: BlockNumber,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct BrainRecord {
    pub reward_account: Option<Static<AccountId>>,
    pub issued_at: BlockNumber,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct KeysRecord {
    pub babe: Static<[u8; 32]>,
    pub grandpa: Static<[u8; 32]>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(super) struct AssetAccount {
    pub balance: Balance,
}
