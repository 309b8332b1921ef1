//! Which miner a prompt goes to, decided on the client's machine (SPEC R167-R170, B.22, F.4-5).
//!
//! Miners publish [`Centroids`]: unit vectors of an embedding that name what they are good at. The client embeds its
//! prompt itself and compares: a peer's *embedding radius* is the mean distance to the nearest few of its centroids,
//! and distances are those of Mahalanobis, by the covariance of everything published. No embedding leaves the client; the
//! miner learns only that it was chosen. Since that alone would tell it the topic, the choice is random by default:
//! miner `i` has a chance proportional to `free_i * exp(-epsilon / 2 * radius_i / diameter)`, so that no prompt makes
//! any choice more than `exp(epsilon)` times as likely as another prompt does, and load spreads over free places.

mod centroids;
mod metric;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand::{CryptoRng, Rng, RngCore};

pub use centroids::{Centroids, MAX_CENTROIDS, MAX_DIM, MAX_PUBLISHED_BYTES};
pub use metric::Metric;

use crate::error::{Error, Result};

/// Default of [`Policy::Randomised`]: no prompt makes a choice more than 7.4 times as likely as another prompt does.
pub const DEFAULT_EPSILON: f64 = 2.0;
/// Centroids whose mean distance is a radius, by default.
pub const DEFAULT_NEAREST: usize = 1;
/// Most peers that are compared.
pub const MAX_PEERS: usize = 2048;

/// How one of the peers is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// The one of least radius; among equals the least identity (SPEC R170).
    Nearest,
    /// At random by the exponential mechanism (SPEC F.4-5).
    Randomised {
        /// Privacy lost by one choice, in nats.
        epsilon: f64,
    },
}

impl Default for Policy {
    fn default() -> Self {
        Self::Randomised {
            epsilon: DEFAULT_EPSILON,
        }
    }
}

/// Compares a prompt's embedding with what the peers of a Brain published.
#[derive(Clone, Debug)]
pub struct Router<Id> {
    peers: BTreeMap<Id, Centroids>,
    metric: Metric,
    diameter: f64,
    nearest: usize,
    policy: Policy,
}

impl<Id: Clone + Ord> Router<Id> {
    /// A router over what peers published for the embedding model `model`; what was published for another is left out.
    ///
    /// # Errors
    /// [`Error::Routing`] if there are too many peers, or their vectors have different widths.
    pub fn new(model: &[u8; 32], published: impl IntoIterator<Item = (Id, Centroids)>) -> Result<Self> {
        let suits = |centroids: &Centroids| centroids.model() == hex::encode(model);
        let peers: BTreeMap<Id, Centroids> = published
            .into_iter()
            .filter(|(_, centroids)| suits(centroids))
            .take(MAX_PEERS + 1)
            .collect();
        if peers.len() > MAX_PEERS {
            return Err(Error::Routing(format!("more than {MAX_PEERS} peers")));
        }
        let points: Vec<&[f32]> = peers.values().flat_map(Centroids::vectors).collect();
        let metric = Metric::of(&points)?;
        let diameter = diameter(&metric, &peers);
        Ok(Self {
            peers,
            metric,
            diameter,
            nearest: DEFAULT_NEAREST,
            policy: Policy::default(),
        })
    }

    /// Chooses otherwise.
    ///
    /// # Errors
    /// [`Error::Routing`] unless epsilon is positive and finite.
    pub fn with_policy(mut self, policy: Policy) -> Result<Self> {
        match policy {
            Policy::Randomised { epsilon } if !(epsilon.is_finite() && epsilon > 0.0) => Err(Error::Routing(
                format!("epsilon {epsilon} is not a positive number"),
            )),
            _ => {
                self.policy = policy;
                Ok(self)
            }
        }
    }

    /// Takes the mean distance to this many centroids as radius.
    pub fn with_nearest(mut self, nearest: usize) -> Self {
        self.nearest = nearest.max(1);
        self
    }

