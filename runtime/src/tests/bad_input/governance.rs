use based_pallet_governance::{
    BoundedCallOf, Call, Error, GigaBrains, ProposalId, Proposals, Proposer, Track,
};
use based_primitives::{
    constants::{ENFORCER_BRAIN, MAX_LABS_PROPOSALS, PEPECOIN, PPB},
    Balance, BrainId,
};
use codec::Encode;
use frame_support::traits::Bounded;
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, One};

use super::{account, case, make, pass, By, Case};
use crate::{time, Runtime, RuntimeCall};

type E = Error<Runtime>;

const ALICE: By = By::Signed(Alice);
const BOB: By = By::Signed(Bob);

fn inline() -> BoundedCallOf<Runtime> {
    let call: RuntimeCall = based_pallet_forecasts::Call::set_feature_set { version: 2 }.into();
    Bounded::Inline(call.encode().try_into().unwrap())
}

fn propose(proposer: Proposer, call: BoundedCallOf<Runtime>) -> Call<Runtime> {
    Call::propose {
        proposer,
        track: Track::Parameters,
        call,
    }
}

fn unknown(length: u32) -> BoundedCallOf<Runtime> {
    let (hash, len) = (H256::repeat_byte(7), length);
    Bounded::Lookup { hash, len }
}

fn vote(id: ProposalId, brain: BrainId) -> Call<Runtime> {
    let aye = true;
    Call::vote { id, brain, aye }
}

fn ballot(id: ProposalId, amount: Balance) -> Call<Runtime> {
    let aye = true;
    Call::vote_with_pepecoin { id, aye, amount }
}

fn close(id: ProposalId) -> Call<Runtime> {
    Call::close { id }
}

/// Makes the demonstration's Brain and two more GigaBrains.
fn giga() {
    GigaBrains::<Runtime>::put(frame_support::BoundedVec::truncate_from(vec![7, 8, 9]));
}

/// Opens the proposal 0 of Based Labs.
fn proposed() {
    giga();
    make(ALICE, propose(Proposer::Labs, inline()));
    assert!(Proposals::<Runtime>::contains_key(0));
}

fn proposals() -> Vec<Case> {
    let decodes_to_nothing = Bounded::Inline(vec![0xff; 8].try_into().unwrap());
    let hash = H256::repeat_byte(7);
    vec![
        case(ALICE, propose(Proposer::Labs, inline()))
            .after(giga)
            .refuses(propose(Proposer::GigaBrain(2), inline()), E::NotGigaBrain)
            .refuses(propose(Proposer::GigaBrain(8), inline()), E::NotBrainOwner)
            .refuses(propose(Proposer::GigaBrain(1_024), inline()), E::NotBrainOwner)
            .refuses(propose(Proposer::Enforcer, inline()), E::NotEnforcer)
            .refuses(propose(Proposer::Labs, decodes_to_nothing), E::InvalidCall)
            .refuses(
                propose(Proposer::Labs, Bounded::Inline(Default::default())),
                E::InvalidCall,
            )
            .refuses(propose(Proposer::Labs, unknown(0)), E::PreimageMissing)
            .refuses(propose(Proposer::Labs, unknown(200)), E::PreimageMissing)
            .refuses(
                propose(
                    Proposer::Labs,
                    Bounded::Legacy {
                        hash,
                        dummy: Default::default(),
                    },
                ),
                E::PreimageMissing,
            )
            .refuses_by(BOB, propose(Proposer::Labs, inline()), E::NotLabs)
            .refuses_by(BOB, propose(Proposer::GigaBrain(7), inline()), E::NotBrainOwner),
        case(BOB, propose(Proposer::GigaBrain(8), inline()))
            .after(|| {
                giga();
                for _ in 0..MAX_LABS_PROPOSALS {
                    make(ALICE, propose(Proposer::Labs, inline()));
                }
            })
            .refuses_by(ALICE, propose(Proposer::Labs, inline()), E::TooManyProposals)
            .again(E::OneProposalPerBrain),
        case(ALICE, propose(Proposer::Enforcer, inline()))
            .early(E::NotEnforcer)
            .after(|| {
                let (value, round) = (PPB as u32, 0);
                let record = based_pallet_forecasts::AccuracyRecord { value, round };
                based_pallet_forecasts::Accuracies::<Runtime>::insert(account(Alice), record);
                assert_eq!(ENFORCER_BRAIN, 2);
            })
            .refuses(
                Call::propose {
                    proposer: Proposer::Enforcer,
                    track: Track::Root,
                    call: inline(),
                },
                E::ParametersOnly,
            )
            .again(E::TooManyProposals),
        case(ALICE, propose(Proposer::GigaBrain(7), inline()))
            .after(|| {
                giga();
                pass(time::YEAR_ONE);
            })
            .refuses(propose(Proposer::Labs, inline()), E::NotLabs),
        case(By::Signed(One), close(0))
            .early(E::NoProposal)
            .after(|| {
                proposed();
                pass(time::PARAMETER_VOTING);
            })
            .refuses(close(1), E::NoProposal)
            .refuses(close(ProposalId::MAX), E::NoProposal)
            .refuses_by(ALICE, vote(0, 7), E::VotingOver)
            .refuses_by(BOB, ballot(0, PEPECOIN), E::VotingOver)
            .again(E::NoProposal),
    ]
}

