//! Redemption: the newest voucher of each account, in batches, until a finalized block shows it paid.

use std::{sync::Arc, time::Duration};

use based_primitives::{constants::MAX_REDEEM_BATCH, Balance, BlockNumber};
use tokio::sync::watch;

use crate::{
    chain::{Account, Chain, ChainError, Reservation},
    db::{Db, DbError, VoucherRow, VoucherState},
    stop::Stop,
    tasks::Situation,
};

/// Time between two looks at what is due.
const INTERVAL: Duration = Duration::from_secs(2);
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Blocks after which a voucher that no finalized block shows paid is submitted again.
const AGAIN: BlockNumber = 16;
/// Blocks between two looks at the accounts of all open vouchers, which their owners may be closing.
const REFRESH: BlockNumber = 8;
/// Blocks by which a node may be behind the greatest height seen, as after a reorganisation.
const BEHIND: BlockNumber = 32;
/// Blocks before a voucher's deadline in which it is redeemed at once: time for several attempts.
const MARGIN: BlockNumber = 64;
/// Blocks past its deadline after which an unpaid voucher is given up: finality has passed it.
const GIVE_UP: BlockNumber = 256;

/// When vouchers are redeemed.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// At the latest after so many blocks.
    pub blocks: BlockNumber,
    /// At once when so much is unredeemed.
    pub amount: Balance,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// The node or the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The state.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Redeems vouchers.
pub struct Redeemer {
    db: Db,
    chain: Arc<dyn Chain>,
    policy: Policy,
    last: Option<BlockNumber>,
    refreshed: Option<BlockNumber>,
    highest: Option<BlockNumber>,
}

impl Redeemer {
    /// A redeemer; vouchers left by an earlier run are due at once.
    pub fn new(db: Db, chain: Arc<dyn Chain>, policy: Policy) -> Self {
        Self {
            db,
            chain,
            policy,
            last: None,
            refreshed: None,
            highest: None,
        }
    }

