//! `ask`: one private prompt.

use std::{io::IsTerminal, path::PathBuf, time::Duration};

use anyhow::{bail, Context as _};
use based_client::{
    chain::AccountId,
    money,
    session::{Answer, Event, Options, Session},
    wallet::format_account,
};
use based_primitives::{BrainId, SpendingAccountId};
use clap::Args;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde_json::{json, Value};
use zk_llm::exec_clear;

use crate::{account, amount, report, Context, Report};

/// Ask a prompt.
#[derive(Debug, Args)]
pub struct Ask {
    /// Text; it never leaves this machine.
    text: String,
    /// Brain to ask.
    #[arg(long, env = "BASED_BRAIN", default_value_t = 7)]
    brain: BrainId,
    /// Spending account to pay from; else one that the key may spend from.
    #[arg(long, value_name = "ID")]
    account: Option<SpendingAccountId>,
    /// Miner to ask; else one at random.
    #[arg(long, value_parser = account, value_name = "ACCOUNT")]
    miner: Option<AccountId>,
    /// $BASED with which to open a spending account if there is none.
    #[arg(long, value_parser = amount, value_name = "AMOUNT")]
    deposit: Option<u128>,
    /// Audit: a directory with the whole model, on which the answer is computed again here, in clear.
    #[arg(long, value_name = "MODEL_DIR")]
    verify_local: Option<PathBuf>,
}

impl Ask {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        let signer = context.key.signer()?;
        // A model that cannot be read is reported before anything is paid.
        let audited = self.verify_local.as_deref().map(zk_llm::Model::load).transpose();
        let audited = audited.context("cannot load the model to verify with")?;
        let chain = context.chain().await?;
        let defaults = Options::of_user()?;
        let options = Options {
            account: self.account,
            miner: self.miner,
            deposit: self.deposit,
            ..defaults
        };
        let mut session = Session::open(chain, signer, self.brain, options).await?;
        if let Some(model) = &audited {
            if model.manifest_hash() != session.model().manifest_hash() {
                bail!("the model given to --verify-local is not the Brain's; its manifest differs");
            }
        }
        let mut progress = Progress::new(context.json);
        let answer = session.ask(&self.text, &mut |event| progress.show(event)).await;
        progress.finish();
        let answer = answer?;
        let audit = match &audited {
            Some(model) => Some(Audit::new(model, &answer)?),
            None => None,
        };
        Ok(Report::new(
            to_json(&answer, audit.as_ref()),
            to_text(&answer, audit.as_ref()),
        ))
    }
}

/// The answer computed again in clear.
struct Audit {
    answer: String,
    equal: bool,
    max_error: u64,
}

impl Audit {
    fn new(model: &zk_llm::Model, answer: &Answer) -> anyhow::Result<Self> {
        let oracle = exec_clear::run(model.circuit(), &answer.prompt)?;
        let errors = oracle.0.iter().zip(&answer.logits.0);
        let max_error = errors
            .map(|(a, b)| (i64::from(*a) - i64::from(*b)).unsigned_abs())
            .max();
        Ok(Self {
            answer: oracle.label(model.manifest()).unwrap_or_default().to_owned(),
            equal: oracle == answer.logits,
            max_error: max_error.unwrap_or_default(),
        })
    }
}

fn to_json(answer: &Answer, audit: Option<&Audit>) -> Value {
    let probabilities: serde_json::Map<_, _> = answer
        .probabilities
        .iter()
        .map(|(label, p)| (label.clone(), json!(p)))
        .collect();
    let mut json = json!({
        "answer": answer.answer,
        "probabilities": probabilities,
        "logits": answer.logits.0,
        "bootstraps": answer.tables,
        "bootstraps_unsqueezed": answer.tables_unsqueezed,
        "seconds": answer.elapsed.as_secs_f64(),
        "ciphertext_up_bytes": answer.ciphertext_up_bytes,
        "ciphertext_down_bytes": answer.ciphertext_down_bytes,
        "evaluation_key_bytes": answer.evaluation_key_bytes,
        "fee_paid": report::amount(answer.fee_paid),
        "spending_account": answer.account,
        "job": hex::encode(answer.job),
        "miner": report::account(&answer.miner),
        "task": hex::encode(answer.task),
        "receipt_hash": hex::encode(answer.receipt_hash),
    });
    if let (Some(audit), Value::Object(map)) = (audit, &mut json) {
        map.insert("oracle_answer".into(), json!(audit.answer));
        map.insert("equal".into(), json!(audit.equal));
        map.insert("max_logit_error_steps".into(), json!(audit.max_error));
    }
    json
}

