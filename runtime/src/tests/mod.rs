//! Tests of the runtime as a whole: authorities, genesis, limits, fees, governance, money, stake, Ethereum
//! transactions.

mod authorities;
mod bad_input;
mod brains;
mod evm;
mod fees;
mod forecasts;
mod fuzzing;
mod genesis;
mod governance;
mod issuance;
mod limits;
mod links;
mod metadata;
mod migrations;
mod precompiles;
mod queries;
mod staking;
mod stuffed;

use based_primitives::{BrainId, Endpoint, IpAddress, ResourceKind, Resources, Role};
use codec::Encode;
use frame_support::assert_ok;
use sp_keyring::Sr25519Keyring;

use crate::{
    fuzzing::chain::{block, chain, signed, FIRST_SLOT},
    genesis_presets, AccountId, Balance, Runtime, RuntimeCall, System, TransactionPayment,
    UncheckedExtrinsic,
};

type BalancesCall = pallet_balances::Call<Runtime>;
type SystemCall = frame_system::Call<Runtime>;

/// Brain of the demonstration, which admits peers on the development networks.
const BRAIN: BrainId = genesis_presets::DEMONSTRATION_BRAIN;

/// Executes a block in which a development key makes a call, which succeeds.
fn act(who: Sr25519Keyring, call: impl Into<RuntimeCall>) {
    let nonce = System::account_nonce(who.to_account_id());
    let outcome = block(vec![signed(who, call, nonce, 0)]);
    assert_ok!(outcome[0].unwrap());
}

/// Registration in the demonstration's Brain, with a computekey of this byte.
fn memorize(role: Role, computekey: u8) -> based_pallet_registry::Call<Runtime> {
    based_pallet_registry::Call::memorize {
        brain: BRAIN,
        role,
        endpoint: Endpoint {
            ip: IpAddress::V4([8, 8, 4, 4]),
            port: 1,
        },
        computekey: [computekey; 32],
        resources: Resources {
            kind: ResourceKind::Cpu,
            storage_mib: 1,
        },
        max_fee: Balance::MAX,
    }
}

/// What the chain asks for an extrinsic before it runs.
fn fee_of(extrinsic: &UncheckedExtrinsic) -> Balance {
    TransactionPayment::query_info(extrinsic.clone(), extrinsic.encoded_size() as u32).partial_fee
}

fn free(account: &AccountId) -> Balance {
    crate::Balances::free_balance(account)
}
