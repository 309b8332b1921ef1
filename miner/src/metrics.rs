//! Figures for operators, in the Prometheus text format. None says anything about contents.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode, routing::get, Router};
use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use tokio::net::TcpListener;

use crate::{
    db::{Db, DbResult},
    evalkeys::KeyStore,
    queue::Queue,
    stop::Stop,
    tasks::{Offer, Situation},
};

/// One $BASED as a float, for gauges only.
const BASED: f64 = 1e18;

/// The miner's figures.
pub struct Metrics {
    registry: Registry,
    jobs: IntGaugeVec,
    queue: IntGauge,
    tables: IntCounter,
    tables_per_second: Gauge,
    seconds: Histogram,
    key_bytes: IntGauge,
    stored_bytes: IntGauge,
    redeemed: Gauge,
    promised: Gauge,
    lost: Gauge,
    head: IntGauge,
    reachable: IntGauge,
    serving: IntGauge,
    sessions: IntGauge,
    positions: IntCounter,
    hint_seconds: Histogram,
    product_seconds: Histogram,
    squeezing: IntGauge,
}

impl Metrics {
    /// Registers every figure.
    ///
    /// # Errors
    /// If two figures had one name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("based_miner".into()), None)?;
        let int = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let float = |name: &str, help: &str| -> prometheus::Result<Gauge> {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let jobs = IntGaugeVec::new(Opts::new("jobs", "Jobs by state"), &["state"])?;
        registry.register(Box::new(jobs.clone()))?;
        let tables = IntCounter::new("tables_total", "Table lookups of finished evaluations")?;
        registry.register(Box::new(tables.clone()))?;
        let buckets = vec![1.0, 5.0, 10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 240.0, 600.0];
        let options = HistogramOpts::new("evaluation_seconds", "Time of one evaluation").buckets(buckets);
        let seconds = Histogram::with_opts(options)?;
        registry.register(Box::new(seconds.clone()))?;
        let positions = IntCounter::new(
            "split_positions_total",
            "Positions multiplied by a first layer in split mode",
        )?;
        registry.register(Box::new(positions.clone()))?;
        let histogram = |name: &str, help: &str, from: f64| -> prometheus::Result<Histogram> {
            let buckets = prometheus::exponential_buckets(from, 4.0, 8)?;
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        Ok(Self {
            positions,
            hint_seconds: histogram("split_hint_seconds", "Time of one hint in split mode", 0.01)?,
            product_seconds: histogram(
                "split_product_seconds",
                "Time of one product in split mode",
                0.0005,
            )?,
            sessions: int("split_sessions", "Sessions of split mode that are open")?,
            jobs,
            tables,
            seconds,
            queue: int("queue_length", "Jobs that wait or run")?,
            tables_per_second: float(
                "tables_per_second",
                "Table lookups a second in the last evaluation",
            )?,
            key_bytes: int("keys_bytes", "Bytes of stored evaluation keys")?,
            stored_bytes: int("stored_bytes", "Bytes of the declared storage in use")?,
            redeemed: float("redeemed_based", "BASED redeemed in finalized blocks")?,
            promised: float(
                "promised_based",
                "BASED promised by vouchers and not redeemed yet",
            )?,
            lost: float(
                "lost_based",
                "BASED promised by vouchers that can no longer be redeemed",
            )?,
            head: int("head", "Height of the chain as last read")?,
            reachable: int("node_reachable", "1 if the node answered the last question")?,
            serving: int("serving", "1 if jobs are accepted")?,
            squeezing: int("cerberus_squeezing", "1 if the pruned graph is evaluated")?,
            registry,
        })
    }

    /// An evaluation of `tables` lookups took `time`.
    pub fn evaluated(&self, tables: u64, time: Duration) {
        self.tables.inc_by(tables);
        self.seconds.observe(time.as_secs_f64());
        self.tables_per_second
            .set(tables as f64 / time.as_secs_f64().max(f64::EPSILON));
    }

    /// A session of split mode began, or ended.
    pub fn session(&self, began: bool) {
        self.sessions.add(if began { 1 } else { -1 });
    }

    /// A hint took `time`.
    pub fn hinted(&self, time: Duration) {
        self.hint_seconds.observe(time.as_secs_f64());
    }

    /// A product took `time`; `positions` began with it, if it was a first layer's.
    pub fn multiplied(&self, positions: u64, time: Duration) {
        self.positions.inc_by(positions);
        self.product_seconds.observe(time.as_secs_f64());
    }

    fn refresh(&self, source: &Source) -> DbResult<()> {
        for (state, count) in source.db.job_counts()? {
            self.jobs.with_label_values(&[state.name()]).set(signed(count));
        }
        self.queue.set(source.queue.depth().into());
        self.key_bytes.set(signed(source.db.key_bytes()?));
        self.stored_bytes
            .set(source.keys.used().map(signed).unwrap_or_default());
        let (redeemed, promised, lost) = source.db.income()?;
        self.redeemed.set(redeemed as f64 / BASED);
        self.promised.set(promised as f64 / BASED);
        self.lost.set(lost as f64 / BASED);
        let situation = source.situation.borrow().clone();
        self.head.set(situation.head.into());
        self.reachable.set(situation.reachable.into());
        self.serving
            .set(matches!(situation.offer, Offer::Open { .. }).into());
        self.squeezing.set(1);
        Ok(())
    }

    fn text(&self) -> prometheus::Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Where the figures come from.
#[derive(Clone)]
pub struct Source {
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// State.
    pub db: Db,
    /// Keys.
    pub keys: KeyStore,
    /// Queue.
    pub queue: Queue,
    /// Last look at the chain.
    pub situation: tokio::sync::watch::Receiver<Situation>,
}

/// Serves `/metrics` until told to stop.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn serve(address: SocketAddr, source: Source, stop: Stop) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let router = Router::new().route("/metrics", get(page)).with_state(source);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.asked().await })
        .await
}

async fn page(State(source): State<Source>) -> Result<String, StatusCode> {
    let made = tokio::task::spawn_blocking(move || {
        if let Err(error) = source.metrics.refresh(&source) {
            tracing::error!(%error, "cannot read the figures");
            return None;
        }
        source
            .metrics
            .text()
            .ok()
            .and_then(|text| String::from_utf8(text).ok())
    });
    made.await.ok().flatten().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}
