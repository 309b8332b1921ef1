//! What a session needs besides its connection, and what was agreed for it.

use std::sync::Arc;

use based_primitives::{
    payments::{SignedVoucher, VoucherSignature},
    Balance, BrainId, ComputeKey, JobId, PriceList, SpendingAccountId,
};
use sp_core::H256;
use tonic::transport::Channel;

use crate::{
    chain::AccountId,
    session::{Event, SessionError},
    wire::MinerClient,
};

/// Tells people what happens.
pub type Tell = Arc<dyn Fn(Event) + Send + Sync>;

/// What a session needs of the world besides its miner's words.
#[tonic::async_trait]
pub trait Means: Send + 'static {
    /// Connects to the miner.
    async fn connect(&mut self) -> Result<MinerClient<Channel>, SessionError>;

    /// Signs bytes as the account's spender.
    fn sign(&self, bytes: &[u8]) -> VoucherSignature;

    /// Raises by `amount` what the miner is promised for the job, durably, and gives the voucher.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn promise(&mut self, amount: Balance) -> Result<SignedVoucher, SessionError>;
}

/// Looks at a miner's work with the model at hand; what it sees are ciphertexts.
pub trait Audit: Send + Sync {
    /// Whether a layer's hint is that of a request under a packing key. May look at some only.
    fn hint(&self, layer: usize, key: &[u8], request: &[u8], hint: &[u8]) -> bool;

    /// Whether a layer's answer is that of a prompt's request and inputs under a packing key. May look at some only.
    fn answer(&self, layer: usize, key: &[u8], request: &[u8], inputs: &[u8], outputs: &[u8]) -> bool;

    /// Whether a layer's outputs are those of its inputs.
    fn round(&self, layer: usize, inputs: &[u8], outputs: &[u8]) -> bool;
}

/// What was agreed for a job.
#[derive(Clone, Debug)]
pub struct Deal {
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// Brain.
    pub brain: BrainId,
    /// SHA-256 of the manifest.
    pub task: H256,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// Miner.
    pub miner: AccountId,
    /// Key that the registry names for it.
    pub computekey: ComputeKey,
    /// Job.
    pub job: JobId,
    /// Prices by the chain.
    pub prices: PriceList,
    /// Positions that are paid as prompt.
    pub prompt: u32,
    /// Positions of each pass that may be made, in order: the prompt's first.
    pub passes: Vec<usize>,
    /// Most that is paid.
    pub most: Balance,
}

/// What a session took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Round trips.
    pub rounds: u64,
    /// Bytes of encrypted inputs.
    pub up: u64,
    /// Bytes of encrypted outputs and hints.
    pub down: u64,
}
