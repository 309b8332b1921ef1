//! Radii, the metric and the choice.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use super::{Centroids, Metric, Policy, Router, DEFAULT_EPSILON, MAX_PUBLISHED_BYTES};
use crate::error::Error;

const MODEL: [u8; 32] = [7; 32];

fn unit(x: &[f32]) -> Vec<f32> {
    let length = x.iter().map(|x| x * x).sum::<f32>().sqrt();
    x.iter().map(|x| x / length).collect()
}

fn centroids(vectors: &[&[f32]]) -> Centroids {
    let json = serde_json::json!({
        "model": hex::encode(MODEL),
        "vectors": vectors.iter().map(|x| unit(x)).collect::<Vec<_>>(),
    });
    Centroids::from_json(json.to_string().as_bytes()).unwrap()
}

/// Three peers on the axes.
fn router() -> Router<char> {
    let axis = |at: usize| {
        let mut x = [0f32; 3];
        x[at] = 1.0;
        x
    };
    let peers = ['a', 'b', 'c']
        .into_iter()
        .enumerate()
        .map(|(at, id)| (id, centroids(&[&axis(at)])));
    Router::new(&MODEL, peers).unwrap()
}

fn free(places: &[(char, u32)]) -> BTreeMap<char, u32> {
    places.iter().copied().collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * b.abs().max(1.0)
}

