//! Tables of buckets: one or more series of equally spaced rows, in memory and as CSV.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::schema::{Feature, Schema};

/// One series. Columns are in the order of the schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Name, unique in its table.
    pub name: String,
    /// One value per static feature.
    pub statics: Vec<f64>,
    /// One column per observed feature, all of the same length.
    pub observed: Vec<Vec<f64>>,
    /// One column per known feature, of one length, at least that of the observed ones: what is beyond lies ahead.
    pub known: Vec<Vec<f64>>,
}

impl Series {
    /// Rows that have been observed.
    pub fn rows(&self) -> usize {
        self.observed.first().map_or(0, Vec::len)
    }

    /// Rows whose known features are given.
    pub fn known_rows(&self) -> usize {
        self.known.first().map_or(0, Vec::len)
    }

    /// The same series, observed only up to `rows`.
    #[must_use]
    pub fn observed_until(&self, rows: usize) -> Self {
        let cut = |column: &Vec<f64>| column[..rows.min(column.len())].to_vec();
        Self {
            observed: self.observed.iter().map(cut).collect(),
            ..self.clone()
        }
    }
}

/// Series that share a schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The series.
    pub series: Vec<Series>,
}

impl Table {
    /// Checks that every column of the schema is there, of the right length, finite and within its categories.
    ///
    /// # Errors
    /// [`Error::Table`], naming series, column and row.
    pub fn check(&self, schema: &Schema) -> Result<()> {
        schema.check()?;
        let fail = |why: String| Err(Error::Table(why));
        if self.series.is_empty() {
            return fail("no series; add rows".into());
        }
        let mut names: Vec<&str> = self.series.iter().map(|series| series.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return fail(format!("two series are named {:?}; names must differ", twice[0]));
        }
        for series in &self.series {
            let name = &series.name;
            if (series.statics.len(), series.observed.len(), series.known.len())
                != (schema.statics.len(), schema.observed.len(), schema.known.len())
            {
                return fail(format!(
                    "series {name:?} has {} static, {} observed and {} known columns, the schema {}, {} and {}",
                    series.statics.len(),
                    series.observed.len(),
                    series.known.len(),
                    schema.statics.len(),
                    schema.observed.len(),
                    schema.known.len(),
                ));
            }
            if series.known_rows() < series.rows() {
                return fail(format!(
                    "series {name:?}: known columns end at row {}, observed ones at row {}",
                    series.known_rows(),
                    series.rows()
                ));
            }
            for (feature, value) in schema.statics.iter().zip(&series.statics) {
                check_column(name, feature, std::slice::from_ref(value), 1)?;
            }
            for (feature, column) in schema.observed.iter().zip(&series.observed) {
                check_column(name, feature, column, series.rows())?;
            }
            for (feature, column) in schema.known.iter().zip(&series.known) {
                check_column(name, feature, column, series.known_rows())?;
            }
        }
        Ok(())
    }

    /// Reads CSV with a header: `series`, every static, observed and known column, in any order; rows in time
    /// order. Rows whose observed cells are all empty lie ahead.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Table`], naming line and column.
    pub fn read_csv(path: &Path, schema: &Schema) -> Result<Self> {
        schema.check()?;
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let Some((_, header)) = lines.next() else {
            return Err(Error::Table(format!("{} is empty", path.display())));
        };
        let columns: HashMap<&str, usize> = header
            .split(',')
            .enumerate()
            .map(|(at, name)| (name.trim(), at))
            .collect();
        let place = |name: &str| -> Result<usize> {
            columns.get(name).copied().ok_or_else(|| {
                Error::Table(format!(
                    "{} has no column {name:?}; its header must name it",
                    path.display()
                ))
            })
        };
        let places = |features: &[Feature]| -> Result<Vec<(String, usize)>> {
            features
                .iter()
                .map(|feature| Ok((feature.name.clone(), place(&feature.name)?)))
                .collect()
        };
        let name_place = place("series")?;
        let (statics, observed, known) = (
            places(&schema.statics)?,
            places(&schema.observed)?,
            places(&schema.known)?,
        );
        let mut table = Self::default();
        let mut indices: HashMap<String, usize> = HashMap::new();
        for (line, row) in lines {
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
            let number = |(name, at): &(String, usize)| -> Result<f64> {
                cell(*at).parse().map_err(|_| {
                    Error::Table(format!(
                        "line {}, column {name}: {:?} is not a number",
                        line + 1,
                        cell(*at)
                    ))
                })
            };
            let name = cell(name_place);
            let index = match indices.get(name) {
                Some(index) => *index,
                None => {
                    table.series.push(Series {
                        name: name.into(),
                        statics: statics.iter().map(number).collect::<Result<_>>()?,
                        observed: vec![Vec::new(); observed.len()],
                        known: vec![Vec::new(); known.len()],
                    });
                    indices.insert(name.into(), table.series.len() - 1);
                    table.series.len() - 1
                }
            };
            let series = &mut table.series[index];
            for (column, place) in series.known.iter_mut().zip(&known) {
                column.push(number(place)?);
            }
            if observed.iter().all(|(_, at)| cell(*at).is_empty()) {
                continue;
            }
            if series.rows() + 1 < series.known_rows() {
                return Err(Error::Table(format!(
                    "line {}: series {name:?} is observed again after rows that were not; fill the gap",
                    line + 1
                )));
            }
            for (column, place) in series.observed.iter_mut().zip(&observed) {
                column.push(number(place)?);
            }
        }
        table.check(schema)?;
        Ok(table)
    }

    /// Writes CSV as [`Self::read_csv`] reads it.
    ///
    /// # Errors
    /// [`Error::Table`] or [`Error::Io`].
    pub fn write_csv(&self, path: &Path, schema: &Schema) -> Result<()> {
        self.check(schema)?;
        let mut text = Vec::new();
        let names: Vec<&str> = schema.features().map(|feature| feature.name.as_str()).collect();
        let mut write = |line: String| writeln!(text, "{line}").map_err(Error::io(path));
        write(format!("series,{}", names.join(",")))?;
        for series in &self.series {
            for row in 0..series.known_rows() {
                let mut cells = vec![series.name.clone()];
                cells.extend(series.statics.iter().map(f64::to_string));
                let observed = |column: &Vec<f64>| column.get(row).map(f64::to_string).unwrap_or_default();
                cells.extend(series.observed.iter().map(observed));
                cells.extend(series.known.iter().map(|column| column[row].to_string()));
                write(cells.join(","))?;
            }
        }
        crate::store::write_atomically(path, &text)
    }
}

fn check_column(series: &str, feature: &Feature, column: &[f64], rows: usize) -> Result<()> {
    let name = &feature.name;
    if column.len() != rows {
        return Err(Error::Table(format!(
            "series {series:?}, column {name}: {} rows where {rows} are expected",
            column.len()
        )));
    }
    for (row, value) in column.iter().enumerate() {
        let limit = feature.categories.map(f64::from);
        let valid = match limit {
            Some(limit) => (0.0..limit).contains(value) && value.fract() == 0.0,
            None => value.is_finite(),
        };
        if !valid {
            return Err(Error::Table(format!(
                "series {series:?}, column {name}, row {row}: {value} is not {}",
                limit.map_or_else(|| "finite".into(), |limit| format!("a category below {limit}"))
            )));
        }
    }
    Ok(())
}
