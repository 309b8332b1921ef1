//! `based-tft explain`: importance of variables and attention.

use std::path::PathBuf;

use based_tft::explain::{explain, Importance};
use based_tft::plot::svg;
use based_tft::store::write_atomically;
use based_tft::Forecaster;

use crate::output::{print_json, read_data};

/// Arguments of `based-tft explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Data directory.
    #[arg(long)]
    data: PathBuf,
    /// Model directory.
    #[arg(long)]
    model: PathBuf,
    /// Hash of an older version to explain instead of the current one.
    #[arg(long)]
    version: Option<String>,
    /// Share of the rows, at the end, to look at.
    #[arg(long, default_value_t = 0.2)]
    part: f64,
    /// Windows to average over at most.
    #[arg(long, default_value_t = 256)]
    windows: usize,
    /// File for a plot.
    #[arg(long)]
    svg: Option<PathBuf>,
    /// Print everything, attention included, as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains and prints.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let forecaster = Forecaster::load(&args.model, args.version.as_deref())?;
    let (_, table) = read_data(&args.data)?;
    let explanation = explain(&forecaster, &table, args.part.clamp(0.0, 1.0), args.windows)?;
    if let Some(path) = &args.svg {
        write_atomically(path, svg(&explanation).as_bytes())?;
    }
    if args.json {
        return print_json(&explanation);
    }
    let show = |title: &str, variables: &[Importance]| {
        println!("{title}");
        let mut variables: Vec<_> = variables.iter().collect();
        variables.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        for Importance { name, weight } in variables {
            println!("  {:>5.1}% {name}", weight * 100.0);
        }
    };
    show("past variables", &explanation.past);
    show("variables known ahead", &explanation.known);
    show("static variables", &explanation.statics);
    let rows = explanation.attention.len().max(1) as f64;
    let mut attended: Vec<(usize, f64)> = (0..explanation.attention.first().map_or(0, Vec::len))
        .map(|at| {
            (
                at,
                explanation.attention.iter().map(|row| row[at]).sum::<f64>() / rows,
            )
        })
        .collect();
    attended.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("rows attended to most (0: the first row ahead)");
    for (at, weight) in attended.iter().take(5) {
        println!(
            "  {:>5.1}% {:+}",
            weight * 100.0,
            *at as i64 - explanation.encoder as i64
        );
    }
    if let Some(path) = &args.svg {
        println!("plot: {}", path.display());
    }
    Ok(())
}
