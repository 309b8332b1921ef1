//! What a command found or did, for people and for scripts.

use std::io::{self, Write};

use based_client::{
    chain::{ChainError, Included},
    money,
    wallet::format_account,
};
use comfy_table::{presets::NOTHING, Table};
use serde_json::{json, Value};

/// Result of a command.
#[derive(Debug)]
pub struct Report {
    json: Value,
    text: String,
}

impl Report {
    /// A report with both forms.
    pub fn new(json: Value, text: impl Into<String>) -> Self {
        Self {
            json,
            text: text.into(),
        }
    }

    /// Text that is no JSON even for scripts.
    pub fn raw(text: String) -> Self {
        Self {
            json: Value::Null,
            text,
        }
    }

    /// A table; `empty` is said instead of one without rows.
    pub fn table(json: Value, columns: &[&str], rows: Vec<Vec<String>>, empty: &str) -> Self {
        if rows.is_empty() {
            return Self::new(json, empty);
        }
        let mut table = Table::new();
        table
            .load_preset(NOTHING)
            .set_header(columns.to_vec())
            .add_rows(rows);
        Self::new(json, table.to_string())
    }

    /// Adds a value for scripts.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        if let Value::Object(map) = &mut self.json {
            map.insert(key.into(), value);
        }
        self
    }

    /// Adds a line to the text.
    pub fn with_line(mut self, line: &str) -> Self {
        self.text = format!("{}\n{line}", self.text);
        self
    }

    /// Names and values, one a line.
    pub fn fields(json: Value, fields: &[(&str, String)]) -> Self {
        let width = fields
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or_default();
        let lines: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name:width$}  {value}"))
            .collect();
        Self::new(json, lines.join("\n"))
    }

    /// A transaction that took effect.
    pub fn included(done: &str, included: &Included, mut more: Value) -> Self {
        if let Value::Object(map) = &mut more {
            map.insert("block".into(), json!(format!("{:?}", included.block)));
            map.insert("transaction".into(), json!(format!("{:?}", included.hash)));
        }
        Self::new(more, format!("{done}\nblock {:?}", included.block))
    }

    /// Prints the form asked for.
    pub fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json && !self.json.is_null() {
            writeln!(out, "{}", self.json)
        } else {
            writeln!(out, "{}", self.text)
        }
    }
}

/// What a dry run found; other errors stay what they are.
pub fn estimate(error: anyhow::Error) -> anyhow::Result<Report> {
    let Some(ChainError::NotSent(estimate)) = error.downcast_ref() else {
        return Err(error);
    };
    let json = json!({
        "sent": false,
        "fee": amount(estimate.fee),
        "failure": estimate.failure.as_ref().map(ToString::to_string),
    });
    Ok(Report::new(json, format!("Nothing was sent: {estimate}.")))
}

/// An amount for scripts: a decimal number in $BASED, as text so that no digit is lost.
pub fn amount(value: u128) -> Value {
    Value::String(money::format(value))
}

/// An account for scripts.
pub fn account(value: &based_client::chain::AccountId) -> Value {
    Value::String(format_account(value))
}
