//! The chain as programs see it: a connection that survives the node's restarts, typed reads at one block,
//! and transactions whose outcome is known.

mod authorities;
mod brains;
pub mod calls;
mod error;
mod ethereum;
mod forecasts;
pub mod governance;
mod read;
mod records;
mod submit;
#[cfg(test)]
mod tests;
mod view;
mod written;

pub use error::ChainError;
pub use ethereum::address_of;
pub use governance::{Ballot, Proposal, ProposedCall, Proposer, Seat, Track};
pub use records::{
    AccountBalance, Bar, BrainAdmission, BrainIssued, BrainProfile, BrainSettings, Commitment, CrossEdge,
    CrossRow, LeavingStake, Operator, PepecoinPaid, PepecoinTotals, Reservation, SpendingAccount,
    StakePosition, TakeSet, Unstaking, MAX_RESERVATIONS,
};
pub use submit::{Estimate, Included, Signer};
pub use view::View;
pub use written::WrittenCall;

use std::{future::Future, sync::Arc, time::Duration};

use based_primitives::BlockNumber;
use futures::Stream;
use sp_core::H256;
use subxt::{
    backend::LegacyBackend,
    client::OnlineClientAtBlockImpl,
    rpcs::client::{
        reconnecting_rpc_client::{ExponentialBackoff, RpcClient as Reconnecting},
        rpc_params, RpcClient,
    },
    OnlineClient,
};

/// Account of the chain.
pub type AccountId = sp_runtime::AccountId32;
/// Public session keys of a producer of blocks: BABE's, then GRANDPA's.
pub type SessionKeys = [u8; 64];
/// How transactions of BasedAI are encoded.
pub type Config = subxt::config::SubstrateConfig;

pub(crate) type AtBlock = subxt::client::ClientAtBlock<Config, OnlineClientAtBlockImpl<Config>>;

/// Longest wait for one answer of the node.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest wait between attempts to reach a node that went away.
const BACKOFF: Duration = Duration::from_secs(10);

/// Connection to a node. Clones share it.
#[derive(Clone)]
pub struct Chain {
    client: OnlineClient<Config>,
    rpc: RpcClient,
    url: Arc<str>,
    /// Held while a nonce is read and its transaction sent, so that transactions in flight get successive ones.
    sending: Arc<tokio::sync::Mutex<()>>,
    /// Whether transactions are estimated only.
    dry: bool,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// Connects to a node at once; afterwards the connection is made again whenever it is lost.
    ///
    /// # Errors
    /// [`ChainError::Url`] or [`ChainError::Unreachable`].
    pub async fn connect(url: &str) -> Result<Self, ChainError> {
        let unreachable = |cause: String| ChainError::Unreachable {
            url: url.to_owned(),
            cause,
        };
        if !(url.starts_with("ws://") || url.starts_with("wss://")) {
            return Err(ChainError::Url(url.to_owned()));
        }
        // Other crates of a program may enable a second provider; then rustls wants one to be named.
        rustls::crypto::ring::default_provider().install_default().ok();
        probe(url).await.map_err(unreachable)?;
        let backoff = ExponentialBackoff::from_millis(50).max_delay(BACKOFF);
        let connecting = Reconnecting::builder()
            .retry_policy(backoff)
            .request_timeout(ANSWER)
            .build(url);
        let rpc = tokio::time::timeout(ANSWER, connecting)
            .await
            .map_err(|_| unreachable("no answer".into()))?
            .map_err(|e| unreachable(e.to_string()))?;
        let rpc = RpcClient::new(rpc);
        let backend = LegacyBackend::<Config>::builder().build(rpc.clone());
        let client = OnlineClient::from_backend(Arc::new(backend))
            .await
            .map_err(|e| ChainError::from_subxt(url, e))?;
        Ok(Self {
            client,
            rpc,
            url: url.into(),
            sending: Arc::default(),
            dry: false,
        })
    }

