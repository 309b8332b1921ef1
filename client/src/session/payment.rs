//! The spending account, the reservation and the voucher of a job.

use std::collections::BTreeMap;

use based_primitives::{
    constants::EMISSION_YEAR,
    payments::{SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    Balance, BlockNumber, BrainId, Purpose, SpendingAccountId,
};
use subxt::ext::scale_decode::DecodeAsType;

use super::{Event, SessionError};
use crate::{
    chain::{calls, AccountId, Chain, Signer, SpendingAccount, MAX_RESERVATIONS},
    state::{Payee, PaymentLock, State},
};

/// Jobs for which is reserved at once, if the account has enough.
const RESERVED_JOBS: Balance = 16;

/// Who pays, and by what.
#[derive(Debug, Clone)]
pub(super) struct Payer {
    pub chain: Chain,
    pub signer: Signer,
    pub brain: BrainId,
    /// Account named by the user.
    pub account: Option<SpendingAccountId>,
    /// Deposit with which to open one if there is none.
    pub deposit: Option<Balance>,
}

/// A reservation that covers one job. While it is held, no other session pays the miner from the account.
#[derive(Debug)]
pub(super) struct Cover {
    pub account: SpendingAccountId,
    /// Last block in which the account pays.
    pub expiry: BlockNumber,
    /// Redeemed by the miner so far.
    pub redeemed: Balance,
    pub _lock: PaymentLock,
}

/// Event of a spending account's opening.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct AccountOpened {
    /// Number of the account.
    pub id: SpendingAccountId,
}

impl subxt::events::DecodeAsEvent for AccountOpened {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Compute" && event == "AccountOpened"
    }
}

impl Payer {
    /// Accounts that could pay, by number.
    pub async fn accounts(&self) -> Result<BTreeMap<SpendingAccountId, SpendingAccount>, SessionError> {
        let view = self.chain.best().await?;
        let me = self.signer.account();
        if let Some(id) = self.account {
            let unusable = |what: &str| SessionError::UnusableAccount(id, what.to_owned());
            let entry = view
                .spending_account(id)
                .await?
                .ok_or_else(|| unusable("does not exist"))?;
            if entry.spender.0 != me {
                return Err(unusable("is spent by another key; sign with its spender"));
            }
            if !is_usable(&entry, &me, view.number()) {
                return Err(unusable(
                    "is closing, has expired or is not for prompts; use another",
                ));
            }
            return Ok(BTreeMap::from([(id, entry)]));
        }
        let mut all = view.spending_accounts_of(&me).await?;
        all.retain(|_, entry| is_usable(entry, &me, view.number()));
        Ok(all)
    }

    /// Makes sure that an account has enough reserved for `miner` to pay one more job.
    pub async fn cover(
        &self,
        miner: &AccountId,
        price: Balance,
        state: &State,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<Cover, SessionError> {
        let genesis = self.chain.genesis();
        let mut accounts = self.accounts().await?;
        if self.account.is_none() && !self.has_place(&accounts, miner).await? {
            let id = self.open(on_event).await?;
            let entry = self.chain.best().await?.spending_account(id).await?;
            accounts.extend(entry.map(|entry| (id, entry)));
        }
        let view = self.chain.best().await?;
        let (mut most, mut busy) = (None, None);
        for (id, entry) in &accounts {
            let reservation = view.reservation(*id, miner).await?;
            let (reserved, redeemed, brain) = reservation.as_ref().map_or((0, 0, self.brain), |found| {
                (found.reserved, found.redeemed, found.brain)
            });
            if brain != self.brain || (reservation.is_none() && !has_room(entry)) {
                continue;
            }
            // Before what was promised is read.
            let Some(lock) = state.lock_payments(&genesis, *id, miner)? else {
                busy = Some(*id);
                continue;
            };
            let promised = state.promised(&genesis, *id, miner)?.max(redeemed);
            let free = reserved.saturating_sub(promised);
            let cover = Cover {
                account: *id,
                expiry: entry.expiry,
                redeemed,
                _lock: lock,
            };
            if free >= price {
                return Ok(cover);
            }
            let room = entry.room();
            if most.as_ref().is_none_or(|(_, best, _)| room > *best) {
                most = Some((cover, room, price - free));
            }
        }
        let Some((cover, room, missing)) = most else {
            return Err(busy.map_or(SessionError::NoAccount, SessionError::AccountBusy));
        };
        if room < missing {
            return Err(SessionError::Insufficient {
                account: cover.account,
                left: room,
                price,
            });
        }
        let amount = price.saturating_mul(RESERVED_JOBS).min(room).max(missing);
        on_event(Event::Reserving {
            account: cover.account,
            amount,
        });
        let call = calls::reserve(cover.account, self.brain, miner.clone(), amount);
        // The miner believes finalized blocks alone.
        self.chain.submit_finalized(&self.signer, &call).await?;
        Ok(cover)
    }

    /// Whether an account can reserve for `miner`: it has done so for the same Brain, or has room for one miner more.
    async fn has_place(
        &self,
        accounts: &BTreeMap<SpendingAccountId, SpendingAccount>,
        miner: &AccountId,
    ) -> Result<bool, SessionError> {
        let view = self.chain.best().await?;
        for (id, entry) in accounts {
            let reservation = view.reservation(*id, miner).await?;
            if reservation.map_or(has_room(entry), |found| found.brain == self.brain) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn open(
        &self,
        on_event: &mut (dyn FnMut(Event) + Send),
    ) -> Result<SpendingAccountId, SessionError> {
        let deposit = self.deposit.ok_or(SessionError::NoAccount)?;
        on_event(Event::OpeningAccount { deposit });
        let now = self.chain.best().await?.number();
        let expiry = now.saturating_add(EMISSION_YEAR);
        let call = calls::open_account(self.signer.account(), Purpose::Prompt, deposit, deposit, expiry);
        let included = self.chain.submit(&self.signer, &call).await?;
        let opened = included.event::<AccountOpened>()?;
        Ok(opened
            .ok_or_else(|| SessionError::Internal("the account's number is missing".into()))?
            .id)
    }

    /// A voucher that raises what a job's miner is promised. That of a stored job is made once and the same ever after.
    pub fn voucher(
        &self,
        payee: &Payee<'_>,
        cover: &Cover,
        amount: Balance,
        state: &State,
    ) -> Result<SignedVoucher, SessionError> {
        let genesis = self.chain.genesis();
        let sign = |cumulative| {
            let voucher = Voucher {
                version: PAYMENT_VERSION,
                genesis,
                account: payee.account,
                miner: payee.miner.clone(),
                brain: self.brain,
                job: payee.job,
                cumulative,
                expiry: cover.expiry,
            };
            let signature = VoucherSignature::Sr25519(self.signer.sign(&voucher.signing_bytes()));
            SignedVoucher { voucher, signature }
        };
        Ok(state.promise(&genesis, payee, cover.redeemed, amount, sign)?)
    }
}

/// Whether an account can reserve for one miner more.
fn has_room(entry: &SpendingAccount) -> bool {
    entry.reservations < MAX_RESERVATIONS
}

fn is_usable(entry: &SpendingAccount, spender: &AccountId, now: BlockNumber) -> bool {
    entry.spender.0 == *spender
        && entry.purpose.0 == Purpose::Prompt
        && entry.closing.is_none()
        && entry.expiry > now
}
