use super::{table, TINY};
use crate::dataset::{scales, Dataset};
use crate::generate::Kind;
use crate::loss::quantile_loss;
use crate::model::Model;
use crate::{Feature, Schema, Table};

fn problem() -> (Schema, Table) {
    let (mut schema, mut table) = table(Kind::Chain, 60);
    schema
        .statics
        .extend([Feature::real("size"), Feature::real("age")]);
    schema.known.push(Feature::categorical("hour", 12));
    for (at, series) in table.series.iter_mut().enumerate() {
        series.statics.extend([at as f64, 1.0 - at as f64 * 0.7]);
        series
            .known
            .push((0..64).map(|row| f64::from(row % 12)).collect());
    }
    (schema, table)
}

#[test]
fn every_parameter_receives_a_gradient() {
    let (schema, table) = problem();
    let dataset = Dataset::new(&schema, TINY, &table, &scales(&table, 1.0)).unwrap();
    let model = Model::new(&schema, TINY, 1).unwrap();
    let windows = dataset.windows(0.0..1.0);
    for dropout in [None, Some(7)] {
        let output = model.forward(&dataset.batch(&windows).unwrap(), dropout).unwrap();
        let loss = quantile_loss(&output.quantiles, &dataset.targets(&windows).unwrap()).unwrap();
        let gradients = loss.backward().unwrap();
        for (name, var) in model.parameters() {
            let gradient = gradients
                .get(var)
                .unwrap_or_else(|| panic!("{name} has no gradient"));
            let rows = gradient
                .reshape(((), gradient.dims()[gradient.rank() - 1]))
                .unwrap();
            for (at, row) in rows.to_vec2::<f32>().unwrap().iter().enumerate() {
                assert!(row.iter().all(|x| x.is_finite()), "{name} row {at}");
                assert!(
                    row.iter().any(|x| *x != 0.0),
                    "{name} row {at} has a gradient of zero"
                );
            }
        }
    }
}

/// The loss moves along the gradient as the gradient says, for every parameter tensor.
#[test]
fn gradients_agree_with_finite_differences() {
    let (schema, table) = problem();
    let dataset = Dataset::new(&schema, TINY, &table, &scales(&table, 1.0)).unwrap();
    let model = Model::new(&schema, TINY, 1).unwrap();
    let windows = &dataset.windows(0.0..1.0);
    let (batch, targets) = (dataset.batch(windows).unwrap(), dataset.targets(windows).unwrap());
    // A smooth function of the forecasts, so that differences are not taken across kinks.
    let loss = || {
        let output = model.forward(&batch, Some(3)).unwrap();
        let error = output
            .quantiles
            .broadcast_sub(&targets.unsqueeze(3).unwrap())
            .unwrap();
        error.sqr().unwrap().mean_all().unwrap()
    };
    let gradients = loss().backward().unwrap();
    for (name, var) in model.parameters() {
        let gradient = gradients.get(var).unwrap();
        let norm = gradient
            .sqr()
            .unwrap()
            .sum_all()
            .unwrap()
            .to_scalar::<f32>()
            .unwrap()
            .sqrt();
        // The static gate's selection is all but flat where two or three variables are normalised.
        if norm < 1e-3 {
            continue;
        }
        let step = 0.01;
        let direction = (gradient / f64::from(norm)).unwrap();
        let origin = var.copy().unwrap();
        let at = |size: f64| {
            var.set(&(&origin + (&direction * size).unwrap()).unwrap())
                .unwrap();
            f64::from(loss().to_scalar::<f32>().unwrap())
        };
        let slope = (at(step) - at(-step)) / (2.0 * step);
        var.set(&origin).unwrap();
        let norm = f64::from(norm);
        assert!(
            (slope - norm).abs() < 0.03 * norm + 2e-4,
            "{name}: {slope} by differences, {norm} by gradient"
        );
    }
}
