//! Time as a validator counts it: a round ends with the Brain's epoch.

use based_primitives::{math::cycle_of, BlockNumber, BrainId};

/// Rounds of one Brain: its epoch runs in every block h with h mod cycle = brain mod cycle (C.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    brain: BrainId,
    cycle: BlockNumber,
    slot: BlockNumber,
}

impl Rounds {
    /// Rounds of a Brain on a chain with so many blocks a cycle.
    pub fn new(brain: BrainId, cycle: u32) -> Self {
        let cycle = cycle.max(1);
        Self {
            brain,
            cycle,
            slot: u32::from(brain) % cycle,
        }
    }

    /// Blocks in a round.
    pub fn blocks(self) -> BlockNumber {
        self.cycle
    }

    /// Number of the round that a block belongs to; the epoch's own block is the last of its round.
    pub fn of(self, block: BlockNumber) -> u32 {
        block.saturating_sub(self.slot).div_ceil(self.cycle)
    }

    /// Cycle that the chain counts a transaction of this block to. The epoch's own block opens the next one, since it
    /// runs before the block's transactions.
    pub fn cycle(self, block: BlockNumber) -> u32 {
        cycle_of(self.brain, block, self.cycle)
    }

    /// Block in which the round's epoch runs.
    pub fn epoch(self, round: u32) -> BlockNumber {
        self.slot.saturating_add(round.saturating_mul(self.cycle))
    }

    /// Block of the epoch before the round, whose hash seeds the round; 0 in the first.
    pub fn seed_block(self, round: u32) -> BlockNumber {
        round.checked_sub(1).map_or(0, |before| self.epoch(before))
    }

    /// Blocks before the epoch at which weights are due: late enough to count the round's canaries, early
    /// enough to be tried again.
    pub fn margin(self) -> BlockNumber {
        (self.cycle / 16).clamp(3, 64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_with_the_epoch_of_its_brain() {
        let rounds = Rounds::new(7, 20);
        for (block, round) in [(0, 0), (1, 0), (7, 0), (8, 1), (27, 1), (28, 2), (47, 2)] {
            assert_eq!(rounds.of(block), round, "block {block}");
        }
        assert_eq!((rounds.epoch(0), rounds.epoch(1)), (7, 27));
        assert_eq!(
            (rounds.seed_block(0), rounds.seed_block(1), rounds.seed_block(2)),
            (0, 7, 27)
        );
    }

    #[test]
    fn every_block_is_at_or_before_its_epoch_and_after_the_one_before() {
        for (brain, cycle) in [(0, 1), (0, 20), (7, 20), (47, 20), (1023, 1024)] {
            let rounds = Rounds::new(brain, cycle);
            for block in 1..200 {
                let round = rounds.of(block);
                assert!(block <= rounds.epoch(round), "{brain} {cycle} {block}");
                assert!(
                    round == 0 || block > rounds.epoch(round - 1),
                    "{brain} {cycle} {block}"
                );
            }
        }
    }

    #[test]
    fn transactions_of_an_epochs_block_belong_to_the_next_cycle() {
        let rounds = Rounds::new(7, 20);
        for (block, cycle) in [(6, 0), (7, 1), (26, 1), (27, 2)] {
            assert_eq!(rounds.cycle(block), cycle, "block {block}");
        }
        // Between epochs both count alike.
        assert_eq!(rounds.cycle(20), rounds.of(20));
    }

    #[test]
    fn weights_are_due_some_blocks_before_the_epoch() {
        assert_eq!(Rounds::new(7, 20).margin(), 3);
        assert_eq!(Rounds::new(7, 1024).margin(), 64);
    }
}
