//! Traced jobs, and openings of their traces.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use based_client::wire::{sha256, JobTerms, KeyTerms, MAX_OPENINGS};
use based_primitives::{
    constants::BASED,
    payments::{Receipt, SignedVoucher, Voucher},
    JobId, SpendingAccountId,
};
use tonic::Code;
use zk_llm::{Audit, ExactKey};

use super::{
    fake::{account_of, spending, PRICE},
    harness::{
        fixture, input, job_id, job_terms, key_terms, signed, verified, voucher, Client, Miner, OTHER,
    },
    jobs::new_job,
};
use crate::{
    db::{Admission, AdmissionLimits, Db, Payment, PaymentError, Refusal, ReservationSeen, STATE_FILE},
    limits,
    traces::TraceStore,
};

/// A traced job that was evaluated.
struct Traced {
    terms: JobTerms,
    input: Vec<u8>,
    receipt: Receipt,
}

impl Traced {
    /// Lets the miner evaluate the first job of account 1.
    async fn first(miner: &Miner, client: &mut Client) -> Self {
        client
            .upload_key(&key_terms(), "User", &fixture().evaluation_key)
            .await
            .unwrap();
        let input = input([1, -1, -1, 1]);
        let terms = traced_terms(&input);
        let receipt = client.submit(&terms, "User", &input).await.unwrap();
        Self {
            receipt: verified(&receipt, &miner.computekey),
            terms,
            input,
        }
    }

    /// The voucher that pays it.
    fn voucher(&self) -> SignedVoucher {
        signed(voucher(self.terms.job, 2 * PRICE), "User")
    }
}

fn traced_terms(input: &[u8]) -> JobTerms {
    JobTerms {
        max_price: 2 * PRICE,
        traced: true,
        ..job_terms(job_id(), input)
    }
}

fn trace_file(data_dir: &Path, job: &JobId) -> PathBuf {
    data_dir.join("traces").join(hex::encode(job))
}

fn files(data_dir: &Path) -> usize {
    fs::read_dir(data_dir.join("traces")).unwrap().count()
}

#[tokio::test]
async fn a_traced_job_costs_twice_as_much_and_its_receipt_commits_to_its_trace() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let done = Traced::first(&miner, &mut client).await;
    assert_eq!(done.receipt.amount, 2 * PRICE);
    assert!(done.receipt.trace.is_some());
    let file = fs::metadata(trace_file(dir.path(), &done.terms.job)).unwrap();
    assert_eq!(file.len(), fixture().model.limits().trace_bytes);
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!(files(dir.path()), 1);

    let plain = JobTerms {
        traced: false,
        ..done.terms.clone()
    };
    let status = client.submit(&plain, "User", &done.input).await.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists, "{status:?}");

    let half = signed(voucher(done.terms.job, 2 * PRICE - 1), "User");
    let status = client.collect(&half).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let output = client.collect(&done.voucher()).await.unwrap();
    let interface = fixture().model.circuit().interface();
    assert_eq!(fixture().key.decrypt_values(interface, &output).unwrap(), [1, 0]);

    let cheap = JobTerms {
        max_price: 2 * PRICE - 1,
        ..traced_terms(&done.input)
    };
    let status = client.submit(&cheap, "User", &done.input).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("a job costs"), "{status:?}");

    let plain = job_terms(job_id(), &done.input);
    let receipt = client.submit(&plain, "User", &done.input).await.unwrap();
    let receipt = verified(&receipt, &miner.computekey);
    assert_eq!((receipt.amount, receipt.trace), (PRICE, None));
    assert_eq!(files(dir.path()), 1);
    let paid = signed(voucher(plain.job, 3 * PRICE), "User");
    client.collect(&paid).await.unwrap();
    let status = client.open(&paid, &[0]).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("not traced"), "{status:?}");
    miner.stop().await;
}

