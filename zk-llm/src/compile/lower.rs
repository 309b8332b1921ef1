//! The compiler's passes: expand rows to sources, fold, share, prove, drop what is unused, order.

use std::collections::HashMap;
use std::rc::Rc;

use super::expr::{expand, Expr};
use super::liveness::{dead_after, live_wires};
use super::lut::EncodedLut;
use super::reach::Reach;
use super::report::{LayerReport, Report};
use super::{Circuit, CompileError, Interface, OutputEncoding, Sum, TableOp};
use crate::ir::{Graph, Layer, Row, MAX_TERMS, STEP};
use crate::noise::NoiseModel;
use crate::params::{ParameterSet, LOG2_P_FAIL};

/// An input or the result of a table.
struct Source {
    /// Shared by all inputs, as a small file may ask for many of them with a wide range.
    reach: Rc<Reach>,
    step: u8,
    variance: f64,
    depth: usize,
}

/// A table found needed so far; its source is the number of inputs plus its index.
struct Op {
    argument: Expr,
    step: u8,
    lut: u32,
    encoded: u32,
    layer: u32,
    lo: i32,
    hi: i32,
    norm2: i64,
    log2_p_fail: f64,
}

pub(super) struct Lowering<'g> {
    graph: &'g Graph,
    set: ParameterSet,
    noise: NoiseModel,
    sources: Vec<Source>,
    ops: Vec<Op>,
    /// Sources by argument and table, so that equal rows share one bootstrap.
    known: HashMap<(Expr, u32), u32>,
    encoded: Vec<EncodedLut>,
    encoded_ids: HashMap<EncodedLut, u32>,
    expanded_terms: usize,
    layers: Vec<LayerReport>,
}

impl<'g> Lowering<'g> {
    pub fn new(graph: &'g Graph, set: &ParameterSet) -> Result<Self, CompileError> {
        let noise = NoiseModel::new(set);
        let inputs = &graph.inputs;
        // A cell needs at least two positions of the modulus switch to be centred on one.
        let max = set.tfhe.polynomial_size.0.ilog2() as u8;
        check_step("inputs", inputs.step, max)?;
        for (id, lut) in graph.luts.iter().enumerate() {
            check_step(&format!("table {id}"), lut.step, max)?;
        }
        let reach = Rc::new(Reach::interval(inputs.lo, inputs.hi));
        let sources = (0..inputs.len)
            .map(|_| Source {
                reach: Rc::clone(&reach),
                step: inputs.step,
                variance: noise.fresh,
                depth: 0,
            })
            .collect();
        let layers = graph.layers.iter().map(|layer| LayerReport {
            name: layer.name.clone(),
            head: layer.head,
            rows: layer.rows.len(),
            tables: 0,
            constant: 0,
            shared: 0,
            lo: 0,
            hi: 0,
            norm2: 0,
            log2_p_fail: f64::NEG_INFINITY,
        });
        Ok(Self {
            graph,
            set: *set,
            noise,
            sources,
            ops: vec![],
            known: HashMap::new(),
            encoded: vec![],
            encoded_ids: HashMap::new(),
            expanded_terms: 0,
            layers: layers.collect(),
        })
    }

    pub fn run(mut self) -> Result<Circuit, CompileError> {
        let graph = self.graph;
        let live = live_wires(graph);
        let mut wires: Vec<Expr> = (0..graph.inputs.len)
            .map(|source| Expr {
                bias: 0,
                terms: vec![(source, 1)],
            })
            .collect();
        for (id, layer) in graph.layers.iter().enumerate() {
            let first = wires.len();
            for (at, row) in layer.rows.iter().enumerate() {
                let wire = if live.get(first + at) == Some(&true) {
                    self.row(&wires, id, layer, at, row)?
                } else {
                    Expr {
                        bias: 0,
                        terms: vec![],
                    }
                };
                wires.push(wire);
            }
        }
        let mut outputs = vec![];
        for wire in graph.outputs.iter().filter_map(|wire| wires.get(*wire as usize)) {
            // One wide wire may be named by every output.
            self.count_terms(wire)?;
            outputs.push(wire.clone());
        }
        self.finish(outputs)
    }

    /// Bounds what is kept of a graph once its leveled layers are expanded.
    fn count_terms(&mut self, sum: &Expr) -> Result<(), CompileError> {
        self.expanded_terms += sum.terms.len();
        if self.expanded_terms > 4 * MAX_TERMS {
            return Err(CompileError::Graph(
                "leveled layers expand to too many terms".into(),
            ));
        }
        Ok(())
    }

