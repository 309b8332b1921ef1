//! From a text to an answer, over a session. Runs on a thread that may block.

use std::time::{Duration, Instant};

use based_primitives::{Balance, PriceList};
use zk_llm::import::{Cache, Chooser, ClientPart, Dynamic, Output as Kind, Sampling, SplitManifest, Wanted};

use super::{Remote, Tell};
use crate::{
    session::{link::protocol, Event, SessionError},
    wire::split::{bucket, price, widest},
};

/// What a text's answer is.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Text that continues it.
    Text {
        /// The text.
        text: String,
        /// Its tokens.
        tokens: Vec<u32>,
    },
    /// A probability for each class, in the model's order.
    Classes(Vec<(String, f32)>),
    /// Numbers: an embedding, or features of each token one after another.
    Numbers(Vec<f32>),
}

/// How an answer is made.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Tokens to add, for a model that generates text.
    pub max_tokens: u32,
    /// Whether as many are computed and paid even if the text ends before, so that its length is hidden.
    pub hide_length: bool,
    /// How tokens are drawn, here; without it each is the likeliest.
    pub sampling: Option<Sampling>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_tokens: 64,
            hide_length: false,
            sampling: None,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Made {
    /// What the model says.
    pub output: Output,
    /// Until the prompt was through.
    pub first: Duration,
    /// For what came afterwards.
    pub rest: Duration,
    /// Whether it was broken off.
    pub stopped: bool,
}

/// The passes and the price of one question.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Positions that are paid as prompt.
    pub prompt: u32,
    /// Positions of each pass of the prompt.
    pub widths: Vec<usize>,
    /// Positions of all passes that may be made: the prompt's, then one for each token but the first.
    pub passes: Vec<usize>,
    /// Price of all of them.
    pub most: Balance,
    /// Tokens that may be generated.
    pub max_tokens: u32,
    /// Whether all of them are computed.
    pub hide_length: bool,
    /// What chooses them.
    pub chooser: Chooser,
}

impl Plan {
    /// Plans the answer to a text of so many tokens.
    ///
    /// # Errors
    /// [`SessionError::Refused`] if the text is too long for the model or the Brain's prices; [`SessionError::Model`]
    /// if no token can be drawn so.
    pub fn new(
        manifest: &SplitManifest,
        prices: &PriceList,
        tokens: usize,
        settings: Settings,
    ) -> Result<Self, SessionError> {
        let refused = |what: String| Err(SessionError::Refused(what));
        let network = &manifest.network;
        let prompt = bucket(tokens, network.context);
        let Some(room) = prices.context.checked_sub(prompt) else {
            return refused(format!(
                "the text takes {prompt} positions and the Brain's prices allow {}; shorten it",
                prices.context
            ));
        };
        let widest = widest(manifest);
        let max_tokens = match network.output {
            Kind::Generator { .. } => {
                // The last token is not fed, and the prompt's padding takes no place in the context.
                let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
                let room = network.context.saturating_sub(tokens).min(room);
                settings.max_tokens.clamp(1, room.saturating_add(1))
            }
            _ if prompt as usize > widest => {
                return refused(format!(
                    "the text takes {prompt} positions at once, and {widest} of this model fit a round; shorten it"
                ))
            }
            _ => 1,
        };
        let more = max_tokens - 1;
        let most = price(prices.prompt, prices.completion, prompt, prompt + more);
        let Some(most) = most.filter(|_| widest > 0) else {
            return refused("the Brain's prices or its model are out of range".into());
        };
        let sampling = settings.sampling.map(Chooser::sampling);
        Ok(Self {
            chooser: sampling.transpose()?.unwrap_or_else(Chooser::greedy),
            prompt,
            widths: passes(prompt, widest, 0),
            passes: passes(prompt, widest, more),
            most,
            max_tokens,
            hide_length: settings.hide_length,
        })
    }
}

fn passes(prompt: u32, widest: usize, more: u32) -> Vec<usize> {
    let mut passes = Vec::new();
    let mut left = prompt as usize;
    while left > 0 && widest > 0 {
        passes.push(left.min(widest));
        left -= left.min(widest);
    }
    passes.extend(std::iter::repeat_n(1, more as usize));
    passes
}

/// How many of `tokens` go into each pass of a prompt: every pass has one at least.
fn shares(tokens: usize, widths: &[usize]) -> Vec<usize> {
    let mut left = tokens;
    let share = |(at, width): (usize, &usize)| {
        let behind = widths.len() - at - 1;
        let share = (*width).min(left.saturating_sub(behind));
        left -= share;
        share
    };
    widths.iter().enumerate().map(share).collect()
}

