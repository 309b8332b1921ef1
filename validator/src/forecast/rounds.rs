//! What is to be done for forecasts in the next block: a function of what chain and database say.

use based_primitives::BlockNumber;
use sp_core::H256;

/// Where the next block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The next block's height.
    pub next: BlockNumber,
    /// Blocks of a cycle.
    pub cycle: BlockNumber,
    /// Blocks at the beginning of a cycle in which the round before is revealed.
    pub reveal: BlockNumber,
}

impl Clock {
    /// Cycle of the next block, and so the round that takes commitments.
    pub fn round(self) -> u32 {
        self.next / self.cycle.max(1)
    }

    /// Blocks left in the cycle, the next one included.
    pub fn left(self) -> BlockNumber {
        self.cycle.max(1) - self.next % self.cycle.max(1)
    }

    /// Block before which the cycle ends that the round forecasts.
    pub fn target_end(self) -> u64 {
        (u64::from(self.round()) + 2) * u64::from(self.cycle)
    }

    fn reveals(self) -> bool {
        self.next % self.cycle.max(1) < self.reveal
    }

    /// Whether a forecast is due. It is made late in the cycle, since the baseline will know all of the cycle; but so
    /// early that its commitment is in a block before the next one begins, where the hash would be of no use.
    pub fn commits(self) -> bool {
        let margin = (self.cycle / 16).clamp(6, 64);
        let guard = (self.cycle / 64).clamp(3, 16);
        (guard..=margin).contains(&self.left())
    }
}

/// What chain and database say about the round that is open and the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Commitment of the round before that the chain still holds.
    pub pending: Option<H256>,
    /// Hash of this validator's forecast of the round before, if it is in the database.
    pub promised: Option<H256>,
    /// Commitment of the open round that the chain holds.
    pub committed: Option<H256>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Make a forecast for this round, unless the database has one, and commit to it.
    Commit(u32),
    /// Reveal the forecast of this round.
    Reveal(u32),
    /// The time to reveal this round is over; its deposit is lost.
    Missed(u32),
    /// The chain holds a commitment of this round that this database knows nothing of.
    Foreign(u32),
}

/// The next step. What the chain holds decides: a transaction that was lost, or that a reorganisation undid, is made
/// again, and one that is there is not.
pub fn step(clock: Clock, standing: Standing) -> Step {
    let round = clock.round();
    if let (Some(hash), Some(before)) = (standing.pending, round.checked_sub(1)) {
        return match (standing.promised == Some(hash), clock.reveals()) {
            (true, true) => Step::Reveal(before),
            (false, true) => Step::Foreign(before),
            // A new forecast may be committed although the last one was missed.
            (_, false) if clock.commits() && standing.committed.is_none() => Step::Commit(round),
            (_, false) => Step::Missed(before),
        };
    }
    if clock.commits() && standing.committed.is_none() {
        return Step::Commit(round);
    }
    Step::Wait
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Option<H256> = Some(H256([1; 32]));
    const OTHER: Option<H256> = Some(H256([2; 32]));

    fn at(next: u32) -> Clock {
        Clock {
            next,
            cycle: 20,
            reveal: 5,
        }
    }

    fn standing(pending: Option<H256>, promised: Option<H256>, committed: Option<H256>) -> Standing {
        Standing {
            pending,
            promised,
            committed,
        }
    }

    #[test]
    fn commitments_are_made_late_but_not_too_late() {
        let due: Vec<u32> = (0..20).filter(|slot| at(80 + slot).commits()).collect();
        assert_eq!(due, [14, 15, 16, 17]);
        let live = |slot| {
            Clock {
                next: 1_024 * 5 + slot,
                cycle: 1_024,
                reveal: 256,
            }
            .commits()
        };
        let due: Vec<u32> = (0..1_024).filter(|slot| live(*slot)).collect();
        assert_eq!((due.first(), due.last()), (Some(&960), Some(&1_008)));
    }

    #[test]
    fn the_next_cycles_end_is_what_a_round_is_about() {
        assert_eq!((at(95).round(), at(95).target_end()), (4, 120));
        assert_eq!((at(99).left(), at(100).left()), (1, 20));
    }

    #[test]
    fn a_round_is_committed_once_and_revealed_in_the_next_cycle() {
        assert_eq!(step(at(90), Standing::default()), Step::Wait);
        assert_eq!(step(at(94), Standing::default()), Step::Commit(4));
        assert_eq!(step(at(95), standing(None, None, OURS)), Step::Wait);
        assert_eq!(step(at(100), standing(OURS, OURS, None)), Step::Reveal(4));
        assert_eq!(step(at(104), standing(OURS, OURS, None)), Step::Reveal(4));
        // Revealed: the chain does not hold it any more.
        assert_eq!(step(at(101), standing(None, OURS, None)), Step::Wait);
        // A reorganisation undid the reveal, or the commitment.
        assert_eq!(step(at(102), standing(OURS, OURS, None)), Step::Reveal(4));
        assert_eq!(step(at(96), standing(None, None, None)), Step::Commit(4));
    }

    #[test]
    fn a_missed_reveal_does_not_keep_the_next_round_from_its_forecast() {
        assert_eq!(step(at(105), standing(OURS, OURS, None)), Step::Missed(4));
        assert_eq!(step(at(115), standing(OURS, OURS, None)), Step::Commit(5));
        assert_eq!(step(at(116), standing(OURS, OURS, OURS)), Step::Missed(4));
    }

    #[test]
    fn what_another_database_promised_cannot_be_revealed_here() {
        assert_eq!(step(at(100), standing(OTHER, OURS, None)), Step::Foreign(4));
        assert_eq!(step(at(100), standing(OTHER, None, None)), Step::Foreign(4));
    }
}
