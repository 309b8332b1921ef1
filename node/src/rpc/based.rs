//! The `based` methods: Brains, peers, emission, stake and prices, in JSON. Each call does a bounded amount of work.

use std::sync::Arc;

use based_primitives::{
    constants::MAX_PEERS,
    runtime_api::{BasedApi as BasedRuntimeApi, ConsensusApi},
    BrainId, Uid,
};
use based_runtime::{opaque::Block, AccountId, Hash};
use jsonrpsee::{core::RpcResult, proc_macros::rpc};
use sp_api::{ApiExt, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_core::{crypto::Ss58Codec, Bytes};

use super::{
    answers::{Amount, BrainDetails, BrainsPage, Emission, Fee, MetagraphPage, Quote, Stake},
    error,
};

/// Brains of a page at most, and unless another number is asked for.
const BRAINS_PER_PAGE: u16 = 128;
/// Version of the runtime's API from which on all methods are answered.
const API_VERSION: u32 = 2;

/// Methods beside the SDK's. `at` is the hash of a block; without it the best block answers.
#[rpc(server, namespace = "based")]
pub trait BasedApi {
    /// Brains with number `start` (0 unless given) or above, ascending, at most `limit` (128).
    #[method(name = "brains", blocking)]
    fn brains(&self, start: Option<BrainId>, limit: Option<u16>, at: Option<Hash>) -> RpcResult<BrainsPage>;

    /// One Brain.
    #[method(name = "brain", blocking)]
    fn brain(&self, brain: BrainId, at: Option<Hash>) -> RpcResult<BrainDetails>;

    /// Peers of a Brain with uid `start` (0) or above, ascending, at most `limit` (2,048: all).
    #[method(name = "metagraph", blocking)]
    fn metagraph(
        &self,
        brain: BrainId,
        start: Option<Uid>,
        limit: Option<u16>,
        at: Option<Hash>,
    ) -> RpcResult<MetagraphPage>;

    /// Where emission stands.
    #[method(name = "emission", blocking)]
    fn emission(&self, at: Option<Hash>) -> RpcResult<Emission>;

    /// What an account has staked and earned.
    #[method(name = "stake", blocking)]
    fn stake(&self, account: String, at: Option<Hash>) -> RpcResult<Stake>;

    /// Price of a prompt and its completion on a Brain.
    #[method(name = "quote", blocking)]
    fn quote(
        &self,
        brain: BrainId,
        prompt_units: u32,
        completion_units: u32,
        at: Option<Hash>,
    ) -> RpcResult<Quote>;

    /// Fee of an encoded call, sent as a signed transaction.
    #[method(name = "fee", blocking)]
    fn fee(&self, call: Bytes, at: Option<Hash>) -> RpcResult<Fee>;
}

/// Answers the methods out of a client's state.
pub struct Based<C> {
    client: Arc<C>,
}

impl<C> Based<C> {
    /// Answers out of `client`.
    pub fn new(client: Arc<C>) -> Self {
        Self { client }
    }
}

impl<C> Based<C>
where
    C: ProvideRuntimeApi<Block> + HeaderBackend<Block>,
    C::Api: BasedRuntimeApi<Block, AccountId>,
{
    /// The block to ask and the runtime's API, if the node has the block and its runtime answers.
    fn runtime(&self, at: Option<Hash>) -> RpcResult<(Hash, sp_api::ApiRef<'_, C::Api>)> {
        let at = at.unwrap_or_else(|| self.client.info().best_hash);
        let known = self.client.number(at).ok().flatten().is_some();
        if !known {
            return Err(error::unknown_block(at));
        }
        let api = self.client.runtime_api();
        let version = api
            .api_version::<dyn BasedRuntimeApi<Block, AccountId>>(at)
            .map_err(|reason| error::failed(at, reason))?;
        match version {
            Some(API_VERSION..) => Ok((at, api)),
            _ => Err(error::old_runtime(at)),
        }
    }
}

/// Size of a page: what is asked for, if it is from 1 to `most`.
fn page_size(limit: Option<u16>, most: u16) -> RpcResult<u16> {
    match limit {
        None => Ok(most),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(error::invalid(format!(
            "a page cannot have {limit} entries; ask for 1 to {most} and go on from `next`"
        ))),
    }
}

impl<C> BasedApiServer for Based<C>
where
    C: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync + 'static,
    C::Api: BasedRuntimeApi<Block, AccountId> + ConsensusApi<Block>,
{
    fn brains(&self, start: Option<BrainId>, limit: Option<u16>, at: Option<Hash>) -> RpcResult<BrainsPage> {
        let limit = page_size(limit, BRAINS_PER_PAGE)?;
        let (at, api) = self.runtime(at)?;
        let brains = api
            .brains(at, start.unwrap_or(0), limit)
            .map_err(|reason| error::failed(at, reason))?;
        let next = match brains.last() {
            Some(last) if brains.len() == usize::from(limit) => {
                let following = api
                    .brains(at, last.id.saturating_add(1), 1)
                    .map_err(|reason| error::failed(at, reason))?;
                following.first().map(|brain| brain.id)
            }
            _ => None,
        };
        Ok(BrainsPage {
            at,
            brains: brains.into_iter().map(Into::into).collect(),
            next,
        })
    }

    fn brain(&self, brain: BrainId, at: Option<Hash>) -> RpcResult<BrainDetails> {
        let (at, api) = self.runtime(at)?;
        let info = api
            .brain(at, brain)
            .map_err(|reason| error::failed(at, reason))?
            .ok_or_else(|| error::unknown_brain(brain))?;
        let performance = api
            .brain_performance(at, brain)
            .map_err(|reason| error::failed(at, reason))?;
        Ok(BrainDetails {
            at,
            brain: info.into(),
            performance: performance.into(),
        })
    }

    fn metagraph(
        &self,
        brain: BrainId,
        start: Option<Uid>,
        limit: Option<u16>,
        at: Option<Hash>,
    ) -> RpcResult<MetagraphPage> {
        let limit = page_size(limit, MAX_PEERS)?;
        let (at, api) = self.runtime(at)?;
        let page = api
            .metagraph(at, brain, start.unwrap_or(0), limit)
            .map_err(|reason| error::failed(at, reason))?
            .ok_or_else(|| error::unknown_brain(brain))?;
        Ok(MetagraphPage::new(at, brain, page))
    }

    fn emission(&self, at: Option<Hash>) -> RpcResult<Emission> {
        let (at, api) = self.runtime(at)?;
        let info = api.emission(at).map_err(|reason| error::failed(at, reason))?;
        Ok(Emission::new(at, info))
    }

    fn stake(&self, account: String, at: Option<Hash>) -> RpcResult<Stake> {
        let account = AccountId::from_ss58check(&account).map_err(|reason| {
            error::invalid(format!(
                "the account cannot be read ({reason}); give its address as wallets show it"
            ))
        })?;
        let (at, api) = self.runtime(at)?;
        let info = api
            .stake(at, account.clone())
            .map_err(|reason| error::failed(at, reason))?;
        Ok(Stake::new(at, account, info))
    }

    fn quote(
        &self,
        brain: BrainId,
        prompt_units: u32,
        completion_units: u32,
        at: Option<Hash>,
    ) -> RpcResult<Quote> {
        let (at, api) = self.runtime(at)?;
        let price = api
            .quote(at, brain, prompt_units, completion_units)
            .map_err(|reason| error::failed(at, reason))?
            .map_err(|reason| error::no_quote(brain, reason))?;
        Ok(Quote {
            at,
            brain,
            prompt_units,
            completion_units,
            price: Amount(price),
        })
    }

    fn fee(&self, call: Bytes, at: Option<Hash>) -> RpcResult<Fee> {
        let (at, api) = self.runtime(at)?;
        let fee = api
            .call_fee(at, call.0)
            .map_err(|reason| error::failed(at, reason))?
            .ok_or_else(|| {
                error::invalid(
                    "these bytes are no call of this chain; give one encoded by its metadata, of at most 64 KiB"
                        .into(),
                )
            })?;
        Ok(Fee::new(at, fee))
    }
}