/// Answers the tokens of a text for which `plan` was made, and `remote` opened.
///
/// # Errors
/// [`SessionError::Stopped`] if that was asked before there was anything to tell; what broke the session.
pub fn make(
    remote: &mut Remote,
    part: &ClientPart,
    ids: &[u32],
    plan: &Plan,
    tell: &Tell,
) -> Result<Made, SessionError> {
    let began = Instant::now();
    match &part.manifest().network.output {
        Kind::Generator { .. } => generate(remote, part, ids, plan, tell),
        kind => {
            let numbers = remote.pass(|remote| part.run(&mut Dynamic::new(part, remote), ids))?;
            let output = match kind {
                Kind::Classifier { labels } => Output::Classes(classes(labels, &numbers)),
                _ => Output::Numbers(numbers),
            };
            Ok(Made {
                output,
                first: began.elapsed(),
                rest: Duration::ZERO,
                stopped: false,
            })
        }
    }
}

fn generate(
    remote: &mut Remote,
    part: &ClientPart,
    ids: &[u32],
    plan: &Plan,
    tell: &Tell,
) -> Result<Made, SessionError> {
    let began = Instant::now();
    let mut cache = Cache::default();
    let mut text = Text::new(part, tell);
    let mut chooser = plan.chooser.clone();
    let mut rest = ids;
    let mut logits = Vec::new();
    for share in shares(ids.len(), &plan.widths) {
        let (now, after) = rest.split_at(share.min(rest.len()));
        logits = remote.pass(|remote| step(remote, part, &mut cache, now))?;
        rest = after;
    }
    let (first, second) = (began.elapsed(), Instant::now());
    let (mut ended, mut stopped) = (false, false);
    for made in 1..=plan.max_tokens {
        let next = chooser.choose(&logits);
        let next = next.ok_or_else(|| protocol("the model gives no logits"))?;
        ended = ended || part.tokens().is_special(next);
        if !ended {
            text.push(next)?;
        }
        if made == plan.max_tokens || (ended && !plan.hide_length) {
            break;
        }
        match remote.pass(|remote| step(remote, part, &mut cache, &[next])) {
            Ok(more) => logits = more,
            Err(SessionError::Stopped) => {
                stopped = true;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    text.flush();
    Ok(Made {
        output: Output::Text {
            text: text.told,
            tokens: text.tokens,
        },
        first,
        rest: second.elapsed(),
        stopped,
    })
}

fn step(
    remote: &mut Remote,
    part: &ClientPart,
    cache: &mut Cache,
    tokens: &[u32],
) -> zk_llm::Result<Vec<f32>> {
    part.generate(&mut Dynamic::new(part, remote), cache, tokens, Wanted::Last)
}

/// Probabilities of classes, from their logits.
pub fn probabilities(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let odds: Vec<f32> = logits.iter().map(|x| (x - most).exp()).collect();
    let total: f32 = odds.iter().sum();
    odds.into_iter().map(|x| x / total).collect()
}

fn classes(labels: &[String], logits: &[f32]) -> Vec<(String, f32)> {
    labels.iter().cloned().zip(probabilities(logits)).collect()
}

/// Text that grows token by token; a character comes once all of its bytes are there.
struct Text<'a> {
    part: &'a ClientPart,
    tell: &'a Tell,
    tokens: Vec<u32>,
    whole: String,
    told: String,
}

impl<'a> Text<'a> {
    fn new(part: &'a ClientPart, tell: &'a Tell) -> Self {
        Self {
            part,
            tell,
            tokens: Vec::new(),
            whole: String::new(),
            told: String::new(),
        }
    }

    fn push(&mut self, token: u32) -> Result<(), SessionError> {
        self.tokens.push(token);
        self.whole = self.part.tokens().decode(&self.tokens)?;
        if !self.whole.ends_with(char::REPLACEMENT_CHARACTER) {
            self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) {
        // Some tokenizers change what came before; such text is told at the end as it is.
        let Some(new) = self.whole.strip_prefix(self.told.as_str()) else {
            self.told = self.whole.clone();
            return;
        };
        if !new.is_empty() {
            (self.tell)(Event::Text {
                text: new.to_owned(),
                tokens: u32::try_from(self.tokens.len()).unwrap_or(u32::MAX),
            });
        }
        self.told = self.whole.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_goes_in_passes_as_wide_as_possible() {
        assert_eq!(passes(8, 512, 3), [8, 1, 1, 1]);
        assert_eq!(passes(1_000, 512, 0), [512, 488]);
        assert_eq!(passes(8, 0, 0), [0usize; 0]);
    }

    #[test]
    fn every_pass_of_a_prompt_has_a_token() {
        for (tokens, widths) in [
            (5, vec![8]),
            (1_025, vec![512; 4]),
            (2_048, vec![512; 4]),
            (513, vec![512, 488]),
        ] {
            let shares = shares(tokens, &widths);
            assert_eq!(shares.iter().sum::<usize>(), tokens);
            assert!(
                shares
                    .iter()
                    .zip(&widths)
                    .all(|(share, width)| (1..=*width).contains(share)),
                "{shares:?}"
            );
        }
    }

    #[test]
    fn probabilities_add_up() {
        let found = classes(&["a".into(), "b".into()], &[1.0, 1.0 + 3f32.ln()]);
        assert!((found[0].1 - 0.25).abs() < 1e-6 && (found[1].1 - 0.75).abs() < 1e-6);
    }
}
