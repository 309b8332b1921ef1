//! The schedule of beta and what governance may change.

use based_primitives::{
    constants::PPB,
    forecasts::{EmissionController, Parameters},
    traits::ForecastInspect,
};
use frame_support::{assert_noop, assert_ok, traits::Hooks};
use sp_core::H256;
use sp_runtime::DispatchError;

use crate::{mock::*, Error, NextParameters, ParametersInForce};

fn beta() -> u64 {
    <Forecasts as ForecastInspect<u64>>::beta()
}

fn root() -> RuntimeOrigin {
    RuntimeOrigin::root()
}

fn in_force() -> Parameters {
    ParametersInForce::<Test>::get()
}

#[test]
fn beta_follows_its_schedule() {
    build_and_execute(|| {
        let vectors = [
            (199, 0),
            (200, 0),
            (300, 450_000_000),
            (399, 895_500_000),
            (400, PPB),
        ];
        for (height, expected) in vectors {
            run_to(height);
            assert_eq!(beta(), expected, "block {height}");
        }
    });
}

#[test]
fn an_override_lowers_beta_from_the_next_cycle_on_and_can_be_lifted() {
    build_and_execute(|| {
        run_to(310);
        assert_ok!(Forecasts::set_beta_override(root(), Some(100_000_000)));
        run_to(319);
        assert!(beta() > 450_000_000);
        // The first block of a cycle finds them from its beginning, before this pallet's turn.
        Forecasts::on_finalize(319);
        System::set_block_number(320);
        assert_eq!(beta(), 100_000_000);
        Forecasts::on_initialize(320);
        assert_eq!(beta(), 100_000_000);
        System::assert_has_event(
            crate::Event::ParametersInForce {
                parameters: in_force(),
            }
            .into(),
        );
        assert_ok!(Forecasts::set_beta_override(root(), None));
        run_to(339);
        assert_eq!(beta(), 100_000_000);
        next_block();
        assert_eq!(beta(), 630_000_000);
    });
}

#[test]
fn an_override_only_lowers() {
    build_and_execute(|| {
        assert_noop!(
            Forecasts::set_beta_override(root(), Some(1)),
            Error::<Test>::AboveSchedule
        );
        assert_ok!(Forecasts::set_beta_override(root(), Some(0)));
        run_to(310);
        // The next cycle begins in block 320, at 540,000,000.
        assert_noop!(
            Forecasts::set_beta_override(root(), Some(540_000_001)),
            Error::<Test>::AboveSchedule
        );
        assert_ok!(Forecasts::set_beta_override(root(), Some(540_000_000)));
        run_to(400);
        assert_eq!(beta(), 540_000_000);
    });
}

#[test]
fn models_change_and_are_rolled_back_from_the_next_cycle_on() {
    build_and_execute(|| {
        let (one, two) = (H256([1; 32]), H256([2; 32]));
        assert_noop!(Forecasts::roll_back_model(root()), Error::<Test>::NoPreviousModel);
        assert_ok!(Forecasts::set_model(root(), one));
        run_to_slot(1, 0);
        assert_eq!((in_force().model, in_force().previous_model), (Some(one), None));
        assert_noop!(Forecasts::set_model(root(), one), Error::<Test>::SameModel);
        assert_noop!(Forecasts::roll_back_model(root()), Error::<Test>::NoPreviousModel);
        assert_ok!(Forecasts::set_model(root(), two));
        run_to_slot(2, 0);
        assert_eq!(
            (in_force().model, in_force().previous_model),
            (Some(two), Some(one))
        );
        assert_ok!(Forecasts::roll_back_model(root()));
        run_to_slot(2, CYCLE - 1);
        assert_eq!(in_force().model, Some(two));
        next_block();
        assert_eq!(
            (in_force().model, in_force().previous_model),
            (Some(one), Some(two))
        );
    });
}

#[test]
fn changes_of_one_cycle_add_up() {
    build_and_execute(|| {
        assert_ok!(Forecasts::set_feature_set(root(), 3));
        assert_ok!(Forecasts::set_model(root(), H256([1; 32])));
        assert_ok!(Forecasts::set_beta_override(root(), Some(0)));
        assert_eq!(in_force(), Parameters::default());
        let status = Forecasts::status();
        run_to_slot(1, 0);
        assert_eq!(status.next_parameters, Some(in_force()));
        assert_eq!(in_force().feature_set, 3);
        assert_eq!(in_force().beta_override, Some(0));
        assert!(NextParameters::<Test>::get().is_none());
    });
}

#[test]
fn the_enforcer_takes_over_once_its_schedule_is_complete() {
    build_and_execute(|| {
        let enforcer = EmissionController::Enforcer;
        run_to(379);
        assert_noop!(
            Forecasts::set_controller(root(), enforcer),
            Error::<Test>::ScheduleUnfinished
        );
        next_block();
        assert_ok!(Forecasts::set_controller(root(), enforcer));
        assert_eq!(in_force().controller, EmissionController::FixedRule);
        run_to(400);
        assert_eq!(in_force().controller, enforcer);
        assert_ok!(Forecasts::set_controller(root(), EmissionController::FixedRule));
        run_to(420);
        assert_eq!(in_force().controller, EmissionController::FixedRule);
    });
}

#[test]
fn only_governance_changes_parameters() {
    build_and_execute(|| {
        let signed = || RuntimeOrigin::signed(1);
        let refused = DispatchError::BadOrigin;
        assert_noop!(Forecasts::set_beta_override(signed(), Some(0)), refused);
        assert_noop!(Forecasts::set_feature_set(signed(), 1), refused);
        assert_noop!(Forecasts::set_model(signed(), H256([1; 32])), refused);
        assert_noop!(Forecasts::roll_back_model(signed()), refused);
        let controller = EmissionController::FixedRule;
        assert_noop!(Forecasts::set_controller(signed(), controller), refused);
    });
}
