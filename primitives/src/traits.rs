//! What one pallet may ask of another. Pallets never import each other: the runtime wires these.

use alloc::vec::Vec;

use sp_runtime::{DispatchResult, Weight};

use crate::types::{Balance, BlockNumber, BrainId, ComputeKey, EpochAdvance, PeerInfo, Role, Task, Uid};

/// Reads Brains; implemented by the brains pallet.
pub trait BrainInspect<AccountId> {
    /// Owner, if the Brain exists.
    fn owner(brain: BrainId) -> Option<AccountId>;
    /// Account that receives the owner's income: the reward address, else the owner (R065).
    fn reward_account(brain: BrainId) -> Option<AccountId>;
    /// Whether peers may join, stake be placed and emission be earned: it exists and is not reserved (R079).
    fn is_open(brain: BrainId) -> bool;
    /// Whether an account may join: the Brain is open, and the account is on its allow-list if it has one (R184).
    fn admits(brain: BrainId, _account: &AccountId) -> bool {
        Self::is_open(brain)
    }
    /// Task in force.
    fn task(brain: BrainId) -> Option<Task>;
    /// Owner's commission on the Brain-directed part of the slice, in ppb (B.10).
    fn owner_commission(brain: BrainId) -> u64;
    /// Share of miners in the node pool, in ppb (R063).
    fn miner_share(brain: BrainId) -> u64;
    /// Parts of the owner's own income that go to the miners' and to the validators' pool, in ppb, together
    /// at most 10^9 (R097). Stakers' parts are never touched (B.10).
    fn owner_redistribution(_brain: BrainId) -> (u64, u64) {
        (0, 0)
    }
    /// Whether the owner earns yet: false for staked Brains in their first 90 days (R046, B.11).
    fn owner_earns(brain: BrainId) -> bool;
    /// Numbers of all open Brains, ascending; at most 1,024.
    fn open_brains() -> Vec<BrainId>;
}

/// Hands Brains on; implemented by the brains pallet.
pub trait BrainTransfer<AccountId> {
    /// Gives a Brain of `from` to another account.
    ///
    /// # Errors
    /// If it is not a Brain of `from`, or none that is handed on.
    fn transfer(from: AccountId, brain: BrainId, to: AccountId) -> DispatchResult;
}

/// Told when a Brain gets another owner, so that what the last one allowed ends.
pub trait OnBrainHandedOver {
    /// Most that it takes.
    fn weight() -> Weight;
    /// The Brain has another owner.
    fn on_brain_handed_over(brain: BrainId);
}

impl OnBrainHandedOver for () {
    fn weight() -> Weight {
        Weight::zero()
    }

    fn on_brain_handed_over(_: BrainId) {}
}

/// Reads peers; implemented by the registry pallet.
pub trait RegistryInspect<AccountId> {
    /// Number of an account in a Brain.
    fn uid(brain: BrainId, account: &AccountId) -> Option<Uid>;
    /// One peer.
    fn peer(brain: BrainId, uid: Uid) -> Option<PeerInfo<AccountId>>;
    /// All peers of a Brain by ascending uid; at most 2,048.
    fn peers(brain: BrainId) -> Vec<PeerInfo<AccountId>>;
    /// Those of the uids that a peer of the Brain has, in their order.
    fn known(brain: BrainId, uids: &[Uid]) -> Vec<Uid> {
        let known = |uid: &Uid| Self::peer(brain, *uid).is_some();
        uids.iter().copied().filter(known).collect()
    }
    /// Role of an account in a Brain.
    fn role(brain: BrainId, account: &AccountId) -> Option<Role>;
    /// Key with which a miner signs receipts.
    fn computekey(brain: BrainId, account: &AccountId) -> Option<ComputeKey>;
}

/// Called by the registry when a peer leaves, so that others forget its uid (C.11-T10).
pub trait OnPeerRemoved<AccountId> {
    /// `uid` of `brain` is free again; `account` held it.
    fn on_peer_removed(brain: BrainId, uid: Uid, account: &AccountId);
}

