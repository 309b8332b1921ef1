//! Cross edges: what a validator found in other Brains, told to the chain once a cycle (F.2-2, C.5b).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use based_client::chain::{calls, AccountId, Chain, ChainError, Signer, View};
use based_primitives::{constants::MAX_CROSS_EDGES, BlockNumber, BrainId, PeerInfo, Role, Uid};

use super::ledger::Foreign;
use crate::{
    metrics::Metrics,
    situation::{Latest, Situation},
    store::Store,
};

/// Rounds for which what was found is worth telling.
const TOLD_ROUNDS: u32 = 4;

/// Sets this validator's cross edges.
pub struct Teller {
    /// Connection to the chain.
    pub chain: Chain,
    /// The validator's key.
    pub signer: Signer,
    /// The validator's own Brain.
    pub brain: BrainId,
    /// Database.
    pub store: Arc<Mutex<Store>>,
    /// Figures.
    pub metrics: Metrics,
}

impl Teller {
    /// Watches blocks and sets cross edges in each cycle, when weights are due too, forever. What the chain holds
    /// decides whether that was done: a validator that was stopped at any point goes on where it was.
    pub async fn work(self, mut latest: Latest) {
        let mut done = None;
        while latest.changed().await.is_ok() {
            let Some(situation) = latest.borrow_and_update().clone() else {
                continue;
            };
            let cycle = situation.next_cycle();
            if situation.until_due() > 0 || done == Some(cycle) {
                continue;
            }
            match self.tell(&situation).await {
                Ok(Told::Nothing) => done = Some(cycle),
                Ok(Told::Before(at)) => {
                    self.metrics.edges_block.set(at.into());
                    done = Some(cycle);
                }
                Ok(Told::Now(edges)) => {
                    self.metrics.edges_block.set(situation.block.into());
                    tracing::info!(cycle, block = situation.block, edges, "cross edges are set");
                    done = Some(cycle);
                }
                Err(error) => {
                    if !may_pass(&error) {
                        done = Some(cycle);
                    }
                    tracing::warn!(cycle, "cannot set cross edges: {error:#}");
                }
            }
        }
    }

    async fn tell(&self, situation: &Situation) -> anyhow::Result<Told> {
        let Some(own) = &situation.own else {
            return Ok(Told::Nothing);
        };
        let since = situation.round().saturating_sub(TOLD_ROUNDS - 1);
        let asked = {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            store.asked_abroad(since)?
        };
        if asked.is_empty() {
            return Ok(Told::Nothing);
        }
        let view = self.chain.best().await?;
        let row = view.cross_row(self.brain, own.uid).await?;
        let this = |at: &BlockNumber| situation.rounds.cycle(*at) == situation.next_cycle();
        if let Some(at) = row.map(|row| row.set_at).filter(this) {
            return Ok(Told::Before(at));
        }
        let peers = peers_of(&view, &asked).await?;
        let edges = edges(self.brain, &asked, &peers);
        self.show(&edges);
        if edges.is_empty() {
            return Ok(Told::Nothing);
        }
        let count = edges.len();
        self.chain
            .submit(&self.signer, &calls::set_cross_edges(self.brain, edges))
            .await?;
        Ok(Told::Now(count))
    }

    /// Scores of the other Brains as figures.
    fn show(&self, edges: &[(BrainId, Uid, u16)]) {
        self.metrics.score_abroad.reset();
        let mut brains: BTreeMap<BrainId, Vec<f64>> = BTreeMap::new();
        for (brain, _, weight) in edges {
            let score = f64::from(*weight) / f64::from(u16::MAX);
            brains.entry(*brain).or_default().push(score);
        }
        for (brain, scores) in brains {
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let figure = self.metrics.score_abroad.with_label_values(&[&brain.to_string()]);
            figure.set(mean);
        }
    }
}

/// What came of an attempt.
enum Told {
    /// There is nothing to tell.
    Nothing,
    /// This cycle's edges were set in that block.
    Before(BlockNumber),
    /// So many edges were set.
    Now(usize),
}

type Peers = BTreeMap<BrainId, Vec<PeerInfo<AccountId>>>;

async fn peers_of(view: &View, asked: &[Foreign]) -> Result<Peers, ChainError> {
    let mut peers = Peers::new();
    for miner in asked {
        if !peers.contains_key(&miner.brain) {
            peers.insert(miner.brain, view.peers(miner.brain).await?);
        }
    }
    Ok(peers)
}

