//! What passed runs later, with what its track allows (F.2-4).

use frame_support::{assert_ok, traits::EnsureOrigin};
use pallet_scheduler::Agenda;
use sp_runtime::DispatchError;

use crate::{mock::*, EnsureGovernance, EnsureLabs, Event, Origin, Proposer, Track};

fn dispatched() -> Option<Result<(), DispatchError>> {
    System::events()
        .into_iter()
        .find_map(|record| match record.event {
            RuntimeEvent::Scheduler(pallet_scheduler::Event::Dispatched { result, .. }) => Some(result),
            _ => None,
        })
}

#[test]
fn what_passed_runs_as_root_after_its_delay() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let announced = now();
        let id = labs_propose();
        run_and_close(id);
        let closed = now();
        run_to(closed + ROOT.enactment - 1);
        assert!(!root_call_ran());
        next_block();
        assert!(root_call_ran());
        assert!(now() - announced >= MinimumNotice::get());
    });
}

#[test]
fn on_the_track_of_parameters_a_call_runs_sooner_but_not_as_root() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = propose(LABS, Proposer::Labs, Track::Parameters);
        assert_eq!(proposal(id).ends_at, now() + PARAMETERS.voting - 1);
        run_and_close(id);
        assert_eq!(
            last_event(),
            Event::Passed {
                id,
                enacted_at: now() + PARAMETERS.enactment
            }
        );
        run_to(now() + PARAMETERS.enactment);
        assert_eq!(dispatched(), Some(Ok(())));
        assert!(parameter_call_ran());
    });
}

#[test]
fn no_call_that_takes_root_runs_on_the_track_of_parameters() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let calls: [RuntimeCall; 4] = [
            frame_system::Call::set_code { code: vec![0; 8] }.into(),
            frame_system::Call::set_storage { items: vec![] }.into(),
            pallet_balances::Call::<Test>::force_transfer {
                source: BOB,
                dest: ALICE,
                value: 1,
            }
            .into(),
            pallet_balances::Call::<Test>::transfer_allow_death {
                dest: ALICE,
                value: 1,
            }
            .into(),
        ];
        for call in calls {
            let id = crate::NextId::<Test>::get();
            assert_ok!(try_propose(
                LABS,
                Proposer::Labs,
                Track::Parameters,
                bounded(call)
            ));
            run_and_close(id);
            System::reset_events();
            run_to(now() + PARAMETERS.enactment);
            assert_eq!(dispatched(), Some(Err(DispatchError::BadOrigin)));
        }
    });
}

#[test]
fn origins_are_told_apart() {
    build_and_execute(|| {
        let governance = |origin: RuntimeOrigin| EnsureGovernance::<Test>::ensure_origin(origin).is_ok();
        assert!(governance(Origin::Parameters.into()));
        assert!(!governance(RuntimeOrigin::root()));
        assert!(!governance(RuntimeOrigin::signed(LABS)));
        let labs = |origin: RuntimeOrigin| EnsureLabs::<Test>::ensure_origin(origin).ok();
        assert_eq!(labs(RuntimeOrigin::signed(LABS)), Some(LABS));
        assert_eq!(labs(RuntimeOrigin::signed(ALICE)), None);
        assert_eq!(labs(RuntimeOrigin::root()), None);
        assert_eq!(labs(Origin::Parameters.into()), None);
        skip_to(YEAR + 1);
        assert_eq!(labs(RuntimeOrigin::signed(LABS)), None);
    });
}

#[test]
fn a_rejected_proposal_never_runs() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        assert_ok!(vote(ALICE, id, 10, false));
        run_and_close(id);
        assert!(Agenda::<Test>::iter().next().is_none());
        run_to(now() + 2 * ROOT.enactment);
        assert!(!root_call_ran());
    });
}

#[test]
fn with_a_full_agenda_closing_waits_for_another_block() {
    build_and_execute(|| {
        giga_brains(&[ALICE]);
        let id = labs_propose();
        run_to(proposal(id).ends_at + 1);
        for _ in 0..AGENDA {
            assert_ok!(Scheduler::schedule(
                RuntimeOrigin::root(),
                (now() + ROOT.enactment).into(),
                None,
                0,
                Box::new(frame_system::Call::remark { remark: vec![] }.into()),
            ));
        }
        let closed = frame_support::storage::with_storage_layer(|| close(id));
        assert!(closed.is_err());
        assert!(proposal(id).votes().passes());
        next_block();
        assert_ok!(close(id));
        run_to(now() + ROOT.enactment);
        assert!(root_call_ran());
    });
}
