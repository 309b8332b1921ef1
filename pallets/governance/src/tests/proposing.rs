//! Who may propose what (F.2-4, R124).

use based_primitives::constants::{BASED, MAX_BRAIN_PROPOSALS, MAX_LABS_PROPOSALS};
use frame_support::{
    assert_noop, assert_ok,
    traits::{Bounded, QueryPreimage},
};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};

use crate::{functions::MAX_CALL_MEMORY, mock::*, Error, Event, HoldReason, Open, Proposer, Track};

type E = Error<Test>;

#[test]
fn a_proposal_is_announced_with_its_terms_and_holds_a_deposit() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        assert_eq!(
            last_event(),
            Event::Proposed {
                id,
                account: LABS,
                proposer: Proposer::Labs,
                track: Track::Root,
                by_default: true,
                eligible: 2,
                ends_at: now() + ROOT.voting - 1,
            }
        );
        assert_eq!(held(HoldReason::Proposal, LABS), DEPOSIT);
        assert_eq!(Open::<Test>::get().into_inner(), [(id, Proposer::Labs)]);
        assert_eq!(brain_propose(ALICE, 10), id + 1);
    });
}

#[test]
fn only_based_labs_proposes_as_such_and_only_in_the_first_year() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        assert_noop!(
            try_propose(ALICE, Proposer::Labs, Track::Root, root_call()),
            E::NotLabs
        );
        skip_to(YEAR);
        assert_ok!(try_propose(LABS, Proposer::Labs, Track::Root, root_call()));
        skip_to(YEAR + 1);
        assert_noop!(
            try_propose(LABS, Proposer::Labs, Track::Root, root_call()),
            E::NotLabs
        );
    });
}

#[test]
fn a_gigabrain_proposes_by_its_owner() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        brain(20, BOB, 0);
        let by = |who, id| try_propose(who, Proposer::GigaBrain(id), Track::Root, root_call());
        assert_noop!(by(BOB, 10), E::NotBrainOwner);
        assert_noop!(by(BOB, 20), E::NotGigaBrain);
        assert_noop!(by(BOB, 1_023), E::NotBrainOwner);
        assert_ok!(by(ALICE, 10));
        assert!(!proposal(0).by_default, "only Based Labs' pass by default");
        assert_noop!(by(ALICE, 10), E::OneProposalPerBrain);
    });
}

#[test]
fn administrative_brains_propose_after_the_first_year() {
    build_and_execute(|| {
        brain(2, LABS, BASED);
        run_cycles();
        let by = || try_propose(LABS, Proposer::GigaBrain(2), Track::Root, root_call());
        assert_noop!(by(), E::NotGigaBrain);
        skip_to(YEAR + 1);
        assert_ok!(by());
    });
}

#[test]
fn the_enforcer_proposes_parameters_only_and_one_at_a_time() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let by = |who, track, call| try_propose(who, Proposer::Enforcer, track, call);
        assert_noop!(by(ALICE, Track::Parameters, parameter_call()), E::NotEnforcer);
        assert_noop!(by(SEER, Track::Root, parameter_call()), E::ParametersOnly);
        assert_ok!(by(SEER, Track::Parameters, parameter_call()));
        assert!(!proposal(0).by_default);
        assert_noop!(by(SEER, Track::Parameters, parameter_call()), E::TooManyProposals);
    });
}

#[test]
fn no_kind_of_proposer_takes_the_place_of_another() {
    build_and_execute(|| {
        let owners = [ALICE; MAX_BRAIN_PROPOSALS as usize + 1];
        giga_brains(&owners);
        for brain in 10..10 + MAX_BRAIN_PROPOSALS as u16 {
            brain_propose(ALICE, brain);
        }
        let last = Proposer::GigaBrain(10 + MAX_BRAIN_PROPOSALS as u16);
        assert_noop!(
            try_propose(ALICE, last, Track::Root, root_call()),
            E::TooManyProposals
        );
        for _ in 0..MAX_LABS_PROPOSALS {
            labs_propose();
        }
        assert_noop!(
            try_propose(LABS, Proposer::Labs, Track::Root, root_call()),
            E::TooManyProposals
        );
        propose(SEER, Proposer::Enforcer, Track::Parameters);
        // A place is free again once one closes.
        run_to(proposal(0).ends_at + 1);
        assert_ok!(close(0));
        assert_ok!(try_propose(ALICE, last, Track::Root, root_call()));
    });
}

#[test]
fn a_deposit_that_cannot_be_paid_refuses_the_proposal() {
    build_and_execute(|| {
        brain(10, 1_000, BASED);
        run_cycles();
        let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
        assert!(try_propose(1_000, Proposer::GigaBrain(10), Track::Root, root_call()).is_err());
        assert_eq!(sp_io::storage::root(sp_runtime::StateVersion::V1), root);
    });
}

