//! A chain with one full Brain whose epoch is due, and what other settings are made of.

use based_pallet_consensus::{LastEpoch, Rows, ValidatorRecord, Validators};
use based_pallet_registry::{Counts, Occupied, Peers};
use based_pallet_staking::{BrainTotals, Pools, Target, TotalStake};
use based_primitives::{
    constants::{BASED, CYCLE_BLOCKS, MAX_PEERS, MAX_VALIDATORS, SLOT_MILLIS},
    math::WeightRow,
    BrainId, Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role, Uid,
};
use based_runtime::{AccountId, Runtime, System};
use codec::Encode;
use sp_consensus_babe::digests::{PreDigest, SecondaryPlainPreDigest};
use sp_core::storage::Storage;
use sp_runtime::{traits::Header as _, BuildStorage, Digest, DigestItem};
use sp_state_machine::BasicExternalities;

use crate::Error;

/// The Brain that is looked at.
pub const BRAIN: BrainId = 7;
/// Slot of block 0.
const FIRST_SLOT: u64 = 1_000;
/// Block in which the Brain's epoch is due.
pub const DUE: u32 = CYCLE_BLOCKS + BRAIN as u32;

/// Weights of all validators of a full Brain on all other peers, zero where there is none.
pub struct Matrix(pub Vec<Vec<u16>>);

impl Matrix {
    /// Each weight is there with so many percent of chance.
    pub fn random(density: u32) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut weight = |own: Uid, uid: Uid| {
            let there = draw() % 100 < u64::from(density);
            let value = 1 + (draw() % 65_535) as u16;
            if there && own != uid {
                value
            } else {
                0
            }
        };
        let row = |own| (0..MAX_PEERS).map(|uid| weight(own, uid)).collect();
        Self((0..MAX_VALIDATORS).map(row).collect())
    }

    /// Weights that are there.
    pub fn entries(&self) -> usize {
        self.0.iter().flatten().filter(|weight| **weight > 0).count()
    }
}

/// Stake of a validator: all differ, so that 77 of 256 are active.
pub fn stake(uid: Uid) -> u128 {
    BASED * (100 + u128::from(uid))
}

fn slot(height: u32) -> u64 {
    FIRST_SLOT + u64::from(height)
}

/// Time of a block, in milliseconds since 1970.
pub fn moment(height: u32) -> u64 {
    slot(height) * SLOT_MILLIS
}

/// Header of a block.
pub fn header(height: u32) -> based_runtime::Header {
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot(height).into(),
    });
    let log = DigestItem::PreRuntime(sp_consensus_babe::BABE_ENGINE_ID, claim.encode());
    based_runtime::Header::new(
        height,
        Default::default(),
        Default::default(),
        Default::default(),
        Digest { logs: vec![log] },
    )
}

/// Account of a peer.
pub fn account(uid: Uid) -> AccountId {
    AccountId::new([uid.to_le_bytes(); 16].concat().try_into().unwrap_or([0; 32]))
}

/// What a validator's stake is directed to.
pub fn target(uid: Uid) -> Target<AccountId> {
    Target {
        brain: BRAIN,
        validator: Some(account(uid)),
    }
}

/// A peer: the lower uids are validators. What it declares is as long as it gets when written.
pub fn peer(uid: Uid) -> PeerInfo<AccountId> {
    PeerInfo {
        uid,
        account: account(uid),
        role: if uid < MAX_VALIDATORS {
            Role::Validator
        } else {
            Role::Miner
        },
        endpoint: Endpoint {
            ip: IpAddress::V6([0xab; 16]),
            port: u16::MAX,
        },
        computekey: [1; 32],
        resources: Resources {
            kind: ResourceKind::Gpu,
            storage_mib: u32::MAX,
        },
        registered_at: 0,
    }
}

/// Genesis of a development network.
pub fn genesis() -> Result<BasicExternalities, Error> {
    let mut genesis = serde_json::to_value(based_runtime::RuntimeGenesisConfig::default())?;
    let preset = based_runtime::genesis_presets::get(&sp_genesis_builder::DEV_RUNTIME_PRESET.into());
    let preset = preset.ok_or("the runtime has no development preset")?;
    json_patch(&mut genesis, serde_json::from_slice(&preset)?);
    let config: based_runtime::RuntimeGenesisConfig = serde_json::from_value(genesis)?;
    Ok(BasicExternalities::new(config.build_storage()?))
}

/// State in which every validator revealed its row in the cycle that ends.
pub fn storage(matrix: &Matrix) -> Result<Storage, Error> {
    let mut ext = genesis()?;
    ext.execute_with(|| {
        for uid in 0..MAX_PEERS {
            Peers::<Runtime>::insert(BRAIN, uid, peer(uid));
            Occupied::<Runtime>::mutate(BRAIN, |occupied| occupied.set(uid, true));
        }
        Counts::<Runtime>::mutate(BRAIN, |counts| {
            (counts.miners, counts.validators) = (MAX_PEERS - MAX_VALIDATORS, MAX_VALIDATORS);
        });
        for (uid, weights) in (0..).zip(&matrix.0) {
            Pools::<Runtime>::mutate(target(uid), |pool| {
                pool.get_or_insert_with(Default::default).staked = stake(uid)
            });
            BrainTotals::<Runtime>::mutate(BRAIN, |total| *total += stake(uid));
            TotalStake::<Runtime>::mutate(|total| *total += stake(uid));
            let edges: Vec<(Uid, u16)> = (0..).zip(weights.iter().copied()).collect();
            Rows::<Runtime>::insert(BRAIN, uid, WeightRow::reveal(None, 1, &edges));
            let record = ValidatorRecord {
                revealed_at: Some(DUE - 10),
                ..Default::default()
            };
            Validators::<Runtime>::insert(BRAIN, uid, record);
        }
        System::set_block_number(DUE - 2);
    });
    Ok(ext.into_storages())
}

/// Whether the epoch has stored its results.
pub fn concluded(ext: &mut BasicExternalities) -> bool {
    ext.execute_with(|| LastEpoch::<Runtime>::get(BRAIN).is_some_and(|last| last.at == DUE))
}

/// Applies a JSON merge patch (RFC 7396).
fn json_patch(target: &mut serde_json::Value, patch: serde_json::Value) {
    match (target, patch) {
        (serde_json::Value::Object(target), serde_json::Value::Object(fields)) => {
            for (name, value) in fields {
                json_patch(target.entry(name).or_insert(serde_json::Value::Null), value);
            }
        }
        (target, other) => *target = other,
    }
}
