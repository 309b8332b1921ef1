//! A runtime with this pallet, $BASED and Pepecoin.

use std::cell::Cell;

use based_primitives::{
    constants::{BASED, PEPECOIN},
    traits::SweepBrain,
    Balance, BrainId, BrainKind, BrainState, Task,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{Hooks, StorageMapShim},
    weights::Weight,
};
use frame_system::EnsureRoot;
use sp_core::H256;
use sp_runtime::BuildStorage;

use crate as pallet_brains;

pub const LABS: u64 = 1;
pub const ALICE: u64 = 2;
pub const BOB: u64 = 3;
/// Owns neither $BASED nor Pepecoin.
pub const POOR: u64 = 4;
/// Speaks for Ethereum in tests that appoint it.
pub const BRIDGE: u64 = 5;
/// Pepecoin of Alice and of Bob at genesis.
pub const WEALTH: Balance = 110_000_000 * PEPECOIN;
pub const PER_ITEM: Balance = BASED / 100;
pub const PER_BYTE: Balance = BASED / 10_000;
pub const CYCLE: u32 = 20;
pub const NOTICE: u32 = 10;
pub const VESTING: u32 = 90;
/// Issued for burnt Pepecoin, owned by Alice.
pub const BURNED: BrainId = 7;
/// Issued for staked Pepecoin, owned by Bob.
pub const STAKED: BrainId = 8;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Pepecoin: pallet_balances::<Instance1>,
        Brains: pallet_brains,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config<pallet_balances::Instance1> for Test {
    type Balance = Balance;
    type ExistentialDeposit = PepecoinDeposit;
    type AccountStore = StorageMapShim<
        pallet_balances::Account<Test, pallet_balances::Instance1>,
        u64,
        pallet_balances::AccountData<Balance>,
    >;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = BASED / 1_000_000;
    pub const PepecoinDeposit: Balance = 1;
    pub const DepositPerItem: Balance = PER_ITEM;
    pub const DepositPerByte: Balance = PER_BYTE;
    pub const CycleBlocks: u32 = CYCLE;
    pub const NoticeBlocks: u32 = NOTICE;
    pub const OwnerVesting: u32 = VESTING;
}

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Records that other pallets keep of every closed Brain.
pub fn leave_records(count: u64) {
    LEFT.with(|left| left.set(count));
}

/// Removes one record of other pallets for 100 units of weight.
pub struct MockSweep;

impl SweepBrain for MockSweep {
    fn sweep(_: BrainId, limit: Weight) -> (Weight, bool) {
        let removed = LEFT.with(|left| {
            let removed = left.get().min(limit.ref_time() / 100);
            left.set(left.get() - removed);
            removed
        });
        (
            Weight::from_parts(removed * 100, 0),
            LEFT.with(|left| left.get()) == 0,
        )
    }
}

/// Runs the hook of an idle block.
pub fn idle() -> Weight {
    Brains::on_idle(System::block_number(), Weight::MAX)
}

impl pallet_brains::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type BridgeOrigin = pallet_brains::EnsureBridge<Test>;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type DepositPerByte = DepositPerByte;
    type DepositPerItem = DepositPerItem;
    type GovernanceOrigin = EnsureRoot<u64>;
    type NoticeBlocks = NoticeBlocks;
    type OwnerVesting = OwnerVesting;
    type Pepecoin = Pepecoin;
    type RuntimeHoldReason = RuntimeHoldReason;
    type OnHandedOver = ();
    type Sweep = MockSweep;
    type WeightInfo = ();
}

type GenesisBrain = pallet_brains::GenesisBrain<u64>;

/// The eight administrative Brains as every network has them.
pub fn administrative() -> Vec<GenesisBrain> {
    [0, 1, 2, 3, 4, 5, 6, 47]
        .into_iter()
        .map(|id| {
            let state = if [5, 6, 47].contains(&id) {
                BrainState::Reserved
            } else {
                BrainState::Active
            };
            (
                id,
                LABS,
                BrainKind::Administrative,
                state,
                format!("Admin {id}").into_bytes(),
                None,
            )
        })
        .collect()
}

pub fn task(seed: u8) -> Task {
    Task {
        manifest: H256::repeat_byte(seed),
        repository: b"https://example.org/task.git".to_vec().try_into().unwrap(),
        commit: [seed; 20],
        zk: true,
    }
}

pub fn build(brains: Vec<GenesisBrain>) -> sp_io::TestExternalities {
    leave_records(0);
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![
                (LABS, 1_000 * BASED),
                (ALICE, 1_000 * BASED),
                (BOB, 1_000 * BASED),
            ],
            ..Default::default()
        },
        pepecoin: pallet_balances::GenesisConfig {
            balances: vec![(ALICE, WEALTH), (BOB, WEALTH)],
            ..Default::default()
        },
        brains: pallet_brains::GenesisConfig { brains },
        ..Default::default()
    };
    config.build_storage().unwrap().into()
}

/// Runs a test on the administrative Brains, one burned and one staked, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    let mut brains = administrative();
    brains.push((
        BURNED,
        ALICE,
        BrainKind::Burned,
        BrainState::Active,
        b"Emotions".to_vec(),
        None,
    ));
    brains.push((
        STAKED,
        BOB,
        BrainKind::Staked,
        BrainState::Active,
        Vec::new(),
        None,
    ));
    build(brains).execute_with(|| {
        System::set_block_number(1);
        test();
        Brains::do_try_state().unwrap();
    });
}

/// Funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
}
