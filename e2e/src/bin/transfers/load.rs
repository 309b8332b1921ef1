//! Load on a node until a window of full blocks is final.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context};
use based_e2e::{network::PATIENCE, node::Node};
use codec::{Compact, Encode};
use serde_json::{json, Value};
use sp_core::{sr25519, Pair};

use crate::chain::SENDERS;

/// Blocks of the window.
const WINDOW: u32 = 6;
/// Transactions of one exchange with the node.
const BATCH: usize = 500;
/// Transactions that wait for a block at most: more than two full blocks.
const WAITING: u64 = 24_000;
/// Fewest transactions of a block that is taken for full: what comes before it is the start of the load.
const FULL: u64 = 100;
/// Key of `Timestamp.Now`.
const NOW: &str = "0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb";

/// Blocks in which transfers were counted.
pub struct Window {
    /// First block.
    pub first: u32,
    /// Last block.
    pub last: u32,
    /// Transfers in them.
    pub transfers: u64,
    /// From the time of the block before to that of the last.
    pub time: Duration,
}

impl Window {
    /// Number of its blocks.
    pub fn blocks(&self) -> u32 {
        self.last + 1 - self.first
    }
}

/// Key of a sender.
pub fn sender(number: u32) -> sr25519::Pair {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    sr25519::Pair::from_seed(&seed)
}

async fn ask(node: &Node, method: &str, params: Value) -> anyhow::Result<Value> {
    let mut answer = node.request(method, params).await?;
    ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
    Ok(answer["result"].take())
}

/// Height of the best block, or of a block by its hash.
async fn height(node: &Node, of: Value) -> anyhow::Result<u32> {
    let header = ask(node, "chain_getHeader", of).await?;
    let number = header["number"].as_str().context("a header without number")?;
    Ok(u32::from_str_radix(number.trim_start_matches("0x"), 16)?)
}

/// Transfers in a block: all but the inherent that sets the time.
async fn transfers(node: &Node, number: u32) -> anyhow::Result<u64> {
    let hash = ask(node, "chain_getBlockHash", json!([number])).await?;
    let block = ask(node, "chain_getBlock", json!([hash])).await?;
    let extrinsics = block["block"]["extrinsics"].as_array().context("no block")?;
    Ok(extrinsics.len() as u64 - 1)
}

/// Time of a block.
async fn moment(node: &Node, number: u32) -> anyhow::Result<Duration> {
    let hash = ask(node, "chain_getBlockHash", json!([number])).await?;
    let now = ask(node, "state_getStorage", json!([NOW, hash])).await?;
    let bytes = hex::decode(now.as_str().context("no time")?.trim_start_matches("0x"))?;
    let millis = u64::from_le_bytes(bytes.try_into().ok().context("no time")?);
    Ok(Duration::from_millis(millis))
}

/// Signed transfers of all senders in turn.
struct Transfers {
    senders: Vec<sr25519::Pair>,
    /// What every signature covers beside the call and the number of the transaction.
    implied: Vec<u8>,
    made: u64,
}

impl Transfers {
    async fn new(node: &Node) -> anyhow::Result<Self> {
        let genesis = ask(node, "chain_getBlockHash", json!([0])).await?;
        let genesis = hex::decode(genesis.as_str().context("no genesis")?.trim_start_matches("0x"))?;
        let version = ask(node, "state_getRuntimeVersion", json!([])).await?;
        let number = |name: &str| {
            let number = version[name].as_u64().with_context(|| format!("no {name}"))?;
            anyhow::Ok(u32::try_from(number)?.to_le_bytes())
        };
        let (spec, format) = (number("specVersion")?, number("transactionVersion")?);
        // Versions, genesis, the block from which an immortal transaction holds, no hash of the metadata.
        let implied = [&spec[..], &format, &genesis, &genesis, &[0]].concat();
        let senders = (0..SENDERS).map(sender).collect();
        Ok(Self {
            senders,
            implied,
            made: 0,
        })
    }

    /// The next transfer of one unit from a sender to the one after.
    fn next(&mut self) -> String {
        let (from, round) = (
            self.made as usize % self.senders.len(),
            self.made / u64::from(SENDERS),
        );
        self.made += 1;
        let to = &self.senders[(from + 1) % self.senders.len()];
        // Balances.transfer_keep_alive, to an account by its id.
        let call = [&[4, 3, 0][..], &to.public().0, &Compact(1u128).encode()].concat();
        // Immortal, number, no tip, metadata not checked.
        let explicit = [&[0][..], &Compact(round).encode(), &Compact(0u128).encode(), &[0]].concat();
        let from = &self.senders[from];
        let signature = from.sign(&[&call[..], &explicit, &self.implied].concat());
        let body = [
            // Version 4, signed, by an account, with sr25519.
            &[0x84, 0][..],
            &from.public().0,
            &[1],
            &signature.0,
            &explicit,
            &call,
        ]
        .concat();
        format!("0x{}", hex::encode(body.encode()))
    }

    /// Sends a batch; the node must take all of it.
    async fn send(&mut self, node: &Node) -> anyhow::Result<()> {
        let batch: Vec<Value> = (0..BATCH).map(|_| json!([self.next()])).collect();
        for answer in node.requests("author_submitExtrinsic", &batch).await? {
            ensure!(
                answer["error"].is_null(),
                "a transfer was refused: {}",
                answer["error"]
            );
        }
        Ok(())
    }
}

/// Keeps blocks full until the window is written, and waits until it is final.
pub async fn window(node: &Node) -> anyhow::Result<Window> {
    let mut load = Transfers::new(node).await?;
    let (mut seen, mut included, mut first) = (0, 0, None);
    let mut counted = 0;
    let begin = Instant::now();
    loop {
        ensure!(
            begin.elapsed() < 4 * PATIENCE,
            "the window was not written in time"
        );
        if load.made - included < WAITING {
            load.send(node).await?;
        } else {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let best = height(node, json!([])).await?;
        while seen < best {
            seen += 1;
            let found = transfers(node, seen).await?;
            included += found;
            match first {
                // The block after the first full one begins the window, once as many wait as it held.
                None if found >= FULL && load.made - included >= found => first = Some(seen + 1),
                Some(first) if seen >= first && seen < first + WINDOW => counted += found,
                _ => {}
            }
        }
        if let Some(first) = first.filter(|first| seen + 1 >= first + WINDOW) {
            let last = first + WINDOW - 1;
            finality(node, last).await?;
            let time = moment(node, last).await? - moment(node, first - 1).await?;
            return Ok(Window {
                first,
                last,
                transfers: counted,
                time,
            });
        }
    }
}

async fn finality(node: &Node, number: u32) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let head = ask(node, "chain_getFinalizedHead", json!([])).await?;
        if height(node, json!([head])).await? >= number {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            bail!("block {number} was not final in time");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
