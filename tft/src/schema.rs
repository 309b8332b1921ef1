//! What the columns of a table mean, and the sizes of a model.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Quantiles forecast, in the order of every result (D.1, D.5).
pub const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];
/// Most categories of a categorical feature.
const MAX_CATEGORIES: u32 = 1024;

/// A column: real unless it has categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// Number of categories; values are then the integers below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub categories: Option<u32>,
}

impl Feature {
    /// A real column.
    pub fn real(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            categories: None,
        }
    }

    /// A column of integers below `categories`.
    pub fn categorical(name: impl Into<String>, categories: u32) -> Self {
        Self {
            name: name.into(),
            categories: Some(categories),
        }
    }

    /// Columns that the feature takes in a design matrix: value and one, or one per category.
    fn columns(&self) -> usize {
        self.categories.map_or(2, |categories| categories as usize)
    }
}

/// The features of a model. Forecasts of other peers, as last revealed, are ordinary observed columns (R111).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Version of the feature set; a model answers only for its own.
    pub version: u32,
    /// Observed columns to forecast.
    pub targets: Vec<String>,
    /// Columns that hold one value a series.
    #[serde(rename = "static")]
    pub statics: Vec<Feature>,
    /// Columns known up to the present only.
    pub observed: Vec<Feature>,
    /// Columns known ahead, such as the time of day.
    pub known: Vec<Feature>,
}

impl Schema {
    /// Checks that names are unique, targets are observed reals, and no group is empty.
    ///
    /// # Errors
    /// [`Error::Schema`], naming the feature at fault.
    pub fn check(&self) -> Result<()> {
        let fail = |why: String| Err(Error::Schema(why));
        for (group, features) in [
            ("static", &self.statics),
            ("observed", &self.observed),
            ("known", &self.known),
        ] {
            if features.is_empty() {
                return fail(format!("no {group} feature; add one (a constant column will do)"));
            }
        }
        let mut names = BTreeSet::new();
        for Feature { name, categories } in self.features() {
            if name.is_empty() || name == "series" || !names.insert(name) {
                return fail(format!("feature name {name:?} is empty, reserved or used twice"));
            }
            if categories.is_some_and(|categories| !(2..=MAX_CATEGORIES).contains(&categories)) {
                return fail(format!("{name} must have 2 to {MAX_CATEGORIES} categories"));
            }
        }
        if self.targets.is_empty() {
            return fail("no target; name an observed column to forecast".into());
        }
        let mut targets = BTreeSet::new();
        for target in &self.targets {
            let observed = self.observed.iter().find(|feature| feature.name == *target);
            if observed.is_none_or(|feature| feature.categories.is_some()) || !targets.insert(target) {
                return fail(format!(
                    "target {target} must be one real observed column, named once"
                ));
            }
        }
        Ok(())
    }

    /// Every feature: static, observed, known.
    pub fn features(&self) -> impl Iterator<Item = &Feature> {
        self.statics.iter().chain(&self.observed).chain(&self.known)
    }

    /// Features of the past: observed, then known.
    pub fn past(&self) -> impl Iterator<Item = &Feature> {
        self.observed.iter().chain(&self.known)
    }

    /// Position of each target among the observed columns.
    pub fn target_columns(&self) -> Vec<usize> {
        let column = |target: &String| self.observed.iter().position(|feature| feature.name == *target);
        self.targets.iter().filter_map(column).collect()
    }
}

/// Design-matrix columns of each feature.
pub fn design_columns<'a>(features: impl Iterator<Item = &'a Feature>) -> Vec<Range<usize>> {
    let mut end = 0;
    features
        .map(|feature| {
            let start = end;
            end += feature.columns();
            start..end
        })
        .collect()
}

/// Sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Width of every layer, d.
    pub width: usize,
    /// Attention heads; they divide the width.
    pub heads: usize,
    /// Rows of the past that a forecast looks at.
    pub encoder: usize,
    /// Rows ahead that are forecast.
    pub horizon: usize,
    /// Share of values dropped before each gate while training.
    pub dropout: f32,
}

impl Sizes {
    /// The size for chain metrics (D.4): a day of 10-minute buckets, four hours ahead.
    pub const STANDARD: Self = Self {
        width: 32,
        heads: 4,
        encoder: 144,
        horizon: 24,
        dropout: 0.1,
    };
    /// Half the width (D.4).
    pub const SMALL: Self = Self {
        width: 16,
        ..Self::STANDARD
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Settings`], naming the size at fault.
    pub fn check(&self) -> Result<()> {
        let fail = |why: &str| Err(Error::Settings(why.into()));
        if !(1..=512).contains(&self.width) || self.heads == 0 || self.width % self.heads != 0 {
            return fail("width must be 1 to 512 and a multiple of heads");
        }
        if !(1..=4096).contains(&self.encoder) || !(1..=1024).contains(&self.horizon) {
            return fail("encoder must be 1 to 4096 rows and horizon 1 to 1024");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return fail("dropout must be at least 0 and below 1");
        }
        Ok(())
    }

    /// Rows of a window.
    pub const fn window(&self) -> usize {
        self.encoder + self.horizon
    }
}
