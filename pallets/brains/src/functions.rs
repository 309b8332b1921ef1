//! What the calls share, settings of owners, and what other pallets read.

use alloc::vec::Vec;

use based_primitives::{
    constants::{ADMIN_BRAINS, MAX_BRAINS, PPB, RESERVED_BRAINS},
    traits::{BrainInspect, BrainTransfer},
    BlockNumber, BrainId, BrainKind, BrainName, BrainState, Task,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::{
    traits::{UniqueSaturatedInto, Zero},
    DispatchResult,
};

use crate::{
    types::{Brain, Redistribution},
    Brains, Config, Error, Event, OpenBrains, Pallet,
};

const SCHEME: &str = "https://";

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// The Brain as it stands now, announced values resolved.
    pub fn brain(id: BrainId) -> Option<Brain<T::AccountId>> {
        Brains::<T>::get(id).map(|record| record.at(Self::now()))
    }

    /// A task that was announced and does not yet hold, with the block from which it does (R062).
    pub fn announced_task(id: BrainId) -> Option<(Task, BlockNumber)> {
        Self::brain(id)?.next_task
    }

    /// First block of the cycle that follows the one of `block`.
    pub(crate) fn cycle_start_after(block: BlockNumber) -> BlockNumber {
        let cycle = T::CycleBlocks::get().max(1);
        let into_cycle = block.checked_rem(cycle).unwrap_or_default();
        block.saturating_sub(into_cycle).saturating_add(cycle)
    }

    /// Changes the Brain if `who` owns it.
    pub(crate) fn try_mutate_owned(
        id: BrainId,
        who: &T::AccountId,
        change: impl FnOnce(&mut Brain<T::AccountId>) -> DispatchResult,
    ) -> DispatchResult {
        Brains::<T>::try_mutate(id, |slot| {
            let record = slot.as_mut().ok_or(Error::<T>::UnknownBrain)?;
            ensure!(record.owner == *who, Error::<T>::NotOwner);
            change(record)
        })
    }

    /// Checks that `who` owns the Brain.
    pub(crate) fn ensure_owner(id: BrainId, who: &T::AccountId) -> DispatchResult {
        let record = Brains::<T>::get(id).ok_or(Error::<T>::UnknownBrain)?;
        ensure!(record.owner == *who, Error::<T>::NotOwner);
        Ok(())
    }

    /// Announces a task after the notice period.
    pub(crate) fn do_set_task(who: &T::AccountId, id: BrainId, task: Task) -> DispatchResult {
        Self::ensure_task(&task)?;
        let manifest = task.manifest;
        let now = Self::now();
        let effective_at = now.saturating_add(T::NoticeBlocks::get());
        Self::try_mutate_owned(id, who, |record| {
            record.settle(now);
            record.next_task = Some((task, effective_at));
            Ok(())
        })?;
        Self::deposit_event(Event::TaskChanged {
            brain: id,
            manifest,
            effective_at,
        });
        Ok(())
    }

    /// Announces terms: the miners' share for the next cycle, the commission for the one after.
    pub(crate) fn do_set_terms(
        who: &T::AccountId,
        brain: BrainId,
        miner_share_ppb: u64,
        owner_commission_ppb: u64,
    ) -> DispatchResult {
        Self::ensure_ratio(miner_share_ppb)?;
        Self::ensure_ratio(owner_commission_ppb)?;
        let now = Self::now();
        let miner_share_from = Self::cycle_start_after(now);
        let commission_change = Self::cycle_start_after(miner_share_from);
        let mut owner_commission_from = now;
        Self::try_mutate_owned(brain, who, |record| {
            record.settle(now);
            record.next_miner_share = Some((miner_share_ppb, miner_share_from));
            // A commission that stays needs no notice, and must not restart one that runs.
            let announced = record.next_owner_commission.map(|(value, _)| value);
            if announced != Some(owner_commission_ppb) {
                record.next_owner_commission = (record.owner_commission != owner_commission_ppb)
                    .then_some((owner_commission_ppb, commission_change));
            }
            owner_commission_from = record.next_owner_commission.map_or(now, |(_, from)| from);
            Ok(())
        })?;
        Self::deposit_event(Event::TermsChanged {
            brain,
            miner_share: miner_share_ppb,
            miner_share_from,
            owner_commission: owner_commission_ppb,
            owner_commission_from,
        });
        Ok(())
    }

    /// Announces parts of the owner's income for peers, for the next cycle.
    pub(crate) fn do_set_redistribution(
        who: &T::AccountId,
        brain: BrainId,
        to_miners_ppb: u64,
        to_validators_ppb: u64,
    ) -> DispatchResult {
        let redistribution = Redistribution {
            to_miners: to_miners_ppb,
            to_validators: to_validators_ppb,
        };
        ensure!(redistribution.is_valid(), Error::<T>::RatioTooLarge);
        let now = Self::now();
        let effective_at = Self::cycle_start_after(now);
        Self::try_mutate_owned(brain, who, |record| {
            record.settle(now);
            record.next_redistribution = Some((redistribution, effective_at));
            Ok(())
        })?;
        Self::deposit_event(Event::RedistributionChanged {
            brain,
            to_miners: to_miners_ppb,
            to_validators: to_validators_ppb,
            effective_at,
        });
        Ok(())
    }

    /// Stores a Brain of the genesis configuration.
    pub(crate) fn insert_genesis(
        id: BrainId,
        owner: T::AccountId,
        kind: BrainKind,
        state: BrainState,
        name: &[u8],
        task: Option<Task>,
    ) -> Result<(), &'static str> {
        if id >= MAX_BRAINS {
            return Err("numbers of Brains are 0 to 1,023");
        }
        if Brains::<T>::contains_key(id) {
            return Err("the number appears twice");
        }
        if (kind == BrainKind::Administrative) != ADMIN_BRAINS.contains(&id) {
            return Err("exactly the numbers 0 to 6 and 47 are administrative");
        }
        if (state == BrainState::Reserved) != RESERVED_BRAINS.contains(&id) {
            return Err("exactly the numbers 5, 6 and 47 are reserved");
        }
        let name = BrainName::try_from(name.to_vec()).map_err(|_| "the name is longer than 64 bytes")?;
        Self::ensure_name(&name).map_err(|_| "the name is not UTF-8 without control characters")?;
        if let Some(task) = &task {
            Self::ensure_task(task).map_err(|_| "the task lacks manifest, https:// repository or commit")?;
        }
        let record = Brain {
            name,
            task,
            ..Brain::new(owner, kind, state, Zero::zero())
        };
        Self::insert(id, record).map_err(|_| "the number appears twice")
    }

    /// Checks that a task can be audited: manifest, public repository and commit (R158).
    pub(crate) fn ensure_task(task: &Task) -> Result<(), Error<T>> {
        ensure!(!task.manifest.is_zero(), Error::<T>::MissingManifest);
        ensure!(task.commit != [0; 20], Error::<T>::MissingCommit);
        let url = core::str::from_utf8(&task.repository).map_err(|_| Error::<T>::InvalidRepository)?;
        let rest = url.strip_prefix(SCHEME).ok_or(Error::<T>::InvalidRepository)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        ensure!(!host.is_empty(), Error::<T>::InvalidRepository);
        ensure!(
            !rest.chars().any(|c| c.is_whitespace() || c.is_control()),
            Error::<T>::InvalidRepository
        );
        Ok(())
    }

    /// Checks that a name can be shown on a terminal.
    pub(crate) fn ensure_name(name: &BrainName) -> Result<(), Error<T>> {
        let text = core::str::from_utf8(name).map_err(|_| Error::<T>::InvalidName)?;
        ensure!(!text.chars().any(char::is_control), Error::<T>::InvalidName);
        Ok(())
    }

    /// Checks a ratio in parts per billion.
    pub(crate) fn ensure_ratio(ppb: u64) -> Result<(), Error<T>> {
        ensure!(ppb <= PPB, Error::<T>::RatioTooLarge);
        Ok(())
    }
}