#[test]
fn what_is_proposed_must_be_on_the_chain_and_a_call() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let by = |call| try_propose(LABS, Proposer::Labs, Track::Root, call);
        let hash = H256::repeat_byte(1);
        assert_noop!(by(Bounded::Lookup { hash, len: 10 }), E::PreimageMissing);
        assert_noop!(
            by(Bounded::Legacy {
                hash,
                dummy: Default::default()
            }),
            E::PreimageMissing
        );
        let nonsense = vec![255; 64];
        assert_noop!(
            by(Bounded::Inline(nonsense.clone().try_into().unwrap())),
            E::InvalidCall
        );
        assert_noop!(by(Bounded::Inline(Default::default())), E::InvalidCall);
        assert_ok!(Preimage::note_preimage(
            RuntimeOrigin::signed(ALICE),
            nonsense.clone()
        ));
        let hash = BlakeTwo256::hash(&nonsense);
        assert_noop!(by(Bounded::Lookup { hash, len: 64 }), E::InvalidCall);
        assert_noop!(by(Bounded::Lookup { hash, len: 63 }), E::PreimageMissing);
    });
}

#[test]
fn calls_that_nest_too_deeply_are_refused() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let mut call = RuntimeCall::System(frame_system::Call::remark { remark: vec![] });
        for _ in 0..300 {
            call = RuntimeCall::Scheduler(pallet_scheduler::Call::schedule {
                when: 1,
                maybe_periodic: None,
                priority: 0,
                call: Box::new(call),
            });
        }
        let call = bounded(call);
        assert_noop!(
            try_propose(LABS, Proposer::Labs, Track::Root, call),
            E::InvalidCall
        );
    });
}

/// Notes a call and names it by its hash.
fn noted(call: RuntimeCall) -> Bounded<RuntimeCall, BlakeTwo256> {
    let bytes = codec::Encode::encode(&call);
    let (hash, len) = (BlakeTwo256::hash(&bytes), bytes.len() as u32);
    assert_ok!(Preimage::note_preimage(RuntimeOrigin::signed(ALICE), bytes));
    Bounded::Lookup { hash, len }
}

#[test]
fn calls_that_grow_too_large_in_memory_are_refused() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let by = |call| try_propose(LABS, Proposer::Labs, Track::Root, call);
        // An empty key is one byte on the chain and a whole list in memory.
        let keys = MAX_CALL_MEMORY / size_of::<Vec<u8>>() + 1;
        let keys = vec![vec![]; keys];
        let growing = noted(frame_system::Call::kill_storage { keys }.into());
        assert_noop!(by(growing), E::InvalidCall);
        // As long as a preimage can be, and no larger in memory.
        let remark = vec![0; pallet_preimage::MAX_SIZE as usize - 16];
        assert_ok!(by(noted(frame_system::Call::remark { remark }.into())));
    });
}

#[test]
fn bytes_after_a_call_are_refused() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let remark = vec![];
        let mut bytes = codec::Encode::encode(&RuntimeCall::System(frame_system::Call::remark { remark }));
        bytes.push(0);
        let call = Bounded::Inline(bytes.try_into().unwrap());
        assert_noop!(
            try_propose(LABS, Proposer::Labs, Track::Root, call),
            E::InvalidCall
        );
    });
}

#[test]
fn a_proposed_preimage_cannot_be_taken_away() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let items = vec![(b"governed".to_vec(), b"yes".to_vec()), (vec![0; 200], vec![])];
        let call = noted(frame_system::Call::set_storage { items }.into());
        let Bounded::Lookup { hash, len } = call.clone() else {
            panic!("{call:?} is named by its hash");
        };
        assert_ok!(try_propose(LABS, Proposer::Labs, Track::Root, call));
        assert_ok!(Preimage::unnote_preimage(RuntimeOrigin::signed(ALICE), hash));
        assert_eq!(<Preimage as QueryPreimage>::len(&hash), Some(len));
        run_and_close(0);
        run_to(now() + ROOT.enactment);
        assert!(root_call_ran());
        assert_eq!(
            <Preimage as QueryPreimage>::len(&hash),
            None,
            "nobody needs it any more"
        );
    });
}

#[test]
fn a_longer_call_weighs_more() {
    use crate::WeightInfo;
    let (short, long) = (<()>::propose(10), <()>::propose(4 * 1_024 * 1_024));
    assert!(long.ref_time() > short.ref_time() + 4 * 1_024 * 1_024 * 1_000);
}
