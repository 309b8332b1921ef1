//! Over any sequence of calls: deposits and frozen Pepecoin are accounted for, tallies are what a recount gives, and
//! whoever waits gets everything back that was not forfeited.

use std::collections::BTreeMap;

use based_primitives::{constants::BASED, Balance, BrainId};
use frame_support::traits::fungible::Inspect;
use proptest::prelude::*;
use sp_runtime::DispatchResult;

use crate::{mock::*, Ballots, Electorates, Event, HoldReason, Open, ProposalId, Proposals, Proposer, Track};

#[derive(Clone, Debug)]
enum Step {
    Propose(u64, Proposer, Track),
    Vote(u64, ProposalId, BrainId, bool),
    Pepecoin(u64, ProposalId, bool, Balance),
    Close(ProposalId),
    CloseAll,
    Release(u64),
    Brake(u64, BrainId),
    Give(BrainId, u64),
    Stake(BrainId, Balance),
    Send(u64, u64, Balance),
    Blocks(u32),
    NextYear,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || proptest::sample::select(&ACCOUNTS[..]);
    let brain = || 10u16..16;
    let id = || 0u32..24;
    let proposer = prop_oneof![
        2 => Just(Proposer::Labs),
        3 => brain().prop_map(Proposer::GigaBrain),
        1 => Just(Proposer::Enforcer),
    ];
    let track = prop_oneof![Just(Track::Root), Just(Track::Parameters)];
    let amount = || prop_oneof![0..2 * PEPE, PEPE..FUNDS, Just(PEPE), Just(FUNDS), Just(u128::MAX),];
    prop_oneof![
        6 => (who(), proposer, track).prop_map(|(who, by, track)| Step::Propose(who, by, track)),
        10 => (who(), id(), brain(), any::<bool>()).prop_map(|(w, i, b, a)| Step::Vote(w, i, b, a)),
        10 => (who(), id(), any::<bool>(), amount()).prop_map(|(w, i, a, n)| Step::Pepecoin(w, i, a, n)),
        2 => id().prop_map(Step::Close),
        3 => Just(Step::CloseAll),
        4 => who().prop_map(Step::Release),
        1 => (who(), brain()).prop_map(|(who, brain)| Step::Brake(who, brain)),
        1 => (brain(), who()).prop_map(|(brain, who)| Step::Give(brain, who)),
        1 => (brain(), 0..3 * BASED).prop_map(|(brain, stake)| Step::Stake(brain, stake)),
        3 => (who(), who(), amount()).prop_map(|(from, to, amount)| Step::Send(from, to, amount)),
        4 => (1u32..40).prop_map(Step::Blocks),
        1 => Just(Step::NextYear),
    ]
}

/// What the chain should have counted, kept apart from it.
#[derive(Default)]
struct Recount {
    brains: BTreeMap<(ProposalId, BrainId), bool>,
    pepecoin: BTreeMap<(ProposalId, u64), (bool, Balance)>,
    forfeited: Balance,
}

impl Recount {
    fn check(&self) {
        for (id, proposal) in Proposals::<Test>::iter() {
            let brains = |side| {
                let of = self
                    .brains
                    .iter()
                    .filter(|((of, _), aye)| *of == id && **aye == side);
                of.count() as u32
            };
            assert_eq!((proposal.ayes, proposal.nays), (brains(true), brains(false)));
            let pepecoin = |side| {
                let of = self
                    .pepecoin
                    .iter()
                    .filter(|((of, _), (aye, _))| *of == id && *aye == side);
                of.map(|(_, (_, amount))| amount).sum::<Balance>()
            };
            assert_eq!(
                (proposal.pepecoin_ayes, proposal.pepecoin_nays),
                (pepecoin(true), pepecoin(false))
            );
        }
        for who in ACCOUNTS {
            let proposed = Proposals::<Test>::iter_values().filter(|proposal| proposal.account == who);
            assert_eq!(
                held(HoldReason::Proposal, who),
                proposed.count() as Balance * DEPOSIT
            );
            let open = self
                .pepecoin
                .iter()
                .filter(|((id, of), _)| *of == who && Proposals::<Test>::contains_key(id));
            let largest = open.map(|(_, (_, amount))| *amount).max().unwrap_or_default();
            assert!(frozen(who) >= largest, "a ballot on an open proposal is free");
            assert!(frozen(who) <= <Pepecoin as Inspect<u64>>::balance(&who));
        }
        assert_eq!(Balances::free_balance(TREASURY), self.forfeited);
    }
}

/// Calls that fail must change nothing.
fn call(call: impl FnOnce() -> DispatchResult) -> bool {
    let root = || sp_io::storage::root(sp_runtime::StateVersion::V1);
    let before = root();
    let done = frame_support::storage::with_storage_layer(call).is_ok();
    assert!(done || root() == before, "a call that fails changes nothing");
    done
}