    /// The metric, with the covariance that it comes from (SPEC R169).
    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    /// Embedding radius of every peer that published, by identity (SPEC R168).
    ///
    /// # Errors
    /// [`Error::Routing`] if the embedding is not of the peers' width, or not finite.
    pub fn radii(&self, embedding: &[f32]) -> Result<BTreeMap<Id, f64>> {
        let whole = self.peers.is_empty() || embedding.len() == self.metric.dim();
        if !whole || !embedding.iter().all(|x| x.is_finite()) {
            return Err(Error::Routing(format!(
                "the embedding has {} numbers, the centroids {}, or one is not finite",
                embedding.len(),
                self.metric.dim()
            )));
        }
        let radius = |centroids: &Centroids| {
            let mut distances: Vec<f64> = centroids
                .vectors()
                .map(|centroid| self.metric.distance(embedding, centroid))
                .collect();
            distances.sort_unstable_by(f64::total_cmp);
            distances.truncate(self.nearest);
            distances.iter().sum::<f64>() / distances.len().max(1) as f64
        };
        Ok(self
            .peers
            .iter()
            .map(|(id, centroids)| (id.clone(), radius(centroids)))
            .collect())
    }

    /// Chance of each peer with a free place, by identity. A peer that published nothing counts as farthest.
    ///
    /// # Errors
    /// As [`Router::radii`]; [`Error::Routing`] if no peer has a free place.
    pub fn chances(&self, embedding: &[f32], free: &BTreeMap<Id, u32>) -> Result<BTreeMap<Id, f64>> {
        let radii = self.radii(embedding)?;
        let open: Vec<(&Id, u32)> = free
            .iter()
            .map(|(id, free)| (id, *free))
            .filter(|(_, free)| *free > 0)
            .collect();
        if open.is_empty() {
            return Err(Error::Routing("every miner is busy; try again later".into()));
        }
        let weights: Vec<f64> = match self.policy {
            Policy::Nearest => {
                let radius = |id: &Id| radii.get(id).copied().unwrap_or(f64::INFINITY);
                let least = open
                    .iter()
                    .map(|(id, _)| *id)
                    .min_by(|a, b| radius(a).total_cmp(&radius(b)).then(a.cmp(b)));
                open.iter()
                    .map(|(id, _)| f64::from(u8::from(Some(*id) == least)))
                    .collect()
            }
            Policy::Randomised { epsilon } => {
                // Between 0 and 1 whatever the prompt: what the bound on the loss of privacy rests on.
                let share = |id: &Id| {
                    radii
                        .get(id)
                        .map_or(1.0, |radius| (radius / self.diameter).clamp(0.0, 1.0))
                };
                let weight = |(id, free): &(&Id, u32)| f64::from(*free) * (-epsilon / 2.0 * share(id)).exp();
                open.iter().map(weight).collect()
            }
        };
        let total: f64 = weights.iter().sum();
        Ok(open
            .iter()
            .zip(weights)
            .map(|((id, _), weight)| ((*id).clone(), weight / total))
            .collect())
    }

    /// Chooses a peer with a free place.
    ///
    /// # Errors
    /// As [`Router::chances`].
    pub fn choose(
        &self,
        embedding: &[f32],
        free: &BTreeMap<Id, u32>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Id> {
        let chances = self.chances(embedding, free)?;
        let mut left = rng.gen_range(0.0..1.0);
        let mut chosen = None;
        for (id, chance) in chances {
            if chance > 0.0 {
                chosen = Some(id);
            }
            left -= chance;
            if left < 0.0 {
                break;
            }
        }
        chosen.ok_or_else(|| Error::Routing("no miner can be chosen".into()))
    }
}

/// A bound on the distances between published centroids, known without any prompt.
fn diameter<Id>(metric: &Metric, peers: &BTreeMap<Id, Centroids>) -> f64 {
    let points: Vec<Vec<f64>> = peers
        .values()
        .flat_map(Centroids::vectors)
        .map(|point| metric.whiten(point))
        .collect();
    // Twice the largest distance from the mean: one pass, where pairs would take minutes.
    let count = points.len().max(1) as f64;
    let mean: Vec<f64> = (0..metric.dim())
        .map(|at| points.iter().map(|p| p[at]).sum::<f64>() / count)
        .collect();
    let from_mean = |point: &Vec<f64>| {
        point
            .iter()
            .zip(&mean)
            .map(|(a, b)| (a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let largest = points.iter().map(from_mean).fold(0.0, f64::max);
    match largest > 0.0 {
        true => 2.0 * largest,
        false => 1.0,
    }
}
