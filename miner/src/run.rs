//! Runs a miner until it is stopped.

use std::{
    fs::File,
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{bail, Context};
use based_client::{
    chain, files,
    joining::JUST_MEMORIZED,
    models::{Models, Quota},
    tls::{self, ComputeKeyPair},
    wire::{self, miner_server::MinerServer},
};
use based_primitives::Role;
use tokio::{
    net::TcpListener,
    signal::unix::{signal, SignalKind},
    sync::watch,
    task::JoinSet,
};
use zk_llm::routing::{Centroids, MAX_PUBLISHED_BYTES};

use crate::{
    args::{Common, Run},
    chain::Chain,
    db::Db,
    evalkeys::KeyStore,
    limits,
    live::Live,
    metrics::{self, Metrics},
    queue::{Queue, Worker},
    redeem::{Policy, Redeemer},
    service::{Parts, Service},
    stop::{self, Stop},
    tasks::{Library, Situation},
    traces::TraceStore,
    watcher::Watcher,
    COMPUTEKEY_FILE,
};

/// Time between two clean-ups of the state.
const PRUNING: Duration = Duration::from_secs(60);
/// Longest wait for streams and the table under way when stopping.
const FAREWELL: Duration = Duration::from_secs(10);

/// Serves until SIGINT or SIGTERM. Waits for a node that is away, at the start and later.
///
/// # Errors
/// If the settings are wrong, the account is no miner of the Brain, or an address cannot be listened on.
pub async fn run(common: &Common, args: &Run) -> anyhow::Result<()> {
    files::create_private_dir(&common.data_dir)
        .with_context(|| format!("cannot make {}", common.data_dir.display()))?;
    let _alone = alone(&common.data_dir)?;
    let signer = common.key.signer()?;
    let centroids = args.centroids.as_deref().map(published).transpose()?;
    let computekey = ComputeKeyPair::load_or_create(&common.data_dir.join(COMPUTEKEY_FILE))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stopper, stop) = stop::channel();
    let work = async {
        let connection = tokio::select! {
            connection = chain::Chain::connect_patiently(&common.node) => connection?,
            () = stop.asked() => return Ok(()),
        };
        let chain: Arc<dyn Chain> = Arc::new(Live::new(connection, signer));
        serve((common, args), (computekey, centroids), chain, stop).await
    };
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return ended,
        _ = terminate.recv() => {},
        _ = interrupt.recv() => {},
    }
    tracing::info!("stopping; a job under way resumes at the next start");
    stopper.stop();
    work.await
}

