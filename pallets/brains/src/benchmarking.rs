//! Benchmarks of the calls and of the hook, with all numbers taken and the longest records.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::vec::Vec;

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{
        ADMIN_BRAINS, BASED, BRAIN_STAKE, MAX_ALLOWED, MAX_BRAINS, MAX_DOMAIN_LEN, MAX_NAME_LEN, MAX_URL_LEN,
        PPB,
    },
    Balance, BlockNumber, BrainId, BrainKind, BrainName, BrainState, Domain, Task,
};
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{fungible::Mutate, EnsureOrigin, Get},
    BoundedVec,
};
use frame_system::RawOrigin;
use sp_core::H256;

use crate::{
    types::{Admission, AuditStatus, Brain, Profile, Redistribution},
    Admissions, Allowed, Audits, BnsNames, Brains, Bridge, Call, Closing, Config, Deposits, OpenBrains,
    Pallet, PepecoinTotals, Profiles, Stakes, Tokens, Totals,
};

/// The Brain that calls are about: the last.
const BRAIN: BrainId = MAX_BRAINS - 1;
const FUNDS: Balance = 1_000_000 * BASED;

/// A task with the longest URL.
fn task(seed: u8) -> Task {
    let mut repository = b"https://".to_vec();
    repository.resize(MAX_URL_LEN as usize, b'a');
    Task::new(
        H256::repeat_byte(seed),
        BoundedVec::truncate_from(repository),
        [1; 20],
    )
}

/// A Brain for burnt Pepecoin, with the longest record.
pub fn longest_record<AccountId: Clone>(owner: &AccountId) -> Brain<AccountId> {
    let never = BlockNumber::MAX;
    let parts = Redistribution {
        to_miners: PPB / 4,
        to_validators: PPB / 4,
    };
    Brain {
        name: name(),
        task: Some(task(1)),
        next_task: Some((task(2), never)),
        reward_account: Some(owner.clone()),
        next_owner_commission: Some((PPB, never)),
        next_miner_share: Some((PPB, never)),
        redistribution: parts,
        next_redistribution: Some((parts, never)),
        ..Brain::new(owner.clone(), BrainKind::Burned, BrainState::Active, 0)
    }
}

fn name() -> BrainName {
    BoundedVec::truncate_from([b'a'; MAX_NAME_LEN as usize].to_vec())
}

fn bns(letter: u8) -> Domain {
    BoundedVec::truncate_from([letter; MAX_DOMAIN_LEN as usize].to_vec())
}

/// The longest name with as many labels as fit.
fn ens(letter: u8) -> Domain {
    let labels = (0..MAX_DOMAIN_LEN).map(|place| if place % 2 == 1 { b'.' } else { letter });
    BoundedVec::truncate_from(labels.collect())
}