impl<T: Config> BrainTransfer<T::AccountId> for Pallet<T> {
    fn transfer(from: T::AccountId, brain: BrainId, to: T::AccountId) -> DispatchResult {
        Self::do_transfer(from, brain, to)
    }
}

impl<T: Config> BrainInspect<T::AccountId> for Pallet<T> {
    fn owner(brain: BrainId) -> Option<T::AccountId> {
        Brains::<T>::get(brain).map(|record| record.owner)
    }

    fn reward_account(brain: BrainId) -> Option<T::AccountId> {
        Brains::<T>::get(brain).map(|record| record.reward_account.unwrap_or(record.owner))
    }

    fn is_open(brain: BrainId) -> bool {
        Brains::<T>::get(brain).is_some_and(|record| record.state == BrainState::Active)
    }

    fn admits(brain: BrainId, account: &T::AccountId) -> bool {
        Self::is_open(brain) && Self::is_allowed(brain, account)
    }

    fn task(brain: BrainId) -> Option<Task> {
        Self::brain(brain)?.task
    }

    fn owner_commission(brain: BrainId) -> u64 {
        Self::brain(brain).map_or(0, |record| record.owner_commission)
    }

    fn miner_share(brain: BrainId) -> u64 {
        Self::brain(brain).map_or(0, |record| record.miner_share)
    }

    fn owner_redistribution(brain: BrainId) -> (u64, u64) {
        let parts = Self::brain(brain).map_or_else(Default::default, |record| record.redistribution);
        (parts.to_miners, parts.to_validators)
    }

    fn owner_earns(brain: BrainId) -> bool {
        Brains::<T>::get(brain).is_some_and(|record| {
            let vested_at = record.issued_at.saturating_add(T::OwnerVesting::get());
            record.kind != BrainKind::Staked || Self::now() >= vested_at
        })
    }

    fn open_brains() -> Vec<BrainId> {
        OpenBrains::<T>::get().into_inner()
    }
}
