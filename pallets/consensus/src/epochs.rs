//! Running epochs under a limit of weight, and storing what they found.

use alloc::vec::Vec;

use based_primitives::{
    constants::{MAX_CROSS_EDGES, MAX_PEERS, MOST_MIN_WEIGHTS, PPB},
    math::{
        effective_validator_stakes, mul_div, next_performance, EpochInput, EpochOutput, EpochPeer, EpochRun,
        EpochScore, EpochValidator, Pass,
    },
    traits::{Epochs, ForecastInspect, PeerCounts, RegistryInspect, StakeInspect},
    Balance, BlockNumber, BrainId, EpochAdvance, EpochScores, PeerInfo, Role, Uid,
};
use frame_support::{
    traits::Get,
    weights::{Weight, WeightMeter},
    BoundedVec,
};

use crate::{
    types::{
        peer_scores, public_consensus, EpochRecord, RestingEpoch, Standing, PUBLISHED_EPOCHS,
        STANDINGS_PAGES, STANDINGS_PER_PAGE,
    },
    Config, Credits, CrossRows, Event, LastEpoch, MinWeights, OutsideScores, Pallet, Performance, Published,
    Resting, RestingState, Rows, Standings, Validators, WeightInfo,
};

/// Entries of the longest row.
const LONGEST_ROW: u32 = MAX_PEERS as u32;

impl<T: Config> Pallet<T> {
    /// Begins the epoch of a Brain.
    pub(crate) fn begin(brain: BrainId, due: BlockNumber) -> RestingEpoch {
        let peers = T::Registry::peers(brain);
        let (validators, uptime) = Self::validators_at(brain, due, &peers);
        let peer = |peer: &PeerInfo<_>| EpochPeer {
            uid: peer.uid,
            role: peer.role,
            registered_at: peer.registered_at,
        };
        let run = EpochRun::start(&EpochInput {
            now: due,
            cycle_blocks: T::CycleBlocks::get(),
            activity_cutoff: T::ActivityCutoff::get(),
            percentile: T::ActivePercentile::get(),
            beta: T::Forecasts::beta(),
            peers: peers.iter().map(peer).collect(),
            validators,
        });
        RestingEpoch { brain, uptime, run }
    }

    /// Validators of a Brain by ascending uid, and the uptime of the cycle that ends in block `due`: the part of the
    /// stake with a reveal due whose holders made all of theirs, in ppb (C.7, F.1-3). Forgets commitments whose cycle
    /// is over.
    fn validators_at(
        brain: BrainId,
        due: BlockNumber,
        peers: &[PeerInfo<T::AccountId>],
    ) -> (Vec<EpochValidator>, u64) {
        let validators: Vec<_> = peers.iter().filter(|peer| peer.role == Role::Validator).collect();
        let directed: Vec<Balance> = validators
            .iter()
            .map(|peer| T::Stake::validator_stake(brain, &peer.account))
            .collect();
        let stakes = effective_validator_stakes(&directed, T::Stake::brain_directed(brain));
        let credits = Credits::<T>::get(brain);
        let ended = Self::cycle(brain, due).saturating_sub(1);
        let (mut up, mut asked): (Balance, Balance) = (0, 0);
        let mut found = Vec::with_capacity(validators.len());
        for (peer, stake) in validators.iter().zip(stakes) {
            let mut record = Validators::<T>::get(brain, peer.uid).unwrap_or_default();
            let pending = record.commits.len();
            record
                .commits
                .retain(|commit| Self::due_cycle(brain, commit) > ended);
            let missed = record.commits.len() < pending;
            let revealed_at = record.revealed_at;
            if missed {
                Validators::<T>::insert(brain, peer.uid, record);
            }
            let revealed = revealed_at.is_some_and(|at| Self::cycle(brain, at) >= ended);
            if missed || revealed {
                asked = asked.saturating_add(stake);
            }
            if revealed && !missed {
                up = up.saturating_add(stake);
            }
            let own = credits.iter().find(|(uid, _)| *uid == peer.uid);
            found.push(EpochValidator {
                uid: peer.uid,
                stake,
                revealed_at,
                accuracy: T::Forecasts::accuracy(&peer.account),
                credits: own.map_or(0, |(_, credits)| *credits),
            });
        }
        let uptime = mul_div(up, PPB.into(), asked).map_or(0, |uptime| uptime.min(PPB.into()) as u64);
        (found, uptime)
    }

