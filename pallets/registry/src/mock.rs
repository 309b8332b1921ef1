//! A runtime with this pallet, balances, and Brains that tests set.

use std::{cell::RefCell, collections::BTreeMap};

use based_primitives::{
    constants::BASED,
    traits::{BrainInspect, OnPeerJoined, OnPeerRemoved, PeerIncentives},
    Balance, BlockNumber, BrainId, Endpoint, IpAddress, ResourceKind, Resources, Role, Task, Uid,
};
use frame_support::{derive_impl, parameter_types};
use sp_runtime::BuildStorage;

use crate as pallet_registry;

pub const OWNER: u64 = 1;
pub const OWNER_REWARDS: u64 = 2;
pub const ALICE: u64 = 3;
pub const BOB: u64 = 4;
pub const COOLDOWN: u32 = 10;
pub const IMMUNITY: u32 = 50;
pub const DEPOSIT: Balance = 1_000;
/// Open, owned by [`OWNER`], paid to [`OWNER_REWARDS`].
pub const BRAIN: BrainId = 7;
/// Open, owned by and paid to [`OWNER`].
pub const OTHER: BrainId = 8;
/// Exists, but admits nobody.
pub const RESERVED: BrainId = 47;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Registry: pallet_registry,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = DEPOSIT;
    pub const EndpointCooldown: u32 = COOLDOWN;
    pub const Immunity: u32 = IMMUNITY;
    /// What is held from whoever joins.
    pub static PeerDeposit: Balance = 0;
    /// Block of the last epoch of every Brain, and what peers earned in it.
    pub static Incentives: (BlockNumber, Vec<(Uid, u32)>) = (0, Vec::new());
    /// Owners of further Brains.
    pub static Owners: BTreeMap<BrainId, u64> = BTreeMap::new();
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

