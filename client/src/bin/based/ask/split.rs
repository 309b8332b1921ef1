//! `ask` for models of split mode: text as it is generated, classes, or numbers.

use std::path::Path;

use based_client::{
    money,
    search::Index,
    session::split::{probabilities, Output, Settings, SplitAnswer, SplitSession},
    wallet::format_account,
};
use indicatif::HumanBytes;
use serde_json::{json, Value};
use tokio::sync::watch;
use zk_llm::{
    import::{is_split, Chooser, ClientPart, Dynamic, Output as Kind, Sampling, Weights},
    manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES},
};

use super::{progress::Progress, tell_sampling, verdict, Ask};
use crate::{report, Report};

/// Numbers shown to people.
const SHOWN: usize = 8;

/// Asks; Ctrl-C ends the answer in order, and a second one at once.
pub async fn run(
    mut session: SplitSession,
    (args, sampling, index): (&Ask, Option<Sampling>, Option<Index>),
    json: bool,
    local: Option<&Local>,
) -> anyhow::Result<Report> {
    let settings = Settings {
        max_tokens: args.max_tokens,
        hide_length: args.hide_length,
        sampling,
        speculate: args.speculate,
    };
    let (stop, stopped) = watch::channel(false);
    let interrupts = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.send_replace(true);
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        }
        // The stop must not go before the answer is there.
        std::future::pending::<()>().await;
    });
    let mut progress = Progress::new(json);
    let answer = session
        .ask(&args.text, settings, stopped, &mut |event| progress.show(event))
        .await;
    progress.finish();
    interrupts.abort();
    let answer = answer?;
    let equal = local
        .map(|local| local.agrees(&args.text, &answer, sampling))
        .transpose()?;
    let (mut json, mut text) = (to_json(&answer, equal), to_text(&answer, equal));
    if let (Some(sampling), Output::Text { .. }) = (sampling, &answer.output) {
        tell_sampling(sampling, &mut json, &mut text);
    }
    if let (Some(index), Value::Object(map), Output::Numbers(numbers)) = (index, &mut json, &answer.output) {
        let found = index.nearest(numbers, args.top);
        let of = |(cosine, text): &(f32, &str)| json!({ "cosine": cosine, "text": text });
        map.insert("found".into(), found.iter().map(of).collect());
        let lines = found.iter().map(|(cosine, text)| format!("{cosine:6.3}  {text}"));
        text = format!("{}\n\n{text}", lines.collect::<Vec<_>>().join("\n"));
    }
    Ok(Report::new(json, text))
}

/// A whole model of split mode on this machine.
pub struct Local {
    part: ClientPart,
    weights: Weights,
}

impl Local {
    /// Loads a folder; none if it holds no model of split mode.
    pub fn load(dir: &Path) -> zk_llm::Result<Option<Self>> {
        let path = dir.join(MANIFEST_FILE);
        let small = std::fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_MANIFEST_BYTES);
        if !small || !std::fs::read(&path).is_ok_and(|bytes| is_split(&bytes)) {
            return Ok(None);
        }
        Ok(Some(Self {
            part: ClientPart::load(dir)?,
            weights: Weights::load(dir)?,
        }))
    }

    /// The model's identity.
    pub fn hash(&self) -> [u8; 32] {
        self.part.manifest_hash()
    }

    /// Whether the same integers give the same answer here.
    fn agrees(&self, text: &str, answer: &SplitAnswer, sampling: Option<Sampling>) -> zk_llm::Result<bool> {
        let ids = self.part.encode(text)?;
        let mut linears = Dynamic::new(&self.part, &self.weights);
        Ok(match (&answer.output, &self.part.manifest().network.output) {
            (Output::Text { tokens, .. }, Kind::Generator { .. }) => {
                let mut chooser = Chooser::of(sampling)?;
                let again = self
                    .part
                    .continued(&mut linears, &ids, tokens.len(), &mut chooser)?;
                again == *tokens
            }
            (Output::Classes(classes), Kind::Classifier { .. }) => {
                let again = probabilities(&self.part.run(&mut linears, &ids)?);
                classes.iter().map(|(_, p)| *p).eq(again)
            }
            (Output::Numbers(numbers), _) => self.part.run(&mut linears, &ids)? == *numbers,
            _ => false,
        })
    }
}

