//! Amounts and lists beyond what their types hold are no calls at all.

use based_primitives::{Balance, MaxPeers};
use codec::{Compact, DecodeAll, Encode};
use frame_support::traits::Get;
use sp_keyring::Sr25519Keyring::Alice;

use super::account;
use crate::{Runtime, RuntimeCall};

/// 2^128 as a compact number: seventeen bytes follow the first.
fn beyond() -> Vec<u8> {
    let mut bytes = vec![(17 - 4) << 2 | 3];
    bytes.extend([0; 16]);
    bytes.push(1);
    bytes
}

fn decodes(bytes: &[u8]) -> bool {
    RuntimeCall::decode_all(&mut &*bytes).is_ok()
}

#[test]
fn no_amount_exceeds_the_largest_balance() {
    let most = Balance::MAX;
    let (spender, miner) = (account(Alice), account(Alice));
    let calls: [RuntimeCall; 6] = [
        based_pallet_staking::Call::<Runtime>::stake {
            brain: 7,
            validator: None,
            amount: most,
        }
        .into(),
        based_pallet_staking::Call::<Runtime>::unstake {
            brain: 7,
            validator: None,
            amount: most,
        }
        .into(),
        based_pallet_compute::Call::<Runtime>::open {
            spender,
            purpose: based_primitives::Purpose::Task,
            deposit: most,
            cap: most,
            expiry: 1,
        }
        .into(),
        based_pallet_compute::Call::<Runtime>::top_up { id: 0, amount: most }.into(),
        based_pallet_compute::Call::<Runtime>::reserve {
            id: 0,
            brain: 7,
            miner,
            amount: most,
        }
        .into(),
        based_pallet_governance::Call::<Runtime>::vote_with_pepecoin {
            id: 0,
            aye: true,
            amount: most,
        }
        .into(),
    ];
    let largest = Compact(most).encode();
    for call in calls {
        let bytes = call.encode();
        assert!(decodes(&bytes));
        let places = bytes.windows(largest.len()).enumerate();
        let places: Vec<_> = places
            .filter(|(_, window)| *window == largest)
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty(), "{call:?}");
        for at in places {
            let mut wrong = bytes.clone();
            wrong.splice(at..at + largest.len(), beyond());
            assert!(!decodes(&wrong), "{call:?}");
        }
    }
}

/// The index of a pallet and of its call, an argument, and a list of so many elements of these bytes.
fn with_list(call: RuntimeCall, before: usize, elements: u32, element: &[u8], after: usize) -> Vec<u8> {
    let mut bytes = call.encode()[..2].to_vec();
    bytes.extend(vec![0; before]);
    Compact(elements).encode_to(&mut bytes);
    bytes.extend(element.repeat(elements as usize));
    bytes.extend(vec![0; after]);
    bytes
}

#[test]
fn no_list_is_longer_than_its_bound() {
    let reveal: RuntimeCall = based_pallet_consensus::Call::<Runtime>::reveal_weights {
        brain: 0,
        row: Default::default(),
        salt: Default::default(),
    }
    .into();
    let edges: RuntimeCall = based_pallet_consensus::Call::<Runtime>::set_cross_edges {
        brain: 0,
        edges: Default::default(),
    }
    .into();
    let forecast: RuntimeCall = based_pallet_forecasts::Call::<Runtime>::reveal_forecast {
        forecast: based_primitives::forecasts::Forecast {
            quantiles: Default::default(),
            brains: Default::default(),
        },
        salt: Default::default(),
    }
    .into();
    let redeem: RuntimeCall = based_pallet_compute::Call::<Runtime>::redeem {
        vouchers: Default::default(),
    }
    .into();
    let name: RuntimeCall = based_pallet_brains::Call::<Runtime>::set_name {
        brain: 0,
        name: Default::default(),
    }
    .into();
    use based_primitives::constants::*;
    let lists = [
        (reveal, 2, MaxPeers::get(), 4, 32),
        (edges, 2, MAX_CROSS_EDGES, 6, 0),
        (forecast, 6 * 3 * 8, MAX_FORECAST_BRAINS, 6, 32),
        (name, 2, MAX_NAME_LEN, 1, 0),
        // A voucher of zeros: its signature of the first kind.
        (
            redeem,
            0,
            MAX_REDEEM_BATCH,
            1 + 32 + 8 + 32 + 2 + 32 + 16 + 4 + 1 + 64,
            0,
        ),
    ];
    for (call, before, most, size, after) in lists {
        let of = |length| with_list(call.clone(), before, length, &vec![0; size], after);
        assert!(decodes(&of(most)), "{call:?} with {most}");
        assert!(!decodes(&of(most + 1)), "{call:?} with more than {most}");
    }
}