impl<AccountId> OnPeerRemoved<AccountId> for () {
    fn on_peer_removed(_: BrainId, _: Uid, _: &AccountId) {}
}

/// Reads stake; implemented by the staking pallet.
pub trait StakeInspect<AccountId> {
    /// All stake of a Brain: directed to it and to its validators.
    fn brain_stake(brain: BrainId) -> Balance;
    /// Stake directed to the Brain as such.
    fn brain_directed(brain: BrainId) -> Balance;
    /// Stake directed to one validator of a Brain, its own included.
    fn validator_stake(brain: BrainId, validator: &AccountId) -> Balance;
    /// All stake of the network.
    fn total_stake() -> Balance;
}

/// Stake behind the producers of blocks; implemented by the staking pallet.
pub trait ProducerStake<AccountId> {
    /// Stake directed to a validator over all Brains, its own and delegated (F.2-5).
    fn backing(validator: &AccountId) -> Balance;
    /// Number of Brains in which something is staked to a validator; at most 1,024.
    fn backed_brains(validator: &AccountId) -> u32;
    /// Takes `part_ppb` of the stake behind a validator, and of what left it in the cycle of block `since` or later
    /// (F.2-5). Stakers pay when their positions are touched next. Returns the sum of what they will pay. Stake that
    /// was slashed once is not slashed again.
    fn slash(validator: &AccountId, part_ppb: u64, since: BlockNumber) -> Balance;
}

/// Reads producers of blocks; implemented by the authorities pallet.
pub trait ProducerInspect<AccountId> {
    /// Whether offences of the account may still be reported, so that stake that leaves it stays slashable (F.2-5).
    fn is_exposed(account: &AccountId) -> bool;
}

/// Sessions of the consensus engines; implemented by the runtime over the SDK's session pallet.
pub trait Sessions<AccountId> {
    /// Whether an account has set session keys.
    fn has_keys(account: &AccountId) -> bool;
    /// Producers of the current session.
    fn producers() -> Vec<AccountId>;
    /// Whether the newest set, which begins or goes on, has exactly these accounts, given in ascending order, with the
    /// keys they have now.
    fn is_newest(producers: &[AccountId]) -> bool;
    /// Keeps a producer from writing blocks for the rest of its session.
    fn disable(account: &AccountId);
    /// Forgets the producers of the sessions before this one: their offences can no longer be reported.
    fn forget_before(session: u32);
}

/// Nobody answers with stake.
impl<AccountId> ProducerInspect<AccountId> for () {
    fn is_exposed(_: &AccountId) -> bool {
        false
    }
}

/// Takes rewards for stakers; implemented by the staking pallet.
pub trait StakeRewards<AccountId> {
    /// Account that must receive what `deposit` accepts.
    fn account() -> AccountId;
    /// Shares `amount` among the stakers of the Brain (`validator` none) or of one validator, after the
    /// validator's take. Returns what it accepted: 0 if nobody is staked there. The caller then transfers
    /// exactly that to `account()`.
    fn deposit(brain: BrainId, validator: Option<&AccountId>, amount: Balance) -> Balance;
}

/// Runs epochs; implemented by the consensus pallet.
pub trait Epochs<AccountId> {
    /// Works on the epoch of a Brain that was due in block `due`, beginning it or going on with it, for at most
    /// `limit` in this block. The result has scores when the epoch has ended; else the caller calls again in the next
    /// block, with the same arguments and before it begins another Brain's. Empty score lists mean that nobody is
    /// eligible and the nodes' budget returns to the pot (B.33).
    fn advance(brain: BrainId, due: BlockNumber, limit: Weight) -> EpochAdvance<AccountId>;
    /// Moving average of performance in ppb (C.7).
    fn performance(brain: BrainId) -> u64;
}

