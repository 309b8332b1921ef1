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
        (3, 2, 4096),
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
        let x = uniform(&mut rng, count * inputs as usize);
        answered(&session, &matrix, Tokens::new(tokens).unwrap(), &x);
    }
}

/// Holds an answer to activations against the clear product.
fn answered(session: &Session, matrix: &Matrix, tokens: Tokens, x: &[i8]) {
    let (sealed, answer) = session.answered(matrix, tokens, x);
    assert_eq!(answer.len() as u64, sealed.answer_bytes());
    assert_eq!(
        session.secret.unseal(&sealed, &answer).unwrap(),
        matrix.multiply(x).unwrap(),
        "{:?}, {tokens:?}",
        matrix.shape()
    );
}

#[test]
fn prompts_have_two_positions_in_a_slot_where_they_decrypt_exactly() {
    let session = Session::new();
    let mut rng = generator(9);
    for (inputs, outputs, positions, slots) in [
        (300, 70, 1, 1),
        (300, 70, 2, 1),
        (300, 70, 3, 2),
        (129, 65, 31, 16),
        (100, 400, 128, 64),
        (33, 9, 1_000, 512),
        (3, 2, 8_192, 4_096),
    ] {
        let matrix = random_matrix(&mut rng, inputs, outputs);
        let tokens = Tokens::prompt(matrix.shape(), positions).unwrap();
        assert_eq!((tokens.slots(), tokens.paired()), (slots, positions > 1));
        answered(
            &session,
            &matrix,
            tokens,
            &uniform(&mut rng, positions * inputs as usize),
        );
    }
    // Both positions at their extremes, in every combination of signs.
    let row = |sign: i8| vec![sign * 127; 128];
    let matrix = Matrix::new(128, 2, [row(1), row(-1)].concat()).unwrap();
    let x: Vec<i8> = [[1, 1], [1, -1], [-1, 1], [-1, -1]]
        .concat()
        .into_iter()
        .flat_map(row)
        .collect();
    let tokens = Tokens::prompt(matrix.shape(), 8).unwrap();
    assert!(tokens.paired());
    answered(&session, &matrix, tokens, &x);
    // Rows too wide for two.
    let wide = Matrix::new(16_384, 1, vec![127; 16_384]).unwrap();
    let tokens = Tokens::prompt(wide.shape(), 8).unwrap();
    assert_eq!((tokens.slots(), tokens.paired()), (8, false));
    answered(&session, &wide, tokens, &uniform(&mut rng, 3 * 16_384));
}

/// What depends on plaintexts alone adds up where all weights have one sign, unlike noise.
#[test]
fn long_rows_of_one_sign_are_exact_whatever_the_activations() {
    let session = Session::new();
    for inputs in [3_072u32, 5_500] {
        let matrix = Matrix::new(inputs, 4, vec![24; 4 * inputs as usize]).unwrap();
        let matrix = matrix.with_input_squares(576 * u64::from(inputs));
        let tokens = Tokens::prompt(matrix.shape(), 128).unwrap();
        assert!(tokens.paired());
        for (first, second) in [(0, 0), (-7, -6), (-14, -21), (24, 24), (1, -23)] {
            let of = |value| vec![value; inputs as usize];
            let x = [of(first), of(second)].concat().repeat(64);
            answered(&session, &matrix, tokens, &x);
        }
        let mut batch = session.batch(&matrix, 1);
        let (bodies, opening) = batch.encrypt(&vec![-23; inputs as usize]).unwrap();
        let products = product(&matrix, &bodies).unwrap();
        assert_eq!(
            opening.decrypt(&products).unwrap(),
            [-23 * 24 * i64::from(inputs); 4]
        );
    }
}

