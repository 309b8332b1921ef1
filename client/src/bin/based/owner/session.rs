//! Calls of owners that need more than to be sent.

use based_client::chain::{calls, BrainIssued, Chain, PepecoinPaid, Signer};
use based_primitives::{Balance, BrainId, BrainKind, Domain, Task, Url};
use serde_json::json;
use sp_core::H256;
use subxt::tx::Payload;

use super::{in_pepecoin, Method};
use crate::{report, Report};

/// An owner at its node.
pub(super) struct Session<'a> {
    pub chain: &'a Chain,
    pub signer: &'a Signer,
}

impl Session<'_> {
    pub async fn send<C: Payload>(&self, brain: BrainId, call: &C, done: &str) -> anyhow::Result<Report> {
        let included = self.chain.submit(self.signer, call).await?;
        Ok(Report::included(done, &included, json!({ "brain": brain })))
    }

    /// Buys a Brain at the price of this moment or any up to the one given.
    pub async fn buy(
        &self,
        method: Method,
        number: Option<BrainId>,
        max_price: Option<Balance>,
    ) -> anyhow::Result<Report> {
        let (kind, how) = match method {
            Method::Burn => (BrainKind::Burned, "burnt"),
            Method::Stake => (BrainKind::Staked, "staked"),
        };
        let view = self.chain.best().await?;
        let price = view
            .brain_price(kind)
            .await?
            .ok_or_else(|| anyhow::anyhow!("such Brains are not sold"))?;
        let most = max_price.unwrap_or(price);
        if price > most {
            anyhow::bail!("the Brain costs {}, more than --max-price", in_pepecoin(price));
        }
        let owned = view.pepecoin(&self.signer.account()).await?;
        if owned < price {
            anyhow::bail!(
                "the Brain costs {} and the account has {}",
                in_pepecoin(price),
                in_pepecoin(owned)
            );
        }
        let included = self
            .chain
            .submit(self.signer, &calls::acquire_brain(number, kind, most))
            .await?;
        let missing = || anyhow::anyhow!("the node does not say which Brain was issued");
        let brain = included.event::<BrainIssued>()?.ok_or_else(missing)?.brain;
        let paid = included.event::<PepecoinPaid>()?.ok_or_else(missing)?.amount;
        let done = format!("Brain {brain} is yours; {} {how}.", in_pepecoin(paid));
        Ok(Report::included(
            &done,
            &included,
            json!({ "brain": brain, "pepecoin": report::amount(paid) }),
        ))
    }

    pub async fn set_domains(
        &self,
        brain: BrainId,
        bns: (Option<Domain>, bool),
        ens: (Option<Domain>, bool),
    ) -> anyhow::Result<Report> {
        let settings = self.chain.best().await?.brain_settings(brain).await?;
        let Some(settings) = settings else {
            anyhow::bail!("there is no Brain {brain}; see `based brain list`");
        };
        let bns = chosen(bns, settings.profile.bns);
        let ens = chosen(ens, settings.profile.ens);
        let done = format!("Set the domain names of Brain {brain}.");
        self.send(brain, &calls::set_domains(brain, bns, ens), &done)
            .await
    }
}

pub(super) fn announced(manifest: [u8; 32], repository: Url, commit: [u8; 20], no_encryption: bool) -> Task {
    let task = Task::new(H256(manifest), repository, commit);
    Task {
        zk: task.zk && !no_encryption,
        ..task
    }
}

/// The new name, none if it is to go, else the one there is.
pub(super) fn chosen((new, remove): (Option<Domain>, bool), old: Option<Vec<u8>>) -> Option<Domain> {
    if remove {
        return None;
    }
    new.or_else(|| Domain::try_from(old?).ok())
}