    /// Mean worth of the peers of other Brains that a validator supports, weighted as it weights them, and how many
    /// there are: none if it has no such edges. Peers that came after the edge count as worth nothing (C.5b).
    fn elsewhere(brain: BrainId, uid: Uid) -> (Option<u64>, u32) {
        let Some(row) = CrossRows::<T>::get(brain, uid) else {
            return (None, 0);
        };
        let (mut sum, mut weights) = (0u128, 0u128);
        for edge in &row.edges {
            let standing =
                Self::standing(edge.brain, edge.uid).filter(|peer| peer.registered_at < row.set_at);
            let worth = standing.map_or(0, |standing| standing.worth);
            let weight = u128::from(edge.weight);
            sum = sum.saturating_add(u128::from(worth).saturating_mul(weight));
            weights = weights.saturating_add(weight);
        }
        let mean = sum.checked_div(weights).map(|mean| mean as u64);
        (mean, row.edges.len() as u32)
    }

    /// How a peer stood in the last epoch of its Brain.
    pub fn standing(brain: BrainId, uid: Uid) -> Option<Standing> {
        let page = Standings::<T>::get(brain, uid / STANDINGS_PER_PAGE)?;
        page.get(usize::from(uid % STANDINGS_PER_PAGE)).copied()
    }

    /// Does steps until the epoch ends or the meter runs out; whether it ended.
    fn work(epoch: &mut RestingEpoch, meter: &mut WeightMeter) -> bool {
        let peers = epoch.run.peers() as u32;
        let end_of_pass = T::WeightInfo::epoch_pass(peers);
        while let Some((pass, uid)) = epoch.run.next() {
            let most = Self::step_weight(pass, LONGEST_ROW, MAX_CROSS_EDGES);
            if !meter.can_consume(most.saturating_add(end_of_pass)) {
                return false;
            }
            let (entries, edges) = Self::step(epoch, pass, uid);
            meter.consume(Self::step_weight(pass, entries, edges));
            if epoch.run.next().is_none_or(|(next, _)| next != pass) {
                meter.consume(end_of_pass);
            }
        }
        true
    }

    /// Does the next step, on the row of `uid`; the number of its entries, and of edges to other Brains that were
    /// followed.
    pub(crate) fn step(epoch: &mut RestingEpoch, pass: Pass, uid: Uid) -> (u32, u32) {
        let brain = epoch.brain;
        let mut row = Rows::<T>::get(brain, uid).unwrap_or_default();
        let entries = row.len() as u32;
        let (elsewhere, edges) = match pass {
            Pass::Bonds => Self::elsewhere(brain, uid),
            _ => (None, 0),
        };
        if epoch.run.step(&mut row, elsewhere) && entries > 0 {
            if row.is_empty() {
                Rows::<T>::remove(brain, uid);
            } else {
                Rows::<T>::insert(brain, uid, row);
            }
        }
        (entries, edges)
    }

    fn step_weight(pass: Pass, entries: u32, cross_edges: u32) -> Weight {
        match pass {
            Pass::Bonds => T::WeightInfo::epoch_bonds(entries, cross_edges),
            _ => T::WeightInfo::epoch_row(entries),
        }
    }

    /// Stores an epoch for the next block.
    pub(crate) fn rest(epoch: RestingEpoch) {
        Resting::<T>::put(epoch.brain);
        RestingState::<T>::put(epoch);
    }

    /// Takes up the epoch that rests.
    pub(crate) fn resume() -> Option<RestingEpoch> {
        Resting::<T>::kill();
        RestingState::<T>::take()
    }

    /// Stores what an epoch found, and gives the scores of those who are still there.
    pub(crate) fn conclude(epoch: RestingEpoch) -> EpochScores<T::AccountId> {
        let RestingEpoch { brain, uptime, run } = epoch;
        let now = run.now();
        let output = run.finish();
        // Who left since the epoch began, and who took such a place, is not the one that was scored.
        let peers = T::Registry::peers(brain);
        let same = |peer: &&PeerInfo<T::AccountId>, score: &EpochScore| {
            peer.uid == score.uid && peer.registered_at == score.registered_at
        };
        let mut there = peers.iter().peekable();
        let mut scored: Vec<(&PeerInfo<T::AccountId>, &EpochScore)> = Vec::with_capacity(output.scores.len());
        for score in &output.scores {
            while there.next_if(|peer| peer.uid < score.uid).is_some() {}
            if let Some(peer) = there.next_if(|peer| same(peer, score)) {
                scored.push((peer, score));
            }
        }
        let pairs = |part: fn(&EpochScore) -> u128| {
            let pairs = scored
                .iter()
                .map(|(peer, score)| (peer.account.clone(), part(score)));
            pairs.filter(|(_, score)| *score > 0).collect::<Vec<_>>()
        };
        let scores = EpochScores {
            miners: pairs(|score| score.incentive),
            validators: pairs(|score| score.dividend),
        };
        let stays = |uid: Uid| scored.binary_search_by_key(&uid, |(peer, _)| peer.uid).is_ok();
        let credits = output
            .credits
            .iter()
            .filter(|(uid, credits)| *credits > 0 && stays(*uid));
        Credits::<T>::insert(brain, BoundedVec::truncate_from(credits.copied().collect()));
        Self::store_standings(brain, &output.scores);
        Self::publish(brain, now, &output);
        Self::tighten(brain, &output);
        Self::record(brain, now, uptime, &output);
        scores
    }

