//! Runs a validator until it is stopped.

use std::{
    collections::HashSet,
    fs::File,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{bail, Context};
use based_client::{
    chain::Chain,
    files,
    joining::JUST_MEMORIZED,
    models::{Models, Quota},
};
use based_primitives::Role;
use tokio::{
    signal::unix::{signal, SignalKind},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

use crate::{
    abroad::{Abroad, Teller},
    args::{Common, Run},
    forecast,
    metrics::Metrics,
    oracle,
    probe::Means,
    prober::Prober,
    purse,
    purse::Purse,
    setter::Setter,
    situation,
    store::Store,
};

/// Pause before it is looked again whether the account is memorized.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// Sends canaries, sets weights and forecasts until SIGINT or SIGTERM. Waits for a node that is away, at the start and later.
///
/// # Errors
/// If the settings are wrong, the account is no validator of the Brain, or the chain is not understood.
pub async fn run(common: &Common, args: &Run) -> anyhow::Result<()> {
    files::create_private_dir(&common.data_dir)
        .with_context(|| format!("cannot make {}", common.data_dir.display()))?;
    let _alone = alone(&common.data_dir)?;
    let signer = common.key.signer()?;
    let mut uris = args.canary_uri.clone();
    if let Some(path) = &args.canary_file {
        uris.extend(purse::read_file(path)?);
    }
    let purse = Purse::new(&uris, &signer.account(), &common.data_dir)?;
    let store = Arc::new(Mutex::new(Store::open(&common.data_dir)?));
    let metrics = Metrics::new()?;
    let (stop, stopped) = watch::channel(false);

    let mut tasks: JoinSet<anyhow::Result<()>> = JoinSet::new();
    if args.metrics_port != 0 {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.metrics_port));
        tasks.spawn(metrics.clone().serve(address, stopped));
    }
    let work = async {
        let chain = Chain::connect_patiently(&common.node).await?;
        let begin = Instant::now();
        let own = loop {
            let own = chain.best().await?.peer(common.brain, &signer.account()).await?;
            if own.is_some() || begin.elapsed() >= JUST_MEMORIZED {
                break own;
            }
            tracing::warn!(
                brain = common.brain,
                "not memorized as this node sees it; waiting, in case it was just now"
            );
            sleep(LOOK_AGAIN).await;
        };
        let Some(own) = own else {
            bail!(
                "this account is not memorized in Brain {}; run `based-validator register` first",
                common.brain
            );
        };
        if own.role != Role::Validator {
            bail!(
                "this account is a miner of Brain {}, not a validator",
                common.brain
            );
        }
        tracing::info!(
            brain = common.brain,
            uid = own.uid,
            canary_accounts = purse.size(),
            "validator starts"
        );
        let (publish_situation, latest) = watch::channel(None);
        let (publish_oracle, ready) = watch::channel(None);
        let quota = Quota::from_mib(own.resources.storage_mib);
        let models = Models::new(args.model_dir.clone(), &common.data_dir, quota);
        let setter = Setter {
            chain: chain.clone(),
            signer: signer.clone(),
            brain: common.brain,
            store: store.clone(),
            metrics: metrics.clone(),
        };
        let forecasting = forecast::Parts {
            chain: chain.clone(),
            signer: signer.clone(),
            store: store.clone(),
            figures: metrics.forecasts.clone(),
        };
        let workers = usize::from(args.parallel).min(purse.size());
        let means = Arc::new(Means {
            chain: chain.clone(),
            purse,
            store: store.clone(),
            budget: args.budget,
            deposit: args.canary_deposit,
            patience: args.patience,
            data_dir: common.data_dir.clone(),
            metrics: metrics.clone(),
        });
        let prober = Arc::new(Prober {
            means: means.clone(),
            brain: common.brain,
            every: args.canary_every,
            busy: Mutex::new(HashSet::new()),
        });
        let teller = Teller {
            chain: chain.clone(),
            signer: signer.clone(),
            brain: common.brain,
            store,
            metrics: metrics.clone(),
        };
        let abroad = Abroad {
            means,
            brain: common.brain,
            account: signer.account(),
            model_dirs: args.model_dir.clone(),
            count: args.abroad,
        };
        let mut parts: JoinSet<anyhow::Result<()>> = JoinSet::new();
        parts.spawn(situation::follow(
            chain,
            common.brain,
            signer.account(),
            publish_situation,
            metrics.clone(),
        ));
        let keeper = oracle::keep(models, latest.clone(), publish_oracle, metrics.clone());
        parts.spawn(async { Ok(keeper.await) });
        let setting = setter.work(latest.clone());
        parts.spawn(async { Ok(setting.await) });
        if args.abroad > 0 {
            let visiting = abroad.work(latest.clone());
            parts.spawn(async { Ok(visiting.await) });
            let telling = teller.work(latest.clone());
            parts.spawn(async { Ok(telling.await) });
        }
        if !args.no_forecast {
            forecast::start(&mut parts, common, args, forecasting, latest.clone())?;
        }
        for _ in 0..workers {
            let working = prober.clone().work(latest.clone(), ready.clone());
            parts.spawn(async { Ok(working.await) });
        }
        first_end(&mut parts).await
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = tokio::select! {
        ended = work => ended,
        Some(ended) = tasks.join_next() => ended.context("the metrics server failed")?,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    // Canaries under way end here; their jobs were not paid and count as void.
    tracing::info!("validator stops");
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    ended
}

/// Waits for the first part that ends, which is the end of all: none ends while things go well.
async fn first_end(parts: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    match parts.join_next().await {
        Some(ended) => ended
            .context("a part of the validator failed")?
            .and_then(|()| bail!("a part of the validator ended")),
        None => bail!("nothing to do"),
    }
}

/// Locks the data directory: two validators on one would use the same sentences and state.
fn alone(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!(
            "another validator runs on {}; stop it or give another --data-dir",
            data_dir.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_serves_one_validator() {
        let dir = tempfile::tempdir().unwrap();
        let first = alone(dir.path()).unwrap();
        assert!(alone(dir.path())
            .unwrap_err()
            .to_string()
            .contains("another validator"));
        drop(first);
        alone(dir.path()).unwrap();
    }
}
