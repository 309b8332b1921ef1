//! Why a prompt was not answered, and what to do about it.

use based_primitives::{BrainId, SpendingAccountId};

use crate::{chain::ChainError, money, state::StateError, tls::ConnectError, wallet::format_account};
use based_primitives::Balance;

/// Failure of a session. None says anything that was decrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The client's own state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The model or the ciphertexts.
    #[error(transparent)]
    Model(#[from] zk_llm::Error),
    /// A file of the client's directory.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// There is no such Brain.
    #[error("there is no Brain {0}; see `based brain list`")]
    NoBrain(BrainId),
    /// The Brain takes no prompts.
    #[error("Brain {0} {1}; choose another: `based brain list`")]
    NotServing(BrainId, &'static str),
    /// The Brain's model runs in split mode and the caller asks in full mode.
    #[error("the model of Brain {0} runs in split mode, which this call does not ask; see `based ask`")]
    SplitMode(BrainId),
    /// Nobody serves the Brain.
    #[error("Brain {0} has no miners; choose another, or wait until one registers")]
    NoMiners(BrainId),
    /// The miner asked for is none of the Brain's.
    #[error("{} is no miner of Brain {brain}; see `based peers {brain}`", format_account(.0), brain = .1)]
    UnknownMiner(crate::chain::AccountId, BrainId),
    /// No miner could be used.
    #[error("no miner of Brain {brain} can take the job:\n{}", reasons.join("\n"))]
    NoUsableMiner {
        /// Brain.
        brain: BrainId,
        /// What each miner tried said or did.
        reasons: Vec<String>,
    },
    /// Nothing to pay with.
    #[error("there is no spending account to pay from; open one: `based spend open --deposit 1`")]
    NoAccount,
    /// Another session on this machine is paying the same miner from the account.
    #[error(
        "spending account {0} is paying this miner in another session of yours; wait until that has ended, or ask with \
         --miner for another miner or with --account for another account"
    )]
    AccountBusy(SpendingAccountId),
    /// The account named cannot pay.
    #[error("spending account {0} {1}")]
    UnusableAccount(SpendingAccountId, String),
    /// The account's unreserved balance is too small.
    #[error(
        "spending account {account} has {} left to reserve and the job costs {}; add to it: `based spend top-up {account} AMOUNT`",
        money::with_symbol(*left), money::with_symbol(*price)
    )]
    Insufficient {
        /// Account.
        account: SpendingAccountId,
        /// Unreserved part.
        left: Balance,
        /// Price of the job.
        price: Balance,
    },
    /// The miner cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The miner stopped answering before it was paid.
    #[error("the miner stopped answering ({0}); you were not charged; run again: the same bytes are resent")]
    MinerGone(String),
    /// The miner stopped answering after it was paid.
    #[error("the miner stopped answering ({cause}) after it was promised {}; run again: the same bytes are resent and nothing is paid twice", money::with_symbol(*promised))]
    OutputMissing {
        /// What happened.
        cause: String,
        /// Price of the job.
        promised: Balance,
    },
    /// The miner has not opened what was drawn of its trace.
    #[error("the miner has not opened what was drawn of its trace ({0}), and nothing was decrypted; run again: it is asked for the same, and nothing is paid twice. If it never does, do not trust its answers and choose another with --miner")]
    NotOpened(String),
    /// The miner refused.
    #[error("the miner refused: {0}")]
    Refused(String),
    /// The miner's statement is not what was asked for; nothing was paid.
    #[error("the miner's receipt is not for this job ({0}); you were not charged; choose another miner")]
    Receipt(&'static str),
    /// The output is not the one receipted.
    #[error("the miner's output is not the one that it receipted; choose another miner (the loss is one job's price)")]
    Output,
    /// Split mode: what the miner multiplied was found to be wrong.
    #[error("the miner's {0} are not what the model gives; choose another miner")]
    Products(&'static str),
    /// Full mode: the audit of a paid answer failed. It was not decrypted.
    #[error(
        "the answer is not to be trusted and was not decrypted: {0}; the price of this one job is spent; ask another \
         miner with --miner"
    )]
    Audit(String),
    /// An audit was asked for and the model runs in split mode, which has no traces.
    #[error(
        "the model of Brain {0} runs in split mode, whose answers cannot be audited; ask without --audit"
    )]
    NotAuditable(BrainId),
    /// Something the miner sent breaks the protocol.
    #[error("the miner sent what the protocol does not allow: {0}; choose another miner")]
    Protocol(String),
    /// The caller asked to stop.
    #[error("stopped as asked; no more was paid than what had begun")]
    Stopped,
    /// An internal task failed.
    #[error("internal failure: {0}")]
    Internal(String),
}

impl SessionError {
    /// Whether the job is kept, so that the same command goes on with it: the miner has it and may have been paid.
    pub(super) fn may_be_resumed(&self) -> bool {
        matches!(
            self,
            Self::OutputMissing { .. }
                | Self::Output
                | Self::NotOpened(_)
                | Self::Internal(_)
                | Self::State(_)
                | Self::Chain(_)
        )
    }

    /// What it means once the miner knows what was drawn of its trace: that it does not open that.
    pub(super) fn once_drawn(self) -> Self {
        match self {
            Self::MinerGone(cause) | Self::OutputMissing { cause, .. } => Self::NotOpened(cause),
            Self::Refused(why) => {
                Self::Audit(format!("once it knew what was drawn, the miner refused ({why})"))
            }
            Self::Receipt(what) => Self::Audit(format!(
                "once it knew what was drawn, the miner gave another receipt: {what}"
            )),
            Self::Protocol(what) => Self::Audit(format!(
                "once it knew what was drawn, the miner broke the protocol: {what}"
            )),
            other => other,
        }
    }

    /// Whether the same prompt may succeed by trying again as it is.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Chain(error) => error.is_transient(),
            Self::MinerGone(_) | Self::OutputMissing { .. } | Self::NotOpened(_) | Self::Connect(_) => true,
            _ => false,
        }
    }
}
