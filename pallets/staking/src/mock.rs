//! A runtime with this pallet, balances, and Brains and validators that tests set.

use std::{cell::RefCell, collections::BTreeSet};

use based_primitives::{
    constants::BASED,
    traits::{BrainInspect, ProducerInspect, RegistryInspect, StakeRewards},
    Balance, BrainId, ComputeKey, PeerInfo, Role, Task, Uid,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        fungible::{InspectHold, Mutate},
        tokens::Preservation,
    },
};
use sp_runtime::{BuildStorage, DispatchResult};

use crate as pallet_staking;

pub const CYCLE: u32 = 20;
pub const RAISE_DELAY: u32 = 40;
/// Blocks during which stake that left a producer stays slashable: two and a half cycles.
pub const WINDOW: u32 = 50;
/// Account of slashed funds.
pub const TREASURY: u64 = 998;
pub const DEPOSIT: Balance = BASED / 1_000_000;
/// A stake, about 4.6 $BASED, that divides 2^64: single units of reward reach it without a remainder.
pub const EXACT: Balance = 1 << 62;
/// Source of the rewards that tests deposit.
pub const POT: u64 = 999;
pub const ALICE: u64 = 1;
pub const BOB: u64 = 2;
pub const CAROL: u64 = 3;
/// Validator of [`BRAIN`] and [`OTHER`].
pub const VALIDATOR: u64 = 10;
/// Second validator of [`BRAIN`].
pub const VALIDATOR2: u64 = 11;
/// Miner of [`BRAIN`].
pub const MINER: u64 = 12;
pub const BRAIN: BrainId = 7;
pub const OTHER: BrainId = 8;
/// Exists, but takes no stake.
pub const RESERVED: BrainId = 47;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Staking: pallet_staking,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = DEPOSIT;
    pub const CycleBlocks: u32 = CYCLE;
    pub const TakeRaiseDelay: u32 = RAISE_DELAY;
    pub const SlashWindow: u32 = WINDOW;
    pub const SlashedTo: u64 = TREASURY;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

thread_local! {
    static LEFT: RefCell<BTreeSet<(BrainId, u64)>> = const { RefCell::new(BTreeSet::new()) };
    static EXPOSED: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
    static CLOSED: RefCell<BTreeSet<BrainId>> = const { RefCell::new(BTreeSet::new()) };
    static JOINED: RefCell<BTreeSet<(BrainId, u64)>> = const { RefCell::new(BTreeSet::new()) };
}

/// Removes a peer for the rest of the test.
pub fn remove_peer(brain: BrainId, account: u64) {
    LEFT.with(|left| left.borrow_mut().insert((brain, account)));
}

/// Makes a validator a producer of blocks for the rest of the test.
pub fn expose(account: u64) {
    EXPOSED.with(|exposed| exposed.borrow_mut().insert(account));
}

/// Closes a Brain for the rest of the test.
pub fn close(brain: BrainId) {
    CLOSED.with(|closed| closed.borrow_mut().insert(brain));
}

/// Issues the number of a closed Brain again.
pub fn reopen(brain: BrainId) {
    CLOSED.with(|closed| closed.borrow_mut().remove(&brain));
}

pub struct MockBrains;

impl BrainInspect<u64> for MockBrains {
    fn owner(brain: BrainId) -> Option<u64> {
        Self::is_open(brain).then_some(CAROL)
    }
    fn reward_account(brain: BrainId) -> Option<u64> {
        Self::owner(brain)
    }
    fn is_open(brain: BrainId) -> bool {
        let closed = CLOSED.with(|closed| closed.borrow().contains(&brain));
        // Brains from 100 on let one account have many positions.
        !closed && (brain == BRAIN || brain == OTHER || (100..200).contains(&brain))
    }
    fn task(_: BrainId) -> Option<Task> {
        None
    }
    fn owner_commission(_: BrainId) -> u64 {
        0
    }
    fn miner_share(_: BrainId) -> u64 {
        0
    }
    fn owner_earns(_: BrainId) -> bool {
        true
    }
    fn open_brains() -> Vec<BrainId> {
        vec![BRAIN, OTHER]
    }
}

