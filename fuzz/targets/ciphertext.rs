//! Ciphertexts and keys from a peer, under interfaces that a peer describes: refused by their size and header before
//! anything is reserved or computed.
#![no_main]

use std::sync::OnceLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zk_llm::{
    compile::{Interface, OutputEncoding},
    ir::Inputs,
    wire::{input_bytes, output_bytes},
    ClientKey, Logits, ParameterSet, ServerKey,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    inputs: (u32, i32, i32, u8),
    outputs: Vec<(i32, i32, u8)>,
    coefficient_bytes: u8,
    header: [u8; 12],
    true_header: bool,
    true_size: bool,
    claimed: u32,
    values: Vec<i32>,
    phase: u64,
    bytes: &'a [u8],
}

fn key() -> &'static ClientKey {
    static KEY: OnceLock<ClientKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let set = ParameterSet::default();
        let bits = set.lwe_dimension() + set.tfhe.lwe_dimension.0;
        let mut bytes = b"ZKSK".to_vec();
        bytes.extend([1, set.id]);
        bytes.resize(6 + bits.div_ceil(8), 0x5a);
        ClientKey::from_bytes(&bytes).expect("a key of the default set")
    })
}

fuzz_target!(|input: Input| {
    let set = ParameterSet::default();
    if let Ok(key) = ClientKey::from_bytes(input.bytes) {
        let again = ClientKey::from_bytes(&key.to_bytes()).expect("what was written can be read");
        assert_eq!(again.to_bytes(), key.to_bytes());
    }
    assert!(
        ServerKey::from_bytes(input.bytes, &set).is_err(),
        "a key is 30 MB"
    );
    // As if the set's keys were so small, so that the bytes get as far as the library's reader.
    let small = ParameterSet {
        evaluation_key_bytes: input.bytes.len() as u64,
        ..set
    };
    assert!(
        ServerKey::from_bytes(input.bytes, &small).is_err(),
        "a key is 30 MB"
    );

    let (len, lo, hi, step) = input.inputs;
    let interface = Interface {
        inputs: Inputs { len, lo, hi, step },
        outputs: input
            .outputs
            .iter()
            .map(|(lo, hi, step)| OutputEncoding {
                lo: *lo,
                hi: *hi,
                step: *step,
            })
            .collect(),
        output_coefficient_bytes: input.coefficient_bytes,
    };
    if !interface.is_sound() {
        assert!(key().decrypt_values(&interface, input.bytes).is_err());
        assert!(key().encrypt_values(&interface, &input.values).is_err());
        return;
    }
    for output in &interface.outputs {
        let value = output.decode(input.phase);
        assert!((output.lo..output.lo + (1 << output.step)).contains(&value));
    }
    let size = output_bytes(&interface, &set) as usize;
    let mut bytes = input.header.to_vec();
    if input.true_header {
        bytes = b"ZKLM".to_vec();
        bytes.extend([1, 2, set.id, interface.output_coefficient_bytes]);
        bytes.extend((interface.outputs.len() as u32).to_le_bytes());
    }
    let true_header = input.true_header;
    bytes.extend(input.bytes);
    // At most a few megabytes a try.
    if input.true_size && size < 4 << 20 {
        bytes.resize(size, 0xa5);
    }
    match key().decrypt_values(&interface, &bytes) {
        Ok(values) => {
            assert!(bytes.len() == size);
            assert_eq!(values.len(), interface.outputs.len());
            assert!(Logits(values).argmax() < interface.outputs.len());
        }
        Err(_) => assert!(bytes.len() != size || !true_header, "a true output was refused"),
    }
    if interface.inputs.len < 64 {
        let inside = |value: &i32| (interface.inputs.lo..=interface.inputs.hi).contains(value);
        let fits = input.values.len() == len as usize && input.values.iter().all(inside);
        match key().encrypt_values(&interface, &input.values) {
            Ok(bytes) => assert!(fits && bytes.len() as u64 == input_bytes(&interface)),
            Err(_) => assert!(!fits),
        }
    }
});
