//! Money is made by block rewards alone and ends only as burnt fees (C.9-1).

use based_primitives::constants::{BASED, CYCLE_BLOCKS, INITIAL_BLOCK_REWARD};
use sp_keyring::Sr25519Keyring::{Alice, Bob};

use super::{block, chain, free, signed, BalancesCall};
use crate::Balances;

#[test]
fn each_block_mints_ten_based() {
    chain("development").execute_with(|| {
        let genesis = Balances::total_issuance();
        for height in 1..=20u128 {
            block(vec![]);
            assert_eq!(
                Balances::total_issuance(),
                genesis + height * INITIAL_BLOCK_REWARD
            );
        }
    });
}

#[test]
fn issuance_is_rewards_less_burnt_fees_across_a_whole_cycle() {
    chain("development").execute_with(|| {
        let genesis = Balances::total_issuance();
        let bob = Bob.to_account_id();
        let mut burnt = 0;
        let mut nonce = 0;
        block(vec![]);
        for height in 2..=CYCLE_BLOCKS + 8 {
            let mut extrinsics = vec![];
            let sent = if height % 100 == 1 { BASED } else { 0 };
            if sent > 0 {
                let dest = Alice.to_account_id().into();
                extrinsics.push(signed(
                    Bob,
                    BalancesCall::transfer_keep_alive { dest, value: sent },
                    nonce,
                    0,
                ));
                nonce += 1;
            }
            let before = free(&bob);
            for outcome in block(extrinsics) {
                outcome.unwrap().unwrap();
            }
            burnt += before - free(&bob) - sent;
        }
        let minted = u128::from(CYCLE_BLOCKS + 8) * INITIAL_BLOCK_REWARD;
        assert!(burnt > 0);
        assert_eq!(Balances::total_issuance(), genesis + minted - burnt);
    });
}
