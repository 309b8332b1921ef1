//! Staking, claims of emission, and candidates for writing blocks, who need stake.

use based_pallet_authorities as authorities;
use based_pallet_emission as emission;
use based_pallet_staking::{Backing, Call, Error, PositionCounts, MAX_POSITIONS};
use based_primitives::{
    constants::{BASED, MAX_TAKE_PPB, MIN_STAKE},
    traits::StakeRewards,
    Balance, BlockNumber, BrainId,
};
use frame_support::traits::{fungible::Mutate, tokens::Preservation};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie, Dave, Eve, Ferdie, One, Two};
use sp_runtime::TokenError;

use super::{account, case, make, pass, By, Case};
use crate::{
    time::{CYCLE_BLOCKS, SLASH_WINDOW},
    Balances, Emission, Runtime, Staking,
};

type E = Error<Runtime>;

const EVE: By = By::Signed(Eve);

fn stake(brain: BrainId, validator: Option<Sr25519Keyring>, amount: Balance) -> Call<Runtime> {
    Call::stake {
        brain,
        validator: validator.map(account),
        amount,
    }
}

fn unstake(brain: BrainId, validator: Option<Sr25519Keyring>, amount: Balance) -> Call<Runtime> {
    Call::unstake {
        brain,
        validator: validator.map(account),
        amount,
    }
}

fn claim(brain: BrainId, validator: Option<Sr25519Keyring>) -> Call<Runtime> {
    Call::claim {
        brain,
        validator: validator.map(account),
    }
}

fn take(brain: BrainId, take_ppb: u64) -> Call<Runtime> {
    Call::set_take { brain, take_ppb }
}

fn withdraw_leaving(validator: Sr25519Keyring, cycle: BlockNumber) -> Call<Runtime> {
    Call::withdraw_leaving {
        validator: account(validator),
        cycle,
    }
}

fn settle(staker: Sr25519Keyring, brain: BrainId, validator: Sr25519Keyring) -> Call<Runtime> {
    Call::settle_slash {
        staker: account(staker),
        brain,
        validator: account(validator),
    }
}

/// Rewards Eve's stake behind Bob as an epoch does.
fn reward() {
    let accepted = Staking::deposit(7, Some(&account(Bob)), BASED);
    let rewards = <Staking as StakeRewards<_>>::account();
    Balances::transfer(&account(Alice), &rewards, accepted, Preservation::Preserve).unwrap();
}

fn stakes() -> Vec<Case> {
    vec![
        case(EVE, stake(7, None, MIN_STAKE))
            .refuses(stake(7, None, 0), E::ZeroAmount)
            .refuses(stake(7, None, 1), E::BelowMinimumStake)
            .refuses(stake(7, None, MIN_STAKE - 1), E::BelowMinimumStake)
            .refuses(stake(7, None, Balance::MAX - 1), TokenError::FundsUnavailable)
            .refuses(stake(7, Some(Bob), Balance::MAX), TokenError::FundsUnavailable)
            .refuses(stake(5, None, BASED), E::BrainNotOpen)
            .refuses(stake(1_024, None, BASED), E::BrainNotOpen)
            .refuses(stake(7, Some(Ferdie), BASED), E::NotValidator)
            .refuses(stake(8, Some(Bob), BASED), E::NotValidator)
            .refuses_by(
                By::Signed(One),
                stake(7, None, BASED),
                TokenError::FundsUnavailable,
            ),
        case(EVE, stake(7, Some(Bob), BASED))
            .after(|| PositionCounts::<Runtime>::insert(account(Eve), MAX_POSITIONS))
            .refuses(stake(8, None, BASED), E::TooManyPositions),
        case(EVE, unstake(7, Some(Bob), 300 * BASED - MIN_STAKE))
            .refuses(unstake(7, Some(Bob), 0), E::ZeroAmount)
            .refuses(unstake(7, Some(Bob), 300 * BASED - 1), E::BelowMinimumStake)
            .refuses(unstake(7, Some(Bob), 300 * BASED + 1), E::InsufficientStake)
            .refuses(unstake(7, Some(Bob), Balance::MAX - 1), E::InsufficientStake)
            .refuses(unstake(7, Some(Bob), Balance::MAX), E::InsufficientStake)
            .refuses(unstake(7, None, BASED), E::NoPosition)
            .refuses(unstake(1_024, None, 1), E::NoPosition)
            .again(E::InsufficientStake),
        case(By::Signed(Ferdie), Call::withdraw {})
            .early(E::NothingToWithdraw)
            .after(|| {
                make(By::Signed(Ferdie), unstake(7, None, 100 * BASED));
                pass(CYCLE_BLOCKS);
            })
            .refuses_by(EVE, Call::withdraw {}, E::NothingToWithdraw)
            .refuses_by(By::Signed(One), Call::withdraw {}, E::NothingToWithdraw)
            .again(E::NothingToWithdraw),
        case(EVE, claim(7, Some(Bob)))
            .early(E::NothingToClaim)
            .after(reward)
            .refuses(claim(7, None), E::NoPosition)
            .refuses(claim(1_024, None), E::NoPosition)
            .refuses(claim(7, Some(Charlie)), E::NothingToClaim)
            .again(E::NothingToClaim),
        case(By::Signed(Bob), take(7, MAX_TAKE_PPB))
            .refuses(take(7, MAX_TAKE_PPB + 1), E::TakeTooLarge)
            .refuses(take(7, u64::MAX - 1), E::TakeTooLarge)
            .refuses(take(7, u64::MAX), E::TakeTooLarge)
            .refuses(take(8, 0), E::NotValidator)
            .refuses(take(1_024, 1), E::NotValidator)
            .refuses_by(EVE, take(7, 0), E::NotValidator),
        case(EVE, withdraw_leaving(Bob, 0))
            .early(E::NothingToWithdraw)
            .after(|| {
                make(EVE, unstake(7, Some(Bob), 100 * BASED));
                pass(SLASH_WINDOW);
            })
            .refuses(withdraw_leaving(Charlie, 0), E::NothingToWithdraw)
            .refuses(withdraw_leaving(Bob, 1), E::NothingToWithdraw)
            .refuses(withdraw_leaving(Bob, BlockNumber::MAX), E::NothingToWithdraw)
            .refuses_by(By::Signed(Bob), withdraw_leaving(Bob, 0), E::NothingToWithdraw)
            .again(E::NothingToWithdraw),
        case(EVE, unstake(7, Some(Bob), BASED))
            .after(|| make(EVE, unstake(7, Some(Bob), 100 * BASED)))
            // Not before the window ends.
            .refuses(withdraw_leaving(Bob, 0), E::NothingToWithdraw),
        case(By::Signed(One), settle(Eve, 7, Bob))
            .refuses(settle(One, 7, Bob), E::NoPosition)
            .refuses(settle(Eve, 8, Bob), E::NoPosition)
            .refuses(settle(Eve, BrainId::MAX, Bob), E::NoPosition),
    ]
}

