//! Answers of the network's own runtime API.

use based_pallet_consensus::{Credits, EpochRecord, LastEpoch, PeerScore};
use based_pallet_registry::AllowReservedEndpoints;
use based_primitives::{
    constants::{BASED, CREDIT_ONE},
    views::{PeerScores, QuoteError},
    Endpoint, IpAddress, ResourceKind, Resources, Role,
};
use codec::Encode;
use frame_support::{assert_ok, BoundedVec};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve};

use super::{block, chain, fee_of, signed, BalancesCall};
use crate::{queries, Registry, Runtime, RuntimeCall, RuntimeOrigin, Staking, System, TransactionPayment};

const BRAIN: u16 = 7;

fn memorize(who: Sr25519Keyring, role: Role) {
    let endpoint = Endpoint {
        ip: IpAddress::V4([127, 0, 0, 1]),
        port: 1,
    };
    let resources = Resources {
        kind: ResourceKind::Cpu,
        storage_mib: 1,
    };
    let origin = RuntimeOrigin::signed(who.to_account_id());
    assert_ok!(Registry::memorize(
        origin,
        BRAIN,
        role,
        endpoint,
        [1; 32],
        resources,
        100 * BASED
    ));
}

/// Two miners around a validator, to whom Eve stakes.
fn populate() {
    AllowReservedEndpoints::<Runtime>::put(true);
    memorize(Bob, Role::Miner);
    memorize(Charlie, Role::Validator);
    memorize(Dave, Role::Miner);
    let origin = || RuntimeOrigin::signed(Eve.to_account_id());
    assert_ok!(Staking::stake(
        origin(),
        BRAIN,
        Some(Charlie.to_account_id()),
        3 * BASED
    ));
    assert_ok!(Staking::stake(origin(), BRAIN, None, BASED));
}

#[test]
fn a_metagraph_comes_whole_or_in_pages_with_stake() {
    chain("development").execute_with(|| {
        block(vec![]);
        populate();
        let whole = queries::metagraph(BRAIN, 0, u16::MAX).unwrap();
        assert_eq!((whole.next, whole.epoch_at), (None, None));
        let stakes: Vec<_> = whole.peers.iter().map(|peer| peer.stake).collect();
        assert_eq!(stakes, [0, 3 * BASED, 0]);
        let (mut paged, mut start) = (Vec::new(), Some(0));
        while let Some(uid) = start {
            let page = queries::metagraph(BRAIN, uid, 2).unwrap();
            assert!(page.peers.len() <= 2);
            paged.extend(page.peers);
            start = page.next;
        }
        assert_eq!(paged, whole.peers);
        assert_eq!(queries::metagraph(8, 0, 1), None);
        assert_eq!(queries::metagraph(u16::MAX, 0, 1), None);
        assert!(queries::metagraph(BRAIN, u16::MAX, u16::MAX)
            .unwrap()
            .peers
            .is_empty());
    });
}

#[test]
fn scores_are_those_of_the_peer_that_the_epoch_saw() {
    chain("development").execute_with(|| {
        block(vec![]);
        populate();
        let score = |uid| PeerScore {
            uid,
            rank: 1,
            trust: 2,
            consensus: 3,
            incentive: 4,
            dividend: 5,
        };
        let mut record = EpochRecord {
            at: System::block_number() + 1,
            active: 1,
            uptime: 0,
            quality: 0,
            loss: 0,
            peers: BoundedVec::truncate_from(vec![score(0), score(1)]),
        };
        LastEpoch::<Runtime>::insert(BRAIN, &record);
        Credits::<Runtime>::insert(BRAIN, BoundedVec::truncate_from(vec![(1, CREDIT_ONE / 4)]));
        let scores = |trust_credits| PeerScores {
            rank: 1,
            trust: 2,
            consensus: 3,
            incentive: 4,
            dividend: 5,
            trust_credits,
        };
        let found = || {
            let page = queries::metagraph(BRAIN, 0, 3).unwrap();
            page.peers.into_iter().map(|peer| peer.scores).collect::<Vec<_>>()
        };
        assert_eq!(found(), [scores(0), scores(250_000_000), PeerScores::default()]);

        // The epoch ran before the peers of today came: it spoke of others.
        record.at = System::block_number();
        LastEpoch::<Runtime>::insert(BRAIN, record);
        assert_eq!(found()[0], PeerScores::default());
    });
}

