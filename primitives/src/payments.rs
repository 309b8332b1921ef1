//! Formats of vouchers and receipts (F.3).
//!
//! A client pays a miner by vouchers drawn on a spending account: each states the cumulative amount that the
//! miner may redeem, so that only the newest counts. A receipt is the miner's signed statement of what it did.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{ecdsa, ed25519, sr25519, H256};
use sp_runtime::{traits::Verify, AccountId32};

use crate::{
    eip712::{self, word},
    types::{Balance, BlockNumber, BrainId, ComputeKey, JobId, SpendingAccountId},
};

/// Version of both formats.
pub const PAYMENT_VERSION: u8 = 1;
const VOUCHER_CONTEXT: &[u8] = b"based/voucher/1";
const RECEIPT_CONTEXT: &[u8] = b"based/receipt/1";

/// Promise of a spending account to one miner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Voucher {
    /// [`PAYMENT_VERSION`].
    pub version: u8,
    /// Genesis hash of the chain on which it is redeemed.
    pub genesis: H256,
    /// Spending account it draws on.
    pub account: SpendingAccountId,
    /// Miner that may redeem it.
    pub miner: AccountId32,
    /// Brain for whose work it pays.
    pub brain: BrainId,
    /// Job that raised the amount.
    pub job: JobId,
    /// All that the miner may have redeemed from this account once this voucher is redeemed.
    pub cumulative: Balance,
    /// Last block in which it can be redeemed.
    pub expiry: BlockNumber,
}

/// Signature of a voucher by the spending account's spender.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum VoucherSignature {
    /// Over [`Voucher::signing_bytes`].
    Sr25519(sr25519::Signature),
    /// Over [`Voucher::signing_bytes`].
    Ed25519(ed25519::Signature),
    /// Over [`Voucher::eip712_hash`], as an Ethereum wallet signs typed data (r, s, v).
    Eip712(ecdsa::Signature),
}

/// A voucher with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct SignedVoucher {
    /// What is promised.
    pub voucher: Voucher,
    /// By whom.
    pub signature: VoucherSignature,
}

/// Statement of a miner about one job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Receipt {
    /// [`PAYMENT_VERSION`].
    pub version: u8,
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// Job.
    pub job: JobId,
    /// Brain.
    pub brain: BrainId,
    /// SHA-256 of the manifest that was run.
    pub task: H256,
    /// SHA-256 of the evaluation key.
    pub evaluation_key: H256,
    /// SHA-256 of the input ciphertext.
    pub input: H256,
    /// SHA-256 of the output ciphertext.
    pub output: H256,
    /// Merkle root of the trace of layers, if the miner commits to one.
    pub trace: Option<H256>,
    /// Price of the job.
    pub amount: Balance,
}

impl Voucher {
    /// What sr25519 and ed25519 spenders sign: a context string and the SCALE encoding.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = VOUCHER_CONTEXT.to_vec();
        self.encode_to(&mut bytes);
        bytes
    }

    /// Hash that an Ethereum wallet signs; see [`eip712`].
    pub fn eip712_hash(&self) -> [u8; 32] {
        let kind = b"Voucher(uint8 version,bytes32 genesis,uint64 account,bytes32 miner,uint16 brain,bytes32 job,uint128 cumulative,uint32 expiry)";
        let fields = [
            word(self.version.into()),
            self.genesis.0,
            word(self.account.into()),
            *self.miner.as_ref(),
            word(self.brain.into()),
            self.job,
            word(self.cumulative),
            word(self.expiry.into()),
        ];
        eip712::typed_hash(kind, &fields)
    }
}

impl SignedVoucher {
    /// Whether `spender` signed the voucher.
    pub fn verify(&self, spender: &AccountId32) -> bool {
        let key: &[u8; 32] = spender.as_ref();
        match &self.signature {
            VoucherSignature::Sr25519(signature) => signature.verify(
                &self.voucher.signing_bytes()[..],
                &sr25519::Public::from_raw(*key),
            ),
            VoucherSignature::Ed25519(signature) => signature.verify(
                &self.voucher.signing_bytes()[..],
                &ed25519::Public::from_raw(*key),
            ),
            VoucherSignature::Eip712(signature) => {
                let address = eip712::signer(&signature.0, &self.voucher.eip712_hash());
                address.is_some_and(|address| eip712::eth_account(address.0) == *spender)
            }
        }
    }
}

impl Receipt {
    /// What the miner's computekey signs: a context string and the SCALE encoding.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut bytes = RECEIPT_CONTEXT.to_vec();
        self.encode_to(&mut bytes);
        bytes
    }

    /// Whether `computekey` signed the receipt.
    pub fn verify(&self, signature: &[u8; 64], computekey: &ComputeKey) -> bool {
        ed25519::Signature::from_raw(*signature)
            .verify(&self.signing_bytes()[..], &ed25519::Public::from_raw(*computekey))
    }
}

#[cfg(test)]
mod tests;
