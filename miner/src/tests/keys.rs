//! Evaluation keys from strangers.

use based_client::wire::sha256;
use tonic::Code;
use zk_llm::Device;

use super::{
    fake::{spending, ACCOUNT},
    harness::{fixture, key_terms, random, Miner, OTHER},
};
use crate::{
    db::{Db, KeyRow, UploadQuota},
    evalkeys::{KeyStore, KeyStoreError},
    limits,
};
use based_client::models::Quota;
use based_primitives::constants::BASED;
use sp_core::H256;

#[tokio::test]
async fn a_key_is_stored_once_and_then_known() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let key = &fixture().evaluation_key;
    assert!(
        !client.upload_key(&key_terms(), "User", &[]).await.unwrap().stored,
        "asked before the upload"
    );
    assert!(client.upload_key(&key_terms(), "User", key).await.unwrap().stored);
    assert!(
        client.upload_key(&key_terms(), "User", &[]).await.unwrap().stored,
        "asked after the upload"
    );
    assert_eq!(miner.db.key_bytes().unwrap(), key.len() as u64);
    assert_eq!(
        std::fs::read(dir.path().join("keys").join(hex::encode(sha256(key).0))).unwrap(),
        *key
    );
    miner.stop().await;
}

#[tokio::test]
async fn a_key_needs_a_reservation_and_its_spender() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let key = &fixture().evaluation_key;
    let refused = |code: Code, part: &'static str| {
        move |status: tonic::Status| {
            assert_eq!(status.code(), code, "{status:?}");
            assert!(status.message().contains(part), "{status:?}");
        }
    };

    let status = client.upload_key(&key_terms(), "Alice", key).await.unwrap_err();
    refused(Code::Unauthenticated, "did not sign")(status);

    let unknown = based_client::wire::KeyTerms {
        account: OTHER,
        ..key_terms()
    };
    let status = client.upload_key(&unknown, "User", key).await.unwrap_err();
    refused(Code::FailedPrecondition, "does not exist")(status);

    miner.chain.state().accounts.insert(OTHER, spending(None));
    let status = client.upload_key(&unknown, "User", key).await.unwrap_err();
    refused(Code::FailedPrecondition, "no reservation")(status);

    let mut other_brain = spending(Some(BASED));
    other_brain.reservation.as_mut().unwrap().brain = 8;
    miner.chain.state().accounts.insert(OTHER, other_brain);
    let status = client.upload_key(&unknown, "User", key).await.unwrap_err();
    refused(Code::FailedPrecondition, "no reservation")(status);

    let mut closing = spending(Some(BASED));
    closing.spending.closing = Some(5_000);
    miner.chain.state().accounts.insert(OTHER, closing);
    let status = client.upload_key(&unknown, "User", key).await.unwrap_err();
    refused(Code::FailedPrecondition, "ends within")(status);

    let stale = based_client::wire::KeyTerms {
        expiry: 99,
        ..key_terms()
    };
    let status = client.upload_key(&stale, "User", key).await.unwrap_err();
    refused(Code::InvalidArgument, "expired")(status);

    miner.chain.state().down = true;
    let status = client.upload_key(&key_terms(), "User", key).await.unwrap_err();
    refused(Code::Unavailable, "node")(status);

    assert_eq!(miner.db.key_bytes().unwrap(), 0);
    miner.stop().await;
}

#[tokio::test]
async fn keys_that_are_none_are_refused_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let key = fixture().evaluation_key.clone();

    let status = client
        .upload_key(&key_terms(), "User", &key[..key.len() - 1])
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::DataLoss, "truncated: {status:?}");

    let longer = [&key[..], &[0]].concat();
    let status = client
        .upload_key(&key_terms(), "User", &longer)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "oversized: {status:?}");

    let announced = based_client::wire::KeyTerms {
        size: u64::MAX,
        ..key_terms()
    };
    let status = client.upload_key(&announced, "User", &key).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::InvalidArgument,
        "announced too large: {status:?}"
    );

    let noise = random(key.len());
    let terms = based_client::wire::KeyTerms {
        sha256: sha256(&noise),
        ..key_terms()
    };
    let status = client.upload_key(&terms, "User", &noise).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "random: {status:?}");
    assert!(status.message().contains("evaluation key"), "{status:?}");

    let status = client.upload_key(&terms, "User", &key).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::DataLoss,
        "another key than announced: {status:?}"
    );

    // A key of another parameter set says so in its own header.
    let mut other = key.clone();
    other[64..4_096].fill(0xff);
    let terms = based_client::wire::KeyTerms {
        sha256: sha256(&other),
        ..key_terms()
    };
    let status = client.upload_key(&terms, "User", &other).await.unwrap_err();
    assert_eq!(
        status.code(),
        Code::InvalidArgument,
        "wrong parameters: {status:?}"
    );

    assert_eq!(miner.db.key_bytes().unwrap(), 0);
    assert_eq!(std::fs::read_dir(dir.path().join("keys")).unwrap().count(), 0);
    miner.stop().await;
}