#[tokio::test]
async fn openings_come_for_the_paying_voucher_only_and_check_out() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let done = Traced::first(&miner, &mut client).await;
    let circuit = fixture().model.circuit();
    let audit = Audit::draw(circuit, 2, &mut rand::rngs::OsRng);
    let paying = done.voucher();
    let status = client.open(&paying, audit.tables()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("not paid"), "{status:?}");
    let output = client.collect(&paying).await.unwrap();

    let good = paying.voucher.clone();
    let cases: Vec<(&str, Voucher, &str, Code)> = vec![
        (
            "another amount",
            Voucher {
                cumulative: 3 * PRICE,
                ..good.clone()
            },
            "User",
            Code::FailedPrecondition,
        ),
        (
            "another miner",
            Voucher {
                miner: account_of("Bob"),
                ..good.clone()
            },
            "User",
            Code::InvalidArgument,
        ),
        (
            "another account",
            Voucher {
                account: OTHER,
                ..good.clone()
            },
            "User",
            Code::NotFound,
        ),
        (
            "unknown job",
            Voucher {
                job: job_id(),
                ..good.clone()
            },
            "User",
            Code::NotFound,
        ),
        ("bad signature", good, "Alice", Code::Unauthenticated),
    ];
    for (name, voucher, signer, code) in cases {
        let status = client
            .open(&signed(voucher, signer), audit.tables())
            .await
            .unwrap_err();
        assert_eq!(status.code(), code, "{name}: {status:?}");
    }

    let mut openings = client.open(&paying, audit.tables()).await.unwrap();
    let size = fixture().model.limits().opening_bytes;
    assert_eq!(openings.len() as u64, audit.tables().len() as u64 * size);
    let key = ExactKey::from_bytes(&fixture().evaluation_key, circuit.parameter_set()).unwrap();
    let root = done.receipt.trace.unwrap().0;
    audit
        .check(circuit, &key, &done.input, &output, &root, &openings)
        .unwrap();
    openings[0] ^= 1;
    assert!(audit
        .check(circuit, &key, &done.input, &output, &root, &openings)
        .is_err());
    miner.stop().await;
}

#[tokio::test]
async fn bootstraps_that_cannot_be_opened_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let done = Traced::first(&miner, &mut client).await;
    client.collect(&done.voucher()).await.unwrap();
    let count = u32::try_from(fixture().model.circuit().bootstraps()).unwrap();
    let cases = [
        ("none", vec![]),
        ("descending", vec![1, 0]),
        ("repeated", vec![0, 0]),
        ("out of range", vec![0, count]),
        ("far out of range", vec![u32::MAX]),
        ("too many", (0..=u32::try_from(MAX_OPENINGS).unwrap()).collect()),
    ];
    for (name, tables) in cases {
        let status = client.open(&done.voucher(), &tables).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
    }
    client.open(&done.voucher(), &[count - 1]).await.unwrap();
    miner.stop().await;
}

#[tokio::test]
async fn a_trace_is_kept_for_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let done = Traced::first(&miner, &mut client).await;
    client.collect(&done.voucher()).await.unwrap();
    miner.traces.prune(60).unwrap();
    client.open(&done.voucher(), &[0]).await.unwrap();
    miner.traces.prune(-60).unwrap();
    let status = client.open(&done.voucher(), &[0]).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(status.message().contains("no longer kept"), "{status:?}");
    assert_eq!(files(dir.path()), 0);
    miner.stop().await;
}

#[tokio::test]
async fn the_age_of_a_trace_counts_from_its_payment() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let done = Traced::first(&miner, &mut client).await;
    let path = trace_file(dir.path(), &done.terms.job);
    let grow_old = || {
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    };
    grow_old();
    client.collect(&done.voucher()).await.unwrap();
    miner.traces.prune(60).unwrap();
    client.open(&done.voucher(), &[0]).await.unwrap();

    grow_old();
    client.collect(&done.voucher()).await.unwrap();
    miner.traces.prune(60).unwrap();
    assert_eq!(files(dir.path()), 0, "collecting again does not renew it");
    miner.stop().await;
}

