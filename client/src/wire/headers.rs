//! What a spender signs when it uploads a key or submits a job.
//!
//! Each has its own context string, so that no signature passes for another kind.

use based_primitives::{payments::VoucherSignature, Balance, BlockNumber, BrainId, JobId, SpendingAccountId};
use codec::{DecodeAll, Encode};
use sha2::{Digest, Sha256};
use sp_core::{ed25519, sr25519, H256};
use sp_runtime::{traits::Verify, AccountId32};

use super::{
    chunks::{fixed, ChunkError},
    proto::{JobHeader, KeyHeader},
};

const KEY_CONTEXT: &[u8] = b"based/key/1";
const JOB_CONTEXT: &[u8] = b"based/job/1";

/// Why a header was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A field has a wrong length.
    #[error(transparent)]
    Field(#[from] ChunkError),
    /// A number is out of its range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// The signature is not a SCALE `VoucherSignature`.
    #[error("the signature cannot be read")]
    Encoding,
    /// The spender of the account did not sign this.
    #[error("the spender of the spending account did not sign this; sign with the account's spender")]
    Signature,
}

impl From<HeaderError> for tonic::Status {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Signature => Self::unauthenticated(error.to_string()),
            HeaderError::Field(_) | HeaderError::Range(_) | HeaderError::Encoding => {
                Self::invalid_argument(error.to_string())
            }
        }
    }
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> H256 {
    H256(Sha256::digest(bytes).into())
}

/// Whether `spender` signed `bytes`, with sr25519 or ed25519.
fn verify(signature: &VoucherSignature, bytes: &[u8], spender: &AccountId32) -> bool {
    let key: [u8; 32] = *spender.as_ref();
    match signature {
        VoucherSignature::Sr25519(signature) => signature.verify(bytes, &sr25519::Public::from_raw(key)),
        VoucherSignature::Ed25519(signature) => signature.verify(bytes, &ed25519::Public::from_raw(key)),
        // Ethereum wallets sign vouchers as typed data; uploads are signed by the session's own key.
        VoucherSignature::Eip712(_) => false,
    }
}

fn read_signature(bytes: &[u8]) -> Result<VoucherSignature, HeaderError> {
    VoucherSignature::decode_all(&mut &bytes[..]).map_err(|_| HeaderError::Encoding)
}

/// Terms of an evaluation key's upload, parsed from a [`KeyHeader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// Spending account with a reservation for the miner.
    pub account: SpendingAccountId,
    /// Brain.
    pub brain: BrainId,
    /// SHA-256 of the key.
    pub sha256: H256,
    /// Size of the key in bytes.
    pub size: u64,
    /// Last block in which the header is valid.
    pub expiry: BlockNumber,
}

impl KeyTerms {
    /// What the spender signs.
    pub fn signing_bytes(&self, genesis: &H256, miner: &AccountId32) -> Vec<u8> {
        let mut bytes = KEY_CONTEXT.to_vec();
        (
            genesis,
            self.account,
            self.brain,
            miner,
            self.sha256,
            self.size,
            self.expiry,
        )
            .encode_to(&mut bytes);
        bytes
    }

    /// The signed header.
    pub fn header(&self, signature: &VoucherSignature) -> KeyHeader {
        KeyHeader {
            spending_account: self.account,
            brain: self.brain.into(),
            sha256: self.sha256.0.to_vec(),
            size: self.size,
            expiry: self.expiry,
            signature: signature.encode(),
        }
    }

    /// Parses a header, without judging its signature.
    ///
    /// # Errors
    /// [`HeaderError`] naming the malformed field.
    pub fn parse(header: &KeyHeader) -> Result<(Self, VoucherSignature), HeaderError> {
        let terms = Self {
            account: header.spending_account,
            brain: header.brain.try_into().map_err(|_| HeaderError::Range("brain"))?,
            sha256: H256(fixed("sha256", &header.sha256)?),
            size: header.size,
            expiry: header.expiry,
        };
        Ok((terms, read_signature(&header.signature)?))
    }

    /// Checks that `spender` signed these terms for `miner`.
    ///
    /// # Errors
    /// [`HeaderError::Signature`] otherwise.
    pub fn verify(
        &self,
        signature: &VoucherSignature,
        genesis: &H256,
        miner: &AccountId32,
        spender: &AccountId32,
    ) -> Result<(), HeaderError> {
        let good = verify(signature, &self.signing_bytes(genesis, miner), spender);
        good.then_some(()).ok_or(HeaderError::Signature)
    }
}

/// Terms of a job, parsed from a [`JobHeader`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobTerms {
    /// Identifier drawn by the client.
    pub job: JobId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// Brain.
    pub brain: BrainId,
    /// SHA-256 of the manifest to run.
    pub task: H256,
    /// SHA-256 of the evaluation key.
    pub evaluation_key: H256,
    /// SHA-256 of the input ciphertext.
    pub input: H256,
    /// Size of the input ciphertext in bytes.
    pub size: u64,
    /// Most that the client pays.
    pub max_price: Balance,
    /// Whether the receipt has to commit to a trace that can be audited; full mode only.
    pub traced: bool,
}

impl JobTerms {
    /// What the spender signs.
    pub fn signing_bytes(&self, genesis: &H256, miner: &AccountId32) -> Vec<u8> {
        let mut bytes = JOB_CONTEXT.to_vec();
        (
            (genesis, self.job, self.account, self.brain, miner),
            (
                self.task,
                self.evaluation_key,
                self.input,
                self.size,
                self.max_price,
            ),
        )
            .encode_to(&mut bytes);
        // Nothing where it is not, as before there were traces; all before it has a fixed length.
        if self.traced {
            true.encode_to(&mut bytes);
        }
        bytes
    }

    /// The signed header.
    pub fn header(&self, signature: &VoucherSignature) -> JobHeader {
        JobHeader {
            job: self.job.to_vec(),
            spending_account: self.account,
            brain: self.brain.into(),
            task: self.task.0.to_vec(),
            evaluation_key: self.evaluation_key.0.to_vec(),
            input: self.input.0.to_vec(),
            size: self.size,
            max_price: self.max_price.to_le_bytes().to_vec(),
            signature: signature.encode(),
            traced: self.traced,
        }
    }

    /// Parses a header, without judging its signature.
    ///
    /// # Errors
    /// [`HeaderError`] naming the malformed field.
    pub fn parse(header: &JobHeader) -> Result<(Self, VoucherSignature), HeaderError> {
        let terms = Self {
            job: fixed("job", &header.job)?,
            account: header.spending_account,
            brain: header.brain.try_into().map_err(|_| HeaderError::Range("brain"))?,
            task: H256(fixed("task", &header.task)?),
            evaluation_key: H256(fixed("evaluation_key", &header.evaluation_key)?),
            input: H256(fixed("input", &header.input)?),
            size: header.size,
            max_price: Balance::from_le_bytes(fixed("max_price", &header.max_price)?),
            traced: header.traced,
        };
        Ok((terms, read_signature(&header.signature)?))
    }

    /// Checks that `spender` signed these terms for `miner`.
    ///
    /// # Errors
    /// [`HeaderError::Signature`] otherwise.
    pub fn verify(
        &self,
        signature: &VoucherSignature,
        genesis: &H256,
        miner: &AccountId32,
        spender: &AccountId32,
    ) -> Result<(), HeaderError> {
        let good = verify(signature, &self.signing_bytes(genesis, miner), spender);
        good.then_some(()).ok_or(HeaderError::Signature)
    }
}
