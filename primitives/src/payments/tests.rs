use super::*;
use crate::eip712::eth_account;
use proptest::prelude::*;
use sp_core::{hex2array, Pair};

fn voucher() -> Voucher {
    Voucher {
        version: PAYMENT_VERSION,
        genesis: H256::repeat_byte(0x11),
        account: 0x0102_0304_0506_0708,
        miner: AccountId32::new([0x22; 32]),
        brain: 1_023,
        job: core::array::from_fn(|index| index as u8),
        cumulative: 123_456_789_012_345_678_901_234_567_890,
        expiry: 4_000_000_000,
    }
}

fn receipt() -> Receipt {
    Receipt {
        version: PAYMENT_VERSION,
        genesis: H256::repeat_byte(1),
        job: [2; 32],
        brain: 3,
        task: H256::repeat_byte(4),
        evaluation_key: H256::repeat_byte(5),
        input: H256::repeat_byte(6),
        output: H256::repeat_byte(7),
        trace: None,
        amount: 8,
    }
}

/// Every field of a voucher, changed by one.
const CHANGES: [fn(&mut Voucher); 8] = [
    |voucher| voucher.version += 1,
    |voucher| voucher.genesis.0[31] ^= 1,
    |voucher| voucher.account ^= 1,
    |voucher| voucher.miner = AccountId32::new([0x23; 32]),
    |voucher| voucher.brain ^= 1,
    |voucher| voucher.job[0] ^= 1,
    |voucher| voucher.cumulative ^= 1,
    |voucher| voucher.expiry ^= 1,
];

/// Signs with each kind of key; returns the spender too.
fn signed_by_each_kind() -> Vec<(AccountId32, SignedVoucher)> {
    let voucher = voucher();
    let bytes = voucher.signing_bytes();
    let sr = sr25519::Pair::from_seed(&[1; 32]);
    let ed = ed25519::Pair::from_seed(&[2; 32]);
    let ec = ecdsa::Pair::from_seed(&[0x42; 32]);
    let of = |signature| SignedVoucher {
        voucher: voucher.clone(),
        signature,
    };
    vec![
        (sr.public().into(), of(VoucherSignature::Sr25519(sr.sign(&bytes)))),
        (ed.public().into(), of(VoucherSignature::Ed25519(ed.sign(&bytes)))),
        (
            eth_account(hex2array!("17c5185167401ed00cf5f5b2fc97d9bbfdb7d025")),
            of(VoucherSignature::Eip712(
                ec.sign_prehashed(&voucher.eip712_hash()),
            )),
        ),
    ]
}

#[test]
fn each_kind_of_key_signs() {
    for (spender, signed) in signed_by_each_kind() {
        assert!(signed.verify(&spender));
    }
}

#[test]
fn changing_any_field_breaks_each_signature() {
    for (spender, signed) in signed_by_each_kind() {
        for change in CHANGES {
            let mut changed = signed.clone();
            change(&mut changed.voucher);
            assert!(!changed.verify(&spender), "{:?}", changed.voucher);
        }
    }
}

#[test]
fn another_spender_did_not_sign() {
    let signed = signed_by_each_kind();
    for (index, (_, signed)) in signed.iter().enumerate() {
        for (other, (spender, _)) in self::signed_by_each_kind().into_iter().enumerate() {
            assert_eq!(signed.verify(&spender), index == other);
        }
    }
}

#[test]
fn broken_signatures_are_no_signatures() {
    for (spender, signed) in signed_by_each_kind() {
        for byte in [0, 31, 32, 63] {
            let mut broken = signed.clone();
            match &mut broken.signature {
                VoucherSignature::Sr25519(signature) => signature.0[byte] ^= 1,
                VoucherSignature::Ed25519(signature) => signature.0[byte] ^= 1,
                VoucherSignature::Eip712(signature) => signature.0[byte] ^= 1,
            }
            assert!(!broken.verify(&spender), "byte {byte}");
        }
    }
}

