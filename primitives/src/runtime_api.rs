//! Runtime API by which clients read the network in single calls.
// The macro repeats bounds.
#![allow(clippy::multiple_bound_locations)]

use alloc::vec::Vec;
use codec::Codec;

use crate::{
    forecasts::{ForecastStatus, MetricsBucket, RevealedForecast, TargetHistory},
    types::{Balance, BrainId, BrainInfo, BrainPerformance, PeerInfo, Uid, WeightTerms},
    views::{CallFee, EmissionInfo, Metagraph, QuoteError, StakeInfo},
};

sp_api::decl_runtime_apis! {
    /// Reads Brains, peers, stake and rewards. Every answer takes a bounded amount of work.
    #[api_version(1)]
    pub trait BasedApi<AccountId: Codec> {
        /// One Brain.
        fn brain(id: BrainId) -> Option<BrainInfo<AccountId>>;
        /// Up to `limit` (at most 128) existing Brains with number `start` or above, ascending.
        fn brains(start: BrainId, limit: u16) -> Vec<BrainInfo<AccountId>>;
        /// Up to `limit` (at most 512) peers of a Brain with uid `start` or above, ascending.
        fn peers(brain: BrainId, start: Uid, limit: u16) -> Vec<PeerInfo<AccountId>>;
        /// Rewards an account can claim: (as peer or owner, as staker).
        fn claimable(account: AccountId) -> (Balance, Balance);
        /// Blocks in one cycle.
        fn cycle_blocks() -> u32;
        /// What a Brain asks of rows of weights that are committed now.
        fn weight_terms(brain: BrainId) -> WeightTerms;
        /// Up to `limit` (at most 2,048, which is any Brain whole) peers of a Brain with uid `start` or above, with their
        /// stake and scores; none if there is no such Brain.
        #[api_version(2)]
        fn metagraph(brain: BrainId, start: Uid, limit: u16) -> Option<Metagraph<AccountId>>;
        /// Where emission stands.
        #[api_version(2)]
        fn emission() -> EmissionInfo;
        /// What a Brain would get of the emission of one whole cycle, as stakes and performances stand (R185).
        #[api_version(2)]
        fn expected_emission(brain: BrainId) -> Balance;
        /// What an account has staked and earned.
        #[api_version(2)]
        fn stake(account: AccountId) -> StakeInfo<AccountId>;
        /// Price of a prompt on a Brain, by its units and those of its completion (R138).
        #[api_version(2)]
        fn quote(brain: BrainId, prompt_units: u32, completion_units: u32) -> Result<Balance, QuoteError>;
        /// Fee of an encoded call of at most 64 KiB, sent now as a signed transaction; none for bytes that are no call.
        #[api_version(2)]
        fn call_fee(call: Vec<u8>) -> Option<CallFee>;
    }

    /// Reads what consensus found.
    #[api_version(1)]
    pub trait ConsensusApi {
        /// How a Brain does: its performance, what its last epoch observed and what validators outside say of it.
        fn brain_performance(brain: BrainId) -> BrainPerformance;
    }

    /// Reads metrics and forecasts.
    #[api_version(1)]
    pub trait ForecastsApi<AccountId: Codec> {
        /// Up to `limit` (at most 256) finished buckets of metrics with number `from` or above, ascending; those that
        /// left the ring are skipped.
        fn metrics(from: u32, limit: u16) -> Vec<MetricsBucket>;
        /// Realised values of the targets over the newest cycles.
        fn target_history() -> TargetHistory;
        /// Where forecasting stands.
        fn forecast_status() -> ForecastStatus;
        /// Up to `limit` (at most 256) forecasts revealed for a round and not scored yet, in an order of their own;
        /// `after` is the last account of the page before.
        fn revealed_forecasts(round: u32, after: Option<AccountId>, limit: u16) -> Vec<RevealedForecast<AccountId>>;
        /// Accuracy of an account in ppb.
        fn accuracy(account: AccountId) -> u64;
        /// Forecast of a Brain's next performance in ppb, where at least eight forecasters with weight cover it.
        fn brain_forecast(brain: BrainId) -> Option<u64>;
    }
}
