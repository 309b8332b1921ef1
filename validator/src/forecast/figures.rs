//! Figures of forecasts for operators.

use prometheus::{Gauge, IntCounter, IntGauge, Opts, Registry};

/// Forecasts, dataset and training in numbers.
#[derive(Clone)]
pub struct Figures {
    /// Accuracy of this validator, 0 to 1.
    pub accuracy: Gauge,
    /// Weight of forecasts in force, 0 to 1.
    pub beta: Gauge,
    /// Last round committed to.
    pub round: IntGauge,
    /// Last round revealed.
    pub revealed: IntGauge,
    /// Rounds that were not revealed in time.
    pub missed: IntCounter,
    /// Score of the last round, 0 to 1.
    pub score: Gauge,
    /// 1 while the model forecasts, 0 while persistence does.
    pub model: IntGauge,
    /// Buckets in the archive.
    pub rows: IntGauge,
    /// Wall time of the last training, or of the present one so far.
    pub training_seconds: Gauge,
    /// Normalised quantile loss of the last validation.
    pub training_loss: Gauge,
}

impl Figures {
    /// Makes and registers every figure.
    ///
    /// # Errors
    /// If a name is registered twice.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let opts = |name: &str, help: &str| Opts::new(name, help).namespace("based").subsystem("validator");
        let real = |name: &str, help: &str| -> prometheus::Result<Gauge> {
            let gauge = Gauge::with_opts(opts(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let whole = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::with_opts(opts(name, help))?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let missed = IntCounter::with_opts(opts("forecasts_missed_total", "Rounds not revealed in time"))?;
        registry.register(Box::new(missed.clone()))?;
        Ok(Self {
            accuracy: real("accuracy", "Accuracy of forecasts, 0 to 1")?,
            beta: real("forecast_weight", "Weight of forecasts in force, 0 to 1")?,
            round: whole("forecast_round", "Last round committed to")?,
            revealed: whole("forecast_revealed_round", "Last round revealed")?,
            missed,
            score: real("forecast_score", "Score of the last round, 0 to 1")?,
            model: whole("forecast_model", "Whether the model forecasts, not persistence")?,
            rows: whole("dataset_rows", "Buckets of metrics in the archive")?,
            training_seconds: real("training_seconds", "Wall time of the last training")?,
            training_loss: real("training_loss", "Normalised quantile loss of the last validation")?,
        })
    }
}
