//! From a text to an answer, over a session. Runs on a thread that may block.

use std::time::{Duration, Instant};

use based_primitives::{Balance, PriceList};
use zk_llm::import::{
    guesses, Cache, Chooser, ClientPart, Dynamic, Output as Kind, Sampling, SplitManifest, Wanted,
};

use super::{remote::SET, Remote, Tell};
use crate::{
    session::{link::protocol, Event, SessionError},
    wire::split::{batches, bucket, price, widest, Way},
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

/// Most guesses of a pass: with the token before them they fill a set, which is what either side risks.
pub const MAX_GUESSES: u32 = SET as u32 - 1;

/// How an answer is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Tokens to add, for a model that generates text.
    pub max_tokens: u32,
    /// Whether as many are computed and paid even if the text ends before, so that its length is hidden.
    pub hide_length: bool,
    /// How tokens are drawn, here; without it each is the likeliest.
    pub sampling: Option<Sampling>,
    /// Tokens that are guessed and checked in each pass after the prompt, at most [`MAX_GUESSES`]. They save round trips
    /// where they are right; every one is paid, right or wrong.
    pub speculate: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_tokens: 64,
            hide_length: false,
            sampling: None,
            speculate: 0,
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
    /// Guesses that were checked, and those that were right.
    pub guesses: (u32, u32),
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
    /// Positions of all passes that may be made: the prompt's, then one pass for each token but the first. Passes with
    /// guesses come first, as many as leave room for all tokens even if every guess is wrong.
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
        let later = Self::later(manifest, max_tokens - 1, room, settings)?;
        let positions = later.iter().sum::<usize>();
        let total = u32::try_from(positions)
            .ok()
            .and_then(|more| prompt.checked_add(more));
        let most = total.and_then(|total| price(prices.prompt, prices.completion, prompt, total));
        let Some(most) = most.filter(|_| widest > 0) else {
            return refused("the Brain's prices or its model are out of range".into());
        };
        let widths = passes(prompt, widest);
        Ok(Self {
            chooser: Chooser::of(settings.sampling)?,
            prompt,
            passes: widths.iter().copied().chain(later).collect(),
            widths,
            most,
            max_tokens,
            hide_length: settings.hide_length,
        })
    }

    /// Positions of the passes after the prompt, for `tokens` tokens within `room` positions.
    fn later(
        manifest: &SplitManifest,
        tokens: u32,
        room: u32,
        settings: Settings,
    ) -> Result<Vec<usize>, SessionError> {
        let refused = |what: String| Err(SessionError::Refused(what));
        if settings.speculate == 0 || tokens == 0 {
            return Ok(vec![1; tokens as usize]);
        }
        if settings.speculate > MAX_GUESSES {
            return refused(format!(
                "{} guesses a pass; at most {MAX_GUESSES} are made",
                settings.speculate
            ));
        }
        // The number of passes tells how many guesses were right, unless all are made; then none is saved.
        if settings.hide_length {
            return refused(
                "guesses save passes only where the length shows; leave out one of the two".into(),
            );
        }
        let width = settings.speculate as usize + 1;
        if width > widest(manifest) || batches(manifest, width, width, Way::Hinted).is_none() {
            return refused(format!(
                "{width} positions of this model do not fit a round; guess fewer tokens"
            ));
        }
        let wide = (room.saturating_sub(tokens) / settings.speculate).min(tokens) as usize;
        let narrow = tokens as usize - wide;
        Ok([vec![width; wide], vec![1; narrow]].concat())
    }
}

/// Positions of each pass of a prompt: as wide as possible.
fn passes(prompt: u32, widest: usize) -> Vec<usize> {
    let mut passes = Vec::new();
    let mut left = prompt as usize;
    while left > 0 && widest > 0 {
        passes.push(left.min(widest));
        left -= left.min(widest);
    }
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
                guesses: (0, 0),
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
    let mut rest = ids;
    let mut logits = Vec::new();
    for share in shares(ids.len(), &plan.widths) {
        let (now, after) = rest.split_at(share.min(rest.len()));
        logits = remote.pass(|remote| step(remote, part, &mut cache, now, Wanted::Last))?;
        rest = after;
    }
    let (first, second) = (began.elapsed(), Instant::now());
    let mut stopped = false;
    let mut writer = Writer {
        seen: ids.to_vec(),
        chooser: plan.chooser.clone(),
        made: 0,
        ended: false,
        guesses: (0, 0),
    };
    let mut guessed = Vec::new();
    while let Some(last) = writer.take(&logits, &guessed, plan, &mut text)? {
        // What follows a wrong guess, and the guess, was never said.
        cache.truncate(writer.seen.len() - 1);
        let context = part.manifest().network.context as usize;
        let room = context.saturating_sub(writer.seen.len());
        guessed = guesses(&writer.seen, (remote.width() - 1).min(room));
        let fed = [&[last][..], &guessed].concat();
        match remote.pass(|remote| step(remote, part, &mut cache, &fed, Wanted::All)) {
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
        guesses: writer.guesses,
        stopped,
    })
}

/// Where an answer stands.
struct Writer {
    /// Tokens of the prompt and of the answer.
    seen: Vec<u32>,
    chooser: Chooser,
    /// Tokens of the answer, those after its end included where the length is hidden.
    made: u32,
    ended: bool,
    /// Guesses that were checked, and those that were right.
    guesses: (u32, u32),
}

impl Writer {
    /// Takes the tokens that a pass gave: the one after the token that was fed, and those after its guesses as long as
    /// the guesses were what was chosen. So tokens are those of passes without guesses, and draws come in the same order.
    /// Gives the last of them if it is to be fed, and none at the end.
    fn take(
        &mut self,
        logits: &[f32],
        guessed: &[u32],
        plan: &Plan,
        text: &mut Text<'_>,
    ) -> Result<Option<u32>, SessionError> {
        let vocabulary = text.part.manifest().network.vocabulary as usize;
        let guesses = guessed.iter().map(|guess| Some(*guess)).chain([None]);
        for (row, guess) in logits.chunks_exact(vocabulary).zip(guesses) {
            let next = self.chooser.choose(row);
            let next = next.ok_or_else(|| protocol("the model gives no logits"))?;
            self.seen.push(next);
            self.made += 1;
            let right = guess == Some(next);
            self.guesses.0 += u32::from(guess.is_some());
            self.guesses.1 += u32::from(right);
            self.ended = self.ended || text.part.tokens().is_special(next);
            if !self.ended {
                text.push(next)?;
            }
            if self.made == plan.max_tokens || (self.ended && !plan.hide_length) {
                return Ok(None);
            }
            if !right {
                return Ok(Some(next));
            }
        }
        Err(protocol("the model gives no logits"))
    }
}

fn step(
    remote: &mut Remote,
    part: &ClientPart,
    cache: &mut Cache,
    tokens: &[u32],
    wanted: Wanted,
) -> zk_llm::Result<Vec<f32>> {
    part.generate(&mut Dynamic::new(part, remote), cache, tokens, wanted)
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
        assert_eq!(passes(8, 512), [8]);
        assert_eq!(passes(1_000, 512), [512, 488]);
        assert_eq!(passes(8, 0), [0usize; 0]);
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
