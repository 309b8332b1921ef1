//! Records of this pallet.

use alloc::vec::Vec;

use based_primitives::{
    constants::{MAX_COMMITS, MAX_CROSS_EDGES, MAX_PEERS, MAX_SCORERS, MAX_VALIDATORS, PPB},
    math::{mul_div, quantised, EpochRun, EpochScore, ONE_Q64, ONE_Q96},
    Balance, BlockNumber, BrainId, MaxPeers, Uid,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_core::H256;

/// Peers whose standings share one storage value.
pub const STANDINGS_PER_PAGE: u16 = 64;
/// Pages of standings of a full Brain.
pub const STANDINGS_PAGES: u16 = MAX_PEERS.div_ceil(STANDINGS_PER_PAGE);
/// Epochs whose public consensus is kept to recognise copies (F.1-2): those that could be seen before a commitment
/// whose reveal is due now, and some earlier ones.
pub const PUBLISHED_EPOCHS: u32 = 8;

/// TrustCredits of a Brain's validators, by ascending uid, in parts of 10^18.
pub type CreditsOf = BoundedVec<(Uid, u64), ConstU32<{ MAX_VALIDATORS as u32 }>>;
/// Edges to peers of other Brains, by strictly ascending Brain and uid.
pub type CrossEdges = BoundedVec<CrossEdge, ConstU32<MAX_CROSS_EDGES>>;
/// Scores that validators outside a Brain give it, in no order.
pub type ScorersOf<AccountId> = BoundedVec<Scorer<AccountId>, ConstU32<MAX_SCORERS>>;
/// Standings of successive uids.
pub type StandingsPage = BoundedVec<Standing, ConstU32<{ STANDINGS_PER_PAGE as u32 }>>;

macro_rules! record {
    ($item:item) => {
        #[derive(
            Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
        )]
        $item
    };
}

record! {
    /// A commitment to a row.
    #[derive(Copy)]
    pub struct Commit {
        /// Hash of the row: see [`based_primitives::weights_commitment`].
        pub hash: H256,
        /// Block in which it was made.
        pub at: BlockNumber,
        /// Positive weights that the row must have.
        pub min_weights: u16,
    }
}
record! {
    /// What a validator did.
    #[derive(Default)]
    pub struct ValidatorRecord {
        /// Commitments not revealed yet, oldest first.
        pub commits: BoundedVec<Commit, ConstU32<MAX_COMMITS>>,
        /// Block of the last commitment.
        pub committed_at: Option<BlockNumber>,
        /// Block of the last reveal.
        pub revealed_at: Option<BlockNumber>,
        /// Held for the part of the row beyond the free size.
        pub deposit: Balance,
    }
}
record! {
    /// An edge to a peer of another Brain.
    #[derive(Copy)]
    pub struct CrossEdge {
        /// The other Brain.
        pub brain: BrainId,
        /// Number of the peer there.
        pub uid: Uid,
        /// What the peer scored by this validator's probes, as a part of 65,535. It is meant in two ways: as such, the
        /// mean over the edges to one Brain being the score that the validator gives that Brain (F.2-2), and relative
        /// to the validator's other cross edges for its TrustCredits (C.5b). Above 0: one says that it failed.
        pub weight: u16,
    }
}
record! {
    /// Edges of a validator to peers of other Brains.
    pub struct CrossRow {
        /// Block in which they were set: they concern peers registered before.
        pub set_at: BlockNumber,
        /// The edges.
        pub edges: CrossEdges,
    }
}
record! {
    /// A validator outside a Brain, and its score of the Brain.
    pub struct Scorer<AccountId> {
        /// Its account: it has one voice, that of its last row, in however many Brains it validates.
        pub account: AccountId,
        /// Brain as whose validator it set its cross edges.
        pub home: BrainId,
        /// Mean weight of its edges to the scored Brain, as a part of 65,535.
        pub score: u16,
        /// Stake directed to it at home, then or at the scored Brain's last epoch.
        pub stake: Balance,
        /// Block in which it set the edges.
        pub set_at: BlockNumber,
    }
}
record! {
    /// How a peer stood in its Brain's last epoch.
    #[derive(Copy, Default)]
    pub struct Standing {
        /// What supporting it is worth, C times I, in parts of 10^18.
        pub worth: u64,
        /// Block of its registration.
        pub registered_at: BlockNumber,
    }
}
record! {
    /// What everybody could see after an epoch: parallel vectors by ascending uid, each scaled to at most 65,535.
    pub struct PublicConsensus {
        /// Block of the epoch.
        pub at: BlockNumber,
        /// Ranked peers.
        pub uids: BoundedVec<Uid, MaxPeers>,
        /// Ranks.
        pub ranks: BoundedVec<u16, MaxPeers>,
        /// Ranks times consensus.
        pub standings: BoundedVec<u16, MaxPeers>,
    }
}
record! {
    /// The epoch under way that rests until the next block.
    pub struct RestingEpoch {
        /// Its Brain.
        pub brain: BrainId,
        /// Uptime of the cycle, in ppb.
        pub uptime: u64,
        /// The rest.
        pub run: EpochRun,
    }
}
record! {
    /// What an epoch found about one peer, in ppb.
    #[derive(Copy)]
    pub struct PeerScore {
        /// Number within the Brain.
        pub uid: Uid,
        /// Stake-weighted weight on it, R.
        pub rank: u32,
        /// Share of active stake that trusts it, T.
        pub trust: u32,
        /// Sigmoid of its trust, C.
        pub consensus: u32,
        /// A miner's share of the miners' pool.
        pub incentive: u32,
        /// A validator's share of the validators' pool.
        pub dividend: u32,
    }
}
record! {
    /// The last epoch of a Brain.
    pub struct EpochRecord {
        /// Its block: peers registered later are not the ones it speaks of.
        pub at: BlockNumber,
        /// Validators whose weights counted.
        pub active: u16,
        /// Share of the stake with a reveal due in the cycle whose holders revealed, in ppb.
        pub uptime: u64,
        /// Share of rank that reached consensus, in ppb.
        pub quality: u64,
        /// Chain loss in ppb: at or above 0, most rank misses consensus.
        pub loss: i64,
        /// Peers that are ranked, trusted or paid, by ascending uid.
        pub peers: BoundedVec<PeerScore, MaxPeers>,
    }
}

