//! What the corpus promises, and that the exported integers are the trainer's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::corpus::{Corpus, LABELS};
use super::net::{Net, Openings, Precision, Shape, CONTEXT};
use super::optimise::{logits, Example};
use super::*;
use crate::exec_clear::{run_circuit, run_graph};
use crate::ParameterSet;

fn corpus_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn small_net(seed: u64) -> Net {
    let shape = Shape {
        vocabulary: 40,
        dim: 32,
        heads: 4,
        value_dim: 3,
        features: 8,
        labels: 6,
    };
    let net = Net::new(shape, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
    net.fit_to_integers().unwrap();
    net
}

fn random_texts(count: usize, rng: &mut ChaCha8Rng) -> Vec<Example> {
    let mut text = || {
        let length = rng.gen_range(0..=CONTEXT);
        Example {
            ids: (0..length).map(|_| rng.gen_range(0..40)).collect(),
            label: 0,
        }
    };
    (0..count).map(|_| text()).collect()
}

#[test]
fn no_held_out_sentence_comes_from_a_training_template() {
    let corpus = Corpus::load(&corpus_dir()).unwrap();
    let patterns: BTreeSet<_> = corpus.train.iter().map(|template| &template.pattern).collect();
    assert!(corpus
        .heldout
        .iter()
        .all(|template| !patterns.contains(&template.pattern)));
    let heldout = data::heldout(&corpus).unwrap();
    assert!(heldout.len() >= 1000);
    for sample in heldout.iter().step_by(3) {
        for template in &corpus.train {
            let produced = corpus.produces(template, &sample.text).unwrap();
            assert!(!produced, "{:?} comes from {:?}", sample.text, template.pattern);
        }
    }
}

#[test]
fn templates_produce_what_they_draw_and_nothing_else() {
    let corpus = Corpus::load(&corpus_dir()).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for template in &corpus.train {
        for label in (0..LABELS.len()).filter(|label| template.can_mean(*label)) {
            let sample = corpus.draw(&[template], label, &mut rng).unwrap();
            assert_eq!(sample.label, label);
            assert!(
                corpus.produces(template, &sample.text).unwrap(),
                "{sample:?} {template:?}"
            );
            assert!(!corpus
                .produces(template, &format!("{} xyz", sample.text))
                .unwrap());
        }
    }
}

#[test]
fn the_exported_graph_is_the_exact_forward_pass() {
    for seed in 0..4 {
        let net = small_net(seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut openings = Openings::all(4);
        openings
            .offsets
            .iter_mut()
            .flatten()
            .for_each(|open| *open = rng.gen_bool(0.6));
        openings = openings.without_head(seed as usize);
        let graph = export::graph(&net, &openings).unwrap();
        let circuit = graph.compile(&ParameterSet::default()).unwrap();
        let texts = random_texts(20, &mut rng);
        let trained = logits(&net, &texts, &openings, Precision::Exact).unwrap();
        let inputs = publish::calibration(&net, &texts).unwrap();
        assert!(
            trained.iter().flatten().any(|x| *x != trained[0][0]),
            "the logits tell texts apart"
        );
        for (wanted, text) in trained.iter().zip(&inputs) {
            let wanted: Vec<i32> = wanted.iter().map(|x| *x as i32).collect();
            assert_eq!(run_graph(&graph, &text.inputs).unwrap(), wanted);
            assert_eq!(run_circuit(&circuit, &text.inputs).unwrap(), wanted);
        }
    }
}

#[test]
fn pruning_the_graph_is_closing_the_head() {
    let net = small_net(9);
    let all = Openings::all(4);
    let pruned = squeeze::prune(&export::graph(&net, &all).unwrap(), |head| head != 2).unwrap();
    assert_eq!(pruned, export::graph(&net, &all.without_head(2)).unwrap());
}

#[test]
fn narrowing_closes_what_costs_nothing_and_leaves_something_open() {
    let net = small_net(11);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut texts = random_texts(60, &mut rng);
    let all = Openings::all(4);
    for (text, logits) in texts
        .clone()
        .iter()
        .zip(logits(&net, &texts, &all, Precision::Exact).unwrap())
    {
        texts
            .iter_mut()
            .filter(|other| other.ids == text.ids)
            .for_each(|other| other.label = optimise::argmax(&logits));
    }
    let open = |openings: &Openings| openings.offsets.iter().flatten().filter(|open| **open).count();
    let loss = |openings: &Openings| measure(&net, &texts, openings, Precision::Exact).unwrap().loss;
    let narrowed = narrow::narrow(&net, &all, &texts, 0.02).unwrap();
    assert!(open(&narrowed) < open(&all));
    assert!(loss(&narrowed) <= loss(&all) + 0.02);
    let everything = narrow::narrow(&net, &all, &texts, f64::INFINITY).unwrap();
    assert!(open(&everything) >= 1 && open(&everything) < open(&narrowed));
}

#[test]
fn training_is_reproducible_and_learns() {
    let net = || small_net(3);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut texts = random_texts(300, &mut rng);
    for text in &mut texts {
        text.ids.truncate(14);
        text.label = rng.gen_range(0..6);
        text.ids.push(text.label as u32 + 2);
    }
    let noise = optimise::Noise {
        fillers: vec![],
        suffixes: vec![30],
        replaceable: vec![],
    };
    let schedule = Schedule {
        steps: 60,
        batch: 32,
        rate: 0.02,
        precision: Precision::Exact,
        hardening: 1.0,
    };
    let all = Openings::all(4);
    let (first, second) = (net(), net());
    let before = measure(&first, &texts, &all, Precision::Exact).unwrap();
    for net in [&first, &second] {
        optimise::train(net, &texts, &noise, &all, None, schedule, 7).unwrap();
    }
    let after = measure(&first, &texts, &all, Precision::Exact).unwrap();
    assert!(after.loss < before.loss, "{before:?} {after:?}");
    let vars = |net: &Net| {
        net.vars()
            .iter()
            .map(|var| var.flatten_all().unwrap().to_vec1().unwrap())
            .collect()
    };
    let (first, second): (Vec<Vec<f32>>, Vec<Vec<f32>>) = (vars(&first), vars(&second));
    assert_eq!(first, second);
}

#[test]
fn the_published_model_is_as_good_as_its_manifest_says() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/emotion");
    let (model, client) = (
        crate::Model::load(&dir).unwrap(),
        crate::ClientModel::load(&dir).unwrap(),
    );
    let label = |text: &str| {
        let logits = crate::exec_clear::run(model.circuit(), &client.prepare(text).unwrap()).unwrap();
        LABELS
            .iter()
            .position(|label| Some(*label) == logits.label(model.manifest()))
            .unwrap()
    };
    assert_eq!(LABELS[label("I lost my keys and I am furious")], "anger");

    let heldout = data::heldout(&Corpus::load(&corpus_dir()).unwrap()).unwrap();
    let fitting: Vec<_> = heldout
        .iter()
        .filter(|sample| client.prepare(&sample.text).is_ok())
        .collect();
    let right = fitting
        .iter()
        .filter(|sample| label(&sample.text) == sample.label)
        .count();
    let accuracy = &model.manifest().accuracy;
    assert_eq!(fitting.len(), accuracy.samples as usize);
    assert!(
        (right as f64 / fitting.len() as f64 - accuracy.squeezed).abs() < 1e-9,
        "{right} {accuracy:?}"
    );
    assert!(accuracy.squeezed >= accuracy.majority + 0.2);
    assert!(accuracy.squeezed >= accuracy.without_attention + 0.05);
    assert!(model.manifest().head_plan.iter().any(|head| head.kept));
    assert!(model.manifest().bootstraps.squeezed < model.manifest().bootstraps.unsqueezed);
    assert!(model.manifest().bootstraps.unsqueezed <= 12_000);
    let longest = "word ".repeat(17);
    assert!(matches!(
        client.prepare(&longest),
        Err(Error::ContextExceeded {
            tokens: 17,
            limit: 16
        })
    ));
}
