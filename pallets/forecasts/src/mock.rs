//! A runtime with this pallet and balances. Peers, stake, Brains and time are what tests set.

use std::collections::{BTreeMap, BTreeSet};

use based_primitives::{
    constants::{BASED, FORECAST_TARGETS},
    forecasts::{commitment, BrainForecast, Figures, Forecast, Quantiles},
    traits::{BrainStandings, OnTransactionPaid, RegistryInspect, StakeInspect},
    Balance, BrainId, ComputeKey, PeerInfo, Role, Uid,
};
use frame_support::{
    assert_ok, derive_impl, parameter_types,
    traits::{Hooks, Time},
};
use frame_system::EnsureRoot;
use sp_core::H256;
use sp_runtime::BuildStorage;

use crate as pallet_forecasts;

pub const CYCLE: u32 = 20;
/// Blocks in which forecasts are revealed.
pub const REVEAL: u32 = 5;
pub const BUCKET: u32 = 6;
pub const YEAR: u32 = 100;
pub const PER_BLOCK: u32 = 4;
pub const DEPOSIT: Balance = BASED;
pub const ENDOWMENT: Balance = 100 * BASED;
pub const TREASURY: u64 = 999;
/// Brain in which accounts 0 to 99 validate, 100 to 109 mine; nobody else is a peer of any Brain.
pub const BRAIN: BrainId = 7;
/// Accounts with money: the peers and two strangers.
pub const ACCOUNTS: std::ops::Range<u64> = 0..112;
pub const MINER: u64 = 100;
pub const STRANGER: u64 = 110;
pub const SALT: [u8; 32] = [9; 32];

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Forecasts: pallet_forecasts,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = 1_000;
    pub const Deposit: Balance = DEPOSIT;
    pub const CycleBlocks: u32 = CYCLE;
    pub const BucketBlocks: u32 = BUCKET;
    pub const TftYear: u32 = YEAR;
    pub const ScoredPerBlock: u32 = PER_BLOCK;
    pub const Treasury: u64 = TREASURY;
    /// Milliseconds since 1970.
    pub static Moment: u64 = 0;
    /// Milliseconds that each block takes.
    pub static BlockTime: u64 = 10_000;
    /// Stake of validators that have another than 10 $BASED.
    pub static Stakes: BTreeMap<u64, Balance> = BTreeMap::new();
    /// Validators that left.
    pub static Left: BTreeSet<u64> = BTreeSet::new();
    /// Further validators.
    pub static Joined: BTreeSet<(BrainId, u64)> = BTreeSet::new();
    /// How Brains stand.
    pub static Standings: BTreeMap<BrainId, (u64, u16)> = BTreeMap::new();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
}

pub struct Mock;

impl Time for Mock {
    type Moment = u64;
    fn now() -> u64 {
        Moment::get()
    }
}

impl RegistryInspect<u64> for Mock {
    fn uid(brain: BrainId, account: &u64) -> Option<Uid> {
        Self::role(brain, account).map(|_| *account as Uid)
    }
    fn peer(_: BrainId, _: Uid) -> Option<PeerInfo<u64>> {
        None
    }
    fn peers(_: BrainId) -> Vec<PeerInfo<u64>> {
        Vec::new()
    }
    fn role(brain: BrainId, account: &u64) -> Option<Role> {
        if Joined::get().contains(&(brain, *account)) {
            return Some(Role::Validator);
        }
        let role = match account {
            _ if brain != BRAIN || Left::get().contains(account) => return None,
            0..100 => Role::Validator,
            100..110 => Role::Miner,
            _ => return None,
        };
        Some(role)
    }
    fn computekey(brain: BrainId, account: &u64) -> Option<ComputeKey> {
        Self::role(brain, account).map(|_| computekey(*account))
    }
}

pub fn computekey(account: u64) -> ComputeKey {
    [account as u8 + 1; 32]
}

impl StakeInspect<u64> for Mock {
    fn brain_stake(_: BrainId) -> Balance {
        0
    }
    fn brain_directed(_: BrainId) -> Balance {
        0
    }
    fn validator_stake(brain: BrainId, validator: &u64) -> Balance {
        let stake = Stakes::get().get(validator).copied().unwrap_or(10 * BASED);
        if brain == BRAIN {
            stake
        } else {
            0
        }
    }
    fn total_stake() -> Balance {
        1_000 * BASED
    }
}

impl BrainStandings for Mock {
    fn standing(brain: BrainId) -> (u64, u16) {
        Standings::get().get(&brain).copied().unwrap_or_default()
    }
}

impl pallet_forecasts::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Registry = Mock;
    type Stake = Mock;
    type Standings = Mock;
    type Time = Mock;
    type GovernanceOrigin = EnsureRoot<u64>;
    type Treasury = Treasury;
    type Deposit = Deposit;
    type CycleBlocks = CycleBlocks;
    type BucketBlocks = BucketBlocks;
    type TftYear = TftYear;
    type ScoredPerBlock = ScoredPerBlock;
    type WeightInfo = ();
}

/// Ends the current block and begins the next. Events are those of both.
pub fn next_block() {
    let now = System::block_number();
    System::reset_events();
    Forecasts::on_finalize(now);
    System::set_block_number(now + 1);
    Moment::mutate(|moment| *moment += BlockTime::get());
    Forecasts::on_initialize(now + 1);
}

