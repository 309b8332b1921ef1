//! A runtime with this pallet and balances; peers, stake and forecasts are what tests set.

use std::collections::BTreeMap;

use based_primitives::{
    constants::{BASED, PPB},
    math::cycle_start,
    traits::{
        BrainInspect, Epochs, ForecastInspect, OnPeerRemoved, PeerCounts, RegistryInspect, StakeInspect,
    },
    weights_commitment, Balance, BrainId, ComputeKey, Edges, Endpoint, EpochScores, IpAddress, PeerInfo,
    ResourceKind, Resources, Role, Salt, Task, Uid,
};
use frame_support::{derive_impl, parameter_types, weights::Weight};
use sp_core::H256;
use sp_runtime::{BuildStorage, DispatchResult};

use crate as pallet_consensus;

pub const BRAIN: BrainId = 7;
/// Another one, for cross edges: its epoch is in the next block.
pub const OTHER: BrainId = 8;
pub const CYCLE: u32 = 20;
pub const DELAY: u32 = 2;
pub const CUTOFF: u32 = 100;
pub const RATE_LIMIT: u32 = 5;
/// Accounts of validators are their uids plus this.
pub const VALIDATORS: u64 = 10_000;
/// Accounts of miners are their uids plus this.
pub const MINERS: u64 = 20_000;
pub const PER_BYTE: Balance = BASED / 10_000;
/// What validators have.
pub const FUNDS: Balance = 10 * BASED;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Consensus: pallet_consensus,
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
    type RuntimeHoldReason = RuntimeHoldReason;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = BASED / 1_000_000;
    pub const CycleBlocks: u32 = CYCLE;
    pub const RevealDelay: u32 = DELAY;
    pub const ActivityCutoff: u32 = CUTOFF;
    pub const ActivePercentile: u32 = 70;
    pub const WeightsRateLimit: u32 = RATE_LIMIT;
    pub const DepositPerByte: Balance = PER_BYTE;
    /// Role and block of registration of the peers of Brains.
    pub static Peers: BTreeMap<(BrainId, Uid), (Role, u32)> = BTreeMap::new();
    /// Accounts of peers that have others than those of their uids.
    pub static Accounts: BTreeMap<(BrainId, Uid), u64> = BTreeMap::new();
    /// Stake directed to such accounts.
    pub static Backings: BTreeMap<u64, Balance> = BTreeMap::new();
    /// Stake directed to validators of [`BRAIN`].
    pub static Stakes: BTreeMap<Uid, Balance> = BTreeMap::new();
    /// Stake directed to [`BRAIN`].
    pub static Directed: Balance = 0;
    /// Further Brains that are open.
    pub static Opens: Vec<BrainId> = Vec::new();
    /// Owner of [`BRAIN`].
    pub static Owner: u64 = 0;
    /// Weight of forecasts.
    pub static Beta: u64 = 0;
    /// Validators of [`BRAIN`] that forecast perfectly.
    pub static Prophets: Vec<Uid> = Vec::new();
}

impl pallet_consensus::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type ActivePercentile = ActivePercentile;
    type ActivityCutoff = ActivityCutoff;
    type Brains = Mock;
    type Currency = Balances;
    type CycleBlocks = CycleBlocks;
    type DepositPerByte = DepositPerByte;
    type Forecasts = Mock;
    type Registry = Mock;
    type RevealDelay = RevealDelay;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Stake = Mock;
    type WeightInfo = ();
    type WeightsRateLimit = WeightsRateLimit;
}

pub struct Mock;

