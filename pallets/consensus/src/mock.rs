//! A runtime with this pallet; peers and stake are what tests set.

use std::collections::BTreeMap;

use based_primitives::{
    constants::BASED,
    traits::{BrainInspect, Epochs, OnPeerRemoved, RegistryInspect, StakeInspect},
    Balance, BrainId, ComputeKey, Endpoint, EpochScores, IpAddress, PeerInfo, ResourceKind, Resources, Role,
    Task, Uid,
};
use frame_support::{derive_impl, parameter_types};
use sp_runtime::{BoundedVec, BuildStorage, DispatchResult};

use crate as pallet_consensus;

pub const BRAIN: BrainId = 7;
pub const CYCLE: u32 = 20;
pub const CUTOFF: u32 = 100;
pub const RATE_LIMIT: u32 = 5;
/// Accounts of validators are their uids plus this.
pub const VALIDATORS: u64 = 10_000;
/// Accounts of miners are their uids plus this.
pub const MINERS: u64 = 20_000;

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Consensus: pallet_consensus,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

parameter_types! {
    pub const CycleBlocks: u32 = CYCLE;
    pub const ActivityCutoff: u32 = CUTOFF;
    pub const WeightsRateLimit: u32 = RATE_LIMIT;
    /// Role and block of registration of the peers of [`BRAIN`].
    pub static Peers: BTreeMap<Uid, (Role, u32)> = BTreeMap::new();
    /// Stake directed to validators of [`BRAIN`].
    pub static Stakes: BTreeMap<Uid, Balance> = BTreeMap::new();
    /// Stake directed to [`BRAIN`].
    pub static Directed: Balance = 0;
}

impl pallet_consensus::Config for Test {
    type Brains = Mock;
    type Registry = Mock;
    type Stake = Mock;
    type CycleBlocks = CycleBlocks;
    type ActivityCutoff = ActivityCutoff;
    type WeightsRateLimit = WeightsRateLimit;
    type WeightInfo = ();
}

pub struct Mock;

impl BrainInspect<u64> for Mock {
    fn owner(_: BrainId) -> Option<u64> {
        None
    }
    fn reward_account(_: BrainId) -> Option<u64> {
        None
    }
    fn is_open(brain: BrainId) -> bool {
        brain == BRAIN
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
        vec![BRAIN]
    }
}

impl RegistryInspect<u64> for Mock {
    fn uid(brain: BrainId, account: &u64) -> Option<Uid> {
        let mut peers = Self::peers(brain).into_iter();
        peers.find(|peer| peer.account == *account).map(|peer| peer.uid)
    }
    fn peer(brain: BrainId, uid: Uid) -> Option<PeerInfo<u64>> {
        if brain != BRAIN {
            return None;
        }
        let (role, registered_at) = *Peers::get().get(&uid)?;
        let first = if role == Role::Miner { MINERS } else { VALIDATORS };
        Some(PeerInfo {
            uid,
            account: first + u64::from(uid),
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
        Peers::get()
            .into_keys()
            .filter_map(|uid| Self::peer(brain, uid))
            .collect()
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
        Stakes::get()
            .get(&((validator - VALIDATORS) as Uid))
            .copied()
            .unwrap_or(0)
    }
    fn total_stake() -> Balance {
        Self::brain_stake(BRAIN)
    }
}

/// Adds a validator, registered in block 0, with stake in BASED.
pub fn add_validator(uid: Uid, stake: Balance) {
    Peers::mutate(|peers| peers.insert(uid, (Role::Validator, 0)));
    Stakes::mutate(|stakes| stakes.insert(uid, stake * BASED));
}

/// Adds a miner registered in a block.
pub fn add_miner(uid: Uid, registered_at: u32) {
    Peers::mutate(|peers| peers.insert(uid, (Role::Miner, registered_at)));
}

/// Removes a peer as the registry does.
pub fn remove(uid: Uid) {
    let peer = Mock::peer(BRAIN, uid).unwrap();
    Peers::mutate(|peers| peers.remove(&uid));
    <Consensus as OnPeerRemoved<u64>>::on_peer_removed(BRAIN, uid, &peer.account);
}

/// Sets weights as the validator with a uid.
pub fn set_weights(uid: Uid, weights: &[(Uid, u16)]) -> DispatchResult {
    let origin = RuntimeOrigin::signed(VALIDATORS + u64::from(uid));
    Consensus::set_weights(origin, BRAIN, BoundedVec::truncate_from(weights.to_vec()))
}

/// Runs the epoch of [`BRAIN`] in a block.
pub fn epoch(block: u32) -> EpochScores<u64> {
    System::set_block_number(block.into());
    Consensus::run(BRAIN, block)
}

/// Runs a test in block 1, then checks the invariants.
pub fn build_and_execute(test: impl FnOnce()) {
    Peers::set(BTreeMap::new());
    Stakes::set(BTreeMap::new());
    Directed::set(0);
    let mut ext: sp_io::TestExternalities = RuntimeGenesisConfig::default().build_storage().unwrap().into();
    ext.execute_with(|| {
        System::set_block_number(1);
        test();
        Consensus::do_try_state().unwrap();
    });
}
