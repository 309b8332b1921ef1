//! Tests of the runtime as a whole: authorities, genesis, limits, fees, governance, money, stake, Ethereum
//! transactions.

mod authorities;
mod brains;
mod evm;
mod fees;
mod forecasts;
mod genesis;
mod governance;
mod issuance;
mod limits;
mod metadata;
mod queries;
mod staking;

use based_primitives::{BrainId, Endpoint, IpAddress, ResourceKind, Resources, Role};
use codec::Encode;
use frame_support::assert_ok;
use pallet_revive::evm::runtime::EthExtra;
use serde_json::Value;
use sp_consensus_babe::digests::{PreDigest, SecondaryPlainPreDigest};
use sp_consensus_babe::BABE_ENGINE_ID;
use sp_core::Pair;
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic, traits::Header as _, ApplyExtrinsicResult, Digest, DigestItem};

use crate::{
    genesis_presets, time::SLOT_MILLIS, AccountId, Balance, EthExtraImpl, Executive, Header, Runtime,
    RuntimeCall, RuntimeGenesisConfig, Signature, SignedPayload, System, TransactionPayment,
    UncheckedExtrinsic, VERSION,
};

type BalancesCall = pallet_balances::Call<Runtime>;
type SystemCall = frame_system::Call<Runtime>;

/// Brain of the demonstration, which admits peers on the development networks.
const BRAIN: BrainId = genesis_presets::DEMONSTRATION_BRAIN;
/// First slot of the tests' chain.
const FIRST_SLOT: u64 = 1_000;

/// Applies a JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = Value::Object(Default::default());
            }
            for (name, value) in fields {
                if value.is_null() {
                    target.as_object_mut().unwrap().remove(&name);
                } else {
                    merge(
                        target.as_object_mut().unwrap().entry(name).or_insert(Value::Null),
                        value,
                    );
                }
            }
        }
        other => *target = other,
    }
}

/// The state right after genesis of a preset, as a node builds it.
fn chain(preset: &str) -> TestExternalities {
    let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
    let patch = genesis_presets::get(&preset.into()).unwrap();
    merge(&mut genesis, serde_json::from_slice(&patch).unwrap());
    let mut chain = TestExternalities::default();
    chain.execute_with(|| {
        frame_support::genesis_builder_helper::build_state::<RuntimeGenesisConfig>(
            serde_json::to_vec(&genesis).unwrap(),
        )
        .unwrap();
        System::set_block_number(0);
    });
    chain
}

/// Executes the next block with these extrinsics as a node does when it writes one, and returns their
/// outcomes.
fn block(extrinsics: Vec<UncheckedExtrinsic>) -> Vec<ApplyExtrinsicResult> {
    let number = System::block_number() + 1;
    let slot = FIRST_SLOT + u64::from(number);
    let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: 0,
        slot: slot.into(),
    });
    let digest = Digest {
        logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())],
    };
    let parent = if number == 1 {
        Default::default()
    } else {
        System::parent_hash()
    };
    Executive::initialize_block(&Header::new(
        number,
        Default::default(),
        Default::default(),
        parent,
        digest,
    ));
    let now = pallet_timestamp::Call::set {
        now: slot * SLOT_MILLIS,
    };
    Executive::apply_extrinsic(generic::UncheckedExtrinsic::new_bare(now.into()).into())
        .unwrap()
        .unwrap();
    let outcomes = extrinsics.into_iter().map(Executive::apply_extrinsic).collect();
    let header = Executive::finalize_block();
    frame_system::BlockHash::<Runtime>::insert(number, header.hash());
    outcomes
}

/// Signs a call with a development key. The chain's first block must be written: it sets the genesis hash.
fn signed(
    signer: Sr25519Keyring,
    call: impl Into<RuntimeCall>,
    nonce: u32,
    tip: Balance,
) -> UncheckedExtrinsic {
    let call = call.into();
    let (e0, e1, e2, e3, e4, e5, e6, e7, _, e9, e10) = EthExtraImpl::get_eth_extension(nonce, tip);
    let extension = (e0, e1, e2, e3, e4, e5, e6, e7, Default::default(), e9, e10);
    let genesis = System::block_hash(0);
    let payload = SignedPayload::from_raw(
        call.clone(),
        extension.clone(),
        (
            (),
            VERSION.spec_version,
            VERSION.transaction_version,
            genesis,
            genesis,
            (),
            (),
            (),
            (),
            None,
            (),
        ),
    );
    let signature = payload.using_encoded(|bytes| signer.pair().sign(bytes));
    generic::UncheckedExtrinsic::new_signed(
        call,
        signer.to_account_id().into(),
        Signature::Sr25519(signature),
        extension,
    )
    .into()
}

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
