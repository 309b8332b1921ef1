//! Amounts of $BASED as people write them.

use based_primitives::{
    constants::{BASED, DECIMALS, SYMBOL},
    Balance,
};

/// Reads a decimal amount of $BASED, such as `1`, `0.25` or `1_000.5`, exactly.
///
/// # Errors
/// A sentence saying what is wrong: no number, more than 18 decimals, or too large.
pub fn parse(text: &str) -> Result<Balance, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let is_number = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_number(whole) || !is_number(fraction) {
        return Err(format!(
            "{text:?} is no amount; write it in {SYMBOL}, such as 1.5"
        ));
    }
    if fraction.len() > usize::from(DECIMALS) {
        return Err(format!("{text:?} has more than {DECIMALS} decimals"));
    }
    let too_large = || format!("{text:?} is more than all {SYMBOL}");
    let read = |part: &str| {
        if part.is_empty() {
            Ok(0)
        } else {
            part.parse::<Balance>().map_err(|_| too_large())
        }
    };
    let padded = format!("{fraction:0<width$}", width = usize::from(DECIMALS));
    let units = read(whole)?
        .checked_mul(BASED)
        .and_then(|units| units.checked_add(read(&padded).ok()?));
    units.ok_or_else(too_large)
}

/// Writes an amount in $BASED, exactly and without trailing zeros.
pub fn format(amount: Balance) -> String {
    let fraction = format!("{:0width$}", amount % BASED, width = usize::from(DECIMALS));
    match fraction.trim_end_matches('0') {
        "" => format!("{}", amount / BASED),
        fraction => format!("{}.{fraction}", amount / BASED),
    }
}

/// Writes an amount with the token's symbol.
pub fn with_symbol(amount: Balance) -> String {
    format!("{} {SYMBOL}", format(amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, units) in [
            ("1", BASED),
            ("0.002778", 2_778_000_000_000_000),
            (".5", BASED / 2),
            ("1_000.", 1_000 * BASED),
            ("0.000000000000000001", 1),
            ("340282366920938463463.374607431768211455", Balance::MAX),
        ] {
            assert_eq!(parse(text), Ok(units), "{text}");
        }
        for text in [
            "",
            ".",
            "-1",
            "1e3",
            "1,5",
            "0x10",
            "0.0000000000000000001",
            "340282366920938463464",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(amount: Balance) {
            prop_assert_eq!(parse(&format(amount)), Ok(amount));
        }
    }
}
