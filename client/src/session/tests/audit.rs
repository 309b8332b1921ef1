//! Miners that open too much, too little, something else, nothing, or that try their luck again.

use std::{io::Cursor, path::PathBuf};

use based_primitives::payments::{Receipt, SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION};
use sp_core::{sr25519, H256};
use tempfile::TempDir;
use zeroize::Zeroizing;
use zk_llm::{
    exec_tfhe::{evaluate_circuit_traced, Evaluation},
    ir::{Graph, GraphBuilder, Lut, Row, Wire},
    manifest::{EMBEDDING_FILE, GRAPH_FILE, TOKENIZER_FILE},
    trace, ClientKey, ExactKey, Manifest, Model, ParameterSet,
};

use super::{
    receipts,
    stub::{Script, Seen, Stub, MINER},
};
use crate::{
    session::{
        audit::{Auditor, Paid},
        job::Hashes,
        link::Link,
        Audited, Event, SessionError,
    },
    state::{Job, State},
    wire,
};

/// Inputs of the model.
const INPUTS: u32 = 40;
/// Its outputs.
const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Its bootstraps: of each input whether it is negative, then of pairs whether either is, level by level.
const BOOTSTRAPS: u32 = 40 + 20 + 10 + 5;
const ROOT: H256 = H256([7; 32]);
/// Directory of the model in a cache.
const MODEL: &str = "signs";

/// A model's manifest and directory without the graph, as a client has them; the graph, and what an answer is made of.
struct Fixture {
    cache: TempDir,
    manifest: Manifest,
    graph: Vec<u8>,
    job: Job,
    output: Vec<u8>,
    /// Size of an opening.
    opening: usize,
    /// Where the job is written down.
    state: State,
}

/// For each eight inputs, whether none is negative.
fn graph() -> Graph {
    let mut graph = GraphBuilder::new(INPUTS, -1, 1);
    let sign = graph.lut(Lut::new(-1..=1, |x| i32::from(x >= 0)));
    let both = graph.lut(Lut::new(0..=2, |x| i32::from(x == 2)));
    let rows: Vec<_> = graph.inputs().map(|input| Row::new(0, [(input, 1)])).collect();
    let mut wires: Vec<_> = graph.table_layer("signs", Some(0), sign, rows).collect();
    while wires.len() > LABELS.len() {
        let pair = |pair: &[Wire]| Row::new(0, pair.iter().map(|wire| (*wire, 1)));
        let rows: Vec<_> = wires.chunks(2).map(pair).collect();
        wires = graph.table_layer("pairs", Some(0), both, rows).collect();
    }
    graph.finish(wires).unwrap()
}

impl Fixture {
    /// With a key that is none, for miners that fail before it is looked at.
    fn new() -> Self {
        let cache = tempfile::tempdir().unwrap();
        let (graph, dir) = (graph(), cache.path().join(MODEL));
        let circuit = graph.compile(&ParameterSet::default()).unwrap();
        let json = graph.to_json().unwrap();
        let files = [
            (GRAPH_FILE, json.clone()),
            (TOKENIZER_FILE, b"{}".to_vec()),
            (EMBEDDING_FILE, vec![7; 600]),
        ];
        let mut manifest = Manifest::unmeasured("signs", "signs", &LABELS, &circuit);
        let task = H256(manifest.write(&dir, &files).unwrap());
        let limits = Model::load(&dir).unwrap().limits();
        std::fs::remove_file(dir.join(GRAPH_FILE)).unwrap();
        let job = Job {
            id: [2; 32],
            brain: 7,
            account: 5,
            miner: MINER,
            task,
            max_price: 2_000,
            traced: true,
            secret_key: Zeroizing::new(vec![]),
            evaluation_key: vec![],
            input: vec![],
            signature: vec![],
            voucher: None,
        };
        let state = State::open(&cache.path().join("state")).unwrap();
        state.begin(&H256::zero(), "text", &job).unwrap();
        Self {
            cache,
            state,
            manifest,
            graph: json,
            job,
            output: vec![0; limits.output_bytes as usize],
            opening: limits.opening_bytes as usize,
        }
    }

