//! What owners of Brains read: prices, settings, and Pepecoin.

use based_primitives::{constants::PEPECOIN_ASSET, math::brain_price, Balance, BrainId, BrainKind};

use super::{
    records::{AssetAccount, BrainRecord},
    AccountId, BrainAdmission, BrainProfile, BrainSettings, ChainError, PepecoinTotals, View,
};

impl View {
    /// Pepecoin that the next Brain of a kind costs; none for a kind that is not issued.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn brain_price(&self, kind: BrainKind) -> Result<Option<Balance>, ChainError> {
        let burned: Option<u16> = self.map("Brains", "BurnedBrains", ()).await?;
        Ok(brain_price(kind, burned.unwrap_or_default()))
    }

    /// Pepecoin burnt and staked for Brains on this chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn pepecoin_totals(&self) -> Result<PepecoinTotals, ChainError> {
        Ok(self
            .map("Brains", "PepecoinTotals", ())
            .await?
            .unwrap_or_default())
    }

    /// Pepecoin of an account that is neither staked for a Brain nor held otherwise.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn pepecoin(&self, account: &AccountId) -> Result<Balance, ChainError> {
        let key: (u32, [u8; 32]) = (PEPECOIN_ASSET, *account.as_ref());
        let entry: Option<AssetAccount> = self.map("Assets", "Account", key).await?;
        Ok(entry.map_or(0, |entry| entry.balance))
    }

    /// What the owner of a Brain stored for it; none if there is no such Brain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn brain_settings(&self, brain: BrainId) -> Result<Option<BrainSettings>, ChainError> {
        let record: Option<BrainRecord> = self.map("Brains", "Brains", (brain,)).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let profile: Option<BrainProfile> = self.map("Brains", "Profiles", (brain,)).await?;
        let admission: Option<BrainAdmission> = self.map("Brains", "Admissions", (brain,)).await?;
        let pruning: Option<()> = self.map("Registry", "Pruning", (brain,)).await?;
        Ok(Some(BrainSettings {
            reward_account: record.reward_account.map(|account| account.0),
            issued_at: record.issued_at,
            profile: profile.unwrap_or_default(),
            admission: admission.unwrap_or_default(),
            pruning: pruning.is_some(),
            stake: self.map("Brains", "Stakes", (brain,)).await?,
        }))
    }
}
