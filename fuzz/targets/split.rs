//! Split mode: keys, requests, hints, bodies and products from a peer, and matrices that a peer describes. What is
//! changed is refused, or answered for what it then says; nothing that passes Freivalds' check is wrong.
#![no_main]

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zk_llm::split::{
    answer, answer_bytes, batch as batch_of, bodies_bytes, hint, hint_bytes, product, products_bytes, Batch,
    Check, Matrix, Opening, PackingKey, Positions, SecretKey, Shape, Tokens, PACKING_KEY_BYTES,
    REQUEST_BYTES,
};

const INPUTS: u32 = 12;
const OUTPUTS: u32 = 5;
const POSITIONS: usize = 512;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    shape: (u32, u32, u64, u64, u64),
    positions: usize,
    activations: Vec<i8>,
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
    offline: bool,
    bytes: &'a [u8],
}

/// One honest exchange.
struct Exchange {
    secret: SecretKey,
    packing: PackingKey,
    matrix: Matrix,
    check: Check,
    request: Vec<u8>,
    bodies: Vec<u8>,
    products: Vec<u8>,
    opening: Opening,
    decrypted: Vec<i64>,
}

fn batch(secret: &SecretKey, packing: &PackingKey, matrix: &Matrix) -> (Vec<u8>, Batch) {
    let tokens = Tokens::new(POSITIONS).expect("a power of two");
    let pending = secret.prepare(matrix.shape(), tokens).expect("a small matrix");
    let request = pending.request().to_vec();
    let hint = hint(matrix, packing, &request).expect("its own request");
    (request, secret.complete(pending, &hint).expect("its own hint"))
}

fn exchange() -> &'static Exchange {
    static EXCHANGE: OnceLock<Exchange> = OnceLock::new();
    EXCHANGE.get_or_init(|| {
        let secret = SecretKey::generate().expect("randomness");
        let packing = PackingKey::from_bytes(secret.packing_key_bytes()).expect("its own key");
        let weights = (0..INPUTS * OUTPUTS)
            .map(|at| (at * 37 % 255) as u8 as i8)
            .map(|w| w.max(-127))
            .collect();
        let matrix = Matrix::new(INPUTS, OUTPUTS, weights).expect("8-bit weights");
        let (request, mut batch) = batch(&secret, &packing, &matrix);
        let x: Vec<i8> = (0..2 * INPUTS as i8).map(|x| x * 5 - 60).collect();
        let (bodies, opening) = batch.encrypt(&x).expect("two positions");
        let products = product(&matrix, &bodies).expect("its own bodies");
        Exchange {
            check: Check::new(&matrix).expect("randomness"),
            decrypted: matrix.multiply(&x).expect("two positions"),
            secret,
            packing,
            matrix,
            request,
            bodies,
            products,
            opening,
        }
    })
}

fn changed(bytes: &[u8], input: &Input) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, change) in &input.changes {
        let at = usize::from(*at) % bytes.len();
        bytes[at] ^= change;
    }
    bytes.truncate(input.cut.map_or(usize::MAX, usize::from));
    bytes
}

fuzz_target!(|input: Input| {
    let made = exchange();
    let shape = made.matrix.shape();

    assert!(PackingKey::from_bytes(input.bytes).is_err() || input.bytes.len() as u64 == PACKING_KEY_BYTES);
    let bodies = changed(&made.bodies, &input);
    for bodies in [input.bytes, &bodies] {
        if let Ok(products) = product(&made.matrix, bodies) {
            let named = Positions::of_bodies(bodies, shape).expect("it was accepted");
            assert_eq!(
                bodies.len() as u64,
                bodies_bytes(shape, named.tokens, named.count)
            );
            assert_eq!(products.len() as u64, products_bytes(shape, named.count));
            assert!(made.check.verify(bodies, &products).expect("well-formed"));
        }
    }
    let products = changed(&made.products, &input);
    for products in [input.bytes, &products] {
        let right = products == made.products;
        // Odds of 2^-47 are not met by chance.
        assert_eq!(made.check.verify(&made.bodies, products).unwrap_or(false), right);
        if let Ok(decrypted) = made.opening.decrypt(products) {
            assert_eq!(products.len(), made.products.len());
            assert!(!right || decrypted == made.decrypted);
        }
    }
    let request = changed(&made.request, &input);
    if input.offline {
        for request in [input.bytes, &request] {
            if let Ok(hint) = hint(&made.matrix, &made.packing, request) {
                assert_eq!(request.len() as u64, REQUEST_BYTES);
                let (_, tokens) = batch_of(request, shape, &made.packing).expect("it was accepted");
                assert_eq!(hint.len() as u64, hint_bytes(shape, tokens));
            }
        }
    }

    if input.offline {
        for (request, bodies) in [(&request, &bodies), (&made.request, &bodies)] {
            if let Ok(answer) = answer(&made.matrix, &made.packing, request, bodies) {
                let named = Positions::of_bodies(bodies, shape).expect("it was accepted");
                assert_eq!(
                    answer.len() as u64,
                    answer_bytes(shape, named.tokens, named.count)
                );
            }
        }
    }

    // A prompt's answer decrypts to the clear products, two positions to a slot.
    if let Ok(clear) = made.matrix.multiply(&input.activations) {
        let positions = input.activations.len() / INPUTS as usize;
        if let Ok(tokens) = Tokens::prompt(shape, positions) {
            let pending = made.secret.prepare(shape, tokens).expect("it decrypts exactly");
            let request = pending.request().to_vec();
            if let Ok((bodies, sealed)) = pending.seal(&input.activations) {
                let right = answer(&made.matrix, &made.packing, &request, &bodies).expect("its own request");
                assert_eq!(
                    made.secret.unseal(&sealed, &right).expect("its own answer"),
                    clear
                );
                assert!(product(&made.matrix, &bodies).is_err() || !tokens.paired());
                let wrong = changed(&right, &input);
                assert!(made.secret.unseal(&sealed, &wrong).is_err() || wrong.len() == right.len());
            }
        }
    }

    // A description decides what is reserved: small or refused.
    let (inputs, outputs, row_sum, row_squares, input_squares) = input.shape;
    let described = Shape {
        inputs: inputs % 4096,
        outputs: outputs % 4096,
        row_sum,
        row_squares,
        input_squares,
    };
    if let Ok(tokens) = Tokens::new(input.positions % 64) {
        let huge = Shape {
            inputs,
            outputs,
            ..described
        };
        assert!(huge.check(tokens).is_err() || huge.log2_p_fail(tokens) <= -40.0);
        if let Ok(pending) = made.secret.prepare(&described, tokens) {
            assert!(
                made.secret.complete(pending, input.bytes).is_err(),
                "a hint is bound to its batch"
            );
        }
    }
    if let Ok(clear) = made.matrix.multiply(&input.activations) {
        let (_, mut batch) = batch(&made.secret, &made.packing, &made.matrix);
        let positions = input.activations.len() / INPUTS as usize;
        let fits = (1..=POSITIONS).contains(&positions) && !input.activations.contains(&i8::MIN);
        match batch.encrypt(&input.activations) {
            Ok((bodies, opening)) => {
                assert!(fits && batch.left() == POSITIONS - positions);
                let products = product(&made.matrix, &bodies).expect("its own bodies");
                assert_eq!(opening.decrypt(&products).expect("its own products"), clear);
            }
            Err(_) => assert!(!fits && batch.left() == POSITIONS),
        }
    }
});
