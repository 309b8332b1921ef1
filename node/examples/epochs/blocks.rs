//! Blocks of the whole network, and a page of its metagraph as the RPC answers it.

use std::time::{Duration, Instant};

use based_primitives::{constants::MAX_PEERS, views::Metagraph, BrainId, Uid};
use based_runtime::AccountId;
use codec::{Decode, Encode};
use sp_core::traits::Externalities;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::TestExternalities;

use crate::{
    answers::MetagraphPage,
    median,
    network::{self, DIVISION, ORDINARY},
    setting::BRAIN,
    wasm::Wasm,
    Error, REPEATS,
};

/// What was measured.
pub struct Blocks {
    /// Milliseconds of the hooks of an ordinary block.
    pub ordinary: f64,
    /// Milliseconds of those of the last block of a cycle, beyond an ordinary one's.
    pub cycle_step: f64,
    /// Milliseconds from the question for a full Brain's metagraph to its JSON.
    pub page: f64,
    /// Bytes of the JSON.
    pub page_bytes: usize,
}

/// Measures on a trie in memory that holds the whole network.
pub fn measure(wasm: &Wasm) -> Result<Blocks, Error> {
    let mut network = network::before(ORDINARY)?;
    let ordinary = repeat_block(wasm, &mut network, ORDINARY)?;
    let (page, page_bytes) = repeat_page(wasm, &mut network)?;
    drop(network);
    let last = repeat_block(wasm, &mut network::before(DIVISION)?, DIVISION)?;
    Ok(Blocks {
        ordinary,
        cycle_step: last - ordinary,
        page,
        page_bytes,
    })
}

/// Writes the block before, then the block at `height` again and again on the same state.
fn repeat_block(
    wasm: &Wasm,
    network: &mut TestExternalities<BlakeTwo256>,
    height: u32,
) -> Result<f64, Error> {
    wasm.empty_block(&mut network.ext(), height - 1)?;
    network.commit_all()?;
    let mut times = Vec::new();
    for _ in 0..=REPEATS {
        let mut ext = network.ext();
        ext.storage_start_transaction();
        times.push(wasm.empty_block(&mut ext, height)?);
        ext.storage_rollback_transaction()
            .map_err(|()| "the block left a transaction open")?;
    }
    Ok(median(times.split_off(1)))
}

fn repeat_page(wasm: &Wasm, network: &mut TestExternalities<BlakeTwo256>) -> Result<(f64, usize), Error> {
    let (mut times, mut bytes) = (Vec::new(), 0);
    for _ in 0..=REPEATS {
        let (time, json) = page(wasm, &mut network.ext())?;
        times.push(time);
        bytes = json.len();
    }
    Ok((median(times.split_off(1)), bytes))
}

fn page(wasm: &Wasm, ext: &mut dyn Externalities) -> Result<(Duration, Vec<u8>), Error> {
    let start = Instant::now();
    let question: (BrainId, Uid, u16) = (BRAIN, 0, MAX_PEERS);
    let (answer, _) = wasm.call(ext, "BasedApi_metagraph", &question.encode())?;
    let page = Option::<Metagraph<AccountId>>::decode(&mut &answer[..])?.ok_or("the Brain is unknown")?;
    let peers = page.peers.len();
    let json = serde_json::to_vec(&MetagraphPage::new(Default::default(), BRAIN, page))?;
    let time = start.elapsed();
    if peers != usize::from(MAX_PEERS) {
        return Err(format!("the page has {peers} peers").into());
    }
    Ok((time, json))
}
