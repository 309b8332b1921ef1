//! What a session is told, tells and gives.

use std::{path::PathBuf, time::Duration};

use based_primitives::{Balance, JobId, SpendingAccountId};
use sp_core::H256;
use zk_llm::{Logits, Prompt};

use super::{route::Choice, SessionError};
use crate::{chain::AccountId, files};

/// How a session finds its miner and pays.
#[derive(Debug, Clone)]
pub struct Options {
    /// Spending account to pay from; else the one with most room that the signer may spend from.
    pub account: Option<SpendingAccountId>,
    /// Miner to use; else one is drawn at random, so that the choice says nothing about the prompt.
    pub miner: Option<AccountId>,
    /// Order of miners by the prompt's topic; a miner that is named goes before.
    pub choice: Option<Choice>,
    /// Deposit with which a spending account is opened if there is none.
    pub deposit: Option<Balance>,
    /// Bootstraps that are computed again of each answer of full mode; 0 asks for no trace, at half the price.
    pub audit: u32,
    /// Directory of the client's state and of models' public files.
    pub home: PathBuf,
}

impl Options {
    /// Default choices, with the user's own directory.
    ///
    /// # Errors
    /// [`SessionError::File`] if there is no home.
    pub fn of_user() -> Result<Self, SessionError> {
        Ok(Self {
            account: None,
            miner: None,
            choice: None,
            deposit: None,
            audit: 0,
            home: files::home()?,
        })
    }
}

/// What a session does, for people who wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A spending account is opened.
    OpeningAccount {
        /// $BASED put into it.
        deposit: Balance,
    },
    /// Part of a spending account is reserved for the miner.
    Reserving {
        /// Account.
        account: SpendingAccountId,
        /// Amount.
        amount: Balance,
    },
    /// Secret and evaluation key are made.
    GeneratingKey,
    /// An unfinished job for the same text goes on.
    Resuming {
        /// Job.
        job: JobId,
    },
    /// The evaluation key is uploaded.
    UploadingKey {
        /// Bytes sent.
        sent: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The job waits.
    Queued {
        /// Jobs before it.
        position: u32,
    },
    /// The miner evaluates.
    Progress {
        /// Table lookups done.
        done: u64,
        /// Table lookups in all.
        total: u64,
        /// Layer that runs.
        layer: String,
    },
    /// Split mode: masks and hints are made for the positions to come.
    Preparing {
        /// Linear layers done.
        done: u64,
        /// Linear layers in all.
        total: u64,
    },
    /// Split mode: positions go through the model, one round trip a linear layer.
    Passing {
        /// Round trips done in this pass.
        done: u64,
        /// Round trips of the pass.
        total: u64,
        /// Positions of the pass.
        positions: u32,
    },
    /// Split mode: the positions that come next are paid.
    PayingSet {
        /// Their price.
        amount: Balance,
        /// Positions of the job that are paid then.
        positions: u32,
    },
    /// Split mode: text that was generated.
    Text {
        /// The text, after what came before.
        text: String,
        /// Tokens generated so far.
        tokens: u32,
    },
    /// The receipt is good; the miner is paid.
    Paying {
        /// Price of the job.
        amount: Balance,
    },
    /// The answer is paid and is audited.
    Auditing {
        /// Bootstraps that are computed again.
        bootstraps: u32,
    },
    /// The connection broke and is made again.
    Reconnecting {
        /// What happened.
        cause: String,
    },
}

/// An audit that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// Bootstraps that were computed again.
    pub bootstraps: u32,
    /// All that the answer took.
    pub of: u64,
    /// Root of the trace to which the receipt commits.
    pub root: H256,
}

/// A decrypted answer and what it took.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Label of the highest logit.
    pub answer: String,
    /// Probability of each label, in the model's order.
    pub probabilities: Vec<(String, f64)>,
    /// Decrypted integers.
    pub logits: Logits,
    /// The quantised input, for audits on this machine.
    pub prompt: Prompt,
    /// SHA-256 of the model's manifest.
    pub task: H256,
    /// Programmable bootstraps of one prompt by the manifest.
    pub tables: u64,
    /// Bootstraps before pruning by the manifest.
    pub tables_unsqueezed: u64,
    /// From the submission to the output.
    pub elapsed: Duration,
    /// Bytes of the encrypted prompt.
    pub ciphertext_up_bytes: u64,
    /// Bytes of the encrypted answer.
    pub ciphertext_down_bytes: u64,
    /// Bytes of the evaluation key.
    pub evaluation_key_bytes: u64,
    /// Promised to the miner.
    pub fee_paid: Balance,
    /// Job.
    pub job: JobId,
    /// Who answered.
    pub miner: AccountId,
    /// Spending account that pays.
    pub account: SpendingAccountId,
    /// SHA-256 of the receipt's encoding.
    pub receipt_hash: H256,
    /// The audit; none if the job was submitted without.
    pub audit: Option<Audited>,
}
