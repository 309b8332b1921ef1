//! `ask` for generators of full mode: a job for each word, chosen on this machine.

use std::time::Duration;

use anyhow::{ensure, Context as _};
use based_client::{
    money,
    session::{Answer, Event, Session},
    wallet::format_account,
};
use serde_json::{json, Value};
use zk_llm::import::{Chooser, Sampling};

use super::{audit_json, progress::Progress, tell_sampling, verdict, Ask, Audit};
use crate::{report, Report};

/// What was said, and what it took.
#[derive(Default)]
struct Made {
    words: Vec<String>,
    /// One a word, one for the end, and those that hide the length.
    answers: Vec<Answer>,
    /// Whether every answer was the oracle's; none if it was not asked.
    equal: Option<bool>,
}

/// Asks for the next word until the text ends or has its most words.
pub async fn run(
    session: &mut Session,
    (args, sampling): (&Ask, Option<Sampling>),
    json: bool,
    audit: Option<&zk_llm::Model>,
) -> anyhow::Result<Report> {
    ensure!(
        args.speculate == 0,
        "this model takes a job for each word, and no guesses; leave out --speculate"
    );
    let mut chooser = Chooser::of(sampling)?;
    let mut progress = Progress::new(json);
    let (mut text, mut made, mut ended) = (args.text.clone(), Made::default(), false);
    for _ in 0..args.max_tokens {
        let answer = session.ask(&text, &mut |event| progress.show(event)).await;
        let answer = answer.with_context(|| match made.words.as_slice() {
            [] => "no word came".to_owned(),
            words => format!("the text breaks off after {:?}", words.join(" ")),
        })?;
        if let Some(model) = audit {
            let equal = Audit::new(model, &answer)?.equal;
            made.equal = Some(equal && made.equal.unwrap_or(true));
        }
        let word = session.model().next_word(&answer.logits, &mut chooser);
        let word = word.filter(|_| !ended).map(str::to_owned);
        made.answers.push(answer);
        match word {
            Some(word) => {
                text = format!("{text} {word}");
                made.words.push(word.clone());
                progress.show(Event::Text {
                    text: format!("{word} "),
                    tokens: u32::try_from(made.words.len()).unwrap_or(u32::MAX),
                });
            }
            // The miner cannot tell these jobs from others.
            None if args.hide_length => ended = true,
            None => break,
        }
    }
    progress.finish();
    let (mut json, mut text) = (made.to_json(), made.to_text());
    text += &args.audit_line(&made.answers);
    if let Some(sampling) = sampling {
        tell_sampling(sampling, &mut json, &mut text);
    }
    Ok(Report::new(json, text))
}

impl Made {
    fn paid(&self) -> u128 {
        self.answers.iter().map(|answer| answer.fee_paid).sum()
    }

    fn bootstraps(&self) -> u64 {
        self.answers.iter().map(|answer| answer.tables).sum()
    }

    fn seconds(&self) -> f64 {
        let all: Duration = self.answers.iter().map(|answer| answer.elapsed).sum();
        all.as_secs_f64()
    }

    fn to_json(&self) -> Value {
        let last = self.answers.last();
        let jobs: Vec<_> = self
            .answers
            .iter()
            .map(|answer| hex::encode(answer.job))
            .collect();
        let audits = self
            .answers
            .iter()
            .map(|answer| answer.audit.as_ref().map(audit_json));
        let receipts = self.answers.iter().map(|answer| hex::encode(answer.receipt_hash));
        let mut json = json!({
            "mode": "full",
            "answer": self.words.join(" "),
            "tokens": self.words.len(),
            "bootstraps": self.bootstraps(),
            "seconds": self.seconds(),
            "ciphertext_up_bytes": self.answers.iter().map(|answer| answer.ciphertext_up_bytes).sum::<u64>(),
            "ciphertext_down_bytes": self.answers.iter().map(|answer| answer.ciphertext_down_bytes).sum::<u64>(),
            "evaluation_key_bytes": last.map(|answer| answer.evaluation_key_bytes),
            "fee_paid": report::amount(self.paid()),
            "spending_account": last.map(|answer| answer.account),
            "jobs": jobs,
            "miner": last.map(|answer| report::account(&answer.miner)),
            "task": last.map(|answer| hex::encode(answer.task)),
            "receipt_hashes": receipts.collect::<Vec<_>>(),
            "audits": audits.collect::<Vec<_>>(),
        });
        if let (Some(equal), Value::Object(map)) = (self.equal, &mut json) {
            map.insert("equal".into(), json!(equal));
        }
        json
    }

    /// The words themselves were printed as they came.
    fn to_text(&self) -> String {
        let Some(last) = self.answers.last() else {
            return String::new();
        };
        let mut text = format!(
            "\n\n{} words in {:.1} s by {}; {} table lookups under encryption\ncost {} for {} jobs, from spending account {}",
            self.words.len(),
            self.seconds(),
            format_account(&last.miner),
            self.bootstraps(),
            money::with_symbol(self.paid()),
            self.answers.len(),
            last.account,
        );
        text += self.equal.map_or("", verdict);
        text
    }
}
