//! Encrypted keys in the JSON form, version 3, of polkadot.js: scrypt, then XSalsa20-Poly1305 over PKCS#8.

use base64::{engine::general_purpose::STANDARD, Engine};
use crypto_secretbox::{
    aead::{Aead, KeyInit},
    Key, Nonce, XSalsa20Poly1305,
};
use rand::RngCore;
use schnorrkel::SecretKey;
use serde::{Deserialize, Serialize};
use sp_core::{
    crypto::{ExposeSecret, SecretString},
    sr25519, Pair,
};
use zeroize::Zeroizing;

use super::{format_account, parse_account};
use crate::chain::AccountId;

/// What stands before the secret key in PKCS#8.
const HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
/// What stands between secret and public key.
const DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];
const SECRET: usize = 64;
const PUBLIC: usize = 32;
const SALT: usize = 32;
const NONCE: usize = 24;
/// Logarithm of scrypt's N, then p and r, of new files.
const SCRYPT: (u8, u32, u32) = (17, 1, 8);
/// Parameters that are accepted in files: a hostile file must not cost gigabytes or minutes.
const ACCEPTED: [(u8, u32, u32); 6] = [
    (13, 10, 8),
    (14, 5, 8),
    (15, 3, 8),
    (15, 1, 8),
    (16, 2, 8),
    SCRYPT,
];

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The file is not a key of a known form.
    #[error("the file is no sr25519 key in the JSON form of polkadot.js ({0}); restore it from a backup")]
    Malformed(String),
    /// The password does not open it.
    #[error("wrong password")]
    Password,
}

#[derive(Serialize, Deserialize)]
struct File {
    encoded: String,
    encoding: Encoding,
    address: String,
    #[serde(default)]
    meta: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Encoding {
    content: Vec<String>,
    r#type: Vec<String>,
    version: String,
}

fn malformed(what: impl Into<String>) -> KeystoreError {
    KeystoreError::Malformed(what.into())
}

/// Account named in a file, which needs no password.
pub(super) fn account(json: &str) -> Result<AccountId, KeystoreError> {
    parse(json).map(|(_, account)| account)
}

/// Encrypts a key under a password.
pub(super) fn encrypt(
    pair: &sr25519::Pair,
    name: &str,
    password: &SecretString,
) -> Result<String, KeystoreError> {
    let raw = Zeroizing::new(pair.to_raw_vec());
    let secret = SecretKey::from_bytes(&raw).map_err(|e| malformed(e.to_string()))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(HEADER.len() + SECRET + DIVIDER.len() + PUBLIC));
    plain.extend_from_slice(&HEADER);
    plain.extend_from_slice(&*Zeroizing::new(secret.to_ed25519_bytes()));
    plain.extend_from_slice(&DIVIDER);
    plain.extend_from_slice(&pair.public().0);

    let (log_n, p, r) = SCRYPT;
    let mut encoded = vec![0u8; SALT];
    rand::rngs::OsRng.fill_bytes(&mut encoded);
    let key = derive(password, &encoded, SCRYPT)?;
    for number in [1u32 << log_n, p, r] {
        encoded.extend_from_slice(&number.to_le_bytes());
    }
    let mut nonce = Nonce::default();
    rand::rngs::OsRng.fill_bytes(&mut nonce);
    encoded.extend_from_slice(&nonce);
    let sealed = XSalsa20Poly1305::new(&key)
        .encrypt(&nonce, plain.as_slice())
        .map_err(|_| malformed("it cannot be encrypted"))?;
    encoded.extend_from_slice(&sealed);

    let mut meta = serde_json::Map::new();
    meta.insert("name".into(), name.into());
    let file = File {
        encoded: STANDARD.encode(encoded),
        encoding: Encoding {
            content: vec!["pkcs8".into(), "sr25519".into()],
            r#type: vec!["scrypt".into(), "xsalsa20-poly1305".into()],
            version: "3".into(),
        },
        address: format_account(&AccountId::from(pair.public())),
        meta,
    };
    serde_json::to_string_pretty(&file).map_err(|e| malformed(e.to_string()))
}

/// Decrypts a key.
pub(super) fn decrypt(json: &str, password: &SecretString) -> Result<sr25519::Pair, KeystoreError> {
    let (file, account) = parse(json)?;
    let encoded = STANDARD
        .decode(&file.encoded)
        .map_err(|e| malformed(e.to_string()))?;
    let short = || malformed("too short");
    let (salt, rest) = encoded.split_first_chunk::<SALT>().ok_or_else(short)?;
    let (numbers, rest) = rest.split_first_chunk::<12>().ok_or_else(short)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(short)?;
    let number = |at: usize| {
        let bytes = numbers
            .chunks_exact(4)
            .nth(at)
            .and_then(|b| b.try_into().ok())
            .unwrap_or_default();
        u32::from_le_bytes(bytes)
    };
    let (n, p, r) = (number(0), number(1), number(2));
    let cost = ACCEPTED
        .into_iter()
        .find(|accepted| (1u32 << accepted.0, accepted.1, accepted.2) == (n, p, r))
        .ok_or_else(|| malformed("its scrypt parameters are not in use"))?;
    let key = derive(password, salt, cost)?;
    let plain = XSalsa20Poly1305::new(&key)
        .decrypt(Nonce::from_slice(nonce), sealed)
        .map(Zeroizing::new)
        .map_err(|_| KeystoreError::Password)?;

    let (header, rest) = plain.split_first_chunk::<{ HEADER.len() }>().ok_or_else(short)?;
    let (secret, rest) = rest.split_first_chunk::<SECRET>().ok_or_else(short)?;
    let (divider, public) = rest.split_first_chunk::<{ DIVIDER.len() }>().ok_or_else(short)?;
    if *header != HEADER || *divider != DIVIDER {
        return Err(malformed("its contents are not PKCS#8"));
    }
    let secret = SecretKey::from_ed25519_bytes(secret).map_err(|e| malformed(e.to_string()))?;
    let pair = sr25519::Pair::from(secret.to_keypair());
    if pair.public().0 != public || AccountId::from(pair.public()) != account {
        return Err(malformed("its keys do not belong together"));
    }
    Ok(pair)
}

fn parse(json: &str) -> Result<(File, AccountId), KeystoreError> {
    let file: File = serde_json::from_str(json).map_err(|e| malformed(e.to_string()))?;
    let has = |list: &[String], word: &str| list.iter().any(|item| item == word);
    let known = file.encoding.version == "3"
        && has(&file.encoding.content, "pkcs8")
        && has(&file.encoding.content, "sr25519")
        && has(&file.encoding.r#type, "scrypt")
        && has(&file.encoding.r#type, "xsalsa20-poly1305");
    if !known {
        return Err(malformed("another encoding"));
    }
    let account = parse_account(&file.address).map_err(|e| malformed(e.to_string()))?;
    Ok((file, account))
}

fn derive(password: &SecretString, salt: &[u8], cost: (u8, u32, u32)) -> Result<Key, KeystoreError> {
    let parameters = scrypt::Params::new(cost.0, cost.2, cost.1, 32).map_err(|e| malformed(e.to_string()))?;
    let mut key = Key::default();
    scrypt::scrypt(password.expose_secret().as_bytes(), salt, &parameters, &mut key)
        .map_err(|e| malformed(e.to_string()))?;
    Ok(key)
}
