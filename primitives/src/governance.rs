//! Rules by which GigaBrains decide, shared by the chain and by programs that show where a proposal stands.

use crate::constants::QUORUM_DIVISOR;

/// Votes of GigaBrains on a proposal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrainVotes {
    /// Whether the proposal passes unless voted down: Based Labs', in the first year (R157).
    pub by_default: bool,
    /// Brains that may vote.
    pub eligible: u32,
    /// Brains for it.
    pub ayes: u32,
    /// Brains against it.
    pub nays: u32,
}

impl BrainVotes {
    /// Whether more than half of all eligible Brains are against it (B.21).
    pub fn is_voted_down(&self) -> bool {
        self.nays > self.eligible.saturating_sub(self.nays)
    }

    /// Whether it passes: by default unless voted down, where anybody may vote; else with more votes for it than
    /// against it, from at least a third of the eligible (R157, B.21, F.2-4).
    pub fn passes(&self) -> bool {
        if self.by_default {
            return self.eligible > 0 && !self.is_voted_down();
        }
        let votes = self.ayes.saturating_add(self.nays);
        self.ayes > self.nays && votes >= self.eligible.div_ceil(QUORUM_DIVISOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(by_default: bool, eligible: u32, ayes: u32, nays: u32) -> BrainVotes {
        BrainVotes {
            by_default,
            eligible,
            ayes,
            nays,
        }
    }

    #[test]
    fn by_default_only_more_than_half_of_the_eligible_votes_it_down() {
        // Eligible, ayes, nays, whether it passes.
        for (eligible, ayes, nays, passes) in [
            (0, 0, 0, false),
            (1, 0, 0, true),
            (1, 0, 1, false),
            (2, 0, 1, true),
            (2, 0, 2, false),
            (3, 0, 1, true),
            (3, 0, 2, false),
            (3, 1, 2, false),
            (200, 0, 100, true),
            (200, 0, 101, false),
            (1_024, 512, 512, true),
            (1_024, 0, 513, false),
        ] {
            let votes = votes(true, eligible, ayes, nays);
            assert_eq!(votes.passes(), passes, "{votes:?}");
        }
    }

    #[test]
    fn else_more_for_than_against_and_a_third_of_the_eligible_pass_it() {
        for (eligible, ayes, nays, passes) in [
            (0, 0, 0, false),
            (1, 0, 0, false),
            (1, 1, 0, true),
            (2, 1, 1, false),
            (3, 1, 0, true),
            (4, 1, 0, false),
            (4, 2, 0, true),
            (4, 2, 1, true),
            (6, 2, 0, true),
            (7, 2, 0, false),
            (7, 2, 1, true),
            (200, 67, 0, true),
            (200, 66, 0, false),
            (200, 34, 33, true),
            (200, 33, 34, false),
            (200, 100, 100, false),
        ] {
            let votes = votes(false, eligible, ayes, nays);
            assert_eq!(votes.passes(), passes, "{votes:?}");
        }
    }

    #[test]
    fn no_number_overflows() {
        assert!(!votes(true, u32::MAX, 0, u32::MAX).passes());
        assert!(!votes(false, u32::MAX, u32::MAX, u32::MAX).passes());
        assert!(votes(true, 0, 0, 1).is_voted_down());
    }
}
