//! The two chains, with endowed senders.

use std::path::{Path, PathBuf};

use anyhow::Context;
use based_e2e::{network::key, process::run};
use based_primitives::constants::BASED;
use serde_json::{json, Value};
use sp_core::{
    crypto::{Ss58AddressFormatRegistry, Ss58Codec},
    ed25519, Pair,
};

use crate::load::sender;

/// Accounts that send.
pub const SENDERS: u32 = 1_000;
/// What each has.
const ENDOWMENT: u128 = 10 * BASED;

/// A chain to be measured.
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// File of its specification.
    pub spec: PathBuf,
}

impl Chain {
    /// The network's development chain.
    pub async fn development(dir: &Path) -> anyhow::Result<Self> {
        let arguments = ["export-chain-spec", "--chain", "dev"].map(str::to_owned);
        let mut spec: Value = serde_json::from_str(&run("based-node", &arguments).await?)?;
        let genesis = &mut spec["genesis"]["runtimeGenesis"];
        let part = if genesis["patch"].is_object() {
            "patch"
        } else {
            "config"
        };
        genesis[part]["balances"]["balances"]
            .as_array_mut()
            .context("the genesis has no balances")?
            .extend(endowments()?);
        Self::written(dir, "development", &spec)
    }

    /// A chain of the minimal runtime, with the same authority.
    pub fn minimal(dir: &Path, wasm: &Path) -> anyhow::Result<Self> {
        let code = std::fs::read(wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
        let alice = address(&key("//Alice")?.account());
        let finality = ed25519::Pair::from_string("//Alice", None)?.public();
        let keys = json!({ "babe": alice, "grandpa": address(&finality) });
        let mut balances = vec![json!([alice, ENDOWMENT])];
        balances.extend(endowments()?);
        let spec = json!({
            "name": "Minimal", "id": "minimal", "chainType": "Development", "bootNodes": [],
            "telemetryEndpoints": null, "protocolId": "minimal", "properties": {}, "codeSubstitutes": {},
            "forkBlocks": null, "badBlocks": null, "lightSyncState": null,
            "genesis": { "runtimeGenesis": { "code": format!("0x{}", hex::encode(code)), "patch": {
                "balances": { "balances": balances },
                "babe": { "epochConfig": { "c": [1, 4], "allowed_slots": "PrimaryAndSecondaryVRFSlots" } },
                "session": { "keys": [[alice, alice, keys]] },
            }}},
        });
        Self::written(dir, "minimal", &spec)
    }

    fn written(dir: &Path, name: &'static str, spec: &Value) -> anyhow::Result<Self> {
        let path = dir.join(format!("{name}.json"));
        std::fs::write(&path, serde_json::to_vec(spec)?)?;
        Ok(Self { name, spec: path })
    }
}

/// Address in the form that every runtime reads.
fn address(key: &impl Ss58Codec) -> String {
    key.to_ss58check_with_version(Ss58AddressFormatRegistry::SubstrateAccount.into())
}

fn endowments() -> anyhow::Result<Vec<Value>> {
    (0..SENDERS)
        .map(|number| {
            let account = sender(number).public();
            Ok(json!([address(&account), ENDOWMENT]))
        })
        .collect()
}