#[test]
fn without_variance_a_radius_is_the_euclidean_distance() {
    let router = Router::new(&MODEL, [(1, centroids(&[&[1.0, 0.0]]))]).unwrap();
    let radii = router.radii(&[0.0, 1.0]).unwrap();
    assert!(near(radii[&1], 2f64.sqrt()));
    assert_eq!(router.metric().covariance(), [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn distances_follow_the_covariance() {
    // Spread 3 along x and 1 along y: a step along x counts less.
    let points: Vec<[f32; 2]> = vec![[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
    let points: Vec<&[f32]> = points.iter().map(|x| &x[..]).collect();
    let metric = Metric::of(&points).unwrap();
    let shrinkage = metric.shrinkage();
    // S = diag(4.5, 0.5), its mean variance 2.5.
    let wanted = [
        4.5 + shrinkage * (2.5 - 4.5),
        0.0,
        0.0,
        0.5 + shrinkage * (2.5 - 0.5),
    ];
    assert!(metric.covariance().iter().zip(wanted).all(|(a, b)| near(*a, b)));
    let (along, across) = (
        metric.distance(&[1.0, 0.0], &[0.0, 0.0]),
        metric.distance(&[0.0, 1.0], &[0.0, 0.0]),
    );
    assert!(near(along, wanted[0].sqrt().recip()) && near(across, wanted[3].sqrt().recip()));
    assert!(along < across);
}

#[test]
fn shrinkage_is_that_of_ledoit_and_wolf() {
    // S = diag(4.5, 0.5): |S - mI|^2 = 8; errors of the points: twice 9^2 - 2 * 40.5 + 20.5 and twice 1 - 1 + 20.5.
    let points: Vec<[f32; 2]> = vec![[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]];
    let points: Vec<&[f32]> = points.iter().map(|x| &x[..]).collect();
    let wanted: f64 = (2.0 * (81.0 - 81.0 + 20.5) + 2.0 * (1.0 - 1.0 + 20.5)) / 16.0 / 8.0;
    assert!(near(Metric::of(&points).unwrap().shrinkage(), wanted.min(1.0)));
}

#[test]
fn fewer_points_than_features_still_make_a_metric() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let points: Vec<Vec<f32>> = (0..5)
        .map(|_| (0..64).map(|_| rng.gen_range(-1.0..1.0)).collect())
        .collect();
    let metric = Metric::of(&points.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    let (a, b, c) = (&points[0], &points[1], &points[2]);
    assert!(metric.distance(a, b) > 0.0 && near(metric.distance(a, b), metric.distance(b, a)));
    assert_eq!(metric.distance(a, a), 0.0);
    assert!(metric.distance(a, c) <= metric.distance(a, b) + metric.distance(b, c) + 1e-9);
}

#[test]
fn the_nearest_peer_is_chosen_and_ties_go_to_the_least_identity() {
    let router = router().with_policy(Policy::Nearest).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut choose =
        |x: &[f32], places: &[(char, u32)]| router.choose(&unit(x), &free(places), &mut rng).unwrap();
    let all = [('a', 1), ('b', 1), ('c', 1)];
    assert_eq!(choose(&[0.1, 0.2, 0.9], &all), 'c');
    assert_eq!(choose(&[0.0, 1.0, 1.0], &all), 'b', "a tie");
    assert_eq!(
        choose(&[0.1, 0.2, 0.9], &[('a', 3), ('b', 2), ('c', 0)]),
        'b',
        "c is busy"
    );
    assert_eq!(
        choose(&[0.1, 0.2, 0.9], &[('x', 9), ('a', 1)]),
        'a',
        "x published nothing"
    );
}

#[test]
fn a_radius_may_be_a_mean_over_the_nearest_centroids() {
    let peers = [
        ('a', centroids(&[&[1.0, 0.0], &[-1.0, 0.0]])),
        ('b', centroids(&[&[0.8, 0.6], &[0.8, -0.6]])),
    ];
    let router = Router::new(&MODEL, peers).unwrap();
    let nearest = |router: &Router<char>| {
        let radii = router.radii(&[1.0, 0.0]).unwrap();
        if radii[&'a'] < radii[&'b'] {
            'a'
        } else {
            'b'
        }
    };
    assert_eq!(nearest(&router), 'a');
    assert_eq!(nearest(&router.with_nearest(2)), 'b');
}

#[test]
fn the_choice_is_random_by_default_and_no_prompt_gives_itself_away() {
    let router = router();
    let places = free(&[('a', 1), ('b', 1), ('c', 1)]);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let chances: Vec<_> = (0..500)
        .map(|_| {
            let prompt: Vec<f32> = (0..3).map(|_| rng.gen_range(-1.0..1.0)).collect();
            router.chances(&unit(&prompt), &places).unwrap()
        })
        .collect();
    for id in ['a', 'b', 'c'] {
        let most = chances.iter().map(|c| c[&id]).fold(0.0, f64::max);
        let least = chances.iter().map(|c| c[&id]).fold(1.0, f64::min);
        assert!(most / least <= DEFAULT_EPSILON.exp(), "{id}: {most} {least}");
        assert!(most / least > 1.3, "and the topic counts: {most} {least}");
    }
    let to_a = router.chances(&[1.0, 0.0, 0.0], &places).unwrap();
    assert!(to_a[&'a'] > to_a[&'b'] && near(to_a[&'b'], to_a[&'c']));
    assert!(near(to_a.values().sum(), 1.0));
}

#[test]
fn choices_come_as_often_as_their_chances_say_and_load_spreads_over_free_places() {
    let router = router();
    let places = free(&[('a', 1), ('b', 6), ('c', 0), ('x', 2)]);
    let chances = router.chances(&[1.0, 0.0, 0.0], &places).unwrap();
    assert!(!chances.contains_key(&'c'), "busy");
    let nearer = 1.0 - router.radii(&[1.0, 0.0, 0.0]).unwrap()[&'b'] / router.diameter;
    let wanted = 3.0 * (DEFAULT_EPSILON / 2.0 * nearer).exp();
    assert!(
        near(chances[&'b'] / chances[&'x'], wanted),
        "x is taken for farthest"
    );
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut seen: BTreeMap<char, f64> = BTreeMap::new();
    const DRAWS: u32 = 20_000;
    for _ in 0..DRAWS {
        let id = router.choose(&[1.0, 0.0, 0.0], &places, &mut rng).unwrap();
        *seen.entry(id).or_default() += 1.0 / f64::from(DRAWS);
    }
    for (id, chance) in chances {
        assert!((seen[&id] - chance).abs() < 0.015, "{id}: {} {chance}", seen[&id]);
    }
}

#[test]
fn without_a_free_place_or_with_a_strange_embedding_nothing_is_chosen() {
    let router = router();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for places in [free(&[]), free(&[('a', 0)])] {
        assert!(matches!(
            router.choose(&[1.0, 0.0, 0.0], &places, &mut rng),
            Err(Error::Routing(_))
        ));
    }
    for embedding in [&[1.0][..], &[1.0, 0.0, f32::NAN]] {
        assert!(matches!(router.radii(embedding), Err(Error::Routing(_))));
    }
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let policy = Policy::Randomised { epsilon };
        assert!(matches!(
            router.clone().with_policy(policy),
            Err(Error::Routing(_))
        ));
    }
}

#[test]
fn with_nothing_published_the_choice_is_by_places_alone() {
    let router: Router<char> = Router::new(&MODEL, []).unwrap();
    let chances = router.chances(&[], &free(&[('a', 1), ('b', 3)])).unwrap();
    assert!(near(chances[&'a'], 0.25) && near(chances[&'b'], 0.75));
    let other = Router::new(&[8; 32], [('a', centroids(&[&[1.0, 0.0]]))]).unwrap();
    assert!(other.radii(&[1.0]).unwrap().is_empty(), "of another model");
}

#[test]
fn centroids_of_texts_are_the_means_of_their_groups() {
    let texts: Vec<Vec<f32>> = [
        [2.0, 0.1, 0.0],
        [1.0, -0.1, 0.0],
        [0.0, 0.1, 3.0],
        [0.0, -0.1, 1.0],
        [0.1, 0.0, 1.0],
    ]
    .map(|x| x.to_vec())
    .to_vec();
    let found = Centroids::of(&MODEL, &texts, 2).unwrap();
    let mut vectors: Vec<&[f32]> = found.vectors().collect();
    vectors.sort_by(|a, b| b[0].total_cmp(&a[0]));
    assert!(vectors[0][0] > 0.99 && vectors[1][2] > 0.99, "{vectors:?}");
    assert_eq!(found, Centroids::of(&MODEL, &texts, 2).unwrap());
    assert_eq!(
        Centroids::of(&MODEL, &texts[..1], 9).unwrap().vectors().count(),
        1,
        "no more than texts"
    );
    assert_eq!(Centroids::from_json(&found.to_json().unwrap()).unwrap(), found);
    for bad in [
        vec![],
        vec![vec![0.0, 0.0]],
        vec![vec![1.0], vec![1.0, 2.0]],
        vec![vec![f32::NAN]],
        vec![vec![]],
    ] {
        assert!(
            matches!(Centroids::of(&MODEL, &bad, 2), Err(Error::Routing(_))),
            "{bad:?}"
        );
    }
}

#[test]
fn hostile_centroids_are_refused() {
    let model = hex::encode(MODEL);
    for (model, vectors) in [
        (model.as_str(), "[]"),
        (&model, "[[]]"),
        (&model, "[[2.0, 0.0]]"),
        (&model, "[[1.0], [1.0, 0.0]]"),
        (&model, "[[1e39]]"),
        (&model, "1"),
        ("zz", "[[1.0]]"),
    ] {
        let json = format!("{{\"model\":\"{model}\",\"vectors\":{vectors}}}");
        assert!(
            matches!(Centroids::from_json(json.as_bytes()), Err(Error::Routing(_))),
            "{json}"
        );
    }
    let many = serde_json::json!({ "model": model, "vectors": vec![[1.0]; 65] }).to_string();
    assert!(matches!(
        Centroids::from_json(many.as_bytes()),
        Err(Error::Routing(_))
    ));
    assert!(matches!(
        Centroids::from_json(&vec![b' '; MAX_PUBLISHED_BYTES + 1]),
        Err(Error::Size { .. })
    ));
    let mixed = [(1, centroids(&[&[1.0]])), (2, centroids(&[&[1.0, 0.0]]))];
    assert!(matches!(Router::new(&MODEL, mixed), Err(Error::Routing(_))));
}
