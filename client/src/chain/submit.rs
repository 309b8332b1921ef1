//! Transactions: signing, sending, and waiting for the outcome.

use std::time::Duration;

use based_primitives::Balance;
use codec::{Compact, Encode};
use sp_core::{sr25519, Pair, H256};
use sp_runtime::{
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    ApplyExtrinsicResult,
};
use subxt::{
    config::DefaultExtrinsicParamsBuilder,
    events::DecodeAsEvent,
    extrinsics::ExtrinsicEvents,
    rpcs::client::rpc_params,
    tx::{Payload, TransactionStatus},
};

use super::{AccountId, Chain, ChainError, Config};
use crate::money;

/// Blocks for which a signed transaction can be included.
const MORTALITY: u64 = 64;
/// Blocks behind the best one that a reorganisation hardly replaces.
const SETTLED: u32 = 4;
/// Longest wait for a transaction to reach a block, or a finalized one.
const INCLUSION: Duration = Duration::from_secs(300);
/// Attempts when another transaction of the account took the nonce first.
const ATTEMPTS: u32 = 4;

/// Key that signs transactions and vouchers.
#[derive(Clone)]
pub struct Signer(sr25519::Pair);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.account())
    }
}

impl Signer {
    /// A signer of a key pair.
    pub fn new(pair: sr25519::Pair) -> Self {
        Self(pair)
    }

    /// Account of the key.
    pub fn account(&self) -> AccountId {
        self.0.public().into()
    }

    /// Signs bytes, without any wrapping.
    pub fn sign(&self, bytes: &[u8]) -> sr25519::Signature {
        self.0.sign(bytes)
    }
}

impl subxt::tx::Signer<Config> for Signer {
    fn account_id(&self) -> subxt::utils::AccountId32 {
        subxt::utils::AccountId32(self.account().into())
    }

    fn sign(&self, payload: &[u8]) -> subxt::utils::MultiSignature {
        subxt::utils::MultiSignature::Sr25519(self.0.sign(payload).0)
    }
}

/// A transaction that took effect.
#[derive(Debug)]
pub struct Included {
    /// Hash of the block.
    pub block: H256,
    /// Hash of the transaction.
    pub hash: H256,
    events: ExtrinsicEvents<Config>,
}

impl Included {
    /// The transaction's first event of a kind.
    ///
    /// # Errors
    /// [`ChainError::Decode`] if it cannot be read.
    pub fn event<E: DecodeAsEvent>(&self) -> Result<Option<E>, ChainError> {
        self.events
            .find_first::<E>()
            .transpose()
            .map_err(|e| ChainError::Decode(e.to_string()))
    }

    /// All the transaction's events of a kind.
    ///
    /// # Errors
    /// [`ChainError::Decode`] if one cannot be read.
    pub fn events<E: DecodeAsEvent>(&self) -> Result<Vec<E>, ChainError> {
        self.events
            .find::<E>()
            .collect::<Result<_, _>>()
            .map_err(|e| ChainError::Decode(e.to_string()))
    }
}

/// What a transaction would do in the next block.
#[derive(Debug)]
pub struct Estimate {
    /// Fee.
    pub fee: Balance,
    /// Why it would be refused or have no effect other than its fee, if so.
    pub failure: Option<ChainError>,
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the fee would be {}; ", money::with_symbol(self.fee))?;
        match &self.failure {
            None => f.write_str("the transaction would succeed now"),
            Some(failure) => failure.fmt(f),
        }
    }
}

impl Chain {
    /// Signs and sends a call and waits until it is in a best block and took effect there.
    ///
    /// # Errors
    /// [`ChainError::Refused`] before inclusion, [`ChainError::Dispatch`] after it, and failures of the node.
    pub async fn submit<C: Payload>(&self, signer: &Signer, call: &C) -> Result<Included, ChainError> {
        self.send(signer, call, false).await
    }

    /// As [`Chain::submit`], but waits until the block is finalized.
    ///
    /// # Errors
    /// As [`Chain::submit`].
    pub async fn submit_finalized<C: Payload>(
        &self,
        signer: &Signer,
        call: &C,
    ) -> Result<Included, ChainError> {
        self.send(signer, call, true).await
    }

