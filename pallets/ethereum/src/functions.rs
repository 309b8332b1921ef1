//! What the calls do, and the invariants.

use based_primitives::{
    eip712::{self, word},
    traits::{BrainInspect, BrainTransfer, OnBrainHandedOver, SweepBrain},
    Balance, BrainId,
};
use codec::MaxEncodedLen;
use frame_support::{
    ensure,
    traits::{
        fungible::MutateHold,
        tokens::Precision::{BestEffort, Exact},
        Get,
    },
    weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::{H160, H256};
use sp_runtime::{traits::Zero, AccountId32, DispatchError, DispatchResult};

use crate::{
    Address, Addresses, Approval, Approvals, Config, Error, Event, HoldReason, Links, Operators, Pallet,
    WeightInfo,
};

/// Bytes of keys and values by which an address, its link, an approval and an operator are stored, hashes included.
const ADDRESS_BYTES: u32 = 16 + 20 + 16 + 32 + 20;
const APPROVAL_BYTES: u32 = 8 + 2;
const OPERATOR_BYTES: u32 = 16 + 32 + 16 + 32 + 16;

/// What an Ethereum wallet signs to consent to a link: typed data of the network's domain with the message
/// `Link(bytes32 genesis,bytes32 account,uint32 nonce)`.
pub fn consent_hash(genesis: H256, account: &AccountId32, nonce: u32) -> [u8; 32] {
    eip712::typed_hash(
        b"Link(bytes32 genesis,bytes32 account,uint32 nonce)",
        &[genesis.0, *account.as_ref(), word(nonce.into())],
    )
}

impl<T: Config> Pallet<T> {
    fn deposit(items: u32, bytes: u32) -> Balance {
        T::DepositPerItem::get()
            .saturating_mul(items.into())
            .saturating_add(T::DepositPerByte::get().saturating_mul(bytes.into()))
    }

    fn hold(who: &AccountId32, deposit: Balance) -> DispatchResult {
        T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)
    }

    fn release(who: &AccountId32, deposit: Balance) -> DispatchResult {
        T::Currency::release(&HoldReason::Deposit.into(), who, deposit, Exact).map(|_| ())
    }

    /// Links to which an address consented: the nonce of the next consent.
    pub fn nonce(address: &H160) -> u32 {
        Addresses::<T>::get(address).map_or(0, |record| record.nonce)
    }

    /// Account that an address is linked to.
    pub fn account_of(address: &H160) -> Option<AccountId32> {
        Addresses::<T>::get(address)
            .filter(|record| record.linked)
            .map(|record| record.account)
    }

    pub(crate) fn do_link(who: AccountId32, address: H160, consent: &[u8; 65]) -> DispatchResult {
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let nonce = Self::nonce(&address);
        let hash = consent_hash(H256::from_slice(genesis.as_ref()), &who, nonce);
        ensure!(
            eip712::signer(consent, &hash) == Some(address),
            Error::<T>::WrongConsent
        );
        if Links::<T>::contains_key(&who) {
            Self::do_unlink(&who)?;
        }
        if let Some(last) = Addresses::<T>::get(address) {
            if last.linked {
                Self::do_unlink(&last.account)?;
            }
            Self::release(&last.account, last.deposit)?;
        }
        let bytes = Address::<AccountId32>::max_encoded_len() as u32;
        let deposit = Self::deposit(2, ADDRESS_BYTES.saturating_add(bytes));
        Self::hold(&who, deposit)?;
        Links::<T>::insert(&who, address);
        let record = Address {
            account: who.clone(),
            linked: true,
            nonce: nonce.checked_add(1).ok_or(Error::<T>::WrongConsent)?,
            deposit,
        };
        Addresses::<T>::insert(address, record);
        let account = who;
        Self::deposit_event(Event::Linked { account, address });
        Ok(())
    }

    pub(crate) fn do_unlink(who: &AccountId32) -> DispatchResult {
        let address = Links::<T>::take(who).ok_or(Error::<T>::NotLinked)?;
        Addresses::<T>::mutate_extant(address, |record| record.linked = false);
        let account = who.clone();
        Self::deposit_event(Event::Unlinked { account, address });
        Ok(())
    }

    fn owner(brain: BrainId) -> Result<AccountId32, DispatchError> {
        Ok(T::Brains::owner(brain).ok_or(Error::<T>::UnknownBrain)?)
    }

    fn acts_for(who: &AccountId32, owner: &AccountId32) -> bool {
        who == owner || Operators::<T>::contains_key(owner, who)
    }

    pub(crate) fn do_approve(
        who: &AccountId32,
        brain: BrainId,
        spender: Option<AccountId32>,
    ) -> DispatchResult {
        let owner = Self::owner(brain)?;
        ensure!(Self::acts_for(who, &owner), Error::<T>::NotOwner);
        Self::forget_approval(brain);
        if let Some(spender) = spender.clone() {
            let bytes = Approval::<AccountId32>::max_encoded_len() as u32;
            let deposit = Self::deposit(1, APPROVAL_BYTES.saturating_add(bytes));
            Self::hold(&owner, deposit)?;
            let approval = Approval {
                spender,
                owner,
                deposit,
            };
            Approvals::<T>::insert(brain, approval);
        }
        Self::deposit_event(Event::Approved { brain, spender });
        Ok(())
    }

    /// Ends the approval of a Brain, if there is one.
    fn forget_approval(brain: BrainId) {
        if let Some(Approval { owner, deposit, .. }) = Approvals::<T>::take(brain) {
            // Held since the approval: all of it can be released.
            let _ = T::Currency::release(&HoldReason::Deposit.into(), &owner, deposit, BestEffort);
        }
    }

    pub(crate) fn do_set_operator(
        owner: AccountId32,
        operator: AccountId32,
        allowed: bool,
    ) -> DispatchResult {
        ensure!(owner != operator, Error::<T>::OwnOperator);
        match Operators::<T>::get(&owner, &operator) {
            None if allowed => {
                let deposit = Self::deposit(1, OPERATOR_BYTES);
                Self::hold(&owner, deposit)?;
                Operators::<T>::insert(&owner, &operator, deposit);
            }
            Some(deposit) if !allowed => {
                Self::release(&owner, deposit)?;
                Operators::<T>::remove(&owner, &operator);
            }
            _ => (),
        }
        Self::deposit_event(Event::OperatorSet {
            owner,
            operator,
            allowed,
        });
        Ok(())
    }

    pub(crate) fn do_transfer_from(
        who: &AccountId32,
        brain: BrainId,
        from: AccountId32,
        to: AccountId32,
    ) -> DispatchResult {
        let owner = Self::owner(brain)?;
        ensure!(owner == from, Error::<T>::NotFrom);
        let approved = || Approvals::<T>::get(brain).is_some_and(|approval| approval.spender == *who);
        ensure!(Self::acts_for(who, &owner) || approved(), Error::<T>::NotApproved);
        T::Brains::transfer(from, brain, to)
    }

    /// Checks the invariants named in the pallet's documentation.
    ///
    /// # Errors
    /// Names the first one that does not hold.
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        use alloc::collections::BTreeMap;
        use frame_support::traits::fungible::InspectHold;

        let mut held: BTreeMap<AccountId32, Balance> = BTreeMap::new();
        let mut add = |who: AccountId32, deposit: Balance| {
            let sum = held.entry(who).or_default();
            *sum = sum.saturating_add(deposit);
        };
        let mut linked = 0usize;
        for (address, record) in Addresses::<T>::iter() {
            if record.linked {
                ensure!(
                    Links::<T>::get(&record.account) == Some(address),
                    "a linked address lacks its link"
                );
                linked = linked.saturating_add(1);
            }
            add(record.account, record.deposit);
        }
        ensure!(Links::<T>::iter().count() == linked, "a link lacks its address");
        for (brain, approval) in Approvals::<T>::iter() {
            // While a closed Brain is emptied, its approval may still be there.
            let owner = T::Brains::owner(brain);
            ensure!(
                owner.is_none_or(|owner| owner == approval.owner),
                "an approval of an earlier owner"
            );
            add(approval.owner, approval.deposit);
        }
        for (owner, _, deposit) in Operators::<T>::iter() {
            add(owner, deposit);
        }
        for (who, expected) in held {
            let on_hold = T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &who);
            ensure!(on_hold == expected, "records and holds differ");
        }
        Ok(())
    }
}

impl<T: Config> OnBrainHandedOver for Pallet<T> {
    fn weight() -> Weight {
        T::WeightInfo::sweep()
    }

    fn on_brain_handed_over(brain: BrainId) {
        Self::forget_approval(brain);
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::sweep();
        if !weight.all_lte(limit) {
            return (Weight::zero(), false);
        }
        Self::forget_approval(brain);
        (weight, true)
    }
}
