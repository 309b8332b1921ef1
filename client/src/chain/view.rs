//! The chain's state at one block.

use std::{collections::BTreeMap, sync::Arc};

use based_primitives::{
    Balance, BlockNumber, BrainId, BrainInfo, BrainPerformance, PeerInfo, SpendingAccountId, Uid, WeightTerms,
};
use sp_core::H256;

use super::{
    records::{Position, Row, SystemAccount, Target, ValidatorRecord},
    AccountBalance, AccountId, AtBlock, ChainError, Commitment, CrossRow, Reservation, SpendingAccount,
    StakePosition, Unstaking,
};

/// Brains a call of the runtime API gives at most.
const BRAINS_PAGE: u16 = 128;
/// Peers a call of the runtime API gives at most.
const PEERS_PAGE: u16 = 512;

/// State at one block.
#[derive(Clone)]
pub struct View {
    pub(super) at: AtBlock,
    pub(super) url: Arc<str>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("block", &self.number())
            .finish_non_exhaustive()
    }
}

impl View {
    pub(super) fn new(at: AtBlock, url: Arc<str>) -> Self {
        Self { at, url }
    }

    /// Height of the block.
    pub fn number(&self) -> BlockNumber {
        BlockNumber::try_from(self.at.block_number()).unwrap_or(BlockNumber::MAX)
    }

    /// Hash of the block.
    pub fn hash(&self) -> H256 {
        H256(self.at.block_hash().0)
    }

    /// Version of the runtime.
    pub fn spec_version(&self) -> u32 {
        self.at.spec_version()
    }

