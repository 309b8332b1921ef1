//! The state file.

use sp_core::H256;

use super::fake::account_of;
use crate::db::{Db, DbError, STATE_FILE};

#[test]
fn a_state_belongs_to_one_chain_account_and_brain() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, miner) = (H256([1; 32]), account_of("Miner"));
    Db::open(dir.path()).unwrap().bind(&genesis, &miner, 7).unwrap();
    let db = Db::open(dir.path()).unwrap();
    db.bind(&genesis, &miner, 7).unwrap();
    let foreign = |found: Result<(), DbError>| match found {
        Err(DbError::Foreign(what)) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(foreign(db.bind(&H256([2; 32]), &miner, 7)), "chain");
    assert_eq!(foreign(db.bind(&genesis, &account_of("Bob"), 7)), "miner account");
    assert_eq!(foreign(db.bind(&genesis, &miner, 8)), "Brain");
}

#[test]
fn a_newer_state_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    drop(Db::open(dir.path()).unwrap());
    let raw = rusqlite::Connection::open(dir.path().join(STATE_FILE)).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    assert!(matches!(
        Db::open(dir.path()),
        Err(DbError::Newer { found: 99, .. })
    ));
}
