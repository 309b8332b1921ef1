//! The chain's state at one block.

use std::{collections::BTreeMap, sync::Arc};

use based_primitives::{Balance, BlockNumber, BrainId, BrainInfo, PeerInfo, Purpose, SpendingAccountId, Uid};
use codec::{DecodeAll, Encode};
use sp_core::H256;
use subxt::{
    dynamic,
    ext::{scale_decode::DecodeAsType, scale_encode::EncodeAsType},
    utils::Static,
};

use super::{AccountId, AtBlock, ChainError};

/// Most entries of one map that a reader walks through.
const MAX_ENTRIES: usize = 100_000;
/// Brains a call of the runtime API gives at most.
const BRAINS_PAGE: u16 = 128;
/// Peers a call of the runtime API gives at most.
const PEERS_PAGE: u16 = 512;

/// State at one block.
#[derive(Clone)]
pub struct View {
    at: AtBlock,
    url: Arc<str>,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("block", &self.number())
            .finish_non_exhaustive()
    }
}

/// A spending account (R145, F.3).
#[derive(Debug, Clone, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct SpendingAccount {
    /// Account whose $BASED it holds.
    pub owner: Static<AccountId>,
    /// Account that signs vouchers.
    pub spender: Static<AccountId>,
    /// What it may be used for.
    pub purpose: Static<Purpose>,
    /// Held and not reserved for any miner.
    pub balance: Balance,
    /// Reserved for miners and not redeemed.
    pub reserved: Balance,
    /// Most that may be spent in all.
    pub cap: Balance,
    /// Spent so far.
    pub spent: Balance,
    /// Last block in which it pays.
    pub expiry: BlockNumber,
    /// Block in which a closing may end, if one was started.
    pub closing: Option<BlockNumber>,
}

impl SpendingAccount {
    /// Most that can be reserved now: neither the balance nor the cap is exceeded.
    pub fn room(&self) -> Balance {
        self.balance
            .min(self.cap.saturating_sub(self.spent).saturating_sub(self.reserved))
    }
}

/// Part of a spending account reserved for one miner (F.3-1).
#[derive(Debug, Clone, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Reservation {
    /// Brain for whose work it pays.
    pub brain: BrainId,
    /// Reserved in all, redeemed part included.
    pub reserved: Balance,
    /// Redeemed so far.
    pub redeemed: Balance,
}

/// Stake of one account on a Brain or on one of its validators.
#[derive(Debug, Clone)]
pub struct StakePosition {
    /// Brain.
    pub brain: BrainId,
    /// Validator, or the Brain as such.
    pub validator: Option<AccountId>,
    /// Stake.
    pub amount: Balance,
}

/// What an account unstaked and did not withdraw.
#[derive(Debug, Clone, Copy, Default, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Unstaking {
    /// Withdrawable now.
    pub withdrawable: Balance,
    /// Withdrawable from `pending_until` on.
    pub pending: Balance,
    /// First block in which `pending` can be withdrawn.
    pub pending_until: BlockNumber,
}

