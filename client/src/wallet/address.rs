//! Accounts as people write them.

use based_primitives::constants::SS58_PREFIX;
use sp_core::{
    crypto::{Ss58AddressFormat, Ss58Codec},
    sr25519, Pair,
};

use super::WalletError;
use crate::chain::AccountId;

/// Prefix of addresses that belong to no network in particular.
const GENERIC_PREFIX: u16 = 42;

/// SS58 address of an account on BasedAI networks.
pub fn format_account(account: &AccountId) -> String {
    account.to_ss58check_with_version(Ss58AddressFormat::custom(SS58_PREFIX))
}

/// Reads an account: an SS58 address of BasedAI or of the generic prefix, 0x and 64 hexadecimal digits, or the
/// URI of a development account such as `//Alice`.
///
/// # Errors
/// [`WalletError::Address`].
pub fn parse_account(text: &str) -> Result<AccountId, WalletError> {
    let unknown = || WalletError::Address(text.to_owned());
    if text.starts_with("//") {
        let pair = sr25519::Pair::from_string(text, None).map_err(|_| unknown())?;
        return Ok(pair.public().into());
    }
    if let Some(digits) = text.strip_prefix("0x") {
        let bytes: [u8; 32] = hex::decode(digits)
            .ok()
            .and_then(|b| b.try_into().ok())
            .ok_or_else(unknown)?;
        return Ok(AccountId::new(bytes));
    }
    let (account, prefix) = AccountId::from_ss58check_with_version(text).map_err(|_| unknown())?;
    if ![SS58_PREFIX, GENERIC_PREFIX].contains(&u16::from(prefix)) {
        return Err(unknown());
    }
    Ok(account)
}
