use based_pallet_compute::{Call, Error, NextId};
use based_primitives::{
    constants::BASED,
    payments::{SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    Balance, BlockNumber, BrainId, PriceList, Purpose, SpendingAccountId,
};
use frame_support::traits::Get;
use sp_core::Pair;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Eve, Ferdie, One};
use sp_runtime::TokenError;

use super::{account, case, make, pass, By, Case};
use crate::{time::REDEMPTION_GRACE, Runtime, System};

type E = Error<Runtime>;

const EVE: By = By::Signed(Eve);
const FERDIE: By = By::Signed(Ferdie);
/// A spending account that does not exist.
const NONE: SpendingAccountId = SpendingAccountId::MAX;

fn prices(brain: BrainId, context: u32) -> Call<Runtime> {
    let prices = PriceList {
        prompt: Balance::MAX,
        completion: 0,
        context,
    };
    Call::set_prices { brain, prices }
}

fn open(deposit: Balance, cap: Balance, expiry: BlockNumber) -> Call<Runtime> {
    Call::open {
        spender: account(Ferdie),
        purpose: Purpose::Prompt,
        deposit,
        cap,
        expiry,
    }
}

fn top_up(id: SpendingAccountId, amount: Balance) -> Call<Runtime> {
    Call::top_up { id, amount }
}

fn reserve(id: SpendingAccountId, brain: BrainId, miner: Sr25519Keyring, amount: Balance) -> Call<Runtime> {
    Call::reserve {
        id,
        brain,
        miner: account(miner),
        amount,
    }
}

/// Redemption of one voucher of Ferdie for Eve, changed in one thing.
fn redeem(signer: Sr25519Keyring, change: fn(&mut Voucher)) -> Call<Runtime> {
    let mut voucher = Voucher {
        version: PAYMENT_VERSION,
        // The tests' first block has this parent.
        genesis: Default::default(),
        account: 0,
        miner: account(Eve),
        brain: 7,
        job: [1; 32],
        cumulative: 10 * BASED,
        expiry: BlockNumber::MAX,
    };
    change(&mut voucher);
    let signature = VoucherSignature::Sr25519(signer.pair().sign(&voucher.signing_bytes()));
    let vouchers = vec![SignedVoucher { voucher, signature }].try_into().unwrap();
    Call::redeem { vouchers }
}

/// Ferdie's second account: it may spend one unit.
fn open_small() {
    make(FERDIE, open(BASED, 1, BlockNumber::MAX));
    assert_eq!(NextId::<Runtime>::get(), 2);
    assert!(System::block_hash(0).is_zero());
}

