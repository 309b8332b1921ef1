//! Measuring the chain: what every block adds, what buckets and cycles close with.

use alloc::vec::Vec;

use based_primitives::{
    constants::{MAX_BRAINS, METRICS_PER_PAGE, METRIC_BUCKETS},
    forecasts::{Figures, MetricsBucket},
    math::block_reward,
    traits::{BrainStandings, OnPeerJoined, OnPeerRemoved, OnTransactionPaid, StakeInspect, SweepBrain},
    Balance, BlockNumber, BrainId, Uid,
};
use codec::Encode;
use frame_support::{
    traits::{Get, Time},
    weights::Weight,
};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};

use crate::{
    types::{Meter, Payers, Payment, Standing, Traffic, Window},
    weights::WeightInfo,
    BrainVoices, Buckets, Config, MeterState, Pallet, PayerSketches, Payments, StandingsSeen, TrafficState,
};

impl<T: Config> Pallet<T> {
    /// Measures the block that ends now.
    pub(crate) fn observe(now: BlockNumber) {
        Self::observe_brains(now, Self::brains_of(now));
    }

    /// Measures the block that ends now, and how these Brains stand.
    pub(crate) fn observe_brains(now: BlockNumber, brains: impl Iterator<Item = BrainId>) {
        let traffic = TrafficState::<T>::get();
        let payments = Payments::<T>::take();
        let mut meter = MeterState::<T>::get();
        Self::look_at_brains(brains, &mut meter);
        let block = Self::window_of(now, &traffic, &payments, &mut meter);
        meter.bucket.merge(&block);
        meter.cycle.merge(&block);
        let mut payers = PayerSketches::<T>::get();
        payers.see(&payments, &traffic.seed);

        let closes_bucket = Self::is_last(now, T::BucketBlocks::get());
        if closes_bucket {
            Self::close_bucket(now, &mut meter, &mut payers);
        }
        let closes_cycle = Self::is_last(now, T::CycleBlocks::get());
        let mut seed = traffic.seed;
        if closes_cycle {
            seed = Self::end_cycle(now, &mut meter, &mut payers);
        }
        if !payments.is_empty() || closes_bucket || closes_cycle {
            PayerSketches::<T>::put(payers);
        }
        TrafficState::<T>::put(Traffic {
            seed,
            ..Default::default()
        });
        MeterState::<T>::put(meter);
    }

    /// Brains that are looked at in block `now`: each once a cycle.
    pub(crate) fn brains_of(now: BlockNumber) -> impl Iterator<Item = BrainId> {
        let cycle = T::CycleBlocks::get().max(1);
        let slot = now.checked_rem(cycle).unwrap_or(0);
        (slot..MAX_BRAINS.into())
            .step_by(cycle as usize)
            .filter_map(|brain| BrainId::try_from(brain).ok())
    }

    /// Whether `now` is the last block of a period of so many.
    pub(crate) fn is_last(now: BlockNumber, blocks: BlockNumber) -> bool {
        now.saturating_add(1).checked_rem(blocks) == Some(0)
    }

    /// Up to `limit` finished buckets with number `from` or above that are still in the ring.
    pub fn metrics(from: u32, limit: u16) -> Vec<MetricsBucket> {
        let next = Self::now()
            .saturating_add(1)
            .checked_div(T::BucketBlocks::get())
            .unwrap_or(0);
        let oldest = next.saturating_sub(METRIC_BUCKETS);
        (from.max(oldest)..next)
            .filter_map(Self::bucket)
            .take(limit.min(METRICS_PER_PAGE).into())
            .collect()
    }

    fn bucket(index: u32) -> Option<MetricsBucket> {
        Buckets::<T>::get(Self::place(index)).filter(|bucket| bucket.index == index)
    }

    /// Place of a bucket in the ring.
    pub(crate) fn place(index: u32) -> u32 {
        index.checked_rem(METRIC_BUCKETS).unwrap_or(0)
    }