    /// Expands a row to sources and, under a table, proves it and gives it a source.
    fn row(
        &mut self,
        wires: &[Expr],
        id: usize,
        layer: &Layer,
        at: usize,
        row: &Row,
    ) -> Result<Expr, CompileError> {
        let span = || CompileError::Span {
            layer: layer.name.clone(),
            row: at,
        };
        let argument = expand(wires, row).ok_or_else(span)?;
        self.count_terms(&argument)?;
        let Some(lut_id) = layer.table(at) else {
            return Ok(argument);
        };
        let step = self.common_step(&argument, || (layer.name.clone(), at))?;
        let reach = self.reach(&argument).ok_or_else(span)?;
        let (lo, hi) = (reach.lo(), reach.hi());
        let lut = &self.graph.luts[lut_id as usize];
        if let Some(value) = reach.values().iter().copied().find(|x| lut.get(*x).is_none()) {
            return Err(CompileError::Undefined {
                layer: layer.name.clone(),
                row: at,
                value,
                lo,
                hi,
            });
        }
        let results = Reach::of(reach.values().iter().filter_map(|x| lut.get(*x)));
        if let [constant] = results.values() {
            self.layers[id].constant += 1;
            return Ok(Expr {
                bias: *constant,
                terms: vec![],
            });
        }
        if let Some(source) = self.known.get(&(argument.clone(), lut_id)) {
            self.layers[id].shared += 1;
            return Ok(Expr {
                bias: 0,
                terms: vec![(*source, 1)],
            });
        }
        // The whole table first, so that rows with different ranges share one test polynomial.
        let whole: Vec<i32> = (lut.lo..).take(lut.values.len()).collect();
        let encoded = EncodedLut::exact(lut, &whole, step)
            .or_else(|| EncodedLut::exact(lut, reach.values(), step))
            .ok_or_else(|| CompileError::NotExact {
                layer: layer.name.clone(),
                row: at,
                lo,
                hi,
                cells: 1 << (step - 1),
            })?;
        let (norm2, variance) = self.spread(&argument);
        let log2_p_fail = self.noise.log2_p_fail_lookup(variance, step);
        if log2_p_fail > LOG2_P_FAIL {
            return Err(CompileError::Noise {
                layer: layer.name.clone(),
                row: at,
                norm2,
                log2_p_fail,
            });
        }
        let depth = 1 + argument
            .terms
            .iter()
            .map(|(s, _)| self.sources[*s as usize].depth)
            .max()
            .unwrap_or(0);
        let source = self.sources.len() as u32;
        let encoded = *self.encoded_ids.entry(encoded).or_insert_with_key(|lut| {
            self.encoded.push(lut.clone());
            self.encoded.len() as u32 - 1
        });
        self.sources.push(Source {
            reach: Rc::new(results),
            step: lut.step,
            variance: self.noise.bootstrapped,
            depth,
        });
        self.known.insert((argument.clone(), lut_id), source);
        self.ops.push(Op {
            argument,
            step,
            lut: lut_id,
            encoded,
            layer: id as u32,
            lo,
            hi,
            norm2,
            log2_p_fail,
        });
        Ok(Expr {
            bias: 0,
            terms: vec![(source, 1)],
        })
    }

    fn common_step(&self, sum: &Expr, place: impl Fn() -> (String, usize)) -> Result<u8, CompileError> {
        let mut steps = sum
            .terms
            .iter()
            .map(|(source, _)| self.sources[*source as usize].step);
        let first = steps.next().unwrap_or(STEP);
        match steps.find(|step| *step != first) {
            None => Ok(first),
            Some(other) => {
                let (layer, row) = place();
                Err(CompileError::Steps {
                    layer,
                    row,
                    a: first,
                    b: other,
                })
            }
        }
    }

    fn reach(&self, sum: &Expr) -> Option<Reach> {
        let terms = sum
            .terms
            .iter()
            .map(|(s, weight)| (&*self.sources[*s as usize].reach, i64::from(*weight)));
        Reach::sum(i64::from(sum.bias), terms)
    }

    /// Sum of squared weights, and variance.
    fn spread(&self, sum: &Expr) -> (i64, f64) {
        sum.terms
            .iter()
            .fold((0, 0.0), |(norm2, variance), (source, weight)| {
                let square = i64::from(*weight).pow(2);
                (
                    norm2 + square,
                    variance + square as f64 * self.sources[*source as usize].variance,
                )
            })
    }

