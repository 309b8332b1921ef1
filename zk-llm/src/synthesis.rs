//! Encrypted data synthesis (SPEC R180), a demonstrator: statistics of encrypted rows and new rows like them, all
//! computed on ciphertexts by a miner that decrypts nothing.
//!
//! A row has columns of -1, 0 or 1. The pattern of `n` rows is their sums and `n^2` times their covariance, both
//! integers. Covariances come from differences of pairs of rows, `n^2 cov(i, j) = sum over r < q of u v` with
//! `u = x[r][i] - x[q][i]` and `v` likewise in column `j`, as products of small differences are exact:
//! `u v = floor((u + v)^2 / 4) - floor((u - v)^2 / 4)`, one bootstrap each.
//!
//! A new row is the mean plus weighted deviations from it. With weights 2/3, 2/3 and -1/3 on three rows, whose sum
//! and sum of squares are both 1, the mean cancels and the new row is `(2 a + 2 b - c) / 3`. Over all choices of
//! three different rows, such rows have just the mean and the covariance of the given ones.

use rand::seq::index::sample;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use crate::error::{Error, Result};
use crate::ir::{Graph, GraphBuilder, Lut, Row, Wire};

/// Step of the covariances.
const FINE_STEP: u8 = 7;
/// Least rows: a new one is made of three.
pub const MIN_ROWS: usize = 3;
/// Most rows: more differences would not decrypt exactly.
pub const MAX_ROWS: usize = 6;
/// Most columns.
pub const MAX_COLUMNS: usize = 8;
/// Most new rows.
pub const MAX_NEW: usize = 64;

/// What a miner is told in clear: sizes, and which rows each new row is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    rows: usize,
    columns: usize,
    /// The rows `a`, `b` and `c` of each new row.
    triples: Vec<[usize; 3]>,
}

/// What the client decrypts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synthesis {
    /// Sum of each column.
    pub sums: Vec<i32>,
    /// `n^2` times the covariance of columns `i <= j`, row by row of the upper triangle.
    pub covariances: Vec<i32>,
    /// Three times each new row.
    pub thirds: Vec<Vec<i32>>,
}

impl Plan {
    /// Plans `count` new rows, each of three different rows drawn with `seed`.
    ///
    /// # Errors
    /// [`Error::Prompt`] if a size is out of range.
    pub fn draw(rows: usize, columns: usize, count: usize, seed: u64) -> Result<Self> {
        let sizes = [
            ("rows", rows, MIN_ROWS, MAX_ROWS),
            ("columns", columns, 1, MAX_COLUMNS),
            ("new rows", count, 0, MAX_NEW),
        ];
        for (what, got, least, most) in sizes {
            if !(least..=most).contains(&got) {
                return Err(Error::Prompt(format!(
                    "{got} {what}; there may be {least} to {most}"
                )));
            }
        }
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let triples = (0..count).map(|_| {
            let three = sample(&mut rng, rows, 3);
            [0, 1, 2].map(|at| three.index(at))
        });
        Ok(Self {
            rows,
            columns,
            triples: triples.collect(),
        })
    }

    /// The rows that each new row is made of.
    pub fn triples(&self) -> &[[usize; 3]] {
        &self.triples
    }

