//! The status as a page of the terminal that draws itself anew.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use anyhow::{ensure, Context};
use based_client::chain::Chain;

use crate::{
    args::Common,
    status::{gather, Report},
    store::Store,
};

/// Time between two pages.
const EVERY: Duration = Duration::from_secs(3);
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Another screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the corner; what is left of the page before goes line by line.
const HOME: &str = "\x1b[H";
const END_OF_LINE: &str = "\x1b[K";
const END_OF_PAGE: &str = "\x1b[J";

/// Redraws the page until Ctrl-C.
///
/// # Errors
/// If this is no terminal or the databases cannot be read. A node that is away is waited for.
pub async fn watch(common: &Common, store: &Store) -> anyhow::Result<()> {
    ensure!(
        io::stdout().is_terminal(),
        "--watch draws on a terminal; use `status` or `status --json` here"
    );
    let screen = Screen::enter()?;
    let drawing = async {
        let mut chain = None;
        loop {
            let text = match page(common, store, &mut chain).await {
                Ok(text) => text,
                Err(error) => format!("{error:#}\n"),
            };
            screen.draw(&text)?;
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        ended = drawing => ended,
        stopped = tokio::signal::ctrl_c() => stopped.context("cannot wait for Ctrl-C"),
    }
}

async fn page(common: &Common, store: &Store, chain: &mut Option<Chain>) -> anyhow::Result<String> {
    let connected = match chain {
        Some(chain) => chain,
        None => chain.insert(Chain::connect(&common.node).await?),
    };
    Ok(draw(&gather(common, connected, store).await?))
}

/// The page as text.
fn draw(report: &Report) -> String {
    let mut lines = vec![format!(
        "based-validator · {} · block {}",
        report.account, report.block
    )];
    lines.push(String::new());
    lines.extend(report.lines());
    let transactions: Vec<f64> = report.forecast.transactions.iter().map(|n| *n as f64).collect();
    for (name, values) in [
        ("transactions", transactions),
        ("scores", report.forecast.scores.clone()),
    ] {
        if !values.is_empty() {
            lines.push(String::new());
            lines.push(format!("{name:<12} {}", sparkline(&values)));
        }
    }
    lines.push(String::new());
    lines.push("Ctrl-C ends".into());
    lines.join("\n") + "\n"
}

/// One bar a value, from the lowest to the highest; equal values are all low.
fn sparkline(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        let part = if high > low {
            (value - low) / (high - low)
        } else {
            0.0
        };
        BARS[((part * 7.0).round() as usize).min(7)]
    };
    values.iter().map(bar).collect()
}

/// The terminal's other screen while it is in use.
struct Screen;

impl Screen {
    fn enter() -> io::Result<Self> {
        let mut out = io::stdout();
        out.write_all(ENTER.as_bytes())?;
        out.flush()?;
        Ok(Self)
    }

    fn draw(&self, text: &str) -> io::Result<()> {
        let page = text.replace('\n', &format!("{END_OF_LINE}\n"));
        let mut out = io::stdout();
        out.write_all(format!("{HOME}{page}{END_OF_PAGE}").as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = io::stdout();
        // A terminal that is gone needs no repair.
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_lowest_to_highest() {
        assert_eq!(sparkline(&[0.0, 7.0, 14.0]), "▁▅█");
        assert_eq!(sparkline(&[3.0, 3.0]), "▁▁");
        assert_eq!(sparkline(&[]), "");
    }
}
