//! The chain behind a node.

use based_client::chain::{self, calls, Signer, View};
use based_primitives::{
    payments::SignedVoucher, BlockNumber, BrainId, BrainInfo, PeerInfo, SpendingAccountId,
};
use sp_core::H256;
use sp_runtime::AccountId32;
use subxt::ext::scale_decode::DecodeAsType;

use crate::chain::{Account, Chain, ChainError, ChainResult, Reservation, SpendingAccount};

/// A node that is asked for the chain and sent the miner's transactions.
pub struct Live {
    chain: chain::Chain,
    signer: Signer,
}

impl Live {
    /// The chain behind a connection, for the account of `signer`.
    pub fn new(chain: chain::Chain, signer: Signer) -> Self {
        Self { chain, signer }
    }

    async fn account_at(&self, view: View, id: SpendingAccountId) -> ChainResult<Option<Account>> {
        let Some(account) = view.spending_account(id).await? else {
            return Ok(None);
        };
        let reservation = view.reservation(id, &self.signer.account()).await?;
        Ok(Some(Account {
            spending: SpendingAccount {
                spender: account.spender.0,
                purpose: account.purpose.0,
                expiry: account.expiry,
                closing: account.closing,
            },
            reservation: reservation.map(|reservation| Reservation {
                brain: reservation.brain,
                reserved: reservation.reserved,
                redeemed: reservation.redeemed,
            }),
        }))
    }
}

#[tonic::async_trait]
impl Chain for Live {
    fn genesis(&self) -> H256 {
        self.chain.genesis()
    }

    fn miner(&self) -> AccountId32 {
        self.signer.account()
    }

    async fn head(&self) -> ChainResult<BlockNumber> {
        Ok(self.chain.best().await?.number())
    }

    async fn brain(&self, id: BrainId) -> ChainResult<Option<BrainInfo<AccountId32>>> {
        Ok(self.chain.best().await?.brain(id).await?)
    }

    async fn peer(&self, brain: BrainId) -> ChainResult<Option<PeerInfo<AccountId32>>> {
        Ok(self
            .chain
            .best()
            .await?
            .peer(brain, &self.signer.account())
            .await?)
    }

    async fn account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>> {
        let view = self.chain.best().await?;
        self.account_at(view, id).await
    }

    async fn finalized_account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>> {
        let view = self.chain.finalized().await?;
        self.account_at(view, id).await
    }

    async fn redeem(&self, vouchers: Vec<SignedVoucher>) -> ChainResult<()> {
        let included = self.chain.submit(&self.signer, &calls::redeem(vouchers)).await?;
        for VoucherRejected { index, reason } in included.events()? {
            tracing::warn!(index, ?reason, "the chain rejected a voucher of the batch");
        }
        Ok(())
    }
}

impl From<chain::ChainError> for ChainError {
    fn from(error: chain::ChainError) -> Self {
        let text = error.to_string();
        match error {
            chain::ChainError::Dispatch { .. } | chain::ChainError::Refused(_) => Self::Refused(text),
            _ => Self::Unreachable(text),
        }
    }
}

/// Event of a voucher that was not paid.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct VoucherRejected {
    index: u32,
    reason: Rejection,
}

/// Reasons of the chain, by the names of its metadata.
#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
enum Rejection {
    Version,
    Genesis,
    Miner,
    Expired,
    NoAccount,
    AccountExpired,
    NoReservation,
    Brain,
    Replayed,
    Overspent,
    Signature,
    Payment,
}

impl subxt::events::DecodeAsEvent for VoucherRejected {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Compute" && event == "VoucherRejected"
    }
}
