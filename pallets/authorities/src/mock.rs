//! A runtime with this pallet and balances; sessions, validators and stake that tests set.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use based_primitives::{
    constants::{BASED, PPB},
    traits::{ProducerStake, RegistryInspect, Sessions},
    Balance, BlockNumber, BrainId, ComputeKey, PeerInfo, Role, Uid,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{fungible::InspectHold, ConstU32, Hooks},
};
use pallet_session::SessionManager;
use sp_runtime::{BuildStorage, DispatchResult, Perbill};
use sp_staking::offence::{Kind, Offence, OffenceError, ReportOffence};

use crate as pallet_authorities;

pub const BRAIN: BrainId = 7;
/// Blocks of one session: a producer of four that runs misses all of them by chance with e^-16.
pub const SESSION: u32 = 64;
pub const WINDOW: u32 = 4 * SESSION;
pub const BOND: Balance = 100 * BASED;
pub const MINIMUM: Balance = 1_000 * BASED;
pub const TREASURY: u64 = 999;
/// Producers of genesis.
pub const GENESIS: [u64; 3] = [1, 2, 3];
/// Validators that opt in with rising stake: account 10 has 10,000 $BASED behind it.
pub const VALIDATORS: [u64; 8] = [10, 11, 12, 13, 14, 15, 16, 17];

type Block = frame_system::mocking::MockBlock<Test>;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeHoldReason,
        RuntimeFreezeReason,
        RuntimeTask
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Authorities = pallet_authorities;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = BASED / 1_000_000;
    pub const Bond: Balance = BOND;
    pub const MinBacking: Balance = MINIMUM;
    pub const SlashedTo: u64 = TREASURY;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

/// What the session pallet knows.
#[derive(Default)]
struct World {
    index: u32,
    producers: Vec<u64>,
    queued: Vec<u64>,
    keyless: BTreeSet<u64>,
    disabled: Vec<u64>,
    forgotten: u32,
    left: BTreeSet<u64>,
    /// Further validators.
    joined: BTreeSet<u64>,
    stakes: BTreeMap<u64, Balance>,
    /// Slashes of stake: who, part, since.
    slashes: Vec<(u64, u64, BlockNumber)>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

fn world<Answer>(ask: impl FnOnce(&mut World) -> Answer) -> Answer {
    WORLD.with(|world| ask(&mut world.borrow_mut()))
}

pub struct Mock;

impl Sessions<u64> for Mock {
    fn has_keys(account: &u64) -> bool {
        world(|world| !world.keyless.contains(account))
    }
    fn producers() -> Vec<u64> {
        world(|world| world.producers.clone())
    }
    fn is_newest(producers: &[u64]) -> bool {
        world(|world| world.queued == producers)
    }
    fn disable(account: &u64) {
        world(|world| world.disabled.push(*account));
    }
    fn forget_before(session: u32) {
        world(|world| world.forgotten = session);
    }
}

impl ProducerStake<u64> for Mock {
    fn backing(validator: &u64) -> Balance {
        world(|world| world.stakes.get(validator).copied().unwrap_or_default())
    }
    fn backed_brains(_: &u64) -> u32 {
        1
    }
    fn slash(validator: &u64, part_ppb: u64, since: BlockNumber) -> Balance {
        world(|world| {
            world.slashes.push((*validator, part_ppb, since));
            let stake = world.stakes.entry(*validator).or_default();
            let taken = *stake / Balance::from(PPB) * Balance::from(part_ppb);
            *stake -= taken;
            taken
        })
    }
}

impl RegistryInspect<u64> for Mock {
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
        let left = world(|world| world.left.contains(account));
        let known = brain == BRAIN && !left;
        match *account {
            10..100 if known => Some(Role::Validator),
            100 if known => Some(Role::Miner),
            _ => world(|world| world.joined.contains(account)).then_some(Role::Validator),
        }
    }
    fn computekey(_: BrainId, _: &u64) -> Option<ComputeKey> {
        None
    }
}

impl pallet_authorities::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Bond = Bond;
    type Currency = Balances;
    type MaxCandidates = ConstU32<8>;
    type MaxProducers = ConstU32<6>;
    type MinBacking = MinBacking;
    type MinProducers = ConstU32<2>;
    type Registry = Mock;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Sessions = Mock;
    type SlashWindow = ConstU32<WINDOW>;
    type SlashedTo = SlashedTo;
    type Stake = Mock;
    type WeightInfo = ();
    type WindowCycles = ConstU32<3>;
    type WindowSessions = ConstU32<5>;
}

/// An equivocation as the engines report it.
pub struct Equivocation {
    pub session: u32,
    pub producers: u32,
    pub offender: u64,
}

impl Offence<(u64, ())> for Equivocation {
    const ID: Kind = *b"test:equivocatio";
    type Slot = u64;
    fn offenders(&self) -> Vec<(u64, ())> {
        vec![(self.offender, ())]
    }
    fn session_index(&self) -> u32 {
        self.session
    }
    fn validator_set_count(&self) -> u32 {
        self.producers
    }
    fn slot(&self) -> u64 {
        0
    }
    fn slash_fraction(&self, _: u32) -> Perbill {
        Perbill::zero()
    }
}

