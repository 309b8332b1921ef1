//! Which reservations and vouchers the miner accepts (F.3).

use based_primitives::{
    payments::{SignedVoucher, PAYMENT_VERSION},
    Balance, BlockNumber, BrainId, Purpose,
};
use sp_core::H256;
use sp_runtime::AccountId32;

use crate::{
    chain::{Account, Reservation},
    db::ReservationSeen,
};

/// Blocks that an account or a voucher must live on, so that its redemption can be included.
pub const MIN_LIFETIME: BlockNumber = 10;

/// Why an account or a voucher is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such spending account.
    #[error("spending account {0} does not exist; open one")]
    NoAccount(u64),
    /// It is not for prompts.
    #[error("the spending account is not for prompts; open one with that purpose")]
    Purpose,
    /// It ends too soon.
    #[error("the spending account ends within {MIN_LIFETIME} blocks; open another")]
    Ending,
    /// It has no reservation for this miner and Brain.
    #[error("the spending account has no reservation for this miner and Brain; reserve an amount first")]
    NoReservation,
    /// The rest of its reservation does not cover one job.
    #[error("{left} of the reservation is left and a job costs {price} (in units of 10^-18 BASED); reserve more for this miner")]
    Short {
        /// Reserved and not redeemed.
        left: Balance,
        /// Price of a job.
        price: Balance,
    },
    /// The voucher is of another version.
    #[error("the voucher has version {0}; this miner reads version {PAYMENT_VERSION}")]
    Version(u8),
    /// The voucher is for another chain, miner or Brain.
    #[error("the voucher is for another {0}")]
    Foreign(&'static str),
    /// The voucher cannot be redeemed in time.
    #[error("the voucher expires at block {expiry}; sign one that is valid until block {needed} at least")]
    Expiry {
        /// Its last block.
        expiry: BlockNumber,
        /// Earliest last block that is accepted.
        needed: BlockNumber,
    },
    /// The voucher exceeds the reservation.
    #[error("the voucher promises {cumulative} and {reserved} is reserved (in units of 10^-18 BASED); reserve more")]
    Overspent {
        /// Amount promised.
        cumulative: Balance,
        /// Amount reserved.
        reserved: Balance,
    },
    /// The account's spender did not sign the voucher.
    #[error("the spender of the spending account did not sign the voucher")]
    Signature,
}

/// The reservation that pays `price` for work on `brain` from block `head` on.
///
/// # Errors
/// The first reason for which new work must not begin.
pub fn reservation_for(
    id: u64,
    account: Option<Account>,
    brain: BrainId,
    head: BlockNumber,
    price: Balance,
) -> Result<(AccountId32, Reservation), Refused> {
    let Account {
        spending,
        reservation,
    } = account.ok_or(Refused::NoAccount(id))?;
    if spending.purpose != Purpose::Prompt {
        return Err(Refused::Purpose);
    }
    if spending.closing.is_some() || spending.expiry < head.saturating_add(MIN_LIFETIME) {
        return Err(Refused::Ending);
    }
    let reservation = reservation
        .filter(|reservation| reservation.brain == brain)
        .ok_or(Refused::NoReservation)?;
    let left = reservation.reserved.saturating_sub(reservation.redeemed);
    if left < price {
        return Err(Refused::Short { left, price });
    }
    Ok((spending.spender, reservation))
}

/// What vouchers are checked against.
#[derive(Debug, Clone)]
pub struct VoucherContext<'a> {
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// This miner.
    pub miner: &'a AccountId32,
    /// Its Brain.
    pub brain: BrainId,
    /// Height of the chain.
    pub head: BlockNumber,
    /// What the chain says about the account.
    pub terms: &'a ReservationSeen,
}

/// Checks for whom and by whom a voucher is.
///
/// # Errors
/// The first reason for which it is none of this miner's.
pub fn check_identity(signed: &SignedVoucher, context: &VoucherContext<'_>) -> Result<(), Refused> {
    let voucher = &signed.voucher;
    if voucher.version != PAYMENT_VERSION {
        return Err(Refused::Version(voucher.version));
    }
    let foreign = [
        (voucher.genesis != context.genesis, "chain"),
        (voucher.miner != *context.miner, "miner"),
        (voucher.brain != context.brain, "Brain"),
    ];
    if let Some((_, what)) = foreign.into_iter().find(|(foreign, _)| *foreign) {
        return Err(Refused::Foreign(what));
    }
    if signed.verify(&context.terms.spender) {
        Ok(())
    } else {
        Err(Refused::Signature)
    }
}

/// Checks that a voucher can be redeemed; its amount against earlier ones is up to [`crate::db::Db::pay`].
///
/// # Errors
/// If it or its account ends too soon, or it exceeds the reservation.
pub fn check_value(signed: &SignedVoucher, context: &VoucherContext<'_>) -> Result<(), Refused> {
    let voucher = &signed.voucher;
    let needed = context.head.saturating_add(MIN_LIFETIME);
    if voucher.expiry < needed {
        return Err(Refused::Expiry {
            expiry: voucher.expiry,
            needed,
        });
    }
    if context.terms.until < needed {
        return Err(Refused::Ending);
    }
    if voucher.cumulative > context.terms.reserved {
        return Err(Refused::Overspent {
            cumulative: voucher.cumulative,
            reserved: context.terms.reserved,
        });
    }
    Ok(())
}

impl From<Refused> for tonic::Status {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::NoAccount(_)
            | Refused::NoReservation
            | Refused::Short { .. }
            | Refused::Ending
            | Refused::Purpose => Self::failed_precondition(message),
            Refused::Signature => Self::unauthenticated(message),
            Refused::Overspent { .. } => Self::resource_exhausted(message),
            Refused::Version(_) | Refused::Foreign(_) | Refused::Expiry { .. } => {
                Self::invalid_argument(message)
            }
        }
    }
}