async fn serve(
    (common, args): (&Common, &Run),
    (computekey, centroids): (ComputeKeyPair, Option<Arc<[u8]>>),
    chain: Arc<dyn Chain>,
    stop: Stop,
) -> anyhow::Result<()> {
    let quota = quota(common, args, chain.as_ref(), &stop).await?;
    let Some(quota) = quota else { return Ok(()) };
    let db = Db::open(&common.data_dir)?;
    db.bind(&chain.genesis(), &chain.miner(), common.brain)?;
    // Before the keys, of which none is to give way to a leftover.
    let traces = TraceStore::open(&common.data_dir).context("cannot open the directory of traces")?;
    let keys = KeyStore::open(&common.data_dir, db.clone(), quota, args.device.clone())?;
    let models = Models::new(args.model_dir.clone(), &common.data_dir, quota);
    let library = Arc::new(Library::new(models, args.device.clone()));
    let figures = Arc::new(Metrics::new()?);
    let queue = Queue::default();
    let resumed = db.resumable()?;
    if !resumed.is_empty() {
        tracing::info!(jobs = resumed.len(), "resuming queued jobs");
    }
    resumed.into_iter().for_each(|job| queue.push(job));
    let (publish, situation) = watch::channel(Situation::default());
    let watcher = Watcher::new(chain.clone(), common.brain, &computekey, library.clone(), publish);
    let threads = args.threads.filter(|threads| *threads > 0).unwrap_or_else(cores);
    let served = figures.clone();
    let worker = Arc::new(Worker {
        db: db.clone(),
        keys: keys.clone(),
        traces: traces.clone(),
        library: library.clone(),
        computekey: computekey.clone(),
        genesis: chain.genesis(),
        threads,
        metrics: figures.clone(),
    });
    let redeemer = Redeemer::new(
        db.clone(),
        chain.clone(),
        Policy {
            blocks: args.redeem_blocks,
            amount: args.redeem_above,
        },
    );
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}; is another program there?", args.listen))?;
    tracing::info!(
        listen = %args.listen,
        brain = common.brain,
        computekey = %hex::encode(computekey.public()),
        device = %args.device,
        threads,
        storage_bytes = quota.bytes(),
        "miner starts; Cerberus Squeezing is on"
    );

    let mut parts: JoinSet<anyhow::Result<()>> = JoinSet::new();
    if args.metrics_port != 0 {
        let source = metrics::Source {
            metrics: figures,
            db: db.clone(),
            keys: keys.clone(),
            queue: queue.clone(),
            situation: situation.clone(),
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.metrics_port));
        let page = metrics::serve(address, source, stop.clone());
        parts.spawn(async move { page.await.with_context(|| format!("metrics page on {address}")) });
    }
    let watching = watcher.run(stop.clone());
    parts.spawn(async { Ok(watching.await) });
    let redeeming = redeemer.run(situation.clone(), stop.clone());
    parts.spawn(async { Ok(redeeming.await) });
    let pruning = prune(db.clone(), traces.clone(), stop.clone());
    parts.spawn(async { Ok(pruning.await) });
    let (working, working_stop) = (queue.clone(), stop.clone());
    parts.spawn(async move { Ok(working.work(worker, working_stop).await) });
    let service = Service::new(Parts {
        db,
        keys,
        traces,
        library,
        queue,
        chain,
        situation,
        brain: common.brain,
        computekey: computekey.clone(),
        metrics: served,
        threads,
        centroids,
        stop: stop.clone(),
    });
    parts.spawn(listen(listener, computekey, service, stop.clone()));
    finish(parts, stop).await
}

/// Serves the protocol on a listener until told to stop.
///
/// # Errors
/// If the certificate cannot be made or the transport fails.
pub async fn listen(
    listener: TcpListener,
    computekey: ComputeKeyPair,
    service: Service,
    stop: Stop,
) -> anyhow::Result<()> {
    let bounds = tls::Limits {
        connections: limits::CONNECTIONS,
        per_address: limits::CONNECTIONS_PER_PEER,
        handshake: limits::HANDSHAKE,
    };
    let incoming = tls::incoming(listener, computekey.server_config()?, bounds);
    let service = MinerServer::new(service)
        .max_decoding_message_size(wire::MAX_MESSAGE)
        .max_encoding_message_size(wire::MAX_MESSAGE);
    wire::server()
        .max_concurrent_streams(limits::STREAMS_PER_CONNECTION)
        .max_connection_age(limits::CONNECTION_AGE)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, async move { stop.asked().await })
        .await
        .context("the server failed")
}

/// Storage to keep within: what was declared on chain, or less (R029). `None` if stopped meanwhile.
async fn quota(common: &Common, args: &Run, chain: &dyn Chain, stop: &Stop) -> anyhow::Result<Option<Quota>> {
    let begin = Instant::now();
    let peer = loop {
        match chain.peer(common.brain).await {
            Ok(None) if begin.elapsed() < JUST_MEMORIZED => {
                tracing::warn!(
                    brain = common.brain,
                    "not memorized as this node sees it; waiting, in case it was just now"
                );
            }
            Ok(peer) => break peer,
            Err(error) => tracing::warn!(%error, "waiting for the node"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(3)) => {},
            () = stop.asked() => return Ok(None),
        }
    };
    match peer {
        Some(peer) if peer.role == Role::Miner => {
            let declared = peer.resources.storage_mib;
            Ok(Some(Quota::from_mib(
                args.storage_mib.map_or(declared, |less| less.min(declared)),
            )))
        }
        Some(_) => bail!(
            "this account is a validator of Brain {}, not a miner",
            common.brain
        ),
        None => bail!(
            "this account is not memorized in Brain {}; run `based-miner register` first",
            common.brain
        ),
    }
}

