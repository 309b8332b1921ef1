//! `zk-llm actions`: what an expression costs before and after each pass of squeezing.

use anyhow::{ensure, Context};
use rand::Rng;
use zk_llm::actions::{Expression, Passes};
use zk_llm::exec_clear::run_circuit;
use zk_llm::ParameterSet;

/// Arguments of `zk-llm actions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Sums, differences and products of variables and whole numbers.
    #[arg(default_value = "(a+b)+(c*d)+(e*f)")]
    expression: Expression,
    /// Largest value of a variable, from 0.
    #[arg(long, default_value_t = 1)]
    largest: u16,
    /// Random assignments on which the squeezed graph is checked.
    #[arg(long, default_value_t = 1000)]
    samples: u32,
}

/// Prints counts by pass, and the share of right answers of the compiled graph.
pub fn run(args: Args) -> anyhow::Result<()> {
    let none = Passes::NONE;
    println!(
        "{:<24} {:>11} {:>10} {:>7}",
        "passes", "ciphertexts", "circuits", "actions"
    );
    for (name, passes) in [
        ("none", none),
        ("fold", Passes { fold: true, ..none }),
        ("pack", Passes { pack: true, ..none }),
        ("fuse", Passes { fuse: true, ..none }),
        ("share", Passes { share: true, ..none }),
        ("all", Passes::ALL),
    ] {
        let count = args.expression.actions(passes);
        println!(
            "{name:<24} {:>11} {:>10} {:>7}",
            count.encryptions,
            count.operations,
            count.total()
        );
    }
    let squeezed = args.expression.squeeze(args.largest)?;
    let circuit = squeezed
        .graph()
        .compile(&ParameterSet::default())
        .context("it takes too many values to be encrypted exactly; lower --largest")?;
    let mut right = 0;
    for _ in 0..args.samples {
        let mut draw = |name| (name, rand::thread_rng().gen_range(0..=i64::from(args.largest)));
        let values = args.expression.variables().into_iter().map(&mut draw).collect();
        let wanted = args
            .expression
            .evaluate(&values)
            .context("a number is too large")?;
        let answer = run_circuit(&circuit, &squeezed.encode(&values)?)?;
        right += u32::from(answer.first().is_some_and(|x| i64::from(*x) == wanted));
    }
    let (inputs, bootstraps) = (circuit.interface().inputs.len, circuit.bootstraps());
    println!(
        "compiled: {inputs} ciphertexts, {bootstraps} bootstraps; {right} of {} answers right",
        args.samples
    );
    ensure!(right == args.samples, "the squeezed graph answers wrongly");
    Ok(())
}