    async fn send<C: Payload>(
        &self,
        signer: &Signer,
        call: &C,
        finalized: bool,
    ) -> Result<Included, ChainError> {
        let mut attempt = 1;
        let mut progress = loop {
            let turn = self.sending.lock().await;
            let nonce: u64 = self
                .request(
                    "system_accountNextIndex",
                    rpc_params![signer.account().to_string()],
                )
                .await?;
            // Not from the last finalized block: transactions must go through while finality stands still.
            let birth = self.best().await?.number().saturating_sub(SETTLED);
            let hash = self.block_hash(birth).await?;
            let parameters = DefaultExtrinsicParamsBuilder::<Config>::new()
                .nonce(nonce)
                .mortal_from_unchecked(MORTALITY, birth.into(), subxt::utils::H256(hash.0))
                .build();
            let mut transactions = self.within(self.client().tx()).await?;
            let signed = self
                .within(transactions.create_signed(call, signer, parameters))
                .await?;
            if self.dry {
                return Err(ChainError::NotSent(Box::new(
                    self.estimate(signed.encoded()).await?,
                )));
            }
            let sent = self.within(signed.submit_and_watch()).await;
            drop(turn);
            match sent {
                Ok(progress) => break progress,
                Err(ChainError::Refused(words)) if is_nonce_race(&words) && attempt < ATTEMPTS => {
                    attempt += 1
                }
                Err(other) => return Err(other),
            }
        };
        let hash = H256(progress.extrinsic_hash().0);
        let uncertain = || ChainError::Uncertain(format!("{hash:?}"));
        let deadline = tokio::time::Instant::now() + INCLUSION;
        loop {
            let status = tokio::time::timeout_at(deadline, progress.next())
                .await
                .map_err(|_| uncertain())?;
            let block = match status {
                Some(Ok(TransactionStatus::InBestBlock(block))) if !finalized => block,
                Some(Ok(TransactionStatus::InFinalizedBlock(block))) => block,
                Some(Ok(TransactionStatus::Error { message } | TransactionStatus::Dropped { message })) => {
                    return Err(ChainError::Dropped(message))
                }
                Some(Ok(TransactionStatus::Invalid { message })) => return Err(ChainError::Refused(message)),
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err(uncertain()),
            };
            let events = tokio::time::timeout_at(deadline, block.wait_for_success())
                .await
                .map_err(|_| uncertain())?
                .map_err(|e| ChainError::from_events(self.url(), e))?;
            return Ok(Included {
                block: H256(block.block_hash().0),
                hash,
                events,
            });
        }
    }
}

impl Chain {
    /// Applies an encoded transaction to the state of the best block, of which nothing is kept.
    async fn estimate(&self, transaction: &[u8]) -> Result<Estimate, ChainError> {
        let view = self.best().await?;
        let length = u32::try_from(transaction.len()).unwrap_or(u32::MAX);
        let info: (Compact<u64>, Compact<u64>, u8, Balance) = view
            .api("TransactionPaymentApi_query_info", &(AsIs(transaction), length))
            .await?;
        let applied: ApplyExtrinsicResult = view
            .api("BlockBuilder_apply_extrinsic", &AsIs(transaction))
            .await?;
        let failure = match applied {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(view.dispatch_error(&error)?),
            Err(TransactionValidityError::Invalid(InvalidTransaction::Payment)) => {
                Some(ChainError::cannot_pay())
            }
            Err(error) => Some(ChainError::Refused(<&str>::from(error).to_owned())),
        };
        Ok(Estimate { fee: info.3, failure })
    }
}

/// Bytes that are encoded already.
struct AsIs<'a>(&'a [u8]);

impl Encode for AsIs<'_> {
    fn encode_to<T: codec::Output + ?Sized>(&self, out: &mut T) {
        out.write(self.0);
    }
}

/// Whether a transaction with the same nonce came first (stale, already imported or underpriced).
fn is_nonce_race(text: &str) -> bool {
    [
        "outdated",
        "already imported",
        "already in the pool",
        "Priority is too low",
    ]
    .iter()
    .any(|sign| text.to_lowercase().contains(&sign.to_lowercase()))
}
