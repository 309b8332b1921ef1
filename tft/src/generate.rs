//! Seeded series to train and measure on.

use std::f64::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::schema::{Feature, Schema};
use crate::table::{Series, Table};

/// Kind of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One target with a day and a week that interact, and noise that depends on the hour.
    Seasonal,
    /// Six chain metrics that drive one another, with known structure.
    Chain,
    /// Random walks of white-noise steps: nothing to learn, persistence is the best forecast.
    Walk,
    /// White noise around a level.
    White,
}

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Kind of series.
    pub kind: Kind,
    /// Observed rows of each series.
    pub rows: usize,
    /// Rows beyond them whose known columns are given.
    pub ahead: usize,
    /// Series.
    pub series: usize,
    /// Decides every random choice.
    pub seed: u64,
    /// Rows of a day; a week has seven.
    pub day: usize,
}

/// Columns of the chain metrics that are forecast.
pub const CHAIN_TARGETS: [&str; 6] = [
    "transactions",
    "block_time_mean",
    "bytes",
    "active_addresses",
    "fee_mean",
    "p_mean",
];

/// The schema and table of a request.
pub fn generate(request: Request) -> (Schema, Table) {
    let names: Vec<String> = match request.kind {
        Kind::Seasonal => vec!["value".into()],
        Kind::Chain => CHAIN_TARGETS.map(String::from).to_vec(),
        Kind::Walk | Kind::White => (0..6).map(|at| format!("metric_{at}")).collect(),
    };
    let reals = |names: &[String]| names.iter().map(Feature::real).collect::<Vec<_>>();
    let extra: &[String] = if request.kind == Kind::Chain {
        &["joins".into(), "peer_forecast".into()]
    } else {
        &[]
    };
    let schema = Schema {
        version: 1,
        targets: names.clone(),
        statics: vec![Feature::categorical("kind", request.series.max(2) as u32)],
        observed: reals(&[&names[..], extra].concat()),
        known: reals(&["day_sin", "day_cos", "week_sin", "week_cos"].map(String::from)),
    };
    let series = (0..request.series).map(|at| {
        let mut rng = ChaCha8Rng::seed_from_u64(request.seed);
        rng.set_stream(at as u64);
        let observed = match request.kind {
            Kind::Seasonal => vec![seasonal(request, &mut rng)],
            Kind::Chain => chain(request, &mut rng),
            Kind::Walk => (0..6).map(|_| walk(request.rows, &mut rng)).collect(),
            Kind::White => (0..6)
                .map(|_| (0..request.rows).map(|_| normal(&mut rng)).collect())
                .collect(),
        };
        Series {
            name: format!("series_{at}"),
            statics: vec![at as f64],
            observed,
            known: clock(request),
        }
    });
    let table = Table {
        series: series.collect(),
    };
    (schema, table)
}

/// A normal deviate (Box and Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.gen::<f64>()).ln()).sqrt();
    radius * (TAU * rng.gen::<f64>()).cos()
}

/// Sine and cosine of the day and of the week.
fn clock(request: Request) -> Vec<Vec<f64>> {
    let phase = |period: usize, of: fn(f64) -> f64| {
        let at = |row| of(TAU * (row % period) as f64 / period as f64);
        (0..request.rows + request.ahead).map(at).collect()
    };
    let (day, week) = (request.day, 7 * request.day);
    vec![
        phase(day, f64::sin),
        phase(day, f64::cos),
        phase(week, f64::sin),
        phase(week, f64::cos),
    ]
}

fn seasonal(request: Request, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let day = request.day as f64;
    let (level, first, second): (f64, f64, f64) = (rng.gen_range(8.0..12.0), rng.gen(), rng.gen());
    let sizes: [f64; 3] = std::array::from_fn(|_| rng.gen_range(0.7..1.4));
    let mut drift = 0.0;
    let value = |row: usize| {
        let hour = TAU * (row as f64 / day + first);
        let weekday = TAU * (row as f64 / (7.0 * day) + second);
        let weekly = 1.0 + 0.5 * weekday.sin();
        let spread = 0.15 + 0.15 * (1.0 + hour.sin());
        drift = 0.9 * drift + 0.15 * normal(rng);
        level
            + 2.0 * sizes[0] * hour.sin() * weekly
            + sizes[1] * (2.0 * hour).cos()
            + sizes[2] * weekday.cos()
            + drift
            + spread * normal(rng)
    };
    (0..request.rows).map(value).collect()
}

/// Transactions follow day and week and, beyond a threshold, crowd: fees jump and blocks slow down. Joins come in
/// waves that raise activity some rows later. A peer's forecast is a noisy view of the next row.
fn chain(request: Request, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    const DELAY: usize = 6;
    let day = request.day as f64;
    let mut columns: Vec<Vec<f64>> = vec![Vec::with_capacity(request.rows); 8];
    let mut joins = vec![0.0f64; DELAY];
    let mut wave = 0.0f64;
    for row in 0..=request.rows {
        let hour = TAU * row as f64 / day;
        let weekend = (row / request.day) % 7 >= 5;
        let daily = if weekend {
            0.4 * (2.0 * hour).sin()
        } else {
            hour.sin() + 0.3 * (2.0 * hour).cos()
        };
        wave = if rng.gen_bool(0.03) {
            rng.gen_range(1.0..2.0)
        } else {
            0.8 * wave
        };
        joins.push(wave);
        let echo = joins[row];
        let demand = 3.0 + daily + 0.9 * echo;
        let crowded = (demand - 3.6).max(0.0);
        // Busy hours are noisier.
        let noise = |rng: &mut ChaCha8Rng, size: f64| size * (0.5 + 0.25 * demand) * normal(rng);
        let next = [
            1000.0 * (demand + noise(rng, 0.12)),
            10.0 + 2.0 * crowded * crowded + noise(rng, 0.15),
            250.0 * (1000.0 * demand * (1.0 + 0.2 * daily)) / 1000.0 + noise(rng, 25.0),
            400.0 * (1.0 + demand).ln() + noise(rng, 12.0),
            0.5 + crowded * crowded + noise(rng, 0.06),
            0.8 - 0.1 * crowded + noise(rng, 0.015),
        ];
        // A row's peer forecast concerns the row after it.
        if row > 0 {
            columns[7].push(next[0] * (1.0 + 0.03 * normal(rng)));
        }
        if row < request.rows {
            for (column, value) in columns.iter_mut().zip(next) {
                column.push(value);
            }
            columns[6].push(wave);
        }
    }
    columns
}

fn walk(rows: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut at = 100.0;
    let step = |_| {
        at += normal(rng);
        at
    };
    (0..rows).map(step).collect()
}
