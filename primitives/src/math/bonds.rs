//! Bonds: each validator's slowly moving share in every miner that it ranks (C.5b).

use alloc::vec::Vec;

use crate::types::Uid;

/// Sparse row of 16-bit values by strictly ascending uid.
pub type Row = Vec<(Uid, u16)>;

/// Weight of a new observation in the moving average, as one over it.
const EMA_DIVISOR: u32 = 10;
/// After this many epochs of decay nothing is left of the largest bond.
const LONGEST_DECAY: u32 = 128;

/// Bonds after one more epoch: the old ones, last written `age` epochs ago (1 if by the last one), decayed by a
/// tenth an epoch, plus a tenth of the new shares. Values that reach zero leave the row.
pub fn next_bonds(old: &[(Uid, u16)], age: u32, shares: &[(Uid, u16)]) -> Row {
    let missed = age.saturating_sub(1);
    let mut old = old
        .iter()
        .map(|(uid, bond)| (*uid, decayed(*bond, missed)))
        .peekable();
    let mut new = shares.iter().copied().peekable();
    let mut row = Row::new();
    loop {
        let uid = match (old.peek(), new.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((uid, _)), None) | (None, Some((uid, _))) => *uid,
            (None, None) => return row,
        };
        let bond = old
            .next_if(|(other, _)| *other == uid)
            .map_or(0, |(_, bond)| bond);
        let share = new
            .next_if(|(other, _)| *other == uid)
            .map_or(0, |(_, share)| share);
        let next = average(bond, share);
        if next > 0 {
            row.push((uid, next));
        }
    }
}

fn decayed(bond: u16, epochs: u32) -> u16 {
    (0..epochs.min(LONGEST_DECAY)).fold(bond, |bond, _| average(bond, 0))
}

fn average(bond: u16, share: u16) -> u16 {
    let sum = u32::from(bond)
        .saturating_mul(EMA_DIVISOR.saturating_sub(1))
        .saturating_add(share.into());
    u16::try_from(sum / EMA_DIVISOR).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_share_starts_at_a_tenth() {
        assert_eq!(next_bonds(&[], 1, &[(3, 1_000)]), vec![(3, 100)]);
    }

    #[test]
    fn rows_merge_in_order() {
        let row = next_bonds(&[(1, 100), (3, 100)], 1, &[(2, 50), (3, 200), (9, 10)]);
        assert_eq!(row, vec![(1, 90), (2, 5), (3, 110), (9, 1)]);
    }

    #[test]
    fn bonds_fade_over_missed_epochs_and_leave_at_zero() {
        assert_eq!(next_bonds(&[(1, 1_000)], 3, &[]), vec![(1, 729)]);
        assert_eq!(next_bonds(&[(1, u16::MAX)], u32::MAX, &[]), vec![]);
        assert_eq!(next_bonds(&[(1, 1)], 1, &[]), vec![]);
    }

    #[test]
    fn an_early_supporter_holds_more_than_a_late_one() {
        let (mut early, mut late) = (Row::new(), Row::new());
        for epoch in 0..30 {
            let supports_late = epoch >= 20;
            early = next_bonds(&early, 1, &[(0, if supports_late { 32_767 } else { 65_535 })]);
            late = next_bonds(&late, 1, if supports_late { &[(0, 32_767)] } else { &[] });
        }
        assert!(early[0].1 > late[0].1);
    }
}
