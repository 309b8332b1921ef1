//! Commitments, reveals, edges to other Brains, and forgetting peers.

use alloc::vec::Vec;

use based_primitives::{
    constants::{EDGE_SHARE_DIVISOR, FREE_ROW_ENTRIES, MANY_MINERS, MAX_PEERS},
    math::{cycle_of, is_copy, WeightRow},
    traits::{BrainInspect, OnPeerRemoved, PeerCounts, PeerIncentives, RegistryInspect, SweepBrain},
    weights_commitment, Balance, BlockNumber, BrainId, Edges, Role, Salt, Uid, WeightTerms,
};
use frame_support::{
    ensure,
    traits::{fungible::hold::Mutate as MutateHold, tokens::Precision, Get},
    weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::H256;
use sp_runtime::{traits::Zero, DispatchError, DispatchResult, SaturatedConversion};

use crate::{
    types::{Commit, CrossEdges, CrossRow, PeerScore, PublicConsensus, PUBLISHED_EPOCHS, STANDINGS_PAGES},
    Config, Credits, CrossRows, Error, Event, HoldReason, LastEpoch, MinWeights, OutsideScores, Pallet,
    Performance, Published, Resting, RestingState, Rows, Standings, Validators, WeightInfo,
};

/// Bytes of one entry of a row: uid, weight and bond.
const ENTRY_BYTES: Balance = 6;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(who: &T::AccountId, brain: BrainId, hash: H256) -> DispatchResult {
        let uid = Self::validator(who, brain)?;
        let now = Self::now();
        let mut record = Validators::<T>::get(brain, uid).unwrap_or_default();
        if let Some(last) = record.committed_at {
            Self::ensure_interval(last, now)?;
        }
        let cycle = Self::cycle(brain, now);
        record
            .commits
            .retain(|commit| Self::due_cycle(brain, commit) >= cycle);
        ensure!(
            record.commits.iter().all(|commit| commit.hash != hash),
            Error::<T>::AlreadyCommitted
        );
        let commit = Commit {
            hash,
            at: now,
            min_weights: Self::min_weights(brain),
        };
        let full = record.commits.try_push(commit).is_err();
        ensure!(!full, Error::<T>::TooManyCommits);
        record.committed_at = Some(now);
        Validators::<T>::insert(brain, uid, record);
        Self::deposit_event(Event::WeightsCommitted { brain, uid, hash });
        Ok(())
    }

    pub(crate) fn do_reveal(who: &T::AccountId, brain: BrainId, row: &Edges, salt: &Salt) -> DispatchResult {
        let uid = Self::validator(who, brain)?;
        ensure!(Resting::<T>::get() != Some(brain), Error::<T>::EpochUnderWay);
        Self::ensure_sound(uid, row)?;
        let now = Self::now();
        let mut record = Validators::<T>::get(brain, uid).unwrap_or_default();
        let genesis = frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero());
        let hash = weights_commitment(&genesis, brain, who, row, salt);
        let place = record.commits.iter().position(|commit| commit.hash == hash);
        let place = place.ok_or(Error::<T>::NotCommitted)?;
        let commit = record
            .commits
            .get(place)
            .copied()
            .ok_or(Error::<T>::NotCommitted)?;
        let (due, cycle) = (Self::due_cycle(brain, &commit), Self::cycle(brain, now));
        ensure!(cycle >= due, Error::<T>::TooEarly);
        ensure!(cycle == due, Error::<T>::TooLate);
        let positive = row.iter().filter(|(_, weight)| *weight > 0).count();
        ensure!(
            positive >= usize::from(commit.min_weights),
            Error::<T>::TooFewWeights
        );
        let known = Self::known(brain, row);
        Self::ensure_spread(brain, &known)?;
        ensure!(
            !Self::is_public(brain, uid, commit.at, row),
            Error::<T>::CopyOfConsensus
        );

        let deposit = Self::deposit_for(known.len());
        Self::adjust_deposit(who, record.deposit, deposit)?;
        record.deposit = deposit;
        record.commits.remove(place);
        record.revealed_at = Some(now);
        Validators::<T>::insert(brain, uid, record);
        let old = Rows::<T>::get(brain, uid);
        Rows::<T>::insert(brain, uid, WeightRow::reveal(old.as_ref(), commit.at, &known));
        let peers = known.len() as u32;
        Self::deposit_event(Event::WeightsRevealed { brain, uid, peers });
        Ok(())
    }

    /// Replaces the cross edges of a validator; gives the number of those it had.
    pub(crate) fn do_set_cross_edges(
        who: &T::AccountId,
        brain: BrainId,
        edges: CrossEdges,
    ) -> Result<u32, DispatchError> {
        let uid = Self::validator(who, brain)?;
        let now = Self::now();
        let mut old = CrossEdges::default();
        if let Some(row) = CrossRows::<T>::get(brain, uid) {
            Self::ensure_interval(row.set_at, now)?;
            old = row.edges;
        }
        let next = edges.iter().skip(1);
        let ascending = edges
            .iter()
            .zip(next)
            .all(|(a, b)| (a.brain, a.uid) < (b.brain, b.uid));
        ensure!(ascending, Error::<T>::NotAscending);
        for edge in &edges {
            ensure!(edge.brain != brain, Error::<T>::OwnBrain);
            ensure!(edge.weight > 0, Error::<T>::ZeroSum);
            let peer = T::Registry::peer(edge.brain, edge.uid);
            ensure!(peer.is_some(), Error::<T>::UnknownPeer);
        }
        let count = edges.len() as u32;
        Self::restate(brain, who, &old, &edges, now);
        if edges.is_empty() {
            CrossRows::<T>::remove(brain, uid);
        } else {
            CrossRows::<T>::insert(brain, uid, CrossRow { set_at: now, edges });
        }
        Self::deposit_event(Event::CrossEdgesSet {
            brain,
            uid,
            edges: count,
        });
        Ok(old.len() as u32)
    }

    /// Uid of an account that may act as a validator of an open Brain.
    fn validator(who: &T::AccountId, brain: BrainId) -> Result<Uid, Error<T>> {
        ensure!(T::Brains::is_open(brain), Error::<T>::BrainNotOpen);
        let uid = T::Registry::uid(brain, who).ok_or(Error::<T>::NotMemorized)?;
        ensure!(
            T::Registry::role(brain, who) == Some(Role::Validator),
            Error::<T>::NotValidator
        );
        Ok(uid)
    }

    pub(crate) fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    pub(crate) fn cycle(brain: BrainId, block: BlockNumber) -> u32 {
        cycle_of(brain, block, T::CycleBlocks::get())
    }

    /// The cycle in which a commitment must be revealed.
    pub(crate) fn due_cycle(brain: BrainId, commit: &Commit) -> u32 {
        Self::cycle(brain, commit.at).saturating_add(T::RevealDelay::get())
    }

    fn ensure_interval(last: BlockNumber, now: BlockNumber) -> DispatchResult {
        let passed = now.saturating_sub(last);
        ensure!(passed >= T::WeightsRateLimit::get(), Error::<T>::TooSoon);
        Ok(())
    }

    /// Positive weights that a row committed now must have: what the Brain asks for, but not more than it has miners.
    pub fn min_weights(brain: BrainId) -> u16 {
        let (miners, _) = T::Registry::counts(brain);
        MinWeights::<T>::get(brain).min(miners).max(1)
    }

    /// What a Brain asks of rows that are committed now.
    pub fn weight_terms(brain: BrainId) -> WeightTerms {
        WeightTerms {
            reveal_delay: T::RevealDelay::get(),
            min_weights: Self::min_weights(brain),
            spread: Self::asks_for_spread(brain),
        }
    }

    fn asks_for_spread(brain: BrainId) -> bool {
        T::Registry::counts(brain).0 >= MANY_MINERS
    }

    fn ensure_sound(uid: Uid, row: &Edges) -> DispatchResult {
        ensure!(ascending(row), Error::<T>::NotAscending);
        ensure!(
            row.iter().all(|(peer, _)| *peer < MAX_PEERS),
            Error::<T>::UnknownPeer
        );
        ensure!(row.iter().all(|(peer, _)| *peer != uid), Error::<T>::SelfWeight);
        ensure!(row.iter().any(|(_, weight)| *weight > 0), Error::<T>::ZeroSum);
        Ok(())
    }

    /// Positive weights on peers that are there now; the others may have left since the commitment.
    fn known(brain: BrainId, row: &Edges) -> Vec<(Uid, u16)> {
        let uids: Vec<Uid> = row.iter().map(|(uid, _)| *uid).collect();
        let mut known = T::Registry::known(brain, &uids).into_iter().peekable();
        let edges = row.iter().copied();
        edges
            .filter(|(uid, weight)| known.next_if_eq(uid).is_some() && *weight > 0)
            .collect()
    }

    /// In a Brain of many miners no single weight may make up much of a row.
    fn ensure_spread(brain: BrainId, known: &[(Uid, u16)]) -> DispatchResult {
        if !Self::asks_for_spread(brain) {
            return Ok(());
        }
        let sum: u64 = known
            .iter()
            .fold(0, |sum, (_, weight)| sum.saturating_add((*weight).into()));
        let most = known
            .iter()
            .map(|(_, weight)| u64::from(*weight))
            .max()
            .unwrap_or(0);
        ensure!(
            most.saturating_mul(EDGE_SHARE_DIVISOR) <= sum,
            Error::<T>::WeightTooLarge
        );
        Ok(())
    }

    /// Whether a row says what an epoch before its commitment, of several validators, had made public (F.1-2).
    fn is_public(brain: BrainId, uid: Uid, committed_at: BlockNumber, row: &Edges) -> bool {
        let seen = (0..PUBLISHED_EPOCHS).filter_map(|slot| Published::<T>::get(brain, slot));
        seen.filter(|public| public.at <= committed_at).any(|public| {
            let PublicConsensus {
                uids,
                ranks,
                standings,
                ..
            } = &public;
            let edges = |values: &[u16]| {
                uids.iter()
                    .copied()
                    .zip(values.iter().copied())
                    .collect::<Vec<_>>()
            };
            is_copy(row, &edges(ranks), uid) || is_copy(row, &edges(standings), uid)
        })
    }

    /// What a row of so many entries must have on hold.
    pub(crate) fn deposit_for(entries: usize) -> Balance {
        let beyond = entries.saturating_sub(FREE_ROW_ENTRIES as usize) as Balance;
        T::DepositPerByte::get().saturating_mul(beyond.saturating_mul(ENTRY_BYTES))
    }

    fn adjust_deposit(who: &T::AccountId, held: Balance, needed: Balance) -> DispatchResult {
        let reason = HoldReason::WeightRow.into();
        if needed > held {
            T::Currency::hold(&reason, who, needed.saturating_sub(held))?;
        } else if held > needed {
            let excess = held.saturating_sub(needed);
            T::Currency::release(&reason, who, excess, Precision::BestEffort)?;
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

impl<T: Config> OnPeerRemoved<T::AccountId> for Pallet<T> {
    /// Forgets what the peer said and held, and gives its deposit back. What others said about it is dropped by the
    /// epoch, which knows when the uid was given away.
    fn on_peer_removed(brain: BrainId, uid: Uid, who: &T::AccountId) {
        let record = Validators::<T>::take(brain, uid).unwrap_or_default();
        if Self::adjust_deposit(who, record.deposit, 0).is_err() {
            log::error!(target: "runtime::consensus", "a deposit of Brain {brain} was not released");
        }
        Rows::<T>::remove(brain, uid);
        if let Some(row) = CrossRows::<T>::take(brain, uid) {
            Self::restate(brain, who, &row.edges, &[], row.set_at);
        }
        if Credits::<T>::contains_key(brain) {
            Credits::<T>::mutate(brain, |credits| credits.retain(|(other, _)| *other != uid));
        }
    }
}

impl<T: Config> PeerIncentives for Pallet<T> {
    fn incentives(brain: BrainId) -> (BlockNumber, Vec<(Uid, u32)>) {
        LastEpoch::<T>::get(brain).map_or((0, Vec::new()), |last| {
            let earned = |peer: &PeerScore| (peer.uid, peer.incentive.max(peer.dividend));
            (last.at, last.peers.iter().map(earned).collect())
        })
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Removes what epochs found, with the one that rests, and what was said from outside. What its validators said
    /// goes with them.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::sweep();
        if !weight.all_lte(limit) {
            return (Weight::zero(), false);
        }
        if Resting::<T>::get() == Some(brain) {
            Resting::<T>::kill();
            RestingState::<T>::kill();
        }
        for page in 0..STANDINGS_PAGES {
            Standings::<T>::remove(brain, page);
        }
        for slot in 0..PUBLISHED_EPOCHS {
            Published::<T>::remove(brain, slot);
        }
        OutsideScores::<T>::remove(brain);
        Credits::<T>::remove(brain);
        MinWeights::<T>::remove(brain);
        LastEpoch::<T>::remove(brain);
        Performance::<T>::remove(brain);
        (weight, true)
    }
}
