//! What the calls share, what other pallets read, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::{ADMIN_BRAINS, MAX_BRAINS, PPB, RESERVED_BRAINS},
    traits::BrainInspect,
    BlockNumber, BrainId, BrainKind, BrainName, BrainState, Task,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::{
    traits::{UniqueSaturatedInto, Zero},
    DispatchError, DispatchResult,
};

use crate::{types::Brain, Brains, Config, Error, OpenBrains, Pallet};

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

    /// Checks that a number can be issued.
    pub(crate) fn ensure_free(id: BrainId) -> Result<BrainId, DispatchError> {
        ensure!(id < MAX_BRAINS, Error::<T>::InvalidNumber);
        ensure!(!ADMIN_BRAINS.contains(&id), Error::<T>::AdministrativeNumber);
        ensure!(!Brains::<T>::contains_key(id), Error::<T>::NumberTaken);
        Ok(id)
    }

    /// Lowest number that can be issued. One read: issued Brains outside the administrative ones are open.
    pub(crate) fn lowest_free() -> Option<BrainId> {
        let open = OpenBrains::<T>::get();
        (0..MAX_BRAINS).find(|id| !ADMIN_BRAINS.contains(id) && open.binary_search(id).is_err())
    }

    /// Stores a new Brain and lists it if it is open.
    pub(crate) fn insert(id: BrainId, record: Brain<T::AccountId>) -> DispatchResult {
        if record.state == BrainState::Active {
            OpenBrains::<T>::try_mutate(|open| {
                let at = open.binary_search(&id).err().ok_or(Error::<T>::NumberTaken)?;
                open.try_insert(at, id).map_err(|_| Error::<T>::NoFreeNumber)
            })?;
        }
        Brains::<T>::insert(id, record);
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

#[cfg(any(test, feature = "try-runtime"))]
impl<T: Config> Pallet<T> {
    /// Checks the invariants named in the pallet's header.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let open = OpenBrains::<T>::get();
        ensure!(
            open.iter().zip(open.iter().skip(1)).all(|(a, b)| a < b),
            "numbers of open Brains must ascend"
        );
        let mut active = 0usize;
        for (id, record) in Brains::<T>::iter() {
            ensure!(id < MAX_BRAINS, "number of a Brain out of range");
            ensure!(
                (record.kind == BrainKind::Administrative) == ADMIN_BRAINS.contains(&id),
                "administrative kind and number must agree"
            );
            ensure!(
                (record.state == BrainState::Reserved) == RESERVED_BRAINS.contains(&id),
                "reserved state and number must agree"
            );
            if record.state == BrainState::Active {
                ensure!(
                    open.binary_search(&id).is_ok(),
                    "an active Brain is missing from the open ones"
                );
                active = active.saturating_add(1);
            }
            Self::try_state_of(&record)?;
        }
        ensure!(
            active == open.len(),
            "an open Brain does not exist or is reserved"
        );
        Ok(())
    }

    fn try_state_of(record: &Brain<T::AccountId>) -> Result<(), sp_runtime::TryRuntimeError> {
        let next = |value: Option<(u64, BlockNumber)>| value.map_or(0, |(ppb, _)| ppb);
        let ratios = [
            record.owner_commission,
            record.miner_share,
            next(record.next_owner_commission),
            next(record.next_miner_share),
        ];
        for ppb in ratios {
            Self::ensure_ratio(ppb)?;
        }
        let announced = record
            .next_redistribution
            .map_or_else(Default::default, |(parts, _)| parts);
        ensure!(
            record.redistribution.is_valid() && announced.is_valid(),
            "an owner passes on more than its income"
        );
        Self::ensure_name(&record.name)?;
        for task in record
            .task
            .iter()
            .chain(record.next_task.iter().map(|(task, _)| task))
        {
            Self::ensure_task(task)?;
        }
        Ok(())
    }
}
