//! Ten years of emission (R089, C.9-1, C.9-2, C.9-3).
//!
//! Blocks with an event - an epoch, the division of the pot - are run; those between them, in which nothing happens but
//! minting, are taken at once by the closed form. Samples are run block by block as well and must end in the same state.

use based_primitives::{
    constants::{BASED, CYCLE_BLOCKS, EMISSION_YEAR, PPB},
    math::total_reward,
    Balance, BlockNumber, BrainId,
};
use frame_support::traits::{
    fungible::Mutate,
    tokens::{Fortitude, Precision, Preservation},
};

use crate::{mock::*, Carry, Event, Pending, TotalMinted};

/// $BASED a year of Table 2, in millionths.
const ANNUAL_MILLIONTHS: [Balance; 10] = [
    31_536_000_000_000,
    15_768_000_000_000,
    7_884_000_000_000,
    3_942_000_000_000,
    1_971_000_000_000,
    985_500_000_000,
    492_750_000_000,
    246_375_000_000,
    123_187_500_000,
    61_593_750_000,
];
const MILLIONTH: Balance = BASED / 1_000_000;
/// Brains that come, go and change. The epoch of the last falls into the block that divides the pot.
const BRAINS: [BrainId; 5] = [0, 7, 512, 1_000, 1_023];
/// Times a year at which Brains change and accounts claim.
const CHANGES: u32 = 6;
/// Blocks of a sample that is run singly.
const SAMPLE: BlockNumber = 3 * CYCLE_BLOCKS;

/// Numbers that look random (Vigna's SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn stake(&mut self) -> Balance {
        Balance::from(self.roll(u64::MAX)) * Balance::from(self.roll(1_000))
    }

    fn scores(&mut self) -> Vec<u128> {
        (0..self.roll(5)).map(|_| self.roll(u64::MAX).into()).collect()
    }

    fn setting(&mut self) -> Setting {
        Setting {
            directed: self.stake(),
            validators: (0..self.roll(4)).map(|_| self.stake()).collect(),
            performance: self.roll(PPB + 1),
            owner_earns: self.roll(4) > 0,
            commission: self.roll(PPB + 1),
            miner_share: self.roll(PPB + 1),
            redistribution: (self.roll(PPB / 2), self.roll(PPB / 2)),
            miner_scores: self.scores(),
            validator_scores: self.scores(),
            ..Default::default()
        }
    }
}

fn now() -> BlockNumber {
    System::block_number() as BlockNumber
}

/// Whether the block divides the pot or begins an epoch of one of these Brains.
fn has_event(height: BlockNumber, brains: &[BrainId]) -> bool {
    let slot = height % CYCLE_BLOCKS;
    slot == CYCLE_BLOCKS - 1 || brains.iter().any(|brain| slot == BlockNumber::from(*brain))
}

/// Takes the blocks up to and including `height`, none of which has an event, at once.
fn skip_to(height: BlockNumber) {
    let minted = total_reward(height) - total_reward(now());
    if minted > 0 {
        Balances::mint_into(&Emission::pot(), minted).unwrap();
        TotalMinted::<Test>::mutate(|total| *total += minted);
        Carry::<Test>::mutate(|carry| *carry += minted);
    }
    System::set_block_number(height.into());
}

/// Forgets events after checking that the parts of every budget sum to it (C.9-3); returns how many were divided.
fn close_events() -> u32 {
    let mut divided = 0;
    for record in System::events() {
        match record.event {
            RuntimeEvent::Emission(Event::EpochPaid {
                budget,
                miners,
                validators,
                owner,
                stakers,
                returned,
                ..
            }) => {
                assert_eq!(budget, miners + validators + owner + stakers + returned);
                divided += 1;
            }
            RuntimeEvent::Emission(Event::EpochFailed { .. }) => panic!("a budget was not divided"),
            _ => {}
        }
    }
    System::reset_events();
    EpochsRun::set(Vec::new());
    divided
}

/// Goes to a block; returns how many budgets were divided on the way.
fn advance_to(height: BlockNumber) -> u32 {
    let brains: Vec<_> = Brains::get().into_keys().collect();
    let mut divided = 0;
    while now() < height {
        let event = (now() + 1..=height).find(|block| has_event(*block, &brains));
        skip_to(event.map_or(height, |event| event - 1));
        if let Some(event) = event {
            run_to(event.into());
        }
        divided += close_events();
    }
    divided
}

/// As [`advance_to`], and checks that single blocks lead to the same state.
fn advance_in_both_ways_to(height: BlockNumber) -> u32 {
    let state = || {
        (
            sp_io::storage::root(sp_runtime::StateVersion::V1),
            Deposits::get(),
        )
    };
    let deposits = Deposits::get();
    sp_io::storage::start_transaction();
    run_to(height.into());
    close_events();
    let singly = state();
    sp_io::storage::rollback_transaction();
    Deposits::set(deposits);
    let divided = advance_to(height);
    assert!(state() == singly, "the state at block {height} differs");
    divided
}

/// Changes some Brains, pays some accounts, and burns a part of what they got, as fees do; returns what was burnt.
fn change_the_world(dice: &mut Dice) -> Balance {
    for brain in BRAINS {
        match dice.roll(6) {
            0 => Brains::mutate(|brains| {
                brains.remove(&brain);
            }),
            1 => {}
            _ => set(brain, dice.setting()),
        }
    }
    let mut burnt = 0;
    let earners: Vec<_> = Pending::<Test>::iter_keys().collect();
    for account in earners {
        if dice.roll(2) == 0 {
            continue;
        }
        // What would not bring an account into being waits.
        if Emission::claim(RuntimeOrigin::signed(ANYONE), account).is_ok() {
            let part = free(account) / Balance::from(dice.roll(100) + 2);
            let (precision, force) = (Precision::BestEffort, Fortitude::Polite);
            burnt += Balances::burn_from(&account, part, Preservation::Preserve, precision, force).unwrap();
        }
    }
    burnt
}

/// Sum of what all accounts have.
fn wealth() -> Balance {
    frame_system::Account::<Test>::iter_values()
        .map(|account| account.data.free + account.data.reserved)
        .sum()
}

#[test]
fn ten_years_emit_the_table_to_the_last_unit() {
    build_and_execute(|| {
        CycleBlocks::set(CYCLE_BLOCKS);
        let genesis = Balances::total_issuance();
        let mut dice = Dice(7);
        let (mut emitted, mut burnt, mut divided) = (0, 0, 0);
        for (year, expected) in (0..).zip(ANNUAL_MILLIONTHS) {
            let start = year * EMISSION_YEAR;
            for change in 0..CHANGES {
                burnt += change_the_world(&mut dice);
                divided += advance_in_both_ways_to(now() + SAMPLE);
                let end = start + (change + 1) * (EMISSION_YEAR / CHANGES);
                divided += advance_to(end - SAMPLE);
            }
            // One sample ends with the year, and the next begins with the new one.
            divided += advance_in_both_ways_to(start + EMISSION_YEAR);
            emitted += expected * MILLIONTH;
            assert_eq!(TotalMinted::<Test>::get(), emitted, "after year {}", year + 1);
            assert_eq!(Balances::total_issuance(), genesis + emitted - burnt);
            assert_eq!(wealth(), genesis + emitted - burnt);
            Emission::do_try_state().unwrap();
        }
        assert_eq!(emitted, 63_010_406_250_000 * MILLIONTH);
        assert!(burnt > 0, "someone was paid");
        assert!(divided > 10 * EMISSION_YEAR / CYCLE_BLOCKS, "{divided} budgets");
    });
}