/// Runs to a block that is begun and not ended.
pub fn run_to(height: u32) {
    while System::block_number() < height.into() {
        next_block();
    }
}

/// Runs to a block of a cycle.
pub fn run_to_slot(cycle: u32, slot: u32) {
    run_to(cycle * CYCLE + slot);
}

/// A forecast of the network and of Brains.
pub fn forecast(quantiles: Quantiles, brains: &[(BrainId, u32)]) -> Forecast {
    let pair = |(brain, performance): &(BrainId, u32)| BrainForecast {
        brain: *brain,
        performance: *performance,
    };
    let brains: Vec<BrainForecast> = brains.iter().map(pair).collect();
    Forecast {
        quantiles,
        brains: brains.try_into().unwrap(),
    }
}

/// A forecast of zeros.
pub fn blank() -> Forecast {
    forecast([[0; 3]; FORECAST_TARGETS], &[])
}

/// Hash by which an account commits itself in this cycle.
pub fn hash(who: u64, forecast: &Forecast) -> H256 {
    let round = System::block_number() as u32 / CYCLE;
    commitment(round, &who, &computekey(who), &SALT, forecast)
}

pub fn commit(who: u64, forecast: &Forecast) {
    let hash = hash(who, forecast);
    assert_ok!(Forecasts::commit_forecast(
        RuntimeOrigin::signed(who),
        BRAIN,
        hash
    ));
}

pub fn reveal(who: u64, forecast: &Forecast) {
    assert_ok!(Forecasts::reveal_forecast(
        RuntimeOrigin::signed(who),
        forecast.clone(),
        SALT
    ));
}

/// Scores of a round that were given in this block.
pub fn scores() -> BTreeMap<u64, u64> {
    let score = |event| match event {
        RuntimeEvent::Forecasts(crate::Event::Scored { account, score, .. }) => Some((account, score)),
        _ => None,
    };
    System::events()
        .into_iter()
        .filter_map(|record| score(record.event))
        .collect()
}

/// Runs through the next round, in which each forecaster commits itself to and reveals its forecast; in the cycle that
/// is forecast `busy` runs in every block. Returns the scores. Must be called in the first block of a cycle.
pub fn round(forecasts: &[(u64, Forecast)], mut busy: impl FnMut(u32)) -> BTreeMap<u64, u64> {
    let start = System::block_number() as u32;
    assert_eq!(start % CYCLE, 0, "a round begins with a cycle");
    for (who, forecast) in forecasts {
        commit(*who, forecast);
    }
    run_to(start + CYCLE);
    for (who, forecast) in forecasts {
        reveal(*who, forecast);
    }
    for slot in 0..CYCLE {
        busy(slot);
        next_block();
    }
    let mut scored = scores();
    for _ in 0..CYCLE - 1 {
        if crate::Scoring::<Test>::get().is_none() {
            break;
        }
        next_block();
        scored.extend(scores());
    }
    scored
}

/// The chain in its first block.
pub fn new_test_ext() -> sp_io::TestExternalities {
    Moment::set(1_000_000);
    BlockTime::set(10_000);
    Stakes::set(BTreeMap::new());
    Left::set(BTreeSet::new());
    Joined::set(BTreeSet::new());
    Standings::set(BTreeMap::new());
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: ACCOUNTS.map(|account| (account, ENDOWMENT)).collect(),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test from the first block on, then checks the invariants and that no money was made or lost.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        Forecasts::on_initialize(1);
        test();
        Forecasts::do_try_state().unwrap();
        let endowed = u128::from(ACCOUNTS.end) * ENDOWMENT;
        assert_eq!(Balances::total_issuance(), endowed);
        assert_eq!(Balances::free_balance(TREASURY), crate::Forfeited::<Test>::get());
    });
}

/// Further validators, standings and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn add_peer(brain: BrainId, _: Uid, _: Role, who: &u64) {
        Joined::mutate(|joined| joined.insert((brain, *who)));
    }
    fn score_peers(brain: BrainId) {
        Standings::mutate(|standings| standings.insert(brain, (2, 2)));
    }
}

/// How busy blocks are from now on, every target included; to be called in each block.
pub fn work(level: u64) {
    for n in 0..level {
        Forecasts::on_transaction_paid(&(1_000 + n), u128::from(level) * 1_000_000_000_000_000);
    }
    BlockTime::set(10_000 + 100 * level);
    frame_system::BlockSize::<Test>::put(100 * level as u32);
    Standings::set([(BRAIN, (level * 10_000_000, level as u16))].into());
}

/// Figures of a cycle of [`work`] on one level, after a cycle on another.
pub fn figures(before: u64, level: u64) -> Figures {
    let blocks = u64::from(CYCLE);
    let time = 10_000 * blocks + 100 * (before + (blocks - 1) * level);
    [
        blocks * level * 1_000_000,
        time * 1_000_000 / blocks,
        blocks * 100 * level * 1_000_000,
        level * 1_000_000,
        level * 1_000_000_000,
        level * 10_000,
    ]
    .map(|figure| figure as i64)
}

/// A forecast that is sure of each figure.
pub fn sure(figures: Figures) -> Forecast {
    forecast(figures.map(|figure| [figure; 3]), &[])
}

/// Runs idle to the first block of cycle 1, when each target has a last value.
pub fn settle() {
    run_to_slot(1, 0);
}
