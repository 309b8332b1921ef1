//! A runtime with this pallet and balances. Brains, peers, stake and scores are what tests set.

use std::collections::BTreeMap;

use based_primitives::{
    constants::{BASED, PPB},
    traits::{BrainInspect, Epochs, ForecastInspect, RegistryInspect, StakeInspect, StakeRewards},
    Balance, BlockNumber, BrainId, ComputeKey, Endpoint, EpochAdvance, EpochScores, IpAddress, PeerInfo,
    ResourceKind, Resources, Role, Task, Uid,
};
use frame_support::{derive_impl, parameter_types, traits::Hooks, weights::Weight};
use sp_runtime::BuildStorage;

use crate as pallet_emission;

pub const CYCLE: u32 = 20;
/// Brain with an epoch in the eighth block of each cycle.
pub const BRAIN: BrainId = 7;
/// Another one, in the same block: 27 mod 20 is 7 too.
pub const OTHER: BrainId = 27;
pub const OWNER: u64 = 1;
pub const ANYONE: u64 = 2;
/// Account of the mock of staking.
pub const STAKERS: u64 = 3;
/// Accounts of miners and of validators start here.
pub const MINERS: u64 = 100;
pub const VALIDATORS: u64 = 200;
pub const DEPOSIT: Balance = BASED / 1_000_000;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Emission: pallet_emission,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

/// A Brain as tests set it.
#[derive(Clone, Debug)]
pub struct Setting {
    pub directed: Balance,
    pub validators: Vec<Balance>,
    /// Validators whose stakers' parts the mock of staking refuses.
    pub refusing: Vec<u64>,
    pub performance: u64,
    /// What forecasters say of the next performance.
    pub forecast: Option<u64>,
    pub owner_earns: bool,
    pub commission: u64,
    pub miner_share: u64,
    pub redistribution: (u64, u64),
    pub miner_scores: Vec<u128>,
    pub validator_scores: Vec<u128>,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            directed: 0,
            validators: Vec::new(),
            refusing: Vec::new(),
            performance: PPB,
            forecast: None,
            owner_earns: true,
            commission: PPB / 2,
            miner_share: PPB / 2,
            redistribution: (0, 0),
            miner_scores: Vec::new(),
            validator_scores: Vec::new(),
        }
    }
}

