//! Each kind of template that is served, through the miner's own code (R067, R068, R182, R183).

use std::{collections::BTreeMap, path::Path, sync::Arc};

use based_client::{
    search::Index,
    session::split::Output,
    templates::{self, Source},
    wire::JobTerms,
};
use sp_core::H256;
use zk_llm::{actions::Expression, ClientModel};

use super::{
    fake::Fake,
    harness::{fixture, job_id, job_terms, key_terms, signed, verified, voucher, Miner},
    split::{answer, miner, Imported, User},
};

/// Whether any file below holds the bytes.
fn holds(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        match path.is_dir() {
            true => holds(&path, bytes),
            false => std::fs::read(&path)
                .unwrap()
                .windows(bytes.len())
                .any(|window| window == bytes),
        }
    })
}

#[tokio::test]
async fn the_generic_template_computes_on_encrypted_numbers() {
    let (template, _) = templates::find("generic").unwrap();
    let Source::Expression {
        expression, largest, ..
    } = template.model
    else {
        panic!("no expression");
    };
    let parsed: Expression = expression.parse().unwrap();
    let shelf = tempfile::tempdir().unwrap();
    let hash = parsed
        .write_task(shelf.path(), &template.name, &expression, largest)
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let chain = Arc::new(Fake::new(H256(hash), [0; 32]));
    let miner = Miner::start(dir.path(), shelf.path(), chain, true).await;
    let mut client = miner.client().await;
    let fixture = fixture();
    client
        .upload_key(&key_terms(), "User", &fixture.evaluation_key)
        .await
        .unwrap();
    let model = ClientModel::load(shelf.path()).unwrap();
    let mut promised = 0;
    for prompt in [template.ask.as_str(), "2 2 2 2 2 2", "0 0 0 0 0 0", "1 0 2 1 0 2"] {
        let prepared = model.prepare(prompt).unwrap();
        let input = fixture.key.encrypt(model.manifest(), &prepared).unwrap();
        let terms = JobTerms {
            task: H256(hash),
            ..job_terms(job_id(), &input)
        };
        let receipt = client.submit(&terms, "User", &input).await.unwrap();
        promised += verified(&receipt, &miner.computekey).amount;
        let output = client
            .collect(&signed(voucher(terms.job, promised), "User"))
            .await
            .unwrap();
        let found = fixture.key.decrypt(model.manifest(), &output).unwrap();
        let numbers = prompt.split(' ').map(|word| word.parse().unwrap());
        let values: BTreeMap<&str, i64> = ["a", "b", "c", "d", "e", "f"].into_iter().zip(numbers).collect();
        let wanted = parsed.evaluate(&values).unwrap();
        assert_eq!(found.0, [i32::try_from(wanted).unwrap()], "{prompt}");
    }
    miner.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn medical_records_are_analysed_unread() {
    let model: &'static Imported = Box::leak(Box::new(Imported::new("bert-classifier")));
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, model).await;
    let note = "the answer is encrypted";
    let ids = model.part.encode(note).unwrap();
    let asked = answer(model, &User::of(&miner), &ids, 1).await;
    let Output::Classes(classes) = asked.made.unwrap().output else {
        panic!("no classes");
    };
    let clear = model
        .part
        .run(
            &mut zk_llm::import::Dynamic::new(&model.part, &model.weights),
            &ids,
        )
        .unwrap();
    let wanted = based_client::session::split::probabilities(&clear);
    assert!(classes.iter().map(|(_, p)| *p).eq(wanted), "{classes:?}");
    asked.receipt.unwrap();
    miner.stop().await;
    // Of all that the miner keeps nothing is the note or its tokens.
    let tokens: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    assert!(!holds(dir.path(), note.as_bytes()) && !holds(dir.path(), &tokens));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_search_finds_what_the_embedding_in_clear_finds() {
    let model: &'static Imported = Box::leak(Box::new(Imported::new("bert-embedding")));
    let dir = tempfile::tempdir().unwrap();
    let miner = miner(&dir, model).await;
    let texts = "the answer is encrypted\n\nhow are you\nthe miner sees numbers\n  hello  \n";
    let index = Index::of(model.dir.path(), texts).unwrap();
    assert_eq!(index.len(), 4);
    index.suits(&model.task().0).unwrap();
    let user = User::of(&miner);
    for query in ["how are you", "the miner sees numbers"] {
        let ids = model.part.encode(query).unwrap();
        let asked = answer(
            model,
            &User {
                job: job_id(),
                ..user.clone()
            },
            &ids,
            1,
        )
        .await;
        let Output::Numbers(numbers) = asked.made.unwrap().output else {
            panic!("no embedding");
        };
        asked.receipt.unwrap();
        let found = index.nearest(&numbers, 2);
        assert_eq!(found[0].1, query, "a text is nearest to itself");
        assert!(
            (found[0].0 - 1.0).abs() < 1e-5 && found[1].0 < found[0].0,
            "{found:?}"
        );
    }
    miner.stop().await;
    assert!(!holds(dir.path(), b"how are you"));
}
