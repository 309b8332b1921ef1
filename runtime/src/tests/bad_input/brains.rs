use based_pallet_brains::{AuditStatus, Call, Error};
use based_primitives::{
    constants::{OWNER_VESTING_BLOCKS, PEPECOIN, PPB},
    Balance, BrainId, BrainKind, Domain, Task,
};
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Ferdie, One};
use sp_runtime::TokenError;

use super::{account, case, make, pass, By, Case};
use crate::{Brains, Runtime};

type E = Error<Runtime>;

/// The first number that no Brain can have.
const BEYOND: BrainId = 1_024;
const ALICE: By = By::Signed(Alice);

fn issue(brain: Option<BrainId>, kind: BrainKind) -> Call<Runtime> {
    let owner = account(One);
    Call::issue { brain, owner, kind }
}

fn acquire(brain: Option<BrainId>, kind: BrainKind, max_price: Balance) -> Call<Runtime> {
    Call::acquire {
        brain,
        kind,
        max_price,
    }
}

fn transfer(brain: BrainId, to: Sr25519Keyring) -> Call<Runtime> {
    let to = account(to);
    Call::transfer { brain, to }
}

fn task() -> Task {
    Task {
        manifest: H256::repeat_byte(1),
        repository: b"https://example.org/a".to_vec().try_into().unwrap(),
        commit: [1; 20],
        zk: true,
    }
}

fn set_task(brain: BrainId, change: fn(&mut Task)) -> Call<Runtime> {
    let mut task = task();
    change(&mut task);
    Call::set_task { brain, task }
}

fn set_name(brain: BrainId, name: &[u8]) -> Call<Runtime> {
    let name = name.to_vec().try_into().unwrap();
    Call::set_name { brain, name }
}

fn domain(name: &str) -> Option<Domain> {
    Some(name.as_bytes().to_vec().try_into().unwrap())
}

fn set_domains(brain: BrainId, bns: &str, ens: &str) -> Call<Runtime> {
    let (bns, ens) = (domain(bns), domain(ens));
    Call::set_domains { brain, bns, ens }
}

fn prove_ens(brain: BrainId, owner: Sr25519Keyring, ens: &str) -> Call<Runtime> {
    let (owner, ens) = (account(owner), domain(ens).unwrap());
    Call::prove_ens { brain, owner, ens }
}

fn terms(brain: BrainId, miner_share_ppb: u64, owner_commission_ppb: u64) -> Call<Runtime> {
    Call::set_terms {
        brain,
        miner_share_ppb,
        owner_commission_ppb,
    }
}

fn redistribution(brain: BrainId, to_miners_ppb: u64, to_validators_ppb: u64) -> Call<Runtime> {
    Call::set_redistribution {
        brain,
        to_miners_ppb,
        to_validators_ppb,
    }
}

fn reassign(brain: BrainId, owner: Sr25519Keyring) -> Call<Runtime> {
    let owner = account(owner);
    Call::reassign { brain, owner }
}

fn audit(brain: BrainId, task: H256) -> Call<Runtime> {
    let status = AuditStatus::Passed;
    Call::record_audit { brain, task, status }
}

fn set_allowed(brain: BrainId, who: Sr25519Keyring, allowed: bool) -> Call<Runtime> {
    let account = account(who);
    Call::set_allowed {
        brain,
        account,
        allowed,
    }
}