/// Hash, address and signature as computed by eth-account for the same typed data and the secret key 0x4242..42.
#[test]
fn an_ethereum_wallet_signs_the_same_hash() {
    let hash: [u8; 32] = hex2array!("d72780cf7303fdb481115dffdd510d8685cd06b6f5b39f05f820c37fa2c013c8");
    assert_eq!(voucher().eip712_hash(), hash);
    let signature: [u8; 65] = hex2array!(
        "e7cecab8173a7029db7216e3142362347bd741c9136bf1e6d67d19cace45bad210e1adf6767398fa8d8f1aae163dbc1a0c282233c1e710fcad7edb36e9fc0c561c"
    );
    let signature = VoucherSignature::Eip712(ecdsa::Signature::from_raw(signature));
    let spender = eth_account(hex2array!("17c5185167401ed00cf5f5b2fc97d9bbfdb7d025"));
    assert!(SignedVoucher {
        voucher: voucher(),
        signature
    }
    .verify(&spender));
}

#[test]
fn an_ethereum_account_is_its_address_filled_up() {
    let account: [u8; 32] = eth_account([0xab; 20]).into();
    assert_eq!(account[..20], [0xab; 20]);
    assert_eq!(account[20..], [0xee; 12]);
}

#[test]
fn a_receipt_is_signed_by_the_computekey() {
    let key = ed25519::Pair::from_seed(&[9; 32]);
    let sign = |receipt: &Receipt| key.sign(&receipt.signing_bytes()).0;
    let signature = sign(&receipt());
    assert!(receipt().verify(&signature, &key.public().0));
    assert!(!receipt().verify(&signature, &[9; 32]));
    let changes: [fn(&mut Receipt); 10] = [
        |receipt| receipt.version += 1,
        |receipt| receipt.genesis.0[0] ^= 1,
        |receipt| receipt.job[0] ^= 1,
        |receipt| receipt.brain += 1,
        |receipt| receipt.task.0[0] ^= 1,
        |receipt| receipt.evaluation_key.0[0] ^= 1,
        |receipt| receipt.input.0[0] ^= 1,
        |receipt| receipt.output.0[0] ^= 1,
        |receipt| receipt.trace = Some(H256::zero()),
        |receipt| receipt.amount += 1,
    ];
    for change in changes {
        let mut changed = receipt();
        change(&mut changed);
        assert!(!changed.verify(&signature, &key.public().0), "{changed:?}");
    }
}

#[test]
fn vouchers_and_receipts_are_signed_in_different_contexts() {
    assert!(voucher().signing_bytes().starts_with(b"based/voucher/1"));
    assert!(receipt().signing_bytes().starts_with(b"based/receipt/1"));
}

#[test]
fn records_survive_encoding() {
    for (_, signed) in signed_by_each_kind() {
        let bytes = signed.encode();
        assert_eq!(SignedVoucher::decode(&mut &bytes[..]), Ok(signed));
        assert!(bytes.len() <= SignedVoucher::max_encoded_len());
    }
    assert_eq!(Receipt::decode(&mut &receipt().encode()[..]), Ok(receipt()));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), spender: [u8; 32]) {
        if let Ok(signed) = SignedVoucher::decode(&mut &bytes[..]) {
            prop_assert!(!signed.verify(&AccountId32::new(spender)));
        }
        let _ = Receipt::decode(&mut &bytes[..]);
    }

    #[test]
    fn hostile_ethereum_signatures_are_rejected(raw in proptest::collection::vec(any::<u8>(), 65)) {
        let raw: [u8; 65] = raw.try_into().expect("65 bytes");
        let signature = VoucherSignature::Eip712(ecdsa::Signature::from_raw(raw));
        let signed = SignedVoucher { voucher: voucher(), signature };
        prop_assert!(!signed.verify(&AccountId32::new([1; 32])));
    }
}