fn funded<T: Config>(name: &'static str) -> T::AccountId {
    let who = account(name, 0, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    T::Pepecoin::mint_into(&who, 100 * BRAIN_STAKE).expect("an account takes what is minted");
    who
}

/// Takes all numbers but that of the Brain.
fn fill<T: Config>() {
    let others = (0..BRAIN).collect::<Vec<_>>();
    OpenBrains::<T>::put(BoundedVec::truncate_from(others));
}

/// Adds the Brain with names, template, audits, an allow-list and a deposit.
fn open<T: Config>(kind: BrainKind) -> T::AccountId {
    fill::<T>();
    let owner = funded::<T>("owner");
    let record = Brain {
        kind,
        ..longest_record(&owner)
    };
    let hash = |task: &Option<Task>| Pallet::<T>::task_hash(task.as_ref().unwrap());
    let announced = record.next_task.clone().map(|(task, _)| task);
    let audits = [hash(&record.task), hash(&announced)].map(|hash| (hash, AuditStatus::Passed));
    Audits::<T>::insert(BRAIN, BoundedVec::truncate_from(audits.to_vec()));
    Pallet::<T>::insert(BRAIN, record).expect("the number is free");
    let profile = Profile {
        bns: Some(bns(b'a')),
        ens: Some(ens(b'a')),
        ens_proved: true,
        template: Some(0),
    };
    Profiles::<T>::insert(BRAIN, profile);
    BnsNames::<T>::insert(bns(b'a'), BRAIN);
    Pallet::<T>::settle_deposit(BRAIN, &owner).expect("the owner has the deposit");
    owner
}

/// Puts `n` accounts on the Brain's list.
fn allow<T: Config>(owner: &T::AccountId, n: u32) {
    for index in 0..n {
        Allowed::<T>::insert(BRAIN, account::<T::AccountId>("peer", index, 0), ());
    }
    let admission = Admission {
        restricted: true,
        allowed: n,
    };
    Admissions::<T>::insert(BRAIN, admission);
    Pallet::<T>::settle_deposit(BRAIN, owner).expect("the owner has the deposit");
}

/// Appoints a bridge.
fn bridge<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    Bridge::<T>::put(account::<T::AccountId>("bridge", 0, 0));
    T::BridgeOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

fn governance<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::GovernanceOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// By the bridge, the last number of all.
    #[benchmark]
    fn issue() -> Result<(), BenchmarkError> {
        fill::<T>();
        let owner = account("owner", 0, 0);
        let origin = bridge::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, None, owner, BrainKind::Burned);

        assert!(Brains::<T>::contains_key(BRAIN) && Tokens::<T>::contains_key(BRAIN));
        Ok(())
    }

    #[benchmark]
    fn transfer() {
        let (owner, to) = (open::<T>(BrainKind::Burned), funded::<T>("other"));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, to.clone());

        assert_eq!(Brains::<T>::get(BRAIN).unwrap().owner, to);
    }

    #[benchmark]
    fn set_task() {
        let owner = open::<T>(BrainKind::Burned);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, task(3));

        let announced = Pallet::<T>::announced_task(BRAIN).map(|(task, _)| task);
        assert_eq!(announced, Some(task(3)));
    }

    #[benchmark]
    fn set_name() {
        let owner = open::<T>(BrainKind::Burned);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, name());

        assert_eq!(Brains::<T>::get(BRAIN).unwrap().name, name());
    }

    #[benchmark]
    fn set_reward_account() {
        let (owner, other) = (open::<T>(BrainKind::Burned), account("other", 0, 0));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, Some(other));

        assert_eq!(
            Brains::<T>::get(BRAIN).unwrap().reward_account,
            Some(account("other", 0, 0))
        );
    }

    #[benchmark]
    fn set_terms() {
        let owner = open::<T>(BrainKind::Burned);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, 0, 0);

        assert_eq!(
            Brains::<T>::get(BRAIN)
                .unwrap()
                .next_miner_share
                .map(|(value, _)| value),
            Some(0)
        );
    }

    #[benchmark]
    fn set_redistribution() {
        let owner = open::<T>(BrainKind::Burned);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, PPB / 2, PPB / 2);

        let (next, _) = Brains::<T>::get(BRAIN).unwrap().next_redistribution.unwrap();
        assert_eq!(next.to_miners, PPB / 2);
    }

    #[benchmark]
    fn acquire_burned() {
        fill::<T>();
        let who = funded::<T>("owner");

        #[extrinsic_call]
        acquire(RawOrigin::Signed(who), None, BrainKind::Burned, Balance::MAX);

        assert!(Brains::<T>::contains_key(BRAIN));
    }

    #[benchmark]
    fn acquire_staked() {
        fill::<T>();
        let who = funded::<T>("owner");

        #[extrinsic_call]
        acquire(RawOrigin::Signed(who), None, BrainKind::Staked, Balance::MAX);

        assert!(Stakes::<T>::contains_key(BRAIN));
    }

    #[benchmark]
    fn deactivate(n: Linear<0, { MAX_ALLOWED }>) {
        let owner = open::<T>(BrainKind::Staked);
        allow::<T>(&owner, n);
        Stakes::<T>::insert(BRAIN, BRAIN_STAKE);
        T::Pepecoin::mint_into(&Pallet::<T>::account_id(), 2 * BRAIN_STAKE).expect("it takes what is minted");
        let totals = Totals {
            burned: 0,
            staked: BRAIN_STAKE,
        };
        PepecoinTotals::<T>::put(totals);
        frame_system::Pallet::<T>::set_block_number(T::OwnerVesting::get().into());

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN);

        assert_eq!(Allowed::<T>::iter_prefix(BRAIN).count(), 0);
        assert!(!Brains::<T>::contains_key(BRAIN));
    }

    #[benchmark]
    fn reassign() -> Result<(), BenchmarkError> {
        open::<T>(BrainKind::Burned);
        Tokens::<T>::insert(BRAIN, ());
        let origin = bridge::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, BRAIN, account("other", 0, 0));

        assert!(!Deposits::<T>::contains_key(BRAIN));
        Ok(())
    }

    #[benchmark]
    fn close(n: Linear<0, { MAX_ALLOWED }>) -> Result<(), BenchmarkError> {
        let owner = open::<T>(BrainKind::Staked);
        allow::<T>(&owner, n);
        Tokens::<T>::insert(BRAIN, ());
        let origin = bridge::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, BRAIN);

        assert!(!Brains::<T>::contains_key(BRAIN));
        Ok(())
    }

    #[benchmark]
    fn set_bridge() -> Result<(), BenchmarkError> {
        let origin = governance::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, Some(account("bridge", 0, 0)));

        assert!(Bridge::<T>::exists());
        Ok(())
    }

    /// Two new names in place of shorter ones, which take more deposit.
    #[benchmark]
    fn set_domains() {
        let owner = open::<T>(BrainKind::Burned);
        let short: Domain = BoundedVec::truncate_from(b"abc".to_vec());
        BnsNames::<T>::insert(&short, BRAIN);
        Profiles::<T>::mutate(BRAIN, |profile| profile.bns = Some(short));
        Pallet::<T>::settle_deposit(BRAIN, &owner).expect("a part of the deposit is released");

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, Some(bns(b'b')), Some(ens(b'b')));

        assert_eq!(BnsNames::<T>::get(bns(b'b')), Some(BRAIN));
    }

    #[benchmark]
    fn prove_ens() -> Result<(), BenchmarkError> {
        let owner = open::<T>(BrainKind::Burned);
        let origin = bridge::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, BRAIN, owner, ens(b'a'));

        assert!(Profiles::<T>::get(BRAIN).ens_proved);
        Ok(())
    }

    /// The first entry of the Brain's profile, which takes a deposit.
    #[benchmark]
    fn set_template() {
        let owner = open::<T>(BrainKind::Burned);
        Profiles::<T>::remove(BRAIN);
        Pallet::<T>::settle_deposit(BRAIN, &owner).expect("the deposit is released");

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, Some(1));

        assert_eq!(Profiles::<T>::get(BRAIN).template, Some(1));
    }

    /// Of an announced task, beside one in force with an audit.
    #[benchmark]
    fn record_audit() -> Result<(), BenchmarkError> {
        open::<T>(BrainKind::Burned);
        let origin = governance::<T>()?;
        let hash = Pallet::<T>::task_hash(&task(2));

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, BRAIN, hash, AuditStatus::Rejected);

        assert_eq!(Pallet::<T>::audit_of(BRAIN, &hash), AuditStatus::Rejected);
        Ok(())
    }

    #[benchmark]
    fn set_admission() {
        let owner = open::<T>(BrainKind::Burned);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, true);

        assert!(Admissions::<T>::get(BRAIN).restricted);
    }

    #[benchmark]
    fn set_allowed() {
        let owner = open::<T>(BrainKind::Burned);
        allow::<T>(&owner, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, account("peer", 0, 0), true);

        assert_eq!(Admissions::<T>::get(BRAIN).allowed, 1);
    }

    /// Finding a closed Brain and freeing its number.
    #[benchmark]
    fn sweep() {
        let closing = (0..MAX_BRAINS).filter(|id| !ADMIN_BRAINS.contains(id));
        let closing = closing.collect::<Vec<_>>();
        let count = closing.len();
        Closing::<T>::put(BoundedVec::truncate_from(closing));

        #[block]
        {
            if let Some(brain) = Pallet::<T>::first_closing() {
                Pallet::<T>::free_number(brain);
            }
        }

        assert_eq!(Closing::<T>::get().len() + 1, count);
    }

    impl_benchmark_test_suite!(
        Pallet,
        crate::mock::build(crate::mock::administrative()),
        crate::mock::Test
    );
}