/// Issue, purchase, transfer and closing.
fn ownership() -> Vec<Case> {
    let (burned, staked) = (BrainKind::Burned, BrainKind::Staked);
    // Three are burned already.
    let price = 1_600 * PEPECOIN;
    let issue_case = |case: Case, make: fn(Option<BrainId>) -> Call<Runtime>| {
        case.refuses(make(Some(BEYOND)), E::InvalidNumber)
            .refuses(make(Some(BrainId::MAX)), E::InvalidNumber)
            .refuses(make(Some(0)), E::AdministrativeNumber)
            .refuses(make(Some(47)), E::AdministrativeNumber)
            .refuses(make(Some(7)), E::NumberTaken)
    };
    vec![
        issue_case(case(By::BridgeOrRoot, issue(Some(1_023), burned)), |brain| {
            issue(brain, BrainKind::Burned)
        })
        .refuses(issue(None, BrainKind::Administrative), E::AdministrativeKind)
        .again(E::NumberTaken),
        issue_case(case(By::Root, issue(None, staked)), |brain| {
            issue(brain, BrainKind::Staked)
        }),
        issue_case(
            case(By::Signed(Bob), acquire(Some(1_023), burned, price)),
            |brain| acquire(brain, BrainKind::Burned, Balance::MAX),
        )
        .refuses(
            acquire(None, BrainKind::Administrative, Balance::MAX),
            E::AdministrativeKind,
        )
        .refuses(acquire(None, burned, 0), E::PriceTooHigh)
        .refuses(acquire(None, burned, 1), E::PriceTooHigh)
        .refuses(acquire(None, burned, price - 1), E::PriceTooHigh)
        .refuses(acquire(None, staked, price), E::PriceTooHigh)
        .refuses_by(
            By::Signed(One),
            acquire(None, staked, Balance::MAX - 1),
            TokenError::FundsUnavailable,
        )
        .again(E::PriceTooHigh),
        case(By::Signed(Bob), transfer(8, Charlie))
            .refuses(transfer(BEYOND, Charlie), E::UnknownBrain)
            .refuses(transfer(7, Charlie), E::NotOwner)
            .refuses(transfer(8, Bob), E::AlreadyOwner)
            .refuses_by(ALICE, transfer(2, Bob), E::AdministrativeBrain)
            .refuses_by(By::Signed(Charlie), transfer(9, Bob), E::StakedBrain)
            .refuses_by(By::Signed(Dave), transfer(10, Bob), E::FollowsToken)
            .again(E::NotOwner),
        case(By::Signed(Charlie), Call::deactivate { brain: 9 })
            .early(E::TooEarly)
            .after(|| pass(OWNER_VESTING_BLOCKS))
            .refuses(Call::deactivate { brain: BEYOND }, E::UnknownBrain)
            .refuses(Call::deactivate { brain: 7 }, E::NotOwner)
            .refuses_by(ALICE, Call::deactivate { brain: 9 }, E::NotOwner)
            .refuses_by(ALICE, Call::deactivate { brain: 7 }, E::PermanentBrain)
            .refuses_by(
                By::Signed(Ferdie),
                Call::deactivate { brain: 11 },
                E::StakedElsewhere,
            )
            .again(E::UnknownBrain)
            .then(By::Root, issue(Some(9), burned), E::NumberClosing),
        case(By::Bridge, reassign(10, One))
            .refuses(reassign(BEYOND, One), E::UnknownBrain)
            .refuses(reassign(8, One), E::NoToken)
            .refuses(reassign(10, Dave), E::AlreadyOwner)
            .refuses(reassign(11, One), E::StakedBrain)
            .again(E::AlreadyOwner),
        case(By::Bridge, Call::close { brain: 11 })
            .refuses(Call::close { brain: BEYOND }, E::UnknownBrain)
            .refuses(Call::close { brain: 7 }, E::PermanentBrain)
            .refuses(Call::close { brain: 9 }, E::StakedHere)
            .again(E::UnknownBrain),
        // Any account may be appointed.
        case(By::Root, Call::set_bridge { account: None }).then(
            By::Bridge,
            Call::close { brain: 11 },
            sp_runtime::DispatchError::BadOrigin,
        ),
    ]
}

