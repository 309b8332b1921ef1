//! Explanations as SVG: bars of variable importance and attention over the rows of a window.

use std::fmt::Write;

use crate::explain::{Explanation, Importance};

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 24.0;
const LABEL: f64 = 190.0;
const BAR: f64 = 18.0;
const CHART: f64 = 180.0;

struct Page {
    body: String,
    y: f64,
}

impl Page {
    fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        // Writing to a string does not fail.
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        );
    }

    fn title(&mut self, text: &str) {
        self.y += 34.0;
        self.text(MARGIN, self.y, "start", "title", text);
        self.y += 10.0;
    }

    fn bars(&mut self, title: &str, variables: &[Importance]) {
        self.title(title);
        let mut sorted: Vec<&Importance> = variables.iter().collect();
        sorted.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let longest = sorted.first().map_or(1.0, |first| first.weight).max(1e-9);
        for Importance { name, weight } in sorted {
            let length = (WIDTH - 2.0 * MARGIN - LABEL - 60.0) * weight / longest;
            let (x, y) = (MARGIN + LABEL, self.y + BAR - 5.0);
            self.text(x - 8.0, y, "end", "label", name);
            let _ = writeln!(
                self.body,
                r#"<rect x="{x:.1}" y="{:.1}" width="{length:.1}" height="{:.1}" class="bar"/>"#,
                self.y + 2.0,
                BAR - 4.0
            );
            self.text(
                x + length + 6.0,
                y,
                "start",
                "label",
                &format!("{:.1}%", weight * 100.0),
            );
            self.y += BAR;
        }
    }

    /// Attention of the first and the last row ahead, and the mean of all.
    fn attention(&mut self, explanation: &Explanation) {
        self.title("Attention of rows ahead on the rows of the window (0: the first row ahead)");
        let rows = &explanation.attention;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return;
        };
        let mean: Vec<f64> = (0..first.len())
            .map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64)
            .collect();
        let lines = [
            ("first row ahead", "first", first),
            ("last row ahead", "last", last),
            ("mean", "mean", &mean),
        ];
        let highest = lines
            .iter()
            .flat_map(|(_, _, line)| line.iter())
            .fold(1e-9, |a: f64, b| a.max(*b));
        let (left, right) = (MARGIN + 50.0, WIDTH - MARGIN);
        let (top, bottom) = (self.y + 24.0, self.y + 24.0 + CHART);
        let x = |at: usize| left + (right - left) * at as f64 / (first.len() - 1).max(1) as f64;
        for (at, (name, class, line)) in lines.into_iter().enumerate() {
            let points: Vec<String> = line
                .iter()
                .enumerate()
                .map(|(at, value)| format!("{:.1},{:.1}", x(at), bottom - CHART * value / highest))
                .collect();
            let _ = writeln!(
                self.body,
                r#"<polyline points="{}" class="line {class}"/>"#,
                points.join(" ")
            );
            let legend = left + 180.0 * at as f64;
            let _ = writeln!(
                self.body,
                r#"<line x1="{legend:.1}" x2="{:.1}" y1="{:.1}" y2="{:.1}" class="line {class}"/>"#,
                legend + 24.0,
                top - 12.0,
                top - 12.0
            );
            self.text(legend + 30.0, top - 8.0, "start", "label", name);
        }
        let present = x(explanation.encoder);
        let _ = writeln!(
            self.body,
            r#"<path d="M{left:.1} {top:.1}V{bottom:.1}H{right:.1}" class="axis"/>
<path d="M{present:.1} {top:.1}V{bottom:.1}" class="axis present"/>"#
        );
        self.text(
            left - 6.0,
            top + 4.0,
            "end",
            "label",
            &format!("{:.1}%", highest * 100.0),
        );
        self.text(left - 6.0, bottom, "end", "label", "0");
        self.text(
            left,
            bottom + 16.0,
            "start",
            "label",
            &format!("-{}", explanation.encoder),
        );
        self.text(present, bottom + 16.0, "middle", "label", "0");
        self.text(
            right,
            bottom + 16.0,
            "end",
            "label",
            &format!("+{}", rows.len() - 1),
        );
        self.y = bottom + 24.0;
    }
}

/// The explanation as one SVG document.
pub fn svg(explanation: &Explanation) -> String {
    let mut page = Page {
        body: String::new(),
        y: 0.0,
    };
    page.bars("Importance of past variables", &explanation.past);
    page.bars("Importance of variables known ahead", &explanation.known);
    page.bars("Importance of static variables", &explanation.statics);
    page.attention(explanation);
    page.y += 20.0;
    let note = format!(
        "model {}, mean over {} windows",
        explanation.model_hash.get(..12).unwrap_or_default(),
        explanation.windows
    );
    page.text(MARGIN, page.y, "start", "label", &note);
    let height = page.y + MARGIN;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img">
<title>What the forecast looked at</title>
<style>
text {{ font: 12px system-ui, sans-serif; fill: #1f2937; }} .title {{ font-size: 15px; font-weight: 600; }}
.bar {{ fill: #2563eb; }} .line {{ fill: none; stroke-width: 2; }} .first {{ stroke: #0d9488; }}
.last {{ stroke: #d97706; }} .mean {{ stroke: #2563eb; }} .axis {{ fill: none; stroke: #6b7280; }}
.present {{ stroke-dasharray: 4 4; }}
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
{}</svg>
"##,
        page.body
    )
}