    fn dir(&self) -> PathBuf {
        self.cache.path().join(MODEL)
    }

    fn auditor(&self, count: u32) -> Auditor {
        Auditor::new(self.dir(), count)
    }

    /// As a client that collected the output and paid.
    async fn check(
        &self,
        auditor: &mut Auditor,
        link: &mut Link,
        root: H256,
    ) -> (Result<Audited, SessionError>, Vec<Event>) {
        let receipt = Receipt {
            trace: Some(root),
            ..receipts::receipt()
        };
        let voucher = SignedVoucher {
            voucher: Voucher {
                version: PAYMENT_VERSION,
                genesis: receipt.genesis,
                account: 5,
                miner: MINER,
                brain: 7,
                job: self.job.id,
                cumulative: 2_000,
                expiry: 9,
            },
            signature: VoucherSignature::Sr25519(sr25519::Signature::from_raw([0; 64])),
        };
        let paid = Paid {
            manifest: &self.manifest,
            opening_bytes: self.opening as u64,
            job: &self.job,
            hashes: &Hashes::of(&self.job),
            voucher: &voucher,
            receipt: &receipt,
            output: &self.output,
        };
        let mut events = Vec::new();
        let audited = auditor
            .check(link, paid, &self.state, &mut |event| events.push(event))
            .await;
        (audited, events)
    }

    /// The verdict on a miner that sends these chunks when one bootstrap was drawn.
    async fn verdict(&self, openings: Vec<Vec<u8>>) -> String {
        let (mut link, _, _) = Stub::link(Script {
            graph: Some(self.graph.clone()),
            openings,
            ..Script::default()
        })
        .await;
        let (audited, events) = self.check(&mut self.auditor(1), &mut link, ROOT).await;
        assert_eq!(events, [Event::Auditing { bootstraps: 1 }]);
        let error = audited.unwrap_err();
        assert!(
            matches!(error, SessionError::Audit(_)) && !error.is_transient(),
            "{error}"
        );
        error.to_string()
    }
}

fn asked(seen: &std::sync::Mutex<Seen>) -> Vec<Vec<u32>> {
    seen.lock().unwrap().opened.clone()
}

#[test]
fn a_traced_job_costs_twice_as_much() {
    assert_eq!(
        (wire::job_price(1_000, false), wire::job_price(1_000, true)),
        (Some(1_000), Some(2_000))
    );
    assert_eq!(wire::job_price(u128::MAX, true), None);
}

#[tokio::test]
async fn what_a_miner_opens_has_one_size_and_a_refusal_is_no_excuse() {
    let fixture = Fixture::new();
    // The one that is drawn, two that it may read, and the outputs'.
    let most = (3 + LABELS.len()) * fixture.opening;
    for (openings, what) in [
        (vec![vec![1; most], vec![1]], "not of the right form"),
        (vec![vec![1; fixture.opening - 1]], "not of the right form"),
        (vec![vec![1; wire::MAX_CHUNK + 1]], "not of the right form"),
        (vec![vec![]], "not of the right form"),
        (vec![], "refused to open its trace"),
    ] {
        let verdict = fixture.verdict(openings).await;
        assert!(verdict.contains(what), "{verdict}");
        for said in [
            "not to be trusted and was not decrypted",
            "price of this one job is spent",
            "--miner",
        ] {
            assert!(verdict.contains(said), "{verdict}");
        }
    }
}

