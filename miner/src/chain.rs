//! What the miner asks of the chain, apart from how it is reached.

use based_primitives::{
    payments::SignedVoucher, Balance, BlockNumber, BrainId, BrainInfo, PeerInfo, Purpose, SpendingAccountId,
};
use sp_core::H256;
use sp_runtime::AccountId32;

/// Why the chain gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainError {
    /// The node cannot be reached or did not answer.
    #[error("the node gives no answer: {0}")]
    Unreachable(String),
    /// The chain refused a transaction.
    #[error("the chain refused the transaction: {0}")]
    Refused(String),
}

/// Result of a question to the chain.
pub type ChainResult<T> = Result<T, ChainError>;

/// A spending account (R145).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingAccount {
    /// Key that signs vouchers and uploads.
    pub spender: AccountId32,
    /// What it may be used for.
    pub purpose: Purpose,
    /// Last block in which it pays.
    pub expiry: BlockNumber,
    /// Last block in which miners can redeem, once its owner asked to close it.
    pub closing: Option<BlockNumber>,
}

impl SpendingAccount {
    /// Last block in which it pays.
    pub fn until(&self) -> BlockNumber {
        self.closing
            .map_or(self.expiry, |closing| closing.min(self.expiry))
    }
}

/// A reservation of a spending account for this miner (F.3-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Brain whose work it pays.
    pub brain: BrainId,
    /// Reserved in all.
    pub reserved: Balance,
    /// Redeemed so far.
    pub redeemed: Balance,
}

/// A spending account and its reservation for this miner, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub spending: SpendingAccount,
    /// Its reservation.
    pub reservation: Option<Reservation>,
}

/// The chain, as a miner needs it.
#[tonic::async_trait]
pub trait Chain: Send + Sync + 'static {
    /// Hash of block 0.
    fn genesis(&self) -> H256;
    /// The miner's account.
    fn miner(&self) -> AccountId32;
    /// Height of the best block.
    async fn head(&self) -> ChainResult<BlockNumber>;
    /// One Brain.
    async fn brain(&self, id: BrainId) -> ChainResult<Option<BrainInfo<AccountId32>>>;
    /// This miner as registered with a Brain.
    async fn peer(&self, brain: BrainId) -> ChainResult<Option<PeerInfo<AccountId32>>>;
    /// A spending account and its reservation for this miner, in the best block.
    async fn account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>>;
    /// As [`Chain::account`], in the last finalized block.
    async fn finalized_account(&self, id: SpendingAccountId) -> ChainResult<Option<Account>>;
    /// Submits one transaction that redeems these vouchers and waits until it is in a block.
    async fn redeem(&self, vouchers: Vec<SignedVoucher>) -> ChainResult<()>;
}
