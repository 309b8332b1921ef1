//! Records of this pallet.

use alloc::vec::Vec;

use based_primitives::{
    constants::{MAX_PEERS, PPB},
    math::{mul_div, EpochScore, ONE_Q64, ONE_Q96},
    BlockNumber, Uid,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Bound of vectors with one entry a peer.
pub type MaxPeers = ConstU32<{ MAX_PEERS as u32 }>;
/// Values of a validator on peers, by strictly ascending uid.
pub type Edges = BoundedVec<(Uid, u16), MaxPeers>;

/// Bonds of one validator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BondRecord {
    /// Epoch that wrote them.
    pub written_at: BlockNumber,
    /// Bonds in miners.
    pub edges: Edges,
}

/// What an epoch found about one peer, in ppb.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
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

/// The last epoch of a Brain.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct EpochRecord {
    /// Its block: peers registered later are not the ones it speaks of.
    pub at: BlockNumber,
    /// Validators whose weights counted.
    pub active: u16,
    /// Share of validators' stake whose holders set weights within the cycle, in ppb.
    pub uptime: u64,
    /// Share of rank that reached consensus, in ppb.
    pub quality: u64,
    /// Chain loss in ppb: at or above 0, most rank misses consensus.
    pub loss: i64,
    /// Peers that are ranked, trusted or paid, by ascending uid.
    pub peers: BoundedVec<PeerScore, MaxPeers>,
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
