//! Reports of producers that sign two blocks for one slot (F.2-5).
//!
//! The SDK's own check gives the runtime headers without their seals, which prove nothing to it. This one remembers the
//! sealed headers of the newest slots as they are imported; BABE's verifier has checked the seals by then.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use based_runtime::opaque::Block;
use sc_consensus::{BlockCheckParams, BlockImport, BlockImportParams, ImportResult};
use sc_consensus_babe::find_pre_digest;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_api::{ApiError, ApiExt, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_consensus::BlockOrigin;
use sp_consensus_babe::{AuthorityId, BabeApi, EquivocationProof, OpaqueKeyOwnershipProof, Slot};
use sp_runtime::traits::{Block as BlockT, Header as HeaderT};

use crate::service::FullClient;

type Header = <Block as BlockT>::Header;
type Hash = <Block as BlockT>::Hash;

/// Slots for which headers are remembered.
const SLOTS: u64 = 64;

/// First sealed header of each slot and producer.
#[derive(Default)]
struct Seen(BTreeMap<(Slot, u32), Header>);

impl Seen {
    /// Remembers a header; gives the one that its producer signed for the same slot before, if they differ.
    fn other(&mut self, slot: Slot, producer: u32, header: &Header) -> Option<Header> {
        if let Some(first) = self.0.get(&(slot, producer)) {
            return (first.hash() != header.hash()).then(|| first.clone());
        }
        self.0.insert((slot, producer), header.clone());
        let newest = self.0.last_key_value().map_or(slot, |((newest, _), _)| *newest);
        self.0.retain(|(slot, _), _| **slot + SLOTS > *newest);
        None
    }
}

/// Imports blocks through `inner` and reports equivocations of their producers.
#[derive(Clone)]
pub struct EquivocationWatch<Inner> {
    inner: Inner,
    client: Arc<FullClient>,
    pool: OffchainTransactionPoolFactory<Block>,
    seen: Arc<Mutex<Seen>>,
}

impl<Inner> EquivocationWatch<Inner> {
    /// A watch whose reports go to a pool.
    pub fn new(inner: Inner, client: Arc<FullClient>, pool: OffchainTransactionPoolFactory<Block>) -> Self {
        Self {
            inner,
            client,
            pool,
            seen: Arc::default(),
        }
    }

    fn watch(&self, header: &Header) -> Result<(), ApiError> {
        let Ok(claim) = find_pre_digest::<Block>(header) else {
            return Ok(());
        };
        let (slot, producer) = (claim.slot(), claim.authority_index());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = seen.other(slot, producer, header) else {
            return Ok(());
        };
        drop(seen);
        let Some(offender) = self.producer(*header.parent_hash(), slot, producer)? else {
            return Ok(());
        };
        log::warn!("producer {offender} signed two blocks for slot {slot}");
        self.report(EquivocationProof {
            offender,
            slot,
            first_header: first,
            second_header: header.clone(),
        })
    }

    /// Key of a slot's producer by its number in the set.
    fn producer(&self, parent: Hash, slot: Slot, number: u32) -> Result<Option<AuthorityId>, ApiError> {
        let api = self.client.runtime_api();
        let mut epoch = api.current_epoch(parent)?;
        if *slot >= *epoch.start_slot.saturating_add(epoch.duration) {
            epoch = api.next_epoch(parent)?;
        }
        let authority = epoch.authorities.get(number as usize);
        Ok(authority.map(|(key, _)| key.clone()))
    }

    fn report(&self, proof: EquivocationProof<Header>) -> Result<(), ApiError> {
        let best = self.client.info().best_hash;
        // In the state of the parent the session is that of the slot, but for a session's first block.
        let parent = *proof.second_header.parent_hash();
        let mut owner = self.owner(parent, &proof)?;
        if owner.is_none() {
            owner = self.owner(best, &proof)?;
        }
        let Some(owner) = owner else {
            return Ok(());
        };
        let mut api = self.client.runtime_api();
        api.register_extension(self.pool.offchain_transaction_pool(best));
        api.submit_report_equivocation_unsigned_extrinsic(best, proof, owner)?;
        Ok(())
    }

    /// Proof that the offender's key belongs to an account, by the state after a block.
    fn owner(
        &self,
        at: Hash,
        proof: &EquivocationProof<Header>,
    ) -> Result<Option<OpaqueKeyOwnershipProof>, ApiError> {
        // An instance of the API speaks of one block.
        let api = self.client.runtime_api();
        api.generate_key_ownership_proof(at, proof.slot, proof.offender.clone())
    }
}

#[async_trait::async_trait]
impl<Inner> BlockImport<Block> for EquivocationWatch<Inner>
where
    Inner: BlockImport<Block> + Send + Sync,
{
    type Error = Inner::Error;

    async fn check_block(&self, block: BlockCheckParams<Block>) -> Result<ImportResult, Self::Error> {
        self.inner.check_block(block).await
    }

    async fn import_block(&self, block: BlockImportParams<Block>) -> Result<ImportResult, Self::Error> {
        // What is old when a node joins was reported by others.
        let news = block.origin != BlockOrigin::NetworkInitialSync;
        let header = block.post_header();
        let imported = self.inner.import_block(block).await?;
        if news && matches!(imported, ImportResult::Imported(_)) {
            if let Err(error) = self.watch(&header) {
                log::warn!("an equivocation could not be reported: {error}");
            }
        }
        Ok(imported)
    }
}

#[cfg(test)]
mod tests {
    use sp_core::H256;

    use super::*;

    fn header(state: u8) -> Header {
        let root = Default::default();
        Header::new(1, root, H256::repeat_byte(state), root, Default::default())
    }

    #[test]
    fn a_second_header_of_a_producer_for_a_slot_is_found_and_the_same_again_is_not() {
        let mut seen = Seen::default();
        assert_eq!(seen.other(1.into(), 0, &header(1)), None);
        assert_eq!(seen.other(1.into(), 0, &header(1)), None);
        assert_eq!(seen.other(1.into(), 1, &header(2)), None, "another producer");
        assert_eq!(seen.other(2.into(), 0, &header(2)), None, "another slot");
        assert_eq!(seen.other(1.into(), 0, &header(3)), Some(header(1)));
    }

    #[test]
    fn old_slots_are_forgotten() {
        let mut seen = Seen::default();
        for slot in 0..10 * SLOTS {
            seen.other(slot.into(), 0, &header(1));
        }
        assert_eq!(seen.0.len() as u64, SLOTS);
    }
}
