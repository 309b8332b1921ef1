use based_pallet_forecasts::{Call, Error};
use based_primitives::{
    constants::PPB,
    forecasts::{commitment, BrainForecast, EmissionController, Forecast},
    BrainId,
};
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{Bob, Charlie, Eve};

use super::{account, case, make, pass, By, Case};
use crate::{time::CYCLE_BLOCKS, Forecasts, Runtime, System};

type E = Error<Runtime>;

const BOB: By = By::Signed(Bob);

fn commit(brain: BrainId) -> Call<Runtime> {
    let hash = H256::repeat_byte(1);
    Call::commit_forecast { brain, hash }
}

fn forecast(brains: &[(BrainId, u32)]) -> Forecast {
    let brain = |(brain, performance): &(BrainId, u32)| BrainForecast {
        brain: *brain,
        performance: *performance,
    };
    Forecast {
        quantiles: [[i64::MIN, 0, i64::MAX]; 6],
        brains: brains.iter().map(brain).collect::<Vec<_>>().try_into().unwrap(),
    }
}

fn reveal(brains: &[(BrainId, u32)], salt: u8) -> Call<Runtime> {
    let forecast = forecast(brains);
    let salt = [salt; 32];
    Call::reveal_forecast { forecast, salt }
}

/// Commits Bob, in the first cycle.
fn committed(forecast: &Forecast) {
    assert!(System::block_number() < CYCLE_BLOCKS);
    let hash = commitment(0, &account(Bob), &[5; 32], &[1; 32], forecast);
    make(BOB, Call::commit_forecast { brain: 7, hash });
}

/// Goes to a block of the second cycle.
fn go_to(block: u32) {
    pass(CYCLE_BLOCKS + block - System::block_number());
}

/// A forecast that nobody may reveal although it was committed to.
fn unsound(forecast: Forecast, error: Error<Runtime>) -> Case {
    let salt = [1; 32];
    let call = Call::reveal_forecast {
        forecast: forecast.clone(),
        salt,
    };
    case(By::Signed(Charlie), commit(7))
        .after(move || {
            committed(&forecast);
            go_to(0);
        })
        .refuses_by(BOB, call, error)
}

fn rounds() -> Vec<Case> {
    let crossed = |quantiles| {
        let mut forecast = forecast(&[]);
        forecast.quantiles[5] = quantiles;
        unsound(forecast, E::CrossedQuantiles)
    };
    let brains = |brains: &[(BrainId, u32)]| unsound(forecast(brains), E::InvalidBrains);
    vec![
        case(BOB, commit(7))
            .refuses(commit(8), E::NotValidator)
            .refuses(commit(1_024), E::NotValidator)
            .refuses(commit(BrainId::MAX), E::NotValidator)
            .refuses_by(By::Signed(Eve), commit(7), E::NotValidator)
            .again(E::AlreadyCommitted),
        case(BOB, reveal(&[(8, PPB as u32)], 1))
            .early(E::NotCommitted)
            .after(|| {
                committed(&forecast(&[(8, PPB as u32)]));
                go_to(0);
            })
            .refuses(reveal(&[(8, PPB as u32)], 2), E::WrongReveal)
            .refuses(reveal(&[(8, 0)], 1), E::WrongReveal)
            .refuses(reveal(&[], 1), E::WrongReveal)
            .refuses_by(By::Signed(Charlie), reveal(&[], 1), E::NotCommitted)
            .again(E::NotCommitted),
        crossed([1, 0, 0]),
        crossed([0, 1, 0]),
        crossed([i64::MAX, i64::MIN, i64::MAX]),
        brains(&[(8, PPB as u32 + 1)]),
        brains(&[(8, u32::MAX - 1)]),
        brains(&[(8, u32::MAX)]),
        brains(&[(1_024, 1)]),
        brains(&[(BrainId::MAX, 1)]),
        brains(&[(8, 1), (8, 1)]),
        brains(&[(9, 1), (8, 1)]),
        unsound(forecast(&[(7, 1)]), E::OwnBrain),
        case(By::Signed(Charlie), commit(7))
            .after(|| committed(&forecast(&[])))
            .refuses_by(BOB, reveal(&[], 1), E::TooEarly),
        case(By::Signed(Charlie), commit(7))
            .after(|| {
                committed(&forecast(&[]));
                go_to(Forecasts::reveal_blocks());
            })
            .refuses_by(BOB, reveal(&[], 1), E::TooLate),
    ]
}

fn parameters() -> Vec<Case> {
    let beta = |ppb| Call::<Runtime>::set_beta_override { ppb };
    let model = |byte| Call::<Runtime>::set_model {
        model: H256::repeat_byte(byte),
    };
    vec![
        // In the first year forecasts weigh nothing, of which nothing can be taken.
        case(By::Root, beta(Some(0)))
            .refuses(beta(Some(1)), E::AboveSchedule)
            .refuses(beta(Some(PPB)), E::AboveSchedule)
            .refuses(beta(Some(u64::MAX - 1)), E::AboveSchedule)
            .refuses(beta(Some(u64::MAX)), E::AboveSchedule),
        // Any version may be named.
        case(By::Root, Call::set_feature_set { version: u32::MAX }),
        case(By::Root, model(1)).again(E::SameModel),
        case(By::Root, Call::roll_back_model {})
            .early(E::NoPreviousModel)
            .after(|| {
                for byte in [1, 2] {
                    let model = H256::repeat_byte(byte);
                    make(By::Root, Call::set_model { model });
                }
            })
            .refuses(model(2), E::SameModel),
        case(
            By::Root,
            Call::set_controller {
                controller: EmissionController::FixedRule,
            },
        )
        .refuses(
            Call::set_controller {
                controller: EmissionController::Enforcer,
            },
            E::ScheduleUnfinished,
        ),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = rounds();
    cases.extend(parameters());
    cases
}
