//! The way of a proposal.

use based_primitives::{traits::BrainInspect, Balance, BlockNumber, BrainId};
use codec::{DecodeLimit, Encode, MemTrackingInput};
use frame_support::{
    ensure,
    traits::{
        fungible::MutateHold,
        schedule::{v3::Named, v3::TaskName, DispatchTime, HARD_DEADLINE},
        tokens::{Fortitude, Precision, Restriction},
        Bounded, Contains, Get, OriginTrait, QueryPreimage,
    },
    BoundedVec,
};
use frame_system::RawOrigin;
use sp_runtime::{traits::UniqueSaturatedInto, DispatchError, DispatchResult};

use crate::{
    types::{
        BoundedCallOf, PalletsOriginOf, Proposal, ProposalId, ProposalOf, Proposer, RuntimeCallOf, Seat,
        Track, TrackTimes,
    },
    Config, Electorates, Error, Event, HoldReason, Labs, NextId, Open, Origin, Pallet, Proposals,
};

/// Calls within calls that a proposal may nest, as many as an extrinsic.
const MAX_CALL_DEPTH: u32 = 256;
/// Bytes of memory that a proposed call may take once decoded: a preimage many times over, and no more than the wasm
/// allocator gives out at once, as the scheduler decodes the call in a hook that must not fail.
pub(crate) const MAX_CALL_MEMORY: usize = 32 << 20;
/// What tasks of this pallet are called in the scheduler, with the proposal's number.
const TASK: &[u8] = b"based/governance";

impl<T: Config> Pallet<T> {
    /// Height of the current block.
    pub fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// Whether a block is of the first year (F.1-5).
    pub fn is_year_one(block: BlockNumber) -> bool {
        block <= T::YearOne::get()
    }

    /// Whether an account is Based Labs' and the first year is not over.
    pub fn is_labs(who: &T::AccountId) -> bool {
        Self::is_year_one(Self::now()) && Labs::<T>::get().as_ref() == Some(who)
    }

    /// Name of a passed proposal's task in the scheduler.
    pub fn task_name(id: ProposalId) -> TaskName {
        (TASK, id).using_encoded(sp_io::hashing::blake2_256)
    }

    pub(crate) fn do_propose(
        who: T::AccountId,
        proposer: Proposer,
        track: Track,
        call: BoundedCallOf<T>,
    ) -> DispatchResult {
        Self::ensure_may_propose(&who, proposer, track)?;
        Self::ensure_call(&call)?;
        let id = NextId::<T>::get();
        let next = id.checked_add(1).ok_or(Error::<T>::Overflow)?;
        Open::<T>::try_mutate(|open| {
            let alike = open.iter().filter(|(_, other)| other.is_like(&proposer)).count();
            ensure!(alike < proposer.quota() as usize, Error::<T>::TooManyProposals);
            open.try_push((id, proposer))
                .map_err(|_| Error::<T>::TooManyProposals)
        })?;
        let deposit = T::ProposalDeposit::get();
        T::Currency::hold(&HoldReason::Proposal.into(), &who, deposit)?;
        T::Preimages::hold(&call);
        let mut proposal = Proposal {
            account: who,
            proposer,
            track,
            call,
            deposit,
            announced_at: Self::now(),
            ends_at: 0,
            by_default: false,
            sent_back: false,
            eligible: 0,
            ayes: 0,
            nays: 0,
            pepecoin_ayes: 0,
            pepecoin_nays: 0,
        };
        Self::open_round(id, &mut proposal)?;
        Self::deposit_event(Event::Proposed {
            id,
            account: proposal.account.clone(),
            proposer,
            track,
            by_default: proposal.by_default,
            eligible: proposal.eligible,
            ends_at: proposal.ends_at,
        });
        Proposals::<T>::insert(id, proposal);
        NextId::<T>::put(next);
        Ok(())
    }

    fn ensure_may_propose(who: &T::AccountId, proposer: Proposer, track: Track) -> Result<(), Error<T>> {
        match proposer {
            Proposer::Labs => ensure!(Self::is_labs(who), Error::<T>::NotLabs),
            Proposer::GigaBrain(brain) => {
                ensure!(
                    T::Brains::owner(brain).as_ref() == Some(who),
                    Error::<T>::NotBrainOwner
                );
                ensure!(
                    Self::eligible().binary_search(&brain).is_ok(),
                    Error::<T>::NotGigaBrain
                );
                let has_one = Open::<T>::get().iter().any(|(_, other)| *other == proposer);
                ensure!(!has_one, Error::<T>::OneProposalPerBrain);
            }
            Proposer::Enforcer => {
                ensure!(T::Enforcer::contains(who), Error::<T>::NotEnforcer);
                ensure!(track == Track::Parameters, Error::<T>::ParametersOnly);
            }
        }
        Ok(())
    }

    /// Checks that everybody can read what is proposed, and that the scheduler will.
    fn ensure_call(call: &BoundedCallOf<T>) -> Result<(), Error<T>> {
        let decode = |mut bytes: &[u8]| {
            let mut input = MemTrackingInput::new(&mut bytes, MAX_CALL_MEMORY);
            RuntimeCallOf::<T>::decode_with_depth_limit(MAX_CALL_DEPTH, &mut input)
                .map_err(|_| Error::<T>::InvalidCall)?;
            ensure!(bytes.is_empty(), Error::<T>::InvalidCall);
            Ok(())
        };
        match call {
            Bounded::Inline(bytes) => decode(bytes),
            Bounded::Lookup { hash, len } => {
                let bytes = T::Preimages::fetch(hash, Some(*len)).map_err(|_| Error::<T>::PreimageMissing)?;
                decode(&bytes)
            }
            // A hash without a length could name more than was weighed.
            Bounded::Legacy { .. } => Err(Error::<T>::PreimageMissing),
        }
    }

