//! What the tests share: a network with a small model, a miner and a validator.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use based_client::chain::{calls, Chain};
use based_e2e::{
    model::small_model,
    network::{eventually, key, Network, PeerOptions, BRAIN, PATIENCE},
    peer::Peer,
};
use based_primitives::{Balance, SpendingAccountId};
use serde_json::Value;
use tempfile::TempDir;

/// Bootstraps of the model by which most tests run: well under a second of work.
pub const FEW: usize = 24;

/// A network whose Brain runs a small model.
pub struct Fixture {
    // Programs end before the directories they write to are removed.
    pub validator: Option<Peer>,
    pub miner: Option<Peer>,
    pub network: Network,
    pub chain: Chain,
    pub models: TempDir,
}

impl Fixture {
    /// One authority whose Brain runs a model of so many bootstraps from genesis on.
    pub async fn new(bootstraps: usize) -> anyhow::Result<Self> {
        let models = tempfile::tempdir()?;
        let manifest = small_model(&models.path().join("first"), "first", bootstraps)?;
        let network = Network::start_with_task(manifest).await?;
        let chain = network.chain().await?;
        Ok(Self {
            validator: None,
            miner: None,
            network,
            chain,
            models,
        })
    }

    /// Registers and starts the miner.
    pub async fn with_miner(mut self, run: &[&str]) -> anyhow::Result<Self> {
        let models = self.models.path();
        let options = PeerOptions {
            name: "miner",
            uri: "//Miner",
            brain: BRAIN,
            models,
            run,
            register: Some(&[]),
        };
        self.miner = Some(self.network.miner(options).await?);
        Ok(self)
    }

    /// Registers and starts the validator, with stake.
    pub async fn with_validator(mut self) -> anyhow::Result<Self> {
        let options = PeerOptions {
            name: "validator",
            uri: "//Validator",
            brain: BRAIN,
            models: self.models.path(),
            run: &["--canary-uri", "//Canary0", "--canary-uri", "//Canary1"],
            register: Some(&["--stake", "1000"]),
        };
        self.validator = Some(self.network.validator(options).await?);
        Ok(self)
    }

    pub fn miner(&mut self) -> &mut Peer {
        self.miner.as_mut().expect("the test has a miner")
    }

    pub fn validator(&mut self) -> &mut Peer {
        self.validator.as_mut().expect("the test has a validator")
    }

    /// Opens a spending account for a user and returns its number.
    pub async fn open_account(&self, uri: &str) -> anyhow::Result<SpendingAccountId> {
        self.network
            .based(uri, &["spend", "open", "--deposit", "1"])
            .await?;
        let accounts = self
            .chain
            .best()
            .await?
            .spending_accounts_of(&key(uri)?.account())
            .await?;
        Ok(*accounts.keys().next().context("no spending account")?)
    }

    /// Asks as a user does.
    pub async fn ask(&self, uri: &str, sentence: &str) -> anyhow::Result<Value> {
        self.ask_with(uri, &[sentence]).await
    }

    /// As [`Fixture::ask`], with options before the sentence.
    pub async fn ask_with(&self, uri: &str, args: &[&str]) -> anyhow::Result<Value> {
        let brain = BRAIN.to_string();
        let args = [&["--json", "ask", "--brain", &brain][..], args].concat();
        let text = self.network.based(uri, &args).await?;
        serde_json::from_str(text.trim()).with_context(|| format!("based ask printed {text}"))
    }

    /// Logits by the exact oracle.
    pub fn oracle(&self, model: &str, sentence: &str) -> anyhow::Result<Value> {
        let dir: PathBuf = self.models.path().join(model);
        let prompt = zk_llm::ClientModel::load(&dir)?.prepare(sentence)?;
        let logits = zk_llm::exec_clear::run(zk_llm::Model::load(&dir)?.circuit(), &prompt)?;
        Ok(serde_json::to_value(logits.0)?)
    }

    /// What the miner redeemed from a spending account.
    pub async fn redeemed(&self, account: SpendingAccountId) -> anyhow::Result<Balance> {
        let miner = key("//Miner")?.account();
        Ok(self
            .chain
            .best()
            .await?
            .reservation(account, &miner)
            .await?
            .map_or(0, |r| r.redeemed))
    }

    /// Waits until the miner has redeemed something from a spending account.
    pub async fn redemption(&self, account: SpendingAccountId) -> anyhow::Result<Balance> {
        eventually("a redemption", PATIENCE, || async {
            Ok(Some(self.redeemed(account).await?).filter(|redeemed| *redeemed > 0))
        })
        .await
    }

    /// Price of one prompt of the small model.
    pub async fn price(&self) -> anyhow::Result<Balance> {
        let brain = self.chain.best().await?.brain(BRAIN).await?.context("no Brain")?;
        brain
            .prices
            .and_then(|prices| prices.quote(16, 1))
            .context("no price")
    }

    /// Claims what the chain owes an account and returns it.
    pub async fn claim(&self, uri: &str) -> anyhow::Result<Balance> {
        let account = key(uri)?.account();
        let before = self.chain.best().await?.balance(&account).await?.free;
        let included = self
            .chain
            .submit(&key("//Bob")?, &calls::claim_reward(account.clone()))
            .await?;
        Ok(self
            .chain
            .view(included.block)
            .await?
            .balance(&account)
            .await?
            .free
            - before)
    }
}

/// A short wait.
pub async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
