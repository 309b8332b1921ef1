//! What buckets report.

use based_primitives::{
    constants::{BASED, METRIC_BUCKETS},
    forecasts::MetricsBucket,
    math::total_reward,
    traits::{OnPeerJoined, OnPeerRemoved, OnTransactionPaid},
};
use codec::{Encode, MaxEncodedLen};

use crate::{
    mock::*, Buckets, Meter, MeterState, PayerSketches, Payers, Payments, StandingsSeen, Traffic,
    TrafficState,
};

fn bucket(index: u32) -> MetricsBucket {
    Forecasts::metrics(index, 1)[0]
}

#[test]
fn a_bucket_reports_its_blocks() {
    build_and_execute(|| {
        run_to(BUCKET);
        for block in 0..BUCKET {
            for payer in 0..=block {
                Forecasts::on_transaction_paid(&payer.into(), 1_000 * u128::from(block));
            }
            frame_system::BlockSize::<Test>::put(500);
            BlockTime::set(if block == 2 { 25_000 } else { 10_000 });
            next_block();
        }
        let found = bucket(1);
        let expected = MetricsBucket {
            index: 1,
            blocks: 6,
            ended_at: Moment::get() - 10_000,
            transactions: 21,
            block_time: 12_500,
            block_time_max: 25_000,
            bytes: 3_000,
            active_accounts: 6,
            emission: 60 * BASED,
            stake: 1_000 * BASED,
            validators: 0,
            joins: 0,
            leaves: 0,
            // 1 + 2 + … + 6 transactions at 0, 1,000, … 5,000.
            fee: 1_000 * 70 / 21,
            performance: 0,
        };
        assert_eq!(found, expected);
    });
}

#[test]
fn the_first_bucket_lacks_genesis() {
    build_and_execute(|| {
        assert!(Forecasts::metrics(0, 9).is_empty());
        run_to(BUCKET - 1);
        assert!(Forecasts::metrics(0, 9).is_empty());
        next_block();
        let first = bucket(0);
        assert_eq!((first.index, first.blocks), (0, 5));
        assert_eq!(first.block_time, 10_000);
        assert_eq!(first.emission, 50 * BASED);
    });
}

#[test]
fn those_who_join_and_leave_are_counted() {
    build_and_execute(|| {
        run_to(BUCKET);
        for account in 0..5 {
            Forecasts::on_peer_joined(BRAIN, 0, &account);
        }
        next_block();
        Forecasts::on_peer_removed(BRAIN, 0, &1);
        run_to(2 * BUCKET);
        assert_eq!((bucket(1).joins, bucket(1).leaves), (5, 1));
        run_to(3 * BUCKET);
        assert_eq!((bucket(2).joins, bucket(2).leaves), (0, 0));
    });
}

#[test]
fn brains_are_seen_once_a_cycle() {
    build_and_execute(|| {
        Standings::set([(3, (800_000_000, 5)), (4, (200_000_000, 2)), (6, (0, 0))].into());
        run_to(5);
        let sums = MeterState::<Test>::get().standings;
        assert_eq!((sums.performing, sums.validators), (2, 7));
        run_to(BUCKET);
        assert_eq!((bucket(0).performance, bucket(0).validators), (500_000_000, 7));
        // Brain 3 closes; what it adds is gone once it is looked at again.
        Standings::mutate(|standings| standings.remove(&3));
        run_to_slot(1, 3);
        assert_eq!(MeterState::<Test>::get().standings.performing, 2);
        next_block();
        assert_eq!(MeterState::<Test>::get().standings.performing, 1);
        assert_eq!(StandingsSeen::<Test>::iter().count(), 1);
    });
}

#[test]
fn brains_beyond_the_cycle_share_its_blocks() {
    build_and_execute(|| {
        Standings::set([(1_023, (500, 1)), (3, (700, 1)), (23, (600, 1))].into());
        run_to(CYCLE);
        assert_eq!(MeterState::<Test>::get().standings.performing, 3);
    });
}

#[test]
fn an_account_is_active_once_however_often_it_pays() {
    build_and_execute(|| {
        run_to(BUCKET);
        for _ in 0..BUCKET {
            (0..300).for_each(|_| Forecasts::on_transaction_paid(&1, 1));
            next_block();
        }
        assert_eq!(bucket(1).transactions, 1_800);
        assert_eq!(bucket(1).active_accounts, 1);
    });
}

