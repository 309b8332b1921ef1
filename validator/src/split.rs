//! Canaries for models of split mode: users' questions, whose every product is checked.
//!
//! A canary goes through the session that users have, in the ways in which they ask. With the matrices at hand the validator
//! checks every round by Freivalds' check, which a wrong product passes with probability below 2^-47, computes some hints
//! and answers to prompts again, and holds what comes out against what comes out in clear: it must be equal.

use std::{path::Path, sync::Arc, time::Duration};

use based_client::{
    session::{
        split::{probabilities, Audit, Output, Plan, Settings, SplitSession, MAX_GUESSES},
        SessionError,
    },
    wire::split::{bucket, price, MIN_PROMPT},
};
use based_primitives::{Balance, PriceList};
use rand::{rngs::OsRng, Rng};
use tokio::sync::watch;
use zk_llm::{
    import::{is_split, ClientPart, Dynamic, Output as Kind, Products, Weights, PUBLIC_FILES},
    manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES},
    split::{answer, hint, Check, Matrix, PackingKey},
};

use crate::{oracle::Asking, score::Outcome};

/// Most tokens of a canary's sentence.
const MAX_TOKENS: usize = 64;
/// Numbers of tokens that users choose who want a short answer.
const SHORT: [u32; 3] = [8, 16, 32];
/// One canary in so many lets tokens be guessed.
const GUESSING: u32 = 16;
/// Positions at most of the answer to such a one: every pass costs all of its guesses.
const GUESSED: u32 = 128;
/// One of the others in so many hides the length of its answer.
const HIDING: u32 = 8;
/// One hint or answer in so many is computed again: it costs as much as it costs the miner.
const HINTS: u32 = 16;

/// A model of split mode that judges.
pub struct SplitOracle {
    part: ClientPart,
    matrices: Vec<Matrix>,
    checks: Vec<Check>,
}

impl SplitOracle {
    /// Loads a model directory; none if it holds a model of another mode.
    ///
    /// # Errors
    /// If files are missing or damaged.
    pub fn load(dir: &Path) -> anyhow::Result<Option<Self>> {
        let manifest = dir.join(MANIFEST_FILE);
        if std::fs::metadata(&manifest)?.len() > MAX_MANIFEST_BYTES || !is_split(&std::fs::read(manifest)?) {
            return Ok(None);
        }
        let matrices = Weights::load(dir)?.into_matrices()?;
        let checks = matrices.iter().map(Check::new).collect::<zk_llm::Result<_>>()?;
        Ok(Some(Self {
            part: ClientPart::load(dir)?,
            matrices,
            checks,
        }))
    }

    /// The client's part of the model.
    pub fn part(&self) -> &ClientPart {
        &self.part
    }

    /// Bytes of the files that a canary's payer fetches, at most.
    pub fn public_bytes(&self) -> u64 {
        let manifest = self.part.manifest();
        PUBLIC_FILES.iter().map(|file| manifest.file_limit(file)).sum()
    }

    /// Most that a canary costs by a Brain's prices; none if they or the model do not allow its length.
    pub fn price(&self, prices: &PriceList, settings: Settings) -> Option<Balance> {
        let network = &self.part.manifest().network;
        Plan::new(self.part.manifest(), prices, MAX_TOKENS, settings).ok()?;
        let later = match network.output {
            Kind::Generator { .. } => (settings.max_tokens - 1).saturating_mul(settings.speculate + 1),
            _ => 0,
        };
        // A longer prompt may cost less than what it leaves no room for.
        let padded = std::iter::successors(Some(MIN_PROMPT), |length| length.checked_mul(2));
        let longest = bucket(MAX_TOKENS, network.context);
        padded
            .take_while(|prompt| *prompt < longest)
            .chain([longest])
            .map(|prompt| {
                let most = prompt.saturating_add(later).min(prices.context);
                price(prices.prompt, prices.completion, prompt, most)
            })
            .try_fold(0, |most: Balance, price| Some(most.max(price?)))
    }

    /// Draws a way in which users ask, so that a miner cannot tell a canary by what it never asks for; none if the
    /// model takes no such questions.
    pub fn draw(&self, prices: &PriceList, rng: &mut impl Rng) -> Option<Asking> {
        let mut settings = Settings::default();
        if !matches!(self.part.manifest().network.output, Kind::Generator { .. }) {
            return None;
        }
        if rng.gen() {
            settings.max_tokens = match rng.gen() {
                true => SHORT[rng.gen_range(0..SHORT.len())],
                false => rng.gen_range(1..=settings.max_tokens),
            };
        }
        if rng.gen_ratio(1, GUESSING) {
            settings.speculate = rng.gen_range(1..=MAX_GUESSES);
            let most = GUESSED / (settings.speculate + 1);
            settings.max_tokens = settings.max_tokens.min(most);
        } else {
            settings.hide_length = rng.gen_ratio(1, HIDING);
        }
        let price = self.price(prices, settings)?;
        Some(Asking {
            settings,
            audit: 0,
            price,
        })
    }

