//! Which Brains a validator visits and which miners it asks there: a secret order decides, so that nobody knows whom
//! to serve well, and a restart changes nothing.

use based_primitives::BrainId;
use sha2::{Digest, Sha256};

/// Rounds for which a validator stays with its Brains: long enough to know their miners by more than one answer.
const STAY: u32 = 16;
/// Miners asked in each Brain visited.
pub const MINERS: usize = 3;
const CONTEXT: &[u8] = b"based/abroad/1";

/// The `count` Brains to visit in a round.
pub fn brains(secret: &[u8; 32], round: u32, eligible: Vec<BrainId>, count: usize) -> Vec<BrainId> {
    let stay = (round / STAY).to_le_bytes();
    first(secret, eligible, count, |brain| {
        [&stay[..], &brain.to_le_bytes()].concat()
    })
}

/// The miners to ask in a Brain, by their accounts. They stay the same while they are there: like a user who stays
/// with a miner, a payer needs one reservation for each.
pub fn miners<T: AsRef<[u8]>>(secret: &[u8; 32], brain: BrainId, miners: Vec<T>) -> Vec<T> {
    let brain = brain.to_le_bytes();
    first(secret, miners, MINERS, |miner| {
        [&brain[..], miner.as_ref()].concat()
    })
}

/// The first of `items` in the order that the secret gives them.
fn first<T>(secret: &[u8; 32], mut items: Vec<T>, count: usize, name: impl Fn(&T) -> Vec<u8>) -> Vec<T> {
    items.sort_by_cached_key(|item| {
        let name = name(item);
        Sha256::new()
            .chain_update(CONTEXT)
            .chain_update(secret)
            .chain_update([u8::try_from(name.len()).unwrap_or(u8::MAX)])
            .chain_update(name)
            .finalize()
    });
    items.truncate(count);
    items
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn brains_stay_for_some_rounds_and_all_have_their_turn() {
        let all: Vec<BrainId> = (0..40).collect();
        let at = |round| brains(&[1; 32], round, all.clone(), 2);
        assert_eq!(at(0), at(15));
        assert_ne!(at(15), at(16));
        assert_ne!(at(0), brains(&[2; 32], 0, all.clone(), 2), "the secret decides");
        let reversed = all.iter().rev().copied().collect();
        assert_eq!(
            at(0),
            brains(&[1; 32], 0, reversed, 2),
            "the order of the list does not"
        );
        let visited: HashSet<BrainId> = (0..400).flat_map(|stay| at(stay * STAY)).collect();
        assert_eq!(visited.len(), 40);
        assert_eq!(brains(&[1; 32], 0, vec![3], 2), [3]);
    }

    #[test]
    fn the_miners_of_a_brain_stay_while_they_are_there() {
        let all: Vec<[u8; 32]> = (0..50).map(|n| [n; 32]).collect();
        let chosen = miners(&[1; 32], 9, all.clone());
        assert_eq!(chosen.len(), MINERS);
        assert_ne!(chosen, miners(&[1; 32], 8, all.clone()));
        let without = |gone: &[u8; 32]| {
            all.iter()
                .copied()
                .filter(|miner| miner != gone)
                .collect::<Vec<_>>()
        };
        let rest = miners(&[1; 32], 9, without(&chosen[0]));
        assert_eq!(
            rest[..2],
            chosen[1..],
            "one that leaves is replaced, and no other"
        );
    }
}
