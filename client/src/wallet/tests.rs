//! Keys survive their files, and files give nothing away.

use super::*;

const BOB: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk//Bob";

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn wallets() -> (tempfile::TempDir, Wallets) {
    let dir = tempfile::tempdir().unwrap();
    let wallets = Wallets::new(dir.path().join("wallets"));
    (dir, wallets)
}

#[test]
fn a_stored_key_signs_as_before_and_only_under_its_password() {
    let (_dir, wallets) = wallets();
    let account = wallets
        .import("bob", &secret(BOB), &secret("correct horse"))
        .unwrap();
    assert_eq!(account, parse_account("//Bob").unwrap());
    let signer = wallets.unlock("bob", &secret("correct horse")).unwrap();
    assert_eq!(signer.account(), account);
    let signature = signer.sign(b"message");
    assert!(sr25519::Pair::verify(
        &signature,
        b"message",
        &sr25519::Public::from_raw(account.into())
    ));
    let wrong = wallets.unlock("bob", &secret("Correct horse")).unwrap_err();
    assert!(
        matches!(wrong, WalletError::Keystore(KeystoreError::Password)),
        "{wrong}"
    );
}

/// The development account Alice as polkadot.js exports it.
#[test]
fn we_read_files_of_other_wallets() {
    let (_dir, wallets) = wallets();
    let exported = r#"{
        "encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
        "encoding": { "content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3" },
        "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "meta": { "name": "Alice" }
    }"#;
    let account = wallets
        .import_json("alice", exported, &secret("whoisalice"))
        .unwrap();
    assert_eq!(account, parse_account("//Alice").unwrap());
}

#[test]
fn damaged_and_hostile_files_are_refused_without_harm() {
    let (dir, wallets) = wallets();
    wallets.import("bob", &secret(BOB), &secret("pass")).unwrap();
    let path = dir.path().join("wallets/bob.json");
    let good: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let encoded = good["encoded"].as_str().unwrap().to_owned();
    let with = |encoded: &str| {
        let mut json = good.clone();
        json["encoded"] = encoded.into();
        json
    };
    let mut costly = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &encoded).unwrap();
    costly[32..36].copy_from_slice(&(1u32 << 30).to_le_bytes());
    let costly = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, costly);
    let mut another = good.clone();
    another["address"] = format_account(&parse_account("//Alice").unwrap()).into();
    for bad in [
        serde_json::json!({}),
        serde_json::json!([1, 2]),
        with(""),
        with("!"),
        with(&encoded[..60]),
        with(&encoded[..100]),
        with(&costly),
        another,
    ] {
        std::fs::write(&path, bad.to_string()).unwrap();
        assert!(
            matches!(
                wallets.unlock("bob", &secret("pass")),
                Err(WalletError::Keystore(_))
            ),
            "{bad}"
        );
    }
}

#[test]
fn wallets_are_private_listed_by_name_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, wallets) = wallets();
    assert_eq!(wallets.list().unwrap(), vec![]);
    let bob = wallets.import("bob", &secret(BOB), &secret("pass")).unwrap();
    let (alice, _) = wallets.create("alice", &secret("pass")).unwrap();
    assert_eq!(
        wallets.list().unwrap(),
        vec![("alice".into(), alice), ("bob".into(), bob.clone())]
    );
    let mode = std::fs::metadata(dir.path().join("wallets/bob.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(
        wallets.create("bob", &secret("pass")),
        Err(WalletError::Exists(_))
    ));
    assert_eq!(wallets.account("bob").unwrap(), bob);
    assert!(matches!(
        wallets.create("empty", &secret("")),
        Err(WalletError::EmptyPassword)
    ));
    assert!(matches!(wallets.account("missing"), Err(WalletError::Missing(_))));
    for name in ["", "../bob", "a/b", ".hidden", &"x".repeat(65)] {
        assert!(
            matches!(wallets.create(name, &secret("pass")), Err(WalletError::Name(_))),
            "{name}"
        );
    }
}

#[test]
fn accounts_are_read_in_every_usual_form_and_in_no_other_networks() {
    let bob = parse_account("//Bob").unwrap();
    let hex = format!("0x{}", hex::encode(AsRef::<[u8]>::as_ref(&bob)));
    for text in [format_account(&bob), bob.to_string(), hex] {
        assert_eq!(parse_account(&text).unwrap(), bob, "{text}");
    }
    // Bob on Polkadot, a damaged checksum, and nonsense.
    for text in [
        "14E5nqKAp3oAJcmzgZhUD2RcptBeUBScxKHgJKU4HPNcKVf3",
        "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694tz",
        "0x00",
        "",
    ] {
        assert!(parse_account(text).is_err(), "{text}");
    }
}
