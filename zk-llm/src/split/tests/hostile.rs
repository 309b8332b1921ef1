//! Bytes from a peer that wants to do harm: errors, never panics.

use proptest::prelude::*;
use rand::RngCore;

use super::*;
use crate::error::Error;
use crate::split::wire;

struct Exchange {
    matrix: Matrix,
    request: Vec<u8>,
    hint: Vec<u8>,
    bodies: Vec<u8>,
    products: Vec<u8>,
    opening: Opening,
    session: Session,
}

fn exchange() -> Exchange {
    let session = Session::new();
    let mut rng = generator(10);
    let matrix = random_matrix(&mut rng, 12, 5);
    let pending = session
        .secret
        .prepare(matrix.shape(), Tokens::new(4).unwrap())
        .unwrap();
    let request = pending.request().to_vec();
    let hint = hint(&matrix, &session.packing, &request).unwrap();
    let mut batch = session.secret.complete(pending, &hint).unwrap();
    let (bodies, opening) = batch.encrypt(&uniform(&mut rng, 24)).unwrap();
    let products = product(&matrix, &bodies).unwrap();
    Exchange {
        matrix,
        request,
        hint,
        bodies,
        products,
        opening,
        session,
    }
}

#[test]
fn sizes_are_those_that_were_announced() {
    let made = exchange();
    let (shape, tokens) = (made.matrix.shape(), Tokens::new(4).unwrap());
    assert_eq!(made.request.len() as u64, REQUEST_BYTES);
    assert_eq!(made.hint.len() as u64, hint_bytes(shape, tokens));
    assert_eq!(made.bodies.len() as u64, bodies_bytes(shape, tokens, 2));
    assert_eq!(made.products.len() as u64, products_bytes(shape, 2));
    let key = made.session.secret.packing_key_bytes();
    assert_eq!(key.len() as u64, PACKING_KEY_BYTES);
}

