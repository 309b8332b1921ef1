//! Outputs against those of transformers.

use super::{copy, expected, fixture, import_folder, load, ALL};
use crate::error::Error;
use crate::import::{Cache, ClientPart, Dynamic, Float, Linears, Output, Products, Wanted, Weights};

fn largest_difference(got: &[f32], wanted: &[Vec<f32>]) -> f32 {
    let wanted: Vec<f32> = wanted.concat();
    assert_eq!(got.len(), wanted.len());
    got.iter()
        .zip(wanted)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

/// Length of the difference as a share of the length.
fn relative_error(got: &[f32], wanted: &[Vec<f32>]) -> f32 {
    let wanted: Vec<f32> = wanted.concat();
    let length = |x: &mut dyn Iterator<Item = f32>| x.map(|x| x * x).sum::<f32>().sqrt();
    length(&mut got.iter().zip(&wanted).map(|(a, b)| a - b)) / length(&mut wanted.iter().copied())
}

#[test]
fn texts_have_the_token_numbers_of_transformers() {
    for name in ALL {
        let (_dir, client, _) = load(name);
        let expected = expected(name);
        assert_eq!(client.encode(&expected.text).unwrap(), expected.ids, "{name}");
    }
}

#[test]
fn float_outputs_are_those_of_transformers() {
    for name in ALL {
        let (_dir, client, _) = load(name);
        let expected = expected(name);
        let out = client
            .run(&mut Float::open(&fixture(name)).unwrap(), &expected.ids)
            .unwrap();
        let off = largest_difference(&out, &expected.float);
        assert!(off < 1e-4, "{name}: {off}");
    }
}

#[test]
fn quantised_outputs_are_those_of_the_same_integers_in_torch() {
    for name in ALL {
        let (_dir, client, weights) = load(name);
        let expected = expected(name);
        let out = client
            .run(&mut Dynamic::new(&client, &weights), &expected.ids)
            .unwrap();
        let off = largest_difference(&out, &expected.quantised);
        assert!(off < 1e-3, "{name}: {off}");
    }
}

#[test]
fn quantised_outputs_are_within_a_twentieth_of_the_float_ones() {
    for name in ALL {
        let (_dir, client, weights) = load(name);
        let expected = expected(name);
        let out = client
            .run(&mut Dynamic::new(&client, &weights), &expected.ids)
            .unwrap();
        let off = relative_error(&out, &expected.float);
        assert!(off < 0.05, "{name}: {off}");
    }
}

#[test]
fn a_text_fed_token_by_token_gives_the_same_logits() {
    for name in ["gpt2", "llama", "llama-scaled"] {
        let (_dir, client, _) = load(name);
        let expected = expected(name);
        let mut float = Float::open(&fixture(name)).unwrap();
        let mut cache = Cache::default();
        let mut out = client
            .generate(&mut float, &mut cache, &expected.ids[..4], Wanted::All)
            .unwrap();
        for id in &expected.ids[4..] {
            out.extend(
                client
                    .generate(&mut float, &mut cache, &[*id], Wanted::All)
                    .unwrap(),
            );
        }
        assert_eq!(cache.tokens(), expected.ids.len());
        let off = largest_difference(&out, &expected.float);
        assert!(off < 1e-4, "{name}: {off}");
    }
}

#[test]
fn wrong_guesses_are_forgotten() {
    let (_dir, client, weights) = load("llama");
    let ids = expected("llama").ids;
    let mut linears = Dynamic::new(&client, &weights);
    let straight = client
        .generate(&mut linears, &mut Cache::default(), &ids, Wanted::Last)
        .unwrap();
    let mut cache = Cache::default();
    client
        .generate(&mut linears, &mut cache, &ids[..6], Wanted::Last)
        .unwrap();
    client
        .generate(&mut linears, &mut cache, &[9, 9, 9], Wanted::All)
        .unwrap();
    cache.truncate(6);
    let again = client
        .generate(&mut linears, &mut cache, &ids[6..], Wanted::Last)
        .unwrap();
    assert_eq!(straight, again);
}

#[test]
fn a_failed_round_leaves_the_cache_as_it_was() {
    struct Cut<'a>(&'a Weights, u32);
    impl Products for Cut<'_> {
        fn product(&mut self, layer: usize, steps: &[i8]) -> crate::Result<Vec<i32>> {
            self.1 -= 1;
            match self.1 {
                0 => Err(Error::Cancelled),
                _ => (&mut &*self.0).product(layer, steps),
            }
        }
    }
    let (_dir, client, weights) = load("llama");
    let ids = expected("llama").ids;
    let mut linears = Dynamic::new(&client, &weights);
    // In the body, after it, and in the head.
    for broken in [4, 7, 9] {
        let mut cache = Cache::default();
        client
            .generate(&mut linears, &mut cache, &ids[..5], Wanted::Last)
            .unwrap();
        let mut other = cache.clone();
        let cut = client.generate(
            &mut Dynamic::new(&client, Cut(&weights, broken)),
            &mut cache,
            &ids[5..],
            Wanted::Last,
        );
        assert!(matches!(cut, Err(Error::Cancelled)));
        assert_eq!(cache.tokens(), 5, "round {broken}");
        let mut run = |cache: &mut Cache| {
            client
                .generate(&mut linears, cache, &ids[5..], Wanted::Last)
                .unwrap()
        };
        assert_eq!(run(&mut cache), run(&mut other));
    }
}

