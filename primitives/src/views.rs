//! Records with which the runtime answers clients: gathered from several pallets, never stored.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

use crate::types::{Balance, BlockNumber, BrainId, PeerInfo, Uid};

macro_rules! view {
    ($item:item) => {
        #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
        $item
    };
}

view! {
    /// What the last epoch of a Brain found about a peer, in ppb (C.3, C.5).
    #[derive(Copy, Default)]
    pub struct PeerScores {
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
        /// A validator's TrustCredits (R127).
        pub trust_credits: u32,
    }
}
view! {
    /// A peer with its stake and scores.
    pub struct MetagraphPeer<AccountId> {
        /// The peer as it registered.
        pub peer: PeerInfo<AccountId>,
        /// $BASED staked to it, its own included; 0 for miners.
        pub stake: Balance,
        /// Scores of the last epoch; zeros for a peer that came after it.
        pub scores: PeerScores,
    }
}
view! {
    /// Peers of a Brain by ascending uid: all of them, or a page.
    pub struct Metagraph<AccountId> {
        /// Block of the epoch from which the scores are.
        pub epoch_at: Option<BlockNumber>,
        /// The peers.
        pub peers: Vec<MetagraphPeer<AccountId>>,
        /// Lowest uid of the next page, if there is one.
        pub next: Option<Uid>,
    }
}
view! {
    /// Where emission stands (R074, C.7).
    pub struct EmissionInfo {
        /// Reward of this block.
        pub block_reward: Balance,
        /// Block from which the reward is another.
        pub next_halving: BlockNumber,
        /// Block rewards minted so far.
        pub minted: Balance,
        /// What left the pot: claims and stakers' parts.
        pub paid: Balance,
        /// Part of the pot that no Brain was given yet.
        pub carry: Balance,
        /// Block in which the pot is divided next.
        pub next_division: BlockNumber,
        /// What each Brain may divide in its next epoch, by ascending number; Brains with nothing are left out.
        pub budgets: Vec<(BrainId, Balance)>,
    }
}
view! {
    /// Stake of one account on one target.
    pub struct StakePosition<AccountId> {
        /// Brain.
        pub brain: BrainId,
        /// Validator of the Brain, or the Brain as such.
        pub validator: Option<AccountId>,
        /// Stake.
        pub amount: Balance,
        /// Rewards that can be claimed.
        pub claimable: Balance,
    }
}
view! {
    /// All that one account has staked and earned.
    pub struct StakeInfo<AccountId> {
        /// Its positions, at most 64, by Brain and validator.
        pub positions: Vec<StakePosition<AccountId>>,
        /// Unstaked, and free to withdraw.
        pub withdrawable: Balance,
        /// Unstaked, and not free yet.
        pub pending: Balance,
        /// Block from which `pending` can be withdrawn.
        pub pending_until: BlockNumber,
        /// Claimable as miner, validator or owner.
        pub earned: Balance,
        /// Claimable as staker: of the positions, and a validator's takes.
        pub staking_rewards: Balance,
    }
}
view! {
    /// Why a Brain has no price for a prompt.
    #[derive(Copy)]
    pub enum QuoteError {
        /// There is no such Brain.
        UnknownBrain,
        /// Its owner set no prices.
        NoPrices,
        /// The units exceed the Brain's context (R140).
        ContextExceeded {
            /// Most units of one operation.
            context: u32,
        },
        /// The price is beyond what can be counted.
        Overflow,
    }
}
view! {
    /// Fee of a call that is sent as a signed transaction.
    #[derive(Copy)]
    pub struct CallFee {
        /// Fee without tip.
        pub fee: Balance,
        /// Bytes of the transaction, at most.
        pub length: u32,
    }
}
