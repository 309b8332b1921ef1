//! Names, template and audits of Brains, and the deposit for what owners store.

use based_primitives::{Balance, BrainId, Domain, Task, TemplateId};
use codec::{Encode, MaxEncodedLen};
use frame_support::{
    ensure,
    traits::{fungible::MutateHold, tokens::Precision, Get},
};
use sp_core::H256;
use sp_runtime::{
    traits::{BlakeTwo256, Hash},
    DispatchResult,
};

use crate::{
    types::{Admission, AuditStatus, Profile},
    Admissions, Audits, BnsNames, Config, Deposits, Error, Event, HoldReason, Pallet, Profiles,
};

/// Shortest BNS name, in bytes.
const MIN_BNS_LEN: usize = 3;

impl<T: Config> Pallet<T> {
    /// Hash by which an audit refers to a task: BLAKE2-256 of its encoding.
    pub fn task_hash(task: &Task) -> H256 {
        BlakeTwo256::hash_of(task)
    }

    /// Audit of the task in force (R158).
    pub fn audit(brain: BrainId) -> AuditStatus {
        let Some(task) = Self::brain(brain).and_then(|record| record.task) else {
            return AuditStatus::Unaudited;
        };
        Self::audit_of(brain, &Self::task_hash(&task))
    }

    /// Audit of a task of the Brain, in force or announced.
    pub fn audit_of(brain: BrainId, task: &H256) -> AuditStatus {
        let audits = Audits::<T>::get(brain);
        let found = audits.iter().find(|(hash, _)| hash == task);
        found.map_or(AuditStatus::Unaudited, |(_, status)| *status)
    }

    pub(crate) fn do_record_audit(brain: BrainId, task: H256, status: AuditStatus) -> DispatchResult {
        let record = Self::brain(brain).ok_or(Error::<T>::UnknownBrain)?;
        let announced = record.next_task.map(|(task, _)| task);
        let is_known = |hash: &H256| {
            let mut tasks = record.task.iter().chain(announced.iter());
            tasks.any(|task| Self::task_hash(task) == *hash)
        };
        ensure!(is_known(&task), Error::<T>::UnknownTask);
        let mut audits = Audits::<T>::get(brain);
        audits.retain(|(hash, _)| *hash != task && is_known(hash));
        if status != AuditStatus::Unaudited {
            audits
                .try_push((task, status))
                .map_err(|_| Error::<T>::UnknownTask)?;
        }
        if audits.is_empty() {
            Audits::<T>::remove(brain);
        } else {
            Audits::<T>::insert(brain, audits);
        }
        Self::deposit_event(Event::Audited { brain, task, status });
        Ok(())
    }

    pub(crate) fn do_set_template(
        who: &T::AccountId,
        brain: BrainId,
        template: Option<TemplateId>,
    ) -> DispatchResult {
        Self::ensure_owner(brain, who)?;
        let profile = Profile {
            template,
            ..Profiles::<T>::get(brain)
        };
        Self::store_profile(brain, profile);
        Self::settle_deposit(brain, who)?;
        Self::deposit_event(Event::TemplateSet { brain, template });
        Ok(())
    }

    pub(crate) fn do_set_domains(
        who: &T::AccountId,
        brain: BrainId,
        bns: Option<Domain>,
        ens: Option<Domain>,
    ) -> DispatchResult {
        Self::ensure_owner(brain, who)?;
        ensure!(bns.iter().all(|name| is_bns(name)), Error::<T>::InvalidDomain);
        ensure!(ens.iter().all(|name| is_ens(name)), Error::<T>::InvalidDomain);
        let mut profile = Profiles::<T>::get(brain);
        if profile.bns != bns {
            if let Some(new) = &bns {
                ensure!(!BnsNames::<T>::contains_key(new), Error::<T>::DomainTaken);
                BnsNames::<T>::insert(new, brain);
            }
            if let Some(old) = profile.bns.take() {
                BnsNames::<T>::remove(old);
            }
        }
        profile.ens_proved = profile.ens_proved && ens.is_some() && profile.ens == ens;
        profile.bns = bns.clone();
        profile.ens = ens.clone();
        Self::store_profile(brain, profile);
        Self::settle_deposit(brain, who)?;
        Self::deposit_event(Event::DomainsSet { brain, bns, ens });
        Ok(())
    }

