//! Quantisation-aware training against post-training quantisation on one fixed task (SPEC R181).
//!
//! The quantiser is that of SPEC B.24: `q = clamp(round(s (x - mu) / sigma) + z)`, inverse
//! `x = mu + sigma (q - z) / s`. A network computes with `Q^-1(Q(x))` for every weight and activation; gradients
//! pass straight through. The task is the emotion of a sentence by its mean embedding. One float network is
//! trained; then one copy trains on in floating point and is quantised, another trains on with the quantisers in place.

use std::path::Path;

use candle_core::{Device, Result as TensorResult, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::corpus::LABELS;
use super::data::Data;
use super::net::CONTEXT;
use super::optimise::{argmax, cross_entropy, pack, Example};
use super::ste::{copy, straight_through};
use crate::error::Result;

/// Width of an embedding.
const DIM: usize = 24;
/// Hidden features.
const HIDDEN: usize = 32;
/// Sentences drawn of every class.
const SENTENCES: usize = 600;
/// Texts of a step.
const BATCH: usize = 64;

/// A uniform quantiser of odd `levels` (SPEC B.24): three span `mu - sigma ..= mu + sigma`, more span two sigmas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiser {
    /// Centre of the grid.
    pub mean: f64,
    /// Deviation of what is quantised; above 0.
    pub deviation: f64,
    /// Number of levels, odd.
    pub levels: u32,
}

impl Quantiser {
    /// The quantiser of a tensor's own mean and deviation.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn of(x: &Tensor, levels: u32) -> TensorResult<Self> {
        let mean = x.mean_all()?;
        let variance = x.broadcast_sub(&mean)?.sqr()?.mean_all()?;
        Ok(Self {
            mean: f64::from(mean.to_scalar::<f32>()?),
            deviation: f64::from(variance.to_scalar::<f32>()?).sqrt().max(1e-6),
            levels,
        })
    }

    /// The level of the mean, `z`.
    fn zero(&self) -> f64 {
        f64::from(self.levels / 2)
    }

    /// Levels a deviation, `s`.
    fn scale(&self) -> f64 {
        self.zero() / if self.levels <= 3 { 1.0 } else { 2.0 }
    }

    /// `Q(x)`: levels in `0..levels`, halves away from the mean.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn quantise(&self, x: &Tensor) -> TensorResult<Tensor> {
        let factor = self.scale() / self.deviation;
        let steps = x.affine(factor, -self.mean * factor)?.round()?;
        (steps + self.zero())?.clamp(0.0, f64::from(self.levels - 1))
    }

    /// `Q^-1(q)`.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn invert(&self, levels: &Tensor) -> TensorResult<Tensor> {
        let step = self.deviation / self.scale();
        levels.affine(step, self.mean - step * self.zero())
    }

    /// `Q^-1(Q(x))` forward, the identity backward.
    ///
    /// # Errors
    /// If an operation fails.
    pub fn fake(&self, x: &Tensor) -> TensorResult<Tensor> {
        straight_through(&self.invert(&self.quantise(x)?)?, x)
    }
}

/// Levels of weights and activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Of embeddings and matrices.
    pub weights: u32,
    /// Of the mean embedding and the hidden features.
    pub activations: u32,
}

/// Shares of held-out sentences labelled correctly, and what they are worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// By the float network.
    pub floating: f64,
    /// By its quantised copy (post-training quantisation).
    pub rounded: f64,
    /// By the copy trained with its quantisers, for as many steps.
    pub trained: f64,
    /// Always naming the most frequent class.
    pub majority: f64,
    /// Held-out sentences.
    pub texts: usize,
}

#[derive(Clone)]
struct Net {
    embedding: Var,
    first: Var,
    second: Var,
    /// Quantisers of activations, from the float network's training texts.
    activations: Option<[Quantiser; 2]>,
    weight_levels: u32,
}

impl Net {
    fn new(vocabulary: usize, rng: &mut ChaCha8Rng) -> TensorResult<Self> {
        let mut random = |rows: usize, columns: usize, size: f32| {
            let data: Vec<f32> = (0..rows * columns).map(|_| rng.gen_range(-size..size)).collect();
            Var::from_tensor(&Tensor::from_vec(data, (rows, columns), &Device::Cpu)?)
        };
        Ok(Self {
            embedding: random(vocabulary, DIM, 1.0)?,
            first: random(DIM, HIDDEN, 0.5)?,
            second: random(HIDDEN, LABELS.len(), 0.5)?,
            activations: None,
            weight_levels: 0,
        })
    }

    /// A copy with quantisers, those of activations fitted on `texts`.
    fn quantised(&self, texts: &[Example], levels: Levels) -> Result<Self> {
        let (pooled, hidden, _) = self.layers(&pack(texts.iter().map(|text| text.ids.as_slice()))?)?;
        let of = |x: &Tensor| Quantiser::of(x, levels.activations);
        Ok(Self {
            embedding: copy(&self.embedding)?,
            first: copy(&self.first)?,
            second: copy(&self.second)?,
            activations: Some([of(&pooled)?, of(&hidden)?]),
            weight_levels: levels.weights,
        })
    }