    fn store_standings(brain: BrainId, scores: &[EpochScore]) {
        for page in 0..STANDINGS_PAGES {
            let first = page.saturating_mul(STANDINGS_PER_PAGE);
            let inside = scores
                .iter()
                .filter(|score| score.uid / STANDINGS_PER_PAGE == page);
            let mut standings = Vec::new();
            for score in inside.filter(|score| score.worth > 0) {
                standings.resize(score.uid.saturating_sub(first).into(), Standing::default());
                standings.push(Standing {
                    worth: score.worth,
                    registered_at: score.registered_at,
                });
            }
            if standings.is_empty() {
                Standings::<T>::remove(brain, page);
            } else {
                Standings::<T>::insert(brain, page, BoundedVec::truncate_from(standings));
            }
        }
    }

    /// Keeps the consensus of several validators, so that copies of it are recognised.
    fn publish(brain: BrainId, now: BlockNumber, output: &EpochOutput) {
        let slot = Self::cycle(brain, now).checked_rem(PUBLISHED_EPOCHS).unwrap_or(0);
        if output.active > 1 {
            Published::<T>::insert(brain, slot, public_consensus(now, &output.scores));
        } else {
            Published::<T>::remove(brain, slot);
        }
    }

    /// Asks for twice as many weights while most rank misses consensus, else for half as many (C.10).
    fn tighten(brain: BrainId, output: &EpochOutput) {
        if output.active == 0 {
            return;
        }
        let asked = MinWeights::<T>::get(brain).max(1);
        let next = if output.loss >= 0 {
            asked.saturating_mul(2).min(MOST_MIN_WEIGHTS)
        } else {
            asked / 2
        };
        if next > 1 {
            MinWeights::<T>::insert(brain, next);
        } else {
            MinWeights::<T>::remove(brain);
        }
    }

    fn record(brain: BrainId, at: BlockNumber, uptime: u64, output: &EpochOutput) {
        let outside = Self::take_outside_score(brain, at);
        let inside = uptime.saturating_mul(output.quality) / PPB;
        let observation = inside.saturating_mul(outside) / PPB;
        let performance = next_performance(Performance::<T>::get(brain), observation);
        Performance::<T>::insert(brain, performance);
        let EpochOutput {
            active,
            quality,
            loss,
            ..
        } = *output;
        LastEpoch::<T>::insert(
            brain,
            EpochRecord {
                at,
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
            outside,
            loss,
            performance,
        });
    }

    /// The resting epoch of a Brain, or a new one if the meter allows to begin it.
    fn take_up(brain: BrainId, due: BlockNumber, meter: &mut WeightMeter) -> Option<RestingEpoch> {
        if Resting::<T>::get() == Some(brain) {
            meter.try_consume(T::WeightInfo::epoch_resume()).ok()?;
            if let Some(epoch) = Self::resume() {
                return Some(epoch);
            }
        }
        let (miners, validators) = T::Registry::counts(brain);
        meter
            .try_consume(T::WeightInfo::epoch_begin(miners.into(), validators.into()))
            .ok()?;
        Some(Self::begin(brain, due))
    }
}

impl<T: Config> Epochs<T::AccountId> for Pallet<T> {
    fn advance(brain: BrainId, due: BlockNumber, limit: Weight) -> EpochAdvance<T::AccountId> {
        let mut meter = WeightMeter::with_limit(limit);
        meter.consume(T::WeightInfo::epoch_look());
        if LastEpoch::<T>::get(brain).is_some_and(|last| last.at == due) {
            return EpochAdvance {
                scores: Some(EpochScores {
                    miners: Vec::new(),
                    validators: Vec::new(),
                }),
                weight: meter.consumed(),
            };
        }
        // What is set aside for storing the epoch away pays for that or is not used.
        let rest = T::WeightInfo::epoch_rest();
        let mut inner = WeightMeter::with_limit(meter.remaining().saturating_sub(rest));
        let mut scores = None;
        if let Some(mut epoch) = Self::take_up(brain, due, &mut inner) {
            let scorers = OutsideScores::<T>::decode_len(brain).unwrap_or(0) as u32;
            let last = T::WeightInfo::epoch_end(epoch.run.peers() as u32, scorers);
            if Self::work(&mut epoch, &mut inner) && inner.try_consume(last).is_ok() {
                scores = Some(Self::conclude(epoch));
            } else {
                meter.consume(rest);
                Self::rest(epoch);
            }
        }
        EpochAdvance {
            scores,
            weight: meter.consumed().saturating_add(inner.consumed()),
        }
    }

    fn performance(brain: BrainId) -> u64 {
        Performance::<T>::get(brain)
    }
}
