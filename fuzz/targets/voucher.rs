//! Vouchers and receipts: decoding is unambiguous, verifying never panics, and a signature holds for one text alone.
#![no_main]

use arbitrary::Arbitrary;
use based_fuzz::scale;
use based_primitives::{eip712::eth_account,
    payments::{Receipt, SignedVoucher, Voucher, VoucherSignature}};
use codec::{Encode, MaxEncodedLen};
use libfuzzer_sys::fuzz_target;
use sp_core::{ecdsa, ed25519, sr25519, Pair, H256};
use sp_runtime::AccountId32;

/// Ethereum address of the secret key 0x42 .. 42.
const ETH_ADDRESS: [u8; 20] = [
    0x17, 0xc5, 0x18, 0x51, 0x67, 0x40, 0x1e, 0xd0, 0x0c, 0xf5, 0xf5, 0xb2, 0xfc, 0x97, 0xd9, 0xbb, 0xfd,
    0xb7, 0xd0, 0x25,
];

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    voucher: (u8, [u8; 32], u64, [u8; 32], u16, [u8; 32], u128, u32),
    kind: u8,
    /// Byte of the voucher to change, and how.
    at: u8,
    change: u8,
    signature: [u8; 64],
    bytes: &'a [u8],
}

fn signed(voucher: &Voucher, kind: u8) -> (VoucherSignature, AccountId32) {
    let seed = [0x42; 32];
    match kind % 3 {
        0 => {
            let pair = sr25519::Pair::from_seed(&seed);
            (
                VoucherSignature::Sr25519(pair.sign(&voucher.signing_bytes())),
                pair.public().into(),
            )
        }
        1 => {
            let pair = ed25519::Pair::from_seed(&seed);
            (
                VoucherSignature::Ed25519(pair.sign(&voucher.signing_bytes())),
                pair.public().into(),
            )
        }
        _ => {
            let pair = ecdsa::Pair::from_seed(&seed);
            (
                VoucherSignature::Eip712(pair.sign_prehashed(&voucher.eip712_hash())),
                eth_account(ETH_ADDRESS),
            )
        }
    }
}

fuzz_target!(|input: Input| {
    let spender = AccountId32::new(input.signature[..32].try_into().expect("32 bytes"));
    if let Some(signed) = scale::<SignedVoucher>(input.bytes) {
        assert!(input.bytes.len() <= SignedVoucher::max_encoded_len());
        assert!(!signed.verify(&spender), "nobody signed this");
    }
    scale::<VoucherSignature>(input.bytes);
    if let Some(receipt) = scale::<Receipt>(input.bytes) {
        assert!(input.bytes.len() <= Receipt::max_encoded_len());
        let _ = receipt.verify(&input.signature, spender.as_ref());
    }

    let (version, genesis, account, miner, brain, job, cumulative, expiry) = input.voucher;
    let voucher = Voucher {
        version,
        genesis: H256(genesis),
        account,
        miner: AccountId32::new(miner),
        brain,
        job,
        cumulative,
        expiry,
    };
    let (signature, spender) = signed(&voucher, input.kind);
    let good = SignedVoucher { voucher, signature };
    assert!(good.verify(&spender));
    let mut bytes = good.voucher.encode();
    let at = usize::from(input.at) % bytes.len();
    bytes[at] ^= input.change.max(1);
    let voucher = scale::<Voucher>(&bytes).expect("every byte of a voucher is free");
    let changed = SignedVoucher { voucher, ..good };
    assert!(!changed.verify(&spender), "a signature of another voucher");
});
