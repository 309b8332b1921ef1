//! `ask`: one private prompt.

mod progress;
mod route;
mod split;
mod words;

use std::path::{Path, PathBuf};

use anyhow::{bail, Context as _};
use based_client::{
    chain::{AccountId, Chain, Signer},
    money,
    search::Index,
    session::{self, route::Choice, split::MAX_GUESSES, Answer, Audited, Opened, Options},
    templates,
    wallet::format_account,
};
use based_primitives::{BrainId, SpendingAccountId};
use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use rand::{rngs::OsRng, RngCore};
use serde_json::{json, Value};
use zk_llm::{
    exec_clear,
    import::{Chooser, Output as Kind, Sampling},
};

use self::{progress::Progress, route::Routing};
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
    /// Miner to ask; else one is chosen as --route says.
    #[arg(long, value_parser = account, value_name = "ACCOUNT")]
    miner: Option<AccountId>,
    #[command(flatten)]
    routing: Routing,
    /// $BASED with which to open a spending account if there is none.
    #[arg(long, value_parser = amount, value_name = "AMOUNT")]
    deposit: Option<u128>,
    /// Check: a directory with the whole model, on which the answer is computed again here, in clear.
    #[arg(long, value_name = "MODEL_DIR")]
    verify_local: Option<PathBuf>,
    /// Have the answer audited: so many of its bootstraps, drawn at random, are computed again on this machine. Full mode
    /// only; 32 are a good number.
    ///
    /// The miner computes in integers, which give the same bytes on every machine, and its receipt commits to the result of
    /// every bootstrap before it knows which are drawn. It then opens those, and what they are computed from, and your machine
    /// computes them again with your evaluation key; every byte must be equal, and the output must follow from them. No
    /// secret is used, and nothing is decrypted before the audit is passed.
    ///
    /// A miner that gets a share E of every layer wrong escapes N draws with a probability of (1 - E)^N: with 32 draws,
    /// once in 29 times if it gets a tenth wrong, and once in four billion times if it gets half wrong. A single wrong
    /// bootstrap among thousands is likely to be missed.
    ///
    /// It costs twice the price of each job and takes about twice as long. If the audit fails, the price is spent and the
    /// answer is not shown. With a generator the job of each word is audited.
    #[arg(long, value_name = "N", default_value_t = 0)]
    audit: u32,
    /// Model that must answer, by the name that a template has for its analysis or by its manifest's hash; of a Brain
    /// with another nothing is asked.
    #[arg(long, value_name = "NAME|HASH")]
    analysis: Option<String>,
    /// Index of texts on this machine in which the nearest to the answer are looked up, for a model that embeds;
    /// `based model index` makes one.
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// Texts of the index that are shown.
    #[arg(long, default_value_t = 5, requires = "index")]
    top: usize,
    /// Most tokens to generate, for a model that does; the price of so many is reserved, and what comes is paid. A
    /// generator of full mode takes a job for each word.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: u32,
    /// Compute and pay all of --max-tokens even if the text ends before, so that the miner does not learn its length.
    #[arg(long)]
    hide_length: bool,
    /// Guess so many tokens from the text so far and check them in one pass, which saves round trips where they are
    /// right. Each costs a position whether it is right or wrong, and the price of the worst case is reserved.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        conflicts_with = "hide_length",
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_GUESSES))
    )]
    speculate: u32,
    /// Draw tokens by their probability at this temperature, for a model that generates text; at 0 each is the
    /// likeliest. They are drawn on this machine.
    #[arg(long, default_value_t = 0.0)]
    temperature: f32,
    /// Draw from the likeliest tokens that have this probability together; needs --temperature.
    #[arg(long, default_value_t = 1.0)]
    top_p: f32,
    /// Seed of the draws, which makes them repeatable; else one at random, which is shown. Needs --temperature.
    #[arg(long)]
    seed: Option<u64>,
}

