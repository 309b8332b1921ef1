//! Evaluation keys: kept on disk by hash within the declared storage (R029), evicted by least use (F.4-2),
//! with a few expanded ones in memory.

use std::{
    collections::{HashSet, VecDeque},
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc, Mutex, PoisonError,
    },
};

use based_client::{
    files::{self, missing_is_fine},
    models::{self, Quota},
    wire::sha256,
};
use sp_core::H256;
use zk_llm::{Device, ExactKey, ParameterSet, ServerKey};

use crate::{
    db::{Db, DbError, KeyRow},
    limits,
};

/// Why a key cannot be stored or loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The declared storage is taken by what cannot give way.
    #[error(
        "the miner's storage of {quota} bytes cannot take {size} more now; try again later or ask another miner"
    )]
    Full {
        /// Bytes asked for.
        size: u64,
        /// Bytes in all.
        quota: u64,
    },
    /// The account's keys are all needed by its waiting jobs.
    #[error("the spending account holds {0} keys that waiting jobs need; collect those jobs first")]
    Busy(usize),
    /// The bytes are no key of the model's parameter set.
    #[error(transparent)]
    Key(#[from] zk_llm::Error),
    /// The disk failed.
    #[error("key storage: {0}")]
    Io(#[from] io::Error),
    /// The state failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The thread that checked the key died.
    #[error("the key's check was interrupted")]
    Interrupted,
}

type Cached = (H256, &'static str, Arc<ServerKey>);

/// Store of evaluation keys; clones share it.
#[derive(Clone)]
pub struct KeyStore(Arc<Inner>);

struct Inner {
    data_dir: PathBuf,
    dir: PathBuf,
    db: Db,
    quota: Quota,
    device: Device,
    promised: Arc<AtomicU64>,
    decision: Mutex<()>,
    cache: Mutex<VecDeque<Cached>>,
}

/// Bytes set aside for an upload under way; free again when dropped.
#[derive(Debug)]
pub struct Room {
    promised: Arc<AtomicU64>,
    size: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.promised.fetch_sub(self.size, Ordering::AcqRel);
    }
}

impl KeyStore {
    /// Opens the store in `data_dir`, all of which stays within `quota`; drops leftovers of a crash. Keys are expanded
    /// for a device.
    ///
    /// # Errors
    /// If the directory or the state fails.
    pub fn open(data_dir: &Path, db: Db, quota: Quota, device: Device) -> Result<Self, KeyStoreError> {
        let store = Self(Arc::new(Inner {
            data_dir: data_dir.to_owned(),
            dir: data_dir.join("keys"),
            db,
            quota,
            device,
            promised: Arc::default(),
            decision: Mutex::default(),
            cache: Mutex::default(),
        }));
        files::create_private_dir(&store.0.dir)?;
        store.reconcile()?;
        store.evict_to_quota()?;
        Ok(store)
    }

    /// Sets `size` bytes aside, evicting the least recently used keys; at most
    /// [`limits::KEYS_PER_ACCOUNT`] of the account remain beside the one to come.
    ///
    /// # Errors
    /// [`KeyStoreError::Full`] or [`KeyStoreError::Busy`] if nothing may give way.
    pub fn make_room(&self, account: u64, size: u64) -> Result<Room, KeyStoreError> {
        let inner = &self.0;
        let _one_at_a_time = inner.decision.lock().unwrap_or_else(PoisonError::into_inner);
        while self.keys_of(account)? >= limits::KEYS_PER_ACCOUNT {
            match inner.db.evict_key(Some(account))? {
                Some(key) => self.forget(&key.hash)?,
                None => return Err(KeyStoreError::Busy(limits::KEYS_PER_ACCOUNT)),
            }
        }
        while self.used()?.saturating_add(size) > inner.quota.bytes() {
            match inner.db.evict_key(None)? {
                Some(key) => self.forget(&key.hash)?,
                None => {
                    return Err(KeyStoreError::Full {
                        size,
                        quota: inner.quota.bytes(),
                    })
                }
            }
        }
        inner.promised.fetch_add(size, Ordering::AcqRel);
        Ok(Room {
            promised: inner.promised.clone(),
            size,
        })
    }

    /// Checks a key against the parameter set and stores it. Blocks: call it off the asynchronous threads.
    ///
    /// # Errors
    /// [`KeyStoreError::Key`] if the bytes are not a conformant key.
    pub fn store(
        &self,
        room: Room,
        key: &KeyRow,
        bytes: &[u8],
        set: &ParameterSet,
    ) -> Result<(), KeyStoreError> {
        let expanded = Arc::new(ServerKey::on(bytes, set, &self.0.device)?);
        let (path, partial) = (self.path(&key.hash), self.path(&key.hash).with_extension("part"));
        fs::remove_file(&partial).or_else(missing_is_fine)?;
        let mut file = files::create_private(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        self.0.db.insert_key(key)?;
        drop(room);
        self.remember(key.hash, set.name, expanded);
        Ok(())
    }

    /// A stored key, expanded. Blocks when it is not in memory.
    ///
    /// # Errors
    /// If it is not stored or does not belong to the parameter set.
    pub fn load(&self, hash: &H256, set: &ParameterSet) -> Result<Arc<ServerKey>, KeyStoreError> {
        if let Some(key) = self.recall(hash, set.name) {
            return Ok(key);
        }
        let key = Arc::new(ServerKey::on(&self.read(hash, set)?, set, &self.0.device)?);
        self.remember(*hash, set.name, key.clone());
        Ok(key)
    }

    /// A stored key, expanded for exact evaluation; none is kept in memory. Blocks.
    ///
    /// # Errors
    /// As [`KeyStore::load`]. A key whose bytes are no longer those of the hash is forgotten, and is not stored then.
    pub fn load_exact(&self, hash: &H256, set: &ParameterSet) -> Result<ExactKey, KeyStoreError> {
        let bytes = self.read(hash, set)?;
        // An audit would take a key that the disk damaged for a miner that cheats.
        if sha256(&bytes) != *hash {
            tracing::warn!(key = %hex::encode(hash.0), "an evaluation key was damaged on disk and is forgotten");
            self.0.db.remove_key(hash)?;
            self.forget(hash)?;
            return Err(io::Error::new(io::ErrorKind::NotFound, "the evaluation key was damaged").into());
        }
        Ok(ExactKey::from_bytes(&bytes, set)?)
    }

    /// Bytes in use or promised: keys, state and fetched models together.
    ///
    /// # Errors
    /// If the data directory cannot be read.
    pub fn used(&self) -> Result<u64, KeyStoreError> {
        let stored = models::used(&self.0.data_dir)?;
        Ok(stored.saturating_add(self.0.promised.load(Ordering::Acquire)))
    }

    /// Whether `size` more bytes of state fit; keys give way to waiting jobs' inputs and outputs.
    ///
    /// # Errors
    /// [`KeyStoreError::Full`] if they do not.
    pub fn fits(&self, size: u64) -> Result<(), KeyStoreError> {
        let _one_at_a_time = self.0.decision.lock().unwrap_or_else(PoisonError::into_inner);
        while self.used()?.saturating_add(size) > self.0.quota.bytes() {
            match self.0.db.evict_key(None)? {
                Some(key) => self.forget(&key.hash)?,
                None => {
                    return Err(KeyStoreError::Full {
                        size,
                        quota: self.0.quota.bytes(),
                    })
                }
            }
        }
        Ok(())
    }

    fn keys_of(&self, account: u64) -> Result<usize, KeyStoreError> {
        Ok(self
            .0
            .db
            .keys()?
            .iter()
            .filter(|key| key.account == account)
            .count())
    }

    fn evict_to_quota(&self) -> Result<(), KeyStoreError> {
        match self.fits(0) {
            Err(KeyStoreError::Full { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn reconcile(&self) -> Result<(), KeyStoreError> {
        let known: HashSet<PathBuf> = self.0.db.keys()?.iter().map(|key| self.path(&key.hash)).collect();
        for entry in fs::read_dir(&self.0.dir)? {
            let path = entry?.path();
            if !known.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        for key in self.0.db.keys()? {
            if fs::metadata(self.path(&key.hash)).map(|file| file.len()).ok() != Some(key.size) {
                self.0.db.remove_key(&key.hash)?;
            }
        }
        Ok(())
    }

    fn read(&self, hash: &H256, set: &ParameterSet) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(self.path(hash))?
            .take(set.evaluation_key_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn forget(&self, hash: &H256) -> Result<(), KeyStoreError> {
        fs::remove_file(self.path(hash)).or_else(missing_is_fine)?;
        self.cache().retain(|(cached, _, _)| cached != hash);
        Ok(())
    }

    fn recall(&self, hash: &H256, set: &'static str) -> Option<Arc<ServerKey>> {
        let mut cache = self.cache();
        let at = cache
            .iter()
            .position(|(cached, name, _)| cached == hash && *name == set)?;
        let entry = cache.remove(at)?;
        let key = entry.2.clone();
        cache.push_back(entry);
        Some(key)
    }

    fn remember(&self, hash: H256, set: &'static str, key: Arc<ServerKey>) {
        let mut cache = self.cache();
        cache.retain(|(cached, name, _)| *cached != hash || *name != set);
        cache.push_back((hash, set, key));
        while cache.len() > limits::KEYS_IN_MEMORY {
            cache.pop_front();
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, VecDeque<Cached>> {
        self.0.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, hash: &H256) -> PathBuf {
        self.0.dir.join(hex::encode(hash.0))
    }
}
