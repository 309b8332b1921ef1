//! Records of the pallet.

use based_primitives::{
    constants::{
        GIGA_BRAIN_CYCLES, GIGA_BRAIN_DIVISOR, MAX_BRAINS, MAX_BRAIN_PROPOSALS, MAX_ENFORCER_PROPOSALS,
        MAX_LABS_PROPOSALS,
    },
    governance::BrainVotes,
    Balance, BlockNumber, BrainId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    traits::{Bounded, ConstU32, OriginTrait},
    BoundedVec,
};
use scale_info::TypeInfo;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        $item
    };
}

/// Number of a proposal.
pub type ProposalId = u32;
/// Brains by ascending number.
pub type BrainList = BoundedVec<BrainId, ConstU32<{ MAX_BRAINS as u32 }>>;
/// Calls of the runtime.
pub type RuntimeCallOf<T> = <T as frame_system::Config>::RuntimeCall;
/// A call, or its hash and length.
pub type BoundedCallOf<T> = Bounded<RuntimeCallOf<T>, <T as frame_system::Config>::Hashing>;
/// Callers of the runtime.
pub type PalletsOriginOf<T> = <<T as frame_system::Config>::RuntimeOrigin as OriginTrait>::PalletsOrigin;
/// A proposal as stored.
pub type ProposalOf<T> = Proposal<<T as frame_system::Config>::AccountId, BoundedCallOf<T>>;

record! {
    /// For whom an account proposes.
    #[derive(Copy)]
    pub enum Proposer {
        /// Based Labs, in the first year.
        Labs,
        /// A GigaBrain.
        GigaBrain(BrainId),
        /// The TFT Enforcer (R124).
        Enforcer,
    }
}

impl Proposer {
    /// Whether both are of one kind.
    pub fn is_like(&self, other: &Self) -> bool {
        core::mem::discriminant(self) == core::mem::discriminant(other)
    }

    /// Proposals of this kind of proposer that may be open at once.
    pub fn quota(&self) -> u32 {
        match self {
            Self::Labs => MAX_LABS_PROPOSALS,
            Self::GigaBrain(_) => MAX_BRAIN_PROPOSALS,
            Self::Enforcer => MAX_ENFORCER_PROPOSALS,
        }
    }
}

record! {
    /// What a proposal may do, and so how long it takes.
    #[derive(Copy)]
    pub enum Track {
        /// Anything: it runs as root.
        Root,
        /// Change parameters: it runs with [`crate::Origin::Parameters`].
        Parameters,
    }
}

record! {
    /// Blocks that the steps of a track take.
    #[derive(Copy)]
    pub struct TrackTimes {
        /// One round of voting.
        pub voting: BlockNumber,
        /// From the close to the enactment.
        pub enactment: BlockNumber,
    }
}

impl TrackTimes {
    /// Blocks that pass at least from the announcement to the enactment.
    pub fn notice(&self) -> BlockNumber {
        self.voting.saturating_add(self.enactment)
    }
}

record! {
    /// Stake of a Brain and of the network at one time.
    #[derive(Copy)]
    pub struct Sample {
        /// Of the Brain.
        pub stake: Balance,
        /// Of the network.
        pub total: Balance,
    }
}

record! {
    /// The newest samples of a Brain, oldest first.
    #[derive(Default)]
    pub struct StakeHistory {
        /// One a cycle.
        pub samples: BoundedVec<Sample, ConstU32<GIGA_BRAIN_CYCLES>>,
    }
}

impl StakeHistory {
    /// Adds the newest sample and forgets the oldest of more than eight.
    pub fn push(&mut self, sample: Sample) {
        if self.samples.is_full() {
            self.samples.remove(0);
        }
        // There is room now.
        let _ = self.samples.try_push(sample);
    }

    /// Whether the average over a full history reaches half a percent of the network's (R154, F.2-3).
    pub fn is_giga(&self) -> bool {
        let sum = |part: fn(&Sample) -> Balance| {
            self.samples
                .iter()
                .fold(0, |sum: Balance, sample| sum.saturating_add(part(sample)))
        };
        let stake = sum(|sample| sample.stake);
        // stake * 200 >= total, without a product.
        self.samples.is_full()
            && stake > 0
            && stake >= sum(|sample| sample.total).div_ceil(GIGA_BRAIN_DIVISOR)
    }
}

record! {
    /// One Brain's place in an electorate.
    #[derive(Copy)]
    pub struct Seat {
        /// Brain.
        pub brain: BrainId,
        /// Its vote, if cast: for (true) or against (false).
        pub aye: Option<bool>,
    }
}

record! {
    /// Pepecoin of an account on one side of a proposal.
    #[derive(Copy)]
    pub struct Ballot {
        /// Proposal.
        pub proposal: ProposalId,
        /// For (true) or against (false).
        pub aye: bool,
        /// Units of Pepecoin.
        pub amount: Balance,
    }
}

record! {
    /// An open proposal.
    pub struct Proposal<AccountId, Call> {
        /// Account that proposed it and whose deposit is held.
        pub account: AccountId,
        /// For whom.
        pub proposer: Proposer,
        /// What it may do.
        pub track: Track,
        /// What it does.
        pub call: Call,
        /// Deposit.
        pub deposit: Balance,
        /// Block in which it was announced.
        pub announced_at: BlockNumber,
        /// Last block of voting.
        pub ends_at: BlockNumber,
        /// Whether it passes unless voted down (R157).
        pub by_default: bool,
        /// Whether Pepecoin sent it back: this is the second round.
        pub sent_back: bool,
        /// Brains in the electorate.
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
}

impl<AccountId, Call> Proposal<AccountId, Call> {
    /// What GigaBrains say of it.
    pub fn votes(&self) -> BrainVotes {
        BrainVotes {
            by_default: self.by_default,
            eligible: self.eligible,
            ayes: self.ayes,
            nays: self.nays,
        }
    }

    /// Whether owners of Pepecoin send it back, which they do once (B.21).
    pub fn is_sent_back(&self) -> bool {
        !self.sent_back && self.pepecoin_nays > self.pepecoin_ayes
    }
}

record! {
    /// GigaBrains that want the brake pulled.
    #[derive(Default)]
    pub struct BrakeCall {
        /// Block of the first of their calls.
        pub since: BlockNumber,
        /// They, ascending.
        pub brains: BrainList,
    }
}
