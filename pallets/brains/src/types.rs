//! Records of the pallet.

use alloc::vec::Vec;
use core::marker::PhantomData;

use based_primitives::{
    constants::{DEFAULT_MINER_SHARE_PPB, DEFAULT_OWNER_COMMISSION_PPB, PPB},
    Balance, BlockNumber, BrainId, BrainKind, BrainName, BrainState, Domain, Task, TemplateId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::{EnsureOrigin, OriginTrait};
use scale_info::TypeInfo;

use crate::{Bridge, Config};

/// Number, owner, kind, state, name and task in force of a Brain that exists from the first block.
pub type GenesisBrain<AccountId> = (BrainId, AccountId, BrainKind, BrainState, Vec<u8>, Option<Task>);

/// Parts of the owner's income that go to peers, in parts per billion (R097).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Redistribution {
    /// To the miners' pool.
    pub to_miners: u64,
    /// To the validators' pool.
    pub to_validators: u64,
}

impl Redistribution {
    /// Whether both parts together are at most the whole.
    pub fn is_valid(&self) -> bool {
        self.to_miners
            .checked_add(self.to_validators)
            .is_some_and(|sum| sum <= PPB)
    }
}

/// A Brain as stored. Fields named `next_*` hold a value with the block from which it replaces the field
/// without the prefix: read through the methods, never directly.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Brain<AccountId> {
    /// Owner.
    pub owner: AccountId,
    /// How it came to be.
    pub kind: BrainKind,
    /// Whether it works.
    pub state: BrainState,
    /// Name, UTF-8, empty if none.
    pub name: BrainName,
    /// Task.
    pub task: Option<Task>,
    /// Announced task.
    pub next_task: Option<(Task, BlockNumber)>,
    /// Account that receives the owner's income, if not the owner.
    pub reward_account: Option<AccountId>,
    /// Owner's commission, in parts per billion.
    pub owner_commission: u64,
    /// Announced commission.
    pub next_owner_commission: Option<(u64, BlockNumber)>,
    /// Miners' share of the node pool, in parts per billion.
    pub miner_share: u64,
    /// Announced miners' share.
    pub next_miner_share: Option<(u64, BlockNumber)>,
    /// Parts of the owner's income passed on to peers.
    pub redistribution: Redistribution,
    /// Announced parts.
    pub next_redistribution: Option<(Redistribution, BlockNumber)>,
    /// Block in which it was issued.
    pub issued_at: BlockNumber,
}

impl<AccountId> Brain<AccountId> {
    /// A Brain with default terms, without name and task.
    pub fn new(owner: AccountId, kind: BrainKind, state: BrainState, issued_at: BlockNumber) -> Self {
        Self {
            owner,
            kind,
            state,
            name: BrainName::default(),
            task: None,
            next_task: None,
            reward_account: None,
            owner_commission: DEFAULT_OWNER_COMMISSION_PPB,
            next_owner_commission: None,
            miner_share: DEFAULT_MINER_SHARE_PPB,
            next_miner_share: None,
            redistribution: Redistribution::default(),
            next_redistribution: None,
            issued_at,
        }
    }

    /// Folds every announced value that holds at `now` into its field.
    pub fn settle(&mut self, now: BlockNumber) {
        if let Some(task) = take_due(&mut self.next_task, now) {
            self.task = Some(task);
        }
        if let Some(value) = take_due(&mut self.next_owner_commission, now) {
            self.owner_commission = value;
        }
        if let Some(value) = take_due(&mut self.next_miner_share, now) {
            self.miner_share = value;
        }
        if let Some(value) = take_due(&mut self.next_redistribution, now) {
            self.redistribution = value;
        }
    }

    /// The Brain as it stands at `now`.
    pub fn at(mut self, now: BlockNumber) -> Self {
        self.settle(now);
        self
    }
}

fn take_due<V>(next: &mut Option<(V, BlockNumber)>, now: BlockNumber) -> Option<V> {
    match next {
        Some((_, at)) if *at <= now => next.take().map(|(value, _)| value),
        _ => None,
    }
}

/// Pepecoin that went into Brains on this chain (R050), in units of 10^-18.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Totals {
    /// Burnt since genesis.
    pub burned: Balance,
    /// Staked now.
    pub staked: Balance,
}

/// What an audit of a task found (R158).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum AuditStatus {
    /// Nobody has reported.
    #[default]
    Unaudited,
    /// No objection.
    Passed,
    /// Peers should not run it.
    Rejected,
}

/// Whom a Brain admits (R184).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Admission {
    /// Whether only accounts on the list may join.
    pub restricted: bool,
    /// Accounts on the list.
    pub allowed: u32,
}

/// Domain names and template of a Brain.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Profile {
    /// Name in the network's own name service, unique (R064).
    pub bns: Option<Domain>,
    /// Name in the Ethereum Name Service, as the owner claims (R064).
    pub ens: Option<Domain>,
    /// Whether Ethereum showed that the owner has that name.
    pub ens_proved: bool,
    /// Template from which the task was made (R069).
    pub template: Option<TemplateId>,
}

/// Origin of the account that governance appointed to speak for Ethereum.
pub struct EnsureBridge<T>(PhantomData<T>);

impl<T: Config> EnsureOrigin<T::RuntimeOrigin> for EnsureBridge<T> {
    type Success = ();

    fn try_origin(origin: T::RuntimeOrigin) -> Result<(), T::RuntimeOrigin> {
        match origin.as_signer() {
            Some(who) if Bridge::<T>::get().as_ref() == Some(who) => Ok(()),
            _ => Err(origin),
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn try_successful_origin() -> Result<T::RuntimeOrigin, ()> {
        let account = Bridge::<T>::get().ok_or(())?;
        Ok(frame_system::RawOrigin::Signed(account).into())
    }
}
