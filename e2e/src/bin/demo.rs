//! The demonstration: one private answer from end to end, on a network of this machine.
//!
//! Starts one authority, one miner and one validator, asks a sentence as a user would, compares the decrypted answer
//! with the exact oracle, waits until the chain has paid both, and ends with one line of JSON.

use std::{
    io::IsTerminal,
    path::PathBuf,
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{bail, Context};
use based_client::{
    chain::{calls, Chain, Signer},
    money,
};
use based_e2e::{
    network::{eventually, key, Network, PeerOptions, BRAIN},
    process::program,
    stopped,
};
use based_primitives::Balance;
use clap::Parser;
use serde::Deserialize;
use serde_json::{json, Value};
use zk_llm::Model;

const SENTENCE: &str = "I lost my keys and I am furious";
const DEPOSIT: &str = "1";
const STAKE: &str = "1000";
/// Longest wait for the epoch that pays: some cycles of the fast chain, with canaries on a busy machine.
const PAYOUT: Duration = Duration::from_secs(600);

/// Asks one sentence privately on a network of this machine and shows who learns and who earns what.
#[derive(Parser)]
struct Args {
    /// Sentence to ask.
    #[arg(default_value = SENTENCE)]
    sentence: String,
    /// Directory of the Brain's model.
    #[arg(long, env = "BASED_DEMO_MODEL")]
    model_dir: PathBuf,
}

/// What `based ask --json --verify-local` prints.
#[derive(Deserialize)]
struct Answer {
    answer: String,
    probabilities: Value,
    oracle_answer: String,
    equal: bool,
    max_logit_error_steps: u64,
    #[serde(rename = "bootstraps")]
    pbs: u64,
    #[serde(rename = "bootstraps_unsqueezed")]
    pbs_unsqueezed: u64,
    #[serde(rename = "seconds")]
    prompt_seconds: f64,
    ciphertext_up_bytes: u64,
    ciphertext_down_bytes: u64,
    evaluation_key_bytes: u64,
    fee_paid: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let end = tokio::select! {
        end = demo(&args) => end,
        () = stopped() => Err(anyhow::anyhow!("stopped")),
    };
    match end {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: impl std::fmt::Display) {
    println!("{text}");
}

fn step(text: impl std::fmt::Display) {
    if std::io::stdout().is_terminal() {
        println!("\n\x1b[1m{text}\x1b[0m");
    } else {
        println!("\n{text}");
    }
}

async fn demo(args: &Args) -> anyhow::Result<Value> {
    let model = Model::load(&args.model_dir)
        .with_context(|| format!("cannot load the model in {}", args.model_dir.display()))?;

    step("A network of one authority");
    let network = Network::start("dev-fast", &["alice"]).await?;
    let chain = network.chain().await?;
    let brain = chain
        .best()
        .await?
        .brain(BRAIN)
        .await?
        .context("the chain has no demonstration Brain")?;
    let task = brain.task.context("the demonstration Brain has no task")?;
    if task.manifest.0 != model.manifest_hash() {
        bail!(
            "the Brain's task is another model than the one in {}",
            args.model_dir.display()
        );
    }
    say(format!("node         {}", network.url()));
    say(format!(
        "brain        {BRAIN}, {}",
        String::from_utf8_lossy(&brain.name)
    ));
    say(format!(
        "task         {} (SHA-256 of the model's manifest)",
        hex::encode(task.manifest)
    ));

    step("A miner and a validator join, and the validator stakes");
    let (miner_key, validator_key) = (key("//Miner")?, key("//Validator")?);
    let mut miner = network
        .miner(PeerOptions {
            name: "miner",
            uri: "//Miner",
            brain: BRAIN,
            models: &args.model_dir,
            run: &[],
            register: Some(&[]),
        })
        .await?;
    say(format!(
        "miner        memorized at 127.0.0.1:{} for {} BASED",
        miner.endpoint(),
        money::format(brain.fee)
    ));
    let canaries = [
        "--canary-uri",
        "//Canary0",
        "--canary-uri",
        "//Canary1",
        "--parallel",
        "1",
    ];
    let mut validator = network
        .validator(PeerOptions {
            name: "validator",
            uri: "//Validator",
            brain: BRAIN,
            models: &args.model_dir,
            run: &canaries,
            register: Some(&["--stake", STAKE]),
        })
        .await?;
    say(format!(
        "validator    memorized, staked {STAKE} BASED to itself; sends canaries from accounts of their own"
    ));

    step("A user opens a spending account and asks");
    let opened = network
        .based("//User", &["spend", "open", "--deposit", DEPOSIT])
        .await?;
    say(opened.trim());
    say(format!("$ based ask --brain {BRAIN} \"{}\"", args.sentence));
    let answer = ask(&network, args).await?;
    say(format!("answer       {} {}", answer.answer, answer.probabilities));
    say(format!(
        "oracle       {}: computed in clear for comparison; the decrypted logits differ by {} steps",
        answer.oracle_answer, answer.max_logit_error_steps
    ));
    say(format!(
        "work         {} bootstraps in {:.1} s",
        answer.pbs, answer.prompt_seconds
    ));
    say(format!(
        "bytes        {} up, {} down, and once an evaluation key of {}",
        answer.ciphertext_up_bytes, answer.ciphertext_down_bytes, answer.evaluation_key_bytes
    ));
    say(format!(
        "cost         {} BASED, promised by a voucher and redeemed later in a batch",
        answer.fee_paid
    ));

    step("The validator's canaries set weights; the epoch pays");
    let payout = async {
        let miner_reward = paid(&chain, &miner_key).await?;
        let validator_reward = paid(&chain, &validator_key).await?;
        anyhow::Ok((miner_reward, validator_reward))
    };
    let (miner_reward, validator_reward) = tokio::select! {
        rewards = payout => rewards?,
        failure = watch(&mut miner, &mut validator) => return Err(failure),
    };
    let finalized = chain.finalized().await?.number();
    say(format!("miner        {} BASED", money::format(miner_reward)));
    say(format!("validator    {} BASED", money::format(validator_reward)));
    say(format!("finalized    block {finalized}"));
    validator.down()?;
    miner.down()?;

    let line = json!({
        "answer": answer.answer,
        "probabilities": answer.probabilities,
        "oracle_answer": answer.oracle_answer,
        "equal": answer.equal,
        "max_logit_error_steps": answer.max_logit_error_steps,
        "pbs": answer.pbs,
        "pbs_unsqueezed": answer.pbs_unsqueezed,
        "prompt_seconds": answer.prompt_seconds,
        "ciphertext_up_bytes": answer.ciphertext_up_bytes,
        "ciphertext_down_bytes": answer.ciphertext_down_bytes,
        "evaluation_key_bytes": answer.evaluation_key_bytes,
        "fee_paid": answer.fee_paid,
        "miner_reward": money::format(miner_reward),
        "validator_reward": money::format(validator_reward),
        "finalized_block": finalized,
    });
    if !answer.equal {
        bail!("the answer differs from the oracle's: {line}");
    }
    step("Done");
    Ok(line)
}

/// Runs `based ask` with its progress on this terminal.
async fn ask(network: &Network, args: &Args) -> anyhow::Result<Answer> {
    let output = tokio::process::Command::new(program("based")?)
        .args([
            "--node",
            &network.url(),
            "--uri",
            "//User",
            "--json",
            "ask",
            "--brain",
            &BRAIN.to_string(),
        ])
        .arg("--verify-local")
        .arg(&args.model_dir)
        .args(["--", &args.sentence])
        .env("BASED_HOME", network.home("//User"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    anyhow::ensure!(output.status.success(), "based ask failed");
    let text = String::from_utf8(output.stdout)?;
    serde_json::from_str(&text).with_context(|| format!("based ask printed {text}"))
}

/// Waits until the chain owes an account a reward, claims it and returns what arrived, finalized.
async fn paid(chain: &Chain, account: &Signer) -> anyhow::Result<Balance> {
    let id = account.account();
    eventually("a reward", PAYOUT, || async {
        Ok((chain.best().await?.claimable(&id).await?.0 > 0).then_some(()))
    })
    .await?;
    let payer = key("//Bob")?;
    let included = chain
        .submit_finalized(&payer, &calls::claim_reward(id.clone()))
        .await?;
    let after = chain.view(included.block).await?;
    let claimed = included
        .events::<Claimed>()?
        .into_iter()
        .map(|event| event.amount)
        .sum();
    anyhow::ensure!(
        claimed > 0 && after.balance(&id).await?.free >= claimed,
        "the claim paid nothing"
    );
    Ok(claimed)
}

/// Pays out a reward.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Claimed {
    amount: Balance,
}

impl subxt::events::DecodeAsEvent for Claimed {
    fn is_event(pallet: &str, event: &str) -> bool {
        pallet == "Emission" && event == "Claimed"
    }
}

/// Ends only when a program has ended that should not.
async fn watch(miner: &mut based_e2e::peer::Peer, validator: &mut based_e2e::peer::Peer) -> anyhow::Error {
    loop {
        for peer in [&mut *miner, &mut *validator] {
            if let Err(error) = peer.running().and_then(|process| process.check()) {
                return error;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