/// What owners set.
fn settings() -> Vec<Case> {
    let unknown_or_not_owned = |case: Case, make: fn(BrainId) -> Call<Runtime>| {
        case.refuses(make(BEYOND), E::UnknownBrain)
            .refuses(make(BrainId::MAX), E::UnknownBrain)
            .refuses(make(8), E::NotOwner)
            .refuses_by(By::Signed(Bob), make(7), E::NotOwner)
    };
    let most = u64::MAX;
    vec![
        unknown_or_not_owned(case(ALICE, set_task(7, |_| ())), |brain| set_task(brain, |_| ()))
            .refuses(
                set_task(7, |task| task.manifest = H256::zero()),
                E::MissingManifest,
            )
            .refuses(set_task(7, |task| task.commit = [0; 20]), E::MissingCommit)
            .refuses(
                set_task(7, |task| task.repository = Default::default()),
                E::InvalidRepository,
            )
            .refuses(
                set_task(7, |task| {
                    task.repository = b"http://a".to_vec().try_into().unwrap()
                }),
                E::InvalidRepository,
            ),
        unknown_or_not_owned(case(ALICE, set_name(7, b"n")), |brain| set_name(brain, b"n"))
            .refuses(set_name(7, b"\n"), E::InvalidName)
            .refuses(set_name(7, b"\xff"), E::InvalidName),
        unknown_or_not_owned(
            case(
                ALICE,
                Call::set_reward_account {
                    brain: 7,
                    account: Some(account(One)),
                },
            ),
            |brain| Call::set_reward_account { brain, account: None },
        ),
        unknown_or_not_owned(case(ALICE, terms(7, PPB, 0)), |brain| terms(brain, 0, PPB))
            .refuses(terms(7, PPB + 1, 0), E::RatioTooLarge)
            .refuses(terms(7, 0, PPB + 1), E::RatioTooLarge)
            .refuses(terms(7, most, 1), E::RatioTooLarge)
            .refuses(terms(7, 1, most - 1), E::RatioTooLarge),
        unknown_or_not_owned(case(ALICE, redistribution(7, PPB - 1, 1)), |brain| {
            redistribution(brain, 0, PPB)
        })
        .refuses(redistribution(7, PPB, 1), E::RatioTooLarge)
        .refuses(redistribution(7, 0, PPB + 1), E::RatioTooLarge)
        .refuses(redistribution(7, most, 1), E::RatioTooLarge)
        .refuses(redistribution(7, most, most), E::RatioTooLarge),
        unknown_or_not_owned(case(ALICE, set_domains(7, "abc", "a.eth")), |brain| {
            set_domains(brain, "abc", "a.eth")
        })
        .refuses(set_domains(7, "ab", "a.eth"), E::InvalidDomain)
        .refuses(set_domains(7, "", "a.eth"), E::InvalidDomain)
        .refuses(set_domains(7, "-abc", "a.eth"), E::InvalidDomain)
        .refuses(set_domains(7, "Abc", "a.eth"), E::InvalidDomain)
        .refuses(set_domains(7, "abc", "eth"), E::InvalidDomain)
        .refuses(set_domains(7, "abc", "a..eth"), E::InvalidDomain)
        .then(By::Signed(Bob), set_domains(8, "abc", "b.eth"), E::DomainTaken),
        case(By::Bridge, prove_ens(7, Alice, "a.eth"))
            .early(E::UnknownEns)
            .after(|| make(ALICE, set_domains(7, "abc", "a.eth")))
            .refuses(prove_ens(BEYOND, Alice, "a.eth"), E::UnknownBrain)
            .refuses(prove_ens(7, Bob, "a.eth"), E::NotOwner)
            .refuses(prove_ens(7, Alice, "b.eth"), E::UnknownEns),
        unknown_or_not_owned(
            case(
                ALICE,
                Call::set_template {
                    brain: 7,
                    template: Some(u16::MAX),
                },
            ),
            |brain| Call::set_template {
                brain,
                template: Some(0),
            },
        ),
        case(By::Root, audit(8, Brains::task_hash(&task())))
            .early(E::UnknownTask)
            .after(|| make(By::Signed(Bob), set_task(8, |_| ())))
            .refuses(audit(BEYOND, H256::zero()), E::UnknownBrain)
            .refuses(audit(8, H256::zero()), E::UnknownTask)
            .refuses(audit(8, H256::repeat_byte(0xff)), E::UnknownTask),
        unknown_or_not_owned(
            case(
                ALICE,
                Call::set_admission {
                    brain: 7,
                    restricted: true,
                },
            ),
            |brain| Call::set_admission {
                brain,
                restricted: false,
            },
        ),
        unknown_or_not_owned(case(ALICE, set_allowed(7, One, true)), |brain| {
            set_allowed(brain, One, true)
        })
        .refuses(set_allowed(7, One, false), E::NotAllowed)
        .again(E::AlreadyAllowed),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = ownership();
    cases.extend(settings());
    cases
}
