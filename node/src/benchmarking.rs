//! The `benchmark` subcommand, with the extrinsics and inherents that it measures.

use std::sync::Arc;

use based_runtime::{
    configs::ExistentialDeposit, opaque::Block, AccountId, Balance, EthExtraImpl, Hash, RuntimeCall,
    Signature, SignedPayload, UncheckedExtrinsic, VERSION,
};
use codec::Encode;
use frame_benchmarking_cli::{
    BenchmarkCmd, ExtrinsicBuilder, ExtrinsicFactory, SUBSTRATE_REFERENCE_HARDWARE,
};
use pallet_revive::evm::runtime::EthExtra;
use sc_cli::Result;
use sc_client_api::UsageProvider;
use sc_service::{Configuration, PartialComponents};
use sp_core::Pair;
use sp_inherents::{InherentData, InherentDataProvider};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic, OpaqueExtrinsic};

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
    let genesis: Hash = client.usage_info().chain.genesis_hash;
    // The extensions that Ethereum transactions get, as a plain signed call leaves the origin alone.
    let (e0, e1, e2, e3, e4, e5, e6, e7, _, e9, e10) = EthExtraImpl::get_eth_extension(nonce, 0);
    let extension = (e0, e1, e2, e3, e4, e5, e6, e7, Default::default(), e9, e10);
    let payload = SignedPayload::from_raw(
        call.clone(),
        extension.clone(),
        (
            (),
            VERSION.spec_version,
            VERSION.transaction_version,
            genesis,
            genesis,
            (),
            (),
            (),
            (),
            None,
            (),
        ),
    );
    let signer = Sr25519Keyring::Alice;
    let signature = payload.using_encoded(|bytes| signer.pair().sign(bytes));
    UncheckedExtrinsic::from(generic::UncheckedExtrinsic::new_signed(
        call,
        signer.to_account_id().into(),
        Signature::Sr25519(signature),
        extension,
    ))
    .into()
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
            if !cfg!(feature = "runtime-benchmarks") {
                return Err(
                    "Pallets are measured by a node built with --features runtime-benchmarks.".into(),
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
