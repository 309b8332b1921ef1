//! A runtime with this pallet, two currencies, preimages and the scheduler; Brains and their stake are set by tests.

use std::collections::BTreeMap;

use based_primitives::{
    constants::{BASED, GIGA_BRAIN_CYCLES},
    traits::{BrainInspect, EmergencyBrake, StakeInspect},
    Balance, BrainId, Task,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        fungible::{HoldConsideration, InspectFreeze, InspectHold},
        Contains, EitherOfDiverse, EqualPrivilegeOnly, Hooks, LinearStoragePrice, QueryPreimage,
        StorageMapShim, StorePreimage, VariantCountOf,
    },
    weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_balances::Instance1;
use sp_core::H256;
use sp_runtime::{BuildStorage, DispatchResult};

use crate::{
    self as pallet_governance, BoundedCallOf, EnsureGovernance, FreezeReason, HoldReason, ProposalId,
    ProposalOf, Proposals, Proposer, Track, TrackTimes,
};

pub const LABS: u64 = 1;
pub const ALICE: u64 = 2;
pub const BOB: u64 = 3;
pub const CAROL: u64 = 4;
/// Speaks for the Enforcer.
pub const SEER: u64 = 5;
pub const STRANGER: u64 = 6;
pub const ACCOUNTS: [u64; 6] = [LABS, ALICE, BOB, CAROL, SEER, STRANGER];
pub const TREASURY: u64 = 99;

pub const CYCLE: u32 = 20;
pub const YEAR: u32 = 2_000;
pub const ROOT: TrackTimes = TrackTimes {
    voting: 50,
    enactment: 20,
};
pub const PARAMETERS: TrackTimes = TrackTimes {
    voting: 10,
    enactment: 5,
};
pub const WINDOW: u32 = 30;
/// Tasks that the scheduler takes for one block.
pub const AGENDA: u32 = 50;
pub const DEPOSIT: Balance = 100 * BASED;
pub const BALLOT_DEPOSIT: Balance = BASED;
pub const PEPE: Balance = 1_000_000_000_000_000_000;
/// What each account has of either currency.
pub const FUNDS: Balance = 10_000 * BASED;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Pepecoin: pallet_balances::<Instance1>,
        Preimage: pallet_preimage,
        Scheduler: pallet_scheduler,
        Governance: pallet_governance,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = BASED / 1_000_000;
    pub const Deposit: Balance = DEPOSIT;
    pub const BallotDeposit: Balance = BALLOT_DEPOSIT;
    pub const MinimumBallot: Balance = PEPE;
    pub const Treasury: u64 = TREASURY;
    pub const CycleBlocks: u32 = CYCLE;
    pub const YearOne: u32 = YEAR;
    pub const RootTrack: TrackTimes = ROOT;
    pub const ParameterTrack: TrackTimes = PARAMETERS;
    pub const MinimumNotice: u32 = 70;
    pub const BrakeWindow: u32 = WINDOW;
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
    pub const ByteDeposit: Balance = 1_000;
    pub const MaximumWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
    /// Owners of Brains.
    pub static Owners: BTreeMap<BrainId, u64> = BTreeMap::new();
    /// Stake of Brains.
    pub static Stakes: BTreeMap<BrainId, Balance> = BTreeMap::new();
    /// How often the brake was pulled.
    pub static Pulled: u32 = 0;
    /// Whether the brake can be pulled.
    pub static BrakeWorks: bool = true;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
}

