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
use sha2::{Digest, Sha256};
use sp_core::crypto::SecretString;
use tokio::sync::{Mutex, MutexGuard};

/// One account that pays for canaries, with the directory of its client state.
#[derive(Debug)]
pub struct Payer {
    /// Its key.
    pub signer: Signer,
    /// Where its client state lives.
    pub state_dir: PathBuf,
}

/// All payers.
pub struct Purse {
    payers: Vec<Mutex<Payer>>,
    accounts: Vec<AccountId>,
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
        let accounts = payers.iter().map(|payer| payer.signer.account()).collect();
        let payers = payers.into_iter().map(Mutex::new).collect();
        Ok(Self { payers, accounts })
    }

    /// Number of payers.
    pub fn size(&self) -> usize {
        self.payers.len()
    }

    /// Waits for the payer of a miner's canaries. It is always the same one: like a user who stays with a miner, it
    /// needs one reservation there, and no payer is seen at every miner.
    ///
    /// # Panics
    /// Never: a purse holds at least one payer.
    pub async fn payer_of(&self, miner: &AccountId) -> MutexGuard<'_, Payer> {
        self.payers[self.index_of(miner)].lock().await
    }

    /// Rendezvous hashing: adding or removing a payer moves only its own share of the miners.
    fn index_of(&self, miner: &AccountId) -> usize {
        let rank = |payer: &AccountId| {
            let payer: &[u8] = payer.as_ref();
            let miner: &[u8] = miner.as_ref();
            Sha256::new().chain_update(payer).chain_update(miner).finalize()
        };
        (0..self.accounts.len())
            .max_by_key(|index| rank(&self.accounts[*index]))
            .unwrap_or(0)
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
    async fn a_miner_always_meets_the_same_payer_and_each_payer_has_its_share() {
        let names: Vec<String> = (0..4).map(|n| format!("//Canary{n}")).collect();
        let purse = Purse::new(&names, &own(), Path::new("data")).unwrap();
        let fewer = Purse::new(&names[..3], &own(), Path::new("data")).unwrap();
        let mut shares = [0; 4];
        for n in 0..200u8 {
            let miner = AccountId::new([n; 32]);
            let index = purse.index_of(&miner);
            assert_eq!(index, purse.index_of(&miner));
            if index < 3 {
                assert_eq!(
                    index,
                    fewer.index_of(&miner),
                    "only the removed payer's miners move"
                );
            }
            shares[index] += 1;
        }
        assert!(shares.iter().all(|share| *share > 20), "{shares:?}");
        let first = purse.payer_of(&AccountId::new([1; 32])).await;
        assert!(first.state_dir.starts_with("data/canaries"));
        assert_eq!(purse.size(), 4);
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
