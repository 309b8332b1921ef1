//! Command-line arguments by which every program names its key.

use sp_core::crypto::{ExposeSecret, SecretString};

use super::{pair_of, WalletError, Wallets};
use crate::chain::Signer;

/// Which key signs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KeyArgs {
    /// Wallet to sign with; its password is asked for, or taken from BASED_PASSWORD.
    #[arg(
        long,
        env = "BASED_WALLET",
        value_name = "NAME",
        global = true,
        conflicts_with = "uri"
    )]
    pub wallet: Option<String>,
    /// Secret URI to sign with, such as //Alice on a development chain.
    #[arg(
        long,
        env = "BASED_URI",
        value_name = "URI",
        global = true,
        hide_env_values = true
    )]
    pub uri: Option<String>,
}

impl KeyArgs {
    /// The key named.
    ///
    /// # Errors
    /// [`WalletError`] if none is named, or it cannot be unlocked.
    pub fn signer(&self) -> Result<Signer, WalletError> {
        match (&self.wallet, &self.uri) {
            (_, Some(uri)) => Ok(Signer::new(pair_of(&SecretString::from(uri.clone()))?)),
            (Some(name), None) => {
                let wallets = Wallets::of_user()?;
                // A missing wallet is reported before a password is asked for.
                wallets.account(name)?;
                wallets.unlock(name, &password(&format!("Password of wallet {name}: "))?)
            }
            (None, None) => Err(WalletError::NoKey),
        }
    }

    /// Account of the key named; a wallet's needs no password.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn account(&self) -> Result<crate::chain::AccountId, WalletError> {
        match (&self.wallet, &self.uri) {
            (Some(name), None) => Wallets::of_user()?.account(name),
            _ => Ok(self.signer()?.account()),
        }
    }
}

/// Asks for a password, unless BASED_PASSWORD gives it.
///
/// # Errors
/// [`WalletError::Prompt`].
pub fn password(question: &str) -> Result<SecretString, WalletError> {
    if let Ok(password) = std::env::var("BASED_PASSWORD") {
        return Ok(SecretString::from(password));
    }
    rpassword::prompt_password(question)
        .map(SecretString::from)
        .map_err(WalletError::Prompt)
}

/// Asks for a new password, twice, unless BASED_PASSWORD gives it.
///
/// # Errors
/// [`WalletError::EmptyPassword`], or [`WalletError::Prompt`] if it cannot be asked for or the two differ.
pub fn new_password() -> Result<SecretString, WalletError> {
    let first = password("New password: ")?;
    if first.expose_secret().is_empty() {
        return Err(WalletError::EmptyPassword);
    }
    if std::env::var_os("BASED_PASSWORD").is_none() {
        let again = password("The same again: ")?;
        if again.expose_secret() != first.expose_secret() {
            return Err(WalletError::Prompt(std::io::Error::other(
                "the two passwords differ",
            )));
        }
    }
    Ok(first)
}