fn close_one(recount: &mut Recount, id: ProposalId) {
    if !call(|| close(id)) {
        return;
    }
    match last_event() {
        Event::SentBack { id, .. } => recount.brains.retain(|(of, _), _| *of != id),
        Event::Rejected { forfeited, .. } => recount.forfeited += forfeited,
        _ => {}
    }
    assert_eq!(
        Proposals::<Test>::contains_key(id),
        Electorates::<Test>::contains_key(id)
    );
}

fn apply(recount: &mut Recount, step: &Step) {
    match *step {
        Step::Propose(who, proposer, track) => {
            let proposed = match track {
                Track::Root => root_call(),
                Track::Parameters => parameter_call(),
            };
            call(|| try_propose(who, proposer, track, proposed));
        }
        Step::Vote(who, id, brain, aye) => {
            if call(|| vote(who, id, brain, aye)) {
                recount.brains.insert((id, brain), aye);
            }
        }
        Step::Pepecoin(who, id, aye, amount) => {
            if call(|| vote_with_pepecoin(who, id, aye, amount)) {
                recount.pepecoin.insert((id, who), (aye, amount));
            }
        }
        Step::Close(id) => close_one(recount, id),
        Step::CloseAll => {
            for (id, _) in Open::<Test>::get() {
                close_one(recount, id);
            }
        }
        Step::Release(who) => {
            call(|| release(who));
        }
        Step::Brake(who, brain) => {
            call(|| pull_brake(who, brain));
        }
        Step::Give(brain, who) => {
            Owners::mutate(|owners| owners.insert(brain, who));
        }
        Step::Stake(brain, stake) => {
            Stakes::mutate(|stakes| stakes.insert(brain, stake));
        }
        Step::Send(from, to, amount) => {
            let dest = to;
            call(|| Pepecoin::transfer_allow_death(RuntimeOrigin::signed(from), dest, amount));
        }
        Step::Blocks(count) => run_to(now() + count),
        Step::NextYear => skip_to(now().max(YEAR - 60)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deposits_ballots_and_tallies_are_conserved(steps in proptest::collection::vec(step(), 40..50)) {
        build_and_execute(|| {
            giga_brains(&[ALICE, BOB, CAROL, CAROL, STRANGER, LABS]);
            let mut recount = Recount::default();
            for step in &steps {
                apply(&mut recount, step);
                recount.check();
                if let Err(broken) = Governance::do_try_state() {
                    panic!("{broken:?} after {step:?}");
                }
            }
            // Two rounds of voting later everything can be closed, and everybody gets back what is theirs.
            for _ in 0..2 {
                run_to(now() + ROOT.voting);
                apply(&mut recount, &Step::CloseAll);
            }
            assert!(Open::<Test>::get().is_empty() && Electorates::<Test>::iter().next().is_none());
            for who in ACCOUNTS {
                apply(&mut recount, &Step::Release(who));
                assert_eq!(frozen(who), 0);
                let held = held(HoldReason::Proposal, who) + held(HoldReason::Ballots, who);
                assert_eq!(held, 0);
            }
            assert!(Ballots::<Test>::iter().next().is_none());
            let free: Balance = ACCOUNTS.iter().map(Balances::free_balance).sum();
            assert_eq!(free + recount.forfeited, ACCOUNTS.len() as Balance * FUNDS);
        });
    }
}

#[test]
fn the_invariants_notice_a_damaged_state() {
    build_and_execute(|| {
        giga_brains(&[ALICE, BOB]);
        let id = labs_propose();
        vote(ALICE, id, 10, true).unwrap();
        vote_with_pepecoin(BOB, id, true, 5 * PEPE).unwrap();
        let change = |change: fn(&mut crate::ProposalOf<Test>)| {
            Proposals::<Test>::mutate(id, |proposal| change(proposal.as_mut().unwrap()));
        };
        let damages: [&dyn Fn(); 12] = [
            &|| change(|proposal| proposal.ayes += 1),
            &|| change(|proposal| proposal.nays += 1),
            &|| change(|proposal| proposal.eligible += 1),
            &|| change(|proposal| proposal.pepecoin_ayes += 1),
            &|| change(|proposal| proposal.pepecoin_nays += 1),
            &|| change(|proposal| proposal.deposit += 1),
            &|| change(|proposal| proposal.proposer = Proposer::Enforcer),
            &|| Ballots::<Test>::remove(BOB),
            &|| Electorates::<Test>::remove(id),
            &|| Open::<Test>::kill(),
            &|| crate::GigaBrains::<Test>::kill(),
            &|| crate::StakeHistories::<Test>::remove(10),
        ];
        for (index, damage) in damages.into_iter().enumerate() {
            let noticed = frame_support::storage::with_transaction(|| {
                damage();
                let outcome = Ok::<_, sp_runtime::DispatchError>(Governance::do_try_state().is_err());
                frame_support::storage::TransactionOutcome::Rollback(outcome)
            });
            assert_eq!(noticed, Ok(true), "damage {index}");
        }
    });
}
