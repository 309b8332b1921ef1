//! A chain that runs natively: genesis states, blocks and signed extrinsics as a node makes them.

use std::{cell::RefCell, collections::BTreeMap};

use codec::Encode;
use frame_support::storage::{with_transaction_unchecked, TransactionOutcome};
use serde_json::Value;
use sp_consensus_babe::{
    digests::{PreDigest, SecondaryPlainPreDigest},
    BABE_ENGINE_ID,
};
use sp_core::{sr25519, Pair};
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic, traits::Header as _, ApplyExtrinsicResult, Digest, DigestItem};

use crate::{
    genesis_presets, signing, time::SLOT_MILLIS, Balance, Executive, Header, Runtime, RuntimeCall,
    RuntimeGenesisConfig, System, UncheckedExtrinsic,
};

/// First slot of the chain.
pub const FIRST_SLOT: u64 = 1_000;

/// Applies a JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = Value::Object(Default::default());
            }
            for (name, value) in fields {
                if value.is_null() {
                    target.as_object_mut().unwrap().remove(&name);
                } else {
                    merge(
                        target.as_object_mut().unwrap().entry(name).or_insert(Value::Null),
                        value,
                    );
                }
            }
        }
        other => *target = other,
    }
}

/// Genesis configuration of a preset, as a node reads it.
pub fn genesis(preset: &str) -> Value {
    let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
    let patch = genesis_presets::get(&preset.into()).unwrap();
    merge(&mut genesis, serde_json::from_slice(&patch).unwrap());
    genesis
}

/// The state right after a genesis.
pub fn build(genesis: &Value) -> TestExternalities {
    let mut chain = TestExternalities::default();
    chain.execute_with(|| {
        frame_support::genesis_builder_helper::build_state::<RuntimeGenesisConfig>(
            serde_json::to_vec(genesis).unwrap(),
        )
        .unwrap();
        System::set_block_number(0);
    });
    chain
}

/// The state right after genesis of a preset, as a node builds it.
pub fn chain(preset: &str) -> TestExternalities {
    build(&genesis(preset))
}

/// Begins the next block, written by the authority of this index: hooks and the time.
pub fn begin_block(authority: u32) {
    let number = System::block_number() + 1;
    let slot = FIRST_SLOT + u64::from(number);
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: authority,
        slot: slot.into(),
    });
    let digest = Digest {
        logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())],
    };
    let parent = if number == 1 {
        Default::default()
    } else {
        System::parent_hash()
    };
    Executive::initialize_block(&Header::new(
        number,
        Default::default(),
        Default::default(),
        parent,
        digest,
    ));
    let now = pallet_timestamp::Call::set {
        now: slot * SLOT_MILLIS,
    };
    Executive::apply_extrinsic(generic::UncheckedExtrinsic::new_bare(now.into()).into())
        .unwrap()
        .unwrap();
}

/// Ends the block that was begun.
pub fn end_block() {
    let header = Executive::finalize_block();
    frame_system::BlockHash::<Runtime>::insert(header.number, header.hash());
}

/// Applies an extrinsic as whoever builds a block does: one that the block does not take leaves nothing behind.
pub fn apply(extrinsic: UncheckedExtrinsic) -> ApplyExtrinsicResult {
    with_transaction_unchecked(|| match Executive::apply_extrinsic(extrinsic) {
        Ok(outcome) => TransactionOutcome::Commit(Ok(outcome)),
        Err(refused) => TransactionOutcome::Rollback(Err(refused)),
    })
}

/// Executes the next block with these extrinsics as a node does when it writes one, and returns their
/// outcomes.
pub fn block(extrinsics: Vec<UncheckedExtrinsic>) -> Vec<ApplyExtrinsicResult> {
    begin_block(0);
    let outcomes = extrinsics.into_iter().map(apply).collect();
    end_block();
    outcomes
}

thread_local! {
    static PAIRS: RefCell<BTreeMap<Sr25519Keyring, sr25519::Pair>> = const { RefCell::new(BTreeMap::new()) };
}

/// Signature of a development key, which is made of its phrase only once.
pub fn sign(signer: Sr25519Keyring, bytes: &[u8]) -> sr25519::Signature {
    PAIRS.with_borrow_mut(|pairs| pairs.entry(signer).or_insert_with(|| signer.pair()).sign(bytes))
}

/// Signs a call with a development key. The chain's first block must be written: it sets the genesis hash.
pub fn signed(
    signer: Sr25519Keyring,
    call: impl Into<RuntimeCall>,
    nonce: u32,
    tip: Balance,
) -> UncheckedExtrinsic {
    let genesis = System::block_hash(0);
    let sign = |bytes: &[u8]| sign(signer, bytes);
    signing::signed(signer.to_account_id(), sign, call.into(), nonce, tip, genesis)
}