#[tokio::test]
async fn a_paid_trace_gives_way_to_the_next_of_its_account() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let paid = Traced::first(&miner, &mut client).await;
    client.collect(&paid.voucher()).await.unwrap();

    miner.chain.state().accounts.insert(OTHER, spending(Some(BASED)));
    let key = KeyTerms {
        account: OTHER,
        ..key_terms()
    };
    client
        .upload_key(&key, "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let other = JobTerms {
        account: OTHER,
        ..traced_terms(&paid.input)
    };
    client.submit(&other, "User", &paid.input).await.unwrap();
    client.open(&paid.voucher(), &[0]).await.unwrap();

    let next = traced_terms(&paid.input);
    client.submit(&next, "User", &paid.input).await.unwrap();
    let status = client.open(&paid.voucher(), &[0]).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    for kept in [other.job, next.job] {
        assert!(trace_file(dir.path(), &kept).exists());
    }
    assert_eq!(files(dir.path()), 2);
    miner.stop().await;
}

#[tokio::test]
async fn a_damaged_key_is_forgotten_and_may_be_uploaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let mut client = miner.client().await;
    let key = &fixture().evaluation_key;
    client.upload_key(&key_terms(), "User", key).await.unwrap();
    let path = dir.path().join("keys").join(hex::encode(sha256(key).0));
    let mut damaged = key.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, damaged).unwrap();

    let bytes = input([0; 4]);
    let terms = traced_terms(&bytes);
    let status = client.submit(&terms, "User", &bytes).await.unwrap_err();
    assert!(
        status.message().contains("upload it and submit the job again"),
        "{status:?}"
    );
    assert!(!path.exists());
    assert!(miner.db.keys().unwrap().is_empty());

    client.upload_key(&key_terms(), "User", key).await.unwrap();
    client.submit(&terms, "User", &bytes).await.unwrap();
    miner.stop().await;
}

#[tokio::test]
async fn no_job_is_traced_while_all_traces_are_kept_that_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    for _ in 0..limits::TRACES_KEPT {
        miner.traces.create(&job_id()).unwrap().keep().unwrap();
    }
    let mut client = miner.client().await;
    client
        .upload_key(&key_terms(), "User", &fixture().evaluation_key)
        .await
        .unwrap();
    let bytes = input([0; 4]);
    let terms = traced_terms(&bytes);
    let status = client.submit(&terms, "User", &bytes).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("without an audit"), "{status:?}");
    miner.traces.prune(-60).unwrap();
    client.submit(&terms, "User", &bytes).await.unwrap();
    miner.stop().await;
}

#[test]
fn traced_jobs_that_wait_count_as_traces() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let limits = AdmissionLimits {
        queue: 9,
        traces: 1,
        reserved: BASED,
        redeemed: 0,
    };
    let admit = |account, traced| {
        let mut job = new_job(account);
        job.terms.traced = traced;
        db.admit(job, limits).unwrap()
    };
    let Ok(Admission::New(first)) = admit(1, true) else {
        panic!("refused");
    };
    assert!(first.traced);
    assert_eq!(admit(2, true), Err(Refusal::Traces));
    assert!(matches!(admit(3, false), Ok(Admission::New(job)) if !job.traced));
    db.start(&first.id).unwrap();
    assert_eq!(admit(2, true), Err(Refusal::Traces), "one runs");
    db.fail(&first.id, "broken").unwrap();
    assert!(admit(2, true).is_ok());
}

/// Stores a job that was evaluated.
fn evaluated(db: &Db, account: SpendingAccountId, traced: bool) -> JobId {
    let limits = AdmissionLimits {
        queue: 9,
        traces: 9,
        reserved: BASED,
        redeemed: 0,
    };
    let mut job = new_job(account);
    job.terms.traced = traced;
    let id = job.terms.job;
    db.admit(job, limits).unwrap().unwrap();
    db.finish(&id, b"output", b"receipt", b"signature").unwrap();
    id
}