    /// Whether a sentence fits.
    pub fn takes(&self, sentence: &str) -> bool {
        self.part
            .encode(sentence)
            .is_ok_and(|ids| ids.len() <= MAX_TOKENS)
    }

    /// Asks a sentence as users do, and judges the answer; gives its cost, too.
    ///
    /// # Errors
    /// The session's; [`SessionError::Products`] if the miner computed something else.
    pub async fn judge(
        self: Arc<Self>,
        session: SplitSession,
        sentence: &str,
        settings: Settings,
    ) -> Result<(Outcome, Balance), SessionError> {
        let (_keep, stop) = watch::channel(false);
        let mut session = session.audited(self.clone());
        let answer = session.ask(sentence, settings, stop, &mut |_| {}).await?;
        let timed = timed(settings, answer.prefill + answer.decode);
        let (sentence, output) = (sentence.to_owned(), answer.output);
        let right = tokio::task::spawn_blocking(move || self.is_right(&sentence, &output)).await;
        let right = right.map_err(|error| SessionError::Internal(error.to_string()))??;
        let outcome = match right && answer.receipt.is_some() {
            true => timed,
            false => Outcome::Fail,
        };
        Ok((outcome, answer.fee_paid))
    }

    /// Whether an answer is the one in clear.
    fn is_right(&self, sentence: &str, output: &Output) -> zk_llm::Result<bool> {
        let ids = self.part.encode(sentence)?;
        let mut linears = Dynamic::new(&self.part, Clear(&self.matrices));
        Ok(match (output, &self.part.manifest().network.output) {
            (Output::Text { tokens, .. }, Kind::Generator { .. }) => {
                self.part.greedy(&mut linears, &ids, tokens.len())? == *tokens
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

/// What the time of a right answer says: those that most users would have got can be compared. Others have another
/// number of passes, and sets of positions that are full or not.
fn timed(settings: Settings, time: Duration) -> Outcome {
    match settings == Settings::default() {
        true => Outcome::Pass(time.as_secs_f64()),
        false => Outcome::Untimed,
    }
}

impl Audit for SplitOracle {
    fn hint(&self, layer: usize, key: &[u8], request: &[u8], made: &[u8]) -> bool {
        if !OsRng.gen_ratio(1, HINTS) {
            return true;
        }
        let Some(matrix) = self.matrices.get(layer) else {
            return false;
        };
        let again = PackingKey::from_bytes(key).and_then(|key| hint(matrix, &key, request));
        again.is_ok_and(|again| again == made)
    }

    fn answer(&self, layer: usize, key: &[u8], request: &[u8], inputs: &[u8], made: &[u8]) -> bool {
        if !OsRng.gen_ratio(1, HINTS) {
            return true;
        }
        let Some(matrix) = self.matrices.get(layer) else {
            return false;
        };
        let again = PackingKey::from_bytes(key).and_then(|key| answer(matrix, &key, request, inputs));
        again.is_ok_and(|again| again == made)
    }

    fn round(&self, layer: usize, inputs: &[u8], outputs: &[u8]) -> bool {
        let check = self.checks.get(layer);
        check.is_some_and(|check| check.verify(inputs, outputs).unwrap_or_default())
    }
}

/// Products in clear.
struct Clear<'a>(&'a [Matrix]);

impl Products for Clear<'_> {
    fn product(&mut self, layer: usize, steps: &[i8]) -> zk_llm::Result<Vec<i32>> {
        let matrix = self.0.get(layer);
        let matrix = matrix
            .ok_or_else(|| zk_llm::Error::Manifest(format!("the model has no linear layer {layer}")))?;
        let sums = matrix.multiply(steps)?;
        // They fit by the limits of imported layers.
        Ok(sums.into_iter().map(|sum| sum as i32).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zk_llm::{
        import::{import, Hub, Location},
        split::{product, SecretKey, Tokens},
    };

    fn oracle() -> SplitOracle {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zk-llm/fixtures/gpt2");
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::new("http://127.0.0.1:9", None).unwrap();
        import(
            &Location::Folder(fixtures),
            dir.path(),
            &hub,
            1 << 30,
            &mut |_| {},
        )
        .unwrap();
        SplitOracle::load(dir.path()).unwrap().unwrap()
    }

    #[test]
    fn a_product_that_is_off_by_one_and_a_hint_or_answer_that_is_not_the_requests_are_found() {
        let oracle = oracle();
        let secret = SecretKey::generate().unwrap();
        let shape = *oracle.matrices[0].shape();
        let pending = secret.prepare(&shape, Tokens::new(8).unwrap()).unwrap();
        let key = PackingKey::from_bytes(secret.packing_key_bytes()).unwrap();
        let request = pending.request().to_vec();
        let mut made = hint(&oracle.matrices[0], &key, &request).unwrap();
        let mut batch = secret.complete(pending, &made).unwrap();
        let (inputs, _) = batch.encrypt(&vec![3; 8 * shape.inputs as usize]).unwrap();
        let mut outputs = product(&oracle.matrices[0], &inputs).unwrap();
        assert!(oracle.round(0, &inputs, &outputs));
        assert!(!oracle.round(1, &inputs, &outputs), "another layer's");
        outputs[40] ^= 1;
        assert!(!oracle.round(0, &inputs, &outputs));

        // Each look is at one hint in sixteen.
        let packing = secret.packing_key_bytes();
        let found = |hint: &[u8]| (0..200).any(|_| !oracle.hint(0, packing, &request, hint));
        assert!(!found(&made));
        made[100] ^= 1;
        assert!(found(&made));

        let pending = secret.prepare(&shape, Tokens::new(8).unwrap()).unwrap();
        let request = pending.request().to_vec();
        let (inputs, _) = pending.seal(&vec![3; 8 * shape.inputs as usize]).unwrap();
        let mut made = answer(&oracle.matrices[0], &key, &request, &inputs).unwrap();
        let found = |made: &[u8]| (0..200).any(|_| !oracle.answer(0, packing, &request, &inputs, made));
        assert!(!found(&made));
        made[100] ^= 1;
        assert!(found(&made));
    }

    #[test]
    fn canaries_are_asked_in_the_ways_of_users_for_what_they_cost_at_most() {
        let oracle = oracle();
        let prices = PriceList {
            prompt: 3_000,
            completion: 50_000,
            context: 512,
        };
        let mut rng = rand::thread_rng();
        let drawn: Vec<_> = (0..600)
            .map(|_| oracle.draw(&prices, &mut rng).unwrap())
            .collect();
        let count = |wanted: &dyn Fn(&Settings) -> bool| drawn.iter().filter(|a| wanted(&a.settings)).count();
        let usual = Settings::default().max_tokens;
        assert!((200..400).contains(&count(&|s| s.max_tokens == usual)));
        assert!((10..80).contains(&count(&|s| s.speculate > 0)));
        assert!((30..130).contains(&count(&|s| s.hide_length)));
        assert_eq!(count(&|s| s.hide_length && s.speculate > 0), 0);
        for Asking { settings, price, .. } in drawn {
            assert!(settings.speculate == 0 || settings.max_tokens * (settings.speculate + 1) <= GUESSED);
            let most = (1..=MAX_TOKENS)
                .step_by(5)
                .map(|length| Plan::new(oracle.part.manifest(), &prices, length, settings))
                .map(|plan| plan.unwrap().most);
            assert!(most.max() <= Some(price), "{settings:?}");
        }
        // A prompt of the whole context, 32 positions, and 63 tokens after the first.
        assert_eq!(oracle.part.manifest().network.context, 32);
        assert_eq!(oracle.price(&prices, Settings::default()), Some(32 * 3 + 63 * 50));
        let short = PriceList { context: 4, ..prices };
        assert!(oracle.draw(&short, &mut rng).is_none());
    }

    #[test]
    fn only_what_most_users_would_have_got_is_timed() {
        let (usual, time) = (Settings::default(), Duration::from_secs(9));
        assert_eq!(timed(usual, time), Outcome::Pass(9.0));
        let others = [
            Settings {
                max_tokens: 8,
                ..usual
            },
            Settings {
                speculate: 3,
                ..usual
            },
            Settings {
                hide_length: true,
                ..usual
            },
        ];
        for other in others {
            assert_eq!(timed(other, time), Outcome::Untimed);
        }
    }

    #[test]
    fn the_answer_in_clear_is_right_and_another_is_not() {
        let oracle = oracle();
        let ids = oracle.part.encode("the miner").unwrap();
        let mut linears = Dynamic::new(&oracle.part, Clear(&oracle.matrices));
        let mut tokens = oracle.part.greedy(&mut linears, &ids, 4).unwrap();
        let text = |tokens: &[u32]| Output::Text {
            text: String::new(),
            tokens: tokens.to_vec(),
        };
        assert!(oracle.is_right("the miner", &text(&tokens)).unwrap());
        tokens[3] ^= 1;
        assert!(!oracle.is_right("the miner", &text(&tokens)).unwrap());
    }
}
