//! What arrives from strangers.

use based_primitives::payments::VoucherSignature;
use codec::Encode;
use proptest::prelude::*;
use sp_core::{ed25519, sr25519, Pair, H256};
use sp_runtime::AccountId32;

use super::*;

fn job_terms() -> JobTerms {
    JobTerms {
        job: [1; 32],
        account: 3,
        brain: 7,
        task: H256([2; 32]),
        evaluation_key: H256([3; 32]),
        input: H256([4; 32]),
        size: 2_076,
        max_price: 52_781,
        traced: false,
    }
}

fn key_terms() -> KeyTerms {
    KeyTerms {
        account: 3,
        brain: 7,
        sha256: H256([3; 32]),
        size: 30_000_000,
        expiry: 99,
    }
}

const GENESIS: H256 = H256([8; 32]);
const MINER: AccountId32 = AccountId32::new([9; 32]);

fn spender() -> sr25519::Pair {
    sr25519::Pair::from_seed(&[5; 32])
}

fn by(pair: &sr25519::Pair, bytes: &[u8]) -> VoucherSignature {
    VoucherSignature::Sr25519(pair.sign(bytes))
}

#[test]
fn headers_read_back_and_verify() {
    let account = AccountId32::from(spender().public());
    let signature = by(&spender(), &job_terms().signing_bytes(&GENESIS, &MINER));
    let (terms, read) = JobTerms::parse(&job_terms().header(&signature)).unwrap();
    assert_eq!(terms, job_terms());
    terms.verify(&read, &GENESIS, &MINER, &account).unwrap();

    let traced = JobTerms {
        traced: true,
        ..job_terms()
    };
    let signature = by(&spender(), &traced.signing_bytes(&GENESIS, &MINER));
    let (terms, read) = JobTerms::parse(&traced.header(&signature)).unwrap();
    assert_eq!(terms, traced);
    terms.verify(&read, &GENESIS, &MINER, &account).unwrap();

    let ed = ed25519::Pair::from_seed(&[6; 32]);
    let signature = VoucherSignature::Ed25519(ed.sign(&key_terms().signing_bytes(&GENESIS, &MINER)));
    let (terms, read) = KeyTerms::parse(&key_terms().header(&signature)).unwrap();
    assert_eq!(terms, key_terms());
    terms
        .verify(&read, &GENESIS, &MINER, &ed.public().into())
        .unwrap();
}

#[test]
fn a_signature_holds_for_one_chain_miner_spender_kind_and_content() {
    let account = AccountId32::from(spender().public());
    let signature = by(&spender(), &job_terms().signing_bytes(&GENESIS, &MINER));
    let refused = |terms: &JobTerms, genesis: &H256, miner: &AccountId32, spender: &AccountId32| {
        assert_eq!(
            terms.verify(&signature, genesis, miner, spender),
            Err(HeaderError::Signature)
        );
    };
    refused(&job_terms(), &H256::zero(), &MINER, &account);
    refused(&job_terms(), &GENESIS, &AccountId32::new([1; 32]), &account);
    refused(&job_terms(), &GENESIS, &MINER, &MINER);
    for changed in [
        JobTerms {
            job: [2; 32],
            ..job_terms()
        },
        JobTerms {
            account: 4,
            ..job_terms()
        },
        JobTerms {
            brain: 8,
            ..job_terms()
        },
        JobTerms {
            task: GENESIS,
            ..job_terms()
        },
        JobTerms {
            evaluation_key: GENESIS,
            ..job_terms()
        },
        JobTerms {
            input: GENESIS,
            ..job_terms()
        },
        JobTerms {
            size: 1,
            ..job_terms()
        },
        JobTerms {
            max_price: 0,
            ..job_terms()
        },
        JobTerms {
            traced: true,
            ..job_terms()
        },
    ] {
        refused(&changed, &GENESIS, &MINER, &account);
    }
    let key = by(&spender(), &key_terms().signing_bytes(&GENESIS, &MINER));
    assert_eq!(
        job_terms().verify(&key, &GENESIS, &MINER, &account),
        Err(HeaderError::Signature)
    );
    let ethereum = VoucherSignature::Eip712(sp_core::ecdsa::Signature::from_raw([0; 65]));
    assert_eq!(
        job_terms().verify(&ethereum, &GENESIS, &MINER, &account),
        Err(HeaderError::Signature)
    );
}

