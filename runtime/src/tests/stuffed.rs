//! Blocks filled with the heaviest calls keep their limits, and what is set aside for others.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use codec::Encode;
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo},
    traits::GetCallMetadata,
    weights::Weight,
};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{transaction_validity::InvalidTransaction, DispatchError};

use super::bad_input::{succeeding, Succeeding};
use crate::{
    configs::BlockWeights,
    fuzzing::{
        chain::{apply, begin_block, block, end_block, signed},
        Setting,
    },
    RuntimeCall, System,
};

/// Calls that are looked at.
const HEAVIEST: usize = 8;

fn declared(call: &RuntimeCall) -> Weight {
    call.get_dispatch_info().call_weight
}

/// Calls of normal class with the most declared weight for a byte, once each.
fn heaviest() -> Vec<Succeeding> {
    let density = |found: &Succeeding| {
        std::cmp::Reverse(declared(&found.call).ref_time() / found.call.encoded_size() as u64)
    };
    let mut all = succeeding();
    all.sort_by_key(density);
    let mut seen = BTreeSet::new();
    all.retain(|found| {
        let name = found.call.get_call_metadata();
        seen.insert((name.pallet_name, name.function_name))
    });
    all.truncate(HEAVIEST);
    all
}

/// Applies the call until the block takes no more of it; how often it did, and how long that took.
fn stuff(signer: Sr25519Keyring, call: &RuntimeCall) -> (u32, Duration) {
    let mut taken = Duration::ZERO;
    for count in 0.. {
        let nonce = System::account_nonce(signer.to_account_id());
        let extrinsic = signed(signer, call.clone(), nonce, 0);
        let start = Instant::now();
        let outcome = apply(extrinsic);
        if outcome == Err(InvalidTransaction::ExhaustsResources.into()) {
            return (count, taken);
        }
        taken += start.elapsed();
        assert!(outcome.is_ok(), "{call:?}: {outcome:?}");
    }
    (0, taken)
}

#[test]
fn a_block_of_any_of_the_heaviest_calls_keeps_its_limits_and_reserves() {
    let network = Setting::founded();
    let limits: frame_system::limits::BlockWeights = BlockWeights::get();
    let normal = limits.get(DispatchClass::Normal);
    println!(
        "{:36} {:>6} {:>10} {:>12} {:>12} {:>8}",
        "call", "calls", "hooks ms", "declared ms", "real ms", "ratio"
    );
    for Succeeding {
        signer,
        prepare,
        call,
    } in heaviest()
    {
        network.chain().execute_with(|| {
            prepare();
            // A block that begins a session takes no calls, and time may have passed.
            (0..2).for_each(|_| drop(block(vec![])));
            begin_block(0);
            let hooks = *System::block_weight().get(DispatchClass::Mandatory);
            let (count, real) = stuff(signer, &call);
            let real = real.as_secs_f64() * 1e3;
            let used = *System::block_weight().get(DispatchClass::Normal);
            let most = normal.max_total.unwrap();
            assert!(used.all_lte(most), "{call:?}");
            let one = declared(&call) + normal.base_extrinsic;
            // The class is full, or the block is for what its hooks took.
            let all = System::block_weight().total().saturating_add(one * 2);
            assert!(
                used.saturating_add(one * 2).any_gt(most) || all.any_gt(limits.max_block),
                "{call:?}: {count} of them do not fill a block beside {hooks:?}"
            );

            // An operational call still fits, and the hooks had their part before.
            let pages = frame_system::Call::set_heap_pages { pages: 64 };
            let nonce = System::account_nonce(signer.to_account_id());
            let outcome = apply(signed(signer, pages, nonce, 0));
            assert_eq!(outcome, Ok(Err(DispatchError::BadOrigin)), "{call:?}");
            end_block();
            let total = System::block_weight();
            assert!(total.total().all_lte(limits.max_block), "{call:?}: {total:?}");
            assert!(total.get(DispatchClass::Mandatory).all_gte(hooks));

            let milliseconds = |weight: Weight| weight.ref_time() as f64 / 1e9;
            let (name, hooks, declared) = (call.get_call_metadata(), milliseconds(hooks), milliseconds(used));
            let name = format!("{}.{}", name.pallet_name, name.function_name);
            println!(
                "{name:36} {count:>6} {hooks:>10.1} {declared:>12.1} {real:>12.1} {:>8.2}",
                real / declared
            );
        });
    }
}