    /// Begins a round of voting: who may vote, how long, and what passes.
    fn open_round(id: ProposalId, proposal: &mut ProposalOf<T>) -> DispatchResult {
        let seats = Self::eligible()
            .into_iter()
            .map(|brain| Seat { brain, aye: None })
            .collect::<alloc::vec::Vec<_>>();
        let voting = Self::times(proposal.track).voting;
        // The block in which it opens counts.
        proposal.ends_at = Self::now()
            .checked_add(voting.saturating_sub(1))
            .ok_or(Error::<T>::Overflow)?;
        proposal.by_default = proposal.proposer == Proposer::Labs && Self::is_year_one(proposal.ends_at);
        proposal.eligible = seats.len() as u32;
        proposal.ayes = 0;
        proposal.nays = 0;
        let seats = BoundedVec::try_from(seats).map_err(|_| Error::<T>::Overflow)?;
        Electorates::<T>::insert(id, seats);
        Ok(())
    }

    fn times(track: Track) -> TrackTimes {
        match track {
            Track::Root => T::RootTrack::get(),
            Track::Parameters => T::ParameterTrack::get(),
        }
    }

    /// A proposal on which votes are taken.
    pub(crate) fn voting(id: ProposalId) -> Result<ProposalOf<T>, Error<T>> {
        let proposal = Proposals::<T>::get(id).ok_or(Error::<T>::NoProposal)?;
        ensure!(Self::now() <= proposal.ends_at, Error::<T>::VotingOver);
        Ok(proposal)
    }

    pub(crate) fn do_vote(who: &T::AccountId, id: ProposalId, brain: BrainId, aye: bool) -> DispatchResult {
        let mut proposal = Self::voting(id)?;
        ensure!(
            T::Brains::owner(brain).as_ref() == Some(who),
            Error::<T>::NotBrainOwner
        );
        let before = Electorates::<T>::try_mutate(id, |seats| {
            let at = seats.binary_search_by_key(&brain, |seat| seat.brain).ok();
            let seat = at
                .and_then(|at| seats.get_mut(at))
                .ok_or(Error::<T>::NotEligible)?;
            let before = seat.aye.replace(aye);
            ensure!(before != Some(aye), Error::<T>::SameVote);
            Ok::<_, Error<T>>(before)
        })?;
        let tally = |sum: u32, side: bool| {
            let sum = if before == Some(side) {
                sum.checked_sub(1)?
            } else {
                sum
            };
            sum.checked_add(u32::from(aye == side))
        };
        proposal.ayes = tally(proposal.ayes, true).ok_or(Error::<T>::Overflow)?;
        proposal.nays = tally(proposal.nays, false).ok_or(Error::<T>::Overflow)?;
        Proposals::<T>::insert(id, proposal);
        Self::deposit_event(Event::Voted { id, brain, aye });
        Ok(())
    }

    pub(crate) fn do_close(id: ProposalId) -> DispatchResult {
        let mut proposal = Proposals::<T>::get(id).ok_or(Error::<T>::NoProposal)?;
        ensure!(Self::now() > proposal.ends_at, Error::<T>::VotingOpen);
        if !proposal.votes().passes() {
            let forfeited = Self::settle(id, &proposal)?;
            Self::deposit_event(Event::Rejected { id, forfeited });
            return Ok(());
        }
        if proposal.is_sent_back() {
            proposal.sent_back = true;
            Self::open_round(id, &mut proposal)?;
            Self::deposit_event(Event::SentBack {
                id,
                by_default: proposal.by_default,
                eligible: proposal.eligible,
                ends_at: proposal.ends_at,
            });
            Proposals::<T>::insert(id, proposal);
            return Ok(());
        }
        let enacted_at = Self::schedule(id, &proposal)?;
        Self::settle(id, &proposal)?;
        Self::deposit_event(Event::Passed { id, enacted_at });
        Ok(())
    }

    /// Hands a proposal to the scheduler and returns the block in which it runs.
    fn schedule(id: ProposalId, proposal: &ProposalOf<T>) -> Result<BlockNumber, DispatchError> {
        let enacted_at = Self::now()
            .checked_add(Self::times(proposal.track).enactment)
            .ok_or(Error::<T>::Overflow)?;
        let origin: PalletsOriginOf<T> = match proposal.track {
            Track::Root => RawOrigin::Root.into(),
            Track::Parameters => T::RuntimeOrigin::from(Origin::Parameters).into_caller(),
        };
        T::Scheduler::schedule_named(
            Self::task_name(id),
            DispatchTime::At(enacted_at.into()),
            None,
            HARD_DEADLINE,
            origin,
            proposal.call.clone(),
        )?;
        Ok(enacted_at)
    }

    /// Forgets a closed proposal and returns what of its deposit was forfeited; the rest is free again.
    fn settle(id: ProposalId, proposal: &ProposalOf<T>) -> Result<Balance, DispatchError> {
        Proposals::<T>::remove(id);
        Electorates::<T>::remove(id);
        Open::<T>::mutate(|open| open.retain(|(other, _)| *other != id));
        T::Preimages::drop(&proposal.call);
        let (reason, who) = (HoldReason::Proposal.into(), &proposal.account);
        if proposal.votes().is_voted_down() {
            return T::Currency::transfer_on_hold(
                &reason,
                who,
                &T::Treasury::get(),
                proposal.deposit,
                Precision::BestEffort,
                Restriction::Free,
                Fortitude::Force,
            );
        }
        T::Currency::release(&reason, who, proposal.deposit, Precision::BestEffort)?;
        Ok(0)
    }
}