#[tokio::test]
async fn an_account_over_its_quota_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    for _ in 0..limits::UPLOAD_QUOTA.uploads {
        assert!(miner.db.take_upload(ACCOUNT, limits::UPLOAD_QUOTA).unwrap());
    }
    let mut client = miner.client().await;
    let status = client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(status.message().contains("quota"), "{status:?}");
    miner.chain.state().accounts.insert(OTHER, spending(Some(BASED)));
    let other = based_client::wire::KeyTerms {
        account: OTHER,
        ..key_terms()
    };
    assert!(
        client
            .upload_key(&other, "User", &fixture().evaluation_key)
            .await
            .unwrap()
            .stored
    );
    miner.stop().await;
}

#[test]
fn the_quota_counts_a_window_and_forgets_what_is_older() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let quota = UploadQuota {
        uploads: 2,
        window: 100,
    };
    for allowed in [true, true, false] {
        assert_eq!(db.take_upload(ACCOUNT, quota).unwrap(), allowed);
    }
    assert!(db.take_upload(OTHER, quota).unwrap());
    let past = UploadQuota {
        uploads: 2,
        window: -10,
    };
    assert!(
        db.take_upload(ACCOUNT, past).unwrap(),
        "no upload lies in the window any more"
    );
}

fn row(byte: u8, account: u64) -> KeyRow {
    KeyRow {
        hash: H256([byte; 32]),
        account,
        size: fixture().evaluation_key.len() as u64,
    }
}

fn put(store: &KeyStore, key: &KeyRow) -> Result<(), KeyStoreError> {
    let room = store.make_room(key.account, key.size)?;
    store.store(room, key, &fixture().evaluation_key, &Default::default())
}

#[test]
fn the_least_recently_used_key_gives_way_to_the_declared_storage() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    // Room for three keys and the state.
    let quota = Quota::from_mib(3 * 30 + 5);
    let store = KeyStore::open(dir.path(), db.clone(), quota, Device::cores()).unwrap();
    for account in 1..=3 {
        put(&store, &row(account, account.into())).unwrap();
    }
    assert!(db.touch_key(&H256([1; 32]), 1).unwrap());
    put(&store, &row(4, 4)).unwrap();
    let held: Vec<u8> = db.keys().unwrap().iter().map(|key| key.hash.0[0]).collect();
    assert_eq!(held, [3, 1, 4], "2 was used least recently");
    assert!(!dir.path().join("keys").join(hex::encode([2; 32])).exists());
    assert!(matches!(
        store.load(&H256([2; 32]), &Default::default()),
        Err(KeyStoreError::Io(_))
    ));
    assert!(store.used().unwrap() <= quota.bytes());
}

#[test]
fn uploads_under_way_count_and_are_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let store = KeyStore::open(dir.path(), db, Quota::from_mib(64), Device::cores()).unwrap();
    let first = store.make_room(1, 40 << 20).unwrap();
    assert!(matches!(
        store.make_room(2, 40 << 20),
        Err(KeyStoreError::Full { .. })
    ));
    drop(first);
    store.make_room(2, 40 << 20).unwrap();
}

#[test]
fn an_account_keeps_its_newest_keys_only() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let store = KeyStore::open(dir.path(), db.clone(), Quota::from_mib(512), Device::cores()).unwrap();
    put(&store, &row(9, OTHER)).unwrap();
    for byte in 1..=3 {
        put(&store, &row(byte, ACCOUNT)).unwrap();
    }
    let held: Vec<u8> = db.keys().unwrap().iter().map(|key| key.hash.0[0]).collect();
    assert_eq!(held, [9, 2, 3]);
}

#[test]
fn leftovers_of_a_crash_are_removed_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let store = KeyStore::open(dir.path(), db.clone(), Quota::from_mib(512), Device::cores()).unwrap();
    put(&store, &row(1, ACCOUNT)).unwrap();
    put(&store, &row(2, ACCOUNT)).unwrap();
    let keys = dir.path().join("keys");
    std::fs::write(keys.join("unknown.part"), b"half").unwrap();
    std::fs::write(keys.join(hex::encode([2; 32])), b"truncated by a crash").unwrap();
    let store = KeyStore::open(dir.path(), db.clone(), Quota::from_mib(512), Device::cores()).unwrap();
    assert!(!keys.join("unknown.part").exists());
    let held: Vec<u8> = db.keys().unwrap().iter().map(|key| key.hash.0[0]).collect();
    assert_eq!(held, [1]);
    store.load(&H256([1; 32]), &Default::default()).unwrap();
}