fn rewards() -> Vec<Case> {
    let claim = |who| emission::Call::<Runtime>::claim {
        account: account(who),
    };
    let nothing = emission::Error::<Runtime>::NothingToClaim;
    vec![case(By::Signed(One), claim(Alice))
        .early(emission::Error::<Runtime>::NothingToClaim)
        .after(|| {
            assert!(Balances::free_balance(Emission::pot()) > BASED);
            emission::Pending::<Runtime>::insert(account(Alice), BASED);
            emission::Pending::<Runtime>::insert(account(Two), 1);
        })
        .refuses(claim(One), emission::Error::<Runtime>::NothingToClaim)
        // Too little to open an account with.
        .refuses(claim(Two), TokenError::BelowMinimum)
        .again(nothing)]
}

fn candidates() -> Vec<Case> {
    use authorities::{Bar, Barred, Call, Error as A};
    type E = A<Runtime>;
    let opt_in = |brain| Call::<Runtime>::opt_in { brain };
    vec![
        case(By::Signed(Charlie), opt_in(7))
            .after(|| {
                pallet_session::NextKeys::<Runtime>::remove(account(Alice));
                Backing::<Runtime>::insert(account(Ferdie), 1_000 * BASED - 1);
                let (reported_at, part) = (1, 1);
                Barred::<Runtime>::insert(account(Bob), Bar { reported_at, part });
            })
            .refuses(opt_in(8), E::NotValidator)
            .refuses(opt_in(BrainId::MAX), E::NotValidator)
            .refuses_by(EVE, opt_in(7), E::NotValidator)
            .refuses_by(By::Signed(Alice), opt_in(2), E::NoSessionKeys)
            .refuses_by(By::Signed(Ferdie), opt_in(9), E::BackingTooSmall)
            .refuses_by(By::Signed(Dave), opt_in(7), E::AlreadyRunning)
            .refuses_by(By::Signed(Bob), opt_in(7), E::Barred)
            .again(E::AlreadyRunning),
        case(By::Signed(Dave), Call::opt_out {})
            .refuses_by(EVE, Call::opt_out {}, E::NotRunning)
            .refuses_by(By::Signed(Charlie), Call::opt_out {}, E::NotRunning)
            .again(E::NotRunning),
        case(By::Signed(Dave), Call::withdraw_bond {})
            .early(E::StillRunning)
            .after(|| make(By::Signed(Dave), Call::opt_out {}))
            .refuses_by(EVE, Call::withdraw_bond {}, E::NoOperator)
            .refuses_by(By::Signed(Alice), Call::withdraw_bond {}, E::StillExposed)
            .again(E::NoOperator),
    ]
}

pub fn cases() -> Vec<Case> {
    let mut cases = stakes();
    cases.extend(rewards());
    cases.extend(candidates());
    cases
}
