//! Bonds: each validator's slowly moving share in every miner that it ranks (C.5b).

/// Weight of a new observation in the moving average, as one over it.
const EMA_DIVISOR: u64 = 10;
/// After this many epochs of decay nothing is left of the largest bond.
const LONGEST_DECAY: u32 = 128;
/// Fractional bits of [`Fading`].
const BITS: u32 = 32;

/// What is left of a bond after some epochs without its validator: nine tenths for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fading(u64);

impl Fading {
    /// Decay over so many missed epochs.
    pub fn over(epochs: u32) -> Self {
        let tenth = |left: u64, _| left.saturating_mul(EMA_DIVISOR.saturating_sub(1)) / EMA_DIVISOR;
        Self((0..epochs.min(LONGEST_DECAY)).fold(1 << BITS, tenth))
    }

    fn of(self, bond: u16) -> u64 {
        u64::from(bond).saturating_mul(self.0) >> BITS
    }
}

/// Bond after one more epoch: the old one, faded by the epochs missed before, times nine tenths, plus a tenth of the
/// new share; rounded down.
pub fn next_bond(old: u16, missed: Fading, share: u16) -> u16 {
    let sum = missed
        .of(old)
        .saturating_mul(EMA_DIVISOR.saturating_sub(1))
        .saturating_add(share.into());
    u16::try_from(sum / EMA_DIVISOR).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Fading = Fading(1 << BITS);

    #[test]
    fn a_new_share_starts_at_a_tenth() {
        assert_eq!(next_bond(0, NONE, 1_000), 100);
        assert_eq!(Fading::over(0), NONE);
    }

    #[test]
    fn old_and_new_are_averaged() {
        assert_eq!(next_bond(100, NONE, 0), 90);
        assert_eq!(next_bond(100, NONE, 200), 110);
        assert_eq!(next_bond(u16::MAX, NONE, u16::MAX), u16::MAX);
    }

    #[test]
    fn bonds_fade_over_missed_epochs_and_end_at_zero() {
        assert_eq!(next_bond(1_000, Fading::over(2), 0), 728);
        assert_eq!(next_bond(u16::MAX, Fading::over(u32::MAX), 0), 0);
        assert_eq!(next_bond(1, NONE, 0), 0);
    }

    #[test]
    fn an_early_supporter_holds_more_than_a_late_one() {
        let (mut early, mut late) = (0, 0);
        for epoch in 0..30 {
            let supports_late = epoch >= 20;
            early = next_bond(early, NONE, if supports_late { 32_767 } else { 65_535 });
            late = next_bond(late, NONE, if supports_late { 32_767 } else { 0 });
        }
        assert!(early > late);
    }
}
