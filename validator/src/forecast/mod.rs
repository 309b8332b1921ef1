//! Forecasts: the chain's metrics as a dataset, a Temporal Fusion Transformer trained on it, and rounds in which the
//! validator commits itself to what it expects and reveals it (D.4, D.5, R104-R111).
//!
//! - [`archive`]: everything read from finalized blocks, in SQLite; [`collect`] keeps it up to date.
//! - [`features`]: the archive as the table that the model reads; [`export`] writes it to disk.
//! - [`trainer`]: fine-tunes the model now and then; [`answer`] asks it.
//! - [`rounds`]: what is to be done in a block, as a function; [`promises`]: what must survive a restart;
//!   [`teller`] does it.

pub mod answer;
pub mod archive;
pub mod collect;
pub mod export;
pub mod features;
pub mod figures;
pub mod promises;
pub mod report;
pub mod rounds;
pub mod series;
pub mod teller;
pub mod trainer;

use std::sync::{Arc, Mutex};

use based_client::chain::{Chain, Signer};
use tokio::task::JoinSet;

use crate::{
    args::{Common, Run},
    situation::Latest,
    store::Store,
};

/// What forecasting shares with the rest of the validator.
pub struct Parts {
    /// Connection to the chain.
    pub chain: Chain,
    /// The validator's key.
    pub signer: Signer,
    /// The validator's database.
    pub store: Arc<Mutex<Store>>,
    /// Figures.
    pub figures: figures::Figures,
}

/// Starts to collect, to train and to forecast.
///
/// # Errors
/// If the archive cannot be opened.
pub fn start(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    common: &Common,
    args: &Run,
    parts: Parts,
    latest: Latest,
) -> anyhow::Result<()> {
    let archive = Arc::new(Mutex::new(archive::Archive::open(&common.data_dir)?));
    let model = Arc::new(trainer::Model::open(&common.data_dir));
    let collecting = collect::keep(parts.chain.clone(), archive.clone(), parts.figures.clone());
    let trainer = trainer::Trainer {
        model: model.clone(),
        archive: archive.clone(),
        account: parts.signer.account(),
        every: args.train_every,
        sizes: args.model_size.sizes(),
        figures: parts.figures.clone(),
    };
    let teller = teller::Teller {
        chain: parts.chain,
        signer: parts.signer,
        brain: common.brain,
        store: parts.store,
        archive,
        model,
        figures: parts.figures,
    };
    tasks.spawn(async { Ok(collecting.await) });
    tasks.spawn(async { Ok(trainer.work().await) });
    tasks.spawn(async { Ok(teller.work(latest).await) });
    Ok(())
}
