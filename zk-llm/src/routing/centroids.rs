//! What a miner publishes: unit vectors that stand for the texts it is good at.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Most centroids of a miner.
pub const MAX_CENTROIDS: usize = 64;
/// Most features of an embedding.
pub const MAX_DIM: usize = 1024;
/// Largest encoding that is read, in bytes.
pub const MAX_PUBLISHED_BYTES: usize = 1 << 20;
/// Rounds of grouping; groups rarely change after a few.
const ROUNDS: usize = 32;

/// Unit vectors of one embedding model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Centroids {
    /// Manifest hash of the embedding model, in hex.
    model: String,
    /// The vectors, each of length 1.
    vectors: Vec<Vec<f32>>,
}

impl Centroids {
    /// Centroids of texts' embeddings: at most `count` groups, each vector with the centroid it has the least angle to.
    /// The same embeddings give the same centroids.
    ///
    /// # Errors
    /// [`Error::Routing`] if there is no embedding, one is of another width, not finite or zero, or there are too many.
    pub fn of(model: &[u8; 32], embeddings: &[Vec<f32>], count: usize) -> Result<Self> {
        let dim = embeddings.first().map_or(0, Vec::len);
        let points = embeddings.iter().map(|point| match point.len() == dim {
            true => unit(point),
            false => Err(Error::Routing("embeddings have different widths".into())),
        });
        let points: Vec<Vec<f32>> = points.collect::<Result<_>>()?;
        let Some(first) = points.first() else {
            return Err(Error::Routing("no embeddings to group".into()));
        };
        // Each next one is the vector farthest from those before it.
        let mut centres = vec![first.clone()];
        while centres.len() < count.clamp(1, MAX_CENTROIDS) {
            let nearness = |point: &&Vec<f32>| {
                centres
                    .iter()
                    .map(|c| dot(c, point))
                    .fold(f32::NEG_INFINITY, f32::max)
            };
            let farthest = points.iter().min_by(|a, b| nearness(a).total_cmp(&nearness(b)));
            match farthest.filter(|point| nearness(point) < 1.0 - 1e-6) {
                Some(point) => centres.push(point.clone()),
                None => break,
            }
        }
        for _ in 0..ROUNDS {
            let before = centres.clone();
            let mut sums = vec![vec![0f32; dim]; centres.len()];
            for point in &points {
                let near = |at: &usize| dot(&before[*at], point);
                let group = (0..before.len()).rev().max_by(|a, b| near(a).total_cmp(&near(b)));
                if let Some(sum) = group.and_then(|group| sums.get_mut(group)) {
                    sum.iter_mut().zip(point).for_each(|(x, y)| *x += y);
                }
            }
            for (centre, sum) in centres.iter_mut().zip(&sums) {
                // Opposed vectors have no mean direction: the centre stays.
                if let Ok(mean) = unit(sum) {
                    *centre = mean;
                }
            }
            if centres == before {
                break;
            }
        }
        let centroids = Self {
            model: hex::encode(model),
            vectors: centres,
        };
        centroids.validate()?;
        Ok(centroids)
    }

    /// Reads what a peer published.
    ///
    /// # Errors
    /// [`Error::Size`] or [`Error::Routing`].
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_PUBLISHED_BYTES {
            return Err(Error::Size {
                what: "centroids",
                got: bytes.len() as u64,
                expected: MAX_PUBLISHED_BYTES as u64,
            });
        }
        let centroids: Self =
            serde_json::from_slice(bytes).map_err(|e| Error::Routing(format!("centroids: {e}")))?;
        centroids.validate()?;
        Ok(centroids)
    }

    /// The form that is published.
    ///
    /// # Errors
    /// [`Error::Routing`] if it cannot be serialised.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::Routing(e.to_string()))
    }

    /// Manifest hash of the embedding model, in hex.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The vectors.
    pub fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.vectors.iter().map(Vec::as_slice)
    }

    fn validate(&self) -> Result<()> {
        let fail = |what: &str| Err(Error::Routing(format!("centroids: {what}")));
        if self.model.len() != 64 || !self.model.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return fail("the model is no hash");
        }
        let dim = self.vectors.first().map_or(0, Vec::len);
        if self.vectors.is_empty() || self.vectors.len() > MAX_CENTROIDS || dim == 0 || dim > MAX_DIM {
            return fail("not 1 to 64 vectors of 1 to 1024 numbers");
        }
        let is_unit = |vector: &Vec<f32>| vector.len() == dim && (dot(vector, vector) - 1.0).abs() < 1e-3;
        match self.vectors.iter().all(is_unit) {
            true => Ok(()),
            false => fail("a vector is not of the first one's width or not of length 1"),
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The vector at length 1.
fn unit(vector: &[f32]) -> Result<Vec<f32>> {
    let length = dot(vector, vector).sqrt();
    match length.is_finite() && length > 1e-12 {
        true => Ok(vector.iter().map(|x| x / length).collect()),
        false => Err(Error::Routing("an embedding is zero or not finite".into())),
    }
}
