//! Ethereum addresses of accounts, as a [`View`] reads them.

use based_primitives::eip712::eth_account;
use sp_core::H160;
use sp_crypto_hashing::keccak_256;

use subxt::{ext::scale_decode::DecodeAsType, utils::Static};

use super::{authorities::raw, AccountId, ChainError, View};

/// What is read of an address that was linked.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Linked {
    nonce: u32,
}

/// Address under which Ethereum tools see an account: the first bytes of an Ethereum account's id, else of its hash.
pub fn address_of(account: &AccountId) -> H160 {
    let id: &[u8; 32] = account.as_ref();
    let address = H160::from_slice(&id[..20]);
    if eth_account(address.0) == *account {
        address
    } else {
        H160::from_slice(&keccak_256(id)[12..])
    }
}

impl View {
    /// Account that an address stands for.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn account_at(&self, address: H160) -> Result<AccountId, ChainError> {
        let original: Option<Static<AccountId>> = self.map("Revive", "OriginalAccount", (address.0,)).await?;
        Ok(original.map_or_else(|| eth_account(address.0), |account| account.0))
    }

    /// Ethereum address that an account is linked to (R036).
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn linked_address(&self, account: &AccountId) -> Result<Option<H160>, ChainError> {
        let linked: Option<Static<H160>> = self.map("Ethereum", "Links", (raw(account),)).await?;
        Ok(linked.map(|address| address.0))
    }

    /// Nonce of the next consent of an address to be linked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn link_nonce(&self, address: H160) -> Result<u32, ChainError> {
        let linked: Option<Linked> = self.map("Ethereum", "Addresses", (address.0,)).await?;
        Ok(linked.map_or(0, |linked| linked.nonce))
    }
}

#[cfg(test)]
mod tests {
    use sp_core::hex2array;

    use super::*;

    #[test]
    fn accounts_have_the_addresses_that_contracts_see() {
        let alice = crate::wallet::parse_account("//Alice").unwrap();
        // As shown by the SDK's own tools for its development account.
        assert_eq!(
            address_of(&alice),
            H160(hex2array!("9621dde636de098b43efb0fa9b61facfe328f99d"))
        );
        let ethereum = H160([0xab; 20]);
        assert_eq!(address_of(&eth_account(ethereum.0)), ethereum);
    }
}
