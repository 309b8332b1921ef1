//! Counts worked out by hand, and the graphs that bear them out.

use std::collections::BTreeMap;

use super::{Actions, Expression, Passes};
use crate::error::Error;
use crate::exec_clear::{run_circuit, run_graph};
use crate::params::ParameterSet;

fn expression(text: &str) -> Expression {
    text.parse().unwrap()
}

fn counts(text: &str, passes: Passes) -> (usize, usize) {
    let Actions {
        encryptions,
        operations,
    } = expression(text).actions(passes);
    (encryptions, operations)
}

/// Ciphertexts and circuits, before and after, worked out by hand from the counting rule.
const WORKED_OUT: [(&str, (usize, usize), (usize, usize)); 9] = [
    // The whitepaper's: 11 actions become 5.
    ("(a+b)+(c*d)+(e*f)", (6, 5), (3, 2)),
    // Both sums are folded, then packed into one ciphertext: one table.
    ("(a+b)*(c+d)", (4, 3), (1, 1)),
    // The product is evaluated once, twice its weight is leveled; c travels alone.
    ("a*b + a*b - c", (3, 4), (2, 1)),
    // The inner product is a ciphertext already, so c cannot travel with it; d is another.
    ("(a*b)*c + d", (4, 3), (3, 2)),
    // A sum is the client's alone.
    ("a+b+c+d", (4, 3), (1, 0)),
    // Two products that share an operand have a ciphertext each.
    ("a*b + a*c", (3, 3), (2, 2)),
    // Clear numbers are no ciphertexts, their products no circuits.
    ("3*(a*b) + 2*c + 5", (3, 5), (2, 1)),
    // Summands that stand apart are folded all the same; a*b and b*a are one.
    ("a + c*d + b + d*c", (4, 5), (2, 1)),
    // Nothing is encrypted.
    ("2*3+1", (0, 0), (0, 0)),
];

#[test]
fn eleven_actions_become_five() {
    let expression = expression("(a+b)+(c*d)+(e*f)");
    assert_eq!(expression.actions(Passes::NONE).total(), 11);
    assert_eq!(expression.actions(Passes::ALL).total(), 5);
}

#[test]
fn counts_are_those_worked_out_beforehand() {
    for (text, before, after) in WORKED_OUT {
        assert_eq!(counts(text, Passes::NONE), before, "{text}");
        assert_eq!(counts(text, Passes::ALL), after, "{text}");
    }
}

#[test]
fn each_pass_saves_what_it_says() {
    let text = "(a+b)+(c*d)+(e*f)";
    let only = |change: fn(&mut Passes)| {
        let mut passes = Passes::NONE;
        change(&mut passes);
        counts(text, passes)
    };
    assert_eq!(only(|p| p.fold = true), (5, 4), "a+b is one ciphertext");
    assert_eq!(only(|p| p.pack = true), (4, 5), "c with d, e with f");
    assert_eq!(only(|p| p.fuse = true), (6, 2), "the products");
    assert_eq!(only(|p| p.share = true), (6, 5), "nothing occurs twice");
    assert_eq!(
        counts(
            "(a*b)*(a*b)",
            Passes {
                share: true,
                ..Passes::NONE
            }
        ),
        (2, 2)
    );
    assert_eq!(counts("(a*b)*(a*b)", Passes::NONE), (2, 3));
}

/// Every assignment of `0..=largest` to the variables.
fn assignments<'a>(expression: &'a Expression, largest: i64) -> Vec<BTreeMap<&'a str, i64>> {
    let mut all = vec![BTreeMap::new()];
    for name in expression.variables() {
        let with = |values: &BTreeMap<&'a str, i64>, x: i64| {
            let mut values = values.clone();
            values.insert(name, x);
            values
        };
        all = all
            .iter()
            .flat_map(|values| (0..=largest).map(move |x| with(values, x)))
            .collect();
    }
    all
}

#[test]
fn the_compiled_circuit_has_just_the_actions_counted() {
    for (text, _, (encryptions, operations)) in WORKED_OUT.into_iter().filter(|(_, _, after)| after.0 > 0) {
        let squeezed = expression(text).squeeze(1).unwrap();
        let circuit = squeezed.graph().compile(&ParameterSet::default()).unwrap();
        assert_eq!(circuit.interface().inputs.len as usize, encryptions, "{text}");
        assert_eq!(circuit.bootstraps() as usize, operations, "{text}");
        for values in assignments(&expression(text), 1) {
            let inputs = squeezed.encode(&values).unwrap();
            let wanted = expression(text).evaluate(&values).unwrap();
            assert_eq!(
                run_circuit(&circuit, &inputs).unwrap(),
                [wanted as i32],
                "{text} {values:?}"
            );
        }
    }
}

#[test]
fn numbers_of_two_bits_fit_one_table_of_a_product() {
    let expression = expression("a*b - c*d");
    let squeezed = expression.squeeze(3).unwrap();
    let circuit = squeezed.graph().compile(&ParameterSet::default()).unwrap();
    assert_eq!((circuit.interface().inputs.len, circuit.bootstraps()), (2, 2));
    for values in assignments(&expression, 3) {
        let out = run_circuit(&circuit, &squeezed.encode(&values).unwrap()).unwrap();
        assert_eq!(i64::from(out[0]), expression.evaluate(&values).unwrap());
    }
}

#[test]
fn a_graph_too_wide_to_encrypt_still_computes_in_clear() {
    let expression = expression("(a-b)*(c+7) - 2*a");
    let squeezed = expression.squeeze(5).unwrap();
    assert!(squeezed.graph().compile(&ParameterSet::default()).is_err());
    for values in assignments(&expression, 5) {
        let out = run_graph(squeezed.graph(), &squeezed.encode(&values).unwrap()).unwrap();
        assert_eq!(
            i64::from(out[0]),
            expression.evaluate(&values).unwrap(),
            "{values:?}"
        );
    }
}

#[test]
fn malformed_expressions_are_refused_with_the_place() {
    for (text, place) in [
        ("", 1),
        ("a+", 3),
        ("a b", 3),
        ("(a", 3),
        ("a)", 2),
        ("-a", 1),
        ("3x", 3),
        ("99999999999", 12),
        ("a+é", 3),
    ] {
        let error = text.parse::<Expression>().unwrap_err().to_string();
        assert!(
            error.ends_with(&format!("at character {place}")),
            "{text}: {error}"
        );
    }
    let deep = format!("{}a{}", "(".repeat(65), ")".repeat(65));
    let long = vec!["a"; 600].join("+");
    for text in [deep, long] {
        assert!(matches!(text.parse::<Expression>(), Err(Error::Expression(_))));
    }
}

#[test]
fn ranges_that_cannot_be_held_are_refused() {
    assert!(matches!(expression("2*3").squeeze(1), Err(Error::Expression(_))));
    let squares = vec!["(a*a)"; 40].join("*");
    for (text, largest) in [("a*b", u16::MAX), ("a*b", 100), (squares.as_str(), 9)] {
        assert!(
            matches!(expression(text).squeeze(largest), Err(Error::Expression(_))),
            "{text}"
        );
    }
    let squeezed = expression("a*b").squeeze(1).unwrap();
    for values in [BTreeMap::from([("a", 1)]), BTreeMap::from([("a", 2), ("b", 0)])] {
        assert!(matches!(squeezed.encode(&values), Err(Error::Expression(_))));
    }
}