#[tokio::test]
async fn openings_of_the_right_size_that_are_garbage_are_found() {
    let mut fixture = Fixture::new();
    let key = ClientKey::generate(&ParameterSet::default()).unwrap();
    fixture.job.evaluation_key = key.evaluation_key_bytes().unwrap();
    let circuit = graph().compile(&ParameterSet::default()).unwrap();
    fixture.job.input = key
        .encrypt_values(circuit.interface(), &[1; INPUTS as usize])
        .unwrap();
    // All are drawn, so that it is known what is opened.
    let all = BOOTSTRAPS as usize * fixture.opening;
    let (mut link, _, seen) = Stub::link(Script {
        graph: Some(fixture.graph.clone()),
        openings: vec![1; all].chunks(wire::MAX_CHUNK).map(<[u8]>::to_vec).collect(),
        ..Script::default()
    })
    .await;
    let (audited, events) = fixture
        .check(&mut fixture.auditor(u32::MAX), &mut link, ROOT)
        .await;
    assert!(matches!(audited, Err(SessionError::Audit(_))), "{audited:?}");
    assert_eq!(
        events,
        [Event::Auditing {
            bootstraps: BOOTSTRAPS
        }]
    );
    assert_eq!(asked(&seen), [(0..BOOTSTRAPS).collect::<Vec<_>>()]);
}

#[tokio::test]
async fn an_honest_answer_passes_and_one_wrong_bootstrap_does_not() {
    let mut fixture = Fixture::new();
    let set = ParameterSet::default();
    let key = ClientKey::generate(&set).unwrap();
    fixture.job.evaluation_key = key.evaluation_key_bytes().unwrap();
    let circuit = graph().compile(&set).unwrap();
    fixture.job.input = key
        .encrypt_values(circuit.interface(), &[1; INPUTS as usize])
        .unwrap();
    let exact = ExactKey::from_bytes(&fixture.job.evaluation_key, &set).unwrap();
    let (input, how) = (&fixture.job.input, Evaluation::default());
    let mut trace = Vec::new();
    let (output, root) = evaluate_circuit_traced(&circuit, &exact, input, &how, &mut trace).unwrap();
    fixture.output = output;
    let all: Vec<u32> = (0..BOOTSTRAPS).collect();
    let mut openings = trace::openings(&mut Cursor::new(&trace), &circuit, &all).unwrap();
    for honest in [true, false] {
        if !honest {
            // The last coefficient of the first result.
            openings[16_384] ^= 1;
        }
        let (mut link, _, _) = Stub::link(Script {
            graph: Some(fixture.graph.clone()),
            openings: openings.chunks(wire::MAX_CHUNK).map(<[u8]>::to_vec).collect(),
            ..Script::default()
        })
        .await;
        let mut auditor = fixture.auditor(u32::MAX);
        let (audited, _) = fixture.check(&mut auditor, &mut link, H256(root)).await;
        match honest {
            true => {
                let Audited { bootstraps, of, .. } = audited.unwrap();
                assert_eq!((bootstraps, of), (BOOTSTRAPS, u64::from(BOOTSTRAPS)));
            }
            false => assert!(matches!(audited, Err(SessionError::Audit(_))), "{audited:?}"),
        }
    }
}

#[tokio::test]
async fn a_miner_that_hangs_up_gets_no_other_draw_and_cannot_change_its_receipt() {
    let fixture = Fixture::new();
    let (mut link, _, seen) = Stub::link(Script {
        graph: Some(fixture.graph.clone()),
        broken_openings: 5,
        ..Script::default()
    })
    .await;
    let mut auditor = fixture.auditor(8);
    for _ in 0..3 {
        let (gone, _) = fixture.check(&mut auditor, &mut link, ROOT).await;
        assert!(gone.as_ref().is_err_and(SessionError::is_transient), "{gone:?}");
    }
    let asked_first = asked(&seen);
    assert_eq!(asked_first[1..], [asked_first[0].clone(), asked_first[0].clone()]);
    let (changed, events) = fixture.check(&mut auditor, &mut link, H256([8; 32])).await;
    let error = changed.unwrap_err().to_string();
    assert!(error.contains("another receipt"), "{error}");
    assert_eq!((events, asked(&seen).len()), (vec![], 3));
    // Another process asks for the same, however many it would have drawn.
    let mut again = fixture.auditor(20);
    fixture.check(&mut again, &mut link, ROOT).await.0.unwrap_err();
    assert_eq!(asked(&seen)[3], asked_first[0]);
    // Of another job the draw is another one: one of many millions.
    fixture.state.finish(&fixture.job.id).unwrap();
    fixture.state.begin(&H256::zero(), "text", &fixture.job).unwrap();
    fixture
        .check(&mut fixture.auditor(8), &mut link, ROOT)
        .await
        .0
        .unwrap_err();
    assert_ne!(asked(&seen)[4], asked_first[0]);
}

