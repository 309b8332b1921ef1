//! What can go wrong between a program and its node.

use subxt::error::{
    BackendError, DispatchError, ExtrinsicError, RpcError, StorageError, TransactionEventsError,
};

use super::Estimate;

/// Failure of an operation on the chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The address is no WebSocket URL.
    #[error("{0:?} is not a node's address; give one such as ws://127.0.0.1:9944")]
    Url(String),
    /// Nothing answers there.
    #[error("cannot reach {url}; is based-node running? ({cause})")]
    Unreachable {
        /// URL of the node.
        url: String,
        /// What the system said.
        cause: String,
    },
    /// The node went away during an operation.
    #[error("lost the connection to {url}; is based-node still running? Try again once it is")]
    Lost {
        /// URL of the node.
        url: String,
    },
    /// The connection was lost after a transaction was sent.
    #[error("lost the connection to the node after the transaction {0} was sent; it may or may not be in the chain: look before sending it again")]
    Uncertain(String),
    /// The node's runtime differs from the one that this program knows.
    #[error("the node runs another version of the runtime than this program was built for; update the older of the two ({0})")]
    Incompatible(String),
    /// The node's answer cannot be read.
    #[error("the node's answer cannot be read: {0}")]
    Decode(String),
    /// A call that somebody wrote is none of this chain.
    #[error("the call cannot be understood: {0}; write it as Pallet.call {{ argument: value }}, for example Forecasts.set_feature_set {{ version: 2 }}, or as the bytes that a wallet shows, 0x…")]
    Call(String),
    /// The node refused a transaction.
    #[error("the node refused the transaction: {0}")]
    Refused(String),
    /// The transaction is in a block but had no effect other than its fee.
    #[error("the transaction failed: {pallet}.{name}{}{docs}", if docs.is_empty() { "" } else { ": " })]
    Dispatch {
        /// Pallet that refused.
        pallet: String,
        /// Name of the error.
        name: String,
        /// What the pallet says about it.
        docs: String,
    },
    /// The transaction left the pool without reaching a block.
    #[error("the transaction was dropped: {0}; send it again")]
    Dropped(String),
    /// Nothing was sent, as asked for by [`Chain::dry_run`](super::Chain::dry_run).
    #[error("nothing was sent: {0}")]
    NotSent(Box<Estimate>),
    /// No session keys were made, as asked for by [`Chain::dry_run`](super::Chain::dry_run).
    #[error("no keys were made and nothing was sent: without keys in the node's store nobody can tell whether registering them would succeed")]
    NoKeys,
    /// Any other failure.
    #[error("{0}")]
    Node(String),
}

impl ChainError {
    /// Whether the same operation may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Lost { .. } | Self::Dropped(_)
        )
    }

    /// Whether the chain refused with this pallet's error.
    pub fn is_dispatch(&self, pallet: &str, name: &str) -> bool {
        matches!(self, Self::Dispatch { pallet: p, name: n, .. } if p == pallet && n == name)
    }

    pub(super) fn cannot_pay() -> Self {
        Self::Refused("the account cannot pay the fee; its free balance is too low".into())
    }

    pub(super) fn from_subxt(url: &str, error: impl Into<subxt::Error>) -> Self {
        let error = error.into();
        if error.is_disconnected_will_reconnect() {
            return Self::Lost { url: url.to_owned() };
        }
        if let Some(words) = refusal(&error) {
            return match words.contains("Inability to pay") {
                true => Self::cannot_pay(),
                false => Self::Refused(words),
            };
        }
        let text = causes(&error);
        match error {
            subxt::Error::ExtrinsicError(
                ExtrinsicError::PalletNameNotFound(_)
                | ExtrinsicError::CallNameNotFound { .. }
                | ExtrinsicError::EncodeError(_),
            )
            | subxt::Error::StorageError(
                StorageError::PalletNameNotFound(_)
                | StorageError::StorageEntryNotFound { .. }
                | StorageError::StorageInfoError(_),
            )
            | subxt::Error::StorageValueError(_)
            | subxt::Error::StorageKeyError(_) => Self::Incompatible(text),
            _ => Self::Node(text),
        }
    }

    pub(super) fn from_events(url: &str, error: TransactionEventsError) -> Self {
        match error {
            TransactionEventsError::ExtrinsicFailed(error) => Self::from_dispatch(&error),
            other => Self::from_subxt(url, other),
        }
    }

    pub(super) fn from_dispatch(error: &DispatchError) -> Self {
        if let DispatchError::Module(module) = error {
            if let Ok(details) = module.details() {
                return Self::Dispatch {
                    pallet: details.pallet.name().to_owned(),
                    name: details.variant.name.clone(),
                    docs: details.variant.docs.join(" ").trim().to_owned(),
                };
            }
        }
        let (name, docs) = match error {
            DispatchError::Arithmetic(_) | DispatchError::Token(_) => {
                ("Balance", format!("{error} Is the balance large enough?"))
            }
            _ => ("Dispatch", error.to_string()),
        };
        Self::Dispatch {
            pallet: "System".into(),
            name: name.into(),
            docs,
        }
    }
}

/// What the node's pool said when it refused a transaction.
fn refusal(error: &subxt::Error) -> Option<String> {
    let subxt::Error::ExtrinsicError(ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(
        RpcError::ClientError(subxt::rpcs::Error::User(user)),
    ))) = error
    else {
        return None;
    };
    let details = user
        .data
        .as_ref()
        .map(|data| data.get().trim_matches('"').to_owned());
    Some(details.unwrap_or_else(|| user.message.clone()))
}

/// An error with its causes, in one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}
