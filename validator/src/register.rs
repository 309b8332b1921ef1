//! Joins a Brain as a validator (R026).

use anyhow::Context;
use based_client::{
    chain::Chain,
    files,
    joining::{join, Candidate},
    tls::ComputeKeyPair,
};
use based_primitives::{ResourceKind, Resources, Role};

use crate::args::{Common, Register};

/// Name of the file with the key that authenticates this validator's endpoint.
const COMPUTEKEY_FILE: &str = "computekey.pem";

/// Memorizes the account as a validator, or brings its entry up to date; then stakes, if asked.
///
/// # Errors
/// If the chain refuses or the balance is short; the message says what to do.
pub async fn register(common: &Common, args: &Register) -> anyhow::Result<()> {
    let signer = common.key.signer()?;
    files::create_private_dir(&common.data_dir)
        .with_context(|| format!("cannot make {}", common.data_dir.display()))?;
    let candidate = Candidate {
        brain: common.brain,
        role: Role::Validator,
        endpoint: args.endpoint,
        computekey: ComputeKeyPair::load_or_create(&common.data_dir.join(COMPUTEKEY_FILE))?.public(),
        resources: Resources {
            kind: ResourceKind::Cpu,
            storage_mib: args.storage_mib,
        },
        stake: args.stake.unwrap_or_default(),
    };
    let chain = Chain::connect(&common.node).await?;
    println!("{}", join(&chain, &signer, &candidate).await?);
    Ok(())
}
