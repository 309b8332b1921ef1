//! A tiny model learns a tiny text, and its checkpoint is an ordinary one.

use std::path::Path;

use candle_core::Tensor;

use super::*;
use crate::import::{import, ClientPart, Dynamic, Encrypted, Float, Hub, Location, Weights};

const TINY: Settings = Settings {
    seed: 5,
    vocabulary: 300,
    context: 16,
    width: 32,
    layers: 2,
    heads: 2,
    steps: 150,
    batch: 8,
    rate: 1e-2,
};

/// Sentences that frequencies do not predict and their beginnings do.
fn text() -> String {
    let names = ["the miner", "the client", "a validator", "the chain"];
    let deeds = [
        "keeps no key",
        "sends a mask",
        "adds the products",
        "pays for a set",
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut line = || {
        let at = rng.gen_range(0..names.len());
        format!("{} {}, and then {}.\n", names[at], deeds[at], deeds[3 - at])
    };
    (0..200).map(|_| line()).collect()
}

fn imported(checkpoint: &Path) -> (tempfile::TempDir, ClientPart, Weights) {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::new("http://127.0.0.1:9", None).unwrap();
    import(
        &Location::Folder(checkpoint.into()),
        dir.path(),
        &hub,
        1 << 30,
        &mut |_| {},
    )
    .unwrap();
    let (part, weights) = (
        ClientPart::load(dir.path()).unwrap(),
        Weights::load(dir.path()).unwrap(),
    );
    (dir, part, weights)
}

#[test]
fn what_was_learnt_survives_eight_bits_and_encryption() {
    let (dir, text) = (tempfile::tempdir().unwrap(), text());
    let report = train(&text, dir.path(), TINY).unwrap();
    let (_keep, part, weights) = imported(dir.path());
    let [learnt, heldout] =
        <[&str; 2]>::from(halves(&text)).map(|half| part.tokens().encode(half, u32::MAX).unwrap());
    let windows: Vec<&[u32]> = heldout.chunks_exact(17).take(6).collect();
    let wanted = windows.iter().flat_map(|window| &window[1..]);
    let frequencies = unigram(300, &learnt, wanted);
    let float = part
        .perplexity(&mut Float::open(dir.path()).unwrap(), &windows)
        .unwrap();
    assert!(float * 3.0 < frequencies, "{float} of {frequencies}: {report:?}");
    let quantised = part
        .perplexity(&mut Dynamic::new(&part, &weights), &windows)
        .unwrap();
    assert!((quantised / float - 1.0).abs() < 0.02, "{quantised} of {float}");
    let mut miner = Encrypted::new(weights).unwrap();
    let encrypted = part
        .perplexity(&mut Dynamic::new(&part, &mut miner), &windows[..2])
        .unwrap();
    let clear = part
        .perplexity(&mut Dynamic::new(&part, &imported(dir.path()).2), &windows[..2])
        .unwrap();
    assert_eq!(encrypted, clear, "the same integers");
    // Two windows of 16 tokens through two layers; the head is the embedding.
    assert_eq!(miner.equal(), 2 * 16 * 2 * (96 + 32 + 128 + 32));
}

#[test]
fn the_checkpoint_computes_what_was_trained_and_a_seed_repeats_it() {
    let text = text();
    let settings = Settings { steps: 3, ..TINY };
    let dirs = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for dir in &dirs {
        train(&text, dir.path(), settings).unwrap();
    }
    let read = |dir: &tempfile::TempDir, file: &str| std::fs::read(dir.path().join(file)).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        assert!(read(&dirs[0], file) == read(&dirs[1], file), "{file}");
    }
    let other = tempfile::tempdir().unwrap();
    train(&text, other.path(), Settings { seed: 6, ..settings }).unwrap();
    assert!(read(&dirs[0], "model.safetensors") != read(&other, "model.safetensors"));

    let shape = Shape {
        vocabulary: 300,
        context: 16,
        width: 32,
        layers: 2,
        heads: 2,
    };
    let net = Net::new(shape, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
    let tokenizer = tokenizer(&text, 300).unwrap();
    let report = Report {
        settings,
        tokens: [0; 2],
        parameters: net.parameters(),
        training_loss: 0.0,
        heldout_loss: 0.0,
        seconds: 0.0,
    };
    checkpoint::write(other.path(), &net, &tokenizer, &report).unwrap();
    let (_keep, part, _) = imported(other.path());
    let ids = [7u32, 299, 0, 65, 65, 12];
    let tensor = Tensor::new(&[ids], &Device::Cpu).unwrap();
    let wanted = net
        .forward(&tensor, None)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1::<f32>()
        .unwrap();
    let got = part.run(&mut Float::open(other.path()).unwrap(), &ids).unwrap();
    let off = got
        .iter()
        .zip(&wanted)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(got.len() == wanted.len() && off < 1e-4, "{off}");
}

#[test]
fn texts_are_parted_at_a_line_and_encoded_whole() {
    let text = text();
    let (learnt, heldout) = halves(&text);
    assert!(learnt.ends_with(".\n") && [learnt, heldout].concat() == text);
    assert!((0.08..0.12).contains(&(heldout.len() as f64 / text.len() as f64)));
    assert_eq!(
        halves("öööööööööö"),
        ("ööööööööö", "ö"),
        "no line, and no half of a character"
    );
    let tokenizer = tokenizer(learnt, 300).unwrap();
    let odd = "\u{0}\u{1f980}\nthe miner";
    let ids = text::encode(&tokenizer, odd).unwrap();
    assert_eq!(tokenizer.decode(&ids, true).unwrap(), odd);
}

#[test]
fn frequencies_give_the_unigram() {
    // Counts 3 + 1, 1 + 1, 0 + 1 of 7.
    let perplexity = unigram(3, &[0, 0, 0, 1], [0, 2].iter());
    assert!((perplexity - (7.0f64 / 4.0 * 7.0).sqrt()).abs() < 1e-12);
}

#[test]
fn runs_that_cannot_be_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refuse = |text: &str, settings| {
        let refused = train(text, dir.path(), settings);
        assert!(matches!(refused, Err(Error::Training(_))), "{refused:?}");
    };
    let text = text();
    refuse("too short", TINY);
    refuse("", TINY);
    refuse(
        &text,
        Settings {
            vocabulary: 255,
            ..TINY
        },
    );
    refuse(&text, Settings { heads: 3, ..TINY });
    refuse(&text, Settings { layers: 0, ..TINY });
    refuse(&text, Settings { rate: 1e30, ..TINY });
}
