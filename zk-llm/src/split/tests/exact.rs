//! Decrypted integers equal the clear product.

use sha2::{Digest, Sha256};

use super::*;
use crate::error::Error;
use crate::split::wire;

#[test]
fn products_equal_the_clear_ones_for_every_size_of_batch() {
    let session = Session::new();
    let mut rng = generator(1);
    for (inputs, outputs, tokens) in [
        (5, 3, 1),
        (768, 96, 1),
        (2100, 2050, 1),
        (300, 70, 2),
        (129, 65, 16),
        (100, 40, 128),
        (33, 9, 256),
        (20, 6, 1024),
        (7, 5, 2048),
    ] {
        // Real layers are far from uniform; wide ones must stay within the noise of one position.
        let weights: Vec<i8> = uniform(&mut rng, (inputs * outputs) as usize)
            .into_iter()
            .map(|w| if inputs > 1500 { w / 8 } else { w })
            .collect();
        let matrix = Matrix::new(inputs, outputs, weights).unwrap();
        let mut batch = session.batch(&matrix, tokens);
        for count in [1, tokens / 3, tokens] {
            let count = count.min(batch.left());
            if count == 0 {
                continue;
            }
            let x = uniform(&mut rng, count * inputs as usize);
            let (bodies, opening) = batch.encrypt(&x).unwrap();
            let products = product(&matrix, &bodies).unwrap();
            assert_eq!(
                opening.decrypt(&products).unwrap(),
                matrix.multiply(&x).unwrap(),
                "{inputs} by {outputs}, {count} of {tokens}"
            );
        }
        assert_eq!(batch.left(), 0);
    }
}

#[test]
fn answers_equal_the_clear_products_for_every_size_of_batch() {
    let session = Session::new();
    let mut rng = generator(8);
    for (inputs, outputs, tokens, count) in [
        (5, 3, 1, 1),
        (768, 96, 1, 1),
        (300, 2_050, 2, 2),
        (129, 65, 16, 11),
        (100, 400, 128, 128),
        (33, 9, 256, 200),
        (7, 9, 2048, 2048),
    ] {
        let matrix = random_matrix(&mut rng, inputs, outputs);
        let tokens = Tokens::new(tokens).unwrap();
        let pending = session.secret.prepare(matrix.shape(), tokens).unwrap();
        let request = pending.request().to_vec();
        let x = uniform(&mut rng, count * inputs as usize);
        let (bodies, sealed) = pending.seal(&x).unwrap();
        let answer = answer(&matrix, &session.packing, &request, &bodies).unwrap();
        assert_eq!(
            session.secret.unseal(&sealed, &answer).unwrap(),
            matrix.multiply(&x).unwrap(),
            "{inputs} by {outputs}, {count} of {tokens:?}"
        );
    }
}

#[test]
fn extreme_activations_and_weights_are_exact() {
    let session = Session::new();
    for weight in [-127, 127] {
        let matrix = Matrix::new(768, 2, [vec![weight; 768], vec![-weight; 768]].concat()).unwrap();
        let mut batch = session.batch(&matrix, 2);
        for x in [-127, 127] {
            let x = vec![x; 768];
            let (bodies, opening) = batch.encrypt(&x).unwrap();
            let products = product(&matrix, &bodies).unwrap();
            assert_eq!(opening.decrypt(&products).unwrap(), matrix.multiply(&x).unwrap());
        }
    }
    let zero = Matrix::new(4, 2, vec![0; 8]).unwrap();
    let (bodies, opening) = session.batch(&zero, 1).encrypt(&[127; 4]).unwrap();
    assert_eq!(
        opening.decrypt(&product(&zero, &bodies).unwrap()).unwrap(),
        [0, 0]
    );
}

#[test]
fn a_position_encrypts_once() {
    let session = Session::new();
    let matrix = random_matrix(&mut generator(2), 8, 4);
    let mut batch = session.batch(&matrix, 4);
    let (first, _) = batch.encrypt(&[1; 8]).unwrap();
    let (second, _) = batch.encrypt(&[1; 16]).unwrap();
    assert_eq!(batch.left(), 1);
    assert!(matches!(batch.encrypt(&[1; 16]), Err(Error::Batch(_))));
    assert_eq!(batch.left(), 1, "a refusal uses nothing");
    batch.encrypt(&[1; 8]).unwrap();
    assert!(matches!(batch.encrypt(&[1; 8]), Err(Error::Batch(_))));
    // Equal activations, other masks.
    let (first, second) = (&first[36..], &second[36..]);
    assert_ne!(first, &second[..first.len()]);
    // Two batches never share a seed.
    let tokens = Tokens::new(1).unwrap();
    let request = || {
        session
            .secret
            .prepare(matrix.shape(), tokens)
            .unwrap()
            .request()
            .to_vec()
    };
    assert_ne!(request(), request());
}

