//! The house of Pepecoin: ballots and what they freeze.

use based_primitives::{constants::MAX_PROPOSALS, Balance};
use frame_support::{
    ensure,
    traits::{
        fungible::{InspectFreeze, MutateFreeze, MutateHold},
        tokens::{Fortitude, Precision},
        ConstU32, Get,
    },
    BoundedVec,
};
use sp_runtime::{DispatchError, DispatchResult};

use crate::{
    types::{Ballot, Proposal, ProposalId},
    Ballots, Config, Error, Event, FreezeReason, HoldReason, Pallet, Proposals,
};

type BallotList = BoundedVec<Ballot, ConstU32<MAX_PROPOSALS>>;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_vote_with_pepecoin(
        who: T::AccountId,
        id: ProposalId,
        aye: bool,
        amount: Balance,
    ) -> DispatchResult {
        let mut proposal = Self::voting(id)?;
        ensure!(!proposal.sent_back, Error::<T>::AlreadySentBack);
        ensure!(amount >= T::MinimumBallot::get(), Error::<T>::BallotTooSmall);
        ensure!(
            T::Pepecoin::balance_freezable(&who) >= amount,
            Error::<T>::InsufficientPepecoin
        );
        let stored = Ballots::<T>::get(&who);
        let is_new = stored.is_empty();
        let mut ballots = Self::open_ballots(stored);
        let ballot = Ballot {
            proposal: id,
            aye,
            amount,
        };
        match ballots.binary_search_by_key(&id, |ballot| ballot.proposal) {
            Ok(at) => {
                let slot = ballots.get_mut(at).ok_or(Error::<T>::Overflow)?;
                ensure!(*slot != ballot, Error::<T>::SameVote);
                uncount(&mut proposal, slot).ok_or(Error::<T>::Overflow)?;
                *slot = ballot;
            }
            Err(at) => ballots
                .try_insert(at, ballot)
                .map_err(|_| Error::<T>::TooManyBallots)?,
        }
        count(&mut proposal, &ballot).ok_or(Error::<T>::Overflow)?;
        Proposals::<T>::insert(id, proposal);
        if is_new {
            T::Currency::hold(&HoldReason::Ballots.into(), &who, T::BallotDeposit::get())?;
        }
        Self::freeze(&who, &ballots)?;
        Ballots::<T>::insert(&who, ballots);
        Self::deposit_event(Event::PepecoinVoted {
            id,
            account: who,
            aye,
            amount,
        });
        Ok(())
    }

    pub(crate) fn do_release(who: T::AccountId) -> DispatchResult {
        let stored = Ballots::<T>::get(&who);
        let before = stored.len();
        let ballots = Self::open_ballots(stored);
        ensure!(ballots.len() < before, Error::<T>::NothingToRelease);
        let frozen = Self::freeze(&who, &ballots)?;
        if ballots.is_empty() {
            Ballots::<T>::remove(&who);
            T::Currency::release(
                &HoldReason::Ballots.into(),
                &who,
                T::BallotDeposit::get(),
                Precision::BestEffort,
            )?;
        } else {
            Ballots::<T>::insert(&who, ballots);
        }
        Self::deposit_event(Event::Released { account: who, frozen });
        Ok(())
    }

    /// Those on open proposals.
    fn open_ballots(mut ballots: BallotList) -> BallotList {
        ballots.retain(|ballot| Proposals::<T>::contains_key(ballot.proposal));
        ballots
    }

    /// Freezes as much as the largest ballot, and says how much that is.
    fn freeze(who: &T::AccountId, ballots: &BallotList) -> Result<Balance, DispatchError> {
        let largest = largest(ballots);
        // The new ballot was checked; older ones are frozen already.
        T::Pepecoin::set_frozen(&FreezeReason::Vote.into(), who, largest, Fortitude::Force)?;
        Ok(largest)
    }
}

/// Amount of the largest ballot, 0 of none.
pub(crate) fn largest(ballots: &[Ballot]) -> Balance {
    ballots
        .iter()
        .map(|ballot| ballot.amount)
        .max()
        .unwrap_or_default()
}

fn side<AccountId, Call>(proposal: &mut Proposal<AccountId, Call>, aye: bool) -> &mut Balance {
    if aye {
        &mut proposal.pepecoin_ayes
    } else {
        &mut proposal.pepecoin_nays
    }
}

fn count<AccountId, Call>(proposal: &mut Proposal<AccountId, Call>, ballot: &Ballot) -> Option<()> {
    let side = side(proposal, ballot.aye);
    *side = side.checked_add(ballot.amount)?;
    Some(())
}

fn uncount<AccountId, Call>(proposal: &mut Proposal<AccountId, Call>, ballot: &Ballot) -> Option<()> {
    let side = side(proposal, ballot.aye);
    *side = side.checked_sub(ballot.amount)?;
    Some(())
}