async fn prune(db: Db, traces: TraceStore, stop: Stop) {
    loop {
        let expired = db.run(|db| {
            db.prune(
                limits::UNPAID_OUTPUT,
                limits::TRACE_OPEN,
                limits::PAID_OUTPUT,
                limits::FINISHED_JOB,
            )
        });
        match expired.await {
            Ok(0) => {}
            Ok(expired) => tracing::warn!(expired, "outputs were not collected in time"),
            Err(error) => tracing::error!(%error, "cannot clean up the state"),
        }
        // After the state, whose jobs are to expire before their traces go.
        let old = traces.clone();
        let pruned = tokio::task::spawn_blocking(move || old.prune(limits::TRACE_KEPT));
        if let Ok(Err(error)) = pruned.await {
            tracing::error!(%error, "cannot remove old traces");
        }
        tokio::select! {
            () = tokio::time::sleep(PRUNING) => {},
            () = stop.asked() => return,
        }
    }
}

/// Waits for the end; a part that ends before it is told to is a failure of the whole.
async fn finish(mut parts: JoinSet<anyhow::Result<()>>, stop: Stop) -> anyhow::Result<()> {
    tokio::select! {
        () = stop.asked() => {},
        Some(ended) = parts.join_next() => {
            ended.context("a part of the miner failed")??;
            if !stop.flag().load(std::sync::atomic::Ordering::Acquire) {
                bail!("a part of the miner ended");
            }
        },
    }
    let rest = async { while parts.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, rest).await.is_err() {
        tracing::warn!("some streams did not end in time");
    }
    Ok(())
}

/// Reads the centroids that clients are to be given, and refuses what they would.
fn published(path: &Path) -> anyhow::Result<Arc<[u8]>> {
    let what = || {
        format!(
            "cannot publish {}; make it with `zk-llm centroids`",
            path.display()
        )
    };
    let file = File::open(path).with_context(what)?;
    let mut bytes = Vec::new();
    let most = MAX_PUBLISHED_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).with_context(what)?;
    Centroids::from_json(&bytes).with_context(what)?;
    Ok(bytes.into())
}

/// Locks the data directory: two miners on one would evaluate and redeem the same jobs.
fn alone(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => {
            bail!(
                "another miner runs on {}; stop it or give another --data-dir",
                data_dir.display()
            )
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_data_directory_serves_one_miner() {
        let dir = tempfile::tempdir().unwrap();
        let first = alone(dir.path()).unwrap();
        assert!(alone(dir.path())
            .unwrap_err()
            .to_string()
            .contains("another miner"));
        drop(first);
        alone(dir.path()).unwrap();
    }

    #[test]
    fn centroids_that_no_client_would_take_are_not_published() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("centroids.json");
        assert!(published(&path)
            .unwrap_err()
            .to_string()
            .contains("zk-llm centroids"));
        for bytes in [&b"{}"[..], &[b' '; MAX_PUBLISHED_BYTES + 1]] {
            fs::write(&path, bytes).unwrap();
            let error = published(&path).unwrap_err();
            assert!(error.to_string().contains("centroids.json"), "{error}");
        }
        let good = Centroids::of(&[1; 32], &[vec![3.0, 4.0]], 1).unwrap();
        fs::write(&path, good.to_json().unwrap()).unwrap();
        assert_eq!(published(&path).unwrap()[..], good.to_json().unwrap());
    }
}