    fn look_at_brains(brains: impl Iterator<Item = BrainId>, meter: &mut Meter) {
        for brain in brains {
            let (performance, validators) = T::Standings::standing(brain);
            let new = Standing {
                performance,
                validators,
            };
            let old = StandingsSeen::<T>::get(brain);
            if new == old {
                continue;
            }
            meter.standings.replace(&old, &new);
            if new == Standing::default() {
                StandingsSeen::<T>::remove(brain);
            } else {
                StandingsSeen::<T>::insert(brain, new);
            }
        }
    }

    /// The block as a window of its own.
    fn window_of(now: BlockNumber, traffic: &Traffic, payments: &[Payment], meter: &mut Meter) -> Window {
        let moment = T::Time::now();
        let passed = meter
            .moment
            .replace(moment)
            .map(|before| moment.saturating_sub(before));
        Window {
            blocks: 1,
            transactions: payments.len() as u64,
            fees: payments
                .iter()
                .fold(0, |sum, payment| sum.saturating_add(payment.fee)),
            bytes: frame_system::Pallet::<T>::block_size().into(),
            intervals: u32::from(passed.is_some()),
            time: passed.unwrap_or(0),
            time_max: passed.unwrap_or(0),
            emission: block_reward(now),
            joins: traffic.joins,
            leaves: traffic.leaves,
        }
    }

    pub(crate) fn close_bucket(now: BlockNumber, meter: &mut Meter, payers: &mut Payers) {
        let window = core::mem::take(&mut meter.bucket);
        let sketch = core::mem::take(&mut payers.bucket);
        let index = now.checked_div(T::BucketBlocks::get()).unwrap_or(0);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let bucket = MetricsBucket {
            index,
            blocks: window.blocks,
            ended_at: meter.moment.unwrap_or(0),
            transactions: window.transactions,
            block_time: narrow(window.mean_time()),
            block_time_max: narrow(window.time_max),
            bytes: window.bytes,
            active_accounts: sketch.estimate(),
            emission: window.emission,
            stake: T::Stake::total_stake(),
            validators: meter.standings.validators,
            joins: window.joins,
            leaves: window.leaves,
            fee: window.mean_fee(),
            performance: narrow(meter.standings.mean_performance()),
        };
        Buckets::<T>::insert(Self::place(index), bucket);
    }

    /// Ends the cycle of block `now`; the seed of the next one's sketches.
    pub(crate) fn end_cycle(now: BlockNumber, meter: &mut Meter, payers: &mut Payers) -> H256 {
        let figures = Self::take_figures(meter, payers);
        Self::close_cycle(Self::cycle_of(now), figures);
        Self::enact_parameters();
        BlakeTwo256::hash_of(&frame_system::Pallet::<T>::parent_hash())
    }

    fn take_figures(meter: &mut Meter, payers: &mut Payers) -> Figures {
        let window = core::mem::take(&mut meter.cycle);
        let sketch = core::mem::take(&mut payers.cycle);
        window.figures(sketch.estimate(), &meter.standings)
    }
}

impl<T: Config> OnTransactionPaid<T::AccountId> for Pallet<T> {
    fn on_transaction_paid(payer: &T::AccountId, fee: Balance) {
        // Appended and no more: this runs with every transaction.
        Payments::<T>::append(payer.using_encoded(|payer| Payment::new(payer, fee)));
    }
}

impl<T: Config> OnPeerJoined<T::AccountId> for Pallet<T> {
    fn on_peer_joined(_: BrainId, _: Uid, _: &T::AccountId) {
        TrafficState::<T>::mutate(|traffic| traffic.joins = traffic.joins.saturating_add(1));
    }
}

impl<T: Config> OnPeerRemoved<T::AccountId> for Pallet<T> {
    fn on_peer_removed(_: BrainId, _: Uid, _: &T::AccountId) {
        TrafficState::<T>::mutate(|traffic| traffic.leaves = traffic.leaves.saturating_add(1));
    }
}

impl<T: Config> SweepBrain for Pallet<T> {
    /// Removes the forecasts of a closed Brain. How it stood leaves the figures when it is looked at next.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let weight = T::WeightInfo::forget_brain();
        if !weight.all_lte(limit) {
            return (Weight::zero(), false);
        }
        BrainVoices::<T>::remove(brain);
        (weight, true)
    }
}