impl pallet_balances::Config<Instance1> for Test {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = ();
    type Balance = Balance;
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore =
        StorageMapShim<pallet_balances::Account<Test, Instance1>, u64, pallet_balances::AccountData<Balance>>;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ();
    type MaxReserves = ();
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

/// Root, or what passed on the track of parameters.
type Governed = EitherOfDiverse<EnsureRoot<u64>, EnsureGovernance<Test>>;

impl pallet_preimage::Config for Test {
    type WeightInfo = ();
    type RuntimeEvent = RuntimeEvent;
    type Currency = Balances;
    type ManagerOrigin = Governed;
    type Consideration = HoldConsideration<
        u64,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<ByteDeposit, ByteDeposit, Balance>,
    >;
}

impl pallet_scheduler::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = MaximumWeight;
    type ScheduleOrigin = EnsureRoot<u64>;
    type OriginPrivilegeCmp = EqualPrivilegeOnly;
    type MaxScheduledPerBlock = frame_support::traits::ConstU32<AGENDA>;
    type WeightInfo = ();
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

pub struct MockBrains;

impl BrainInspect<u64> for MockBrains {
    fn owner(brain: BrainId) -> Option<u64> {
        Owners::get().get(&brain).copied()
    }
    fn reward_account(brain: BrainId) -> Option<u64> {
        Self::owner(brain)
    }
    fn is_open(brain: BrainId) -> bool {
        Self::owner(brain).is_some()
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
        Owners::get().into_keys().collect()
    }
}

impl StakeInspect<u64> for MockBrains {
    fn brain_stake(brain: BrainId) -> Balance {
        Stakes::get().get(&brain).copied().unwrap_or_default()
    }
    fn brain_directed(brain: BrainId) -> Balance {
        Self::brain_stake(brain)
    }
    fn validator_stake(_: BrainId, _: &u64) -> Balance {
        0
    }
    fn total_stake() -> Balance {
        Stakes::get().into_values().sum()
    }
}

pub struct MockEnforcer;

impl Contains<u64> for MockEnforcer {
    fn contains(who: &u64) -> bool {
        *who == SEER
    }
}

pub struct MockBrake;

impl EmergencyBrake for MockBrake {
    fn pull() -> DispatchResult {
        if !BrakeWorks::get() {
            return Err("the brake is stuck".into());
        }
        Pulled::mutate(|pulled| *pulled += 1);
        Ok(())
    }
}

impl pallet_governance::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type Pepecoin = Pepecoin;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type Brains = MockBrains;
    type Stake = MockBrains;
    type Enforcer = MockEnforcer;
    type Brake = MockBrake;
    type Preimages = Preimage;
    type Scheduler = Scheduler;
    type Treasury = Treasury;
    type CycleBlocks = CycleBlocks;
    type YearOne = YearOne;
    type RootTrack = RootTrack;
    type ParameterTrack = ParameterTrack;
    type MinimumNotice = MinimumNotice;
    type BrakeWindow = BrakeWindow;
    type ProposalDeposit = Deposit;
    type BallotDeposit = BallotDeposit;
    type MinimumBallot = MinimumBallot;
    type WeightInfo = ();
}

pub fn now() -> u32 {
    System::block_number() as u32
}

/// Begins the next block.
pub fn next_block() {
    System::set_block_number(System::block_number() + 1);
    Scheduler::on_initialize(System::block_number());
    Governance::on_initialize(System::block_number());
}

/// Runs to a block that is begun and not ended.
pub fn run_to(height: u32) {
    while now() < height {
        next_block();
    }
}

/// Goes to a block without running those between.
pub fn skip_to(height: u32) {
    System::set_block_number(height.into());
}

/// Gives a Brain an owner and stake.
pub fn brain(id: BrainId, owner: u64, stake: Balance) {
    Owners::mutate(|owners| owners.insert(id, owner));
    Stakes::mutate(|stakes| stakes.insert(id, stake));
}

/// Runs as many cycles as make GigaBrains.
pub fn run_cycles() {
    run_to(now() + GIGA_BRAIN_CYCLES * CYCLE);
}

/// Makes GigaBrains of equal stake: Brain `10 + n` of the n-th owner.
pub fn giga_brains(owners: &[u64]) {
    for (n, owner) in owners.iter().enumerate() {
        brain(10 + n as BrainId, *owner, BASED);
    }
    run_cycles();
    assert_eq!(crate::GigaBrains::<Test>::get().len(), owners.len());
}

pub fn bounded(call: impl Into<RuntimeCall>) -> BoundedCallOf<Test> {
    let call: RuntimeCall = call.into();
    <Preimage as StorePreimage>::bound(call).unwrap()
}

/// Writes to the state, which takes root.
pub fn root_call() -> BoundedCallOf<Test> {
    let items = vec![(b"governed".to_vec(), b"yes".to_vec())];
    bounded(frame_system::Call::<Test>::set_storage { items })
}

pub fn root_call_ran() -> bool {
    sp_io::storage::get(b"governed").is_some_and(|value| &value[..] == b"yes")
}