fn rate(answer: &SplitAnswer) -> Option<f64> {
    match &answer.output {
        Output::Text { tokens, .. } if tokens.len() > 1 => {
            Some((tokens.len() - 1) as f64 / answer.decode.as_secs_f64().max(f64::EPSILON))
        }
        _ => None,
    }
}

fn to_json(answer: &SplitAnswer, equal: Option<bool>) -> Value {
    let mut json = json!({
        "mode": "split",
        "stopped": answer.stopped,
        "prompt_tokens": answer.prompt_tokens,
        "prompt_positions": answer.prompt_positions,
        "paid_positions": answer.paid_positions,
        "rounds": answer.figures.rounds,
        "seconds": (answer.prefill + answer.decode).as_secs_f64(),
        "seconds_prompt": answer.prefill.as_secs_f64(),
        "tokens_per_second": rate(answer),
        "ciphertext_up_bytes": answer.figures.up,
        "ciphertext_down_bytes": answer.figures.down,
        "fee_paid": report::amount(answer.fee_paid),
        "fee_agreed": report::amount(answer.agreed),
        "spending_account": answer.account,
        "job": hex::encode(answer.job),
        "miner": report::account(&answer.miner),
        "task": hex::encode(answer.task),
        "receipt_hash": answer.receipt_hash().map(hex::encode),
    });
    let Value::Object(map) = &mut json else {
        return json;
    };
    match &answer.output {
        Output::Text { text, tokens } => {
            let (made, right) = answer.guesses;
            map.insert("answer".into(), json!(text));
            map.insert("tokens".into(), json!(tokens));
            map.insert("guesses".into(), json!({ "made": made, "right": right }));
        }
        Output::Classes(classes) => {
            let best = classes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            map.insert("answer".into(), json!(best.map(|(label, _)| label)));
            let all: serde_json::Map<_, _> = classes
                .iter()
                .map(|(label, p)| (label.clone(), json!(p)))
                .collect();
            map.insert("probabilities".into(), all.into());
        }
        Output::Numbers(numbers) => {
            map.insert("numbers".into(), json!(numbers));
        }
    }
    if let Some(equal) = equal {
        map.insert("equal".into(), json!(equal));
    }
    json
}

fn to_text(answer: &SplitAnswer, equal: Option<bool>) -> String {
    let mut text = match &answer.output {
        // The text itself was printed as it came.
        Output::Text { tokens, .. } => {
            let rate = rate(answer).map_or(String::new(), |rate| format!(" ({rate:.1} a second)"));
            let stopped = if answer.stopped { ", stopped" } else { "" };
            let guesses = match answer.guesses {
                (0, _) => String::new(),
                (made, right) => format!(", {right} of {made} checked guesses right"),
            };
            format!("\n\n{} tokens{rate}{guesses}{stopped}", tokens.len())
        }
        Output::Classes(classes) => {
            let mut ranked = classes.clone();
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
            let lines = ranked.iter().take(SHOWN);
            let lines: Vec<_> = lines
                .map(|(label, p)| format!("{:5.1} %  {label}", p * 100.0))
                .collect();
            lines.join("\n") + "\n"
        }
        Output::Numbers(numbers) => {
            let first: Vec<_> = numbers.iter().take(SHOWN).map(|x| format!("{x:.4}")).collect();
            format!(
                "{} ... ({} numbers; --json prints all)\n",
                first.join(" "),
                numbers.len()
            )
        }
    };
    text += &format!(
        "\nanswered in {:.1} s by {}: {} round trips, {} up, {} down\ncost {} for {} positions, from spending account {}",
        (answer.prefill + answer.decode).as_secs_f64(),
        format_account(&answer.miner),
        answer.figures.rounds,
        HumanBytes(answer.figures.up),
        HumanBytes(answer.figures.down),
        money::with_symbol(answer.fee_paid),
        answer.paid_positions,
        answer.account,
    );
    if answer.receipt.is_none() {
        text += "\nthe miner gave no valid receipt; the answer stands, and you may prefer another miner";
    }
    text += equal.map_or("", verdict);
    text
}
