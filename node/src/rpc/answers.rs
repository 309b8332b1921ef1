//! What the `based` methods answer, as JSON: names in camelCase, amounts as decimal strings in units of 10^-18 $BASED,
//! ratios as integers in ppb.

use std::net::{IpAddr, SocketAddr};

use based_primitives::{
    views::{CallFee, EmissionInfo, Metagraph, MetagraphPeer, StakeInfo, StakePosition},
    Balance, BlockNumber, BrainId, BrainInfo, BrainKind, BrainPerformance, BrainState, IpAddress, PeerInfo,
    PriceList, ResourceKind, Resources, Role, Task, Uid,
};
use based_runtime::{AccountId, Hash};
use serde::{Serialize, Serializer};
use sp_core::{hexdisplay::HexDisplay, H256};

/// An amount of $BASED in units of 10^-18, written as a decimal string: JSON numbers end at 2^53.
#[derive(Clone, Copy)]
pub struct Amount(pub Balance);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

macro_rules! answer {
    ($item:item) => {
        #[derive(Clone, Serialize)]
        #[serde(rename_all = "camelCase")]
        $item
    };
}

answer! {
    /// Brains by ascending number.
    pub struct BrainsPage {
        /// Block of the answer.
        pub at: Hash,
        /// The Brains.
        pub brains: Vec<Brain>,
        /// Number with which the next page begins; none after the last.
        pub next: Option<BrainId>,
    }
}
answer! {
    /// A Brain.
    pub struct Brain {
        id: BrainId,
        owner: AccountId,
        kind: &'static str,
        state: &'static str,
        name: String,
        task: Option<BrainTask>,
        next_task: Option<NextTask>,
        registration_fee: Amount,
        prices: Option<Prices>,
        miners: u16,
        validators: u16,
        stake: Amount,
    }
}
answer! {
    /// One Brain and how it does.
    pub struct BrainDetails {
        /// Block of the answer.
        pub at: Hash,
        /// The Brain.
        #[serde(flatten)]
        pub brain: Brain,
        /// How it does.
        pub performance: Performance,
    }
}
answer! {
    /// Task of a Brain: hash of the model's manifest, repository and its commit.
    pub struct BrainTask {
        manifest: H256,
        repository: String,
        commit: String,
        zk: bool,
    }
}
answer! {
    /// A task and the block from which it holds.
    pub struct NextTask {
        from: BlockNumber,
        #[serde(flatten)]
        task: BrainTask,
    }
}
answer! {
    /// Prices of 1,000 units, and most units of one operation.
    pub struct Prices {
        prompt: Amount,
        completion: Amount,
        context: u32,
    }
}
answer! {
    /// How a Brain does, in ppb, and how many validators outside score it.
    pub struct Performance {
        performance: u64,
        uptime: u64,
        quality: u64,
        scorers: u16,
        outside: Option<u64>,
    }
}
answer! {
    /// Peers of a Brain by ascending uid.
    pub struct MetagraphPage {
        /// Block of the answer.
        pub at: Hash,
        /// Number of the Brain.
        pub brain: BrainId,
        /// Block of the epoch from which the scores are.
        pub epoch_at: Option<BlockNumber>,
        /// The peers.
        pub peers: Vec<Peer>,
        /// Uid with which the next page begins; none after the last.
        pub next: Option<Uid>,
    }
}
answer! {
    /// A peer. What only validators or only miners have is left out for the others.
    pub struct Peer {
        uid: Uid,
        account: AccountId,
        role: &'static str,
        endpoint: SocketAddr,
        computekey: H256,
        resources: PeerResources,
        registered_at: BlockNumber,
        rank: u32,
        trust: u32,
        consensus: u32,
        #[serde(flatten)]
        part: RolePart,
    }
}

/// What a peer has by its role.
#[derive(Clone, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum RolePart {
    /// Share of the miners' pool.
    Miner { incentive: u32 },
    /// Stake, share of the validators' pool and TrustCredits.
    Validator {
        stake: Amount,
        dividend: u32,
        trust_credits: u32,
    },
}

