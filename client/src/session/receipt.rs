//! What a client checks before it pays.

use based_primitives::{
    payments::{Receipt, PAYMENT_VERSION},
    Balance, BrainId, ComputeKey, JobId,
};
use codec::DecodeAll;
use sp_core::H256;

use super::SessionError;
use crate::wire::{fixed, proto::SignedReceipt};

/// What a receipt must say.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Genesis hash of the chain.
    pub genesis: H256,
    /// Job.
    pub job: JobId,
    /// Brain.
    pub brain: BrainId,
    /// SHA-256 of the manifest.
    pub task: H256,
    /// SHA-256 of the evaluation key.
    pub evaluation_key: H256,
    /// SHA-256 of the input ciphertext.
    pub input: H256,
    /// Most that may be charged.
    pub max_price: Balance,
    /// Whether it has to commit to a trace.
    pub traced: bool,
    /// Key that the registry names for the miner.
    pub computekey: ComputeKey,
}

impl Expected {
    /// Checks a receipt, by public data alone.
    ///
    /// # Errors
    /// [`SessionError::Receipt`] naming the first thing that differs.
    pub fn check(&self, signed: &SignedReceipt) -> Result<Receipt, SessionError> {
        let fail = |what| Err(SessionError::Receipt(what));
        let Ok(receipt) = Receipt::decode_all(&mut &signed.receipt[..]) else {
            return fail("it cannot be read");
        };
        let Ok(signature) = fixed::<64>("signature", &signed.signature) else {
            return fail("its signature has a wrong length");
        };
        if !receipt.verify(&signature, &self.computekey) {
            return fail("its signature is not by the registered computekey");
        }
        if receipt.version != PAYMENT_VERSION {
            return fail("its version is unknown");
        }
        if receipt.genesis != self.genesis {
            return fail("it names another chain");
        }
        if receipt.job != self.job || receipt.brain != self.brain {
            return fail("it names another job or Brain");
        }
        if receipt.task != self.task {
            return fail("it names another model");
        }
        if receipt.evaluation_key != self.evaluation_key {
            return fail("it names another evaluation key");
        }
        if receipt.input != self.input {
            return fail("it names another input");
        }
        if receipt.amount > self.max_price {
            return fail("it charges more than was agreed");
        }
        if receipt.trace.is_some() != self.traced {
            return fail("its trace is not as agreed");
        }
        Ok(receipt)
    }
}