    /// Columns `i <= j` in the order of the covariances.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let columns = self.columns;
        (0..columns).flat_map(move |i| (i..columns).map(move |j| (i, j)))
    }

    /// The graph that the miner evaluates: inputs are the rows one after another.
    ///
    /// # Errors
    /// [`Error::Graph`] if the graph is too large.
    pub fn graph(&self) -> Result<Graph> {
        let mut graph = GraphBuilder::new((self.rows * self.columns) as Wire, -1, 1);
        let wire = |row: usize, column: usize| (row * self.columns + column) as Wire;
        let square = graph.lut(Lut::new(-2..=2, |x| x * x).with_step(FINE_STEP));
        let quarter = graph.lut(Lut::new(-4..=4, |x| x * x / 4).with_step(FINE_STEP));
        let mut outputs: Vec<Wire> = vec![];

        let sums = (0..self.columns).map(|j| Row::new(0, (0..self.rows).map(|r| (wire(r, j), 1))));
        outputs.extend(graph.linear_layer("sums", None, sums.collect::<Vec<_>>()));

        // By covariance, the signs and wires of its products' parts.
        let mut covariances = vec![];
        for (i, j) in self.pairs() {
            let mut tables = vec![];
            for r in 0..self.rows {
                for q in r + 1..self.rows {
                    let u = [(wire(r, i), 1), (wire(q, i), -1)];
                    let v = |sign: i32| [(wire(r, j), sign), (wire(q, j), -sign)];
                    if i == j {
                        tables.push((Row::new(0, u), square, 1));
                    } else {
                        for sign in [1, -1] {
                            tables.push((Row::new(0, u.into_iter().chain(v(sign))), quarter, sign));
                        }
                    }
                }
            }
            let signs: Vec<i32> = tables.iter().map(|(_, _, sign)| *sign).collect();
            let rows: Vec<_> = tables.into_iter().map(|(row, lut, _)| (row, lut)).collect();
            let products = graph.tables_layer("products of differences", None, rows);
            covariances.push(Row::new(0, products.zip(signs)));
        }
        outputs.extend(graph.linear_layer("covariances", None, covariances));

        let new = self.triples.iter().flat_map(|[a, b, c]| {
            (0..self.columns).map(|j| Row::new(0, [(wire(*a, j), 2), (wire(*b, j), 2), (wire(*c, j), -1)]))
        });
        outputs.extend(graph.linear_layer("new rows", None, new.collect::<Vec<_>>()));
        graph.finish(outputs)
    }

    /// The integers that the client encrypts.
    ///
    /// # Errors
    /// [`Error::Prompt`] if the rows are not of the planned sizes, or hold anything but -1, 0 and 1.
    pub fn inputs(&self, rows: &[Vec<i32>]) -> Result<Vec<i32>> {
        if rows.len() != self.rows || rows.iter().any(|row| row.len() != self.columns) {
            return Err(Error::Prompt(format!(
                "rows are not {} of {} columns",
                self.rows, self.columns
            )));
        }
        let values = rows.concat();
        if values.iter().any(|x| !(-1..=1).contains(x)) {
            return Err(Error::Prompt("a value is not -1, 0 or 1".into()));
        }
        Ok(values)
    }

    /// Reads decrypted outputs.
    ///
    /// # Errors
    /// [`Error::Prompt`] if there are not as many as planned.
    pub fn read(&self, outputs: &[i32]) -> Result<Synthesis> {
        let pairs = self.pairs().count();
        if outputs.len() != self.columns * (1 + self.triples.len()) + pairs {
            return Err(Error::Prompt(format!("{} outputs", outputs.len())));
        }
        let (sums, rest) = outputs.split_at(self.columns);
        let (covariances, thirds) = rest.split_at(pairs);
        Ok(Synthesis {
            sums: sums.to_vec(),
            covariances: covariances.to_vec(),
            thirds: thirds.chunks(self.columns).map(<[i32]>::to_vec).collect(),
        })
    }

    /// The same computed in clear, by the definitions of mean and covariance.
    ///
    /// # Errors
    /// As [`Plan::inputs`].
    pub fn in_clear(&self, rows: &[Vec<i32>]) -> Result<Synthesis> {
        self.inputs(rows)?;
        let total = |f: &dyn Fn(&[i32]) -> i32| rows.iter().map(|row| f(row)).sum::<i32>();
        let sums: Vec<i32> = (0..self.columns).map(|j| total(&|row| row[j])).collect();
        let covariance = |(i, j)| rows.len() as i32 * total(&|row| row[i] * row[j]) - sums[i] * sums[j];
        let new = |[a, b, c]: &[usize; 3]| {
            (0..self.columns)
                .map(|j| 2 * rows[*a][j] + 2 * rows[*b][j] - rows[*c][j])
                .collect()
        };
        Ok(Synthesis {
            covariances: self.pairs().map(covariance).collect(),
            thirds: self.triples.iter().map(new).collect(),
            sums,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec_clear::{run_circuit, run_graph};
    use crate::ParameterSet;
    use rand::Rng;

    fn random(rows: usize, columns: usize, rng: &mut impl Rng) -> Vec<Vec<i32>> {
        let mut row = || (0..columns).map(|_| rng.gen_range(-1..=1)).collect();
        (0..rows).map(|_| row()).collect()
    }

    #[test]
    fn the_graph_computes_sums_covariances_and_new_rows() {
        let mut rng = ChaCha12Rng::seed_from_u64(4);
        for (rows, columns) in [(3, 1), (4, 2), (6, 3), (MAX_ROWS, MAX_COLUMNS)] {
            let plan = Plan::draw(rows, columns, 5, 9).unwrap();
            let graph = plan.graph().unwrap();
            let circuit = graph.compile(&ParameterSet::default()).unwrap();
            let pairs = (rows * (rows - 1) / 2) as u64;
            let products = (columns * columns) as u64;
            assert_eq!(
                circuit.bootstraps(),
                pairs * products,
                "one a square, two a product"
            );
            for _ in 0..20 {
                let data = random(rows, columns, &mut rng);
                let inputs = plan.inputs(&data).unwrap();
                let outputs = run_circuit(&circuit, &inputs).unwrap();
                assert_eq!(outputs, run_graph(&graph, &inputs).unwrap());
                assert_eq!(plan.read(&outputs).unwrap(), plan.in_clear(&data).unwrap());
            }
        }
    }

    #[test]
    fn known_rows_have_known_statistics() {
        let plan = Plan::draw(4, 2, 0, 1).unwrap();
        let data = vec![vec![1, 1], vec![1, 0], vec![-1, -1], vec![1, 0]];
        let known = plan.in_clear(&data).unwrap();
        // Means 1/2 and 0; variances 3/4 and 1/2; covariance 1/2.
        assert_eq!((known.sums, known.covariances), (vec![2, 0], vec![12, 8, 8]));
    }

    #[test]
    fn new_rows_over_all_choices_have_the_mean_and_covariance_of_the_rows() {
        let data = random(5, 3, &mut ChaCha12Rng::seed_from_u64(8));
        let different = |t: &[usize; 3]| t[0] != t[1] && t[1] != t[2] && t[0] != t[2];
        let triples: Vec<_> = (0..125)
            .map(|at| [at / 25, at / 5 % 5, at % 5])
            .filter(different)
            .collect();
        let plan = Plan {
            rows: 5,
            columns: 3,
            triples,
        };
        let known = plan.in_clear(&data).unwrap();
        let (old, new) = (5, plan.triples.len() as i32);
        for (at, (i, j)) in plan.pairs().enumerate() {
            let sum = |column: usize| known.thirds.iter().map(|row| row[column]).sum::<i32>();
            assert_eq!(sum(i) * old, 3 * known.sums[i] * new, "mean of column {i}");
            let products: i32 = known.thirds.iter().map(|row| row[i] * row[j]).sum();
            let covariance = new * products - sum(i) * sum(j);
            // Thirds scale a covariance by 9, and each side by the square of its number of rows.
            assert_eq!(
                covariance * old * old,
                9 * known.covariances[at] * new * new,
                "{i} {j}"
            );
        }
    }

    #[test]
    fn sizes_and_values_out_of_range_are_refused() {
        for (rows, columns, count) in [(2, 1, 1), (7, 1, 1), (3, 0, 1), (3, 9, 1), (3, 1, 65)] {
            assert!(Plan::draw(rows, columns, count, 1).is_err());
        }
        let plan = Plan::draw(3, 2, 1, 1).unwrap();
        for bad in [vec![vec![0, 0]; 2], vec![vec![0]; 3], vec![vec![0, 2]; 3]] {
            assert!(matches!(plan.inputs(&bad), Err(Error::Prompt(_))));
        }
        assert!(plan.read(&[0; 3]).is_err());
        let [a, b, c] = plan.triples()[0];
        assert!(a != b && b != c && a != c);
    }
}
