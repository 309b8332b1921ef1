//! Rows of weights: as decoded from a transaction or from storage, and as revealed over an older row.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use based_fuzz::scale;
use based_primitives::{
    constants::{MAX_PEERS, MIN_COMPARED_EDGES},
    math::{is_copy, quantised, Entry, WeightRow},
    weights_commitment, Uid,
};
use codec::Encode;
use libfuzzer_sys::fuzz_target;
use sp_core::H256;
use sp_runtime::AccountId32;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    bytes: &'a [u8],
    old: BTreeMap<Uid, (u16, u16)>,
    weights: BTreeMap<Uid, u16>,
    public: Vec<(Uid, u16)>,
    own: Uid,
    blocks: [u32; 3],
    salt: [u8; 32],
    unordered: bool,
}

fuzz_target!(|input: Input| {
    if let Some(row) = scale::<WeightRow>(input.bytes) {
        if row.is_sound() {
            assert_eq!(row.entries().count(), row.len());
            let entries: Vec<Entry> = row.entries().collect();
            assert_eq!(WeightRow::of(row.committed_at, row.bonded_at, &entries), row);
        }
        // A row that is not sound is read as far as its parts go together.
        assert!(row.entries().count() <= row.len());
        let _ = WeightRow::reveal(Some(&row), 1, &input.public);
    }

    let entries: Vec<Entry> = input
        .old
        .iter()
        .filter(|(uid, (weight, bond))| **uid < MAX_PEERS && (*weight > 0 || *bond > 0))
        .map(|(uid, (weight, bond))| Entry {
            uid: *uid,
            weight: *weight,
            bond: *bond,
        })
        .collect();
    let old = WeightRow::of(input.blocks[0], input.blocks[1], &entries);
    assert!(old.is_sound());
    let weights: Vec<(Uid, u16)> = input
        .weights
        .iter()
        .map(|(uid, weight)| (*uid, *weight))
        .filter(|(uid, _)| *uid < MAX_PEERS)
        .collect();
    let row = WeightRow::reveal(Some(&old), input.blocks[2], &weights);
    assert!(row.is_sound());
    let bonds = |row: &WeightRow| -> BTreeMap<Uid, u16> {
        let held = row.entries().filter(|entry| entry.bond > 0);
        held.map(|entry| (entry.uid, entry.bond)).collect()
    };
    assert_eq!(bonds(&row), bonds(&old), "a reveal changes no bond");
    let said = row
        .entries()
        .filter(|entry| entry.weight > 0)
        .map(|entry| (entry.uid, entry.weight));
    assert!(said.eq(weights.iter().copied().filter(|(_, weight)| *weight > 0)));
    assert_eq!(
        (row.committed_at, row.bonded_at),
        (input.blocks[2], input.blocks[1])
    );
    assert_eq!(scale::<WeightRow>(&row.encode()), Some(row.clone()));

    let wide = quantised(weights.iter().map(|(uid, weight)| (*uid, u128::from(*weight))));
    assert!(wide.is_empty() || wide.iter().any(|(_, value)| *value == u16::MAX));
    let others = weights
        .iter()
        .filter(|(uid, weight)| *uid != input.own && *weight > 0)
        .count();
    assert_eq!(
        is_copy(&weights, &weights, input.own),
        others >= MIN_COMPARED_EDGES
    );
    let mut public = input.public;
    if !input.unordered {
        public.sort_unstable();
        public.dedup_by_key(|(uid, _)| *uid);
    }
    let _ = is_copy(&weights, &public, input.own);
    let _ = is_copy(&public, &weights, input.own);

    let account = AccountId32::new(input.salt);
    let hash =
        |row: &[(Uid, u16)]| weights_commitment(&H256(input.salt), input.own, &account, row, &input.salt);
    assert_eq!(
        hash(&weights) == hash(&public),
        weights == public,
        "a commitment of two rows"
    );
});
