//! What the compiler proves, folds, drops and refuses.

use super::*;
use crate::ir::{GraphBuilder, Row};

fn set() -> ParameterSet {
    ParameterSet::default()
}

fn step_lut() -> Lut {
    Lut::new(-16..=15, |x| i32::from(x >= 0))
}

fn sum(wires: impl IntoIterator<Item = u32>) -> Row {
    Row::new(0, wires.into_iter().map(|wire| (wire, 1)))
}

/// `count` bits, each of its own table over one input.
fn bits(graph: &mut GraphBuilder, count: u32) -> std::ops::Range<u32> {
    let lut = graph.lut(step_lut());
    graph.table_layer("bits", None, lut, (0..count).map(|at| sum([at])))
}

#[test]
fn a_sign_like_table_takes_fifteen_ternary_inputs_and_not_seventeen() {
    let build = |count: u32| {
        let mut graph = GraphBuilder::new(count, -1, 1);
        let wide = graph.lut(Lut::new(-17..=17, |x| i32::from(x >= 0)));
        let out = graph.table_layer("wide", None, wide, [sum(0..count)]);
        graph.finish(out).unwrap().compile(&set())
    };
    assert_eq!(build(15).unwrap().bootstraps(), 1);
    let error = build(17).unwrap_err();
    assert!(
        matches!(&error, CompileError::NotExact { layer, row: 0, lo: -17, hi: 17, .. } if layer == "wide"),
        "{error}"
    );
}

#[test]
fn exactness_is_judged_on_reachable_values_only() {
    // Weights of 2 reach even values only: 33 positions apart, yet no two opposed arguments disagree.
    let mut graph = GraphBuilder::new(12, 0, 1);
    let lut = graph.lut(Lut::new(0..=24, |x| {
        if x % 2 == 0 {
            i32::from(x == 4 || x == 20)
        } else {
            x
        }
    }));
    let row = Row::new(0, (0..12).map(|wire| (wire, 2)));
    let out = graph.table_layer("even", None, lut, [row]);
    let error = graph
        .clone()
        .finish(out.clone())
        .unwrap()
        .compile(&set())
        .unwrap_err();
    // f(0) + f(16) = 0, f(4) + f(20) = 2: still refused, for a reachable reason.
    assert!(matches!(error, CompileError::NotExact { .. }), "{error}");

    let mut graph = GraphBuilder::new(12, 0, 1);
    let lut = graph.lut(Lut::new(
        0..=24,
        |x| if x % 2 == 0 { i32::from(x >= 16) } else { x },
    ));
    let row = Row::new(0, (0..12).map(|wire| (wire, 2)));
    let out = graph.table_layer("even", None, lut, [row]);
    graph.finish(out).unwrap().compile(&set()).unwrap();
}

#[test]
fn noise_is_refused_by_layer_and_row() {
    let build = |weights: &[i32]| {
        let mut graph = GraphBuilder::new(4, -1, 1);
        let bits = bits(&mut graph, 4);
        let lut = graph.lut(Lut::new(-16..=15, |x| i32::from(x >= 0)));
        let row = Row::new(0, bits.zip(weights.iter().copied()));
        let out = graph.table_layer("heavy", Some(3), lut, [sum([0]), row]);
        graph.finish(out).unwrap().compile(&set())
    };
    // Squared norm 25 is the set's nominal limit, at 2^-129.6; 36 is still below 2^-128, 49 is not.
    let circuit = build(&[3, -4]).unwrap();
    let heavy = &circuit.report().layers[1];
    assert_eq!(heavy.norm2, 25);
    assert!((heavy.log2_p_fail - -129.58).abs() < 0.1, "{}", heavy.log2_p_fail);
    build(&[-6]).unwrap();
    let error = build(&[-7]).unwrap_err();
    assert!(
        matches!(&error, CompileError::Noise { layer, row: 1, norm2: 49, log2_p_fail } if layer == "heavy" && *log2_p_fail > -128.0),
        "{error}"
    );
}