    /// Mean embedding, hidden features and logits of texts of [`CONTEXT`] tokens each.
    fn layers(&self, ids: &Tensor) -> TensorResult<(Tensor, Tensor, Tensor)> {
        let weight = |x: &Var| match self.activations {
            Some(_) => Quantiser::of(x, self.weight_levels)?.fake(x),
            None => Ok(x.as_tensor().clone()),
        };
        let activation = |at: usize, x: Tensor| match &self.activations {
            Some(quantisers) => quantisers[at].fake(&x),
            None => Ok(x),
        };
        let texts = ids.elem_count() / CONTEXT;
        let x = weight(&self.embedding)?.index_select(ids, 0)?;
        let pooled = activation(0, x.reshape((texts, CONTEXT, DIM))?.mean(1)?)?;
        let hidden = activation(1, pooled.matmul(&weight(&self.first)?)?.tanh()?)?;
        let logits = hidden.matmul(&weight(&self.second)?)?;
        Ok((pooled, hidden, logits))
    }

    fn fit(&self, texts: &[Example], steps: usize, rate: f64, seed: u64) -> Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let vars = vec![self.embedding.clone(), self.first.clone(), self.second.clone()];
        let mut optimiser = AdamW::new(
            vars,
            ParamsAdamW {
                lr: rate,
                weight_decay: 0.0,
                ..ParamsAdamW::default()
            },
        )?;
        for at in 0..steps {
            let batch: Vec<_> = texts.choose_multiple(&mut rng, BATCH).collect();
            let ids = pack(batch.iter().map(|text| text.ids.as_slice()))?;
            let loss = cross_entropy(&self.layers(&ids)?.2, batch.iter().map(|text| text.label))?;
            optimiser.set_learning_rate(rate * (1.0 - at as f64 / steps as f64));
            optimiser.step(&loss.backward()?)?;
        }
        Ok(())
    }

    fn accuracy(&self, texts: &[Example]) -> Result<f64> {
        let ids = pack(texts.iter().map(|text| text.ids.as_slice()))?;
        let logits = self.layers(&ids)?.2.to_vec2::<f32>()?;
        let right = logits
            .iter()
            .zip(texts)
            .filter(|(row, text)| argmax(row) == text.label);
        Ok(right.count() as f64 / texts.len().max(1) as f64)
    }
}

/// Trains on the corpus in `dir` for `steps` steps, and both ways for as many.
///
/// # Errors
/// If the corpus is malformed or an operation fails.
pub fn compare(dir: &Path, levels: Levels, steps: usize, seed: u64) -> Result<Comparison> {
    let data = Data::load(dir, SENTENCES, seed)?;
    let float = Net::new(data.tokeniser.size(), &mut ChaCha8Rng::seed_from_u64(seed))?;
    float.fit(&data.train, steps, 0.02, seed)?;
    let trained = float.quantised(&data.train, levels)?;
    // The other side trains on for as long, so that only the quantisers differ.
    float.fit(&data.train, steps, 0.01, seed)?;
    trained.fit(&data.train, steps, 0.01, seed)?;
    let rounded = float.quantised(&data.train, levels)?;
    Ok(Comparison {
        floating: float.accuracy(&data.heldout)?,
        rounded: rounded.accuracy(&data.heldout)?,
        trained: trained.accuracy(&data.heldout)?,
        majority: super::data::majority(data.heldout.iter().map(|text| text.label)),
        texts: data.heldout.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiser_is_the_published_formula() {
        // mu 1, sigma 2: three levels at -1, 1 and 3.
        let three = Quantiser {
            mean: 1.0,
            deviation: 2.0,
            levels: 3,
        };
        let x = Tensor::new(&[-9f32, -0.1, 0.1, 1.0, 1.9, 2.1, 9.0], &Device::Cpu).unwrap();
        let q = three.quantise(&x).unwrap();
        assert_eq!(q.to_vec1::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
        let back = three.invert(&q).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(back, [-1.0, -1.0, 1.0, 1.0, 1.0, 3.0, 3.0]);
        // Seven levels span two sigmas on either side, in steps of two thirds of one.
        let seven = Quantiser { levels: 7, ..three };
        let x = Tensor::new(&[-9f32, 1.0, 2.4, 9.0], &Device::Cpu).unwrap();
        let q = seven.quantise(&x).unwrap();
        assert_eq!(q.to_vec1::<f32>().unwrap(), [0.0, 3.0, 4.0, 6.0]);
        let back = seven.invert(&q).unwrap().to_vec1::<f32>().unwrap();
        for (got, wanted) in back.iter().zip([-3.0, 1.0, 1.0 + 4.0 / 3.0, 5.0]) {
            assert!((got - wanted).abs() < 1e-6);
        }
    }

    #[test]
    fn gradients_pass_straight_through() {
        let x = Var::new(&[-3f32, 0.2, 0.9, 7.0], &Device::Cpu).unwrap();
        let fake = Quantiser::of(&x, 3).unwrap().fake(&x).unwrap();
        let gradients = fake.sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec1::<f32>().unwrap(), [1.0; 4]);
    }

    #[test]
    fn training_with_quantisers_beats_quantising_afterwards() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let levels = Levels {
            weights: 3,
            activations: 3,
        };
        let Comparison {
            floating,
            rounded,
            trained,
            majority,
            ..
        } = compare(&dir, levels, 300, 1).unwrap();
        assert!(floating > majority + 0.3, "{floating} {majority}");
        assert!(trained > rounded + 0.02, "{trained} {rounded}");
        assert!(
            floating - trained < (floating - rounded) * 0.75,
            "{floating} {trained} {rounded}"
        );
    }
}
