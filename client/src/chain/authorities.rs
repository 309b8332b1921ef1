//! Producers of blocks, as a [`View`] reads them, and the session keys of a [`Chain`]'s node.

use based_primitives::Balance;
use serde::Deserialize;
use subxt::{rpcs::client::rpc_params, utils::Static};

use super::{
    records::KeysRecord, AccountId, Bar, Chain, ChainError, LeavingStake, Operator, SessionKeys, View,
};

/// What `author_rotateKeysWithOwner` answers, in hexadecimal.
#[derive(Deserialize)]
struct Generated {
    keys: String,
    proof: Option<String>,
}

impl Chain {
    /// Makes new session keys in the node's key store, for an account that will produce blocks with them. Returns the
    /// public keys, and the proof for that account that the node holds them. The node must allow unsafe methods, as it
    /// does to its own machine.
    ///
    /// # Errors
    /// [`ChainError::Node`] if the node refuses; [`ChainError::NoKeys`] in a dry run, which changes no key store.
    pub async fn rotate_session_keys(&self, owner: &AccountId) -> Result<(SessionKeys, Vec<u8>), ChainError> {
        if self.dry {
            return Err(ChainError::NoKeys);
        }
        let owner: &[u8; 32] = owner.as_ref();
        let owner = format!("0x{}", hex::encode(owner));
        let generated: Generated = self
            .request("author_rotateKeysWithOwner", rpc_params![owner])
            .await?;
        let unreadable = |what: &str| ChainError::Decode(format!("author_rotateKeysWithOwner: {what}"));
        let proof = generated.proof.ok_or_else(|| unreadable("no proof"))?;
        let keys = bytes(&generated.keys).ok_or_else(|| unreadable("the keys"))?;
        Ok((
            SessionKeys::try_from(keys).map_err(|_| unreadable("the keys' length"))?,
            bytes(&proof).ok_or_else(|| unreadable("the proof"))?,
        ))
    }
}

impl View {
    /// An account's record as a producer of blocks, if it ever stood for election or is a producer of genesis.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn operator(&self, account: &AccountId) -> Result<Option<Operator>, ChainError> {
        self.map("Authorities", "Operators", (raw(account),)).await
    }

    /// The equivocation for which an account can produce no more, if it committed one.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn bar(&self, account: &AccountId) -> Result<Option<Bar>, ChainError> {
        self.map("Authorities", "Barred", (raw(account),)).await
    }

    /// Producers of the current session.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn producers(&self) -> Result<Vec<AccountId>, ChainError> {
        let producers: Option<Vec<Static<AccountId>>> = self.map("Session", "Validators", ()).await?;
        let producers = producers.unwrap_or_default();
        Ok(producers.into_iter().map(|producer| producer.0).collect())
    }

    /// Session keys that an account registered.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn session_keys(&self, account: &AccountId) -> Result<Option<SessionKeys>, ChainError> {
        let keys: Option<KeysRecord> = self.map("Session", "NextKeys", (raw(account),)).await?;
        Ok(keys.map(|keys| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&keys.babe.0);
            bytes[32..].copy_from_slice(&keys.grandpa.0);
            bytes
        }))
    }

    /// Stake behind a validator over all Brains, its own and delegated.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn backing(&self, validator: &AccountId) -> Result<Balance, ChainError> {
        let stake: Option<Balance> = self.map("Staking", "Backing", (raw(validator),)).await?;
        Ok(stake.unwrap_or_default())
    }

    /// What an account unstaked from producers of blocks and did not withdraw, the first that becomes free first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn leaving_stake(&self, account: &AccountId) -> Result<Vec<LeavingStake>, ChainError> {
        type Key = ([u8; 32], ([u8; 32], u32));
        let all: Vec<(Key, super::records::LeavingFunds)> =
            self.walk("Staking", "LeavingStake", (raw(account),)).await?;
        let mut found: Vec<_> = all
            .into_iter()
            .map(|((_, (validator, cycle)), funds)| LeavingStake {
                validator: AccountId::new(validator),
                cycle,
                amount: funds.amount,
                until: funds.until,
            })
            .collect();
        found.sort_by(|a, b| (a.until, &a.validator).cmp(&(b.until, &b.validator)));
        Ok(found)
    }
}

pub(super) fn raw(account: &AccountId) -> [u8; 32] {
    *account.as_ref()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}
