//! Weights of the calls: documented estimates (one read or write of a Brain's record of at most 900 bytes
//! plus the computation of a dispatch), to be replaced by measured ones.

use core::marker::PhantomData;

use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Computation of one dispatch, in picoseconds: origin check, decoding, one event.
const BASE: u64 = 15_000_000;
/// Computation of one movement of funds, in picoseconds.
const TRANSFER: u64 = 60_000_000;
/// Search of the lists of 1,024 numbers, in picoseconds.
const SEARCH: u64 = 30_000_000;
/// Encoded size bound of one record together with its storage proof, in bytes.
const PROOF: u64 = 4_500;
/// The same of an entry of an allow-list.
const ENTRY_PROOF: u64 = 600;

/// Weights of the calls.
pub trait WeightInfo {
    /// [`crate::Call::issue`].
    fn issue() -> Weight;
    /// [`crate::Call::transfer`].
    fn transfer() -> Weight;
    /// [`crate::Call::set_task`].
    fn set_task() -> Weight;
    /// [`crate::Call::set_name`].
    fn set_name() -> Weight;
    /// [`crate::Call::set_reward_account`].
    fn set_reward_account() -> Weight;
    /// [`crate::Call::set_terms`].
    fn set_terms() -> Weight;
    /// [`crate::Call::set_redistribution`].
    fn set_redistribution() -> Weight;
    /// [`crate::Call::acquire`].
    fn acquire() -> Weight;
    /// [`crate::Call::deactivate`] and [`crate::Call::close`] of a Brain with `n` accounts on its allow-list.
    fn deactivate(n: u32) -> Weight;
    /// [`crate::Call::set_bridge`].
    fn set_bridge() -> Weight;
    /// [`crate::Call::set_domains`].
    fn set_domains() -> Weight;
    /// [`crate::Call::prove_ens`].
    fn prove_ens() -> Weight;
    /// [`crate::Call::set_template`].
    fn set_template() -> Weight;
    /// [`crate::Call::record_audit`].
    fn record_audit() -> Weight;
    /// [`crate::Call::set_admission`].
    fn set_admission() -> Weight;
    /// [`crate::Call::set_allowed`].
    fn set_allowed() -> Weight;
    /// What the hook does besides the sweep of other pallets.
    fn sweep() -> Weight;
}

fn estimate(db: RuntimeDbWeight, base: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(base, PROOF.saturating_mul(reads)).saturating_add(db.reads_writes(reads, writes))
}

/// Estimates with the database costs of the runtime.
pub struct SubstrateWeight<T>(PhantomData<T>);

macro_rules! impl_weights {
    ($db:expr) => {
        /// Reads the bridge, the lists of open and closed Brains, the slot and the count of burned ones; writes the
        /// list, the slot, the count and the token.
        fn issue() -> Weight {
            estimate($db, BASE.saturating_add(SEARCH), 5, 4)
        }
        /// Reads and writes the Brain, its token, deposit and profile, and two accounts.
        fn transfer() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 9, 7)
        }
        /// The repository's address is validated as well.
        fn set_task() -> Weight {
            estimate($db, BASE.saturating_add(5_000_000), 1, 1)
        }
        fn set_name() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        fn set_reward_account() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        fn set_terms() -> Weight {
            estimate($db, BASE, 2, 1)
        }
        fn set_redistribution() -> Weight {
            estimate($db, BASE, 1, 1)
        }
        /// An issue, with the totals, the stake and two balances of Pepecoin with their accounts.
        fn acquire() -> Weight {
            estimate(
                $db,
                BASE.saturating_add(SEARCH).saturating_add(TRANSFER),
                10,
                10,
            )
        }
        /// Reads and writes the Brain's twelve records, both lists, and the funds of two accounts in both currencies;
        /// each entry of the allow-list is found and removed.
        fn deactivate(n: u32) -> Weight {
            let fixed = BASE
                .saturating_add(SEARCH)
                .saturating_add(TRANSFER.saturating_mul(2));
            let entries = u64::from(n);
            let removal = Weight::from_parts(1_000_000, ENTRY_PROOF).saturating_add($db.reads_writes(1, 1));
            estimate($db, fixed, 20, 20).saturating_add(removal.saturating_mul(entries))
        }
        fn set_bridge() -> Weight {
            estimate($db, BASE, 0, 1)
        }
        /// Reads the Brain, profile, admission, deposit, the BNS name and the owner's funds; writes them but the Brain
        /// and the admission, and removes the former BNS name.
        fn set_domains() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 7, 6)
        }
        fn prove_ens() -> Weight {
            estimate($db, BASE, 2, 1)
        }
        fn set_template() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 6, 4)
        }
        /// Hashes at most two tasks for each of three entries.
        fn record_audit() -> Weight {
            estimate($db, BASE.saturating_add(20_000_000), 2, 1)
        }
        fn set_admission() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 6, 4)
        }
        fn set_allowed() -> Weight {
            estimate($db, BASE.saturating_add(TRANSFER), 7, 5)
        }
        fn sweep() -> Weight {
            estimate($db, BASE, 1, 1)
        }
    };
}

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
    impl_weights!(T::DbWeight::get());
}

impl WeightInfo for () {
    impl_weights!(RocksDbWeight::get());
}
