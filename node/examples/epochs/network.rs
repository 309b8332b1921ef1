//! The whole network: 1,024 full Brains in a year in which forecasts weigh fully.
//!
//! Each Brain has its 2,048 peers and all that hooks and the division of the pot read of it. Left out is what only the
//! Brain's own epoch reads: rows of weights, and the stake of single validators. Two Brains have no peers, so that the
//! blocks before and at the end of a cycle run no epoch; those of reserved Brains run none anyway.

use based_pallet_brains::{Brain, Brains, OpenBrains};
use based_pallet_consensus::{Credits, EpochRecord, LastEpoch, PeerScore, Performance};
use based_pallet_emission::Budgets;
use based_pallet_forecasts::{BrainVoices, Voice, Voices, FORECASTS_PER_BRAIN};
use based_pallet_registry::{Counts, Occupied, Peers, UidSet};
use based_pallet_staking::{BrainTotals, Pools, TotalStake};
use based_primitives::{
    constants::{
        BASED, CREDIT_ONE, CYCLE_BLOCKS, MAX_BRAINS, MAX_MINERS, MAX_PEERS, MAX_VALIDATORS, PPB,
        RESERVED_BRAINS, TFT_YEAR,
    },
    BrainId, BrainKind, BrainState, PeerInfo,
};
use based_runtime::{Runtime, System};
use codec::Encode;
use sp_core::storage::Storage;
use sp_runtime::{traits::BlakeTwo256, BoundedVec};
use sp_state_machine::TestExternalities;

use crate::{
    setting::{self, account, peer, target, BRAIN},
    Error,
};

/// First block of a cycle of the fifth year of forecasts.
const CYCLE: u32 = (4 * TFT_YEAR).div_ceil(CYCLE_BLOCKS) * CYCLE_BLOCKS;
/// An ordinary block in which no epoch is due, and one after another such.
pub const ORDINARY: u32 = CYCLE + RESERVED_BRAINS[1] as u32;
/// Last block of a cycle, in which the pot is divided.
pub const DIVISION: u32 = CYCLE + CYCLE_BLOCKS - 1;
/// Brains without peers.
const EMPTY: [BrainId; 2] = [MAX_BRAINS - 2, MAX_BRAINS - 1];

/// State of the network right before the block before `height`.
pub fn before(height: u32) -> Result<TestExternalities<BlakeTwo256>, Error> {
    let mut ext = setting::genesis()?;
    ext.execute_with(|| {
        let reserved = |brain: &BrainId| RESERVED_BRAINS.contains(brain);
        let open: Vec<BrainId> = (0..MAX_BRAINS).filter(|brain| !reserved(brain)).collect();
        for brain in 0..MAX_BRAINS {
            insert_brain(brain, reserved(&brain));
        }
        TotalStake::<Runtime>::put(
            open.iter()
                .map(|brain| BrainTotals::<Runtime>::get(brain))
                .sum::<u128>(),
        );
        OpenBrains::<Runtime>::put(BoundedVec::truncate_from(open));
        insert_scores(height);
        System::set_block_number(height - 2);
    });
    let mut storage = ext.into_storages();
    insert_peers(&mut storage);
    Ok(TestExternalities::new(storage))
}

/// A Brain with everything but its peers.
fn insert_brain(brain: BrainId, reserved: bool) {
    let state = if reserved {
        BrainState::Reserved
    } else {
        BrainState::Active
    };
    let owner = account(brain);
    Brains::<Runtime>::insert(brain, Brain::new(owner, BrainKind::Burned, state, 0));
    if reserved {
        return;
    }
    BrainTotals::<Runtime>::insert(brain, BASED * (1_000_000 + u128::from(brain)));
    Performance::<Runtime>::insert(brain, PPB / 2 + u64::from(brain));
    Budgets::<Runtime>::insert(brain, BASED);
    let mut voices = Voices {
        round: CYCLE / CYCLE_BLOCKS - 1,
        voices: BoundedVec::new(),
    };
    for at in 0..FORECASTS_PER_BRAIN {
        voices.add(Voice {
            performance: 500_000_000 + at,
            weight: u128::from(at + 1),
        });
    }
    BrainVoices::<Runtime>::insert(brain, voices);
    if EMPTY.contains(&brain) {
        return;
    }
    let mut occupied = UidSet::default();
    (0..MAX_PEERS).for_each(|uid| occupied.set(uid, true));
    Occupied::<Runtime>::insert(brain, occupied);
    Counts::<Runtime>::mutate(brain, |counts| {
        (counts.miners, counts.validators) = (MAX_MINERS, MAX_VALIDATORS);
    });
}

/// What the last epoch of one Brain found, and the stake of its validators: numbers as long as they get.
fn insert_scores(height: u32) {
    let score = |uid| PeerScore {
        uid,
        rank: 123_456_789,
        trust: PPB as u32,
        consensus: 993_307_149,
        incentive: 123_456_789,
        dividend: 123_456_789,
    };
    let record = EpochRecord {
        at: height - 2,
        active: 77,
        uptime: PPB,
        quality: PPB,
        loss: 0,
        peers: BoundedVec::truncate_from((0..MAX_PEERS).map(score).collect()),
    };
    LastEpoch::<Runtime>::insert(BRAIN, record);
    let credits = (0..MAX_VALIDATORS).map(|uid| (uid, CREDIT_ONE));
    Credits::<Runtime>::insert(BRAIN, BoundedVec::truncate_from(credits.collect()));
    for uid in 0..MAX_VALIDATORS {
        Pools::<Runtime>::mutate(target(uid), |pool| {
            pool.get_or_insert_with(Default::default).staked = 123_456_789 * BASED + u128::from(uid);
        });
    }
}

/// Two million peers, straight into the storage.
fn insert_peers(storage: &mut Storage) {
    for brain in (0..MAX_BRAINS).filter(|brain| !RESERVED_BRAINS.contains(brain) && !EMPTY.contains(brain)) {
        for uid in 0..MAX_PEERS {
            let key = Peers::<Runtime>::hashed_key_for(brain, uid);
            let peer = PeerInfo {
                registered_at: CYCLE - CYCLE_BLOCKS,
                ..peer(uid)
            };
            storage.top.insert(key, peer.encode());
        }
    }
}
