//! The row of a validator: what it revealed and what it holds, together in one value.

use alloc::vec::Vec;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::BoundedVec;

use crate::types::{BlockNumber, MaxPeers, Uid};

/// Numbers of a row, in the order of its uids.
type Values = BoundedVec<u16, MaxPeers>;

/// Weights and bonds of a validator: parallel vectors by strictly ascending uid, so that they decode at the speed of a
/// copy. No entry has neither weight nor bond.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct WeightRow {
    /// Block in which the validator committed itself to the weights: they concern peers registered before.
    pub committed_at: BlockNumber,
    /// Block of the epoch that wrote the bonds.
    pub bonded_at: BlockNumber,
    /// Peers.
    uids: BoundedVec<Uid, MaxPeers>,
    /// Weight on each, relative to the others.
    weights: Values,
    /// Bond in each, in parts of 65,535 of all that is held in it.
    bonds: Values,
}

/// One entry of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Peer.
    pub uid: Uid,
    /// Weight on it.
    pub weight: u16,
    /// Bond in it.
    pub bond: u16,
}

impl WeightRow {
    /// Weights that replace those of `old`, whose bonds stay. Both have ascending uids; entries beyond the bound of
    /// all peers, of which there can be none with valid uids, are left out.
    pub fn reveal(old: Option<&Self>, committed_at: BlockNumber, weights: &[(Uid, u16)]) -> Self {
        let kept = old
            .into_iter()
            .flat_map(Self::entries)
            .filter(|entry| entry.bond > 0);
        let mut bonds = kept.map(|entry| (entry.uid, entry.bond)).peekable();
        let mut weights = weights
            .iter()
            .copied()
            .filter(|(_, weight)| *weight > 0)
            .peekable();
        let mut entries = Vec::new();
        loop {
            let uid = match (bonds.peek(), weights.peek()) {
                (Some((a, _)), Some((b, _))) => *a.min(b),
                (Some((uid, _)), None) | (None, Some((uid, _))) => *uid,
                (None, None) => break,
            };
            let bond = bonds
                .next_if(|(other, _)| *other == uid)
                .map_or(0, |(_, bond)| bond);
            let weight = weights
                .next_if(|(other, _)| *other == uid)
                .map_or(0, |(_, weight)| weight);
            entries.push(Entry { uid, weight, bond });
        }
        let bonded_at = old.map_or(0, |old| old.bonded_at);
        Self::of(committed_at, bonded_at, &entries)
    }

    /// A row of these entries, by ascending uid.
    pub fn of(committed_at: BlockNumber, bonded_at: BlockNumber, entries: &[Entry]) -> Self {
        let values = |part: fn(&Entry) -> u16| BoundedVec::truncate_from(entries.iter().map(part).collect());
        Self {
            committed_at,
            bonded_at,
            uids: values(|entry| entry.uid),
            weights: values(|entry| entry.weight),
            bonds: values(|entry| entry.bond),
        }
    }

    /// Entries by ascending uid.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let parts = self.uids.iter().zip(self.weights.iter()).zip(self.bonds.iter());
        parts.map(|((uid, weight), bond)| Entry {
            uid: *uid,
            weight: *weight,
            bond: *bond,
        })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.uids.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// Gives every entry a new bond, then drops those left with nothing.
    pub(super) fn rebond(&mut self, bonded_at: BlockNumber, mut next: impl FnMut(Entry) -> u16) {
        let mut emptied = false;
        let parts = self
            .uids
            .iter()
            .zip(self.weights.iter())
            .zip(self.bonds.iter_mut());
        for ((uid, weight), bond) in parts {
            let entry = Entry {
                uid: *uid,
                weight: *weight,
                bond: *bond,
            };
            *bond = next(entry);
            emptied |= *bond == 0 && *weight == 0;
        }
        self.bonded_at = bonded_at;
        if emptied {
            let left: Vec<Entry> = self
                .entries()
                .filter(|entry| entry.weight > 0 || entry.bond > 0)
                .collect();
            *self = Self::of(self.committed_at, bonded_at, &left);
        }
    }

    /// Whether the row is as described: parts of equal length, strictly ascending, nothing empty.
    pub fn is_sound(&self) -> bool {
        let ascending = self.uids.iter().zip(self.uids.iter().skip(1)).all(|(a, b)| a < b);
        let equal = self.uids.len() == self.weights.len() && self.uids.len() == self.bonds.len();
        ascending && equal && self.entries().all(|entry| entry.weight > 0 || entry.bond > 0)
    }
}