pub struct MockRegistry;

impl RegistryInspect<u64> for MockRegistry {
    fn uid(_: BrainId, _: &u64) -> Option<Uid> {
        None
    }
    fn peer(_: BrainId, _: Uid) -> Option<PeerInfo<u64>> {
        None
    }
    fn peers(_: BrainId) -> Vec<PeerInfo<u64>> {
        Vec::new()
    }
    fn role(brain: BrainId, account: &u64) -> Option<Role> {
        if LEFT.with(|left| left.borrow().contains(&(brain, *account))) {
            return None;
        }
        match (brain, *account) {
            (BRAIN | OTHER, VALIDATOR) | (BRAIN, VALIDATOR2) => Some(Role::Validator),
            (BRAIN, MINER) => Some(Role::Miner),
            _ => JOINED
                .with(|joined| joined.borrow().contains(&(brain, *account)))
                .then_some(Role::Validator),
        }
    }
    fn computekey(_: BrainId, _: &u64) -> Option<ComputeKey> {
        None
    }
}

pub struct MockProducers;

impl ProducerInspect<u64> for MockProducers {
    fn is_exposed(account: &u64) -> bool {
        EXPOSED.with(|exposed| exposed.borrow().contains(account))
    }
}

impl pallet_staking::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type Producers = MockProducers;
    type SlashedTo = SlashedTo;
    type SlashWindow = SlashWindow;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Brains = MockBrains;
    type Registry = MockRegistry;
    type CycleBlocks = CycleBlocks;
    type TakeRaiseDelay = TakeRaiseDelay;
    type WeightInfo = ();
}

pub fn stake(who: u64, brain: BrainId, validator: Option<u64>, amount: Balance) -> DispatchResult {
    Staking::stake(RuntimeOrigin::signed(who), brain, validator, amount)
}

pub fn unstake(who: u64, brain: BrainId, validator: Option<u64>, amount: Balance) -> DispatchResult {
    Staking::unstake(RuntimeOrigin::signed(who), brain, validator, amount)
}

pub fn claim(who: u64, brain: BrainId, validator: Option<u64>) -> DispatchResult {
    Staking::claim(RuntimeOrigin::signed(who), brain, validator)
}

/// Deposits a reward as the emission does: transfers exactly what was accepted.
pub fn reward(brain: BrainId, validator: Option<u64>, amount: Balance) -> Balance {
    let accepted = <Staking as StakeRewards<u64>>::deposit(brain, validator.as_ref(), amount);
    if accepted > 0 {
        let account = <Staking as StakeRewards<u64>>::account();
        Balances::transfer(&POT, &account, accepted, Preservation::Preserve).unwrap();
    }
    accepted
}

/// Free balance of an account.
pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

/// Funds of an account held by this pallet.
pub fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Staked.into(), &who)
}

/// Goes to a block.
pub fn go_to(block: u32) {
    System::set_block_number(block.into());
}

/// The chain in block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    LEFT.with(|left| left.borrow_mut().clear());
    CLOSED.with(|closed| closed.borrow_mut().clear());
    EXPOSED.with(|exposed| exposed.borrow_mut().clear());
    JOINED.with(|joined| joined.borrow_mut().clear());
    let mut balances: Vec<_> = [ALICE, BOB, CAROL, VALIDATOR, VALIDATOR2, MINER]
        .into_iter()
        .map(|who| (who, 1_000 * BASED))
        .collect();
    balances.push((POT, 1_000_000_000 * BASED));
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test in block 1, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Staking::do_try_state().unwrap();
    });
}

/// Further validators, producers and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        Balances::mint_into(who, amount).unwrap();
    }
    fn add_peer(brain: BrainId, _: Uid, _: Role, who: &u64) {
        JOINED.with(|joined| joined.borrow_mut().insert((brain, *who)));
    }
    fn expose(validator: &u64) {
        expose(*validator);
    }
}