answer! {
    /// What a peer declared.
    pub struct PeerResources {
        kind: &'static str,
        storage_mib: u32,
    }
}
answer! {
    /// Where emission stands.
    pub struct Emission {
        /// Block of the answer.
        pub at: Hash,
        block_reward: Amount,
        next_halving: BlockNumber,
        minted: Amount,
        paid: Amount,
        carry: Amount,
        next_division: BlockNumber,
        budgets: Vec<Budget>,
    }
}
answer! {
    /// What a Brain may divide in its next epoch.
    pub struct Budget {
        brain: BrainId,
        amount: Amount,
    }
}
answer! {
    /// What an account has staked and earned.
    pub struct Stake {
        /// Block of the answer.
        pub at: Hash,
        /// The account.
        pub account: AccountId,
        staked: Amount,
        positions: Vec<Position>,
        withdrawable: Amount,
        pending: Amount,
        pending_until: Option<BlockNumber>,
        claimable: Claimable,
    }
}
answer! {
    /// Stake on a Brain, or on one of its validators.
    pub struct Position {
        brain: BrainId,
        validator: Option<AccountId>,
        amount: Amount,
        claimable: Amount,
    }
}
answer! {
    /// Rewards to be claimed: as miner, validator or owner, and as staker with a validator's takes.
    pub struct Claimable {
        earned: Amount,
        staking: Amount,
    }
}
answer! {
    /// Price of a prompt.
    pub struct Quote {
        /// Block of the answer.
        pub at: Hash,
        /// Number of the Brain.
        pub brain: BrainId,
        /// Units of the prompt.
        pub prompt_units: u32,
        /// Units of the completion.
        pub completion_units: u32,
        /// Price of both.
        pub price: Amount,
    }
}
answer! {
    /// Fee of a call sent as a signed transaction, without tip, and the most bytes that the transaction has.
    pub struct Fee {
        /// Block of the answer.
        pub at: Hash,
        fee: Amount,
        length: u32,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<BrainInfo<AccountId>> for Brain {
    fn from(brain: BrainInfo<AccountId>) -> Self {
        Self {
            id: brain.id,
            owner: brain.owner,
            kind: match brain.kind {
                BrainKind::Administrative => "administrative",
                BrainKind::Burned => "burned",
                BrainKind::Staked => "staked",
            },
            state: match brain.state {
                BrainState::Active => "active",
                BrainState::Reserved => "reserved",
            },
            name: text(&brain.name),
            task: brain.task.map(Into::into),
            next_task: brain.next_task.map(|(task, from)| NextTask {
                from,
                task: task.into(),
            }),
            registration_fee: Amount(brain.fee),
            prices: brain.prices.map(Into::into),
            miners: brain.miners,
            validators: brain.validators,
            stake: Amount(brain.stake),
        }
    }
}

impl From<Task> for BrainTask {
    fn from(task: Task) -> Self {
        Self {
            manifest: task.manifest,
            repository: text(&task.repository),
            commit: HexDisplay::from(&task.commit).to_string(),
            zk: task.zk,
        }
    }
}

impl From<PriceList> for Prices {
    fn from(prices: PriceList) -> Self {
        Self {
            prompt: Amount(prices.prompt),
            completion: Amount(prices.completion),
            context: prices.context,
        }
    }
}

impl From<BrainPerformance> for Performance {
    fn from(found: BrainPerformance) -> Self {
        Self {
            performance: found.performance,
            uptime: found.uptime,
            quality: found.quality,
            scorers: found.scorers,
            outside: found.outside,
        }
    }
}

impl MetagraphPage {
    /// The page of a Brain as it was in a block.
    pub fn new(at: Hash, brain: BrainId, page: Metagraph<AccountId>) -> Self {
        Self {
            at,
            brain,
            epoch_at: page.epoch_at,
            peers: page.peers.into_iter().map(Into::into).collect(),
            next: page.next,
        }
    }
}

impl From<MetagraphPeer<AccountId>> for Peer {
    fn from(MetagraphPeer { peer, stake, scores }: MetagraphPeer<AccountId>) -> Self {
        let PeerInfo {
            uid,
            account,
            role,
            endpoint,
            computekey,
            resources: Resources { kind, storage_mib },
            registered_at,
        } = peer;
        let ip = match endpoint.ip {
            IpAddress::V4(bytes) => IpAddr::from(bytes),
            IpAddress::V6(bytes) => IpAddr::from(bytes),
        };
        let (role, part) = match role {
            Role::Miner => (
                "miner",
                RolePart::Miner {
                    incentive: scores.incentive,
                },
            ),
            Role::Validator => (
                "validator",
                RolePart::Validator {
                    stake: Amount(stake),
                    dividend: scores.dividend,
                    trust_credits: scores.trust_credits,
                },
            ),
        };
        Self {
            uid,
            account,
            role,
            endpoint: SocketAddr::new(ip, endpoint.port),
            computekey: H256(computekey),
            resources: PeerResources {
                kind: match kind {
                    ResourceKind::Cpu => "cpu",
                    ResourceKind::Gpu => "gpu",
                },
                storage_mib,
            },
            registered_at,
            rank: scores.rank,
            trust: scores.trust,
            consensus: scores.consensus,
            part,
        }
    }
}

impl Emission {
    /// Where emission stood in a block.
    pub fn new(at: Hash, info: EmissionInfo) -> Self {
        let budget = |(brain, amount)| Budget {
            brain,
            amount: Amount(amount),
        };
        Self {
            at,
            block_reward: Amount(info.block_reward),
            next_halving: info.next_halving,
            minted: Amount(info.minted),
            paid: Amount(info.paid),
            carry: Amount(info.carry),
            next_division: info.next_division,
            budgets: info.budgets.into_iter().map(budget).collect(),
        }
    }
}

impl Stake {
    /// What an account had staked and earned in a block.
    pub fn new(at: Hash, account: AccountId, info: StakeInfo<AccountId>) -> Self {
        let staked = info
            .positions
            .iter()
            .fold(0, |sum: Balance, position| sum.saturating_add(position.amount));
        Self {
            at,
            account,
            staked: Amount(staked),
            positions: info.positions.into_iter().map(Into::into).collect(),
            withdrawable: Amount(info.withdrawable),
            pending: Amount(info.pending),
            pending_until: (info.pending > 0).then_some(info.pending_until),
            claimable: Claimable {
                earned: Amount(info.earned),
                staking: Amount(info.staking_rewards),
            },
        }
    }
}

impl From<StakePosition<AccountId>> for Position {
    fn from(position: StakePosition<AccountId>) -> Self {
        Self {
            brain: position.brain,
            validator: position.validator,
            amount: Amount(position.amount),
            claimable: Amount(position.claimable),
        }
    }
}

impl Fee {
    /// Fee of a call in a block.
    pub fn new(at: Hash, CallFee { fee, length }: CallFee) -> Self {
        Self {
            at,
            fee: Amount(fee),
            length,
        }
    }
}