impl Ask {
    pub async fn run(self, context: &Context) -> anyhow::Result<Report> {
        // Before anything is paid.
        let sampling = self.sampling()?;
        let signer = context.key.signer()?;
        // A model that cannot be read is reported before anything is paid.
        let audit = self.verify_local.as_deref().map(Whole::load).transpose();
        let audit = audit.context("cannot load the model to verify with")?;
        let found = Wanted {
            analysis: self.analysis.as_deref().map(templates::analysis).transpose()?,
            index: self.index.as_deref().map(Index::load).transpose()?,
        };
        let chain = context.chain().await?;
        let choice = match &self.miner {
            Some(_) => None,
            None => self.routing.choose(&chain, self.brain, &self.text).await?,
        };
        if context.dry_run {
            return Ok(route::preview(self.miner.as_ref(), choice.as_ref()));
        }
        // Told from a copy: the choice holds connections, which must not outlast the opening of the session.
        let json = route::to_json(self.miner.as_ref(), choice.as_ref());
        let line = choice.as_ref().map(route::summary);
        let report = self
            .asked(context, (chain, signer), choice, (audit, sampling), found)
            .await?
            .with("route", json);
        Ok(match line {
            Some(line) => report.with_line(&line),
            None => report,
        })
    }

    /// Asks and pays.
    async fn asked(
        &self,
        context: &Context,
        (chain, signer): (Chain, Signer),
        choice: Option<Choice>,
        (audit, sampling): (Option<Whole>, Option<Sampling>),
        wanted: Wanted,
    ) -> anyhow::Result<Report> {
        let defaults = Options::of_user()?;
        let options = Options {
            account: self.account,
            miner: self.miner.clone(),
            choice,
            deposit: self.deposit,
            audit: self.audit,
            ..defaults
        };
        let opened = session::open(chain, signer, self.brain, options).await?;
        if audit.as_ref().is_some_and(|whole| whole.hash() != opened.task()) {
            bail!("the model given to --verify-local is not the Brain's; its manifest differs");
        }
        // Before anything is paid.
        wanted.suits(&opened, self.brain)?;
        match (opened, audit) {
            (Opened::Full(mut session), audit) if session.model().manifest().generator.is_some() => {
                let audit = match &audit {
                    Some(Whole::Full(model)) => Some(model.as_ref()),
                    _ => None,
                };
                words::run(&mut session, (self, sampling), context.json, audit).await
            }
            (Opened::Full(mut session), audit) => {
                let mut progress = Progress::new(context.json);
                let answer = session.ask(&self.text, &mut |event| progress.show(event)).await;
                progress.finish();
                let answer = answer?;
                let audit = match &audit {
                    Some(Whole::Full(model)) => Some(Audit::new(model, &answer)?),
                    _ => None,
                };
                let mut text = to_text(&answer, audit.as_ref());
                text += &self.audit_line([&answer]);
                Ok(Report::new(to_json(&answer, audit.as_ref()), text))
            }
            (Opened::Split(session), Some(Whole::Split(weights))) => {
                split::run(
                    *session,
                    (self, sampling, wanted.index),
                    context.json,
                    Some(weights.as_ref()),
                )
                .await
            }
            (Opened::Split(session), _) => {
                split::run(*session, (self, sampling, wanted.index), context.json, None).await
            }
        }
    }
}

