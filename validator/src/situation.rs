//! What the chain says about the Brain, as of its best block.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use based_client::chain::{AccountId, Chain, ChainError, Commitment, View};
use based_primitives::{BlockNumber, BrainId, BrainInfo, PeerInfo, Role, WeightTerms};
use futures::StreamExt;
use sp_core::H256;
use tokio::{
    sync::watch,
    time::{timeout, Instant},
};

use crate::{metrics::Metrics, rounds::Rounds};

/// Silence of the node after which it counts as away: several slots.
pub const SILENCE: Duration = Duration::from_secs(45);
/// Slots without a block after which the node, or its connection, was away.
const GAP_SLOTS: u32 = 4;
/// Shortest silence that counts as a gap.
const GAP: Duration = Duration::from_secs(4);

/// State of the Brain at one block.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Height of the best block.
    pub block: BlockNumber,
    /// Rounds of the Brain.
    pub rounds: Rounds,
    /// The Brain.
    pub brain: BrainInfo<AccountId>,
    /// Its miners, by uid.
    pub miners: Vec<PeerInfo<AccountId>>,
    /// This validator as a peer, while it is memorized.
    pub own: Option<PeerInfo<AccountId>>,
    /// What it committed itself to and has not revealed.
    pub commitments: Vec<Commitment>,
    /// What the Brain asks of weights.
    pub terms: WeightTerms,
    /// Time between blocks, once two were seen.
    pub block_time: Option<Duration>,
    /// Whether the node still answers.
    pub fresh: bool,
    /// When the node last came back after it gave no blocks for longer than it should.
    pub gap: Option<Instant>,
}

impl Situation {
    /// The round of the best block.
    pub fn round(&self) -> u32 {
        self.rounds.of(self.block)
    }

    /// Cycle of a transaction that the next block includes.
    pub fn next_cycle(&self) -> u32 {
        self.rounds.cycle(self.block.saturating_add(1))
    }

    /// Blocks until weights are due to be committed.
    pub fn until_due(&self) -> BlockNumber {
        let due = self
            .rounds
            .epoch(self.next_cycle())
            .saturating_sub(self.rounds.margin());
        due.saturating_sub(self.block)
    }

    /// Time between two epochs of the Brain, once two blocks were seen.
    pub fn round_time(&self) -> Option<Duration> {
        Some(self.block_time?.saturating_mul(self.rounds.blocks()))
    }

    /// Manifest hash of the task in force.
    pub fn task(&self) -> Option<H256> {
        self.brain.task.as_ref().map(|task| task.manifest)
    }
}

/// The newest situation; none before the node first answered.
pub type Latest = watch::Receiver<Option<Arc<Situation>>>;

/// Follows the chain and publishes each new situation. Ends only with an error that waiting does not cure.
///
/// # Errors
/// If the Brain does not exist or the chain cannot be understood.
pub async fn follow(
    chain: Chain,
    brain: BrainId,
    account: AccountId,
    publish: watch::Sender<Option<Arc<Situation>>>,
    metrics: Metrics,
) -> anyhow::Result<()> {
    let mut blocks = chain.follow(false);
    let mut first: Option<(BlockNumber, Instant)> = None;
    let (mut last, mut gap) = (Instant::now(), None);
    loop {
        let Ok(next) = timeout(SILENCE, blocks.next()).await else {
            if metrics.connected.get() != 0 {
                tracing::warn!(
                    node = chain.url(),
                    "the node gives no new blocks; canaries wait until it does"
                );
            }
            metrics.connected.set(0);
            publish.send_modify(|latest| {
                if let Some(situation) = latest {
                    Arc::make_mut(situation).fresh = false;
                }
            });
            continue;
        };
        let Some(view) = next else {
            bail!("the stream of blocks ended")
        };
        let now = Instant::now();
        let (start, since) = *first.get_or_insert((view.number(), now));
        let passed = view.number().saturating_sub(start);
        let block_time = (passed > 0).then(|| (now - since) / passed);
        if block_time.is_some_and(|time| now - last > GAP.max(time.saturating_mul(GAP_SLOTS))) {
            gap = Some(now);
        }
        last = now;
        match read(&view, brain, &account).await {
            Ok(mut situation) => {
                situation.block_time = block_time;
                situation.gap = gap;
                if metrics.connected.get() == 0 {
                    tracing::info!(block = situation.block, "following the chain");
                }
                metrics.connected.set(1);
                metrics.block.set(situation.block.into());
                publish.send_replace(Some(Arc::new(situation)));
            }
            Err(ReadError::NoBrain) => {
                bail!("Brain {brain} does not exist on this chain; see `based brain list`")
            }
            Err(ReadError::Chain(error)) => tracing::warn!(%error, "cannot read the Brain"),
        }
    }
}

enum ReadError {
    NoBrain,
    Chain(ChainError),
}

impl From<ChainError> for ReadError {
    fn from(error: ChainError) -> Self {
        Self::Chain(error)
    }
}

async fn read(view: &View, id: BrainId, account: &AccountId) -> Result<Situation, ReadError> {
    let brain = view.brain(id).await?.ok_or(ReadError::NoBrain)?;
    let peers = view.peers(id).await?;
    let own = peers
        .iter()
        .find(|peer| peer.account == *account && peer.role == Role::Validator)
        .cloned();
    let miners = peers
        .into_iter()
        .filter(|peer| peer.role == Role::Miner)
        .collect();
    let rounds = Rounds::new(id, view.cycle_blocks().await?);
    let commitments = match &own {
        Some(own) => view.commitments(id, own.uid).await?,
        None => Vec::new(),
    };
    let terms = view.weight_terms(id).await?;
    Ok(Situation {
        block: view.number(),
        rounds,
        brain,
        miners,
        own,
        commitments,
        terms,
        block_time: None,
        fresh: true,
        gap: None,
    })
}