    /// As [`Chain::connect`], but tries for as long as it takes: for programs that start beside their node.
    ///
    /// # Errors
    /// [`ChainError::Url`] and whatever is not a matter of waiting.
    pub async fn connect_patiently(url: &str) -> Result<Self, ChainError> {
        let mut wait = Duration::from_millis(250);
        loop {
            match Self::connect(url).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "waiting for the node");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(BACKOFF);
                }
                done => return done,
            }
        }
    }

    /// The same connection, by which nothing is sent: the first transaction ends with [`ChainError::NotSent`], which
    /// says what it would cost and whether it would take effect. The node makes no keys either.
    pub fn dry_run(self) -> Self {
        Self { dry: true, ..self }
    }

    /// URL of the node.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Genesis hash of the chain.
    pub fn genesis(&self) -> H256 {
        H256(self.client.genesis_hash().0)
    }

    /// State at the best block.
    ///
    /// # Errors
    /// [`ChainError::Lost`] if the node is away.
    pub async fn best(&self) -> Result<View, ChainError> {
        let hash: H256 = self.request("chain_getBlockHash", rpc_params![]).await?;
        self.view(hash).await
    }

    /// State at the last finalized block.
    ///
    /// # Errors
    /// [`ChainError::Lost`] if the node is away.
    pub async fn finalized(&self) -> Result<View, ChainError> {
        let hash: H256 = self.request("chain_getFinalizedHead", rpc_params![]).await?;
        self.view(hash).await
    }

    /// Hash of the best chain's block of a height.
    ///
    /// # Errors
    /// [`ChainError::Node`] if there is no such block yet.
    pub async fn block_hash(&self, number: BlockNumber) -> Result<H256, ChainError> {
        let hash: Option<H256> = self.request("chain_getBlockHash", rpc_params![number]).await?;
        hash.ok_or_else(|| ChainError::Node(format!("there is no block {number} yet")))
    }

    /// State at a block.
    ///
    /// # Errors
    /// [`ChainError::Node`] if the node does not have the block's state.
    pub async fn view(&self, hash: H256) -> Result<View, ChainError> {
        let at = self
            .within(self.client.at_block(subxt::utils::H256(hash.0)))
            .await?;
        Ok(View::new(at, self.url.clone()))
    }

    /// Follows finalized blocks (`true`) or best blocks (`false`) and gives the state at each. After the node
    /// was away the stream goes on by itself; blocks may be left out then.
    pub fn follow(&self, finalized: bool) -> impl Stream<Item = View> + Send + Unpin + 'static {
        let chain = self.clone();
        Box::pin(views(chain, finalized))
    }

    pub(crate) fn client(&self) -> &OnlineClient<Config> {
        &self.client
    }

    pub(crate) async fn request<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        params: subxt::rpcs::client::RpcParams,
    ) -> Result<T, ChainError> {
        self.within(self.rpc.request(method, params)).await
    }

    pub(crate) async fn within<T, E: Into<subxt::Error>>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ChainError> {
        within(&self.url, answer).await
    }
}

/// Waits for an answer of the node, but not forever: while it is away, requests would wait for its return.
async fn within<T, E: Into<subxt::Error>>(
    url: &str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, ChainError> {
    match tokio::time::timeout(ANSWER, answer).await {
        Ok(answer) => answer.map_err(|e| ChainError::from_subxt(url, e)),
        Err(_) => Err(ChainError::Lost { url: url.to_owned() }),
    }
}

fn views(chain: Chain, finalized: bool) -> impl Stream<Item = View> + Send {
    futures::stream::unfold((chain, None), move |(chain, mut blocks)| async move {
        loop {
            let stream = match &mut blocks {
                Some(stream) => stream,
                None => {
                    let opened = if finalized {
                        chain.client.stream_blocks().await
                    } else {
                        chain.client.stream_best_blocks().await
                    };
                    match opened {
                        Ok(stream) => blocks.insert(stream),
                        Err(error) => {
                            tracing::debug!(%error, "cannot follow blocks yet");
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            continue;
                        }
                    }
                }
            };
            match stream.next().await {
                Some(Ok(block)) => match chain.view(H256(block.hash().0)).await {
                    Ok(view) => return Some((view, (chain, blocks))),
                    Err(error) => tracing::debug!(%error, "cannot read a block"),
                },
                Some(Err(error)) => {
                    tracing::debug!(%error, "lost the stream of blocks");
                    blocks = None;
                }
                None => {
                    blocks = None;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    })
}

/// Whether anything listens there: the reconnecting client itself would try forever.
async fn probe(url: &str) -> Result<(), String> {
    let authority = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default();
    let default_port = if url.starts_with("wss") { ":443" } else { ":80" };
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let address = if has_port {
        authority.to_owned()
    } else {
        format!("{authority}{default_port}")
    };
    match tokio::time::timeout(Duration::from_secs(5), tokio::net::TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 5 seconds".into()),
    }
}
