//! Benchmarks of the calls and of the hook, with all Brains GigaBrains and as many proposals as can be open.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::unwrap_used)]

use alloc::{vec, vec::Vec};

use based_primitives::{
    benchmarking::BenchmarkHelper,
    constants::{BASED, GIGA_BRAIN_CYCLES, MAX_BRAINS, MAX_BRAIN_PROPOSALS, MAX_PROPOSALS, PEPECOIN},
    traits::SweepBrain,
    Balance, BrainId,
};
use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        fungible::{InspectFreeze, MutateFreeze, MutateHold},
        schedule::{v3::Named, DispatchTime, HARD_DEADLINE},
        Bounded, Get, QueryPreimage,
    },
    weights::Weight,
    BoundedVec,
};
use frame_system::RawOrigin;
use sp_runtime::traits::Hash;

use crate::{
    types::{
        Ballot, BoundedCallOf, BrakeCall, Proposal, ProposalId, Proposer, RuntimeCallOf, Sample, Seat,
        StakeHistory, Track,
    },
    Ballots, BrakeCalls, Call, Config, Electorates, FreezeReason, GigaBrains, HoldReason, NextId, Open,
    Pallet, Proposals, StakeHistories,
};

/// The GigaBrain that proposes and votes: the last.
const BRAIN: BrainId = MAX_BRAINS - 1;
const FUNDS: Balance = 1_000_000 * BASED;
const BALLOT: Balance = 1_000 * PEPECOIN;
/// The proposal that calls are about.
const ID: ProposalId = 0;
/// Brains that are sampled in one block, more than any network has them.
const SAMPLED: u32 = 64;
/// Other tasks in the agenda of the block in which a proposal is enacted: all that the runtime lets there be.
const TASKS: u32 = 49;

fn funded<T: Config>(name: &'static str) -> T::AccountId {
    let who = account(name, 0, 0);
    T::BenchmarkHelper::fund(&who, FUNDS);
    T::BenchmarkHelper::fund_pepecoin(&who, FUNDS);
    who
}

/// Makes all Brains GigaBrains and returns the owner of [`BRAIN`].
fn giga_brains<T: Config>() -> T::AccountId {
    GigaBrains::<T>::put(BoundedVec::truncate_from((0..MAX_BRAINS).collect()));
    let owner = funded::<T>("owner");
    T::BenchmarkHelper::open_brain(BRAIN, &owner);
    owner
}

/// Notes a call whose `n` bytes take as long to decode as there are, and names it by its hash.
fn noted_call<T: Config>(n: u32) -> BoundedCallOf<T> {
    // Pallet, call and length of the list are at most six bytes, a key without bytes is one.
    let keys = vec![Vec::new(); n.saturating_sub(6) as usize];
    let call: RuntimeCallOf<T> = frame_system::Call::<T>::kill_storage { keys }.into();
    let bytes = call.encode();
    let bounded = Bounded::Lookup {
        hash: T::Hashing::hash(&bytes),
        len: bytes.len() as u32,
    };
    T::BenchmarkHelper::note_preimage(bytes);
    bounded
}

/// Opens a proposal that every GigaBrain voted for, and as many others as can be.
fn open<T: Config>(owner: &T::AccountId) {
    let deposit = T::ProposalDeposit::get();
    T::Currency::hold(&HoldReason::Proposal.into(), owner, deposit).expect("the owner has the deposit");
    let call = noted_call::<T>(1_024);
    T::Preimages::hold(&call);
    let proposal = Proposal {
        account: owner.clone(),
        proposer: Proposer::GigaBrain(BRAIN),
        track: Track::Parameters,
        call,
        deposit,
        announced_at: 0,
        ends_at: 1,
        by_default: false,
        sent_back: false,
        eligible: MAX_BRAINS.into(),
        ayes: MAX_BRAINS.into(),
        nays: 0,
        pepecoin_ayes: FUNDS * 100,
        pepecoin_nays: 0,
    };
    for id in ID..MAX_PROPOSALS {
        Proposals::<T>::insert(id, proposal.clone());
    }
    let proposers = (ID..MAX_PROPOSALS).map(|id| (id, Proposer::GigaBrain(id as BrainId)));
    Open::<T>::put(BoundedVec::truncate_from(proposers.collect()));
    let seat = |brain| Seat {
        brain,
        aye: Some(true),
    };
    let seats = (0..MAX_BRAINS).map(seat).collect();
    Electorates::<T>::insert(ID, BoundedVec::truncate_from(seats));
}

/// Ballots of an account on as many proposals as can be open.
fn cast<T: Config>(who: &T::AccountId) {
    let deposit = T::BallotDeposit::get();
    T::Currency::hold(&HoldReason::Ballots.into(), who, deposit).expect("the account has the deposit");
    let ballot = |proposal| Ballot {
        proposal,
        aye: true,
        amount: BALLOT,
    };
    let ballots = (ID..MAX_PROPOSALS).map(ballot).collect();
    Ballots::<T>::insert(who, BoundedVec::truncate_from(ballots));
    let reason = FreezeReason::Vote.into();
    T::Pepecoin::set_freeze(&reason, who, BALLOT).expect("the account has what it voted with");
}

