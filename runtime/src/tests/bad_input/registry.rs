use based_pallet_registry::{Call, Error};
use based_primitives::{
    constants::DEFAULT_REGISTRATION_FEE, Balance, BrainId, ComputeKey, Endpoint, IpAddress, ResourceKind,
    Resources, Role,
};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Eve, One};
use sp_runtime::{ArithmeticError, TokenError};

use super::{case, make, By, Case};
use crate::Runtime;

type E = Error<Runtime>;

const EVE: By = By::Signed(Eve);

/// A registration, changed in one thing.
fn memorize(
    brain: BrainId,
    max_fee: Balance,
    change: fn(&mut Endpoint, &mut ComputeKey, &mut Resources),
) -> Call<Runtime> {
    let mut endpoint = endpoint(1);
    let mut computekey = [5; 32];
    let mut resources = Resources {
        kind: ResourceKind::Cpu,
        storage_mib: 1,
    };
    change(&mut endpoint, &mut computekey, &mut resources);
    Call::memorize {
        brain,
        role: Role::Miner,
        endpoint,
        computekey,
        resources,
        max_fee,
    }
}

fn endpoint(port: u16) -> Endpoint {
    let ip = IpAddress::V4([8, 8, 4, 4]);
    Endpoint { ip, port }
}

fn update(brain: BrainId, port: u16, computekey: ComputeKey) -> Call<Runtime> {
    Call::update_endpoint {
        brain,
        endpoint: endpoint(port),
        computekey,
    }
}

fn leave(brain: BrainId) -> Call<Runtime> {
    Call::leave { brain }
}

pub fn cases() -> Vec<Case> {
    let owner = |case: Case, make: fn(BrainId) -> Call<Runtime>| {
        case.refuses(make(8), E::NotOwner)
            .refuses(make(1_024), E::NotOwner)
            .refuses(make(BrainId::MAX), E::NotOwner)
            .refuses_by(By::Signed(Bob), make(7), E::NotOwner)
    };
    vec![
        case(EVE, memorize(2, 0, |_, _, _| ()))
            .after(|| {
                let closed = based_pallet_brains::Call::set_admission {
                    brain: 3,
                    restricted: true,
                };
                make(By::Signed(Alice), closed);
            })
            .refuses(memorize(5, Balance::MAX, |_, _, _| ()), E::BrainNotOpen)
            .refuses(memorize(1_024, Balance::MAX, |_, _, _| ()), E::BrainNotOpen)
            .refuses(memorize(7, Balance::MAX, |_, _, _| ()), E::AlreadyMemorized)
            .refuses(memorize(3, Balance::MAX, |_, _, _| ()), E::NotAdmitted)
            .refuses(
                memorize(2, Balance::MAX, |_, _, resources| resources.storage_mib = 0),
                E::NoStorage,
            )
            .refuses(
                memorize(2, Balance::MAX, |endpoint, _, _| endpoint.port = 0),
                E::InvalidPort,
            )
            .refuses(
                memorize(2, Balance::MAX, |_, key, _| *key = [0; 32]),
                E::InvalidComputeKey,
            )
            .refuses(memorize(0, 0, |_, _, _| ()), E::FeeTooHigh)
            .refuses(memorize(0, 1, |_, _, _| ()), E::FeeTooHigh)
            .refuses(
                memorize(0, DEFAULT_REGISTRATION_FEE - 1, |_, _, _| ()),
                E::FeeTooHigh,
            )
            .refuses_by(
                By::Signed(One),
                memorize(0, Balance::MAX - 1, |_, _, _| ()),
                TokenError::FundsUnavailable,
            )
            .refuses_by(
                By::Signed(One),
                memorize(2, Balance::MAX, |_, _, _| ()),
                TokenError::FundsUnavailable,
            )
            .again(E::AlreadyMemorized),
        case(EVE, update(7, u16::MAX, [0xff; 32]))
            .refuses(update(7, 0, [1; 32]), E::InvalidPort)
            .refuses(update(7, 1, [0; 32]), E::InvalidComputeKey)
            .refuses(update(2, 1, [1; 32]), E::NotMemorized)
            .refuses(update(1_024, 1, [1; 32]), E::NotMemorized)
            .again(E::TooSoon),
        case(EVE, leave(7))
            .refuses(leave(2), E::NotMemorized)
            .refuses(leave(1_024), E::NotMemorized)
            .again(E::NotMemorized),
        owner(
            case(
                By::Signed(Alice),
                Call::set_fee {
                    brain: 7,
                    fee: Balance::MAX,
                },
            ),
            |brain| Call::set_fee { brain, fee: 0 },
        )
        // A fee that nobody has keeps everybody out, and breaks nothing.
        .then(
            By::Signed(sp_keyring::Sr25519Keyring::Two),
            memorize(7, Balance::MAX, |_, _, _| ()),
            ArithmeticError::Underflow,
        ),
        owner(
            case(
                By::Signed(Alice),
                Call::set_pruning {
                    brain: 7,
                    enabled: true,
                },
            ),
            |brain| Call::set_pruning {
                brain,
                enabled: false,
            },
        ),
    ]
}
