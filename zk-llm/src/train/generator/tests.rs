//! That the exported integers are the trainer's and that baselines are what they are called.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::data::{places, target, window};
use super::net::{Net, Shape};
use super::ngram::Ngrams;
use super::publish::inputs;
use super::*;
use crate::exec_clear::{run_circuit, run_graph};
use crate::text::PAD;
use crate::ParameterSet;

fn small_net(seed: u64) -> Net {
    let shape = Shape {
        vocabulary: 30,
        dim: 8,
        hidden: 20,
        features: 40,
    };
    let net = Net::new(shape, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
    net.fit_to_integers().unwrap();
    net
}

fn random_texts(count: usize, rng: &mut ChaCha8Rng) -> Vec<Ids> {
    let mut text = || (0..rng.gen_range(1..=20)).map(|_| rng.gen_range(0..30)).collect();
    (0..count).map(|_| text()).collect()
}

/// Texts in which each token is the one before plus 3, modulo 20, after the two special ones.
fn counting(count: usize) -> Vec<Ids> {
    let text = |first: usize| (0..8).map(|at| (2 + (first + 3 * at) % 20) as u32).collect();
    (0..count).map(text).collect()
}

#[test]
fn the_exported_graph_is_the_exact_forward_pass() {
    for seed in 0..4 {
        let net = small_net(seed);
        let graph = export::graph(&net).unwrap();
        let circuit = graph.compile(&ParameterSet::default()).unwrap();
        let texts = random_texts(6, &mut ChaCha8Rng::seed_from_u64(seed));
        let trained = scores(&net, &texts, Precision::Exact).unwrap();
        let inputs = inputs(&net, &texts).unwrap();
        assert_eq!(trained.len(), inputs.len());
        assert!(
            trained.iter().any(|row| row != &trained[0]),
            "windows are told apart"
        );
        for (wanted, input) in trained.iter().zip(&inputs) {
            let wanted: Vec<i32> = wanted.iter().map(|x| *x as i32).collect();
            assert_eq!(run_graph(&graph, input).unwrap(), wanted);
            assert_eq!(run_circuit(&circuit, input).unwrap(), wanted);
        }
    }
}

#[test]
fn scores_of_the_widest_rows_are_exact() {
    let net = small_net(1);
    // Every weight at its limit, signs mixed: the widest span and the most noise.
    let rows = (0..30 * 40).map(|at| if at % 3 == 0 { -9.0 } else { 9.0f32 });
    let widest = Tensor::from_vec(rows.collect::<Vec<_>>(), (30, 40), &Device::Cpu).unwrap();
    net.vars()[5].set(&widest).unwrap();
    let graph = export::graph(&net).unwrap();
    let terms = |row: &crate::ir::Row| row.terms.iter().map(|(_, weight)| weight.abs()).sum::<i32>();
    assert!(graph.layers[2].rows.iter().all(|row| terms(row) == 62));
    graph.compile(&ParameterSet::default()).unwrap();
}

#[test]
fn windows_end_with_the_latest_token() {
    let ids: Ids = (2..22).collect();
    assert_eq!(window(&ids, 0), [PAD; CONTEXT]);
    let two = window(&ids, 2);
    assert_eq!(
        (&two[..CONTEXT - 2], &two[CONTEXT - 2..]),
        (&[PAD; CONTEXT - 2][..], &[2, 3][..])
    );
    assert_eq!(window(&ids, 20)[..], ids[4..]);
    assert_eq!(
        (target(&ids, 0), target(&ids, 19), target(&ids, 20)),
        (2, 21, PAD)
    );
    assert_eq!(places(&[vec![5], vec![]]), [(0, 0), (0, 1), (1, 0)]);
}

#[test]
fn counts_are_interpolated_as_witten_and_bell_do() {
    // After the start 2 or 3, after 2 always 3; ends are tokens, too.
    let texts = [vec![2, 3], vec![3]];
    let unigram = Ngrams::count(&texts, 1, 4);
    // Five tokens of three kinds: twice the end, once 2, twice 3; an unseen token has the uniform share of 3 / 8.
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(unigram.probability(&[], 3), (2.0 + 3.0 / 4.0) / 8.0);
    close(unigram.probability(&[], 1), (3.0 / 4.0) / 8.0);
    let bigram = Ngrams::count(&texts, 2, 4);
    close(
        bigram.probability(&[2], 3),
        (1.0 + unigram.probability(&[], 3)) / 2.0,
    );
    close(bigram.probability(&[1], 3), unigram.probability(&[], 3));
    for (order, history) in [(1, &[][..]), (2, &[2]), (3, &[PAD, 2]), (3, &[9, 9])] {
        let model = Ngrams::count(&texts, order, 4);
        close((0..4).map(|token| model.probability(history, token)).sum(), 1.0);
    }
    let loss = -(2.0 * unigram.probability(&[], 3).ln()
        + 2.0 * unigram.probability(&[], 0).ln()
        + unigram.probability(&[], 2).ln())
        / 5.0;
    close(unigram.loss(&texts), loss);
    let texts = counting(20);
    let losses = [1, 2, 3].map(|order| Ngrams::count(&texts, order, 22).loss(&texts));
    assert!(losses[1] < losses[0] / 2.0, "{losses:?}");
}

#[test]
fn training_is_reproducible_and_learns() {
    let texts = counting(20);
    let stage = Schedule {
        steps: 80,
        batch: 32,
        rate: 0.02,
        precision: Precision::Exact,
        hardening: 1.0,
    };
    let (first, second) = (small_net(3), small_net(3));
    let before = measure(&first, &texts, Precision::Exact).unwrap();
    for net in [&first, &second] {
        fit(net, &texts, None, stage, Settings::default().seed).unwrap();
    }
    let after = measure(&first, &texts, Precision::Exact).unwrap();
    assert!(after.loss < before.loss * 0.7, "{before:?} {after:?}");
    assert_eq!(
        scores(&first, &texts, Precision::Exact).unwrap(),
        scores(&second, &texts, Precision::Exact).unwrap()
    );
}
