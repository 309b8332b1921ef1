//! What `ask` shows while people wait.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use based_client::{money, session::Event};
use indicatif::{ProgressBar, ProgressStyle};

/// Progress on a terminal; lines elsewhere; nothing for scripts.
pub(super) struct Progress {
    bar: ProgressBar,
    lines: bool,
    json: bool,
    texts: u32,
    stage: &'static str,
}

impl Progress {
    pub fn new(json: bool) -> Self {
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
            json,
            texts: 0,
            stage: "",
        }
    }

    pub fn show(&mut self, event: Event) {
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
            Event::Auditing { bootstraps } => {
                self.spin(
                    "audit",
                    format!("auditing: {bootstraps} bootstraps are opened and computed again here"),
                );
            }
            Event::Preparing { done, total } => {
                self.count(
                    "prepare",
                    "preparing masks with the miner  {bar:30} {pos}/{len} layers  {eta} left",
                    done,
                    total,
                );
            }
            Event::Passing {
                done,
                total,
                positions,
            } if positions > 1 => {
                self.count(
                    "prompt",
                    "the encrypted prompt goes through the model  {bar:30} {pos}/{len} layers",
                    done,
                    total,
                );
            }
            // Between pieces of text nobody reads of payments; the report sums them up.
            Event::PayingSet { amount, .. } if self.texts == 0 => {
                self.spin(
                    "pay",
                    format!("paying {} for the prompt", money::with_symbol(amount)),
                );
            }
            Event::Text { text, .. } => self.text(&text),
            Event::Reconnecting { cause } => self.spin("", format!("{cause}; trying again")),
            _ => {}
        }
    }

    /// Generated text goes to where answers go, as it comes.
    fn text(&mut self, text: &str) {
        if self.json {
            return;
        }
        self.texts += 1;
        self.bar.set_style(ProgressStyle::default_spinner());
        self.stage = "text";
        self.bar.suspend(|| {
            let mut out = std::io::stdout().lock();
            // A closed pipe ends the command when the report is printed.
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
        });
        if self.texts == 1 {
            self.bar.finish_and_clear();
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
                let what = match stage {
                    "upload" => "uploading the evaluation key",
                    "prepare" => "preparing masks with the miner, layer by layer",
                    "prompt" => "the encrypted prompt goes through the model, layer by layer",
                    _ => "evaluating",
                };
                eprintln!("{what} ({total})");
            }
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