impl BrainInspect<u64> for Mock {
    fn owner(brain: BrainId) -> Option<u64> {
        (brain == BRAIN).then(Owner::get)
    }
    fn reward_account(_: BrainId) -> Option<u64> {
        None
    }
    fn is_open(brain: BrainId) -> bool {
        brain == BRAIN || brain == OTHER || Opens::get().contains(&brain)
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

impl RegistryInspect<u64> for Mock {
    fn uid(brain: BrainId, account: &u64) -> Option<Uid> {
        let mut peers = Self::peers(brain).into_iter();
        peers.find(|peer| peer.account == *account).map(|peer| peer.uid)
    }
    fn peer(brain: BrainId, uid: Uid) -> Option<PeerInfo<u64>> {
        let (role, registered_at) = PEERS.with(|peers| peers.borrow().get(&(brain, uid)).copied())?;
        let first = if role == Role::Miner { MINERS } else { VALIDATORS };
        Some(PeerInfo {
            uid,
            account: ACCOUNTS
                .with(|accounts| accounts.borrow().get(&(brain, uid)).copied())
                .unwrap_or(first + u64::from(uid)),
            role,
            endpoint: Endpoint {
                ip: IpAddress::V4([127, 0, 0, 1]),
                port: 1,
            },
            computekey: [1; 32],
            resources: Resources {
                kind: ResourceKind::Cpu,
                storage_mib: 1,
            },
            registered_at,
        })
    }
    fn peers(brain: BrainId) -> Vec<PeerInfo<u64>> {
        let uids = Peers::get().into_keys().filter(|(other, _)| *other == brain);
        uids.filter_map(|(_, uid)| Self::peer(brain, uid)).collect()
    }
    fn role(brain: BrainId, account: &u64) -> Option<Role> {
        Self::peer(brain, Self::uid(brain, account)?).map(|peer| peer.role)
    }
    fn computekey(_: BrainId, _: &u64) -> Option<ComputeKey> {
        None
    }
}

impl StakeInspect<u64> for Mock {
    fn brain_stake(_: BrainId) -> Balance {
        Stakes::get().into_values().sum::<Balance>() + Directed::get()
    }
    fn brain_directed(_: BrainId) -> Balance {
        Directed::get()
    }
    fn validator_stake(_: BrainId, validator: &u64) -> Balance {
        if let Some(stake) = Backings::get().get(validator) {
            return *stake;
        }
        Stakes::get()
            .get(&((validator - VALIDATORS) as Uid))
            .copied()
            .unwrap_or(0)
    }
    fn total_stake() -> Balance {
        Self::brain_stake(BRAIN)
    }
}

impl PeerCounts for Mock {
    fn counts(brain: BrainId) -> (u16, u16) {
        let peers = Peers::get();
        let count = |role| {
            let same = peers
                .iter()
                .filter(|((other, _), (own, _))| *other == brain && *own == role);
            same.count() as u16
        };
        (count(Role::Miner), count(Role::Validator))
    }
    fn fee(_: BrainId) -> Balance {
        0
    }
}

impl ForecastInspect<u64> for Mock {
    fn beta() -> u64 {
        Beta::get()
    }
    fn accuracy(account: &u64) -> u64 {
        let known = Prophets::get()
            .iter()
            .any(|uid| VALIDATORS + u64::from(*uid) == *account);
        if known {
            PPB
        } else {
            0
        }
    }
    fn performance(_: BrainId) -> Option<u64> {
        None
    }
}

/// Adds a validator, registered in block 0, with stake in BASED and [`FUNDS`].
pub fn add_validator(uid: Uid, stake: Balance) {
    Peers::mutate(|peers| peers.insert((BRAIN, uid), (Role::Validator, 0)));
    Stakes::mutate(|stakes| stakes.insert(uid, stake * BASED));
    let account = VALIDATORS + u64::from(uid);
    Balances::force_set_balance(RuntimeOrigin::root(), account, FUNDS).unwrap();
}

/// Adds a miner registered in a block.
pub fn add_miner(uid: Uid, registered_at: u32) {
    add_miner_to(BRAIN, uid, registered_at);
}

/// Adds a miner of a Brain, registered in a block.
pub fn add_miner_to(brain: BrainId, uid: Uid, registered_at: u32) {
    Peers::mutate(|peers| peers.insert((brain, uid), (Role::Miner, registered_at)));
}

/// Removes a peer as the registry does.
pub fn remove(uid: Uid) {
    let peer = Mock::peer(BRAIN, uid).unwrap();
    Peers::mutate(|peers| peers.remove(&(BRAIN, uid)));
    <Consensus as OnPeerRemoved<u64>>::on_peer_removed(BRAIN, uid, &peer.account);
}

pub fn origin(uid: Uid) -> RuntimeOrigin {
    RuntimeOrigin::signed(VALIDATORS + u64::from(uid))
}

/// Salt that tests use.
pub const SALT: Salt = [3; 32];

/// Hash of a row of the validator with a uid.
pub fn hash(uid: Uid, row: &[(Uid, u16)]) -> H256 {
    let genesis = System::block_hash(0);
    weights_commitment(&genesis, BRAIN, &(VALIDATORS + u64::from(uid)), row, &SALT)
}

/// Commits the validator with a uid to a row.
pub fn commit(uid: Uid, row: &[(Uid, u16)]) -> DispatchResult {
    Consensus::commit_weights(origin(uid), BRAIN, hash(uid, row))
}

/// Reveals a row as the validator with a uid.
pub fn reveal(uid: Uid, row: &[(Uid, u16)]) -> DispatchResult {
    Consensus::reveal_weights(origin(uid), BRAIN, Edges::truncate_from(row.to_vec()), SALT)
}

/// First block of a cycle of [`BRAIN`], which is that of the epoch before it.
pub fn start(cycle: u32) -> u32 {
    cycle_start(BRAIN, cycle, CYCLE)
}

/// Goes to a block.
pub fn go_to(block: u32) {
    System::set_block_number(block.into());
}

/// Lets validators commit to rows in one cycle and reveal them in a later one, early in it.
pub fn set_weights(cycle: u32, rows: &[(Uid, &[(Uid, u16)])]) {
    go_to(start(cycle) + 1);
    for (uid, row) in rows {
        commit(*uid, row).unwrap();
    }
    go_to(start(cycle + DELAY) + 2);
    for (uid, row) in rows {
        reveal(*uid, row).unwrap();
    }
}

/// Runs the epoch that ends a cycle of [`BRAIN`].
pub fn end_cycle(cycle: u32) -> EpochScores<u64> {
    epoch_of(BRAIN, start(cycle + 1))
}

/// Runs the epoch of a Brain in a block, with all the weight it needs.
pub fn epoch_of(brain: BrainId, block: u32) -> EpochScores<u64> {
    go_to(block);
    Consensus::advance(brain, block, Weight::MAX).scores.unwrap()
}

/// The chain in block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
    Peers::set(BTreeMap::new());
    Accounts::set(BTreeMap::new());
    Backings::set(BTreeMap::new());
    Stakes::set(BTreeMap::new());
    Directed::set(0);
    Owner::set(0);
    Opens::set(Vec::new());
    Beta::set(0);
    Prophets::set(Vec::new());
    let mut ext: sp_io::TestExternalities = RuntimeGenesisConfig::default().build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test in block 1, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Consensus::do_try_state().unwrap();
    });
}

/// Further Brains, peers, stake and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn open_brain(brain: BrainId, _: &u64) {
        Opens::mutate(|opens| opens.push(brain));
    }
    fn add_peer(brain: BrainId, uid: Uid, role: Role, who: &u64) {
        PEERS.with(|peers| peers.borrow_mut().insert((brain, uid), (role, 0)));
        ACCOUNTS.with(|accounts| accounts.borrow_mut().insert((brain, uid), *who));
    }
    fn stake(_: BrainId, validator: Option<&u64>, amount: Balance) {
        if let Some(validator) = validator {
            Backings::mutate(|stakes| stakes.insert(*validator, amount));
        }
    }
}