fn to_text(answer: &Answer, audit: Option<&Audit>) -> String {
    let mut ranked = answer.probabilities.clone();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let width = ranked
        .iter()
        .map(|(label, _)| label.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = format!("{}\n", answer.answer);
    for (label, probability) in &ranked {
        let bar = "█".repeat((probability * 30.0).round() as usize);
        text += &format!("\n  {label:width$}  {:5.1} %  {bar}", probability * 100.0);
    }
    text += &format!(
        "\n\nanswered in {:.1} s by {}\n{} table lookups under encryption; {} up, {} down, and {} of evaluation key\ncost {}, from spending account {}",
        answer.elapsed.as_secs_f64(),
        format_account(&answer.miner),
        answer.tables,
        HumanBytes(answer.ciphertext_up_bytes),
        HumanBytes(answer.ciphertext_down_bytes),
        HumanBytes(answer.evaluation_key_bytes),
        money::with_symbol(answer.fee_paid),
        answer.account,
    );
    if let Some(audit) = audit {
        text += &match audit.equal {
            true => "\nverified: the same integers as the model computes in clear on this machine".to_owned(),
            false => format!(
                "\nNOT EQUAL to the model in clear: it says {}; logits differ by up to {}",
                audit.answer, audit.max_error
            ),
        };
    }
    text
}

/// Progress on a terminal; lines elsewhere; nothing for scripts.
struct Progress {
    bar: ProgressBar,
    lines: bool,
    stage: &'static str,
}

impl Progress {
    fn new(json: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal && !json {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        bar.enable_steady_tick(Duration::from_millis(120));
        Self {
            bar,
            lines: !terminal && !json,
            stage: "",
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::OpeningAccount { deposit } => {
                self.spin(
                    "account",
                    format!("opening a spending account with {}", money::with_symbol(deposit)),
                );
            }
            Event::Reserving { account, amount } => {
                let amount = money::with_symbol(amount);
                self.spin(
                    "reserve",
                    format!("reserving {amount} of spending account {account} for the miner"),
                );
            }
            Event::GeneratingKey => {
                self.spin("key", "making a fresh secret key and its evaluation key".into())
            }
            Event::Resuming { .. } => {
                self.spin(
                    "resume",
                    "going on with the unfinished job for this text: the same bytes are resent".into(),
                );
            }
            Event::UploadingKey { sent, total } => {
                self.count(
                    "upload",
                    "uploading the evaluation key  {bar:30} {bytes}/{total_bytes}  {eta}",
                    sent,
                    total,
                );
            }
            Event::Queued { position } => self.spin("queue", format!("queued behind {position} jobs")),
            Event::Progress { done, total, layer } => {
                self.count(
                    "tables",
                    "evaluating {msg:16} {bar:30} {pos}/{len} tables  {eta} left",
                    done,
                    total,
                );
                self.bar.set_message(layer);
            }
            Event::Paying { amount } => {
                self.spin(
                    "pay",
                    format!("the receipt is good; paying {}", money::with_symbol(amount)),
                );
            }
            Event::Reconnecting { cause } => self.spin("", format!("{cause}; trying again")),
            _ => {}
        }
    }

    fn spin(&mut self, stage: &'static str, message: String) {
        if self.stage != stage || stage.is_empty() {
            self.stage = stage;
            self.bar.set_style(ProgressStyle::default_spinner());
            if self.lines {
                eprintln!("{message}");
            }
        }
        self.bar.set_message(message);
    }

    fn count(&mut self, stage: &'static str, template: &str, done: u64, total: u64) {
        if self.stage != stage {
            self.stage = stage;
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            self.bar.set_style(style.progress_chars("━╸ "));
            self.bar.reset();
            if self.lines {
                eprintln!(
                    "{} ({total})",
                    if stage == "upload" {
                        "uploading the evaluation key"
                    } else {
                        "evaluating"
                    }
                );
            }
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