fn votes() -> Vec<Case> {
    vec![
        case(ALICE, vote(0, 7))
            .early(E::NoProposal)
            .after(proposed)
            .refuses(vote(1, 7), E::NoProposal)
            .refuses(vote(ProposalId::MAX, 7), E::NoProposal)
            .refuses(vote(0, 8), E::NotBrainOwner)
            .refuses(vote(0, 1_024), E::NotBrainOwner)
            .refuses(vote(0, 2), E::NotEligible)
            .refuses(close(0), E::VotingOpen)
            .refuses_by(BOB, vote(0, 7), E::NotBrainOwner)
            .again(E::SameVote),
        case(BOB, ballot(0, PEPECOIN))
            .early(E::NoProposal)
            .after(proposed)
            .refuses(ballot(0, 0), E::BallotTooSmall)
            .refuses(ballot(0, 1), E::BallotTooSmall)
            .refuses(ballot(0, PEPECOIN - 1), E::BallotTooSmall)
            .refuses(ballot(0, Balance::MAX - 1), E::InsufficientPepecoin)
            .refuses(ballot(0, Balance::MAX), E::InsufficientPepecoin)
            .refuses(ballot(1, PEPECOIN), E::NoProposal)
            .refuses_by(By::Signed(One), ballot(0, PEPECOIN), E::InsufficientPepecoin)
            .again(E::SameVote),
        case(
            By::Signed(One),
            Call::release {
                account: account(Bob),
            },
        )
        .early(E::NothingToRelease)
        .after(|| {
            proposed();
            make(BOB, ballot(0, PEPECOIN));
            pass(time::PARAMETER_VOTING);
            make(BOB, close(0));
        })
        .refuses(
            Call::release {
                account: account(Charlie),
            },
            E::NothingToRelease,
        )
        .again(E::NothingToRelease),
        case(ALICE, Call::pull_brake { brain: 7 })
            .early(E::NotGigaBrain)
            .after(giga)
            .refuses(Call::pull_brake { brain: 2 }, E::NotGigaBrain)
            .refuses(Call::pull_brake { brain: 8 }, E::NotBrainOwner)
            .refuses(Call::pull_brake { brain: 1_024 }, E::NotBrainOwner)
            .refuses_by(BOB, Call::pull_brake { brain: 7 }, E::NotBrainOwner)
            .again(E::AlreadyCalled),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = proposals();
    cases.extend(votes());
    cases
}
