//! That the generator in `models/words` is as good, and as cheap, as it says.

use std::path::{Path, PathBuf};

use super::data::{target, Ids, Texts};
use super::ngram::Ngrams;
use super::{Measure, Report};
use crate::exec_clear::run;
use crate::import::Chooser;
use crate::text::{PAD, UNKNOWN};
use crate::train::corpus::Corpus;
use crate::{ClientModel, Logits, Model};

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/words")
}

#[test]
fn sixteen_tokens_of_the_published_generator_stay_within_eight_thousand_bootstraps() {
    let model = Model::load(&published()).unwrap();
    assert_eq!(model.manifest().context, 16);
    assert!(16 * model.circuit().bootstraps() <= 8000);
    assert!(model.circuit().bootstraps() <= model.manifest().bootstraps.unsqueezed);
}

/// Mean cross-entropy and accuracy of the published circuit over texts, through the client's own preparation.
fn measured(model: &Model, client: &ClientModel, texts: &[Ids]) -> Measure {
    let (scale, labels) = (model.manifest().logit_scale, &model.manifest().labels);
    let (mut loss, mut right, mut tokens) = (0.0, 0.0, 0.0);
    for ids in texts {
        for at in 0..=ids.len() {
            let words: Vec<&str> = ids[..at].iter().map(|id| labels[*id as usize].as_str()).collect();
            let scores = run(model.circuit(), &client.prepare(&words.join(" ")).unwrap()).unwrap();
            let next = target(ids, at) as usize;
            let total: f64 = scores.0.iter().map(|x| (f64::from(*x) * scale).exp()).sum();
            loss -= f64::from(scores.0[next]) * scale - total.ln();
            right += f64::from(u8::from(scores.argmax() == next));
            tokens += 1.0;
        }
    }
    Measure {
        loss: loss / tokens,
        accuracy: right / tokens,
    }
}

#[test]
fn the_published_generator_is_as_good_as_it_says() {
    let (model, client) = (
        Model::load(&published()).unwrap(),
        ClientModel::load(&published()).unwrap(),
    );
    let report = std::fs::read(published().join(crate::train::TRAINING_FILE)).unwrap();
    let report: Report = serde_json::from_slice(&report).unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let texts = Texts::draw(&Corpus::load(&corpus).unwrap(), &report.settings).unwrap();
    let counts = [1, 2, 3].map(|order| Ngrams::count(&texts.train, order, report.vocabulary));
    for (set, said) in [(&texts.fresh, &report.fresh), (&texts.heldout, &report.heldout)] {
        let found = measured(&model, &client, set);
        assert!(
            (found.loss - said.integers.loss).abs() < 1e-6,
            "{found:?} {said:?}"
        );
        assert!((found.accuracy - said.integers.accuracy).abs() < 1e-9);
        for (counted, loss) in counts.iter().zip(said.ngrams) {
            assert!((counted.loss(set) - loss).abs() < 1e-9);
        }
    }
    let (manifest, heldout) = (model.manifest(), &report.heldout);
    let generator = manifest.generator.unwrap();
    assert_eq!(generator.loss, heldout.integers.loss);
    assert_eq!(
        [generator.unigram, generator.bigram, generator.trigram],
        heldout.ngrams
    );
    assert_eq!(manifest.accuracy.samples as usize, heldout.tokens);
    // Other sentences of known templates: better than pairs of words. Unknown templates: no worse.
    assert!(report.fresh.integers.loss < report.fresh.ngrams[1] - 0.15);
    assert!(generator.loss < generator.unigram - 0.8);
    assert!(generator.loss < generator.bigram + 0.02);
}

#[test]
fn the_unknown_token_is_never_chosen_and_the_end_ends() {
    let client = ClientModel::load(&published()).unwrap();
    let labels = client.manifest().labels.clone();
    let chosen = |scores: &[(usize, i32)]| {
        let mut all = vec![0; labels.len()];
        scores.iter().for_each(|(at, score)| all[*at] = *score);
        client
            .next_word(&Logits(all), &mut Chooser::greedy())
            .map(String::from)
    };
    assert_eq!(chosen(&[(7, 3), (UNKNOWN as usize, 60)]), Some(labels[7].clone()));
    assert_eq!(chosen(&[(7, 3), (PAD as usize, 4)]), None);
    assert_eq!(client.next_word(&Logits(vec![]), &mut Chooser::greedy()), None);
    let long = "i ".repeat(40);
    assert_eq!(client.prepare(&long).unwrap().tokens, 16);
    assert_eq!(
        client
            .prepare(&format!("happy {}", "i ".repeat(16)))
            .unwrap()
            .values,
        client.prepare(&long).unwrap().values,
        "only the last sixteen words are seen"
    );
}