/// Asks for a preimage, which root and governance may.
pub fn parameter_call() -> BoundedCallOf<Test> {
    let hash = H256::repeat_byte(42);
    bounded(pallet_preimage::Call::<Test>::request_preimage { hash })
}

pub fn parameter_call_ran() -> bool {
    <Preimage as QueryPreimage>::is_requested(&H256::repeat_byte(42))
}

/// Proposes for Based Labs on the track of root.
pub fn labs_propose() -> ProposalId {
    propose(LABS, Proposer::Labs, Track::Root)
}

/// Proposes for a GigaBrain on the track of root.
pub fn brain_propose(owner: u64, brain: BrainId) -> ProposalId {
    propose(owner, Proposer::GigaBrain(brain), Track::Root)
}

pub fn propose(who: u64, proposer: Proposer, track: Track) -> ProposalId {
    let id = crate::NextId::<Test>::get();
    let call = match track {
        Track::Root => root_call(),
        Track::Parameters => parameter_call(),
    };
    try_propose(who, proposer, track, call).unwrap();
    id
}

pub fn try_propose(who: u64, proposer: Proposer, track: Track, call: BoundedCallOf<Test>) -> DispatchResult {
    Governance::propose(RuntimeOrigin::signed(who), proposer, track, call)
}

pub fn vote(who: u64, id: ProposalId, brain: BrainId, aye: bool) -> DispatchResult {
    Governance::vote(RuntimeOrigin::signed(who), id, brain, aye)
}

pub fn vote_with_pepecoin(who: u64, id: ProposalId, aye: bool, amount: Balance) -> DispatchResult {
    Governance::vote_with_pepecoin(RuntimeOrigin::signed(who), id, aye, amount)
}

pub fn close(id: ProposalId) -> DispatchResult {
    Governance::close(RuntimeOrigin::signed(STRANGER), id)
}

pub fn release(who: u64) -> DispatchResult {
    Governance::release(RuntimeOrigin::signed(STRANGER), who)
}

pub fn pull_brake(who: u64, brain: BrainId) -> DispatchResult {
    Governance::pull_brake(RuntimeOrigin::signed(who), brain)
}

pub fn proposal(id: ProposalId) -> ProposalOf<Test> {
    Proposals::<Test>::get(id).unwrap()
}

/// Runs past the last block of voting and closes.
pub fn run_and_close(id: ProposalId) {
    run_to(proposal(id).ends_at + 1);
    close(id).unwrap();
}

pub fn frozen(who: u64) -> Balance {
    Pepecoin::balance_frozen(&FreezeReason::Vote.into(), &who)
}

pub fn held(reason: HoldReason, who: u64) -> Balance {
    Balances::balance_on_hold(&reason.into(), &who)
}

/// Newest event of this pallet.
pub fn last_event() -> crate::Event<Test> {
    let ours = |event| match event {
        RuntimeEvent::Governance(event) => Some(event),
        _ => None,
    };
    System::events()
        .into_iter()
        .rev()
        .find_map(|record| ours(record.event))
        .unwrap()
}

/// The chain in block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    Owners::set(BTreeMap::new());
    Stakes::set(BTreeMap::new());
    Pulled::set(0);
    BrakeWorks::set(true);
    let balances = || ACCOUNTS.map(|who| (who, FUNDS)).to_vec();
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: balances(),
            ..Default::default()
        },
        pepecoin: pallet_balances::GenesisConfig {
            balances: balances(),
            ..Default::default()
        },
        governance: pallet_governance::GenesisConfig { labs: Some(LABS) },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test from block 1 on, then checks the invariants and that no unit of either currency was made or lost.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Governance::do_try_state().unwrap();
        let all = ACCOUNTS.len() as Balance * FUNDS;
        assert_eq!(Balances::total_issuance(), all);
        assert_eq!(Pepecoin::total_issuance(), all);
    });
}

/// Further Brains, funds and preimages.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn fund_pepecoin(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Pepecoin::mint_into(who, amount).unwrap();
    }
    fn open_brain(id: BrainId, owner: &u64) {
        brain(id, *owner, 0);
    }
    fn stake(brain: BrainId, _: Option<&u64>, amount: Balance) {
        Stakes::mutate(|stakes| *stakes.entry(brain).or_default() += amount);
    }
    fn note_preimage(call: Vec<u8>) {
        <Preimage as StorePreimage>::note(call.into()).unwrap();
    }
}
