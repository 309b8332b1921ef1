//! The invariants named in the pallet's header.

use alloc::collections::BTreeMap;

use based_primitives::Balance;
use codec::Encode;
use frame_support::{
    ensure,
    traits::{
        fungible::{InspectFreeze, InspectHold},
        Get,
    },
};
use sp_runtime::TryRuntimeError;

use crate::{
    pepecoin::largest, types::ProposalOf, Ballots, BrakeCalls, Config, Electorates, FreezeReason, GigaBrains,
    HoldReason, NextId, Open, Pallet, ProposalId, Proposals, StakeHistories,
};

const OVERFLOW: TryRuntimeError = TryRuntimeError::Other("a sum overflows");

impl<T: Config> Pallet<T> {
    /// Checks the invariants named in the pallet's header.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::try_state_brains()?;
        Self::try_state_open()?;
        let pepecoin = Self::try_state_ballots()?;
        let mut deposits = BTreeMap::<_, (T::AccountId, Balance)>::new();
        for (id, proposal) in Proposals::<T>::iter() {
            let (ayes, nays) = pepecoin.get(&id).copied().unwrap_or_default();
            ensure!(
                (proposal.pepecoin_ayes, proposal.pepecoin_nays) == (ayes, nays),
                "Pepecoin is miscounted"
            );
            Self::try_state_proposal(id, &proposal)?;
            let account = proposal.account;
            let sum = deposits.entry(account.encode()).or_insert((account, 0));
            sum.1 = sum.1.checked_add(proposal.deposit).ok_or(OVERFLOW)?;
        }
        for (account, deposits) in deposits.into_values() {
            let held = T::Currency::balance_on_hold(&HoldReason::Proposal.into(), &account);
            ensure!(held == deposits, "held funds differ from deposits of proposals");
        }
        Ok(())
    }

    fn try_state_brains() -> Result<(), TryRuntimeError> {
        let listed = GigaBrains::<T>::get();
        ensure!(is_ascending(&listed), "GigaBrains must ascend");
        let mut found = 0usize;
        for (brain, history) in StakeHistories::<T>::iter() {
            let giga = history.is_giga();
            ensure!(
                listed.binary_search(&brain).is_ok() == giga,
                "the list of GigaBrains and the samples disagree"
            );
            found = found.saturating_add(usize::from(giga));
        }
        ensure!(found == listed.len(), "a GigaBrain has no samples");
        ensure!(
            is_ascending(&BrakeCalls::<T>::get().brains),
            "calls for the brake must ascend"
        );
        Ok(())
    }

    fn try_state_open() -> Result<(), TryRuntimeError> {
        let open = Open::<T>::get();
        let ids: alloc::vec::Vec<ProposalId> = open.iter().map(|(id, _)| *id).collect();
        ensure!(is_ascending(&ids), "open proposals must ascend");
        ensure!(
            Proposals::<T>::iter().count() == open.len() && Electorates::<T>::iter().count() == open.len(),
            "open proposals are miscounted"
        );
        for (id, proposer) in &open {
            let proposal = Proposals::<T>::get(id).ok_or("an open proposal is missing")?;
            ensure!(proposal.proposer == *proposer, "an open proposal is another's");
            ensure!(*id < NextId::<T>::get(), "a proposal has a number not given yet");
            let alike = open.iter().filter(|(_, other)| other.is_like(proposer));
            ensure!(
                alike.count() <= proposer.quota() as usize,
                "too many proposals of a kind"
            );
        }
        Ok(())
    }

    fn try_state_proposal(id: ProposalId, proposal: &ProposalOf<T>) -> Result<(), TryRuntimeError> {
        let seats = Electorates::<T>::get(id);
        let brains: alloc::vec::Vec<_> = seats.iter().map(|seat| seat.brain).collect();
        ensure!(is_ascending(&brains), "an electorate must ascend");
        let count = |side| seats.iter().filter(|seat| seat.aye == Some(side)).count();
        ensure!(
            proposal.eligible as usize == seats.len()
                && proposal.ayes as usize == count(true)
                && proposal.nays as usize == count(false),
            "votes are miscounted"
        );
        Ok(())
    }

    /// Checks ballots against what is frozen and held; returns what is for and against each proposal.
    fn try_state_ballots() -> Result<BTreeMap<ProposalId, (Balance, Balance)>, TryRuntimeError> {
        let mut sums = BTreeMap::<ProposalId, (Balance, Balance)>::new();
        for (who, ballots) in Ballots::<T>::iter() {
            ensure!(!ballots.is_empty(), "an empty record of ballots is stored");
            let ids: alloc::vec::Vec<_> = ballots.iter().map(|ballot| ballot.proposal).collect();
            ensure!(is_ascending(&ids), "ballots must ascend");
            ensure!(
                T::Pepecoin::balance_frozen(&FreezeReason::Vote.into(), &who) == largest(&ballots),
                "frozen Pepecoin differs from the largest ballot"
            );
            ensure!(
                T::Currency::balance_on_hold(&HoldReason::Ballots.into(), &who) == T::BallotDeposit::get(),
                "the deposit of a record of ballots is not held"
            );
            for ballot in &ballots {
                ensure!(
                    ballot.amount >= T::MinimumBallot::get(),
                    "a ballot is below the minimum"
                );
                let (ayes, nays) = sums.entry(ballot.proposal).or_default();
                let side = if ballot.aye { ayes } else { nays };
                *side = side.checked_add(ballot.amount).ok_or(OVERFLOW)?;
            }
        }
        Ok(sums)
    }
}

fn is_ascending<N: PartialOrd>(numbers: &[N]) -> bool {
    numbers.iter().zip(numbers.iter().skip(1)).all(|(a, b)| a < b)
}