/// Pays an account's first job.
fn pay(db: &Db, account: SpendingAccountId, job: JobId) -> Result<Payment, PaymentError> {
    let paying = Voucher {
        account,
        ..voucher(job, PRICE)
    };
    let terms = ReservationSeen {
        spender: account_of("User"),
        reserved: BASED,
        redeemed: 0,
        until: 10_000,
    };
    db.pay(&signed(paying, "User"), &terms).unwrap()
}

#[test]
fn paid_traces_have_served_by_their_account_or_their_age() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let (first, second) = (evaluated(&db, 1, true), evaluated(&db, 2, true));
    let plain = evaluated(&db, 3, false);
    evaluated(&db, 4, true);
    for (account, job) in [(1, first), (2, second), (3, plain)] {
        pay(&db, account, job).unwrap();
    }
    let served = |account, open, kept| db.served_traces(account, open, kept).unwrap();
    assert_eq!(served(1, 60, 60), [first]);
    assert_eq!(served(2, 60, 60), [second]);
    for (account, why) in [(3, "not traced"), (4, "not paid"), (5, "unknown")] {
        assert!(served(account, 60, 60).is_empty(), "{why}");
    }
    assert_eq!(served(1, -60, 60).len(), 2, "both were paid long ago");
    assert!(served(1, -60, -60).is_empty(), "gone by their age");
}

#[test]
fn an_unpaid_traced_job_expires_with_its_trace() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let (traced, plain) = (evaluated(&db, 1, true), evaluated(&db, 2, false));
    assert_eq!(db.prune(60, 60, 60, 60).unwrap(), 0);
    assert_eq!(db.prune(60, -60, 60, 60).unwrap(), 1);
    assert_eq!(pay(&db, 1, traced), Err(PaymentError::NoResult("expired")));
    assert_eq!(pay(&db, 2, plain), Ok(Payment::New));
}

#[test]
fn a_trace_that_is_not_whole_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = TraceStore::open(dir.path()).unwrap();
    let traces = dir.path().join("traces");
    let mode = fs::metadata(&traces).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let (whole, broken) = (job_id(), job_id());
    let mut draft = store.create(&broken).unwrap();
    draft.write_all(b"half").unwrap();
    assert_eq!((files(dir.path()), store.count().unwrap()), (1, 0));
    drop(draft);
    assert_eq!(files(dir.path()), 0);
    let mut draft = store.create(&whole).unwrap();
    draft.write_all(b"whole").unwrap();
    draft.keep().unwrap();
    assert_eq!(fs::read(traces.join(hex::encode(whole))).unwrap(), b"whole");

    fs::write(traces.join(hex::encode(broken)).with_extension("part"), b"half").unwrap();
    let store = TraceStore::open(dir.path()).unwrap();
    assert_eq!((files(dir.path()), store.count().unwrap()), (1, 1));
    assert!(store.find(&broken).unwrap().is_none());
    assert!(store.find(&whole).unwrap().is_some());
}

#[test]
fn jobs_of_an_older_state_are_not_traced() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let limits = AdmissionLimits {
        queue: 9,
        traces: 9,
        reserved: BASED,
        redeemed: 0,
    };
    let job = new_job(1);
    db.admit(job.clone(), limits).unwrap().unwrap();
    drop(db);
    let raw = rusqlite::Connection::open(dir.path().join(STATE_FILE)).unwrap();
    raw.execute_batch("ALTER TABLE jobs DROP COLUMN traced").unwrap();
    raw.pragma_update(None, "user_version", 2).unwrap();
    drop(raw);
    let db = Db::open(dir.path()).unwrap();
    assert!(!db.job(&job.terms.job).unwrap().unwrap().traced);
}
