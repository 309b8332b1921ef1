//! What must survive a crash, and what must not.

use based_primitives::payments::{Voucher, VoucherSignature, PAYMENT_VERSION};

use super::*;

const GENESIS: H256 = H256([1; 32]);
const TASK: H256 = H256([2; 32]);
const MINER: AccountId = AccountId::new([3; 32]);
const TEXT: &str = "I lost my keys and I am furious";

fn job(id: u8) -> Job {
    Job {
        id: [id; 32],
        brain: 7,
        account: u64::MAX,
        miner: MINER,
        task: TASK,
        max_price: u128::MAX,
        traced: true,
        secret_key: Zeroizing::new(b"the secret key of this job".to_vec()),
        evaluation_key: vec![4; 100_000],
        input: vec![5; 2_000],
        signature: vec![6; 65],
        voucher: None,
    }
}

fn signed(job: &Job, cumulative: Balance) -> SignedVoucher {
    SignedVoucher {
        voucher: Voucher {
            version: PAYMENT_VERSION,
            genesis: GENESIS,
            account: job.account,
            miner: MINER,
            brain: job.brain,
            job: job.id,
            cumulative,
            expiry: 9,
        },
        signature: VoucherSignature::Sr25519(sp_core::sr25519::Signature::from_raw([0; 64])),
    }
}

fn unfinished(state: &State, text: &str) -> Option<Job> {
    state.unfinished(&GENESIS, 7, &TASK, text, &[u64::MAX]).unwrap()
}

#[test]
fn an_unfinished_job_comes_back_identical_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    State::open(dir.path())
        .unwrap()
        .begin(&GENESIS, TEXT, &job(1))
        .unwrap();
    let state = State::open(dir.path()).unwrap();
    let found = unfinished(&state, TEXT).unwrap();
    let before = job(1);
    assert_eq!(
        (found.id, found.account, found.miner),
        (before.id, before.account, before.miner)
    );
    assert_eq!(
        (&found.input, &found.signature),
        (&before.input, &before.signature)
    );
    assert_eq!(
        (&found.evaluation_key, found.max_price),
        (&before.evaluation_key, before.max_price)
    );
    assert_eq!((found.secret_key, found.traced), (before.secret_key, true));
}

#[test]
fn a_job_is_found_for_its_own_text_chain_brain_model_and_account_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.begin(&GENESIS, TEXT, &job(1)).unwrap();
    assert!(unfinished(&state, "I lost my keys").is_none());
    assert!(state
        .unfinished(&TASK, 7, &TASK, TEXT, &[u64::MAX])
        .unwrap()
        .is_none());
    assert!(state
        .unfinished(&GENESIS, 8, &TASK, TEXT, &[u64::MAX])
        .unwrap()
        .is_none());
    assert!(state
        .unfinished(&GENESIS, 7, &GENESIS, TEXT, &[u64::MAX])
        .unwrap()
        .is_none());
    assert!(state
        .unfinished(&GENESIS, 7, &TASK, TEXT, &[1])
        .unwrap()
        .is_none());
}

#[test]
fn a_finished_job_leaves_neither_key_nor_text_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.begin(&GENESIS, TEXT, &job(1)).unwrap();
    let on_disk = |needle: &[u8]| {
        let bytes = std::fs::read(dir.path().join("client.sqlite")).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    assert!(on_disk(b"the secret key of this job"));
    assert!(!on_disk(TEXT.as_bytes()));
    state.finish(&[1; 32]).unwrap();
    assert!(unfinished(&state, TEXT).is_none());
    assert!(!on_disk(b"the secret key of this job"));
}

#[test]
fn a_job_is_paid_once_however_often_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.begin(&GENESIS, TEXT, &job(1)).unwrap();
    let first = state
        .promise(&GENESIS, &job(1).payee(), 0, 10, |sum| signed(&job(1), sum))
        .unwrap();
    assert_eq!(first.voucher.cumulative, 10);
    drop(state);

    let state = State::open(dir.path()).unwrap();
    let again = state
        .promise(&GENESIS, &job(1).payee(), 0, 10, |_| panic!("signed twice"))
        .unwrap();
    assert_eq!(again, first);
    assert_eq!(unfinished(&state, TEXT).unwrap().voucher, Some(first));
    assert_eq!(state.promised(&GENESIS, u64::MAX, &MINER).unwrap(), 10);
}

