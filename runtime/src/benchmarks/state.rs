//! State in which the calls of our pallets cost the most.

use alloc::vec::Vec;

use based_pallet_brains::{benchmarking::longest_record, Admission};
use based_pallet_consensus::benchmarking::state as consensus_state;
use based_pallet_forecasts::{AccuracyRecord, Voice, Voices, FORECASTS_PER_BRAIN};
use based_pallet_staking::{Leaving, Pool, Target};
use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, MAX_ALLOWED, PPB},
    BlockNumber, BrainId, Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role, Uid,
};
use frame_benchmarking::account;
use frame_support::{traits::fungible::Mutate, BoundedVec};
use sp_core::{ed25519, sr25519};

use crate::{configs::Pepecoin, AccountId, Balance, Balances, Preimage, Runtime, RuntimeOrigin, SessionKeys};

/// The other pallets, as benchmarks of one ask for them.
pub struct FullState;

impl BenchmarkHelper<AccountId> for FullState {
    fn fund(who: &AccountId, amount: Balance) {
        Balances::mint_into(who, amount).expect("an account takes what is minted");
    }

    fn fund_pepecoin(who: &AccountId, amount: Balance) {
        <Pepecoin>::mint_into(who, amount).expect("Pepecoin exists since genesis");
    }

    fn open_brain(brain: BrainId, owner: &AccountId) {
        let record = longest_record(owner);
        based_pallet_brains::Brains::<Runtime>::insert(brain, record);
        based_pallet_brains::OpenBrains::<Runtime>::mutate(|open| {
            if let Err(at) = open.binary_search(&brain) {
                open.try_insert(at, brain).expect("there is room for all numbers");
            }
        });
    }

    fn admit(brain: BrainId, who: &AccountId) {
        let admission = Admission {
            restricted: true,
            allowed: MAX_ALLOWED,
        };
        based_pallet_brains::Admissions::<Runtime>::insert(brain, admission);
        based_pallet_brains::Allowed::<Runtime>::insert(brain, who, ());
    }

    fn add_peer(brain: BrainId, uid: Uid, role: Role, who: &AccountId) {
        let peer = PeerInfo {
            uid,
            account: who.clone(),
            role,
            endpoint: Endpoint {
                ip: IpAddress::V6([0x20; 16]),
                port: 1,
            },
            computekey: [1; 32],
            resources: Resources {
                kind: ResourceKind::Gpu,
                storage_mib: 1,
            },
            registered_at: 0,
        };
        based_pallet_registry::Peers::<Runtime>::insert(brain, uid, peer);
        based_pallet_registry::Uids::<Runtime>::insert(brain, who, uid);
        based_pallet_registry::Occupied::<Runtime>::mutate(brain, |occupied| occupied.set(uid, true));
        based_pallet_registry::Counts::<Runtime>::mutate(brain, |counts| *counts.of(role) += 1);
    }

    fn fill_validator(brain: BrainId, uid: Uid, who: &AccountId) {
        consensus_state::fill_validator::<Runtime>(brain, uid, who);
    }

    fn score_peers(brain: BrainId) {
        based_pallet_consensus::LastEpoch::<Runtime>::insert(brain, consensus_state::full_epoch());
    }

    fn stake(brain: BrainId, validator: Option<&AccountId>, amount: Balance) {
        use based_pallet_staking::{BackedBrains, Backing, BrainTotals, Pools, TotalStake};
        let target = Target {
            brain,
            validator: validator.cloned(),
        };
        let pool = Pool {
            staked: amount,
            positions: 1,
            ..Default::default()
        };
        Pools::<Runtime>::insert(target, pool);
        BrainTotals::<Runtime>::mutate(brain, |total| *total += amount);
        TotalStake::<Runtime>::mutate(|total| *total += amount);
        if let Some(validator) = validator {
            Backing::<Runtime>::mutate(validator, |total| *total += amount);
            BackedBrains::<Runtime>::insert(validator, brain, ());
        }
    }

    fn unstake(validator: &AccountId, cycle: BlockNumber, amount: Balance) {
        let leaving = Leaving {
            total: amount,
            holders: 1,
            cut: None,
        };
        based_pallet_staking::Leavings::<Runtime>::insert(validator, cycle, leaving);
    }

    fn expose(validator: &AccountId) {
        let operator = based_pallet_authorities::Operator {
            exposed_until: BlockNumber::MAX,
            ..Default::default()
        };
        based_pallet_authorities::Operators::<Runtime>::insert(validator, operator);
    }

    fn set_keys(who: &AccountId) {
        let raw: [u8; 32] = *who.as_ref();
        let keys = SessionKeys {
            babe: sr25519::Public::from_raw(raw).into(),
            grandpa: ed25519::Public::from_raw(raw).into(),
        };
        pallet_session::NextKeys::<Runtime>::insert(who, keys);
    }

    fn set_producers(producers: Vec<AccountId>) {
        pallet_session::Validators::<Runtime>::put(producers);
    }

    fn foresee(brain: BrainId, round: u32) {
        based_pallet_consensus::Performance::<Runtime>::insert(brain, PPB);
        let voices = (1..=FORECASTS_PER_BRAIN).map(|performance| Voice {
            performance,
            weight: BASED,
        });
        let voices = BoundedVec::truncate_from(voices.collect());
        based_pallet_forecasts::BrainVoices::<Runtime>::insert(brain, Voices { round, voices });
    }

    fn set_accuracy(who: &AccountId) {
        let record = AccuracyRecord {
            value: PPB as u32,
            round: 0,
        };
        based_pallet_forecasts::Accuracies::<Runtime>::insert(who, record);
    }

    fn note_preimage(call: Vec<u8>) {
        let who: AccountId = account("noter", 0, 0);
        Self::fund(&who, 1_000_000 * BASED);
        let noted = Preimage::note_preimage(RuntimeOrigin::signed(who), call);
        noted.expect("the account pays for the preimage");
    }
}
