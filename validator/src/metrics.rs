//! Figures for operators: counts, scores and the state of the connection, over HTTP in prometheus' text format.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{http::header, response::IntoResponse, routing::get, Router};
use prometheus::{Encoder, Gauge, GaugeVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use tokio::{net::TcpListener, sync::watch};

use crate::forecast::figures::Figures;

/// The validator's figures.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Canaries by result: `pass`, `fail` or `void`.
    pub canaries: IntCounterVec,
    /// Canaries in other Brains, by result.
    pub canaries_abroad: IntCounterVec,
    /// Score of each other Brain that was told last, 0 to 1.
    pub score_abroad: GaugeVec,
    /// Block in which cross edges were last set.
    pub edges_block: IntGauge,
    /// Audit score of the Brain's miners together, 0 to 1.
    pub audit: Gauge,
    /// Score of each miner, 0 to 1, by uid.
    pub score: GaugeVec,
    /// Mean latency of correct answers in seconds, by uid.
    pub latency: GaugeVec,
    /// Spent in the current cycle, in BASED.
    pub spent: Gauge,
    /// Best block seen.
    pub block: IntGauge,
    /// Block in which weights were last set.
    pub weights_block: IntGauge,
    /// 1 while the node answers, else 0.
    pub connected: IntGauge,
    /// 1 while the task's model is loaded, else 0.
    pub ready: IntGauge,
    /// Forecasts.
    pub forecasts: Figures,
}

impl Metrics {
    /// Makes and registers every figure.
    ///
    /// # Errors
    /// If a name is registered twice.
    pub fn new() -> anyhow::Result<Self> {
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("based").subsystem("validator");
        let registry = Registry::new();
        let metrics = Self {
            forecasts: Figures::new(&registry)?,
            registry,
            canaries: IntCounterVec::new(opts("canaries_total", "Canaries by result"), &["result"])?,
            canaries_abroad: IntCounterVec::new(
                opts("canaries_abroad_total", "Canaries in other Brains by result"),
                &["result"],
            )?,
            score_abroad: GaugeVec::new(opts("score_abroad", "Score of another Brain, 0 to 1"), &["brain"])?,
            edges_block: IntGauge::with_opts(opts("cross_edges_block", "Block of the last cross edges"))?,
            audit: Gauge::with_opts(opts(
                "audit_score",
                "Share of canaries that the miners answer correctly and in time",
            ))?,
            score: GaugeVec::new(opts("score", "Score of a miner, 0 to 1"), &["uid"])?,
            latency: GaugeVec::new(
                opts("latency_seconds", "Mean latency of correct answers"),
                &["uid"],
            )?,
            spent: Gauge::with_opts(opts("spent_based", "BASED spent on canaries in this cycle"))?,
            block: IntGauge::with_opts(opts("best_block", "Best block seen"))?,
            weights_block: IntGauge::with_opts(opts("weights_block", "Block of the last weights"))?,
            connected: IntGauge::with_opts(opts("node_connected", "Whether the node answers"))?,
            ready: IntGauge::with_opts(opts("ready", "Whether the task's model is loaded"))?,
        };
        for result in ["pass", "fail", "void"] {
            metrics.canaries.with_label_values(&[result]);
            metrics.canaries_abroad.with_label_values(&[result]);
        }
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.canaries.clone()))?;
        registry.register(Box::new(metrics.canaries_abroad.clone()))?;
        registry.register(Box::new(metrics.score_abroad.clone()))?;
        registry.register(Box::new(metrics.edges_block.clone()))?;
        registry.register(Box::new(metrics.audit.clone()))?;
        registry.register(Box::new(metrics.score.clone()))?;
        registry.register(Box::new(metrics.latency.clone()))?;
        registry.register(Box::new(metrics.spent.clone()))?;
        for gauge in [
            &metrics.block,
            &metrics.weights_block,
            &metrics.connected,
            &metrics.ready,
        ] {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(metrics)
    }

    /// The figures as text.
    pub fn text(&self) -> String {
        let mut bytes = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut bytes) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("# {error}\n"),
        }
    }

    /// Serves `/metrics` and `/health` until `stop` changes.
    ///
    /// # Errors
    /// If the address is taken.
    pub async fn serve(self, address: SocketAddr, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot serve metrics on {address}; choose another --metrics-port"))?;
        tracing::info!(%address, "metrics are served");
        let router = Router::new().route("/health", get(|| async { "ok\n" })).route(
            "/metrics",
            get(move || {
                let text = self.text();
                async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response() }
            }),
        );
        let until = async move {
            // An error means that the sender is gone, which ends the program as well.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        axum::serve(listener, router)
            .with_graceful_shutdown(until)
            .await
            .context("the metrics server stopped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_appear_under_their_names_before_the_first_canary() {
        let metrics = Metrics::new().unwrap();
        metrics.score.with_label_values(&["3"]).set(0.5);
        let text = metrics.text();
        for line in [
            "based_validator_canaries_total{result=\"pass\"} 0",
            "based_validator_canaries_total{result=\"void\"} 0",
            "based_validator_score{uid=\"3\"} 0.5",
            "based_validator_canaries_abroad_total{result=\"fail\"} 0",
            "based_validator_node_connected 0",
            "based_validator_accuracy 0",
            "based_validator_forecasts_missed_total 0",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