fn accounts() -> Vec<Case> {
    type Least = <Runtime as based_pallet_compute::Config>::MinimumDeposit;
    let least = <Least as Get<Balance>>::get();
    let most = BlockNumber::MAX;
    vec![
        case(By::Signed(Alice), prices(7, 1))
            .refuses(prices(7, 0), E::InvalidPrices)
            .refuses(prices(8, 1), E::NotBrainOwner)
            .refuses(prices(1_024, 1), E::NotBrainOwner)
            .refuses_by(By::Signed(Bob), prices(7, 1), E::NotBrainOwner),
        case(EVE, open(least, 1, most))
            .refuses(open(0, 1, most), E::DepositTooSmall)
            .refuses(open(1, 1, most), E::DepositTooSmall)
            .refuses(open(least - 1, 1, most), E::DepositTooSmall)
            .refuses(open(least, 0, most), E::ZeroAmount)
            .refuses(open(least, 1, 0), E::InvalidExpiry)
            .refuses(open(least, 1, 1), E::InvalidExpiry)
            .refuses(open(Balance::MAX - 1, 1, most), TokenError::FundsUnavailable)
            .refuses(
                open(Balance::MAX, Balance::MAX, most),
                TokenError::FundsUnavailable,
            )
            .refuses_by(
                By::Signed(One),
                open(least, 1, most),
                TokenError::FundsUnavailable,
            ),
        case(FERDIE, top_up(0, 1))
            .refuses(top_up(0, 0), E::ZeroAmount)
            .refuses(top_up(1, 1), E::NoAccount)
            .refuses(top_up(NONE, 1), E::NoAccount)
            .refuses(top_up(0, Balance::MAX), E::Overflow)
            .refuses(top_up(0, Balance::MAX - 1), E::Overflow)
            .refuses(top_up(0, Balance::MAX - 50 * BASED), TokenError::FundsUnavailable)
            .refuses_by(EVE, top_up(0, 1), E::NotOwner),
        case(FERDIE, reserve(0, 7, Eve, 50 * BASED))
            .after(open_small)
            .refuses(reserve(0, 7, Eve, 0), E::ZeroAmount)
            .refuses(reserve(NONE, 7, Eve, 1), E::NoAccount)
            .refuses(reserve(0, 7, Bob, 1), E::NotMiner)
            .refuses(reserve(0, 1_024, Eve, 1), E::NotMiner)
            .refuses(reserve(0, 8, Eve, 1), E::BrainMismatch)
            .refuses(reserve(0, 7, Eve, 50 * BASED + 1), E::InsufficientBalance)
            .refuses(reserve(0, 7, Eve, Balance::MAX - 1), E::InsufficientBalance)
            .refuses(reserve(0, 7, Eve, Balance::MAX), E::InsufficientBalance)
            .refuses(reserve(1, 7, Eve, 2), E::CapExceeded)
            .refuses_by(By::Signed(Alice), reserve(0, 7, Eve, 1), E::NotSpender)
            .again(E::InsufficientBalance),
        case(FERDIE, Call::close { id: 0 })
            .refuses(Call::close { id: NONE }, E::NoAccount)
            .refuses_by(EVE, Call::close { id: 0 }, E::NotOwner)
            .again(E::AlreadyClosing)
            .then(FERDIE, top_up(0, 1), E::AccountClosed)
            .then(FERDIE, reserve(0, 7, Eve, 1), E::AccountClosed),
        case(By::Signed(One), Call::finish_close { id: 0 })
            .early(E::GraceNotOver)
            .after(|| {
                make(FERDIE, Call::close { id: 0 });
                pass(REDEMPTION_GRACE + 1);
            })
            .refuses(Call::finish_close { id: NONE }, E::NoAccount)
            .again(E::NoAccount),
        case(FERDIE, Call::close { id: 1 })
            .after(|| {
                open_small();
                make(FERDIE, Call::close { id: 0 });
                pass(REDEMPTION_GRACE);
            })
            // In the last block of the grace.
            .refuses(Call::finish_close { id: 0 }, E::GraceNotOver),
    ]
}

fn vouchers() -> Vec<Case> {
    vec![case(EVE, redeem(Ferdie, |_| ()))
        .after(open_small)
        .refuses(
            Call::redeem {
                vouchers: Default::default(),
            },
            E::NoVouchers,
        )
        .refuses(redeem(Ferdie, |voucher| voucher.version = 0), E::VoucherVersion)
        .refuses(
            redeem(Ferdie, |voucher| voucher.genesis.0[0] = 1),
            E::VoucherGenesis,
        )
        .refuses(
            redeem(Ferdie, |voucher| voucher.miner = account(Bob)),
            E::VoucherMiner,
        )
        .refuses(redeem(Ferdie, |voucher| voucher.expiry = 0), E::VoucherExpired)
        .refuses(
            redeem(Ferdie, |voucher| voucher.account = NONE),
            E::VoucherNoAccount,
        )
        .refuses(
            redeem(Ferdie, |voucher| voucher.account = 1),
            E::VoucherNoReservation,
        )
        .refuses(redeem(Ferdie, |voucher| voucher.brain = 8), E::VoucherBrain)
        .refuses(
            redeem(Ferdie, |voucher| voucher.cumulative = 0),
            E::VoucherReplayed,
        )
        .refuses(
            redeem(Ferdie, |voucher| voucher.cumulative = 50 * BASED + 1),
            E::VoucherOverspent,
        )
        .refuses(
            redeem(Ferdie, |voucher| voucher.cumulative = Balance::MAX),
            E::VoucherOverspent,
        )
        .refuses(redeem(Eve, |_| ()), E::VoucherSignature)
        .refuses_by(FERDIE, redeem(Ferdie, |_| ()), E::VoucherMiner)
        .again(E::VoucherReplayed)]
}

pub fn cases() -> Vec<Case> {
    let mut cases = accounts();
    cases.extend(vouchers());
    cases
}