#[test]
fn malformed_headers_are_refused_by_field() {
    let signature = by(&spender(), b"");
    let good = job_terms().header(&signature);
    let field = |header: &proto::JobHeader| JobTerms::parse(header).unwrap_err().to_string();
    assert!(field(&proto::JobHeader {
        job: vec![0; 31],
        ..good.clone()
    })
    .contains("job"));
    assert!(field(&proto::JobHeader {
        task: vec![],
        ..good.clone()
    })
    .contains("task"));
    assert!(field(&proto::JobHeader {
        max_price: vec![0; 8],
        ..good.clone()
    })
    .contains("max_price"));
    assert!(field(&proto::JobHeader {
        brain: 65_536,
        ..good.clone()
    })
    .contains("brain"));
    let mut trailing = signature.encode();
    trailing.push(0);
    for bad in [vec![], vec![9; 65], trailing] {
        let header = proto::JobHeader {
            signature: bad,
            ..good.clone()
        };
        assert_eq!(JobTerms::parse(&header), Err(HeaderError::Encoding));
    }
}

#[test]
fn transfers_are_held_to_what_was_announced() {
    let bytes = vec![7u8; MAX_CHUNK + 5];
    let hash = sha256(&bytes);
    let take = |announced: u64, limit: u64, parts: Vec<Vec<u8>>| {
        let mut transfer = Reassembly::new(announced, limit)?;
        for part in &parts {
            transfer.push(part)?;
        }
        transfer.finish(&hash)
    };
    let parts: Vec<_> = chunks(&bytes).collect();
    let size = bytes.len() as u64;
    assert_eq!(parts.len(), 2);
    assert_eq!(take(size, size, parts.clone()), Ok(bytes.clone()));
    assert!(matches!(
        take(size, size - 1, vec![]),
        Err(ChunkError::TooLarge { .. })
    ));
    assert_eq!(
        take(size - 1, size, parts.clone()),
        Err(ChunkError::Overrun(size - 1))
    );
    assert!(matches!(
        take(size, size, parts[..1].to_vec()),
        Err(ChunkError::Truncated { .. })
    ));
    assert_eq!(take(size, size, vec![vec![]]), Err(ChunkError::ChunkSize(0)));
    assert_eq!(
        take(size, size, vec![bytes.clone()]),
        Err(ChunkError::ChunkSize(bytes.len()))
    );
    assert_eq!(take(5, 5, vec![vec![8; 5]]), Err(ChunkError::Hash));
}

proptest! {
    #[test]
    fn any_bytes_survive_cutting_and_joining(bytes in proptest::collection::vec(any::<u8>(), 0..5_000), cut in 1usize..700) {
        let mut transfer = Reassembly::new(bytes.len() as u64, 5_000).unwrap();
        for part in bytes.chunks(cut) {
            transfer.push(part).unwrap();
        }
        let (joined, hash) = transfer.finish_unchecked().unwrap();
        prop_assert_eq!(sha256(&bytes), hash);
        prop_assert_eq!(joined, bytes);
    }

    #[test]
    fn random_signatures_never_verify(bytes in any::<[u8; 32]>(), tag in 0u8..3) {
        let mut encoded = vec![tag];
        encoded.extend([bytes, bytes].concat());
        encoded.resize(if tag == 2 { 66 } else { 65 }, 1);
        let header = proto::JobHeader { signature: encoded, ..job_terms().header(&by(&spender(), b"")) };
        let (terms, signature) = JobTerms::parse(&header).unwrap();
        let account = AccountId32::from(spender().public());
        prop_assert_eq!(terms.verify(&signature, &GENESIS, &MINER, &account), Err(HeaderError::Signature));
    }
}
