//! How owners' arguments are read and written.

use based_client::money;
use based_primitives::{
    constants::{BASED, MAX_DOMAIN_LEN, MAX_NAME_LEN, MAX_URL_LEN, PPB, SYMBOL},
    Balance, BrainName, Domain, Url,
};

/// An amount of Pepecoin for people.
pub fn in_pepecoin(amount: Balance) -> String {
    // Both have 18 decimals.
    format!("{} Pepecoin", money::format(amount))
}

/// Reads an amount of Pepecoin.
pub fn pepecoin(text: &str) -> Result<Balance, String> {
    money::parse(text).map_err(|error| error.replace(SYMBOL, "Pepecoin"))
}

/// Reads a percentage as parts per billion, exactly.
pub fn share(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no percentage from 0 to 100 with at most seven decimals");
    let scaled = money::parse(text)
        .ok()
        .and_then(|units| units.checked_mul(PPB.into()))
        .ok_or_else(wrong)?;
    let unit = BASED * 100;
    let ppb = u64::try_from(scaled / unit).map_err(|_| wrong())?;
    if scaled % unit != 0 || ppb > PPB {
        return Err(wrong());
    }
    Ok(ppb)
}

pub(super) fn bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes)
        .map_err(|_| format!("{text:?} is not {} hexadecimal digits", 2 * N))?;
    Ok(bytes)
}

pub(super) fn name(text: &str) -> Result<BrainName, String> {
    BrainName::try_from(text.as_bytes().to_vec())
        .map_err(|_| format!("a name has at most {MAX_NAME_LEN} bytes"))
}

pub(super) fn domain(text: &str) -> Result<Domain, String> {
    Domain::try_from(text.as_bytes().to_vec())
        .map_err(|_| format!("a domain name has at most {MAX_DOMAIN_LEN} bytes"))
}

pub(super) fn url(text: &str) -> Result<Url, String> {
    Url::try_from(text.as_bytes().to_vec()).map_err(|_| format!("an address has at most {MAX_URL_LEN} bytes"))
}