#[test]
fn accounts_in_a_row_are_counted_as_well_as_any() {
    build_and_execute(|| {
        for round in 1..6 {
            run_to_slot(round, 0);
            let first = u64::from(round) << 40;
            (first..first + 3_000).for_each(|account| Forecasts::on_transaction_paid(&account, 1));
            next_block();
            let seen = PayerSketches::<Test>::get().cycle.estimate();
            assert!(seen.abs_diff(3_000) < 120, "{seen} of 3,000 in round {round}");
        }
    });
}

#[test]
fn old_buckets_leave_the_ring_and_pages_follow_each_other() {
    build_and_execute(|| {
        run_to((METRIC_BUCKETS + 5) * BUCKET);
        assert_eq!(Buckets::<Test>::iter().count() as u32, METRIC_BUCKETS);
        assert_eq!(bucket(0).index, 5, "the oldest that is left");
        let mut exported = Vec::new();
        let mut from = 0;
        loop {
            let page = Forecasts::metrics(from, u16::MAX);
            let Some(last) = page.last() else { break };
            assert!(page.len() <= 256);
            from = last.index + 1;
            exported.extend(page);
        }
        let indices: Vec<u32> = exported.iter().map(|bucket| bucket.index).collect();
        assert_eq!(indices, (5..METRIC_BUCKETS + 5).collect::<Vec<_>>());
        let emission: u128 = exported.iter().map(|bucket| bucket.emission).sum();
        let expected = total_reward((METRIC_BUCKETS + 5) * BUCKET - 1) - total_reward(5 * BUCKET - 1);
        assert_eq!(emission, expected);
        assert!(Forecasts::metrics(METRIC_BUCKETS + 5, 10).is_empty());
        assert!(Forecasts::metrics(u32::MAX, 10).is_empty());
        assert!(Forecasts::metrics(0, 0).is_empty());
    });
}

#[test]
fn what_a_block_adds_is_gone_with_it() {
    build_and_execute(|| {
        work(5);
        next_block();
        let empty = Traffic {
            seed: TrafficState::<Test>::get().seed,
            ..Default::default()
        };
        assert_eq!(TrafficState::<Test>::get(), empty);
        assert!(!Payments::<Test>::exists());
    });
}

#[test]
fn accounts_find_other_bits_in_each_cycle() {
    build_and_execute(|| {
        let first = TrafficState::<Test>::get().seed;
        run_to_slot(1, 0);
        let second = TrafficState::<Test>::get().seed;
        assert_ne!(first, second);
        assert_eq!(PayerSketches::<Test>::get(), Payers::default());
    });
}

#[test]
fn a_block_writes_a_few_kibibytes() {
    let most = Meter::max_encoded_len() + Payers::max_encoded_len() + Traffic::max_encoded_len();
    assert!(most < 4_096, "{most}");
    assert!(MetricsBucket::max_encoded_len() < 128);
    build_and_execute(|| {
        run_to(3 * BUCKET);
        assert_eq!(bucket(1).encoded_size(), MetricsBucket::max_encoded_len());
    });
}

#[test]
fn a_clock_that_jumps_at_the_end_of_a_cycle_does_not_move_its_boundary() {
    build_and_execute(|| {
        settle();
        commit(1, &blank());
        run_to_slot(2, 0);
        reveal(1, &blank());
        // An hour passes before the last block of cycle 2; then the clock stands still over the boundary.
        run_to_slot(2, CYCLE - 2);
        BlockTime::set(3_600_000);
        next_block();
        assert!(crate::LastRound::<Test>::get().is_none_or(|last| last.round == 0));
        BlockTime::set(0);
        next_block();
        assert_eq!(System::block_number(), u64::from(3 * CYCLE));
        run_to_slot(3, 1);
        let last = crate::LastRound::<Test>::get().unwrap();
        assert_eq!(
            (last.round, last.revealed),
            (1, 1),
            "cycles are counted in blocks"
        );
        // What passes before a block is of its cycle: 19 times ten seconds, and the hour.
        let times = &Forecasts::target_history()[1];
        assert_eq!(
            times.last().copied(),
            Some((19 * 10_000 + 3_600_000) * 1_000_000 / i64::from(CYCLE))
        );
        // A clock that went back is no time at all, not a span of centuries.
        Moment::mutate(|moment| *moment -= 5_000_000);
        run_to_slot(4, 1);
        assert_eq!(Forecasts::target_history()[1].last().copied(), Some(0));
    });
}
