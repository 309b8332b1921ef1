//! Records of the pallet.

use based_primitives::{constants::MAX_PEERS, Role, Uid};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of peers of one Brain by role.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct RoleCounts {
    /// Memorized miners.
    pub miners: u16,
    /// Memorized validators.
    pub validators: u16,
}

impl RoleCounts {
    /// Counter of a role.
    pub fn of(&mut self, role: Role) -> &mut u16 {
        match role {
            Role::Miner => &mut self.miners,
            Role::Validator => &mut self.validators,
        }
    }
}

const WORD_BITS: u16 = 64;
const WORDS: usize = MAX_PEERS as usize / WORD_BITS as usize;

/// Set of uids of one Brain, one bit each: 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct UidSet([u64; WORDS]);

impl Default for UidSet {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl UidSet {
    /// Lowest uid that is not in the set; `None` if all are.
    pub fn lowest_free(&self) -> Option<Uid> {
        let (index, word) = self.0.iter().enumerate().find(|(_, word)| **word != u64::MAX)?;
        let base = u16::try_from(index).ok()?.checked_mul(WORD_BITS)?;
        base.checked_add(u16::try_from(word.trailing_ones()).ok()?)
    }

    /// Whether a uid is in the set.
    pub fn contains(&self, uid: Uid) -> bool {
        let (index, mask) = Self::place(uid);
        self.0.get(index).is_some_and(|word| word & mask != 0)
    }

    /// Adds or removes a uid; a uid out of range changes nothing.
    pub fn set(&mut self, uid: Uid, present: bool) {
        let (index, mask) = Self::place(uid);
        if let Some(word) = self.0.get_mut(index) {
            if present {
                *word |= mask;
            } else {
                *word &= !mask;
            }
        }
    }

    /// Uids of the set from `start` on, ascending.
    pub fn iter_from(&self, start: Uid) -> impl Iterator<Item = Uid> + '_ {
        (start..MAX_PEERS).filter(|uid| self.contains(*uid))
    }

    /// Number of uids in the set.
    pub fn len(&self) -> u32 {
        self.0
            .iter()
            .fold(0, |sum, word| sum.saturating_add(word.count_ones()))
    }

    /// Whether the set has no uid.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn place(uid: Uid) -> (usize, u64) {
        (usize::from(uid >> 6), 1u64.wrapping_shl(u32::from(uid & 63)))
    }
}