/// Reports an equivocation in a session of `producers`.
pub fn report(offender: u64, session: u32, producers: u32) -> Result<(), OffenceError> {
    let equivocation = Equivocation {
        session,
        producers,
        offender,
    };
    <Authorities as ReportOffence<_, _, _>>::report_offence(vec![], equivocation)
}

pub fn opt_in(who: u64) -> DispatchResult {
    Authorities::opt_in(RuntimeOrigin::signed(who), BRAIN)
}

pub fn opt_out(who: u64) -> DispatchResult {
    Authorities::opt_out(RuntimeOrigin::signed(who))
}

pub fn withdraw_bond(who: u64) -> DispatchResult {
    Authorities::withdraw_bond(RuntimeOrigin::signed(who))
}

pub fn set_stake(who: u64, stake: Balance) {
    world(|world| world.stakes.insert(who, stake));
}

pub fn remove_keys(who: u64) {
    world(|world| world.keyless.insert(who));
}

pub fn leave_brain(who: u64) {
    world(|world| world.left.insert(who));
}

pub fn producers() -> Vec<u64> {
    world(|world| world.producers.clone())
}

/// Set of the session after this one.
pub fn queued() -> Vec<u64> {
    world(|world| world.queued.clone())
}

pub fn disabled() -> Vec<u64> {
    world(|world| world.disabled.clone())
}

pub fn forgotten() -> u32 {
    world(|world| world.forgotten)
}

pub fn stake_slashes() -> Vec<(u64, u64, BlockNumber)> {
    world(|world| world.slashes.clone())
}

pub fn session() -> u32 {
    world(|world| world.index)
}

pub fn held(who: u64) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::ProducerBond.into(), &who)
}

pub fn now() -> u32 {
    System::block_number() as u32
}

/// Starts the next block, and the next session if it is due, as the session pallet does.
fn next_block() {
    System::set_block_number(System::block_number() + 1);
    if now() % SESSION == 0 {
        <Authorities as SessionManager<u64>>::end_session(session());
        world(|world| {
            world.producers = world.queued.clone();
            world.index += 1;
        });
        <Authorities as SessionManager<u64>>::start_session(session());
        if let Some(elected) = <Authorities as SessionManager<u64>>::new_session(session() + 1) {
            world(|world| world.queued = elected);
        }
    }
    Authorities::on_initialize(System::block_number());
}

/// Runs sessions in which the producers write blocks in turn, all but the silent.
pub fn run_sessions(count: u32, silent: &[u64]) {
    let end = session() + count;
    while session() < end {
        next_block();
        let writers: Vec<_> = producers()
            .into_iter()
            .filter(|who| !silent.contains(who))
            .collect();
        if !writers.is_empty() {
            let writer = writers[now() as usize % writers.len()];
            <Authorities as pallet_authorship::EventHandler<u64, u64>>::note_author(writer);
        }
        Authorities::do_try_state().unwrap();
    }
}

/// Runs a number of blocks of whatever sessions; everyone writes.
pub fn run_blocks(count: u32) {
    for _ in 0..count {
        next_block();
    }
}

/// Runs a test with the producers of genesis in block 1, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    build_with(&GENESIS, test);
}

/// As [`build_and_execute`], with other producers of genesis.
pub fn build_with(bootstrap: &[u64], test: impl FnOnce()) {
    ext_with(bootstrap).execute_with(|| {
        test();
        Authorities::do_try_state().unwrap();
    });
}

/// The chain in block 1, with the producers of genesis.
#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
    ext_with(&GENESIS)
}

fn ext_with(bootstrap: &[u64]) -> sp_io::TestExternalities {
    world(|world| {
        *world = World {
            stakes: VALIDATORS
                .into_iter()
                .map(|who| (who, Balance::from(who) * MINIMUM))
                .collect(),
            ..Default::default()
        };
    });
    let balances = (1..=101)
        .chain([TREASURY])
        .map(|who| (who, 1_000 * BASED))
        .collect();
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances,
            ..Default::default()
        },
        authorities: pallet_authorities::GenesisConfig {
            bootstrap: bootstrap.to_vec(),
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| {
        let genesis = <Authorities as SessionManager<u64>>::new_session_genesis(0).unwrap_or_default();
        world(|world| {
            world.producers = genesis.clone();
            world.queued = genesis;
        });
        <Authorities as SessionManager<u64>>::start_session(0);
        System::set_block_number(1);
    });
    ext
}

/// Further validators, stake, producers and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn add_peer(_: BrainId, _: Uid, _: Role, who: &u64) {
        world(|world| world.joined.insert(*who));
    }
    fn stake(_: BrainId, validator: Option<&u64>, amount: Balance) {
        let who = *validator.unwrap();
        world(|world| *world.stakes.entry(who).or_default() += amount);
    }
    fn set_producers(producers: Vec<u64>) {
        world(|world| world.producers = producers);
    }
}
