//! Any call of the chain, for what no command of its own does.

use based_client::chain::calls;
use based_primitives::BrainId;
use serde_json::json;

use crate::{Context, Report};

/// Sends a call as it is written.
pub async fn send(context: &Context, call: &str) -> anyhow::Result<Report> {
    let signer = context.key.signer()?;
    let chain = context.chain().await?;
    let call = chain.best().await?.read_call(call)?;
    let included = chain.submit(&signer, &call).await?;
    let text = call.to_string();
    let done = format!("Did {text}.");
    Ok(Report::included(&done, &included, json!({ "call": text })))
}

/// Gives up a place in a Brain.
pub async fn leave(context: &Context, brain: BrainId) -> anyhow::Result<Report> {
    let signer = context.key.signer()?;
    let chain = context.chain().await?;
    let included = chain.submit(&signer, &calls::leave(brain)).await?;
    let done = format!("Left Brain {brain}; the deposit is free again.");
    Ok(Report::included(&done, &included, json!({ "brain": brain })))
}