impl Ask {
    /// How tokens are drawn; none if each is the likeliest.
    fn sampling(&self) -> anyhow::Result<Option<Sampling>> {
        if self.temperature == 0.0 {
            if self.seed.is_some() || self.top_p != 1.0 {
                bail!("--seed and --top-p say how tokens are drawn; give --temperature above 0, too");
            }
            return Ok(None);
        }
        let sampling = Some(Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            seed: self.seed.unwrap_or_else(|| u64::from(OsRng.next_u32())),
        });
        Chooser::of(sampling)?;
        Ok(sampling)
    }

    /// A line on the audit of answers, if one was asked for or made.
    fn audit_line<'a>(&self, answers: impl IntoIterator<Item = &'a Answer>) -> String {
        let audits: Vec<_> = answers.into_iter().map(|answer| answer.audit).collect();
        let made: Vec<_> = audits.iter().flatten().collect();
        let bootstraps = made.iter().map(|audit| u64::from(audit.bootstraps)).sum();
        let of = made.iter().map(|audit| audit.of).sum();
        let mut text = String::new();
        if !made.is_empty() {
            let (bootstraps, of) = (HumanCount(bootstraps), HumanCount(of));
            text += &format!("\naudited: {bootstraps} of {of} bootstraps recomputed, all equal");
        }
        if self.audit > 0 && made.len() < audits.len() {
            text += "\nNOT AUDITED: an unfinished job went on that was begun without an audit; ask again for another";
        }
        text
    }
}

/// What the Brain's model has to be.
struct Wanted {
    analysis: Option<[u8; 32]>,
    index: Option<Index>,
}

impl Wanted {
    fn suits(&self, opened: &Opened, brain: BrainId) -> anyhow::Result<()> {
        let task = opened.task();
        if self.analysis.is_some_and(|wanted| wanted != task) {
            bail!("Brain {brain} runs another model than the analysis named, {}; ask another Brain: `based brain list`", hex::encode(task));
        }
        let Some(index) = &self.index else {
            return Ok(());
        };
        let embeds = match opened {
            Opened::Full(_) => false,
            Opened::Split(session) => {
                matches!(session.part().manifest().network.output, Kind::Embedding { .. })
            }
        };
        if !embeds {
            bail!("the model of Brain {brain} gives no embeddings, and --index needs one; see `based template show private-search`");
        }
        Ok(index.suits(&task)?)
    }
}

/// A whole model, to compute an answer again.
enum Whole {
    Full(Box<zk_llm::Model>),
    Split(Box<split::Local>),
}

impl Whole {
    fn load(dir: &Path) -> anyhow::Result<Self> {
        match split::Local::load(dir) {
            Ok(Some(local)) => Ok(Self::Split(Box::new(local))),
            Ok(None) => Ok(Self::Full(Box::new(zk_llm::Model::load(dir)?))),
            Err(error) => Err(error.into()),
        }
    }

    fn hash(&self) -> [u8; 32] {
        match self {
            Self::Full(model) => model.manifest_hash(),
            Self::Split(local) => local.hash(),
        }
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
        "audit": answer.audit.as_ref().map(audit_json),
    });
    if let (Some(audit), Value::Object(map)) = (audit, &mut json) {
        map.insert("oracle_answer".into(), json!(audit.answer));
        map.insert("equal".into(), json!(audit.equal));
        map.insert("max_logit_error_steps".into(), json!(audit.max_error));
    }
    json
}

fn audit_json(audit: &Audited) -> Value {
    json!({ "bootstraps": audit.bootstraps, "of": audit.of, "root": hex::encode(audit.root) })
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
            true => verdict(true).to_owned(),
            false => format!(
                "\nNOT EQUAL to the model in clear: it says {}; logits differ by up to {}",
                audit.answer, audit.max_error
            ),
        };
    }
    text
}

/// What --verify-local found.
fn verdict(equal: bool) -> &'static str {
    if equal {
        "\nverified: the same integers as the model computes in clear on this machine"
    } else {
        "\nNOT EQUAL to what the model computes in clear on this machine"
    }
}

/// Tells how the tokens of an answer were drawn.
fn tell_sampling(sampling: Sampling, json: &mut Value, text: &mut String) {
    if let Value::Object(map) = json {
        map.insert("temperature".into(), json!(sampling.temperature));
        map.insert("top_p".into(), json!(sampling.top_p));
        map.insert("seed".into(), json!(sampling.seed));
    }
    *text += &format!("\ndrawn with --seed {}", sampling.seed);
}
