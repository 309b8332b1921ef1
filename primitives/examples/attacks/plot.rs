//! Line plots as SVG.

use std::{fmt::Write, path::Path};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 48.0;
const COLOURS: [&str; 6] = ["#1b6ca8", "#c8553d", "#3d8b5f", "#8d5a97", "#b08900", "#444444"];

/// A curve.
pub struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Values at 0, 1, 2 and so on.
    pub fn of(name: &str, values: Vec<f64>) -> Self {
        let points = values
            .into_iter()
            .enumerate()
            .map(|(x, y)| (x as f64, y))
            .collect();
        Self {
            name: name.to_owned(),
            points,
        }
    }

    pub fn through(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }
}

/// Draws curves over a common axis that begins at zero.
pub fn lines(path: &Path, title: &str, axis: &str, curves: &[Line]) -> std::io::Result<()> {
    let points = || curves.iter().flat_map(|line| &line.points);
    let right = points().map(|(x, _)| *x).fold(1e-9, f64::max);
    let top = points().map(|(_, y)| *y).fold(1e-9, f64::max) * 1.05;
    let x = |value: f64| MARGIN + value / right * (WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN - value / top * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"{MARGIN}\" y=\"24\" \
         font-size=\"15\">{title}</text>"
    );
    for step in 0..=4 {
        let (value, at) = (top * f64::from(step) / 4.0, right * f64::from(step) / 4.0);
        let _ = write!(
            svg,
            "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{1}\" y2=\"{1}\" stroke=\"#dddddd\"/><text x=\"4\" y=\"{1}\">{value:.3}</text>\
             <text x=\"{2}\" y=\"{3}\">{at:.2}</text>",
            WIDTH - MARGIN,
            y(value),
            x(at),
            HEIGHT - MARGIN + 16.0,
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"{}\">{axis}</text>",
        WIDTH / 2.0,
        HEIGHT - 8.0
    );
    for (index, (line, colour)) in curves.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let path: Vec<String> = line
            .points
            .iter()
            .map(|(a, b)| format!("{:.1},{:.1}", x(*a), y(*b)))
            .collect();
        let _ = write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/><text x=\"{}\" y=\"{}\" \
             fill=\"{colour}\">{}</text>",
            path.join(" "),
            WIDTH - MARGIN - 110.0,
            MARGIN + 16.0 * index as f64,
            line.name,
        );
    }
    svg.push_str("</svg>\n");
    std::fs::write(path, svg)
}