    /// A Brain, if it exists.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn brain(&self, brain: BrainId) -> Result<Option<BrainInfo<AccountId>>, ChainError> {
        self.api("BasedApi_brain", &brain).await
    }

    /// All Brains, ascending.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn brains(&self) -> Result<Vec<BrainInfo<AccountId>>, ChainError> {
        let mut brains: Vec<BrainInfo<AccountId>> = Vec::new();
        let mut start: BrainId = 0;
        loop {
            let page: Vec<BrainInfo<AccountId>> = self.api("BasedApi_brains", &(start, BRAINS_PAGE)).await?;
            let Some(next) = page
                .last()
                .and_then(|last| last.id.checked_add(1))
                .filter(|id| *id > start)
            else {
                return Ok(brains);
            };
            brains.extend(page);
            start = next;
        }
    }

    /// All peers of a Brain by ascending uid.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn peers(&self, brain: BrainId) -> Result<Vec<PeerInfo<AccountId>>, ChainError> {
        let mut peers: Vec<PeerInfo<AccountId>> = Vec::new();
        let mut start: Uid = 0;
        loop {
            let page: Vec<PeerInfo<AccountId>> =
                self.api("BasedApi_peers", &(brain, start, PEERS_PAGE)).await?;
            let Some(next) = page
                .last()
                .and_then(|last| last.uid.checked_add(1))
                .filter(|uid| *uid > start)
            else {
                return Ok(peers);
            };
            peers.extend(page);
            start = next;
        }
    }

    /// One account's entry as a peer of a Brain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn peer(
        &self,
        brain: BrainId,
        account: &AccountId,
    ) -> Result<Option<PeerInfo<AccountId>>, ChainError> {
        Ok(self
            .peers(brain)
            .await?
            .into_iter()
            .find(|peer| peer.account == *account))
    }

    /// What an account can claim: as peer or owner, and as staker.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn claimable(&self, account: &AccountId) -> Result<(Balance, Balance), ChainError> {
        self.api("BasedApi_claimable", account).await
    }

    /// What a Brain would get of the emission of one whole cycle, as stakes and performances stand.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn expected_emission(&self, brain: BrainId) -> Result<Balance, ChainError> {
        self.api("BasedApi_expected_emission", &brain).await
    }

    /// Blocks in one consensus cycle.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn cycle_blocks(&self) -> Result<u32, ChainError> {
        self.api("BasedApi_cycle_blocks", &()).await
    }

    /// Native balance of an account.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn balance(&self, account: &AccountId) -> Result<AccountBalance, ChainError> {
        let entry: Option<SystemAccount> = self.map("System", "Account", (bytes(account),)).await?;
        Ok(entry.map(|entry| entry.data).unwrap_or_default())
    }

    /// A spending account, if it exists.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn spending_account(
        &self,
        id: SpendingAccountId,
    ) -> Result<Option<SpendingAccount>, ChainError> {
        self.map("Compute", "Accounts", (id,)).await
    }

    /// Spending accounts that an account owns or may spend from.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn spending_accounts_of(
        &self,
        account: &AccountId,
    ) -> Result<BTreeMap<SpendingAccountId, SpendingAccount>, ChainError> {
        let all: Vec<((SpendingAccountId,), SpendingAccount)> = self.walk("Compute", "Accounts", ()).await?;
        let related = |entry: &SpendingAccount| entry.owner.0 == *account || entry.spender.0 == *account;
        Ok(all
            .into_iter()
            .filter(|(_, entry)| related(entry))
            .map(|((id,), entry)| (id, entry))
            .collect())
    }

    /// What a spending account has reserved for a miner.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn reservation(
        &self,
        id: SpendingAccountId,
        miner: &AccountId,
    ) -> Result<Option<Reservation>, ChainError> {
        self.map("Compute", "Reservations", (id, bytes(miner))).await
    }

    /// All reservations of a spending account, by miner.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn reservations(
        &self,
        id: SpendingAccountId,
    ) -> Result<Vec<(AccountId, Reservation)>, ChainError> {
        let all: Vec<((SpendingAccountId, [u8; 32]), Reservation)> =
            self.walk("Compute", "Reservations", (id,)).await?;
        Ok(all
            .into_iter()
            .map(|((_, miner), entry)| (AccountId::new(miner), entry))
            .collect())
    }

    /// Weights that validators revealed in a Brain: by validator, peer and weight.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn weights(&self, brain: BrainId) -> Result<BTreeMap<Uid, Vec<(Uid, u16)>>, ChainError> {
        let all: Vec<((BrainId, Uid), Row)> = self.walk("Consensus", "Rows", (brain,)).await?;
        let positive = |row: Row| {
            let edges = row.uids.into_iter().zip(row.weights);
            edges.filter(|(_, weight)| *weight > 0).collect()
        };
        Ok(all
            .into_iter()
            .map(|((_, uid), row)| (uid, positive(row)))
            .collect())
    }

    /// Commitments to weights that a validator has not revealed yet, oldest first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn commitments(&self, brain: BrainId, uid: Uid) -> Result<Vec<Commitment>, ChainError> {
        let record: Option<ValidatorRecord> = self.map("Consensus", "Validators", (brain, uid)).await?;
        Ok(record.map(|record| record.commits).unwrap_or_default())
    }

    /// What a Brain asks of rows of weights that are committed now.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn weight_terms(&self, brain: BrainId) -> Result<WeightTerms, ChainError> {
        self.api("BasedApi_weight_terms", &brain).await
    }

    /// How a Brain does, and what validators outside say of it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn brain_performance(&self, brain: BrainId) -> Result<BrainPerformance, ChainError> {
        self.api("ConsensusApi_brain_performance", &brain).await
    }

    /// A validator's edges to peers of other Brains, if it set any.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn cross_row(&self, brain: BrainId, uid: Uid) -> Result<Option<CrossRow>, ChainError> {
        self.map("Consensus", "CrossRows", (brain, uid)).await
    }

    /// Stakes of an account.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn stakes(&self, account: &AccountId) -> Result<Vec<StakePosition>, ChainError> {
        let all: Vec<(([u8; 32], Target), Position)> =
            self.walk("Staking", "Positions", (bytes(account),)).await?;
        let mut found: Vec<_> = all
            .into_iter()
            .map(|((_, target), position)| StakePosition {
                brain: target.brain,
                validator: target.validator.map(|validator| validator.0),
                amount: position.amount,
            })
            .collect();
        found.sort_by(|a, b| (a.brain, &a.validator).cmp(&(b.brain, &b.validator)));
        Ok(found)
    }

    /// What an account unstaked and did not withdraw.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn unstaking(&self, account: &AccountId) -> Result<Unstaking, ChainError> {
        let mut funds: Unstaking = self
            .map("Staking", "Unstaking", (bytes(account),))
            .await?
            .unwrap_or_default();
        if funds.pending_until <= self.number() {
            funds.withdrawable = funds
                .withdrawable
                .saturating_add(std::mem::take(&mut funds.pending));
        }
        Ok(funds)
    }
}

fn bytes(account: &AccountId) -> [u8; 32] {
    *account.as_ref()
}