#[test]
fn a_value_used_twice_through_leveled_layers_counts_with_its_whole_weight() {
    let mut graph = GraphBuilder::new(2, -1, 1);
    let bits = bits(&mut graph, 2);
    let first = graph.linear_layer(
        "double",
        None,
        [Row::new(1, [(bits.start, 4), (bits.start + 1, 1)])],
    );
    let second = graph.linear_layer(
        "again",
        None,
        [Row::new(0, [(first.start, 2), (bits.start + 1, -2)])],
    );
    let lut = graph.lut(Lut::new(0..=16, |x| i32::from(x > 4)));
    let out = graph.table_layer("use", None, lut, [sum(second)]);
    // 2 * (4a + b + 1) - 2b = 8a + 2: squared norm 64 although each layer's own is small.
    let error = graph.finish(out).unwrap().compile(&set()).unwrap_err();
    assert!(matches!(error, CompileError::Noise { norm2: 64, .. }), "{error}");
}

#[test]
fn tables_must_be_defined_wherever_inputs_lead() {
    let mut graph = GraphBuilder::new(3, -1, 1);
    let lut = graph.lut(Lut::new(-2..=3, |x| x));
    let out = graph.table_layer("narrow", None, lut, [sum(0..3)]);
    let error = graph.finish(out).unwrap().compile(&set()).unwrap_err();
    assert_eq!(
        error,
        CompileError::Undefined {
            layer: "narrow".into(),
            row: 0,
            value: -3,
            lo: -3,
            hi: 3
        }
    );
}

#[test]
fn steps_do_not_mix_and_must_exist() {
    let mut graph = GraphBuilder::new(1, 0, 1);
    let fine = graph.lut(Lut::new(0..=1, |x| x).with_step(7));
    let value = graph.table_layer("fine", None, fine, [sum([0])]);
    let out = graph.linear_layer("mixed", None, [Row::new(0, [(0, 1), (value.start, 1)])]);
    let error = graph.finish(out).unwrap().compile(&set()).unwrap_err();
    assert!(matches!(error, CompileError::Steps { a: 5, b: 7, .. }), "{error}");

    let mut graph = GraphBuilder::new(1, 0, 1);
    let odd = graph.lut(Lut::new(0..=1, |x| x).with_step(64));
    let out = graph.table_layer("odd", None, odd, [sum([0])]);
    assert!(matches!(
        graph.finish(out).unwrap().compile(&set()),
        Err(CompileError::Step { step: 64, .. })
    ));
}

#[test]
fn outputs_must_fit_their_step_and_survive_their_noise() {
    let build = |step: u8, weight: i32| {
        let mut graph = GraphBuilder::new(2, 0, 1);
        let lut = graph.lut(Lut::new(0..=1, |x| x).with_step(step));
        let bits = graph.table_layer("bits", None, lut, [sum([0]), sum([1])]);
        let out = graph.linear_layer("logit", None, [Row::new(-5, bits.map(|wire| (wire, weight)))]);
        graph.finish(out).unwrap().compile(&set())
    };
    let circuit = build(7, 6).unwrap();
    assert_eq!(
        circuit.interface().outputs,
        [OutputEncoding {
            lo: -5,
            hi: 7,
            step: 7
        }]
    );
    assert!(circuit.report().log2_p_fail_output <= -128.0);
    assert!(matches!(
        build(7, 9),
        Err(CompileError::OutputNoise { output: 0, .. })
    ));
    build(5, 15).unwrap();
    assert!(matches!(
        build(5, 16),
        Err(CompileError::OutputRange {
            output: 0,
            lo: -5,
            hi: 27,
            size: 32
        })
    ));
}

