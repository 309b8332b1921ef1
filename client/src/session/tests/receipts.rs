//! What a client refuses to pay for.

use based_primitives::payments::{Receipt, PAYMENT_VERSION};
use codec::Encode;
use sp_core::H256;

use crate::{
    session::{Expected, SessionError},
    tls::ComputeKeyPair,
    wire::proto::SignedReceipt,
};

pub(super) fn expected(key: &ComputeKeyPair) -> Expected {
    Expected {
        genesis: H256([1; 32]),
        job: [2; 32],
        brain: 7,
        task: H256([3; 32]),
        evaluation_key: H256([4; 32]),
        input: H256([5; 32]),
        max_price: 1_000,
        traced: false,
        computekey: key.public(),
    }
}

pub(super) fn receipt() -> Receipt {
    Receipt {
        version: PAYMENT_VERSION,
        genesis: H256([1; 32]),
        job: [2; 32],
        brain: 7,
        task: H256([3; 32]),
        evaluation_key: H256([4; 32]),
        input: H256([5; 32]),
        output: H256([6; 32]),
        trace: None,
        amount: 1_000,
    }
}

pub(super) fn signed(key: &ComputeKeyPair, receipt: &Receipt) -> SignedReceipt {
    SignedReceipt {
        receipt: receipt.encode(),
        signature: key.sign_receipt(receipt).to_vec(),
    }
}

#[test]
fn a_receipt_for_the_job_at_the_agreed_price_is_good() {
    let key = ComputeKeyPair::generate();
    for amount in [0, 999, 1_000] {
        let receipt = Receipt { amount, ..receipt() };
        assert_eq!(expected(&key).check(&signed(&key, &receipt)).unwrap(), receipt);
    }
}

#[test]
fn a_receipt_that_differs_in_any_field_is_refused_by_name() {
    let key = ComputeKeyPair::generate();
    let other = H256([9; 32]);
    for (what, wrong) in [
        (
            "version",
            Receipt {
                version: 2,
                ..receipt()
            },
        ),
        (
            "chain",
            Receipt {
                genesis: other,
                ..receipt()
            },
        ),
        (
            "job",
            Receipt {
                job: [9; 32],
                ..receipt()
            },
        ),
        (
            "Brain",
            Receipt {
                brain: 8,
                ..receipt()
            },
        ),
        (
            "model",
            Receipt {
                task: other,
                ..receipt()
            },
        ),
        (
            "evaluation key",
            Receipt {
                evaluation_key: other,
                ..receipt()
            },
        ),
        (
            "input",
            Receipt {
                input: other,
                ..receipt()
            },
        ),
        (
            "charges more",
            Receipt {
                amount: 1_001,
                ..receipt()
            },
        ),
    ] {
        let error = expected(&key).check(&signed(&key, &wrong)).unwrap_err();
        assert!(
            matches!(error, SessionError::Receipt(text) if text.contains(what)),
            "{what}: {error}"
        );
    }
}

#[test]
fn a_receipt_has_the_root_of_a_trace_where_one_was_asked_for_and_nowhere_else() {
    let key = ComputeKeyPair::generate();
    for traced in [false, true] {
        let expected = Expected {
            traced,
            ..expected(&key)
        };
        for trace in [None, Some(H256([7; 32]))] {
            let receipt = Receipt { trace, ..receipt() };
            match expected.check(&signed(&key, &receipt)) {
                Ok(good) => assert_eq!((good, trace.is_some()), (receipt, traced)),
                Err(error) => {
                    assert!(
                        matches!(error, SessionError::Receipt("its trace is not as agreed")),
                        "{error}"
                    );
                    assert_ne!(trace.is_some(), traced);
                }
            }
        }
    }
}

#[test]
fn a_receipt_by_another_key_or_altered_after_signing_is_refused() {
    let key = ComputeKeyPair::generate();
    let by_another = signed(&ComputeKeyPair::generate(), &receipt());
    let mut altered = signed(&key, &receipt());
    altered.receipt = Receipt {
        output: H256([9; 32]),
        ..receipt()
    }
    .encode();
    let mut trailing = signed(&key, &receipt());
    trailing.receipt.push(0);
    let mut short = signed(&key, &receipt());
    short.signature.pop();
    for wrong in [by_another, altered, trailing, short, SignedReceipt::default()] {
        assert!(matches!(
            expected(&key).check(&wrong),
            Err(SessionError::Receipt(_))
        ));
    }
}