#[test]
fn promises_accumulate_per_account_and_miner_and_never_fall_below_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    for (id, floor, amount, expected) in [(1, 0, 10, 10), (2, 3, 5, 15), (3, 100, 1, 101)] {
        state.begin(&GENESIS, TEXT, &job(id)).unwrap();
        let voucher = state
            .promise(&GENESIS, &job(id).payee(), floor, amount, |sum| {
                signed(&job(id), sum)
            })
            .unwrap();
        assert_eq!(voucher.voucher.cumulative, expected);
        state.finish(&[id; 32]).unwrap();
    }
    assert_eq!(state.promised(&GENESIS, u64::MAX, &MINER).unwrap(), 101);
    assert_eq!(state.promised(&GENESIS, 0, &MINER).unwrap(), 0);
    assert_eq!(state.promised(&TASK, u64::MAX, &MINER).unwrap(), 0);
    state.begin(&GENESIS, TEXT, &job(4)).unwrap();
    assert!(state
        .promise(&GENESIS, &job(4).payee(), 0, Balance::MAX, |_| panic!("overflow"))
        .is_err());
    assert_eq!(state.promised(&GENESIS, u64::MAX, &MINER).unwrap(), 101);
}

#[test]
fn seeds_of_old_jobs_expire_and_promises_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.begin(&GENESIS, TEXT, &job(1)).unwrap();
    state
        .promise(&GENESIS, &job(1).payee(), 0, 10, |sum| signed(&job(1), sum))
        .unwrap();
    let old = now() - JOB_LIFETIME.as_secs() as i64 - 1;
    state
        .lock()
        .execute("UPDATE jobs SET created = ?1", [old])
        .unwrap();
    drop(state);
    let state = State::open(dir.path()).unwrap();
    assert!(unfinished(&state, TEXT).is_none());
    assert_eq!(state.promised(&GENESIS, u64::MAX, &MINER).unwrap(), 10);
}

#[test]
fn the_file_is_private_and_later_versions_are_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    let mode = std::fs::metadata(dir.path().join("client.sqlite"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    state.lock().pragma_update(None, "user_version", 99).unwrap();
    drop(state);
    assert!(matches!(State::open(dir.path()), Err(StateError::Version(99))));
}

#[test]
fn a_file_of_the_first_version_keeps_its_promises_and_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap();
    state.begin(&GENESIS, TEXT, &job(1)).unwrap();
    let given = state
        .promise(&GENESIS, &job(1).payee(), 0, 10, |sum| signed(&job(1), sum))
        .unwrap();
    // What the later version added is taken away.
    state
        .lock()
        .execute_batch("ALTER TABLE jobs DROP COLUMN traced; ALTER TABLE jobs DROP COLUMN draw; PRAGMA user_version = 1;")
        .unwrap();
    drop(state);
    for _ in 0..2 {
        let state = State::open(dir.path()).unwrap();
        let found = unfinished(&state, TEXT).unwrap();
        assert!(!found.traced);
        assert_eq!((found.id, found.input), (job(1).id, job(1).input));
        assert_eq!(found.voucher, Some(given.clone()));
        assert_eq!(state.promised(&GENESIS, u64::MAX, &MINER).unwrap(), 10);
        let version = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let version = state.lock().query_row("PRAGMA user_version", [], version);
        assert_eq!(version.unwrap(), 2);
    }
}

#[test]
fn an_account_pays_a_miner_from_one_session_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (State::open(dir.path()).unwrap(), State::open(dir.path()).unwrap());
    let (miner, other) = (AccountId::new([1; 32]), AccountId::new([2; 32]));
    let held = one.lock_payments(&GENESIS, 5, &miner).unwrap();
    assert!(held.is_some());
    for state in [&one, &two] {
        assert!(state.lock_payments(&GENESIS, 5, &miner).unwrap().is_none());
    }
    // Amounts add up for each account, miner and chain on their own.
    assert!(two.lock_payments(&GENESIS, 6, &miner).unwrap().is_some());
    assert!(two.lock_payments(&GENESIS, 5, &other).unwrap().is_some());
    assert!(two.lock_payments(&H256([9; 32]), 5, &miner).unwrap().is_some());
    drop(held);
    assert!(two.lock_payments(&GENESIS, 5, &miner).unwrap().is_some());
}
