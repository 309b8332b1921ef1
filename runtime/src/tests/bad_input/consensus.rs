use based_pallet_consensus::{Call, CrossEdge, Error};
use based_primitives::{weights_commitment, BrainId, Edges, Uid};
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Eve};

use super::{account, case, make, pass, By, Case};
use crate::{
    time::{CYCLE_BLOCKS, REVEAL_DELAY, WEIGHTS_INTERVAL},
    Runtime, System,
};

type E = Error<Runtime>;

const BOB: By = By::Signed(Bob);
const ROW: [(Uid, u16); 2] = [(3, 1), (4, u16::MAX)];

fn commit(brain: BrainId, byte: u8) -> Call<Runtime> {
    let hash = H256::repeat_byte(byte);
    Call::commit_weights { brain, hash }
}

fn reveal(brain: BrainId, row: &[(Uid, u16)], salt: u8) -> Call<Runtime> {
    Call::reveal_weights {
        brain,
        row: Edges::truncate_from(row.to_vec()),
        salt: [salt; 32],
    }
}

/// Commits Bob to the row, and lets so many cycles pass.
fn committed(cycles: u32) {
    let hash = weights_commitment(&System::block_hash(0), 7, &account(Bob), &ROW, &[1; 32]);
    make(BOB, Call::commit_weights { brain: 7, hash });
    pass(cycles * CYCLE_BLOCKS);
}

fn edges(brain: BrainId, edges: &[(BrainId, Uid, u16)]) -> Call<Runtime> {
    let edge = |(brain, uid, weight): &(BrainId, Uid, u16)| CrossEdge {
        brain: *brain,
        uid: *uid,
        weight: *weight,
    };
    let edges = edges.iter().map(edge).collect::<Vec<_>>().try_into().unwrap();
    Call::set_cross_edges { brain, edges }
}

/// What every call of validators asks for.
fn of_validators(case: Case, make: fn(BrainId) -> Call<Runtime>) -> Case {
    case.refuses(make(5), E::BrainNotOpen)
        .refuses(make(1_024), E::BrainNotOpen)
        .refuses(make(BrainId::MAX), E::BrainNotOpen)
        .refuses(make(8), E::NotMemorized)
        .refuses_by(By::Signed(Eve), make(7), E::NotValidator)
        .refuses_by(By::Signed(Alice), make(7), E::NotValidator)
}

pub fn cases() -> Vec<Case> {
    vec![
        of_validators(case(BOB, commit(7, 1)), |brain| commit(brain, 1)).again(E::TooSoon),
        case(BOB, commit(7, 2))
            .after(|| {
                make(BOB, commit(7, 1));
                pass(WEIGHTS_INTERVAL);
            })
            .refuses(commit(7, 1), E::AlreadyCommitted),
        case(BOB, commit(7, 8))
            .after(|| {
                for byte in 1..8 {
                    make(BOB, commit(7, byte));
                    pass(WEIGHTS_INTERVAL);
                }
            })
            .again(E::TooSoon),
        // Eight are pending; another validator is not concerned.
        case(By::Signed(Charlie), commit(7, 9))
            .after(|| {
                for byte in 1..9 {
                    make(BOB, commit(7, byte));
                    pass(WEIGHTS_INTERVAL);
                }
            })
            .refuses_by(BOB, commit(7, 9), E::TooManyCommits),
        of_validators(case(BOB, reveal(7, &ROW, 1)), |brain| reveal(brain, &ROW, 1))
            .early(E::NotCommitted)
            .after(|| committed(REVEAL_DELAY))
            .refuses(reveal(7, &ROW, 2), E::NotCommitted)
            .refuses(reveal(7, &[(3, 1), (4, 1)], 1), E::NotCommitted)
            .refuses(reveal(7, &[], 1), E::ZeroSum)
            .refuses(reveal(7, &[(3, 0), (4, 0)], 1), E::ZeroSum)
            .refuses(reveal(7, &[(4, 1), (3, 1)], 1), E::NotAscending)
            .refuses(reveal(7, &[(3, 1), (3, 1)], 1), E::NotAscending)
            .refuses(reveal(7, &[(0, 1), (3, 1)], 1), E::SelfWeight)
            .refuses(reveal(7, &[(3, 1), (2_048, 1)], 1), E::UnknownPeer)
            .refuses(reveal(7, &[(3, 1), (Uid::MAX, 1)], 1), E::UnknownPeer)
            .again(E::NotCommitted),
        case(BOB, commit(7, 1))
            .after(|| committed(REVEAL_DELAY - 1))
            .refuses(reveal(7, &ROW, 1), E::TooEarly),
        case(BOB, commit(7, 1))
            .after(|| committed(REVEAL_DELAY + 1))
            .refuses(reveal(7, &ROW, 1), E::TooLate),
        of_validators(case(BOB, edges(7, &[(8, 1, 1), (8, 2, u16::MAX)])), |brain| {
            edges(brain, &[(9, 0, 1)])
        })
        .refuses(edges(7, &[(7, 3, 1)]), E::OwnBrain)
        .refuses(edges(7, &[(8, 1, 0)]), E::ZeroSum)
        .refuses(edges(7, &[(8, 3, 1)]), E::UnknownPeer)
        .refuses(edges(7, &[(8, Uid::MAX, 1)]), E::UnknownPeer)
        .refuses(edges(7, &[(BrainId::MAX, 0, 1)]), E::UnknownPeer)
        .refuses(edges(7, &[(8, 2, 1), (8, 1, 1)]), E::NotAscending)
        .refuses(edges(7, &[(8, 1, 1), (8, 1, 1)]), E::NotAscending)
        .again(E::TooSoon),
    ]
}
