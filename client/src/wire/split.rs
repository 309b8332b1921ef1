//! What client and miner agree on in split mode: limits, batches, prices and the transcript of a session.
//!
//! # A session
//! 1. *Open.* A signed job header names account, Brain, task, the packing key by hash and the most that is paid. The
//!    packing key follows. The miner answers with its prices, which must not exceed the chain's, and the session's name.
//! 2. *Offline.* The client asks for hints of a *set* of positions: one request for each linear layer, whose batch is
//!    the smallest that holds the set and decrypts exactly ([`tokens_for`]). One set may be prepared and not yet paid.
//!    A prompt is there already and gains nothing from hints: its set is named by its requests, no hints come, and each
//!    of its rounds is answered in one step (`zk_llm::split::answer`), two positions in a number.
//! 3. *Pay.* Before a set's first round, a voucher raises the account's cumulative amount by the set's price: the
//!    prompt's price for the first positions of the job, up to the agreed prompt, the completion's for the rest. So
//!    either side risks one set.
//! 4. *Online.* A *pass* takes some positions through all layers in their order, one round trip a layer. Layers of the
//!    body see all positions of the pass, those after it as many of them as are wanted. A position goes once through
//!    each layer. The prompt is taken in passes as wide as possible ([`widest`]), so that it cannot be had in single
//!    steps for the prompt's price.
//! 5. *Finish.* The miner signs a receipt over the manifest, the packing key and the transcript ([`Transcript`]).
//!
//! A pass counts as served when the next one begins or the session is finished, or by the client's word. A job whose
//! stream broke is opened again, with a new packing key, and goes on with what was paid and not served.

use std::time::Duration;

use based_primitives::{Balance, PriceList};
use sha2::{Digest, Sha256};
use sp_core::H256;
use zk_llm::{
    import::SplitManifest,
    split::{answer_bytes, bodies_bytes, hint_bytes, products_bytes, Shape, Tokens, RING_DEGREE},
};

/// Fewest positions that are paid as a prompt, if the context has as many.
pub const MIN_PROMPT: u32 = 8;
/// Most bytes of a round's inputs, and of its outputs.
pub const MAX_ROUND: u64 = 16 << 20;
/// Most bytes of one hint.
pub const MAX_HINT: u64 = 32 << 20;
/// Sets that a session may have prepared: the one in use and its successor.
pub const MAX_SETS: usize = 2;
/// Longest pause of a client within a session.
pub const IDLE: Duration = Duration::from_secs(120);
/// Bytes of a session's name.
pub const SESSION_BYTES: usize = 32;

const INPUT_CONTEXT: &[u8] = b"based/split/input/1";
const OUTPUT_CONTEXT: &[u8] = b"based/split/output/1";

/// How the positions of a set get their products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Hints first, products later.
    Hinted,
    /// Both in one step, as a prompt's.
    Answered,
}

/// The batch of a layer for so many positions: the smallest that holds them and decrypts exactly, if what is sent is
/// within the limits.
pub fn tokens_for(shape: &Shape, positions: usize, way: Way) -> Option<Tokens> {
    let (tokens, hint, down) = match way {
        Way::Hinted => {
            let tokens = Tokens::smallest(shape, positions).ok()?;
            (
                tokens,
                hint_bytes(shape, tokens),
                products_bytes(shape, positions),
            )
        }
        Way::Answered => {
            let tokens = Tokens::prompt(shape, positions).ok()?;
            (tokens, 0, answer_bytes(shape, tokens, positions))
        }
    };
    let up = bodies_bytes(shape, tokens, positions);
    (hint <= MAX_HINT && up.max(down) <= MAX_ROUND).then_some(tokens)
}

/// Batches of every layer for a set: layers of the body hold all of its positions, and those after it as many as can
/// be wanted, one for each pass. A set of a prompt is one pass.
pub fn batches(manifest: &SplitManifest, positions: usize, passes: usize, way: Way) -> Option<Vec<Tokens>> {
    let body = manifest.body();
    let wanted = |at: usize| if at < body { positions } else { passes };
    let linears = manifest.linears.iter().enumerate();
    linears
        .map(|(at, linear)| tokens_for(&linear.shape(), wanted(at), way))
        .collect()
}

/// Most positions of a prompt's pass, a power of two; 0 if not even one fits the limits.
pub fn widest(manifest: &SplitManifest) -> usize {
    let mut count = RING_DEGREE;
    while count > 0 && batches(manifest, count, 1, Way::Answered).is_none() {
        count /= 2;
    }
    count
}

/// Positions by which a prompt is paid and shown: a power of two, or the whole context.
pub fn bucket(tokens: usize, context: u32) -> u32 {
    let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    let bucket = tokens.max(MIN_PROMPT).checked_next_power_of_two();
    bucket.unwrap_or(context).min(context)
}