#[test]
fn a_token_takes_four_rounds_a_layer_and_one_if_the_head_is_the_miners() {
    for (name, head) in [("gpt2", 0), ("llama-scaled", 0), ("llama", 1)] {
        let (_dir, client, weights) = load(name);
        let mut linears = Dynamic::new(&client, &weights);
        let tokens = client.greedy(&mut linears, &expected(name).ids, 3).unwrap();
        let rounds = 3 * (4 * 2 + head);
        assert_eq!((tokens.len(), linears.rounds()), (3, rounds), "{name}");
    }
}

#[test]
fn after_the_last_keys_and_values_only_wanted_tokens_go_on() {
    struct Counted<'a>(&'a Weights, Vec<usize>);
    impl Products for &mut Counted<'_> {
        fn product(&mut self, layer: usize, steps: &[i8]) -> crate::Result<Vec<i32>> {
            self.1
                .push(steps.len() / self.0.manifest().linears[layer].columns as usize);
            (&mut &*self.0).product(layer, steps)
        }
    }
    for name in ["gpt2", "llama", "bert-classifier", "bert-embedding"] {
        let (_dir, client, weights) = load(name);
        let ids = expected(name).ids;
        let mut counted = Counted(&weights, vec![]);
        let mut linears = Dynamic::new(&client, &mut counted);
        match client.manifest().network.output {
            Output::Generator { .. } => {
                let logits = client.generate(&mut linears, &mut Cache::default(), &ids, Wanted::Last);
                let all = client.run(&mut Dynamic::new(&client, &weights), &ids).unwrap();
                let logits = logits.unwrap();
                assert_eq!(logits, all[all.len() - logits.len()..], "{name}");
            }
            _ => drop(client.run(&mut linears, &ids).unwrap()),
        }
        let body = client.manifest().body();
        let (before, after) = counted.1.split_at(body);
        assert!(before.iter().all(|tokens| *tokens == ids.len()), "{name}");
        assert!(after.iter().all(|tokens| *tokens == 1), "{name}");
        let layers = weights.manifest().linears.len();
        assert_eq!(before.len() + after.len(), layers, "{name}");
        assert_eq!(after.is_empty(), name == "bert-embedding", "{name}");
    }
}

