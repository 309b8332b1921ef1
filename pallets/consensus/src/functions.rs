//! Setting weights, running epochs, forgetting peers, and the invariants.

use alloc::vec::Vec;

use based_primitives::{
    constants::PPB,
    math::{
        activity_bar, effective_validator_stakes, mul_div, next_performance, BondRow, EpochInput,
        EpochOutput, EpochPeer, EpochValidator, WeightRow,
    },
    traits::{BrainInspect, Epochs, OnPeerRemoved, RegistryInspect, StakeInspect},
    Balance, BlockNumber, BrainId, EpochScores, PeerInfo, Role, Uid,
};
use frame_support::{ensure, traits::Get, BoundedVec};
use sp_runtime::{DispatchResult, SaturatedConversion};

use crate::{
    types::{peer_scores, BondRecord, Edges, EpochRecord},
    Bonds, Config, Error, Event, LastEpoch, Pallet, Performance, WeightInfo, Weights, WeightsSetAt,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_weights(who: &T::AccountId, brain: BrainId, weights: Edges) -> DispatchResult {
        ensure!(T::Brains::is_open(brain), Error::<T>::BrainNotOpen);
        let uid = T::Registry::uid(brain, who).ok_or(Error::<T>::NotMemorized)?;
        ensure!(
            T::Registry::role(brain, who) == Some(Role::Validator),
            Error::<T>::NotValidator
        );
        let now = Self::now();
        if let Some(last) = WeightsSetAt::<T>::get(brain, uid) {
            ensure!(
                now.saturating_sub(last) >= T::WeightsRateLimit::get(),
                Error::<T>::TooSoon
            );
        }
        ensure!(ascending(&weights), Error::<T>::NotAscending);
        ensure!(
            weights.iter().all(|(peer, _)| *peer != uid),
            Error::<T>::SelfWeight
        );
        ensure!(weights.iter().any(|(_, weight)| *weight > 0), Error::<T>::ZeroSum);
        let known = |peer: Uid| T::Registry::peer(brain, peer).is_some();
        ensure!(
            weights.iter().all(|(peer, _)| known(*peer)),
            Error::<T>::UnknownPeer
        );

        let peers = weights.len() as u32;
        Weights::<T>::insert(brain, uid, weights);
        WeightsSetAt::<T>::insert(brain, uid, now);
        Self::deposit_event(Event::WeightsSet { brain, uid, peers });
        Ok(())
    }

    fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// Validators of a Brain by ascending uid with effective stake, and rows and bonds of those that can be active.
    fn validators(brain: BrainId, now: BlockNumber, peers: &[PeerInfo<T::AccountId>]) -> Vec<EpochValidator> {
        let validators: Vec<_> = peers.iter().filter(|peer| peer.role == Role::Validator).collect();
        let directed: Vec<Balance> = validators
            .iter()
            .map(|peer| T::Stake::validator_stake(brain, &peer.account))
            .collect();
        let stakes = effective_validator_stakes(&directed, T::Stake::brain_directed(brain));
        let bar = activity_bar(stakes.iter().copied());
        let validator = |(peer, stake): (&&PeerInfo<T::AccountId>, Balance)| {
            let uid = peer.uid;
            let candidate = bar.is_some_and(|bar| stake >= bar);
            let weights = WeightsSetAt::<T>::get(brain, uid)
                .filter(|_| candidate)
                .and_then(|set_at| {
                    let edges = Weights::<T>::get(brain, uid)?.into_inner();
                    Some(WeightRow { set_at, edges })
                });
            let bonds = candidate
                .then(|| Bonds::<T>::get(brain, uid))
                .flatten()
                .map(|bonds| {
                    let passed = now.saturating_sub(bonds.written_at);
                    let age = passed.checked_div(T::CycleBlocks::get()).unwrap_or(1).max(1);
                    BondRow {
                        written_at: bonds.written_at,
                        age,
                        edges: bonds.edges.into_inner(),
                    }
                });
            EpochValidator {
                uid,
                stake,
                weights,
                bonds,
                accuracy: 0,
            }
        };
        validators.iter().zip(stakes).map(validator).collect()
    }

    /// Share of validators' stake whose holders set weights within the cycle, in ppb (C.7, F.1-3).
    fn uptime(brain: BrainId, now: BlockNumber, validators: &[EpochValidator]) -> u64 {
        let fresh = |validator: &&EpochValidator| {
            WeightsSetAt::<T>::get(brain, validator.uid)
                .is_some_and(|set_at| now.saturating_sub(set_at) <= T::CycleBlocks::get())
        };
        let sum = |stake: Balance, validator: &EpochValidator| stake.saturating_add(validator.stake);
        let all = validators.iter().fold(0, sum);
        let up = validators.iter().filter(fresh).fold(0, sum);
        mul_div(up, PPB.into(), all).map_or(0, |uptime| uptime.min(PPB.into()) as u64)
    }

    fn store_bonds(brain: BrainId, now: BlockNumber, output: &EpochOutput) {
        for (uid, row) in &output.bonds {
            if row.is_empty() {
                Bonds::<T>::remove(brain, uid);
            } else {
                let edges = BoundedVec::truncate_from(row.clone());
                Bonds::<T>::insert(
                    brain,
                    uid,
                    BondRecord {
                        written_at: now,
                        edges,
                    },
                );
            }
        }
    }

    /// Checks the invariants of the pallet.
    #[cfg(any(test, feature = "try-runtime"))]
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        for (brain, uid, row) in Weights::<T>::iter() {
            ensure!(ascending(&row), "a row is not ascending");
            ensure!(
                row.iter().all(|(peer, _)| *peer != uid),
                "a validator weights itself"
            );
            ensure!(row.iter().any(|(_, weight)| *weight > 0), "a row without weight");
            ensure!(WeightsSetAt::<T>::contains_key(brain, uid), "a row without block");
        }
        for (brain, uid, _) in WeightsSetAt::<T>::iter() {
            ensure!(Weights::<T>::contains_key(brain, uid), "a block without row");
            let role = T::Registry::peer(brain, uid).map(|peer| peer.role);
            ensure!(
                role == Some(Role::Validator),
                "weights of somebody who is no validator"
            );
        }
        for (_, _, bonds) in Bonds::<T>::iter() {
            ensure!(ascending(&bonds.edges), "bonds are not ascending");
        }
        for (_, performance) in Performance::<T>::iter() {
            ensure!(performance <= PPB, "a performance above one");
        }
        Ok(())
    }
}

