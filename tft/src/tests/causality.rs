use candle_core::Tensor;

use super::{table, TINY};
use crate::dataset::{scales, Dataset, Window};
use crate::generate::Kind;
use crate::model::{Model, Output};
use crate::Table;

const PRESENT: usize = 40;

fn run(change: impl Fn(&mut Table)) -> Output {
    let (schema, table) = table(Kind::Chain, 60);
    let scales = scales(&table, 1.0);
    let mut changed = table;
    change(&mut changed);
    let dataset = Dataset::new(&schema, TINY, &changed, &scales).unwrap();
    let model = Model::new(&schema, TINY, 1).unwrap();
    let window = Window {
        series: 1,
        start: PRESENT - TINY.encoder,
    };
    model.forward(&dataset.batch(&[window]).unwrap(), None).unwrap()
}

fn row(tensor: &Tensor, step: usize) -> Vec<f32> {
    tensor
        .get(0)
        .unwrap()
        .get(step)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[test]
fn observed_values_of_the_future_change_nothing() {
    let (before, after) = (
        run(|_| {}),
        run(|table| {
            for column in &mut table.series[1].observed {
                column[PRESENT..].fill(1e6);
            }
        }),
    );
    for step in 0..TINY.horizon {
        assert_eq!(row(&before.quantiles, step), row(&after.quantiles, step));
        assert_eq!(row(&before.attention, step), row(&after.attention, step));
    }
}

#[test]
fn known_inputs_ahead_change_only_the_rows_from_theirs_on() {
    let changed = 2;
    let (before, after) = (
        run(|_| {}),
        run(|table| table.series[1].known[0][PRESENT + changed] += 0.7),
    );
    for step in 0..TINY.horizon {
        let same = row(&before.quantiles, step) == row(&after.quantiles, step)
            && row(&before.attention, step) == row(&after.attention, step);
        assert_eq!(same, step < changed, "row {step} ahead");
    }
}

#[test]
fn a_row_ahead_attends_to_itself_and_what_precedes_it() {
    let attention = run(|_| {}).attention;
    for step in 0..TINY.horizon {
        let weights = row(&attention, step);
        let (seen, hidden) = weights.split_at(TINY.encoder + step + 1);
        assert!(seen.iter().all(|weight| *weight > 0.0) && hidden.iter().all(|weight| *weight == 0.0));
    }
}

#[test]
fn the_past_matters() {
    let (before, after) = (
        run(|_| {}),
        run(|table| table.series[1].observed[0][PRESENT - 1] *= 1.5),
    );
    assert_ne!(row(&before.quantiles, 0), row(&after.quantiles, 0));
}