#[benchmarks]
mod benchmarks {
    use super::*;

    /// Each of them becomes a GigaBrain.
    #[benchmark]
    fn sample(n: Linear<0, { SAMPLED }>) {
        let newest = Sample {
            stake: BASED,
            total: BASED,
        };
        let history = StakeHistory {
            samples: BoundedVec::truncate_from(vec![newest; GIGA_BRAIN_CYCLES as usize]),
        };
        let owner = account("owner", 0, 0);
        for brain in 0..SAMPLED as BrainId {
            T::BenchmarkHelper::open_brain(brain, &owner);
            T::BenchmarkHelper::stake(brain, None, BASED);
            StakeHistories::<T>::insert(brain, history.clone());
        }
        let others = (SAMPLED as BrainId..MAX_BRAINS).collect::<Vec<_>>();
        let count = others.len();
        GigaBrains::<T>::put(BoundedVec::truncate_from(others));

        #[block]
        {
            Pallet::<T>::sample_all(0..n as BrainId);
        }

        assert_eq!(GigaBrains::<T>::get().len(), count + n as usize);
    }

    #[benchmark]
    fn sweep() {
        giga_brains::<T>();
        StakeHistories::<T>::insert(BRAIN, StakeHistory::default());

        #[block]
        {
            Pallet::<T>::sweep(BRAIN, Weight::MAX);
        }

        assert!(!StakeHistories::<T>::contains_key(BRAIN));
    }

    /// For a GigaBrain, the last proposal that may be open.
    #[benchmark]
    fn propose(n: Linear<256, 1_048_576>) {
        let owner = giga_brains::<T>();
        let others = (1..MAX_BRAIN_PROPOSALS).map(|id| (id, Proposer::GigaBrain(id as BrainId)));
        Open::<T>::put(BoundedVec::truncate_from(others.collect()));
        NextId::<T>::put(MAX_BRAIN_PROPOSALS);
        let call = noted_call::<T>(n);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(owner),
            Proposer::GigaBrain(BRAIN),
            Track::Root,
            call,
        );

        assert!(Proposals::<T>::contains_key(MAX_BRAIN_PROPOSALS));
    }

    /// A vote that is changed.
    #[benchmark]
    fn vote() {
        let owner = giga_brains::<T>();
        open::<T>(&owner);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), ID, BRAIN, false);

        assert_eq!(Proposals::<T>::get(ID).unwrap().nays, 1);
    }

    /// The account's first ballot.
    #[benchmark]
    fn vote_with_pepecoin() {
        open::<T>(&giga_brains::<T>());
        let who = funded::<T>("voter");

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), ID, true, BALLOT);

        assert_eq!(Ballots::<T>::get(&who).len(), 1);
    }

    /// A ballot in place of an earlier one, beside those on all other proposals.
    #[benchmark]
    fn vote_with_pepecoin_again() {
        open::<T>(&giga_brains::<T>());
        let who = funded::<T>("voter");
        cast::<T>(&who);

        #[extrinsic_call]
        vote_with_pepecoin(RawOrigin::Signed(who.clone()), ID, false, 2 * BALLOT);

        assert_eq!(
            T::Pepecoin::balance_frozen(&FreezeReason::Vote.into(), &who),
            2 * BALLOT
        );
    }

    /// A proposal that passes and is enacted in a block with other tasks.
    #[benchmark]
    fn close() {
        let owner = giga_brains::<T>();
        open::<T>(&owner);
        frame_system::Pallet::<T>::set_block_number(2u32.into());
        let at = DispatchTime::At((2 + T::ParameterTrack::get().enactment).into());
        let call: RuntimeCallOf<T> = frame_system::Call::<T>::remark { remark: vec![0; 64] }.into();
        let call = BoundedCallOf::<T>::Inline(BoundedVec::truncate_from(call.encode()));
        for task in 0..TASKS {
            let name = Pallet::<T>::task_name(MAX_PROPOSALS + task);
            let root = RawOrigin::Root.into();
            T::Scheduler::schedule_named(name, at, None, HARD_DEADLINE, root, call.clone())
                .expect("the agenda has room");
        }

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), ID);

        assert!(!Proposals::<T>::contains_key(ID));
    }

    /// Ballots on as many closed proposals as can be open.
    #[benchmark]
    fn release() {
        let who = funded::<T>("voter");
        cast::<T>(&who);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), who.clone());

        assert!(!Ballots::<T>::contains_key(&who));
    }

    /// The call with which the brake is pulled.
    #[benchmark]
    fn pull_brake() {
        let owner = giga_brains::<T>();
        let callers = BrakeCall {
            since: 1,
            brains: BoundedVec::truncate_from((0..BRAIN).collect()),
        };
        BrakeCalls::<T>::put(callers);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), BRAIN);

        assert!(!BrakeCalls::<T>::exists());
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
