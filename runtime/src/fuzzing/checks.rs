//! What holds after every block.

use std::{cell::Cell, sync::Once};

use based_primitives::math::{block_reward, total_reward};
use frame_support::{dispatch::DispatchClass, traits::fungible::Mutate, weights::Weight};
use sp_runtime::TryRuntimeError;

use crate::{
    configs::BlockWeights, Authorities, Balance, Balances, BlockNumber, Brains, Compute, Consensus, Emission,
    Ethereum, Forecasts, Governance, Registry, Runtime, RuntimeEvent, Staking, System,
};

thread_local! {
    static ERRORS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the runtime logs as an error: it says so where something should be impossible.
struct CountErrors;

impl log::Log for CountErrors {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() == log::Level::Error && metadata.target().starts_with("runtime")
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            eprintln!("{}: {}", record.target(), record.args());
            ERRORS.with(|errors| errors.set(errors.get() + 1));
        }
    }

    fn flush(&self) {}
}

/// Begins to count errors, unless the program logs already.
pub fn watch_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if log::set_logger(&CountErrors).is_ok() {
            log::set_max_level(log::LevelFilter::Error);
        }
    });
    ERRORS.with(|errors| errors.set(0));
}

/// Invariants of all pallets of this repository.
///
/// # Errors
/// The first that does not hold, with its pallet.
pub fn try_state() -> Result<(), (&'static str, TryRuntimeError)> {
    let pallets: [(_, fn() -> Result<(), TryRuntimeError>); 10] = [
        ("Brains", Brains::do_try_state),
        ("Registry", Registry::do_try_state),
        ("Staking", Staking::do_try_state),
        ("Consensus", Consensus::do_try_state),
        ("Emission", Emission::do_try_state),
        ("Compute", Compute::do_try_state),
        ("Forecasts", Forecasts::do_try_state),
        ("Governance", Governance::do_try_state),
        ("Ethereum", Ethereum::do_try_state),
        ("Authorities", Authorities::do_try_state),
    ];
    pallets
        .into_iter()
        .try_for_each(|(name, check)| check().map_err(|broken| (name, broken)))
}

/// Checks that the block used no more weight than it may, of all classes and of normal calls.
///
/// # Panics
/// If it did.
fn check_weight(new_session: bool) {
    let used = System::block_weight();
    let limits: frame_system::limits::BlockWeights = BlockWeights::get();
    // The SDK takes a whole block for a new session, so that nothing but hooks runs beside it.
    let session = if new_session {
        limits.max_block
    } else {
        Weight::zero()
    };
    let rest = used.total().checked_sub(&session);
    let height = System::block_number();
    assert!(
        rest.is_some_and(|rest| rest.all_lte(limits.max_block)),
        "block {height} uses {used:?}"
    );
    let normal = limits.get(DispatchClass::Normal).max_total.unwrap();
    assert!(
        used.get(DispatchClass::Normal).all_lte(normal),
        "block {height} uses {used:?}"
    );
}

/// Where all money came from.
pub struct Ledger {
    /// Issuance that the blocks so far explain.
    issuance: Balance,
}

impl Ledger {
    /// Begins with what there is.
    pub fn new() -> Self {
        Self {
            issuance: Balances::total_issuance(),
        }
    }

    /// Goes to a later block as if those between had been written and had minted their rewards, and no more.
    pub fn skip_to(&mut self, block: BlockNumber) {
        let rewards = total_reward(block) - total_reward(System::block_number());
        System::set_block_number(block);
        if rewards > 0 {
            Balances::mint_into(&Emission::pot(), rewards).unwrap();
            based_pallet_emission::TotalMinted::<Runtime>::mutate(|total| *total += rewards);
            based_pallet_emission::Carry::<Runtime>::mutate(|carry| *carry += rewards);
            self.issuance += rewards;
        }
    }

    /// Checks the block that just ended.
    ///
    /// # Panics
    /// If it used too much weight, or if money appeared or vanished.
    pub fn check_block(&mut self) {
        let (mut minted, mut burnt, mut new_session) = (0, 0, false);
        for record in System::read_events_no_consensus() {
            self.count(&record.event, &mut minted, &mut burnt);
            new_session |= matches!(
                &record.event,
                RuntimeEvent::Session(pallet_session::Event::NewSession { .. })
            );
        }
        check_weight(new_session);
        assert_eq!(
            minted,
            block_reward(System::block_number()),
            "the block's reward, and nothing else, is minted"
        );
        self.issuance = self.issuance + minted - burnt;
        let issuance = Balances::total_issuance();
        assert_eq!(
            issuance, self.issuance,
            "issuance differs from rewards less what was burnt"
        );
        let accounts = frame_system::Account::<Runtime>::iter_values();
        let sum: Balance = accounts
            .map(|account| account.data.free + account.data.reserved)
            .sum();
        assert_eq!(issuance, sum, "accounts do not sum up to the issuance");
        let errors = ERRORS.with(Cell::take);
        assert_eq!(
            errors,
            0,
            "errors were logged in block {}",
            System::block_number()
        );
    }

    /// A credit that is dropped is burnt: fees and dust are. People may burn what is theirs besides.
    fn count(&self, event: &RuntimeEvent, minted: &mut Balance, burnt: &mut Balance) {
        use pallet_balances::Event;
        let RuntimeEvent::Balances(event) = event else {
            return;
        };
        match event {
            Event::Minted { amount, .. } => *minted += amount,
            Event::Burned { amount, .. } | Event::BurnedDebt { amount } | Event::Rescinded { amount } => {
                *burnt += amount;
            }
            Event::Issued { .. }
            | Event::MintedCredit { .. }
            | Event::BurnedHeld { .. }
            | Event::Slashed { .. }
            | Event::BalanceSet { .. }
            | Event::TotalIssuanceForced { .. } => {
                panic!("money moved in a way not accounted for: {event:?}")
            }
            _ => (),
        }
    }
}
