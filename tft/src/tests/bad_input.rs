use super::{table, training, TINY};
use crate::generate::Kind;
use crate::{Feature, Forecaster, Schema, Sizes, Table, Training};

fn complaint<T>(result: crate::Result<T>) -> String {
    match result {
        Ok(_) => panic!("bad input was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn tables_that_do_not_fit_are_named() {
    let change = |change: &dyn Fn(&mut Table)| {
        let (schema, mut table) = table(Kind::Chain, 60);
        change(&mut table);
        complaint(table.check(&schema))
    };
    for (expected, broken) in [
        (
            "bytes, row 7: NaN is not finite",
            change(&|table| table.series[0].observed[2][7] = f64::NAN),
        ),
        (
            "row 3: inf is not finite",
            change(&|table| table.series[2].known[0][3] = f64::INFINITY),
        ),
        (
            "9 is not a category below 3",
            change(&|table| table.series[1].statics[0] = 9.0),
        ),
        (
            "7 observed",
            change(&|table| drop(table.series[0].observed.pop())),
        ),
        (
            "59 rows where 60",
            change(&|table| table.series[0].observed[1].truncate(59)),
        ),
        (
            "named \"series_0\"",
            change(&|table| table.series[1].name = "series_0".into()),
        ),
        (
            "known columns end at row 50",
            change(&|table| {
                for column in &mut table.series[0].known {
                    column.truncate(50);
                }
            }),
        ),
        ("no series", change(&|table| table.series.clear())),
    ] {
        assert!(broken.contains(expected), "{broken:?} does not say {expected:?}");
    }
}

#[test]
fn schemas_that_contradict_themselves_are_named() {
    let change = |change: &dyn Fn(&mut Schema)| {
        let (mut schema, _) = table(Kind::Chain, 60);
        change(&mut schema);
        complaint(Forecaster::new(schema, TINY, 1))
    };
    for (expected, broken) in [
        (
            "target nothing",
            change(&|schema| schema.targets = vec!["nothing".into()]),
        ),
        ("no target", change(&|schema| schema.targets.clear())),
        ("no known feature", change(&|schema| schema.known.clear())),
        (
            "\"bytes\" is empty, reserved or used twice",
            change(&|schema| schema.known.push(Feature::real("bytes"))),
        ),
        (
            "hour must have 2 to",
            change(&|schema| schema.known.push(Feature::categorical("hour", 1))),
        ),
    ] {
        assert!(broken.contains(expected), "{broken:?} does not say {expected:?}");
    }
}

#[test]
fn short_series_say_how_much_is_needed() {
    let (schema, short) = table(Kind::Chain, 14);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    let broken = complaint(forecaster.fine_tune(&short, training(1), None, &mut |_| {}));
    assert!(broken.contains("too few rows"), "{broken}");
    let (_, whole) = table(Kind::Chain, 80);
    forecaster
        .fine_tune(&whole, training(1), None, &mut |_| {})
        .unwrap();
    let (_, shorter) = table(Kind::Chain, 11);
    let broken = complaint(forecaster.forecast(&shorter));
    assert!(
        broken.contains("11 observed rows; the model looks at 12"),
        "{broken}"
    );
    let mut blind = whole.clone();
    for series in &mut blind.series {
        for column in &mut series.known {
            column.truncate(82);
        }
    }
    let broken = complaint(forecaster.forecast(&blind));
    assert!(
        broken.contains("reach 2 rows ahead; a forecast needs 4"),
        "{broken}"
    );
    let mut strange = whole;
    strange.series[0].name = "strange".into();
    assert!(complaint(forecaster.forecast(&strange)).contains("not trained on series \"strange\""));
}

#[test]
fn sizes_and_settings_out_of_range_are_refused() {
    let (schema, table) = table(Kind::Chain, 80);
    for sizes in [
        Sizes { width: 0, ..TINY },
        Sizes { heads: 3, ..TINY },
        Sizes { encoder: 0, ..TINY },
        Sizes { dropout: 1.0, ..TINY },
        Sizes {
            dropout: f32::NAN,
            ..TINY
        },
    ] {
        complaint(Forecaster::new(schema.clone(), sizes, 1));
    }
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    for training in [
        Training {
            batch: 0,
            ..training(1)
        },
        Training {
            rate: f64::NAN,
            ..training(1)
        },
        Training {
            validation: 1.0,
            ..training(1)
        },
        Training {
            clip: 0.0,
            ..training(1)
        },
    ] {
        complaint(forecaster.fine_tune(&table, training, None, &mut |_| {}));
    }
}

#[test]
fn csv_comes_back_and_its_faults_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table.csv");
    let (schema, table) = table(Kind::Chain, 30);
    table.write_csv(&path, &schema).unwrap();
    assert_eq!(Table::read_csv(&path, &schema).unwrap(), table);
    let text = std::fs::read_to_string(&path).unwrap();
    let read = |text: String| {
        std::fs::write(&path, text).unwrap();
        complaint(Table::read_csv(&path, &schema))
    };
    assert!(read(text.replacen("bytes", "octets", 1)).contains("no column \"bytes\""));
    assert!(read(text.replacen("series_0,0,", "series_0,zero,", 1)).contains("line 2, column kind: \"zero\""));
    assert!(read(String::new()).contains("is empty"));
    let gap: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            5 => format!(
                "series_0,0,{}{}",
                ",".repeat(8),
                line.split(',').skip(10).collect::<Vec<_>>().join(",")
            ),
            _ => line.into(),
        })
        .collect();
    assert!(read(gap.join("\n")).contains("observed again"));
}

/// A model that has not been trained crosses its quantiles; its answers do not.
#[test]
fn crossed_quantiles_are_put_in_order() {
    let (schema, table) = table(Kind::Chain, 80);
    let mut forecaster = Forecaster::new(schema, TINY, 1).unwrap();
    forecaster
        .fine_tune(&table, training(0), None, &mut |_| {})
        .unwrap();
    let dataset = forecaster.dataset(&table).unwrap();
    let windows = dataset.windows(0.0..1.0);
    let output = forecaster
        .model()
        .forward(&dataset.batch(&windows).unwrap(), None)
        .unwrap();
    let raw = output.quantiles.flatten_to(2).unwrap().to_vec2::<f32>().unwrap();
    assert!(
        raw.iter().any(|row| row[0] > row[1]),
        "the untrained model crosses nothing"
    );
    for row in forecaster
        .predict(&table, &dataset, &windows)
        .unwrap()
        .iter()
        .flatten()
        .flatten()
    {
        assert!(row[0] <= row[1] && row[1] <= row[2]);
    }
    for row in forecaster
        .forecast(&table)
        .unwrap()
        .iter()
        .flat_map(|forecast| &forecast.quantiles)
    {
        assert!(row
            .iter()
            .all(|[low, middle, high]| low <= middle && middle <= high));
    }
}