    /// Works until told to stop; failures are tried again after growing pauses.
    pub async fn run(mut self, situation: watch::Receiver<Situation>, stop: Stop) {
        let mut pause = INTERVAL;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {},
                () = stop.asked() => return,
            }
            let (head, reachable) = {
                let situation = situation.borrow();
                (situation.head, situation.reachable)
            };
            if !reachable {
                continue;
            }
            // A round that is cut off loses nothing: what was sent is found in the chain at the next start.
            let done = tokio::select! {
                done = self.round(head) => done,
                () = stop.asked() => return,
            };
            match done {
                Ok(()) => pause = INTERVAL,
                Err(error) => {
                    tracing::warn!(%error, "cannot redeem vouchers now; they are kept and tried again");
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Looks at what was submitted, then submits what is due at block `head`.
    ///
    /// # Errors
    /// If the node or the state fails; nothing is lost by that.
    pub async fn round(&mut self, head: BlockNumber) -> Result<(), RedeemError> {
        if self.is_behind(head).await? {
            return Ok(());
        }
        let mut open = self.db.run(|db| db.vouchers(VoucherState::Open)).await?;
        if self
            .refreshed
            .is_none_or(|last| head >= last.saturating_add(REFRESH))
        {
            for row in &mut open {
                self.refresh(row).await?;
            }
            self.refreshed = Some(head);
        }
        let mut unpaid = Vec::new();
        for row in open {
            let untouched = row.submitted.is_none() && row.deadline >= head;
            if untouched || !self.settle(&row, head).await? {
                unpaid.push(row);
            }
        }
        let waits = |row: &VoucherRow| row.submitted.is_some_and(|at| head < at.saturating_add(AGAIN));
        unpaid.retain(|row| row.deadline >= head && !waits(row));
        if self.due(&unpaid, head) {
            for batch in unpaid.chunks(MAX_REDEEM_BATCH as usize) {
                self.submit(batch, head).await?;
            }
            self.last = Some(head);
        }
        self.last = self.last.or(Some(head));
        Ok(())
    }

    /// Whether the node is far behind what was seen: it may be syncing anew and know nothing of open accounts.
    async fn is_behind(&mut self, head: BlockNumber) -> Result<bool, RedeemError> {
        if self
            .highest
            .is_none_or(|highest| head >= highest.saturating_add(REFRESH))
        {
            self.highest = Some(self.db.run(move |db| db.raise_head(head)).await?);
        }
        let behind = self
            .highest
            .is_some_and(|highest| head.saturating_add(BEHIND) < highest);
        if behind {
            tracing::debug!(head, "the node is behind; vouchers wait");
        }
        Ok(behind)
    }

    fn due(&self, unpaid: &[VoucherRow], head: BlockNumber) -> bool {
        let soon = head.saturating_add(MARGIN);
        let rest = |row: &VoucherRow| row.signed.voucher.cumulative.saturating_sub(row.redeemed);
        let sum = unpaid.iter().map(rest).fold(0, Balance::saturating_add);
        let turn = self
            .last
            .is_none_or(|last| head >= last.saturating_add(self.policy.blocks));
        sum > 0 && (turn || sum >= self.policy.amount || unpaid.iter().any(|row| row.deadline <= soon))
    }

    /// Learns whether the voucher's account ends sooner than it did.
    async fn refresh(&self, row: &mut VoucherRow) -> Result<(), RedeemError> {
        let account = row.signed.voucher.account;
        let until = self
            .chain
            .account(account)
            .await?
            .map_or(0, |account| account.spending.until());
        let deadline = row.signed.voucher.expiry.min(until);
        if deadline != row.deadline {
            row.deadline = deadline;
            self.db.run(move |db| db.set_deadline(account, deadline)).await?;
        }
        Ok(())
    }

    async fn submit(&self, batch: &[VoucherRow], head: BlockNumber) -> Result<(), RedeemError> {
        let accounts: Vec<u64> = batch.iter().map(|row| row.signed.voucher.account).collect();
        let vouchers = batch.iter().map(|row| row.signed.clone()).collect();
        let outcome = self.chain.redeem(vouchers).await;
        let count = accounts.len();
        match outcome {
            Ok(()) => tracing::info!(vouchers = count, "redeemed in a block; waiting for its finality"),
            // The batch as a whole was not payable: not to be sent again in every round.
            Err(ChainError::Refused(reason)) => {
                tracing::warn!(vouchers = count, reason, "the chain refused the redemption");
            }
            Err(error) => return Err(error.into()),
        }
        self.db.run(move |db| db.mark_submitted(&accounts, head)).await?;
        Ok(())
    }

    /// Whether the voucher needs no more work: paid in a finalized block, or beyond redemption.
    async fn settle(&self, row: &VoucherRow, head: BlockNumber) -> Result<bool, RedeemError> {
        let (account, cumulative) = (row.signed.voucher.account, row.signed.voucher.cumulative);
        let found = self.chain.finalized_account(account).await?;
        let state = match found {
            Some(Account {
                reservation: Some(Reservation { redeemed, .. }),
                ..
            }) => {
                self.db.run(move |db| db.note_redeemed(account, redeemed)).await?;
                if redeemed >= cumulative {
                    VoucherState::Settled
                } else if head > row.deadline.saturating_add(GIVE_UP) {
                    VoucherState::Lost
                } else {
                    return Ok(false);
                }
            }
            // Finality may be behind the block in which the account came to be.
            _ if self
                .chain
                .account(account)
                .await?
                .is_some_and(|account| account.reservation.is_some()) =>
            {
                return Ok(false)
            }
            _ => VoucherState::Lost,
        };
        match state {
            VoucherState::Lost => tracing::error!(account, cumulative, "a voucher can no longer be redeemed"),
            _ => tracing::info!(account, cumulative, "a voucher is paid for good"),
        }
        // Where a newer voucher took its place meanwhile, that one is the next round's.
        self.db
            .run(move |db| db.close_voucher(account, cumulative, state))
            .await?;
        Ok(true)
    }
}
