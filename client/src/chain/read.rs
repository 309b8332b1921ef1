//! How a [`View`] reads: runtime calls without metadata, storage by the metadata of the block. Each wait ends.

use codec::{DecodeAll, Encode};
use subxt::{
    dynamic,
    ext::{
        frame_decode::storage::{IntoDecodableValues, IntoEncodableValues},
        scale_decode::DecodeAsType,
    },
    storage::PrefixOf,
};

use super::{within, ChainError, View};

/// Most entries of one map that are walked through.
const MAX_ENTRIES: usize = 100_000;

impl View {
    /// Calls the runtime and decodes its answer.
    pub(super) async fn api<A: Encode, T: DecodeAll>(
        &self,
        function: &str,
        argument: &A,
    ) -> Result<T, ChainError> {
        let argument = argument.encode();
        let apis = self.at.runtime_apis();
        let answer = within(&self.url, apis.call_raw(function, Some(&argument))).await?;
        T::decode_all(&mut &answer[..]).map_err(|e| ChainError::Decode(format!("{function}: {e}")))
    }

    /// One entry of a map.
    pub(super) async fn map<K, T>(&self, pallet: &str, entry: &str, key: K) -> Result<Option<T>, ChainError>
    where
        K: IntoEncodableValues + IntoDecodableValues,
        T: DecodeAsType,
    {
        let storage = self.at.storage();
        let value = within(
            &self.url,
            storage.try_fetch(dynamic::storage::<K, T>(pallet, entry), key),
        )
        .await?;
        value
            .map(|value| value.decode())
            .transpose()
            .map_err(|e| self.error(e))
    }

    /// The entries of a map whose keys begin with `prefix`.
    pub(super) async fn walk<K, P, T>(
        &self,
        pallet: &str,
        entry: &str,
        prefix: P,
    ) -> Result<Vec<(K, T)>, ChainError>
    where
        K: IntoEncodableValues + IntoDecodableValues,
        P: PrefixOf<K>,
        T: DecodeAsType,
    {
        let storage = self.at.storage();
        let opening = storage.iter(dynamic::storage::<K, T>(pallet, entry), prefix);
        let mut entries = within(&self.url, opening).await?;
        let mut found = Vec::new();
        while let Some(entry) = within(&self.url, async { entries.next().await.transpose() }).await? {
            if found.len() == MAX_ENTRIES {
                return Err(ChainError::Node(format!(
                    "{pallet} holds more than {MAX_ENTRIES} entries"
                )));
            }
            let key = entry
                .key()
                .and_then(|key| key.decode())
                .map_err(|e| self.error(e))?;
            found.push((key, entry.value().decode().map_err(|e| self.error(e))?));
        }
        Ok(found)
    }

    /// What the runtime's pallets say about a failure of theirs.
    pub(super) fn dispatch_error(&self, error: &sp_runtime::DispatchError) -> Result<ChainError, ChainError> {
        let decoded = subxt::error::DispatchError::decode_from(error.encode(), self.at.metadata());
        let decoded = decoded.map_err(|e| ChainError::Decode(e.to_string()))?;
        Ok(ChainError::from_dispatch(&decoded))
    }

    fn error(&self, error: impl Into<subxt::Error>) -> ChainError {
        ChainError::from_subxt(&self.url, error)
    }
}