#[test]
fn every_bit_of_a_header_and_every_length_counts() {
    let made = exchange();
    let Exchange { matrix, session, .. } = &made;
    let check = Check::new(matrix).unwrap();
    // What must be refused, and how much of it is header.
    type Read<'a> = Box<dyn Fn(&[u8]) -> Result<(), Error> + 'a>;
    let complete = |bytes: &[u8]| {
        // A batch of its own: the hint above answers another request, so even the right one is refused.
        let tokens = Tokens::new(4).unwrap();
        let pending = session.secret.prepare(matrix.shape(), tokens)?;
        session.secret.complete(pending, bytes).map(drop)
    };
    let cases: [(&[u8], usize, Read<'_>); 5] = [
        (
            &made.request,
            32,
            Box::new(|b| hint(matrix, &session.packing, b).map(drop)),
        ),
        (&made.hint, 32, Box::new(complete)),
        (&made.bodies, 16, Box::new(|b| product(matrix, b).map(drop))),
        (
            &made.products,
            36,
            Box::new(|b| made.opening.decrypt(b).map(drop)),
        ),
        (
            &made.products,
            36,
            Box::new(|b| check.verify(&made.bodies, b).map(drop)),
        ),
    ];
    for (bytes, header, read) in &cases {
        // Byte 7 of what the miner reads says how many positions a batch has, which is the client's to choose.
        let free = |bit: usize| *header < 36 && bit / 8 == 7;
        for bit in (0..8 * header).filter(|bit| !free(*bit)) {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            let result = read(&changed);
            let refused = matches!(result, Err(Error::Ciphertext(_) | Error::Size { .. }));
            assert!(refused, "bit {bit}: {result:?}");
        }
        for length in [0, 7, 15, 16, 31, 35, 36, bytes.len() - 1] {
            assert!(
                matches!(read(&bytes[..length]), Err(Error::Size { .. })),
                "{length}"
            );
        }
        assert!(matches!(
            read(&[bytes, &[0][..]].concat()),
            Err(Error::Size { .. })
        ));
    }
}

#[test]
fn positions_outside_a_batch_and_bits_left_over_are_refused() {
    let made = exchange();
    let ranges: [(u16, u16); 4] = [(0, 0), (3, 2), (u16::MAX, 1), (1, u16::MAX)];
    for (first, count) in ranges {
        let mut changed = made.bodies.clone();
        changed[32..34].copy_from_slice(&first.to_le_bytes());
        changed[34..36].copy_from_slice(&count.to_le_bytes());
        assert!(product(&made.matrix, &changed).is_err(), "{first} {count}");
    }
    // Residues of products have six bytes, and one encoding.
    let mut products = made.products.clone();
    products[36..42].copy_from_slice(&MODULUS.to_le_bytes()[..6]);
    assert!(matches!(
        made.opening.decrypt(&products),
        Err(Error::Ciphertext(_))
    ));
    products[36..42].copy_from_slice(&(MODULUS - 1).to_le_bytes()[..6]);
    assert!(made.opening.decrypt(&products).is_ok());
    // One position of three inputs, of a width that leaves bits over in the last byte.
    let matrix = random_matrix(&mut generator(15), 3, 5);
    let mut batch = made.session.batch(&matrix, 4);
    let (mut bodies, _) = batch.encrypt(&[1, 2, 3]).unwrap();
    let width = matrix.shape().widths(Tokens::new(4).unwrap()).body;
    assert_ne!(3 * width % 8, 0, "choose another matrix");
    assert!(product(&matrix, &bodies).is_ok());
    *bodies.last_mut().unwrap() |= 0x80;
    assert!(matches!(product(&matrix, &bodies), Err(Error::Ciphertext(_))));
}

#[test]
fn answers_are_for_their_request_and_bodies_alone() {
    let made = exchange();
    let (matrix, session) = (&made.matrix, &made.session);
    let tokens = Tokens::new(4).unwrap();
    let pending = session.secret.prepare(matrix.shape(), tokens).unwrap();
    let request = pending.request().to_vec();
    let (bodies, sealed) = pending.seal(&[1; 24]).unwrap();
    let good = answer(matrix, &session.packing, &request, &bodies).unwrap();
    assert_eq!(good.len() as u64, answer_bytes(matrix.shape(), tokens, 2));
    assert!(session.secret.unseal(&sealed, &good).is_ok());
    let refused =
        |result: Result<Vec<u8>, Error>| matches!(result, Err(Error::Ciphertext(_) | Error::Size { .. }));
    assert!(refused(answer(matrix, &session.packing, &made.request, &bodies)));
    assert!(refused(answer(matrix, &session.packing, &request, &made.bodies)));
    let other = Session::new();
    assert!(refused(answer(matrix, &other.packing, &request, &bodies)));
    let mut later = bodies.clone();
    later[32] = 1;
    assert!(
        refused(answer(matrix, &session.packing, &request, &later)),
        "not from the first position"
    );
    for bit in 0..8 * 36 {
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(session.secret.unseal(&sealed, &changed).is_err(), "bit {bit}");
    }
    for length in [0, 15, 36, good.len() - 1] {
        assert!(matches!(
            session.secret.unseal(&sealed, &good[..length]),
            Err(Error::Size { .. })
        ));
    }
}

#[test]
fn another_session_matrix_or_batch_is_refused() {
    let (made, other) = (exchange(), exchange());
    let refused = |result: Result<Vec<u8>, Error>| matches!(result, Err(Error::Ciphertext(_)));
    assert!(
        refused(hint(&made.matrix, &other.session.packing, &made.request)),
        "another key"
    );
    let wider = random_matrix(&mut generator(11), 13, 5);
    assert!(
        refused(hint(&wider, &made.session.packing, &made.request)),
        "another matrix"
    );
    assert!(refused(product(&wider, &made.bodies)), "another matrix");
    assert!(
        matches!(made.opening.decrypt(&other.products), Err(Error::Ciphertext(_))),
        "another batch"
    );
}

#[test]
fn pairs_of_a_prompt_are_answered_and_nothing_else() {
    let session = Session::new();
    let matrix = random_matrix(&mut generator(16), 12, 5);
    let shape = matrix.shape();
    let tokens = Tokens::prompt(shape, 8).unwrap();
    let prepare = || session.secret.prepare(shape, tokens).unwrap();
    let hinted = session.batch(&matrix, 4).encrypt(&[1; 48]).unwrap().0;
    let pending = prepare();
    let request = pending.request().to_vec();
    assert!(matches!(
        hint(&matrix, &session.packing, &request),
        Err(Error::Ciphertext(_))
    ));
    let any = vec![0; hint_bytes(shape, tokens) as usize];
    assert!(matches!(
        session.secret.complete(prepare(), &any),
        Err(Error::Batch(_))
    ));
    let (bodies, _) = pending.seal(&[1; 96]).unwrap();
    assert!(matches!(product(&matrix, &bodies), Err(Error::Ciphertext(_))));
    assert!(answer(&matrix, &session.packing, &request, &bodies).is_ok());
    let refused = |request: &[u8], bodies: &[u8]| {
        let result = answer(&matrix, &session.packing, request, bodies);
        assert!(
            matches!(result, Err(Error::Ciphertext(_) | Error::Size { .. })),
            "{result:?}"
        );
    };
    let single = session.secret.prepare(shape, Tokens::new(4).unwrap()).unwrap();
    refused(single.request(), &bodies);
    refused(&request, &hinted);
    let mut later = bodies.clone();
    later[32] = 2;
    later[34] = 6;
    refused(&request, &later);
}

#[test]
fn batches_have_one_code_each() {
    let accepted: Vec<u8> = (0..=u8::MAX)
        .filter(|code| Tokens::from_code(*code).is_some_and(|tokens| tokens.code() == *code))
        .collect();
    assert_eq!(accepted, (0..=12).chain(128..=140).collect::<Vec<u8>>());
    assert!((0..=u8::MAX).all(|code| Tokens::from_code(code).is_none() || accepted.contains(&code)));
}

/// Sizes are asked for before a description is checked.
#[test]
fn sizes_of_descriptions_that_no_matrix_has_do_not_panic() {
    for bound in [0, 1, 1 << 20, u64::MAX] {
        for size in [0, 1, 1 << 18, u32::MAX] {
            let shape = Shape {
                inputs: size,
                outputs: size,
                row_sum: bound,
                row_squares: bound,
                input_squares: bound,
            };
            for tokens in (0..=u8::MAX).filter_map(Tokens::from_code) {
                assert!(bodies_bytes(&shape, tokens, tokens.count()) <= most_bodies_bytes(&shape));
                hint_bytes(&shape, tokens);
                answer_bytes(&shape, tokens, tokens.count());
                shape.check(tokens).ok();
            }
        }
    }
}

#[test]
fn packing_keys_are_read_only_in_their_own_form() {
    let session = Session::new();
    let good = session.secret.packing_key_bytes();
    for length in [0, 16, 48, good.len() - 1] {
        assert!(matches!(
            PackingKey::from_bytes(&good[..length]),
            Err(Error::Size { .. })
        ));
    }
    for at in 0..16 {
        let mut changed = good.to_vec();
        changed[at] ^= 1;
        assert!(
            matches!(PackingKey::from_bytes(&changed), Err(Error::Key(_))),
            "byte {at}"
        );
    }
    let mut changed = good.to_vec();
    changed[48..52].fill(0xff);
    assert!(matches!(PackingKey::from_bytes(&changed), Err(Error::Key(_))));
    // Any residues are a key of somebody's.
    generator(12).fill_bytes(&mut changed[48..]);
    // Each has 31 bits; clearing one byte in four leaves none near a prime.
    changed[48..]
        .chunks_exact_mut(31)
        .for_each(|x| x.iter_mut().skip(3).step_by(2).for_each(|x| *x = 0));
    assert!(PackingKey::from_bytes(&changed).is_ok());
}

#[test]
fn a_lying_hint_garbles_its_own_batch_alone() {
    let session = Session::new();
    let mut rng = generator(13);
    let matrix = random_matrix(&mut rng, 12, 5);
    let pending = session
        .secret
        .prepare(matrix.shape(), Tokens::new(1).unwrap())
        .unwrap();
    let mut lie = hint(&matrix, &session.packing, pending.request()).unwrap();
    // The last byte may have bits left over.
    let end = lie.len() - 1;
    rng.fill_bytes(&mut lie[32..end]);
    let mut batch = session.secret.complete(pending, &lie).unwrap();
    let x = uniform(&mut rng, 12);
    let (bodies, opening) = batch.encrypt(&x).unwrap();
    let products = product(&matrix, &bodies).unwrap();
    assert_ne!(opening.decrypt(&products).unwrap(), matrix.multiply(&x).unwrap());
}

#[test]
fn descriptions_that_no_matrix_has_are_refused() {
    let session = Session::new();
    let good = *random_matrix(&mut generator(14), 64, 8).shape();
    let tokens = Tokens::new(1).unwrap();
    let changes: [fn(&mut Shape); 11] = [
        |shape| shape.inputs = 0,
        |shape| shape.outputs = 0,
        |shape| shape.inputs = u32::MAX,
        |shape| shape.outputs = u32::MAX,
        |shape| shape.row_sum = 0,
        |shape| shape.row_sum = u64::MAX,
        |shape| shape.row_squares = 1,
        |shape| shape.row_squares = u64::MAX,
        |shape| shape.row_sum = 127 * 64 + 1,
        |shape| shape.input_squares = 0,
        |shape| shape.input_squares = 127 * 127 * 64 + 1,
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut shape = good;
        change(&mut shape);
        assert!(
            matches!(session.secret.prepare(&shape, tokens), Err(Error::Matrix(_))),
            "change {at}"
        );
    }
    for count in [0, 3, 8192, 1 << 40] {
        assert!(matches!(Tokens::new(count), Err(Error::Batch(_))), "{count}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let matrix = Matrix::new(2, 1, vec![1, 2]).unwrap();
        prop_assert!(PackingKey::from_bytes(&bytes).is_err());
        prop_assert!(product(&matrix, &bytes).is_err());
        prop_assert!(wire::decode_request(&bytes, matrix.shape(), &[0; 16]).is_err());
    }
}
