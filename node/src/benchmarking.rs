//! The `benchmark` subcommand, with the extrinsics and inherents that it measures.

use std::sync::Arc;

use based_runtime::{configs::ExistentialDeposit, opaque::Block, signing, AccountId, Balance, RuntimeCall};
use frame_benchmarking_cli::{
    BenchmarkCmd, ExtrinsicBuilder, ExtrinsicFactory, SUBSTRATE_REFERENCE_HARDWARE,
};
use sc_cli::Result;
use sc_client_api::UsageProvider;
use sc_service::{Configuration, PartialComponents};
use sp_inherents::{InherentData, InherentDataProvider};
use sp_keyring::Sr25519Keyring;
use sp_runtime::OpaqueExtrinsic;

use crate::service::{parts, FullClient};

/// Builds `System::remark` extrinsics.
struct RemarkBuilder {
    client: Arc<FullClient>,
}

impl RemarkBuilder {
    fn new(client: Arc<FullClient>) -> Self {
        Self { client }
    }
}

impl ExtrinsicBuilder for RemarkBuilder {
    fn pallet(&self) -> &str {
        "system"
    }

    fn extrinsic(&self) -> &str {
        "remark"
    }

    fn build(&self, nonce: u32) -> std::result::Result<OpaqueExtrinsic, &'static str> {
        Ok(signed(
            &self.client,
            frame_system::Call::remark { remark: Vec::new() }.into(),
            nonce,
        ))
    }
}

/// Builds `Balances::transfer_keep_alive` extrinsics.
struct TransferBuilder {
    client: Arc<FullClient>,
    to: AccountId,
    value: Balance,
}

impl TransferBuilder {
    fn new(client: Arc<FullClient>, to: AccountId, value: Balance) -> Self {
        Self { client, to, value }
    }
}

impl ExtrinsicBuilder for TransferBuilder {
    fn pallet(&self) -> &str {
        "balances"
    }

    fn extrinsic(&self) -> &str {
        "transfer_keep_alive"
    }

    fn build(&self, nonce: u32) -> std::result::Result<OpaqueExtrinsic, &'static str> {
        let call = pallet_balances::Call::transfer_keep_alive {
            dest: self.to.clone().into(),
            value: self.value,
        };
        Ok(signed(&self.client, call.into(), nonce))
    }
}

/// Signs a call with Alice's key for the first block after genesis.
fn signed(client: &FullClient, call: RuntimeCall, nonce: u32) -> OpaqueExtrinsic {
    let genesis = client.usage_info().chain.genesis_hash;
    let alice = Sr25519Keyring::Alice;
    let sign = |bytes: &[u8]| alice.sign(bytes);
    signing::signed(alice.to_account_id(), sign, call, nonce, 0, genesis).into()
}

/// Inherents of the first block after genesis.
///
/// # Errors
/// The timestamp cannot be written, which does not happen.
fn inherent_data() -> Result<InherentData> {
    let mut data = InherentData::new();
    let timestamp = sp_timestamp::InherentDataProvider::new(std::time::Duration::from_millis(0).into());
    futures::executor::block_on(timestamp.provide_inherent_data(&mut data))
        .map_err(|error| format!("Cannot create inherent data: {error:?}"))?;
    Ok(data)
}

/// Measures the machine, the database or the runtime.
///
/// # Errors
/// Those of the measurement, or what the build lacks for it.
pub fn run(cmd: &BenchmarkCmd, config: Configuration) -> Result<()> {
    match cmd {
        BenchmarkCmd::Pallet(cmd) => {
            if cmd.runtime.is_none() && !cfg!(feature = "runtime-benchmarks") {
                return Err(
                    "This node's own runtime has no benchmarks: name one that was built with them by --runtime FILE, \
                     as scripts/weights does."
                        .into(),
                );
            }
            cmd.run_with_spec::<sp_runtime::traits::HashingFor<Block>, ()>(Some(config.chain_spec))
        }
        BenchmarkCmd::Block(cmd) => {
            let PartialComponents { client, .. } = parts(&config)?;
            cmd.run(client)
        }
        #[cfg(not(feature = "runtime-benchmarks"))]
        BenchmarkCmd::Storage(_) => {
            Err("The database is measured by a node built with --features runtime-benchmarks.".into())
        }
        #[cfg(feature = "runtime-benchmarks")]
        BenchmarkCmd::Storage(cmd) => {
            let PartialComponents { client, backend, .. } = parts(&config)?;
            let db = backend.expose_db();
            let storage = backend.expose_storage();
            let cache = backend.expose_shared_trie_cache();
            cmd.run(config, client, db, storage, cache)
        }
        BenchmarkCmd::Overhead(cmd) => {
            let name = config.chain_spec.name().to_owned();
            let PartialComponents { client, .. } = parts(&config)?;
            let builder = RemarkBuilder::new(client.clone());
            cmd.run(name, client, inherent_data()?, Vec::new(), &builder, false)
        }
        BenchmarkCmd::Extrinsic(cmd) => {
            let PartialComponents { client, .. } = parts(&config)?;
            let builders = ExtrinsicFactory(vec![
                Box::new(RemarkBuilder::new(client.clone())),
                Box::new(TransferBuilder::new(
                    client.clone(),
                    Sr25519Keyring::Bob.to_account_id(),
                    ExistentialDeposit::get(),
                )),
            ]);
            cmd.run(client, inherent_data()?, Vec::new(), &builders)
        }
        BenchmarkCmd::Machine(cmd) => cmd.run(&config, SUBSTRATE_REFERENCE_HARDWARE.clone()),
    }
}
