//! Wallets: account keys in encrypted files, in the JSON form that polkadot.js and its kin read and write.

mod address;
mod args;
mod keystore;
#[cfg(test)]
mod tests;

pub use address::{format_account, parse_account};
pub use args::{new_password, password, KeyArgs};
pub use keystore::KeystoreError;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use sp_core::{
    crypto::{ExposeSecret, SecretString},
    sr25519, Pair,
};

use crate::{
    chain::{AccountId, Signer},
    files,
};

/// Longest name of a wallet.
const MAX_NAME: usize = 64;
/// Largest wallet file that is read.
const MAX_FILE: u64 = 64 << 10;

/// Why a wallet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The name cannot be a file's.
    #[error("{0:?} is no wallet name; use letters, digits, - and _, at most {MAX_NAME}")]
    Name(String),
    /// There is no such wallet.
    #[error("there is no wallet {0:?}; see `based wallet list`, or make it with `based wallet new {0}`")]
    Missing(String),
    /// There is one already.
    #[error("there is a wallet {0:?} already; choose another name")]
    Exists(String),
    /// The phrase or secret URI is malformed.
    #[error("this is no secret phrase or URI: {0}")]
    Secret(String),
    /// Neither or both ways to name a key were used.
    #[error("name the key to sign with: --wallet NAME, or --uri //Alice on a development chain")]
    NoKey,
    /// An empty password.
    #[error("the password is empty; choose one, or set BASED_PASSWORD")]
    EmptyPassword,
    /// An address cannot be read.
    #[error("{0:?} is no account; give an SS58 address or 0x and 64 hexadecimal digits")]
    Address(String),
    /// The file is not a key, or the password is wrong.
    #[error(transparent)]
    Keystore(#[from] KeystoreError),
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The password cannot be read.
    #[error("cannot ask for the password ({0}); set BASED_PASSWORD")]
    Prompt(io::Error),
}

/// A directory of wallets.
#[derive(Debug, Clone)]
pub struct Wallets {
    dir: PathBuf,
}

impl Wallets {
    /// The wallets of a directory, which need not exist yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The user's wallets: `wallets` under [`files::home`].
    ///
    /// # Errors
    /// [`WalletError::File`] if there is no home.
    pub fn of_user() -> Result<Self, WalletError> {
        let home = files::home().map_err(|source| WalletError::File {
            path: PathBuf::from("~"),
            source,
        })?;
        Ok(Self::new(home.join("wallets")))
    }

    /// Makes a wallet with a new key and returns its account and secret phrase, which is stored nowhere.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn create(
        &self,
        name: &str,
        password: &SecretString,
    ) -> Result<(AccountId, SecretString), WalletError> {
        let (pair, phrase, _) = sr25519::Pair::generate_with_phrase(None);
        let account = self.store(name, &pair, password)?;
        Ok((account, SecretString::from(phrase)))
    }

    /// Makes a wallet of a secret phrase or URI.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn import(
        &self,
        name: &str,
        secret: &SecretString,
        password: &SecretString,
    ) -> Result<AccountId, WalletError> {
        self.store(name, &pair_of(secret)?, password)
    }

    /// Makes a wallet of a JSON file exported elsewhere; its password stays.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn import_json(
        &self,
        name: &str,
        json: &str,
        password: &SecretString,
    ) -> Result<AccountId, WalletError> {
        self.store(name, &keystore::decrypt(json, password)?, password)
    }

    /// Names and accounts of all wallets, by name.
    ///
    /// # Errors
    /// [`WalletError::File`].
    pub fn list(&self) -> Result<Vec<(String, AccountId)>, WalletError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(WalletError::File {
                    path: self.dir.clone(),
                    source,
                })
            }
        };
        let mut wallets = Vec::new();
        for entry in entries {
            let path = entry
                .map_err(|source| WalletError::File {
                    path: self.dir.clone(),
                    source,
                })?
                .path();
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.extension().is_some_and(|extension| extension == "json") && check_name(&name).is_ok() {
                wallets.push((name.clone(), self.account(&name)?));
            }
        }
        wallets.sort();
        Ok(wallets)
    }

    /// Account of a wallet; needs no password.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn account(&self, name: &str) -> Result<AccountId, WalletError> {
        Ok(keystore::account(&self.read(name)?)?)
    }

    /// The wallet's key.
    ///
    /// # Errors
    /// [`WalletError::Keystore`] if the password is wrong.
    pub fn unlock(&self, name: &str, password: &SecretString) -> Result<Signer, WalletError> {
        Ok(Signer::new(keystore::decrypt(&self.read(name)?, password)?))
    }

    fn store(
        &self,
        name: &str,
        pair: &sr25519::Pair,
        password: &SecretString,
    ) -> Result<AccountId, WalletError> {
        let path = self.path(name)?;
        if password.expose_secret().is_empty() {
            return Err(WalletError::EmptyPassword);
        }
        let json = keystore::encrypt(pair, name, password)?;
        let file = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => WalletError::Exists(name.to_owned()),
            _ => WalletError::File {
                path: path.clone(),
                source,
            },
        };
        let mut new = files::create_private(&path).map_err(file)?;
        new.write_all(json.as_bytes())
            .and_then(|()| new.sync_all())
            .map_err(file)?;
        Ok(pair.public().into())
    }

    fn read(&self, name: &str) -> Result<String, WalletError> {
        let path = self.path(name)?;
        read_limited(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => WalletError::Missing(name.to_owned()),
            _ => WalletError::File { path, source },
        })
    }

    fn path(&self, name: &str) -> Result<PathBuf, WalletError> {
        check_name(name)?;
        Ok(self.dir.join(format!("{name}.json")))
    }
}

/// Key pair of a secret phrase or URI, such as `//Alice`.
///
/// # Errors
/// [`WalletError::Secret`] if it is malformed; the message does not repeat it.
pub fn pair_of(secret: &SecretString) -> Result<sr25519::Pair, WalletError> {
    sr25519::Pair::from_string(secret.expose_secret().trim(), None)
        .map_err(|error| WalletError::Secret(error.to_string()))
}

/// Reads a wallet file, refusing one that is far too large.
///
/// # Errors
/// The system's error.
pub fn read_limited(path: &Path) -> io::Result<String> {
    use io::Read;
    let mut text = String::new();
    fs::File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
    Ok(text)
}

fn check_name(name: &str) -> Result<(), WalletError> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) {
        return Err(WalletError::Name(name.to_owned()));
    }
    Ok(())
}