#[test]
fn coarser_outputs_take_fewer_bytes() {
    let bytes = |step: u8| {
        let mut graph = GraphBuilder::new(1, 0, 1);
        let lut = graph.lut(Lut::new(0..=1, |x| x).with_step(step));
        let out = graph.table_layer("bit", None, lut, [sum([0])]);
        graph
            .finish(out)
            .unwrap()
            .compile(&set())
            .unwrap()
            .interface()
            .output_coefficient_bytes
    };
    assert_eq!((bytes(5), bytes(7), bytes(9)), (2, 2, 3));
}

#[test]
fn constants_are_folded_equal_rows_shared_and_unused_rows_dropped() {
    let mut graph = GraphBuilder::new(3, -1, 1);
    let lut = graph.lut(step_lut());
    let open = Row::new(10, [(0, 1), (1, 1)]);
    let closed = Row::new(-10, [(0, 1)]);
    let live = Row::new(0, [(0, 1), (2, -1)]);
    let same = Row::new(0, [(2, -1), (0, 1), (1, 0)]);
    let unused = Row::new(1, [(1, 1), (2, -1)]);
    let wires = graph.table_layer("gates", Some(1), lut, [open, closed, live, same, unused]);
    let out = graph.linear_layer("out", None, [sum(wires.start..wires.end - 1)]);
    let circuit = graph.finish(out).unwrap().compile(&set()).unwrap();
    let gates = &circuit.report().layers[0];
    assert_eq!(
        (gates.rows, gates.tables, gates.constant, gates.shared),
        (5, 1, 2, 1)
    );
    assert_eq!(circuit.bootstraps(), 1);
    assert_eq!(circuit.report().tables_of_head(1), 1);
    for (x, expected) in [([1, 0, 0], 3), ([0, 1, 1], 1)] {
        assert_eq!(crate::exec_clear::run_circuit(&circuit, &x).unwrap(), [expected]);
    }
}

#[test]
fn waves_follow_dependencies_and_free_what_is_read_last() {
    let mut graph = GraphBuilder::new(2, -1, 1);
    let lut = graph.lut(step_lut());
    let a = graph.table_layer("a", None, lut, [sum([0]), sum([1])]);
    let b = graph.table_layer("b", None, lut, [sum([a.start, 1])]);
    let out = graph.linear_layer("out", None, [sum([a.start + 1, b.start])]);
    let circuit = graph.finish(out).unwrap().compile(&set()).unwrap();
    assert_eq!(circuit.depth(), 2);
    assert_eq!(circuit.waves, [0..2, 2..3]);
    // Input 0 dies with the first wave; input 1 and the first bit with the second; outputs never.
    assert_eq!(circuit.dead_after, [vec![0], vec![1, 2]]);
}

#[test]
fn outputs_decode_to_the_class_from_their_lowest_value_on() {
    let encoding = OutputEncoding {
        lo: -5,
        hi: 121,
        step: 7,
    };
    for x in [-5i64, -1, 0, 63, 64, 121] {
        let phase = (x as u64) << 57;
        for noise in [0i64, (1 << 56) - 1, -(1 << 56)] {
            assert_eq!(i64::from(encoding.decode(phase.wrapping_add(noise as u64))), x);
        }
    }
}

#[test]
fn a_small_file_cannot_ask_for_much_memory() {
    // Every input's range would take 256 kB of its own, and the sum of all 16 kB for each output.
    let mut graph = GraphBuilder::new(1 << 17, -32_768, 32_768);
    let wires = graph.inputs();
    let out = graph.linear_layer("all", None, [sum(wires)]);
    let error = graph
        .finish(std::iter::repeat_n(out.start, 1_000))
        .unwrap()
        .compile(&set());
    assert!(matches!(error.unwrap_err(), CompileError::Graph(_)));
    let mut graph = GraphBuilder::new(2, -1, 1);
    let out = bits(&mut graph, 1);
    let outputs = std::iter::repeat_n(out.start, crate::ir::MAX_OUTPUTS + 1);
    assert!(graph.finish(outputs).is_err());
}