/// Price of the first `paid` positions of a job of which `prompt` are its prompt's (R139); none on overflow.
pub fn price(prompt_price: Balance, completion_price: Balance, prompt: u32, paid: u32) -> Option<Balance> {
    let list = PriceList {
        prompt: prompt_price,
        completion: completion_price,
        context: u32::MAX,
    };
    let prompt = prompt.min(paid);
    list.quote(prompt, paid - prompt)
}

/// Running hashes of what one side of a session's exchange sent and got.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    up: Sha256,
    down: Sha256,
}

impl Transcript {
    /// Bytes from the client: a request, or a round's inputs.
    pub fn sent(&mut self, bytes: &[u8]) {
        self.up.update(bytes);
    }

    /// Bytes from the miner: a hint, or a round's outputs.
    pub fn got(&mut self, bytes: &[u8]) {
        self.down.update(bytes);
    }

    /// Takes up the preparation of a set, once its first pass begins: sets that are never used leave no trace.
    pub fn absorb(&mut self, set: &Self) {
        self.sent(&set.up.clone().finalize());
        self.got(&set.down.clone().finalize());
    }
}

/// Input and output hash of a receipt: of the preparation of the sets that were used, of the rounds, and of the positions
/// of the job that were paid and served.
pub fn transcript(offline: &Transcript, online: &Transcript, paid: u32, served: u32) -> (H256, H256) {
    let whole = |context: &[u8], offline: &Sha256, online: &Sha256| {
        let hash = Sha256::new()
            .chain_update(context)
            .chain_update(offline.clone().finalize())
            .chain_update(online.clone().finalize())
            .chain_update(paid.to_le_bytes())
            .chain_update(served.to_le_bytes());
        H256(hash.finalize().into())
    };
    (
        whole(INPUT_CONTEXT, &offline.up, &online.up),
        whole(OUTPUT_CONTEXT, &offline.down, &online.down),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_shown_by_powers_of_two() {
        let cases = [(1, 8), (8, 8), (9, 16), (600, 1_000), (1_000, 1_000)];
        for (tokens, shown) in cases {
            assert_eq!(bucket(tokens, 1_000), shown, "{tokens}");
        }
        assert_eq!(bucket(3, 4), 4, "a context shorter than the least prompt");
    }

    #[test]
    fn the_prompts_price_comes_first() {
        let price = |paid| price(1_000, 3_000, 8, paid).unwrap();
        assert_eq!((price(0), price(5), price(8), price(10)), (0, 5, 8, 14));
        assert_eq!(super::price(Balance::MAX, 0, 2, 2), None);
    }

    #[test]
    fn batches_hold_their_positions_within_the_limits() {
        let shape = |inputs: u32| Shape {
            inputs,
            outputs: 3_072,
            row_sum: 20 * u64::from(inputs),
            row_squares: 576 * u64::from(inputs),
            input_squares: 576 * u64::from(inputs),
        };
        let tokens = |inputs, positions, way| tokens_for(&shape(inputs), positions, way).map(Tokens::count);
        let (hinted, answered) = (Way::Hinted, Way::Answered);
        assert_eq!(tokens(768, 1, hinted), Some(1));
        assert_eq!(tokens(768, 5, hinted), Some(8));
        assert_eq!(tokens(768, 1, answered), Some(1));
        assert_eq!(tokens(768, 5, answered), Some(8));
        assert_eq!(tokens(768, 1_024, hinted), None, "its hint is too large");
        assert_eq!(tokens(768, 1_024, answered), Some(1_024));
        assert_eq!(tokens(768, 2_048, answered), None, "its answer is too large");
        assert_eq!(tokens(300_000, 1, hinted), None, "too wide");
        assert_eq!(tokens(8, 8_192, hinted), None);
        assert_eq!(tokens(8, 16_384, answered), None);
    }

    #[test]
    fn transcripts_tell_order_and_direction_apart() {
        let hashes = |up: &[&[u8]], down: &[&[u8]], paid| {
            let mut online = Transcript::default();
            up.iter().for_each(|bytes| online.sent(bytes));
            down.iter().for_each(|bytes| online.got(bytes));
            transcript(&Transcript::default(), &online, paid, 1)
        };
        let base = hashes(&[b"a", b"b"], &[b"c"], 1);
        assert_ne!(base.0, base.1);
        assert_ne!(base.0, hashes(&[b"b", b"a"], &[b"c"], 1).0);
        assert_ne!(base.1, hashes(&[b"a", b"b"], &[b"d"], 1).1);
        assert_ne!(base, hashes(&[b"a", b"b"], &[b"c"], 2));
    }
}