#[tokio::test]
async fn a_job_that_was_begun_with_an_audit_is_audited_by_a_call_without() {
    let fixture = Fixture::new();
    let (mut link, _, _) = Stub::link(Script {
        graph: Some(fixture.graph.clone()),
        ..Script::default()
    })
    .await;
    let mut auditor = fixture.auditor(0);
    assert!(!auditor.is_on());
    let (_, events) = fixture.check(&mut auditor, &mut link, ROOT).await;
    assert_eq!(events, [Event::Auditing { bootstraps: 32 }]);
}

#[tokio::test]
async fn the_graph_is_fetched_once_and_kept_only_if_it_is_the_models() {
    let fixture = Fixture::new();
    let (dir, manifest) = (fixture.dir(), &fixture.manifest);
    let entries = || std::fs::read_dir(fixture.cache.path()).unwrap().count();
    let kept = || (dir.join(GRAPH_FILE).exists(), entries());
    let mut other = fixture.graph.clone();
    other.push(b' ');
    let (mut link, _, _) = Stub::link(Script {
        graph: Some(other),
        ..Script::default()
    })
    .await;
    let error = link.circuit(manifest, &dir).await.unwrap_err();
    assert!(
        matches!(&error, SessionError::Protocol(what) if what.contains("graph.json")),
        "{error}"
    );
    assert_eq!(kept(), (false, 2));

    let (mut link, _, seen) = Stub::link(Script {
        graph: Some(fixture.graph.clone()),
        ..Script::default()
    })
    .await;
    for _ in 0..2 {
        let circuit = link.circuit(manifest, &dir).await.unwrap();
        assert_eq!(circuit.bootstraps(), u64::from(BOOTSTRAPS));
    }
    assert_eq!(kept(), (true, 2));
    let calls = &seen.lock().unwrap().calls;
    let fetched = calls.iter().filter(|(call, _)| *call == "model_file");
    assert_eq!(fetched.count(), 1);
}

#[tokio::test]
async fn a_miner_is_asked_for_so_many_openings_at_once() {
    let (mut link, _, seen) = Stub::link(Script {
        openings: vec![vec![1; wire::MAX_OPENINGS]],
        ..Script::default()
    })
    .await;
    let tables: Vec<u32> = (0..2 * wire::MAX_OPENINGS as u32).collect();
    let openings = link.openings(&[1], &tables, 1).await.unwrap();
    assert_eq!(openings.len(), tables.len());
    assert_eq!(asked(&seen).concat(), tables);
    assert_eq!(asked(&seen).len(), 2);
}

#[test]
fn a_miner_that_knows_what_was_drawn_has_no_other_excuse() {
    let gone = SessionError::MinerGone("silent".into()).once_drawn();
    assert!(matches!(gone, SessionError::NotOpened(_)));
    assert!(gone.is_transient() && gone.may_be_resumed());
    for excuse in [
        SessionError::Refused("no such job".into()),
        SessionError::Receipt("it cannot be read"),
        SessionError::Protocol("too many bytes".into()),
    ] {
        let error = excuse.once_drawn();
        assert!(matches!(error, SessionError::Audit(_)), "{error}");
        assert!(!error.is_transient() && !error.may_be_resumed());
    }
    let own = SessionError::Internal("a task died".into()).once_drawn();
    assert!(matches!(own, SessionError::Internal(_)) && own.may_be_resumed());
}