/// An account's native balance.
#[derive(Debug, Clone, Copy, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct AccountBalance {
    /// Free, frozen part included.
    pub free: Balance,
    /// On hold: stake and spending accounts.
    pub reserved: Balance,
    /// Part of the free balance that must stay.
    pub frozen: Balance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct SystemAccount {
    data: AccountBalance,
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
        Ok(entry.map_or(
            AccountBalance {
                free: 0,
                reserved: 0,
                frozen: 0,
            },
            |entry| entry.data,
        ))
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
        let all: Vec<(u64, SpendingAccount)> = self.entries("Compute", "Accounts").await?;
        let related = |entry: &SpendingAccount| entry.owner.0 == *account || entry.spender.0 == *account;
        Ok(all.into_iter().filter(|(_, entry)| related(entry)).collect())
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
        let address = dynamic::storage::<(u64, [u8; 32]), Reservation>("Compute", "Reservations");
        let storage = self.at.storage();
        let mut entries = storage.iter(address, (id,)).await.map_err(|e| self.error(e))?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|e| self.error(e))?;
            let (_, miner) = entry
                .key()
                .and_then(|key| key.decode())
                .map_err(|e| self.error(e))?;
            found.push((
                AccountId::new(miner),
                entry.value().decode().map_err(|e| self.error(e))?,
            ));
        }
        Ok(found)
    }

    /// Weights that validators set in a Brain: by validator, peer and weight.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn weights(&self, brain: BrainId) -> Result<BTreeMap<Uid, Vec<(Uid, u16)>>, ChainError> {
        let address = dynamic::storage::<(u16, u16), Weights>("Consensus", "Weights");
        let storage = self.at.storage();
        let mut entries = storage.iter(address, (brain,)).await.map_err(|e| self.error(e))?;
        let mut found = BTreeMap::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|e| self.error(e))?;
            let (_, uid) = entry
                .key()
                .and_then(|key| key.decode())
                .map_err(|e| self.error(e))?;
            let value: Weights = entry.value().decode().map_err(|e| self.error(e))?;
            found.insert(uid, value.weights);
        }
        Ok(found)
    }

    /// Stakes of an account.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn stakes(&self, account: &AccountId) -> Result<Vec<StakePosition>, ChainError> {
        let address = dynamic::storage::<([u8; 32], Target), Position>("Staking", "Positions");
        let storage = self.at.storage();
        let mut entries = storage
            .iter(address, (bytes(account),))
            .await
            .map_err(|e| self.error(e))?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|e| self.error(e))?;
            let (_, target) = entry
                .key()
                .and_then(|key| key.decode())
                .map_err(|e| self.error(e))?;
            let position = entry.value().decode().map_err(|e| self.error(e))?;
            let validator = target.validator.map(|validator| validator.0);
            found.push(StakePosition {
                brain: target.brain,
                validator,
                amount: position.amount,
            });
        }
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

    /// Calls the runtime and decodes its answer, without metadata.
    async fn api<A: Encode, T: DecodeAll>(&self, function: &str, argument: &A) -> Result<T, ChainError> {
        let argument = argument.encode();
        let answer = self.at.runtime_apis().call_raw(function, Some(&argument)).await;
        let answer = answer.map_err(|e| self.error(e))?;
        T::decode_all(&mut &answer[..]).map_err(|e| ChainError::Decode(format!("{function}: {e}")))
    }

    pub(super) async fn map<K, T>(&self, pallet: &str, entry: &str, key: K) -> Result<Option<T>, ChainError>
    where
        K: subxt::ext::frame_decode::storage::IntoEncodableValues
            + subxt::ext::frame_decode::storage::IntoDecodableValues
            + Send
            + Sync
            + 'static,
        T: DecodeAsType,
    {
        let address = dynamic::storage::<K, T>(pallet, entry);
        let value = self
            .at
            .storage()
            .try_fetch(address, key)
            .await
            .map_err(|e| self.error(e))?;
        value
            .map(|value| value.decode())
            .transpose()
            .map_err(|e| self.error(e))
    }

    async fn entries<T: DecodeAsType>(&self, pallet: &str, entry: &str) -> Result<Vec<(u64, T)>, ChainError> {
        let address = dynamic::storage::<(u64,), T>(pallet, entry);
        let storage = self.at.storage();
        let mut entries = storage.iter(address, ()).await.map_err(|e| self.error(e))?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            if found.len() == MAX_ENTRIES {
                return Err(ChainError::Node(format!(
                    "{pallet} holds more than {MAX_ENTRIES} entries"
                )));
            }
            let entry = entry.map_err(|e| self.error(e))?;
            let (id,) = entry
                .key()
                .and_then(|key| key.decode())
                .map_err(|e| self.error(e))?;
            found.push((id, entry.value().decode().map_err(|e| self.error(e))?));
        }
        Ok(found)
    }

    fn error(&self, error: impl Into<subxt::Error>) -> ChainError {
        ChainError::from_subxt(&self.url, error)
    }
}

#[derive(DecodeAsType, EncodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
struct Target {
    brain: BrainId,
    validator: Option<Static<AccountId>>,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Position {
    amount: Balance,
}

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Weights {
    weights: Vec<(Uid, u16)>,
}

fn bytes(account: &AccountId) -> [u8; 32] {
    *account.as_ref()
}
