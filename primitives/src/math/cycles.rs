//! Cycles as one Brain counts them: each ends where the Brain's epoch begins (C.10).

use crate::types::{BlockNumber, BrainId};

/// Cycle of a Brain that a block's transactions belong to. The epoch of Brain b runs at the beginning of every block
/// h with h mod `cycle_blocks` = b mod `cycle_blocks`, before that block's transactions: they open the next cycle.
/// Without blocks in a cycle everything is cycle 0.
pub fn cycle_of(brain: BrainId, block: BlockNumber, cycle_blocks: BlockNumber) -> u32 {
    let Some(slot) = u32::from(brain).checked_rem(cycle_blocks) else {
        return 0;
    };
    let into = block.checked_sub(slot);
    into.and_then(|passed| passed.checked_div(cycle_blocks))
        .map_or(0, |full| full.saturating_add(1))
}

/// First block of a Brain's cycle.
pub fn cycle_start(brain: BrainId, cycle: u32, cycle_blocks: BlockNumber) -> BlockNumber {
    let Some(slot) = u32::from(brain).checked_rem(cycle_blocks) else {
        return 0;
    };
    cycle
        .checked_sub(1)
        .map_or(0, |full| full.saturating_mul(cycle_blocks).saturating_add(slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_of_an_epoch_opens_the_next_cycle() {
        for (block, cycle) in [(0, 0), (6, 0), (7, 1), (26, 1), (27, 2), (46, 2), (47, 3)] {
            assert_eq!(cycle_of(7, block, 20), cycle, "block {block}");
            assert_eq!(cycle_of(27, block, 20), cycle, "same slot");
        }
        assert_eq!(
            (cycle_of(0, 0, 20), cycle_of(0, 19, 20), cycle_of(0, 20, 20)),
            (1, 1, 2)
        );
        assert_eq!(cycle_of(7, 100, 0), 0);
        assert_eq!(cycle_of(1_023, u32::MAX, 1), u32::MAX);
    }

    #[test]
    fn a_cycle_starts_in_its_first_block() {
        for brain in [0, 7, 19, 27, 1_023] {
            for block in 0..200 {
                let cycle = cycle_of(brain, block, 20);
                let start = cycle_start(brain, cycle, 20);
                assert_eq!(cycle_of(brain, start, 20), cycle);
                assert!(start <= block && (start == 0 || cycle_of(brain, start - 1, 20) < cycle));
            }
        }
        assert_eq!(cycle_start(7, 1, 0), 0);
    }
}