parameter_types! {
    pub const ExistentialDeposit: Balance = DEPOSIT;
    /// Blocks of a cycle.
    pub static CycleBlocks: u32 = CYCLE;
    /// Open Brains.
    pub static Brains: BTreeMap<BrainId, Setting> = BTreeMap::new();
    /// Weight of forecasts.
    pub static Beta: u64 = 0;
    /// Weight that the epochs of Brains still need.
    pub static Work: BTreeMap<BrainId, u64> = BTreeMap::new();
    /// Most weight of epochs in a block: a second.
    pub static EpochLimit: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
    /// Epochs that ran, with the blocks in which they were due.
    pub static EpochsRun: Vec<(BrainId, BlockNumber)> = Vec::new();
    /// What stakers of a Brain or of a validator were given.
    pub static Deposits: BTreeMap<(BrainId, Option<u64>), Balance> = BTreeMap::new();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

fn setting(brain: BrainId) -> Option<Setting> {
    Brains::get().get(&brain).cloned()
}

/// Sets or changes an open Brain.
pub fn set(brain: BrainId, setting: Setting) {
    Brains::mutate(|brains| brains.insert(brain, setting));
}

pub struct Mock;

impl BrainInspect<u64> for Mock {
    fn owner(brain: BrainId) -> Option<u64> {
        setting(brain).map(|_| OWNER)
    }
    fn reward_account(brain: BrainId) -> Option<u64> {
        Self::owner(brain)
    }
    fn is_open(brain: BrainId) -> bool {
        setting(brain).is_some()
    }
    fn task(_: BrainId) -> Option<Task> {
        None
    }
    fn owner_commission(brain: BrainId) -> u64 {
        setting(brain).map_or(0, |setting| setting.commission)
    }
    fn miner_share(brain: BrainId) -> u64 {
        setting(brain).map_or(0, |setting| setting.miner_share)
    }
    fn owner_redistribution(brain: BrainId) -> (u64, u64) {
        setting(brain).map_or((0, 0), |setting| setting.redistribution)
    }
    fn owner_earns(brain: BrainId) -> bool {
        setting(brain).is_some_and(|setting| setting.owner_earns)
    }
    fn open_brains() -> Vec<BrainId> {
        Brains::get().into_keys().collect()
    }
}

impl RegistryInspect<u64> for Mock {
    fn uid(_: BrainId, _: &u64) -> Option<Uid> {
        None
    }
    fn peer(_: BrainId, _: Uid) -> Option<PeerInfo<u64>> {
        None
    }
    fn peers(brain: BrainId) -> Vec<PeerInfo<u64>> {
        let peer = |(uid, account): (Uid, u64)| PeerInfo {
            uid,
            account,
            role: if account < VALIDATORS {
                Role::Miner
            } else {
                Role::Validator
            },
            endpoint: Endpoint {
                ip: IpAddress::V4([127, 0, 0, 1]),
                port: 1,
            },
            computekey: [1; 32],
            resources: Resources {
                kind: ResourceKind::Cpu,
                storage_mib: 1,
            },
            registered_at: 0,
        };
        let setting = setting(brain).unwrap_or_default();
        let validators = VALIDATORS..VALIDATORS + setting.validators.len() as u64;
        (0..)
            .zip(std::iter::once(MINERS).chain(validators))
            .map(peer)
            .collect()
    }
    fn role(_: BrainId, _: &u64) -> Option<Role> {
        None
    }
    fn computekey(_: BrainId, _: &u64) -> Option<ComputeKey> {
        None
    }
}

impl StakeInspect<u64> for Mock {
    fn brain_stake(brain: BrainId) -> Balance {
        setting(brain).map_or(0, |setting| {
            setting.directed + setting.validators.iter().sum::<Balance>()
        })
    }
    fn brain_directed(brain: BrainId) -> Balance {
        setting(brain).map_or(0, |setting| setting.directed)
    }
    fn validator_stake(brain: BrainId, validator: &u64) -> Balance {
        setting(brain).map_or(0, |setting| setting.validators[(validator - VALIDATORS) as usize])
    }
    fn total_stake() -> Balance {
        Brains::get().into_keys().map(Self::brain_stake).sum()
    }
}

impl StakeRewards<u64> for Mock {
    fn account() -> u64 {
        STAKERS
    }
    fn deposit(brain: BrainId, validator: Option<&u64>, amount: Balance) -> Balance {
        let setting = setting(brain).unwrap_or_default();
        let refused = match validator {
            Some(validator) => setting.refusing.contains(validator),
            None => setting.directed == 0,
        };
        if refused {
            return 0;
        }
        Deposits::mutate(|deposits| *deposits.entry((brain, validator.copied())).or_default() += amount);
        amount
    }
}

impl Epochs<u64> for Mock {
    fn advance(brain: BrainId, due: BlockNumber, limit: Weight) -> EpochAdvance<u64> {
        let (needed, rest) = Work::mutate(|work| {
            let left = work.entry(brain).or_default();
            let needed = *left;
            *left = left.saturating_sub(limit.ref_time());
            (needed, *left)
        });
        if rest > 0 {
            return EpochAdvance {
                scores: None,
                weight: limit,
            };
        }
        EpochsRun::mutate(|run| run.push((brain, due)));
        let setting = setting(brain).unwrap_or_default();
        let scores = EpochScores {
            miners: (MINERS..).zip(setting.miner_scores).collect(),
            validators: (VALIDATORS..).zip(setting.validator_scores).collect(),
        };
        EpochAdvance {
            scores: Some(scores),
            weight: Weight::from_parts(needed, 0),
        }
    }
    fn performance(brain: BrainId) -> u64 {
        setting(brain).map_or(0, |setting| setting.performance)
    }
}

impl ForecastInspect<u64> for Mock {
    fn beta() -> u64 {
        Beta::get()
    }
    fn accuracy(_: &u64) -> u64 {
        0
    }
    fn performance(brain: BrainId) -> Option<u64> {
        setting(brain)?.forecast
    }
}

impl pallet_emission::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type Brains = Mock;
    type Registry = Mock;
    type Stake = Mock;
    type Rewards = Mock;
    type Epochs = Mock;
    type Forecasts = Mock;
    type CycleBlocks = CycleBlocks;
    type EpochLimit = EpochLimit;
    type WeightInfo = ();
}

/// Runs blocks up to and including `height`.
pub fn run_to(height: u64) {
    while System::block_number() < height {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        Emission::on_initialize(next);
    }
}

/// Runs to the end of the first cycle, in which the pot of 190 BASED is divided.
pub fn run_to_split() {
    run_to(u64::from(CYCLE) - 1);
}

/// Runs to the epoch of [`BRAIN`] that divides the pot of the first cycle.
pub fn run_to_pay() {
    run_to(u64::from(CYCLE) + u64::from(BRAIN));
}

/// Parts of the newest division of a Brain's budget: budget, miners, validators, owner, stakers, returned.
pub fn division() -> [Balance; 6] {
    let last = System::events()
        .into_iter()
        .rev()
        .find_map(|record| match record.event {
            RuntimeEvent::Emission(crate::Event::EpochPaid {
                budget,
                miners,
                validators,
                owner,
                stakers,
                returned,
                ..
            }) => Some([budget, miners, validators, owner, stakers, returned]),
            _ => None,
        });
    last.expect("a budget was divided")
}

/// Free balance of an account.
pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

/// The chain at genesis.
pub fn new_test_ext() -> sp_io::TestExternalities {
    CycleBlocks::set(CYCLE);
    Brains::set(BTreeMap::new());
    Beta::set(0);
    EpochsRun::set(Vec::new());
    Work::set(BTreeMap::new());
    Deposits::set(BTreeMap::new());
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: vec![(OWNER, DEPOSIT), (ANYONE, DEPOSIT), (STAKERS, DEPOSIT)],
            ..Default::default()
        },
        ..Default::default()
    };
    config.build_storage().unwrap().into()
}

/// Runs a test from genesis, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Emission::do_try_state().unwrap();
    });
}

/// Brains with stake, and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn open_brain(brain: BrainId, _: &u64) {
        set(brain, Setting::default());
    }
    fn stake(brain: BrainId, validator: Option<&u64>, amount: Balance) {
        Brains::mutate(|brains| {
            let setting = brains.get_mut(&brain).unwrap();
            match validator {
                Some(_) => setting.validators.push(amount),
                None => setting.directed += amount,
            }
        });
    }
}
