//! The same training by pytorch-forecasting: same series, same windows to choose from, same sizes, schedule and
//! steps, on the same number of threads, taking turns so that both see the machine in the same state.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{ensure, Context};
use based_tft::dataset::Window;
use based_tft::generate::{generate, Kind, Request};
use based_tft::loss::q_risk;
use based_tft::store::write_atomically;
use based_tft::train::Run;
use based_tft::{Forecaster, Sizes, Table, Training, QUANTILES};
use serde::Deserialize;
use serde_json::{json, Value};

use super::Figure;
use crate::output::{bar, series_file};

const NAME: &str = "pytorch-forecasting, same run";
const SIZES: Sizes = Sizes {
    width: 16,
    heads: 4,
    encoder: 48,
    horizon: 12,
    dropout: 0.1,
};
/// Share of the rows that training sees; the rest test.
const TRAINED: f64 = 0.8;
/// Steps of a turn.
const TURN: usize = 100;

/// Quantile risk and time of a step, ours over the peer's.
pub fn measure(python: &Path, script: &Path, seeds: u64, steps: usize) -> anyhow::Result<Vec<Figure>> {
    ensure!(seeds > 0 && steps > 0, "--seeds and --steps must be at least 1");
    let request = Request {
        kind: Kind::Seasonal,
        rows: 3000,
        ahead: 0,
        series: 2,
        seed: 11,
        day: 24,
    };
    let (schema, table) = generate(request);
    let directory = std::env::temp_dir().join(format!("based-tft-bench-{}", std::process::id()));
    table.write_csv(&series_file(&directory), &schema)?;
    let all = (1..=seeds).map(|seed| compare(python, script, &directory, &schema, &table, seed, steps));
    let all: anyhow::Result<Vec<_>> = all.collect();
    std::fs::remove_dir_all(&directory)?;
    Ok(figures(&all?))
}

/// What one seed came to: quantile risks by quantile and seconds of a step, ours and the peer's.
struct Comparison {
    risks: [[f64; 3]; 2],
    seconds: [f64; 2],
    parameters: [f64; 2],
}

fn figures(all: &[Comparison]) -> Vec<Figure> {
    let mean = |of: &dyn Fn(&Comparison) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
    let [ours, peer] = [0, 1].map(|side| mean(&|one| one.risks[side].iter().sum::<f64>() / 3.0));
    let [step, peer_step] = [0, 1].map(|side| mean(&|one| one.seconds[side]) * 1e3);
    let [size, peer_size] = [0, 1].map(|side| mean(&|one| one.parameters[side]));
    let mut figures = vec![
        Figure::plain("qrisk_ratio", ours / peer, "ratio")
            .beside(NAME, 1.0, peer / ours)
            .at_most(1.03),
        Figure::plain("step_time_ratio", step / peer_step, "ratio")
            .beside(NAME, 1.0, peer_step / step)
            .at_most(1.0),
        Figure::plain("step_ms", step, "ms").beside(NAME, peer_step, peer_step / step),
        Figure::plain("parameters_compared", size, "parameters").beside(NAME, peer_size, peer_size / size),
    ];
    for (at, q) in QUANTILES.iter().enumerate() {
        let [ours, peer] = [0, 1].map(|side| mean(&|one| one.risks[side][at]));
        figures.push(
            Figure::plain(format!("qrisk_p{:.0}", q * 100.0), ours, "risk").beside(NAME, peer, peer / ours),
        );
    }
    figures
}

#[derive(Deserialize)]
struct PeerForecast {
    series: String,
    present: usize,
    quantiles: Vec<[f64; 3]>,
}