    /// Proves the outputs, drops unused tables, orders the rest by depth and renumbers sources.
    fn finish(mut self, outputs: Vec<Expr>) -> Result<Circuit, CompileError> {
        let mut report = Report {
            layers: std::mem::take(&mut self.layers),
            log2_p_fail_output: f64::NEG_INFINITY,
            log2_p_fail_total: f64::NEG_INFINITY,
        };
        let (encodings, bytes) = self.prove_outputs(&outputs, &mut report)?;
        let inputs = self.graph.inputs.len as usize;
        let mut used = vec![false; self.sources.len()];
        let mark =
            |used: &mut Vec<bool>, sum: &Expr| sum.terms.iter().for_each(|(s, _)| used[*s as usize] = true);
        outputs.iter().for_each(|sum| mark(&mut used, sum));
        for (at, op) in self.ops.iter().enumerate().rev() {
            if used[inputs + at] {
                mark(&mut used, &op.argument);
            }
        }
        let mut order: Vec<usize> = (0..self.ops.len()).filter(|at| used[inputs + at]).collect();
        order.sort_by_key(|at| (self.sources[inputs + at].depth, *at));

        let mut renumbered: Vec<u32> = (0..self.sources.len() as u32).collect();
        for (new, old) in order.iter().enumerate() {
            renumbered[inputs + old] = (inputs + new) as u32;
        }
        let mut terms = vec![];
        let mut place = |sum: &Expr, step: u8| {
            let first = terms.len();
            terms.extend(
                sum.terms
                    .iter()
                    .map(|(source, weight)| (renumbered[*source as usize], *weight)),
            );
            Sum {
                bias: sum.bias,
                terms: first..terms.len(),
                step,
            }
        };
        let mut tables = Vec::with_capacity(order.len());
        let mut waves: Vec<std::ops::Range<usize>> = vec![];
        for (new, old) in order.iter().enumerate() {
            let op = &self.ops[*old];
            let depth = self.sources[inputs + old].depth;
            while waves.len() < depth {
                waves.push(new..new);
            }
            if let Some(wave) = waves.last_mut() {
                wave.end = new + 1;
            }
            let argument = place(&op.argument, op.step);
            tables.push(TableOp {
                argument,
                lut: op.lut,
                encoded: op.encoded,
                layer: op.layer,
            });
            let layer = &mut report.layers[op.layer as usize];
            (layer.lo, layer.hi) = if layer.tables == 0 {
                (op.lo, op.hi)
            } else {
                (layer.lo.min(op.lo), layer.hi.max(op.hi))
            };
            layer.tables += 1;
            layer.norm2 = layer.norm2.max(op.norm2);
            layer.log2_p_fail = layer.log2_p_fail.max(op.log2_p_fail);
            report.add_failure(op.log2_p_fail);
        }
        let outputs: Vec<Sum> = outputs
            .iter()
            .zip(&encodings)
            .map(|(sum, encoding)| place(sum, encoding.step))
            .collect();
        let dead_after = dead_after(inputs, &tables, &waves, &outputs, &terms);
        Ok(Circuit {
            set: self.set,
            interface: Interface {
                inputs: self.graph.inputs.clone(),
                outputs: encodings,
                output_coefficient_bytes: bytes,
            },
            luts: self.graph.luts.clone(),
            encoded: self.encoded,
            terms,
            tables,
            waves,
            dead_after,
            outputs,
            report,
        })
    }

    /// Ranges and steps of the outputs, and the fewest bytes a coefficient that keep them exact.
    fn prove_outputs(
        &self,
        outputs: &[Expr],
        report: &mut Report,
    ) -> Result<(Vec<OutputEncoding>, u8), CompileError> {
        let mut encodings = vec![];
        for (output, sum) in outputs.iter().enumerate() {
            let place = || ("outputs".to_string(), output);
            let step = self.common_step(sum, place)?;
            let reach = self.reach(sum).ok_or_else(|| CompileError::Span {
                layer: place().0,
                row: output,
            })?;
            let (lo, hi) = (reach.lo(), reach.hi());
            let size = 1u64 << step;
            if i64::from(hi) - i64::from(lo) >= size as i64 {
                return Err(CompileError::OutputRange { output, lo, hi, size });
            }
            encodings.push(OutputEncoding { lo, hi, step });
        }
        let failures = |bytes: u8| {
            let p = |(sum, encoding): (&Expr, &OutputEncoding)| {
                self.noise
                    .log2_p_fail_output(self.spread(sum).1, encoding.step, 8 * u32::from(bytes))
            };
            outputs.iter().zip(&encodings).map(p).collect::<Vec<f64>>()
        };
        let fits = |bytes: &u8| failures(*bytes).iter().all(|p| *p <= LOG2_P_FAIL);
        let bytes = (1..=8).find(fits).ok_or_else(|| {
            let worst = failures(8)
                .into_iter()
                .enumerate()
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let (output, log2_p_fail) = worst.unwrap_or_default();
            CompileError::OutputNoise { output, log2_p_fail }
        })?;
        for p in failures(bytes) {
            report.log2_p_fail_output = report.log2_p_fail_output.max(p);
            report.add_failure(p);
        }
        Ok((encodings, bytes))
    }
}

fn check_step(what: &str, step: u8, max: u8) -> Result<(), CompileError> {
    const MIN: u8 = 2;
    if (MIN..=max).contains(&step) {
        Ok(())
    } else {
        Err(CompileError::Step {
            what: what.into(),
            step,
            min: MIN,
            max,
        })
    }
}
