//! Proposals, votes and GigaBrains, as a [`View`] reads them.

// What is derived inside a macro looks unused to the compiler.
#![allow(unused_imports)]

use based_primitives::{governance::BrainVotes, Balance, BlockNumber, BrainId};
use sp_core::{Blake2Hasher, Hasher};
use subxt::{
    events::DecodeAsEvent,
    ext::{scale_decode::DecodeAsType, scale_encode::EncodeAsType},
    utils::Static,
};

use super::{AccountId, ChainError, View};

/// Longest call that a proposal carries itself; others are stored first and named by their hash.
const INLINE_BYTES: usize = 128;

/// For whom a proposal is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DecodeAsType, EncodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum Proposer {
    /// Based Labs, in the first year.
    Labs,
    /// A GigaBrain.
    GigaBrain(BrainId),
    /// The TFT Enforcer.
    Enforcer,
}

/// What a proposal may do, and so how long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DecodeAsType, EncodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum Track {
    /// Anything.
    Root,
    /// Change parameters.
    Parameters,
}

/// A proposed call.
#[derive(Debug, Clone, PartialEq, Eq, DecodeAsType, EncodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
#[encode_as_type(crate_path = "subxt::ext::scale_encode")]
pub enum ProposedCall {
    /// The call itself, encoded.
    Inline(Vec<u8>),
    /// Hash and length of one that is stored as a preimage.
    Lookup {
        /// Blake2-256 of the encoded call.
        hash: [u8; 32],
        /// Bytes of the encoded call.
        len: u32,
    },
}

impl ProposedCall {
    /// How an encoded call is proposed; `true` if it must be stored first.
    pub fn new(bytes: &[u8]) -> (Self, bool) {
        if bytes.len() <= INLINE_BYTES {
            return (Self::Inline(bytes.to_vec()), false);
        }
        let hash = Blake2Hasher::hash(bytes).0;
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        (Self::Lookup { hash, len }, true)
    }
}

/// An open proposal.
#[derive(Debug, Clone, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Proposal {
    /// Account that proposed it.
    pub account: Static<AccountId>,
    /// For whom.
    pub proposer: Proposer,
    /// What it may do.
    pub track: Track,
    /// What it does.
    pub call: ProposedCall,
    /// Deposit.
    pub deposit: Balance,
    /// Block in which it was announced.
    pub announced_at: BlockNumber,
    /// Last block of voting.
    pub ends_at: BlockNumber,
    /// Whether it passes unless voted down.
    pub by_default: bool,
    /// Whether Pepecoin sent it back: this is the second round.
    pub sent_back: bool,
    /// Brains that may vote.
    pub eligible: u32,
    /// Brains for it.
    pub ayes: u32,
    /// Brains against it.
    pub nays: u32,
    /// Pepecoin for it.
    pub pepecoin_ayes: Balance,
    /// Pepecoin against it.
    pub pepecoin_nays: Balance,
}

impl Proposal {
    /// What GigaBrains say of it.
    pub fn votes(&self) -> BrainVotes {
        BrainVotes {
            by_default: self.by_default,
            eligible: self.eligible,
            ayes: self.ayes,
            nays: self.nays,
        }
    }

    /// Whether Pepecoin would send it back if it passed.
    pub fn is_sent_back(&self) -> bool {
        !self.sent_back && self.pepecoin_nays > self.pepecoin_ayes
    }
}

/// One Brain among those that may vote on a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Seat {
    /// Brain.
    pub brain: BrainId,
    /// Its vote, if cast.
    pub aye: Option<bool>,
}

/// Pepecoin of an account on one side of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct Ballot {
    /// Proposal.
    pub proposal: u32,
    /// For (true) or against (false).
    pub aye: bool,
    /// Units of Pepecoin.
    pub amount: Balance,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, DecodeAsType)]
            #[decode_as_type(crate_path = "subxt::ext::scale_decode")]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)*
            }

            impl DecodeAsEvent for $name {
                fn is_event(pallet: &str, event: &str) -> bool {
                    pallet == "Governance" && event == stringify!($name)
                }
            }
        )*
    };
}

events! {
    /// A proposal is open.
    Proposed {
        /// Its number.
        id: u32,
        /// Last block of voting.
        ends_at: BlockNumber,
    }
    /// A proposal passed.
    Passed {
        /// Block in which it runs.
        enacted_at: BlockNumber,
    }
    /// Pepecoin sent a proposal back to GigaBrains.
    SentBack {
        /// Last block of the second round of voting.
        ends_at: BlockNumber,
    }
    /// A proposal did not pass.
    Rejected {
        /// What of its deposit went to the treasury.
        forfeited: Balance,
    }
    /// A GigaBrain calls for the brake.
    BrakeCalled {
        /// GigaBrains that do.
        calls: u32,
        /// All that may.
        eligible: u32,
    }
}

impl View {
    /// GigaBrains, ascending.
    ///
    /// # Errors
    /// [`ChainError`] if the node does not answer or cannot be understood; so for every reader below.
    pub async fn giga_brains(&self) -> Result<Vec<BrainId>, ChainError> {
        Ok(self
            .map("Governance", "GigaBrains", ())
            .await?
            .unwrap_or_default())
    }

    /// Open proposals with their numbers, ascending.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposals(&self) -> Result<Vec<(u32, Proposal)>, ChainError> {
        let mut all: Vec<((u32,), Proposal)> = self.walk("Governance", "Proposals", ()).await?;
        all.sort_by_key(|((id,), _)| *id);
        Ok(all.into_iter().map(|((id,), proposal)| (id, proposal)).collect())
    }

    /// One open proposal.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposal(&self, id: u32) -> Result<Option<Proposal>, ChainError> {
        self.map("Governance", "Proposals", (id,)).await
    }

    /// Brains that may vote on an open proposal, ascending, and how they did.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn electorate(&self, id: u32) -> Result<Vec<Seat>, ChainError> {
        let seats = self.map("Governance", "Electorates", (id,)).await?;
        Ok(seats.unwrap_or_default())
    }

    /// Ballots of an account, those on closed proposals that still freeze Pepecoin included.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn ballots(&self, account: &AccountId) -> Result<Vec<Ballot>, ChainError> {
        let account: [u8; 32] = *account.as_ref();
        let ballots = self.map("Governance", "Ballots", (account,)).await?;
        Ok(ballots.unwrap_or_default())
    }

    /// Bytes of a proposed call, if the chain has them: a long one only once it is stored.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proposed_bytes(&self, call: &ProposedCall) -> Result<Option<Vec<u8>>, ChainError> {
        match call {
            ProposedCall::Inline(bytes) => Ok(Some(bytes.clone())),
            ProposedCall::Lookup { hash, len } => self.map("Preimage", "PreimageFor", ((*hash, *len),)).await,
        }
    }
}