#[test]
fn an_old_batch_is_refused() {
    let matrix = random_matrix(&mut generator(6), 8, 4);
    let mut batch = Session::new().batch(&matrix, 2);
    batch.encrypt(&[1; 8]).unwrap();
    batch.expire();
    assert!(matches!(batch.encrypt(&[1; 8]), Err(Error::Batch(_))));
}

#[test]
fn hints_are_a_function_of_request_matrix_and_key() {
    let session = Session::new();
    let mut rng = generator(3);
    for tokens in [1, 64, 512] {
        let matrix = random_matrix(&mut rng, 96, 80);
        let pending = session
            .secret
            .prepare(matrix.shape(), Tokens::new(tokens).unwrap())
            .unwrap();
        let made = || hint(&matrix, &session.packing, pending.request()).unwrap();
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(made() == one.install(made), "threads change nothing");
    }
}

/// What every processor must give for the same bytes: a change of these digests is a change of the protocol.
#[test]
fn hints_products_and_answers_have_the_same_bytes_everywhere() {
    let mut rng = generator(7);
    // Any residues are somebody's key.
    let bodies: Vec<Vec<u64>> = (0..201)
        .map(|_| {
            (0..RING_DEGREE)
                .map(|_| rng.gen_range(0..PACKING_MODULUS))
                .collect()
        })
        .collect();
    let key = wire::encode_key(&[1; 32], &bodies);
    let packing = PackingKey::from_bytes(&key).unwrap();
    let matrix = random_matrix(&mut rng, 33, 17);
    let digests = [1, 32, 256, 2048].map(|tokens| {
        let tokens = Tokens::new(tokens).unwrap();
        let request = wire::encode_request(matrix.shape(), tokens, &wire::id(&key), &[2; 32]);
        let hint = hint(&matrix, &packing, &request).unwrap();
        let job = wire::Job {
            tokens,
            batch: wire::id(&request),
            range: wire::Range { first: 0, count: 1 },
        };
        let bodies: Vec<u64> = (0..33).map(|_| rng.gen_range(0..MODULUS)).collect();
        let bodies = wire::encode_bodies(matrix.shape(), &job, &bodies);
        let products = product(&matrix, &bodies).unwrap();
        let answer = answer(&matrix, &packing, &request, &bodies).unwrap();
        hex::encode(&Sha256::digest([hint, products, answer].concat())[..8])
    });
    assert_eq!(
        digests,
        [
            "391ba408ee121c1b",
            "e7981c4f25adceb2",
            "8bb79ef5cf2e75c1",
            "dd715f75b1d534d0"
        ]
    );
}

#[test]
fn activations_that_do_not_fit_are_refused() {
    let session = Session::new();
    let matrix = random_matrix(&mut generator(4), 8, 4);
    let mut batch = session.batch(&matrix, 1);
    for bad in [vec![], vec![0; 7], vec![0; 9], vec![-128; 8]] {
        assert!(matches!(batch.encrypt(&bad), Err(Error::Prompt(_))));
    }
    assert_eq!(batch.left(), 1);
}

#[test]
fn freivalds_accepts_products_and_refuses_every_change() {
    let session = Session::new();
    let mut rng = generator(5);
    let matrix = random_matrix(&mut rng, 64, 48);
    let (bodies, _) = session
        .batch(&matrix, 4)
        .encrypt(&uniform(&mut rng, 192))
        .unwrap();
    let right = product(&matrix, &bodies).unwrap();
    let check = Check::new(&matrix).unwrap();
    assert!(check.verify(&bodies, &right).unwrap());
    for _ in 0..500 {
        let mut wrong = right.clone();
        let at = rng.gen_range(36..wrong.len());
        wrong[at] ^= 1 << rng.gen_range(0..7);
        // Only a residue at or above the modulus is malformed; the rest is wrong.
        assert!(!check.verify(&bodies, &wrong).unwrap_or(false));
    }
    // Another matrix' products, a replay of another position, and zeros.
    let other = random_matrix(&mut rng, 64, 48);
    assert!(!check.verify(&bodies, &product(&other, &bodies).unwrap()).unwrap());
    let mut zeros = right.clone();
    zeros[36..].fill(0);
    assert!(!check.verify(&bodies, &zeros).unwrap());
    let mut swapped = right;
    let (a, b) = swapped[36..].split_at_mut(48 * 6);
    a.swap_with_slice(&mut b[..48 * 6]);
    assert!(!check.verify(&bodies, &swapped).unwrap());
}