    pub(crate) fn do_prove_ens(brain: BrainId, owner: &T::AccountId, ens: &Domain) -> DispatchResult {
        Self::ensure_owner(brain, owner)?;
        Profiles::<T>::try_mutate(brain, |profile| {
            ensure!(profile.ens.as_ref() == Some(ens), Error::<T>::UnknownEns);
            profile.ens_proved = true;
            Ok::<_, Error<T>>(())
        })?;
        Self::deposit_event(Event::EnsProved { brain });
        Ok(())
    }

    /// A proof holds for the owner for whom it was made.
    pub(crate) fn forget_proof(brain: BrainId) {
        let profile = Profiles::<T>::get(brain);
        if profile.ens_proved {
            let ens_proved = false;
            Self::store_profile(
                brain,
                Profile {
                    ens_proved,
                    ..profile
                },
            );
        }
    }

    fn store_profile(brain: BrainId, profile: Profile) {
        if profile == Profile::default() {
            Profiles::<T>::remove(brain);
        } else {
            Profiles::<T>::insert(brain, profile);
        }
    }

    /// Deposit for what is stored for a Brain at its owner's wish. Its record is paid for by its Pepecoin.
    fn deposit_due(brain: BrainId) -> Balance {
        let (mut items, mut bytes) = (0usize, 0usize);
        let profile = Profiles::<T>::get(brain);
        if profile != Profile::default() {
            items = items.saturating_add(1);
            bytes = bytes.saturating_add(profile.encoded_size());
        }
        if let Some(name) = &profile.bns {
            items = items.saturating_add(1);
            bytes = bytes.saturating_add(name.encoded_size());
        }
        let admission = Admissions::<T>::get(brain);
        if admission != Admission::default() {
            items = items.saturating_add(1);
            bytes = bytes.saturating_add(Admission::max_encoded_len());
        }
        let allowed = usize::try_from(admission.allowed).unwrap_or(usize::MAX);
        items = items.saturating_add(allowed);
        bytes = bytes.saturating_add(T::AccountId::max_encoded_len().saturating_mul(allowed));
        let price = |count: usize, each: Balance| {
            each.saturating_mul(Balance::try_from(count).unwrap_or(Balance::MAX))
        };
        price(items, T::DepositPerItem::get()).saturating_add(price(bytes, T::DepositPerByte::get()))
    }

    /// Holds from the owner what the Brain's records ask for, or releases what they no longer do.
    pub(crate) fn settle_deposit(brain: BrainId, owner: &T::AccountId) -> DispatchResult {
        let (held, due) = (Deposits::<T>::get(brain), Self::deposit_due(brain));
        let reason = HoldReason::Deposit.into();
        if due > held {
            T::Currency::hold(&reason, owner, due.saturating_sub(held))?;
        } else if due < held {
            T::Currency::release(&reason, owner, held.saturating_sub(due), Precision::Exact)?;
        }
        if due > 0 {
            Deposits::<T>::insert(brain, due);
        } else {
            Deposits::<T>::remove(brain);
        }
        Ok(())
    }

    /// Gives the owner the whole deposit back.
    pub(crate) fn release_deposit(brain: BrainId, owner: &T::AccountId) -> DispatchResult {
        let held = Deposits::<T>::take(brain);
        if held > 0 {
            T::Currency::release(&HoldReason::Deposit.into(), owner, held, Precision::Exact)?;
        }
        Ok(())
    }
}

/// Whether a label can be shown and typed without being mistaken for another.
fn is_label(label: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let ends = [label.first(), label.last()];
    ends.iter().all(|byte| byte.is_some_and(|byte| *byte != b'-')) && label.iter().all(plain)
}

/// Whether a BNS name is well formed: one label of at least three characters.
pub(crate) fn is_bns(name: &[u8]) -> bool {
    name.len() >= MIN_BNS_LEN && is_label(name)
}

/// Whether an ENS name is well formed: at least two labels between dots.
pub(crate) fn is_ens(name: &[u8]) -> bool {
    name.contains(&b'.') && name.split(|byte| *byte == b'.').all(is_label)
}