/// Whether uids are strictly ascending.
fn ascending(edges: &[(Uid, u16)]) -> bool {
    edges
        .iter()
        .zip(edges.iter().skip(1))
        .all(|((a, _), (b, _))| a < b)
}

impl<T: Config> Epochs<T::AccountId> for Pallet<T> {
    fn run(brain: BrainId, now: BlockNumber) -> EpochScores<T::AccountId> {
        if LastEpoch::<T>::get(brain).is_some_and(|last| last.at == now) {
            return EpochScores {
                miners: Vec::new(),
                validators: Vec::new(),
                weight: T::WeightInfo::epoch(0, 0, 0),
            };
        }
        let peers = T::Registry::peers(brain);
        let validators = Self::validators(brain, now, &peers);
        let uptime = Self::uptime(brain, now, &validators);
        let epoch_peer = |peer: &PeerInfo<_>| EpochPeer {
            uid: peer.uid,
            role: peer.role,
            registered_at: peer.registered_at,
        };
        let input = EpochInput {
            now,
            activity_cutoff: T::ActivityCutoff::get(),
            beta: 0,
            peers: peers.iter().map(epoch_peer).collect(),
            validators,
        };
        let output = input.run();
        Self::store_bonds(brain, now, &output);

        let observation = uptime.saturating_mul(output.quality) / PPB;
        let performance = next_performance(Performance::<T>::get(brain), observation);
        Performance::<T>::insert(brain, performance);
        let EpochOutput { quality, loss, .. } = output;
        let active = output.bonds.len() as u16;
        LastEpoch::<T>::insert(
            brain,
            EpochRecord {
                at: now,
                active,
                uptime,
                quality,
                loss,
                peers: peer_scores(&output.scores),
            },
        );
        Self::deposit_event(Event::EpochRun {
            brain,
            active,
            uptime,
            quality,
            loss,
            performance,
        });

        let rows = input
            .validators
            .iter()
            .filter_map(|validator| validator.weights.as_ref());
        let edges = rows.fold(0u32, |sum, row| sum.saturating_add(row.edges.len() as u32));
        let weight = T::WeightInfo::epoch(peers.len() as u32, input.validators.len() as u32, edges);
        // Peers and scores have the same order: all uids ascending.
        let scored = |part: fn(&based_primitives::math::EpochScore) -> u128| {
            let pairs = peers
                .iter()
                .zip(&output.scores)
                .map(|(peer, score)| (peer.account.clone(), part(score)));
            pairs.filter(|(_, score)| *score > 0).collect::<Vec<_>>()
        };
        EpochScores {
            miners: scored(|score| score.incentive),
            validators: scored(|score| score.dividend),
            weight,
        }
    }

    fn performance(brain: BrainId) -> u64 {
        Performance::<T>::get(brain)
    }
}

impl<T: Config> OnPeerRemoved<T::AccountId> for Pallet<T> {
    /// Forgets what the peer said. What others said about it is dropped by the epoch, which knows when the uid was
    /// given away.
    fn on_peer_removed(brain: BrainId, uid: Uid, _: &T::AccountId) {
        Weights::<T>::remove(brain, uid);
        WeightsSetAt::<T>::remove(brain, uid);
        Bonds::<T>::remove(brain, uid);
    }
}