#[test]
fn activations_are_as_short_as_a_description_says() {
    let session = Session::new();
    let mut rng = generator(11);
    let matrix = random_matrix(&mut rng, 64, 48);
    let free = *matrix.shape();
    let matrix = matrix.with_input_squares(64 * 24 * 24);
    let shape = *matrix.shape();
    assert!(shape.bound() < free.bound() / 2);
    // As long as is allowed, along a row.
    let mut x: Vec<i8> = matrix.row(5).iter().map(|w| w / 4).collect();
    let squares = |x: &[i8]| x.iter().map(|x| i64::from(*x).pow(2)).sum::<i64>();
    while squares(&x) < 64 * 24 * 24 {
        let at = rng.gen_range(0..64);
        x[at] += if x[at] < 0 { -1 } else { 1 };
    }
    assert!(squares(&x) > 64 * 24 * 24, "choose another seed");
    let tokens = Tokens::prompt(&shape, 2).unwrap();
    let sealed = |x: &[i8]| session.secret.prepare(&shape, tokens).unwrap().seal(x).map(drop);
    assert!(matches!(sealed(&x), Err(Error::Prompt(_))));
    assert!(matches!(
        sealed(&[vec![0; 64], x.clone()].concat()),
        Err(Error::Prompt(_))
    ));
    let longest = x.iter_mut().max_by_key(|x| x.unsigned_abs()).unwrap();
    *longest -= longest.signum();
    let negative: Vec<i8> = x.iter().map(|x| -x).collect();
    answered(&session, &matrix, tokens, &[x.clone(), negative].concat());
    let mut batch = session.batch(&matrix, 1);
    let (bodies, opening) = batch.encrypt(&x).unwrap();
    let products = product(&matrix, &bodies).unwrap();
    assert_eq!(opening.decrypt(&products).unwrap(), matrix.multiply(&x).unwrap());
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
    let mut residues = |prime| (0..RING_DEGREE).map(|_| rng.gen_range(0..prime)).collect();
    let bodies: Vec<[Vec<u32>; 3]> = (0..56).map(|_| RING_PRIMES.map(&mut residues)).collect();
    let key = wire::encode_key(&[1; 32], &bodies);
    let packing = PackingKey::from_bytes(&key).unwrap();
    let matrix = random_matrix(&mut rng, 33, 17);
    let sizes = [1, 32, 256, 2048].map(|tokens| Tokens::new(tokens).unwrap());
    let digest = |parts: &[Vec<u8>]| hex::encode(&Sha256::digest(parts.concat())[..8]);
    let paired = {
        let tokens = Tokens::prompt(matrix.shape(), 6).unwrap();
        let request = wire::encode_request(matrix.shape(), tokens, &wire::id(&key), &[3; 32]);
        let job = wire::Job {
            tokens,
            batch: wire::id(&request),
            range: wire::Range { first: 0, count: 5 },
        };
        let bodies: Vec<u64> = (0..3 * 33).map(|_| rng.gen_range(0..RING_MODULUS)).collect();
        let bodies = wire::encode_bodies(matrix.shape(), &job, &bodies);
        assert!(matches!(
            hint(&matrix, &packing, &request),
            Err(Error::Ciphertext(_))
        ));
        assert!(matches!(product(&matrix, &bodies), Err(Error::Ciphertext(_))));
        let any = vec![0; products_bytes(matrix.shape(), 5) as usize];
        let check = Check::new(&matrix).unwrap();
        assert!(matches!(check.verify(&bodies, &any), Err(Error::Ciphertext(_))));
        digest(&[answer(&matrix, &packing, &request, &bodies).unwrap()])
    };
    let digests = sizes.map(|tokens| {
        let request = wire::encode_request(matrix.shape(), tokens, &wire::id(&key), &[2; 32]);
        let hint = hint(&matrix, &packing, &request).unwrap();
        let job = wire::Job {
            tokens,
            batch: wire::id(&request),
            range: wire::Range { first: 0, count: 1 },
        };
        let bodies: Vec<u64> = (0..33).map(|_| rng.gen_range(0..RING_MODULUS)).collect();
        let bodies = wire::encode_bodies(matrix.shape(), &job, &bodies);
        let products = product(&matrix, &bodies).unwrap();
        let answer = answer(&matrix, &packing, &request, &bodies).unwrap();
        digest(&[hint, products, answer])
    });
    assert_eq!(paired, "dc91f0110a547004");
    assert_eq!(
        digests,
        [
            "d2a12bb20917c366",
            "5a62e1f239d9d203",
            "b9270f1fce6f7fd0",
            "67329dfab1af418d"
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