/// Reads what peers earned; implemented by the consensus pallet.
pub trait PeerIncentives {
    /// Block of a Brain's last epoch and, by ascending uid, the shares of their pools in ppb that peers earned in it;
    /// who is missing earned nothing. It does not speak of peers registered in that block or later.
    fn incentives(brain: BrainId) -> (BlockNumber, Vec<(Uid, u32)>);
}

/// Reads forecasts; implemented by the forecasts pallet.
pub trait ForecastInspect<AccountId> {
    /// Weight of forecasts against consensus in force, in ppb: the schedule of C.6, or a lower override (R119, R122).
    fn beta() -> u64;
    /// Accuracy of an account's forecasts in ppb (D.5); 0 for whoever never forecast.
    fn accuracy(account: &AccountId) -> u64;
    /// Median forecast of a Brain's next performance in ppb, weighted by stake times Accuracy; `None` with fewer
    /// than eight forecasters (F.1-4).
    fn performance(brain: BrainId) -> Option<u64>;
}

/// No forecasts: consensus alone decides.
impl<AccountId> ForecastInspect<AccountId> for () {
    fn beta() -> u64 {
        0
    }

    fn accuracy(_: &AccountId) -> u64 {
        0
    }

    fn performance(_: BrainId) -> Option<u64> {
        None
    }
}

/// Counts for clients; implemented by the registry pallet.
pub trait PeerCounts {
    /// Memorized miners and validators.
    fn counts(brain: BrainId) -> (u16, u16);
    /// Registration fee in force.
    fn fee(brain: BrainId) -> Balance;
}

/// Called by the registry when a peer joins.
pub trait OnPeerJoined<AccountId> {
    /// `account` holds `uid` of `brain` from now on.
    fn on_peer_joined(brain: BrainId, uid: Uid, account: &AccountId);
}

impl<AccountId> OnPeerJoined<AccountId> for () {
    fn on_peer_joined(_: BrainId, _: Uid, _: &AccountId) {}
}

impl<AccountId, One: OnPeerRemoved<AccountId>, Other: OnPeerRemoved<AccountId>> OnPeerRemoved<AccountId>
    for (One, Other)
{
    fn on_peer_removed(brain: BrainId, uid: Uid, account: &AccountId) {
        One::on_peer_removed(brain, uid, account);
        Other::on_peer_removed(brain, uid, account);
    }
}

/// How Brains stand, as metrics report it (R106).
pub trait BrainStandings {
    /// Performance of a Brain in ppb and the number of its active validators; zeros for one that is not open.
    fn standing(brain: BrainId) -> (u64, u16);
}

/// Told of every transaction that paid; implemented by the forecasts pallet.
pub trait OnTransactionPaid<AccountId> {
    /// `payer` paid `fee`, the tip not included.
    fn on_transaction_paid(payer: &AccountId, fee: Balance);
}

/// Stops all calls but the vital ones for a while; asked for by the governance pallet.
pub trait EmergencyBrake {
    /// Pulls the brake, or holds it longer where it is pulled.
    ///
    /// # Errors
    /// Whatever keeps it from being pulled.
    fn pull() -> DispatchResult;
}

/// Empties what a closed Brain leaves behind; implemented by pallets that keep records under its number (B.12).
pub trait SweepBrain {
    /// Removes records of a Brain that no longer exists, for at most `limit`. Returns the weight used and whether
    /// nothing is left; until then the caller calls again in a later block and keeps the number from being issued.
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool);
}

impl SweepBrain for () {
    fn sweep(_: BrainId, _: Weight) -> (Weight, bool) {
        (Weight::zero(), true)
    }
}

impl<One: SweepBrain, Other: SweepBrain> SweepBrain for (One, Other) {
    fn sweep(brain: BrainId, limit: Weight) -> (Weight, bool) {
        let (used, done) = One::sweep(brain, limit);
        if !done {
            return (used, false);
        }
        let (more, done) = Other::sweep(brain, limit.saturating_sub(used));
        (used.saturating_add(more), done)
    }
}
