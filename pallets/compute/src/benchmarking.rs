//! Benchmarks of the calls and of the sweep.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::vec::Vec;

use based_primitives::{
    benchmarking::{new_spender, sign, BenchmarkHelper},
    constants::{BASED, MAX_REDEEM_BATCH},
    payments::{SignedVoucher, Voucher, PAYMENT_VERSION},
    traits::SweepBrain,
    Balance, BrainId, PriceList, Purpose, Role, SpendingAccountId,
};
use frame_benchmarking::v2::*;
use frame_support::{weights::Weight, BoundedVec};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{traits::Zero, AccountId32};

use crate::{Accounts, Call, Config, NextId, Pallet, Prices, Reservations, MAX_RESERVATIONS};

const BRAIN: BrainId = 100;
const FUNDS: Balance = 1_000_000 * BASED;
const DEPOSIT: Balance = 1_000 * BASED;
const EXPIRY: u32 = u32::MAX;

fn funded<T: Config>(name: &'static str, index: u32) -> AccountId32 {
    let who = account(name, index, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    who
}

/// Miners of the Brain.
fn miner<T: Config>(index: u16) -> AccountId32 {
    let miner = funded::<T>("miner", index.into());
    T::BenchmarkHelper::add_peer(BRAIN, index, Role::Miner, &miner);
    miner
}

/// Opens a spending account and returns its number.
fn open<T: Config>(owner: &AccountId32, spender: &AccountId32) -> SpendingAccountId {
    let id = NextId::<T>::get();
    let opened = Pallet::<T>::do_open(
        owner.clone(),
        spender.clone(),
        Purpose::Prompt,
        DEPOSIT,
        DEPOSIT,
        EXPIRY,
    );
    opened.expect("the owner has the deposit");
    id
}

fn reserve<T: Config>(owner: &AccountId32, id: SpendingAccountId, miner: &AccountId32) {
    let reserved = Pallet::<T>::do_reserve(owner.clone(), id, BRAIN, miner.clone(), BASED);
    reserved.expect("the deposit covers what is reserved");
}

fn prices() -> PriceList {
    PriceList {
        prompt: BASED,
        completion: BASED,
        context: u32::MAX,
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn set_prices() {
        let owner = funded::<T>("owner", 0);
        T::BenchmarkHelper::open_brain(BRAIN, &owner);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN, prices());

        assert!(Prices::<T>::contains_key(BRAIN));
    }

    #[benchmark]
    fn open() {
        let owner = funded::<T>("owner", 0);
        let spender = account("spender", 0, 0);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(owner),
            spender,
            Purpose::Prompt,
            DEPOSIT,
            DEPOSIT,
            EXPIRY,
        );

        assert_eq!(NextId::<T>::get(), 1);
    }

    #[benchmark]
    fn top_up() {
        let owner = funded::<T>("owner", 0);
        let id = super::open::<T>(&owner, &owner);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id, BASED);

        assert_eq!(Accounts::<T>::get(id).unwrap().balance, DEPOSIT + BASED);
    }

    /// For a miner for whom nothing is reserved.
    #[benchmark]
    fn reserve() {
        let owner = funded::<T>("owner", 0);
        T::BenchmarkHelper::open_brain(BRAIN, &owner);
        let id = super::open::<T>(&owner, &owner);
        let miner = miner::<T>(0);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id, BRAIN, miner.clone(), BASED);

        assert!(Reservations::<T>::contains_key(id, &miner));
    }

    /// Each voucher of another owner, all good.
    #[benchmark]
    fn redeem(n: Linear<1, { MAX_REDEEM_BATCH }>) {
        T::BenchmarkHelper::open_brain(BRAIN, &account("owner", 0, 0));
        let miner = miner::<T>(0);
        let spender = new_spender();
        let hash = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let mut genesis = [0; 32];
        genesis.copy_from_slice(hash.as_ref());
        let voucher = |index| {
            let owner = funded::<T>("owner", index);
            let id = super::open::<T>(&owner, &spender);
            super::reserve::<T>(&owner, id, &miner);
            let voucher = Voucher {
                version: PAYMENT_VERSION,
                genesis: genesis.into(),
                account: id,
                miner: miner.clone(),
                brain: BRAIN,
                job: [1; 32],
                cumulative: BASED,
                expiry: EXPIRY,
            };
            sign(&spender, voucher).expect("the machine has the spender's key")
        };
        let vouchers: Vec<SignedVoucher> = (0..n).map(voucher).collect();

        #[extrinsic_call]
        _(RawOrigin::Signed(miner), BoundedVec::truncate_from(vouchers));

        let spent = Accounts::<T>::iter_values().filter(|account| account.spent == BASED);
        assert_eq!(spent.count(), n as usize);
    }

    #[benchmark]
    fn close() {
        let owner = funded::<T>("owner", 0);
        let id = super::open::<T>(&owner, &owner);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id);

        assert!(Accounts::<T>::get(id).unwrap().closing.is_some());
    }

    /// Of an account with as many reservations as it may have.
    #[benchmark]
    fn finish_close() {
        let owner = funded::<T>("owner", 0);
        T::BenchmarkHelper::open_brain(BRAIN, &owner);
        let id = super::open::<T>(&owner, &owner);
        for index in 0..MAX_RESERVATIONS as u16 {
            super::reserve::<T>(&owner, id, &miner::<T>(index));
        }
        Pallet::<T>::do_close(owner.clone(), id).expect("the owner closes it");
        frame_system::Pallet::<T>::set_block_number(EXPIRY.into());

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id);

        assert_eq!(Reservations::<T>::iter_prefix(id).count(), 0);
    }

    #[benchmark]
    fn sweep() {
        Prices::<T>::insert(BRAIN, prices());

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!Prices::<T>::contains_key(BRAIN));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
