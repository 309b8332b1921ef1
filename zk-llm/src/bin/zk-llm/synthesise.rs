//! `zk-llm synthesise`: statistics of encrypted rows and new rows like them, without decryption in between.

use std::path::PathBuf;

use anyhow::{ensure, Context};
use zk_llm::exec_tfhe::{evaluate_circuit, Evaluation};
use zk_llm::synthesis::Plan;
use zk_llm::{ClientKey, ParameterSet, ServerKey};

/// Arguments of `zk-llm synthesise`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File of rows, one a line: numbers -1, 0 and 1 separated by commas.
    #[arg(long)]
    rows: PathBuf,
    /// New rows to make.
    #[arg(long, default_value_t = 4)]
    count: usize,
    /// Decides which rows each new row is made of; the miner knows it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Encrypts the rows, computes on them, decrypts and compares with the clear computation.
pub fn run(args: Args) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.rows).with_context(|| args.rows.display().to_string())?;
    let number = |field: &str| {
        let field = field.trim();
        field
            .parse::<i32>()
            .with_context(|| format!("{field:?} is no number"))
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let rows: Vec<Vec<i32>> = lines
        .map(|line| line.split(',').map(number).collect())
        .collect::<anyhow::Result<_>>()?;
    let columns = rows.first().map_or(0, Vec::len);
    let plan = Plan::draw(rows.len(), columns, args.count, args.seed)?;
    let inputs = plan.inputs(&rows)?;
    let set = ParameterSet::default();
    let circuit = plan.graph()?.compile(&set)?;

    let key = ClientKey::generate(&set)?;
    let input = key.encrypt_values(circuit.interface(), &inputs)?;
    let server = ServerKey::from_bytes(&key.evaluation_key_bytes()?, &set)?;
    let start = std::time::Instant::now();
    let output = evaluate_circuit(&circuit, &server, &input, &Evaluation::default())?;
    let seconds = start.elapsed().as_secs_f64();
    let made = plan.read(&key.decrypt_values(circuit.interface(), &output)?)?;
    ensure!(
        made == plan.in_clear(&rows)?,
        "differs from the clear computation"
    );

    let n = rows.len() as f64;
    println!("{} bootstraps, {seconds:.2} s", circuit.bootstraps());
    for (column, sum) in made.sums.iter().enumerate() {
        println!("mean {column}         {:>8.4}", f64::from(*sum) / n);
    }
    for ((i, j), covariance) in plan.pairs().zip(&made.covariances) {
        println!("covariance {i} {j} {:>8.4}", f64::from(*covariance) / (n * n));
    }
    for (row, of) in made.thirds.iter().zip(plan.triples()) {
        let shown: Vec<String> = row
            .iter()
            .map(|x| format!("{:.4}", f64::from(*x) / 3.0))
            .collect();
        println!("new row {} of rows {of:?}", shown.join(" "));
    }
    println!("equal to the clear computation");
    Ok(())
}