#[test]
fn an_embedding_of_the_first_token_is_its_features() {
    let (folder, dirs) = (
        copy("bert-embedding"),
        [(); 2].map(|()| tempfile::tempdir().unwrap()),
    );
    let pooling = folder.path().join("1_Pooling/config.json");
    std::fs::write(pooling, r#"{"pooling_mode_cls_token": true}"#).unwrap();
    let ids = expected("bert-embedding").ids;
    let run = |into: &tempfile::TempDir| {
        import_folder(folder.path(), into.path()).unwrap();
        let (client, weights) = (
            ClientPart::load(into.path()).unwrap(),
            Weights::load(into.path()).unwrap(),
        );
        let mut linears = Dynamic::new(&client, &weights);
        (client.run(&mut linears, &ids).unwrap(), client.manifest().body())
    };
    let (embedding, body) = run(&dirs[0]);
    // Without its modules the checkpoint is an encoder.
    std::fs::remove_file(folder.path().join("modules.json")).unwrap();
    let (features, all) = run(&dirs[1]);
    let first = &features[..embedding.len()];
    let length = first.iter().map(|x| x * x).sum::<f32>().sqrt();
    for (x, feature) in embedding.iter().zip(first) {
        assert!((x - feature / length).abs() < 1e-6);
    }
    assert_eq!(
        (features.len(), body, all),
        (ids.len() * first.len(), 4 * 2 - 3, 4 * 2)
    );
}

#[test]
fn generation_takes_the_likeliest_token_and_stops_at_the_context() {
    let (_dir, client, _) = load("gpt2");
    let expected = expected("gpt2");
    let mut float = Float::open(&fixture("gpt2")).unwrap();
    let tokens = client.greedy(&mut float, &expected.ids, 100).unwrap();
    let last = expected.float.last().unwrap();
    let likeliest = (0..last.len())
        .max_by(|a, b| last[*a].total_cmp(&last[*b]))
        .unwrap();
    assert_eq!(tokens[0] as usize, likeliest);
    assert_eq!(
        tokens.len(),
        32 - expected.ids.len() + 1,
        "the last one is not fed"
    );
}

#[test]
fn prompts_that_do_not_fit_are_refused() {
    let (_dir, client, weights) = load("gpt2");
    let mut linears = Dynamic::new(&client, &weights);
    let mut run = |ids: &[u32]| client.run(&mut linears, ids).unwrap_err();
    assert!(matches!(run(&[]), Error::Prompt(_)));
    assert!(matches!(run(&[56]), Error::Prompt(_)), "no such token");
    assert!(matches!(
        run(&[1; 33]),
        Error::ContextExceeded {
            tokens: 33,
            limit: 32
        }
    ));
    let (_dir, encoder, weights) = load("bert-encoder");
    let text = "encrypted ".repeat(23);
    assert!(matches!(
        encoder.encode(&text),
        Err(Error::ContextExceeded { limit: 24, .. })
    ));
    let mut linears = Dynamic::new(&encoder, &weights);
    let refused = encoder.generate(&mut linears, &mut Cache::default(), &[1], Wanted::All);
    assert!(matches!(refused, Err(Error::Prompt(_))), "no generator");
}

#[test]
fn products_of_a_miner_that_answers_too_little_are_refused() {
    struct Short;
    impl Products for Short {
        fn product(&mut self, _: usize, _: &[i8]) -> crate::Result<Vec<i32>> {
            Ok(vec![1; 7])
        }
    }
    let (_dir, client, _) = load("gpt2");
    let refused = client.run(&mut Dynamic::new(&client, Short), &[1, 2]);
    assert!(matches!(
        refused,
        Err(Error::Size {
            got: 7,
            expected: 96,
            ..
        })
    ));
    assert!(Dynamic::new(&client, Short).apply(99, &[0.0]).is_err());
}

#[test]
fn the_same_checkpoint_gives_the_same_model() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = import_folder(&fixture("llama"), one.path()).unwrap();
    let second = import_folder(&fixture("llama"), two.path()).unwrap();
    assert_eq!(first, second);
    assert_eq!(ClientPart::load(one.path()).unwrap().manifest_hash(), first.hash);
    import_folder(&fixture("gpt2"), one.path()).unwrap();
    assert!(
        ClientPart::load(one.path()).unwrap().manifest_hash() != first.hash,
        "replaced"
    );
}