/// Scores worth keeping, in ppb.
pub(crate) fn peer_scores(scores: &[EpochScore]) -> BoundedVec<PeerScore, MaxPeers> {
    let ppb =
        |value, one| mul_div(value, PPB.into(), one).map_or(0, |ppb| u32::try_from(ppb).unwrap_or(u32::MAX));
    let dividends = scores
        .iter()
        .fold(0u128, |sum, score| sum.saturating_add(score.dividend));
    let kept: Vec<PeerScore> = scores
        .iter()
        .map(|score| PeerScore {
            uid: score.uid,
            rank: ppb(score.rank, ONE_Q96),
            trust: ppb(score.trust, ONE_Q64),
            consensus: ppb(score.consensus, ONE_Q64),
            incentive: ppb(score.incentive, ONE_Q96),
            dividend: ppb(score.dividend, dividends),
        })
        .filter(|score| score.rank > 0 || score.trust > 0 || score.incentive > 0 || score.dividend > 0)
        .collect();
    BoundedVec::truncate_from(kept)
}

/// Ranks of an epoch as they are kept to recognise copies.
pub(crate) fn public_consensus(at: BlockNumber, scores: &[EpochScore]) -> PublicConsensus {
    let ranked = || scores.iter().filter(|score| score.rank > 0);
    let ranks = quantised(ranked().map(|score| (score.uid, score.rank)));
    let mut standings = quantised(ranked().map(|score| (score.uid, score.standing)))
        .into_iter()
        .peekable();
    let mut standing = |uid| {
        while standings.next_if(|(other, _)| *other < uid).is_some() {}
        standings
            .next_if(|(other, _)| *other == uid)
            .map_or(0, |(_, value)| value)
    };
    PublicConsensus {
        at,
        standings: BoundedVec::truncate_from(ranks.iter().map(|(uid, _)| standing(*uid)).collect()),
        uids: BoundedVec::truncate_from(ranks.iter().map(|(uid, _)| *uid).collect()),
        ranks: BoundedVec::truncate_from(ranks.into_iter().map(|(_, rank)| rank).collect()),
    }
}
