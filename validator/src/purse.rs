//! Accounts that pay for canaries: each is a user of its own as far as anybody can see.
//!
//! The validator's own account never pays a canary, funds one or appears beside one. Each account opens its own
//! spending account from its own funds; who funds them, and how, is the operator's care (F.4-3).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{bail, Context};
use based_client::{
    chain::{AccountId, Signer},
    wallet::pair_of,
};
use rand::{rngs::OsRng, seq::SliceRandom};
use sp_core::crypto::SecretString;
use tokio::sync::Mutex;

/// One account that pays for canaries, with the directory of its client state.
#[derive(Debug)]
pub struct Payer {
    /// Its key.
    pub signer: Signer,
    /// Where its client state lives.
    pub state_dir: PathBuf,
}

/// Payers that are free.
pub struct Purse {
    free: Mutex<Vec<Payer>>,
    size: usize,
}

impl Purse {
    /// Makes payers of secret URIs, with their state under `data_dir`/canaries.
    ///
    /// # Errors
    /// If there is none, one is malformed or given twice, or one is the validator's own account.
    pub fn new(uris: &[String], own: &AccountId, data_dir: &Path) -> anyhow::Result<Self> {
        let mut payers: Vec<Payer> = Vec::new();
        for (position, uri) in uris.iter().enumerate() {
            // The URI is a secret: errors name its position alone.
            let pair = pair_of(&SecretString::from(uri.clone()))
                .map_err(|_| anyhow::anyhow!("canary account {} is no secret URI or seed", position + 1))?;
            let signer = Signer::new(pair);
            let account = signer.account();
            if account == *own {
                bail!(
                    "canary account {} is the validator's own; canaries must not be linkable to it",
                    position + 1
                );
            }
            if payers.iter().any(|payer| payer.signer.account() == account) {
                bail!("canary account {} is given twice", position + 1);
            }
            let state_dir = data_dir
                .join("canaries")
                .join(hex::encode(<[u8; 32]>::from(account)));
            payers.push(Payer { signer, state_dir });
        }
        if payers.is_empty() {
            bail!("canaries need funded accounts of their own: give --canary-file or --canary-uri");
        }
        Ok(Self {
            size: payers.len(),
            free: Mutex::new(payers),
        })
    }

    /// Number of payers.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes a free payer at random; none if all are busy.
    pub async fn take(&self) -> Option<Payer> {
        let mut free = self.free.lock().await;
        free.shuffle(&mut OsRng);
        free.pop()
    }

    /// Gives a payer back.
    pub async fn give_back(&self, payer: Payer) {
        self.free.lock().await.push(payer);
    }
}

/// Reads a file with one secret URI or seed a line; empty lines and lines that begin with `#` are passed over.
///
/// # Errors
/// If the file cannot be read or others may read it.
pub fn read_file(path: &Path) -> anyhow::Result<Vec<String>> {
    use std::os::unix::fs::PermissionsExt;
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        bail!(
            "{} holds secrets that others may read; run: chmod 600 {}",
            path.display(),
            path.display()
        );
    }
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Into::into)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn own() -> AccountId {
        Signer::new(pair_of(&SecretString::from("//Validator".to_owned())).unwrap()).account()
    }

    #[tokio::test]
    async fn payers_are_taken_once_and_given_back() {
        let purse = Purse::new(&uris(&["//Canary0", "//Canary1"]), &own(), Path::new("data")).unwrap();
        let first = purse.take().await.unwrap();
        let second = purse.take().await.unwrap();
        assert_ne!(first.signer.account(), second.signer.account());
        assert_ne!(first.state_dir, second.state_dir);
        assert!(purse.take().await.is_none());
        purse.give_back(first).await;
        assert!(purse.take().await.is_some());
        assert_eq!(purse.size(), 2);
    }

    #[test]
    fn the_validators_own_account_pays_no_canary_and_secrets_are_not_echoed() {
        let refuse = |names: &[&str]| {
            Purse::new(&uris(names), &own(), Path::new("data"))
                .err()
                .unwrap()
                .to_string()
        };
        assert!(refuse(&["//Canary0", "//Validator"]).contains("canary account 2 is the validator's own"));
        assert!(refuse(&["//Canary0", "//Canary0"]).contains("given twice"));
        assert!(refuse(&[]).contains("--canary-file"));
        let error = refuse(&["my secret words"]);
        assert!(
            error.contains("canary account 1") && !error.contains("secret words"),
            "{error}"
        );
    }

    #[test]
    fn files_of_secrets_must_be_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("canaries");
        fs::write(&path, "# funded in March\n//Canary0\n\n  //Canary1  \n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read_file(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read_file(&path).unwrap(), ["//Canary0", "//Canary1"]);
    }
}