fn compare(
    python: &Path,
    script: &Path,
    directory: &Path,
    schema: &based_tft::Schema,
    table: &Table,
    seed: u64,
    steps: usize,
) -> anyhow::Result<Comparison> {
    // No clipping and no decay, which the two would apply in different units.
    let training = Training {
        steps,
        rate: 3e-3,
        seed,
        clip: f64::MAX,
        decay: 0.0,
        validation: 1.0 - TRAINED,
        ..Training::default()
    };
    let threads = rayon::current_num_threads();
    let rates: Vec<f64> = (0..steps).map(|step| training.rate_at(step)).collect();
    let settings = json!({
        "series": series_file(directory), "threads": threads, "seed": seed, "batch": training.batch, "rates": rates,
        "boundary": (table.series[0].rows() as f64 * TRAINED).round() as usize, "sizes": SIZES,
        "quantiles": QUANTILES, "target": schema.targets[0],
        "known": schema.known.iter().map(|feature| &feature.name).collect::<Vec<_>>(),
        "static": schema.statics.iter().map(|feature| &feature.name).collect::<Vec<_>>(),
    });
    let settings_file = directory.join("settings.json");
    write_atomically(&settings_file, &serde_json::to_vec(&settings)?)?;
    let mut peer = Peer::start(python, script, &settings_file)?;
    let peer_size = peer.ask("parameters")?["parameters"]
        .as_f64()
        .context("the peer told no size")?;

    let mut forecaster = Forecaster::new(schema.clone(), SIZES, seed)?;
    let none = Training { steps: 0, ..training };
    forecaster.fine_tune(table, none, None, &mut |_| {})?;
    let dataset = forecaster.dataset(table)?;
    let mut run = Run::new(forecaster.model(), &dataset, training, String::new(), None)?;
    let mut seconds = [0.0; 2];
    let bar = bar(steps as u64)?;
    let mut done = 0;
    while done < steps {
        let turn = TURN.min(steps - done);
        let start = std::time::Instant::now();
        for _ in 0..turn {
            run.step()?;
        }
        seconds[0] += start.elapsed().as_secs_f64();
        let answer = peer.ask(&format!("steps {turn}"))?;
        seconds[1] += answer["seconds"].as_f64().context("the peer told no time")?;
        done += turn;
        bar.set_position(done as u64);
        let [ours, theirs] = seconds.map(|seconds| seconds / done as f64 * 1e3);
        bar.set_message(format!("seed {seed}: {ours:.1} ms a step, peer {theirs:.1} ms"));
    }
    bar.finish_and_clear();

    let windows = dataset.windows(TRAINED..1.0);
    let forecasts: Vec<PeerForecast> = serde_json::from_value(peer.ask("forecast")?["forecasts"].take())?;
    let peer_forecasts: HashMap<(&str, usize), &PeerForecast> = forecasts
        .iter()
        .map(|forecast| ((forecast.series.as_str(), forecast.present), forecast))
        .collect();
    let place = |window: &Window| {
        (
            table.series[window.series].name.as_str(),
            window.start + SIZES.encoder,
        )
    };
    let ours = forecaster.predict(table, &dataset, &windows)?;
    let mut pairs: [[Vec<(f64, f64)>; 3]; 2] = Default::default();
    for (window, ours) in windows.iter().zip(&ours) {
        let (name, present) = place(window);
        let theirs = peer_forecasts
            .get(&(name, present))
            .context("the peer left a window out")?;
        for (step, (ours, theirs)) in ours.iter().zip(&theirs.quantiles).enumerate() {
            let y = table.series[window.series].observed[0][present + step];
            for at in 0..QUANTILES.len() {
                pairs[0][at].push((y, ours[0][at]));
                pairs[1][at].push((y, theirs[at]));
            }
        }
    }
    let risks = pairs.map(|side| {
        let mut risks = [0.0; 3];
        for ((risk, q), pairs) in risks.iter_mut().zip(QUANTILES).zip(side) {
            *risk = q_risk(q, pairs.into_iter());
        }
        risks
    });
    Ok(Comparison {
        risks,
        seconds: seconds.map(|seconds| seconds / steps as f64),
        parameters: [forecaster.model().size() as f64, peer_size],
    })
}

/// The peer's process: a line of text asks, a line of JSON answers.
struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &Path, script: &Path, settings: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(python)
            .arg(script)
            .arg(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", python.display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, input, output })
    }

    fn ask(&mut self, question: &str) -> anyhow::Result<Value> {
        writeln!(self.input, "{question}")?;
        self.input.flush()?;
        let mut line = String::new();
        ensure!(
            self.output.read_line(&mut line)? > 0,
            "the peer ended while asked {question:?}; see above"
        );
        serde_json::from_str(&line).with_context(|| format!("the peer answered {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A process that has already ended needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