thread_local! {
    static CLOSED: RefCell<BTreeMap<BrainId, bool>> = const { RefCell::new(BTreeMap::new()) };
    static JOINED: RefCell<Vec<(BrainId, Uid, u64)>> = const { RefCell::new(Vec::new()) };
    static REMOVED: RefCell<Vec<(BrainId, Uid, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Closes a Brain to newcomers for the rest of the test.
pub fn close(brain: BrainId) {
    CLOSED.with(|closed| closed.borrow_mut().insert(brain, true));
}

/// Newcomers that other pallets heard of, oldest first.
pub fn joined() -> Vec<(BrainId, Uid, u64)> {
    JOINED.with(|joined| joined.borrow().clone())
}

/// Removals that other pallets heard of, oldest first.
pub fn removed() -> Vec<(BrainId, Uid, u64)> {
    REMOVED.with(|removed| removed.borrow().clone())
}

/// Not on the list of any Brain.
pub const BARRED: u64 = 404;

pub struct MockBrains;

impl BrainInspect<u64> for MockBrains {
    fn owner(brain: BrainId) -> Option<u64> {
        let known = [BRAIN, OTHER, RESERVED].contains(&brain).then_some(OWNER);
        known.or_else(|| Owners::get().get(&brain).copied())
    }
    fn reward_account(brain: BrainId) -> Option<u64> {
        Self::owner(brain).map(|owner| if brain == BRAIN { OWNER_REWARDS } else { owner })
    }
    fn is_open(brain: BrainId) -> bool {
        let closed = CLOSED.with(|closed| closed.borrow().contains_key(&brain));
        let open = [BRAIN, OTHER].contains(&brain) || Owners::get().contains_key(&brain);
        open && !closed
    }
    fn admits(brain: BrainId, account: &u64) -> bool {
        Self::is_open(brain) && *account != BARRED
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

pub struct Recorder;

impl OnPeerJoined<u64> for Recorder {
    fn on_peer_joined(brain: BrainId, uid: Uid, account: &u64) {
        assert_eq!(crate::Uids::<Test>::get(brain, account), Some(uid));
        JOINED.with(|joined| joined.borrow_mut().push((brain, uid, *account)));
    }
}

impl OnPeerRemoved<u64> for Recorder {
    fn on_peer_removed(brain: BrainId, uid: Uid, account: &u64) {
        assert!(
            !crate::Peers::<Test>::contains_key(brain, uid),
            "the peer must be gone by now"
        );
        REMOVED.with(|removed| removed.borrow_mut().push((brain, uid, *account)));
    }
}

pub struct MockIncentives;

impl PeerIncentives for MockIncentives {
    fn incentives(_: BrainId) -> (BlockNumber, Vec<(Uid, u32)>) {
        Incentives::get()
    }
}

impl pallet_registry::Config for Test {
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = Helper;
    type Currency = Balances;
    type Brains = MockBrains;
    type Deposit = PeerDeposit;
    type Immunity = Immunity;
    type Incentives = MockIncentives;
    type RuntimeHoldReason = RuntimeHoldReason;
    type OnPeerJoined = Recorder;
    type OnPeerRemoved = Recorder;
    type EndpointCooldown = EndpointCooldown;
    type WeightInfo = ();
}

pub const PUBLIC: Endpoint = Endpoint {
    ip: IpAddress::V4([8, 8, 4, 4]),
    port: 4_000,
};
pub const RESOURCES: Resources = Resources {
    kind: ResourceKind::Gpu,
    storage_mib: 1_024,
};

/// Memorizes an account with a public endpoint, paying with funds given to it first.
pub fn memorize(who: u64, brain: BrainId, role: Role) -> sp_runtime::DispatchResult {
    memorize_for_at_most(who, brain, role, Balance::MAX)
}

/// Memorizes an account unless the Brain asks for more than `max_fee`.
pub fn memorize_for_at_most(
    who: u64,
    brain: BrainId,
    role: Role,
    max_fee: Balance,
) -> sp_runtime::DispatchResult {
    let origin = RuntimeOrigin::signed(who);
    Registry::memorize(origin, brain, role, PUBLIC, [1; 32], RESOURCES, max_fee)
        .map(|_| ())
        .map_err(|failed| failed.error)
}

/// Free balance of an account.
pub fn free(who: u64) -> Balance {
    Balances::free_balance(who)
}

/// The chain in block 1.
#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
    test_ext(false)
}

fn test_ext(allow_reserved_endpoints: bool) -> sp_io::TestExternalities {
    CLOSED.with(|closed| closed.borrow_mut().clear());
    REMOVED.with(|removed| removed.borrow_mut().clear());
    Owners::set(BTreeMap::new());
    PeerDeposit::set(0);
    Incentives::set((0, Vec::new()));
    let funded = [OWNER, OWNER_REWARDS, ALICE, BOB]
        .map(|who| (who, 1_000 * BASED))
        .to_vec();
    let config = RuntimeGenesisConfig {
        balances: pallet_balances::GenesisConfig {
            balances: funded,
            ..Default::default()
        },
        registry: pallet_registry::GenesisConfig {
            allow_reserved_endpoints,
            ..Default::default()
        },
        ..Default::default()
    };
    let mut ext: sp_io::TestExternalities = config.build_storage().unwrap().into();
    ext.execute_with(|| System::set_block_number(1));
    ext
}

/// Runs a test in block 1, then checks the invariants.
pub fn build_and_execute(allow_reserved_endpoints: bool, test: impl FnOnce()) {
    test_ext(allow_reserved_endpoints).execute_with(|| {
        test();
        Registry::do_try_state().unwrap();
    });
}

/// Further Brains and funds.
#[cfg(feature = "runtime-benchmarks")]
pub struct Helper;

#[cfg(feature = "runtime-benchmarks")]
impl based_primitives::benchmarking::BenchmarkHelper<u64> for Helper {
    fn fund(who: &u64, amount: Balance) {
        use frame_support::traits::fungible::Mutate;
        Balances::mint_into(who, amount).unwrap();
    }
    fn open_brain(brain: BrainId, owner: &u64) {
        Owners::mutate(|owners| owners.insert(brain, *owner));
    }
    fn score_peers(_: BrainId) {
        Incentives::set((1, (0..2_048).map(|uid| (uid, 1)).collect()));
    }
}
