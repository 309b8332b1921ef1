//! Blocks filled with the heaviest calls, each on a full Brain and with arguments as large as they get: what they take
//! in the runtime's wasm beside what they declare.

use std::time::Duration;

use based_pallet_brains::Brain;
use based_pallet_consensus::{
    Commit, CrossEdge, EpochRecord, LastEpoch, PeerScore, ValidatorRecord, Validators,
};
use based_pallet_registry::{Counts, Fees, Occupied, Peers, Pruning, Uids};
use based_pallet_staking::{BrainTotals, Pools, Target, TotalStake};
use based_primitives::{
    constants::{
        BASED, CYCLE_BLOCKS, IMMUNITY_BLOCKS, MAX_CROSS_EDGES, MAX_FORECAST_BRAINS, MAX_MINERS, MAX_PEERS,
        MAX_VALIDATORS, PPB, REVEAL_DELAY,
    },
    forecasts::{commitment, BrainForecast, Forecast},
    weights_commitment, BrainId, BrainKind, BrainState, Edges, PeerInfo, Role, Uid,
};
use based_runtime::{
    configs::{BlockWeights, NORMAL_DISPATCH_RATIO},
    signing, AccountId, Hash, Runtime, RuntimeCall, System,
};
use codec::{Decode, Encode};
use frame_system::AccountInfo;
use sp_core::{sr25519, storage::Storage, Pair};
use sp_runtime::{traits::BlakeTwo256, BoundedVec};
use sp_state_machine::TestExternalities;

use crate::{
    setting::{self, BRAIN},
    wasm::Wasm,
    Error,
};

/// Block that is filled: in a quarter of a cycle in which forecasts are revealed, and weights are due.
const HEIGHT: u32 = 8 * CYCLE_BLOCKS + 100;
/// Another Brain, whose peers are scored from outside.
const OTHER: BrainId = 8;
/// Accounts that are no peers yet.
const NEWCOMERS: u16 = 512;
const SALT: [u8; 32] = [3; 32];

/// What a block of one call took.
pub struct Row {
    /// Pallet and call.
    pub name: &'static str,
    /// Calls in the block.
    pub calls: u32,
    /// Weight that the block counted for them, in milliseconds.
    pub declared: f64,
    /// Milliseconds that they took.
    pub real: f64,
}

impl Row {
    /// Real over declared: above one, a block of them takes longer than it may.
    pub fn ratio(&self) -> f64 {
        self.real / self.declared
    }
}

fn key(number: u16) -> sr25519::Pair {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&number.to_le_bytes());
    sr25519::Pair::from_seed(&seed)
}

fn account(number: u16) -> AccountId {
    AccountId::new(key(number).public().0)
}

fn row(own: Uid) -> Edges {
    let others = (0..MAX_PEERS).filter(|uid| *uid != own);
    Edges::truncate_from(others.map(|uid| (uid, 1 + uid % 7)).collect())
}

fn forecast() -> Forecast {
    let brains = (100..100 + MAX_FORECAST_BRAINS as BrainId).map(|brain| BrainForecast {
        brain,
        performance: (PPB / 2) as u32,
    });
    Forecast {
        quantiles: [[0, 10_000_000_000, 20_000_000_000]; 6],
        brains: BoundedVec::truncate_from(brains.collect()),
    }
}

/// A full Brain in which every call that is measured would succeed, and another one to score.
fn state() -> Result<Storage, Error> {
    let mut ext = setting::genesis()?;
    ext.execute_with(|| {
        for number in 0..MAX_PEERS + NEWCOMERS {
            insert_account(number);
        }
        for brain in [BRAIN, OTHER] {
            insert_brain(brain);
        }
        for uid in 0..MAX_VALIDATORS {
            insert_validator(uid);
        }
        let score = |uid| PeerScore {
            uid,
            rank: 123_456_789,
            trust: PPB as u32,
            consensus: 993_307_149,
            incentive: 123_456_789 + u32::from(uid),
            dividend: 123_456_789,
        };
        let record = EpochRecord {
            at: HEIGHT - 90,
            active: 77,
            uptime: PPB,
            quality: PPB,
            loss: 0,
            peers: BoundedVec::truncate_from((0..MAX_PEERS).map(score).collect()),
        };
        LastEpoch::<Runtime>::insert(BRAIN, record);
        frame_system::BlockHash::<Runtime>::insert(0, Hash::zero());
        System::set_block_number(HEIGHT - 1);
    });
    Ok(ext.into_storages())
}

fn insert_account(number: u16) {
    let mut info = AccountInfo::<u32, pallet_balances::AccountData<u128>> {
        providers: 1,
        ..Default::default()
    };
    info.data.free = 10_000 * BASED;
    frame_system::Account::<Runtime>::insert(account(number), info);
}

fn insert_brain(brain: BrainId) {
    let owner = account(0);
    let record = Brain::new(owner, BrainKind::Burned, BrainState::Active, 0);
    based_pallet_brains::Brains::<Runtime>::insert(brain, record);
    Fees::<Runtime>::insert(brain, 0);
    Pruning::<Runtime>::insert(brain, ());
    let mut occupied = based_pallet_registry::UidSet::default();
    for uid in 0..MAX_PEERS {
        let peer = PeerInfo {
            account: account(uid),
            registered_at: HEIGHT - IMMUNITY_BLOCKS - 1,
            ..setting::peer(uid)
        };
        Peers::<Runtime>::insert(brain, uid, peer);
        Uids::<Runtime>::insert(brain, account(uid), uid);
        occupied.set(uid, true);
    }
    Occupied::<Runtime>::insert(brain, occupied);
    Counts::<Runtime>::mutate(brain, |counts| {
        (counts.miners, counts.validators) = (MAX_MINERS, MAX_VALIDATORS);
    });
}