#[test]
fn emission_tells_the_next_division_and_halving_at_their_borders() {
    chain("development").execute_with(|| {
        let at = |height| {
            System::set_block_number(height);
            let info = queries::emission();
            (info.block_reward / BASED, info.next_division, info.next_halving)
        };
        assert_eq!(at(1), (10, 1_023, 3_153_601));
        assert_eq!(at(1_022), (10, 1_023, 3_153_601));
        assert_eq!(at(1_023), (10, 2_047, 3_153_601));
        assert_eq!(at(1_024), (10, 2_047, 3_153_601));
        assert_eq!(at(3_153_600).2, 3_153_601);
        assert_eq!((at(3_153_601).0, at(3_153_601).2), (5, 6_307_201));
        based_pallet_emission::Budgets::<Runtime>::insert(9, 5);
        based_pallet_emission::Budgets::<Runtime>::insert(3, 7);
        assert_eq!(queries::emission().budgets, [(3, 7), (9, 5)]);
    });
}

#[test]
fn stake_tells_every_position_and_what_is_on_its_way_back() {
    chain("development").execute_with(|| {
        block(vec![]);
        populate();
        let eve = Eve.to_account_id();
        assert_ok!(Staking::unstake(
            RuntimeOrigin::signed(eve.clone()),
            BRAIN,
            None,
            BASED / 2
        ));
        let info = queries::stake(&eve);
        let positions: Vec<_> = info
            .positions
            .iter()
            .map(|position| (position.brain, position.validator.clone(), position.amount))
            .collect();
        let charlie = Charlie.to_account_id();
        assert_eq!(
            positions,
            [(BRAIN, None, BASED / 2), (BRAIN, Some(charlie), 3 * BASED)]
        );
        assert_eq!((info.withdrawable, info.pending), (0, BASED / 2));
        assert_eq!(info.pending_until, crate::time::CYCLE_BLOCKS);
        System::set_block_number(info.pending_until);
        let info = queries::stake(&eve);
        assert_eq!((info.withdrawable, info.pending), (BASED / 2, 0));
        assert_eq!(queries::stake(&Alice.to_account_id()).positions, []);
    });
}

#[test]
fn a_quote_has_a_price_or_says_why_not() {
    chain("development").execute_with(|| {
        let unit = BASED / 1_000_000_000;
        assert_eq!(queries::quote(BRAIN, 16, 1), Ok((16 * 2_778 + 8_333) * unit));
        assert_eq!(queries::quote(8, 1, 1), Err(QuoteError::UnknownBrain));
        assert_eq!(queries::quote(0, 1, 1), Err(QuoteError::NoPrices));
        let context = 32_000;
        assert!(queries::quote(BRAIN, context, 0).is_ok());
        for (prompt, completion) in [(context, 1), (u32::MAX, u32::MAX)] {
            let refused = queries::quote(BRAIN, prompt, completion);
            assert_eq!(refused, Err(QuoteError::ContextExceeded { context }));
        }
    });
}

#[test]
fn the_fee_of_a_call_is_that_of_its_longest_transaction() {
    chain("development").execute_with(|| {
        block(vec![]);
        let call: RuntimeCall = BalancesCall::transfer_keep_alive {
            dest: Bob.to_account_id().into(),
            value: BASED,
        }
        .into();
        let quoted = queries::call_fee(&call.encode()).unwrap();
        let extrinsic = signed(Alice, call.clone(), 0, 0);
        // A number of five bytes instead of one, a mortal era, an ECDSA signature.
        let longer = 4 + 1 + 1;
        assert_eq!(quoted.length as usize, extrinsic.encoded_size() + longer);
        let difference = TransactionPayment::length_to_fee(longer as u32);
        assert_eq!(quoted.fee, fee_of(&extrinsic) + difference);

        assert_eq!(queries::call_fee(&[]), None);
        assert_eq!(queries::call_fee(&[0xff; 8]), None);
        assert_eq!(
            queries::call_fee(&[call.encode(), vec![0]].concat()),
            None,
            "bytes are left over"
        );
        let remark: RuntimeCall = super::SystemCall::remark {
            remark: vec![0; 64 * 1024],
        }
        .into();
        assert_eq!(queries::call_fee(&remark.encode()), None, "above 64 KiB");
    });
}
