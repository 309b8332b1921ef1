//! The metrics page.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use zk_llm::Device;

use super::{
    fake::PRICE,
    harness::{signed, voucher, Miner},
};
use crate::{
    evalkeys::KeyStore,
    metrics::{self, Metrics, Source},
    queue::Queue,
    stop,
    tasks::Situation,
};
use based_client::models::Quota;

async fn page(address: std::net::SocketAddr) -> String {
    let mut stream = loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            break stream;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let request = b"GET /metrics HTTP/1.1\r\nHost: miner\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn the_page_shows_jobs_money_and_storage() {
    let dir = tempfile::tempdir().unwrap();
    let miner = Miner::fresh(&dir).await;
    let job = miner.finished_job([1; 4]).await;
    let mut client = miner.client().await;
    client
        .collect(&signed(voucher(job, PRICE), "User"))
        .await
        .unwrap();
    miner.finished_job([0; 4]).await;

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (stopper, stop) = stop::channel();
    let source = Source {
        metrics: Arc::new(Metrics::new().unwrap()),
        db: miner.db.clone(),
        keys: KeyStore::open(
            dir.path(),
            miner.db.clone(),
            Quota::from_mib(1_024),
            Device::cores(),
        )
        .unwrap(),
        queue: Queue::default(),
        situation: watch::channel(Situation::default()).1,
    };
    let serving = tokio::spawn(metrics::serve(address, source, stop));
    let text = page(address).await;
    for line in [
        "based_miner_jobs{state=\"paid\"} 1",
        "based_miner_jobs{state=\"done\"} 1",
        "based_miner_jobs{state=\"failed\"} 0",
        "based_miner_promised_based 0.017",
        "based_miner_redeemed_based 0",
        "based_miner_cerberus_squeezing 1",
        "based_miner_node_reachable 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    let figure = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(figure("based_miner_stored_bytes") >= figure("based_miner_keys_bytes"));
    assert_eq!(
        figure("based_miner_keys_bytes"),
        super::harness::fixture().evaluation_key.len() as f64
    );
    stopper.stop();
    serving.await.unwrap().unwrap();
    miner.stop().await;
}