/// A validator with stake and commitments that are due.
fn insert_validator(uid: Uid) {
    let (who, stake) = (account(uid), setting::stake(uid));
    let validator = Some(who.clone());
    Pools::<Runtime>::mutate(
        Target {
            brain: BRAIN,
            validator,
        },
        |pool| pool.get_or_insert_with(Default::default).staked = stake,
    );
    BrainTotals::<Runtime>::mutate(BRAIN, |total| *total += stake);
    TotalStake::<Runtime>::mutate(|total| *total += stake);
    let commit = Commit {
        hash: weights_commitment(&Hash::zero(), BRAIN, &who, &row(uid), &SALT),
        at: HEIGHT - REVEAL_DELAY * CYCLE_BLOCKS,
        min_weights: 1,
    };
    let record = ValidatorRecord {
        commits: BoundedVec::truncate_from(vec![commit]),
        ..Default::default()
    };
    Validators::<Runtime>::insert(BRAIN, uid, record);
    let round = HEIGHT / CYCLE_BLOCKS - 1;
    let computekey = setting::peer(uid).computekey;
    let promise = based_pallet_forecasts::Commitment {
        hash: commitment(round, &who, &computekey, &SALT, &forecast()),
        brain: BRAIN,
        computekey,
        deposit: 0,
    };
    based_pallet_forecasts::Commitments::<Runtime>::insert(round, who, promise);
}

/// A call of an account, by its number, and how many accounts make it.
type Kind = (&'static str, std::ops::Range<u16>, fn(u16) -> RuntimeCall);

const KINDS: [Kind; 5] = [
    ("Consensus.reveal_weights", 0..MAX_VALIDATORS, |uid| {
        based_pallet_consensus::Call::reveal_weights {
            brain: BRAIN,
            row: row(uid),
            salt: SALT,
        }
        .into()
    }),
    ("Consensus.set_cross_edges", 0..MAX_VALIDATORS, |_| {
        let edge = |uid| CrossEdge {
            brain: OTHER,
            uid: 31 * uid,
            weight: u16::MAX,
        };
        let edges = (0..MAX_CROSS_EDGES as Uid).map(edge).collect();
        based_pallet_consensus::Call::set_cross_edges {
            brain: BRAIN,
            edges: BoundedVec::truncate_from(edges),
        }
        .into()
    }),
    ("Registry.memorize", MAX_PEERS..MAX_PEERS + NEWCOMERS, |_| {
        let peer = setting::peer(MAX_VALIDATORS);
        based_pallet_registry::Call::memorize {
            brain: BRAIN,
            role: Role::Miner,
            endpoint: peer.endpoint,
            computekey: peer.computekey,
            resources: peer.resources,
            max_fee: 0,
        }
        .into()
    }),
    ("Forecasts.reveal_forecast", 0..MAX_VALIDATORS, |_| {
        based_pallet_forecasts::Call::reveal_forecast {
            forecast: forecast(),
            salt: SALT,
        }
        .into()
    }),
    ("Staking.stake", 0..MAX_PEERS, |number| {
        based_pallet_staking::Call::stake {
            brain: BRAIN,
            validator: Some(account(number % MAX_VALIDATORS)),
            amount: BASED,
        }
        .into()
    }),
];

/// Signs the first call of an account on a chain without a genesis hash.
fn signed(signer: &sr25519::Pair, call: RuntimeCall) -> Vec<u8> {
    let account = AccountId::new(signer.public().0);
    let sign = |bytes: &[u8]| signer.sign(bytes);
    signing::signed(account, sign, call, 0, 0, Hash::zero()).encode()
}

/// Milliseconds of computation that the block has counted.
fn counted(network: &mut TestExternalities<BlakeTwo256>) -> f64 {
    let weight = network.execute_with(|| System::block_weight().total());
    weight.ref_time() as f64 / 1e9
}

/// Fills a block with calls of one kind, each of another account, as far as there are accounts.
fn fill(wasm: &Wasm, state: &Storage, (name, accounts, call): Kind) -> Result<Row, Error> {
    let mut network = TestExternalities::<BlakeTwo256>::new(state.clone());
    let extrinsics: Vec<_> = accounts
        .map(|number| signed(&key(number), call(number)))
        .collect();
    wasm.begin_block(&mut network.ext(), HEIGHT)?;
    wasm.inherents(&mut network.ext(), HEIGHT)?;
    network.commit_all()?;
    let before = counted(&mut network);
    let limits: frame_system::limits::BlockWeights = BlockWeights::get();
    let most = (NORMAL_DISPATCH_RATIO * limits.max_block).ref_time() as f64 / 1e9;
    let (mut calls, mut real) = (0, Duration::ZERO);
    for extrinsic in extrinsics {
        let (answer, time) = wasm.call(&mut network.ext(), "BlockBuilder_apply_extrinsic", &extrinsic)?;
        // An outcome is a result within a result; only a full block ends the measurement.
        let full = counted(&mut network) > 0.9 * most;
        match sp_runtime::ApplyExtrinsicResult::decode(&mut &answer[..])? {
            Ok(Ok(())) => (calls, real) = (calls + 1, real + time),
            Err(_) if full => break,
            outcome => return Err(format!("{name} fails: {outcome:?}").into()),
        }
    }
    Ok(Row {
        name,
        calls,
        declared: counted(&mut network) - before,
        real: real.as_secs_f64() * 1e3,
    })
}

/// Measures every kind of call on the same state, held in a trie in memory.
pub fn measure(wasm: &Wasm) -> Result<Vec<Row>, Error> {
    let state = state()?;
    KINDS.into_iter().map(|kind| fill(wasm, &state, kind)).collect()
}
