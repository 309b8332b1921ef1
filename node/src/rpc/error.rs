//! Why a `based` method has no answer; every message says what to do.

use based_primitives::{views::QuoteError, BrainId};
use based_runtime::Hash;
use jsonrpsee::types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned};
use sp_api::ApiError;

/// Codes of the errors beside those of JSON-RPC itself. Clients depend on them.
#[derive(Clone, Copy)]
pub enum Code {
    /// The node has no such block.
    UnknownBlock = 12_001,
    /// The node no longer has the state of that block.
    PrunedState = 12_002,
    /// The runtime of that block lacks the function.
    OldRuntime = 12_003,
    /// There is no such Brain.
    UnknownBrain = 12_004,
    /// The Brain has no prices.
    NoPrices = 12_005,
    /// The prompt exceeds the Brain's context.
    ContextExceeded = 12_006,
    /// The runtime failed to answer.
    RuntimeFailed = 12_007,
}

fn error(code: Code, message: String) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(code as i32, message, None::<()>)
}

/// A parameter is of the right type but has no valid value.
pub fn invalid(message: String) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS_CODE, message, None::<()>)
}

/// The block asked at is not there.
pub fn unknown_block(at: Hash) -> ErrorObjectOwned {
    error(
        Code::UnknownBlock,
        format!("this node has no block {at:?}; give the hash of a block of this chain, or leave it out for the best block"),
    )
}

/// The runtime of the block knows no such question.
pub fn old_runtime(at: Hash) -> ErrorObjectOwned {
    error(
        Code::OldRuntime,
        format!("the runtime of block {at:?} does not answer this method; ask at a later block"),
    )
}

/// No Brain has the number.
pub fn unknown_brain(brain: BrainId) -> ErrorObjectOwned {
    error(
        Code::UnknownBrain,
        format!("there is no Brain {brain}; based_brains lists those that exist"),
    )
}

/// The runtime did not answer.
pub fn failed(at: Hash, reason: ApiError) -> ErrorObjectOwned {
    if let ApiError::UnknownBlock(_) = reason {
        error(
            Code::PrunedState,
            format!("this node has dropped the state of block {at:?}; ask at a recent block, or a node with --state-pruning archive"),
        )
    } else {
        error(
            Code::RuntimeFailed,
            format!("the runtime of block {at:?} failed: {reason}; this is a fault of the node, whose log tells more"),
        )
    }
}

/// A Brain has no price for a prompt.
pub fn no_quote(brain: BrainId, reason: QuoteError) -> ErrorObjectOwned {
    match reason {
        QuoteError::UnknownBrain => unknown_brain(brain),
        QuoteError::NoPrices => error(
            Code::NoPrices,
            format!("the owner of Brain {brain} has set no prices; choose a Brain that has some"),
        ),
        QuoteError::ContextExceeded { context } => error(
            Code::ContextExceeded,
            format!("an operation on Brain {brain} takes at most {context} units, prompt and completion together; ask for fewer"),
        ),
        QuoteError::Overflow => invalid(format!(
            "the price on Brain {brain} exceeds every amount; ask for fewer units"
        )),
    }
}
