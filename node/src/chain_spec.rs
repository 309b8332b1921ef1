//! Networks that the node knows by name. Their genesis comes from the runtime's presets.

use based_primitives::constants::{DECIMALS, SS58_PREFIX, SYMBOL};
use sc_chain_spec::{ChainSpecExtension, ChainType, Properties};
use serde::{Deserialize, Serialize};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};

use based_runtime::{genesis_presets::TESTNET_PRESET, opaque::Block};

/// What a chain specification holds beside the genesis.
#[derive(Default, Clone, Serialize, Deserialize, ChainSpecExtension)]
#[serde(rename_all = "camelCase")]
pub struct Extensions {
    /// Block numbers with known hashes.
    pub fork_blocks: sc_client_api::ForkBlocks<Block>,
    /// Known bad block hashes.
    pub bad_blocks: sc_client_api::BadBlocks<Block>,
    /// Where light clients start; filled by `sync_state_genSyncSpec`.
    pub light_sync_state: sc_sync_state_rpc::LightSyncStateExtension,
}

/// Chain specification of a BasedAI network.
pub type ChainSpec = sc_service::GenericChainSpec<Extensions>;

/// A named network.
struct Network {
    name: &'static str,
    id: &'static str,
    kind: ChainType,
    preset: &'static str,
    wasm: Option<&'static [u8]>,
}

impl Network {
    fn spec(self) -> Result<ChainSpec, String> {
        let wasm = self
            .wasm
            .ok_or("The runtime was compiled without WebAssembly; build again with SKIP_WASM_BUILD unset.")?;
        Ok(ChainSpec::builder(wasm, Extensions::default())
            .with_name(self.name)
            .with_id(self.id)
            .with_chain_type(self.kind)
            .with_protocol_id(self.id)
            .with_genesis_config_preset_name(self.preset)
            .with_properties(properties())
            .build())
    }
}

/// How wallets show amounts and addresses.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), SYMBOL.into());
    properties.insert("tokenDecimals".into(), DECIMALS.into());
    properties.insert("ss58Format".into(), SS58_PREFIX.into());
    properties
}

/// Finds a network by name, or reads a specification from the file of that path.
///
/// # Errors
/// The file is missing or is no chain specification.
pub fn load(id: &str) -> Result<ChainSpec, String> {
    match id {
        "dev" => Network {
            name: "BasedAI Development",
            id: "based_dev",
            kind: ChainType::Development,
            preset: DEV_RUNTIME_PRESET,
            wasm: based_runtime::WASM_BINARY,
        }
        .spec(),
        "local" => Network {
            name: "BasedAI Local",
            id: "based_local",
            kind: ChainType::Local,
            preset: LOCAL_TESTNET_RUNTIME_PRESET,
            wasm: based_runtime::WASM_BINARY,
        }
        .spec(),
        "" | "testnet" => Network {
            name: "BasedAI Testnet",
            id: "based_testnet",
            kind: ChainType::Live,
            preset: TESTNET_PRESET,
            wasm: based_runtime::WASM_BINARY,
        }
        .spec(),
        #[cfg(feature = "fast-runtime")]
        "dev-fast" => Network {
            name: "BasedAI Development (fast)",
            id: "based_dev_fast",
            kind: ChainType::Development,
            preset: DEV_RUNTIME_PRESET,
            wasm: based_runtime::FAST_WASM_BINARY,
        }
        .spec(),
        #[cfg(feature = "fast-runtime")]
        "local-fast" => Network {
            name: "BasedAI Local (fast)",
            id: "based_local_fast",
            kind: ChainType::Local,
            preset: LOCAL_TESTNET_RUNTIME_PRESET,
            wasm: based_runtime::FAST_WASM_BINARY,
        }
        .spec(),
        #[cfg(not(feature = "fast-runtime"))]
        "dev-fast" | "local-fast" => Err(format!(
            "This node has no network {id}. Build it with --features based-node/fast-runtime."
        )),
        path => ChainSpec::from_json_file(path.into())
            .map_err(|error| format!("{error}. Networks known by name are dev, local and testnet.")),
    }
}