/// Edges to those of the miners that are still there, the last asked if they are too many, by ascending Brain and uid.
/// A weight is the part of canaries answered correctly and in time, out of 65,535, and never 0: one says that all
/// failed.
fn edges(own: BrainId, asked: &[Foreign], peers: &Peers) -> Vec<(BrainId, Uid, u16)> {
    let edge = |miner: &Foreign| {
        let of_brain = peers.get(&miner.brain).filter(|_| miner.brain != own)?;
        let peer = of_brain
            .iter()
            .find(|peer| AsRef::<[u8; 32]>::as_ref(&peer.account) == &miner.account)?;
        let score = miner.standing.correctness.clamp(0.0, 1.0) * f64::from(u16::MAX);
        (peer.role == Role::Miner).then_some((miner.brain, peer.uid, (score.round() as u16).max(1)))
    };
    let mut edges: Vec<_> = asked
        .iter()
        .filter_map(edge)
        .take(MAX_CROSS_EDGES as usize)
        .collect();
    edges.sort_unstable();
    edges
}

/// Whether the next block may bring what this one did not: the rate limit passes, and so does a node's absence.
fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<ChainError>() {
        Some(chain @ ChainError::Dispatch { .. }) => {
            // A peer that has left between reading and inclusion is found missing at the next reading.
            ["TooSoon", "UnknownPeer"]
                .iter()
                .any(|name| chain.is_dispatch("Consensus", name))
        }
        Some(_) => true,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use based_primitives::{Endpoint, IpAddress, ResourceKind, Resources};

    use super::*;
    use crate::score::Standing;

    fn peer(account: u8, uid: Uid, role: Role) -> PeerInfo<AccountId> {
        PeerInfo {
            uid,
            account: AccountId::new([account; 32]),
            role,
            endpoint: Endpoint {
                ip: IpAddress::V4([127, 0, 0, 1]),
                port: 1,
            },
            computekey: [1; 32],
            resources: Resources {
                kind: ResourceKind::Cpu,
                storage_mib: 1,
            },
            registered_at: 0,
        }
    }

    fn asked(brain: BrainId, account: u8, correctness: f64) -> Foreign {
        let standing = Standing {
            correctness,
            latency: None,
            samples: 1,
        };
        Foreign {
            brain,
            account: [account; 32],
            standing,
        }
    }

    #[test]
    fn edges_ascend_and_say_what_part_of_canaries_was_answered() {
        let peers = Peers::from([
            (9, vec![peer(2, 0, Role::Miner), peer(1, 30, Role::Miner)]),
            (3, vec![peer(1, 5, Role::Miner), peer(4, 6, Role::Validator)]),
            (7, vec![peer(1, 1, Role::Miner)]),
        ]);
        let asked = [
            asked(9, 1, 1.0),
            asked(9, 2, 0.5),
            asked(3, 1, 0.0),
            // A validator by now, one that left, one of the own Brain, one whose Brain is gone.
            asked(3, 4, 1.0),
            asked(3, 9, 1.0),
            asked(7, 1, 1.0),
            asked(11, 1, 1.0),
        ];
        let expected = [(3, 5, 1), (9, 0, 32_768), (9, 30, 65_535)];
        assert_eq!(edges(7, &asked, &peers), expected);
    }

    #[test]
    fn the_last_asked_are_told_when_there_are_too_many() {
        let all: Vec<_> = (0..100).map(|n| peer(n, n.into(), Role::Miner)).collect();
        let asked: Vec<_> = (0..100).rev().map(|n| asked(9, n, 1.0)).collect();
        let told = edges(7, &asked, &Peers::from([(9, all)]));
        assert_eq!(told.len(), 64);
        assert_eq!((told[0].1, told[63].1), (36, 99));
    }

    #[test]
    fn a_refusal_that_may_pass_is_tried_again() {
        let refusal = |name: &str| {
            anyhow::Error::from(ChainError::Dispatch {
                pallet: "Consensus".into(),
                name: name.into(),
                docs: String::new(),
            })
        };
        assert!(may_pass(&refusal("TooSoon")) && may_pass(&refusal("UnknownPeer")));
        assert!(!may_pass(&refusal("NotValidator")));
        assert!(may_pass(
            &ChainError::Lost {
                url: "ws://node".into()
            }
            .into()
        ));
        assert!(!may_pass(&anyhow::anyhow!("the database is full")));
    }
}
