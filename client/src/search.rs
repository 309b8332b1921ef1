//! Private search (SPEC R183): a query's embedding, made under encryption by a miner, against an index that stays here.

use std::{io::Write, path::Path};

use serde::{Deserialize, Serialize};
use zk_llm::import::{ClientPart, Dynamic, Output, Weights};

use crate::files;

/// Largest index that is read, in bytes.
const MAX_INDEX_BYTES: u64 = 256 << 20;

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The embedding model.
    #[error(transparent)]
    Model(#[from] zk_llm::Error),
    /// A file.
    #[error("index: {0}")]
    File(#[from] std::io::Error),
    /// The index cannot be read.
    #[error("index: {0}; make it anew with `based model index`")]
    Damaged(String),
    /// The answer is of another model than the index.
    #[error("the index was made with model {index} and the answer with {answer}; make one with the Brain's model: `based model index`")]
    OtherModel {
        /// Manifest hash of the index' model.
        index: String,
        /// Manifest hash of the answer's model.
        answer: String,
    },
}

/// Texts and their embeddings.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Manifest hash of the embedding model, in hex.
    model: String,
    texts: Vec<String>,
    /// One of the model's width for each text.
    vectors: Vec<Vec<f32>>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("texts", &self.texts.len())
            .finish_non_exhaustive()
    }
}

impl Index {
    /// Embeds the lines of a text that are not blank with a whole model on this machine, in clear. Blocks.
    ///
    /// # Errors
    /// [`SearchError::Model`] if the folder holds no whole embedding model or a line exceeds its context;
    /// [`SearchError::Damaged`] if there is nothing to index.
    pub fn of(dir: &Path, texts: &str) -> Result<Self, SearchError> {
        let (part, weights) = (ClientPart::load(dir)?, Weights::load(dir)?);
        if !matches!(part.manifest().network.output, Output::Embedding { .. }) {
            let what = format!(
                "{} gives no embeddings; import a sentence embedding",
                dir.display()
            );
            return Err(zk_llm::Error::Routing(what).into());
        }
        let texts: Vec<String> = texts
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(String::from)
            .collect();
        let embed = |text: &String| {
            let ids = part.encode(text)?;
            part.run(&mut Dynamic::new(&part, &weights), &ids)
        };
        let index = Self {
            model: hex::encode(part.manifest_hash()),
            vectors: texts.iter().map(embed).collect::<Result<_, _>>()?,
            texts,
        };
        index.validate()?;
        Ok(index)
    }

    /// Reads an index.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn load(path: &Path) -> Result<Self, SearchError> {
        if std::fs::metadata(path)?.len() > MAX_INDEX_BYTES {
            return Err(SearchError::Damaged("it is larger than 256 MiB".into()));
        }
        let read = serde_json::from_slice(&std::fs::read(path)?);
        let index: Self = read.map_err(|error| SearchError::Damaged(error.to_string()))?;
        index.validate()?;
        Ok(index)
    }

    /// Writes the index, readable by its owner only.
    ///
    /// # Errors
    /// [`SearchError::File`], also if there is such a file.
    pub fn save(&self, path: &Path) -> Result<(), SearchError> {
        let bytes = serde_json::to_vec(self).map_err(|error| SearchError::Damaged(error.to_string()))?;
        Ok(files::create_private(path)?.write_all(&bytes)?)
    }

    /// Texts in it.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none; no index that was made or read is empty.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Refuses answers of another model.
    ///
    /// # Errors
    /// [`SearchError::OtherModel`].
    pub fn suits(&self, model: &[u8; 32]) -> Result<(), SearchError> {
        let answer = hex::encode(model);
        match self.model == answer {
            true => Ok(()),
            false => Err(SearchError::OtherModel {
                index: self.model.clone(),
                answer,
            }),
        }
    }

    /// The `count` texts whose embeddings have the least angle to a query's, each with its cosine; ties by place.
    pub fn nearest(&self, query: &[f32], count: usize) -> Vec<(f32, &str)> {
        let length = |vector: &[f32]| {
            vector
                .iter()
                .map(|x| x * x)
                .sum::<f32>()
                .sqrt()
                .max(f32::MIN_POSITIVE)
        };
        let of_query = length(query);
        let cosine = |vector: &Vec<f32>| {
            let dot: f32 = vector.iter().zip(query).map(|(a, b)| a * b).sum();
            dot / (length(vector) * of_query)
        };
        let scores = self.vectors.iter().map(cosine);
        let mut ranked: Vec<(f32, &str)> = scores.zip(self.texts.iter().map(String::as_str)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked.truncate(count);
        ranked
    }

    fn validate(&self) -> Result<(), SearchError> {
        let width = self.vectors.first().map_or(0, Vec::len);
        let sound = |vector: &Vec<f32>| vector.len() == width && vector.iter().all(|x| x.is_finite());
        let whole = width > 0 && self.texts.len() == self.vectors.len() && self.vectors.iter().all(sound);
        match whole && self.model.len() == 64 {
            true => Ok(()),
            false => Err(SearchError::Damaged(
                "it holds no texts with one embedding each".into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(texts: &[&str], vectors: &[&[f32]]) -> Index {
        Index {
            model: hex::encode([1; 32]),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            vectors: vectors.iter().map(|vector| vector.to_vec()).collect(),
        }
    }

    #[test]
    fn the_nearest_texts_come_first_whatever_their_lengths() {
        let index = index(
            &["east", "north", "far east", "west"],
            &[&[1.0, 0.0], &[0.0, 1.0], &[50.0, 0.5], &[-1.0, 0.0]],
        );
        let found = index.nearest(&[3.0, 1.0], 3);
        let texts: Vec<_> = found.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts, ["far east", "east", "north"]);
        assert!((found[1].0 - 3.0 / 10f32.sqrt()).abs() < 1e-6);
        assert_eq!(index.nearest(&[0.0, 0.0], 9).len(), 4, "no direction, no failure");
    }

    #[test]
    fn an_index_is_kept_private_and_damaged_ones_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.json");
        let good = index(&["a"], &[&[1.0, 2.0]]);
        good.save(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(Index::load(&path).unwrap(), good);
        assert!(
            matches!(good.save(&path), Err(SearchError::File(_))),
            "nothing is overwritten"
        );
        good.suits(&[1; 32]).unwrap();
        let error = good.suits(&[2; 32]).unwrap_err().to_string();
        assert!(error.contains("based model index"), "{error}");
        for (at, wrong) in [
            index(&[], &[]),
            index(&["a", "b"], &[&[1.0]]),
            index(&["a", "b"], &[&[1.0], &[1.0, 2.0]]),
        ]
        .into_iter()
        .enumerate()
        {
            let path = dir.path().join(format!("{at}.json"));
            wrong.save(&path).unwrap();
            assert!(matches!(Index::load(&path), Err(SearchError::Damaged(_))), "{at}");
        }
        assert!(!format!("{good:?}").contains("\"a\""));
    }
}
