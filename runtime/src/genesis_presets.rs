//! Genesis states: `development` (one authority), `local_testnet` (three) and `testnet`.
//!
//! Every endowed account counts in the issuance (F.2-1). Keys of the first two are public knowledge. The
//! testnet preset is a template: chain-spec/README.md tells how to put one's own keys in.

use alloc::{vec, vec::Vec};

use based_primitives::{
    constants::{
        ADMIN_BRAINS, BASED, PEPECOIN, PEPECOIN_ASSET, PEPECOIN_DECIMALS, PEPECOIN_MINIMUM, RESERVED_BRAINS,
    },
    BrainId, BrainKind, BrainState, PriceList, Task,
};
use frame_support::build_struct_json_patch;
use serde_json::Value;
use sp_core::{hex2array, H256};
use sp_genesis_builder::{PresetId, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

use crate::{
    configs::{MinimumMultiplier, PepecoinIssuer, BABE_GENESIS_EPOCH_CONFIG},
    AccountId, AssetsConfig, AuthoritiesConfig, BabeConfig, Balance, BalancesConfig, BrainsConfig,
    ComputeConfig, GovernanceConfig, Multisig, RegistryConfig, RuntimeGenesisConfig, SessionConfig,
    SessionKeys, SudoConfig, TransactionPaymentConfig,
};

/// Preset of a public test network.
pub const TESTNET_PRESET: &str = "testnet";

/// Accounts of the development phrase that tests and demonstrations use: `//Canary0` to `//Canary7`,
/// `//Miner`, `//Validator`, `//User` (sr25519).
const DEVELOPMENT_ACCOUNTS: [[u8; 32]; 11] = [
    hex2array!("742638d29a4046697c445ab7fc7931853ab4a51042459547328f06ca058be948"),
    hex2array!("dc52a6d5e2b75490125dd25b68184915757a36533eaf829a8b4128b852137f1b"),
    hex2array!("d230de2ff9e5a9105fa12fb43a65145eccd770d00da6fdecfa3f2b6448a1087e"),
    hex2array!("f670fe0611419e7d0f90807a2ccb7fb39fdf4525ad1b653e454b2f7919483075"),
    hex2array!("4e239bf4b5593e99fc017c079e40d64cb95e4d2f829130325674149fecc9d846"),
    hex2array!("249820ec5ce32f9546aa8e5755d4f913417738e140be3c950dd5ebefefd2f40c"),
    hex2array!("3c4957c7493dc54c36159c9f07b6b00327a6e83b9ae02deca1b0b3cd93dff226"),
    hex2array!("0257e96a9a3c4bf118ff627b8392dc84b470de4dfd5a5955c1765d025bda6844"),
    hex2array!("041362ab2513bfcf67cd188155f96efbca67ff27bbe66c1cf7b5b9ba90fff032"),
    hex2array!("28f8a14f3c22ac443b568ca248584de1fd18a61f57ce3da66f6bb24bb00c2c23"),
    hex2array!("ce0966b7d659966bd291a0dba60561570afbeeeb8c21208f604056be0009b229"),
];
/// The first account of Ethereum development tools (0xf24F…4cAC), as mapped to 32 bytes.
const ETHEREUM_ACCOUNT: [u8; 32] =
    hex2array!("f24ff3a9cf04c71dbc94d0b566f7a27b94566caceeeeeeeeeeeeeeeeeeeeeeee");

/// Members of Based Labs' multisig, ascending: `//testnet//labs//0` to `//testnet//labs//2` of the development phrase, until
/// the operators put in theirs.
const TESTNET_LABS: [[u8; 32]; 3] = [
    hex2array!("08c8249e2ecf6eea5e339565f424341beca94bf3b87490624d41b9b8b747c42f"),
    hex2array!("10ed3f7901d30f9b325c72bb39dbd09d7c2e953e608487787dbdebdfc2522671"),
    hex2array!("801552c2c7a2203d3991a0e0e8e7437872e46e6c660c95d6f5a230a2cfc15054"),
];
/// Members that must agree.
const TESTNET_LABS_THRESHOLD: u16 = 2;
/// Account of the faucet, `//testnet//faucet` of the development phrase, until the operators put in theirs.
const TESTNET_FAUCET: [u8; 32] =
    hex2array!("36af79e76d3202466e0e03046e3639eb0f59ff42b4b385027be8be4895ea4d0f");

/// Endowment of Alice, who is the authority, the administrator and the owner on development networks.
const ALICE_ENDOWMENT: Balance = 1_000_000 * BASED;
/// Endowment of every other development account.
const ACCOUNT_ENDOWMENT: Balance = 10_000 * BASED;
/// Pepecoin of every development account: enough for Brains by burning and by staking.
const PEPECOIN_ENDOWMENT: Balance = 1_000_000 * PEPECOIN;
/// What the testnet's faucet hands out.
const FAUCET_ENDOWMENT: Balance = 1_000_000 * BASED;
/// What Based Labs of the testnet needs for the deposits of its proposals.
const LABS_ENDOWMENT: Balance = 1_000 * BASED;
/// What an authority of the testnet needs to change its session keys, and a member of Based Labs to sign.
const AUTHORITY_ENDOWMENT: Balance = 100 * BASED;

include!(concat!(env!("OUT_DIR"), "/demonstration.rs"));

/// Number of the demonstration Brain on development networks.
pub const DEMONSTRATION_BRAIN: BrainId = 7;
/// Where the code of the demonstration task is, and which version of it.
const DEMONSTRATION_REPOSITORY: &[u8] = b"https://github.com/getbasedai/based";
const DEMONSTRATION_COMMIT: [u8; 20] = hex2array!("f0c7f328303e927dec4902a3f482e19b3c7dca14");
/// Prices of the demonstration Brain: those of the whitepaper's Mistral Medium, with room for its context.
const DEMONSTRATION_PRICES: PriceList = PriceList {
    prompt: 2_778 * BASED / 1_000_000,
    completion: 8_333 * BASED / 1_000_000,
    context: 32_000,
};

/// A Brain of the genesis: number, owner, kind, state, name, task.
type GenesisBrain = (BrainId, AccountId, BrainKind, BrainState, Vec<u8>, Option<Task>);

/// Where a network starts.
struct Network {
    authorities: Vec<(Sr25519Keyring, Ed25519Keyring)>,
    balances: Vec<(AccountId, Balance)>,
    labs: AccountId,
    pepecoin: Vec<(AccountId, Balance)>,
    sudo: Option<AccountId>,
    brains: Vec<GenesisBrain>,
    prices: Vec<(BrainId, PriceList)>,
    reserved_endpoints: bool,
}

impl Network {
    fn patch(self) -> Value {
        let bootstrap: Vec<_> = self
            .authorities
            .iter()
            .map(|(account, _)| account.to_account_id())
            .collect();
        let keys: Vec<_> = self
            .authorities
            .into_iter()
            .map(|(account, finality)| {
                let keys = SessionKeys {
                    babe: account.public().into(),
                    grandpa: finality.public().into(),
                };
                (account.to_account_id(), account.to_account_id(), keys)
            })
            .collect();
        let pepecoin: Vec<_> = self
            .pepecoin
            .into_iter()
            .map(|(account, amount)| (PEPECOIN_ASSET, account, amount))
            .collect();
        build_struct_json_patch!(RuntimeGenesisConfig {
            babe: BabeConfig {
                epoch_config: BABE_GENESIS_EPOCH_CONFIG
            },
            balances: BalancesConfig {
                balances: self.balances
            },
            authorities: AuthoritiesConfig { bootstrap },
            assets: AssetsConfig {
                assets: vec![(PEPECOIN_ASSET, PepecoinIssuer::get(), true, PEPECOIN_MINIMUM)],
                metadata: vec![(
                    PEPECOIN_ASSET,
                    b"Pepecoin".to_vec(),
                    b"PEPECOIN".to_vec(),
                    PEPECOIN_DECIMALS
                )],
                accounts: pepecoin,
            },
            session: SessionConfig { keys },
            brains: BrainsConfig { brains: self.brains },
            registry: RegistryConfig {
                allow_reserved_endpoints: self.reserved_endpoints
            },
            compute: ComputeConfig { prices: self.prices },
            governance: GovernanceConfig {
                labs: Some(self.labs)
            },
            sudo: SudoConfig { key: self.sudo },
            transaction_payment: TransactionPaymentConfig {
                multiplier: MinimumMultiplier::get(),
            },
        })
    }
}

/// The eight administrative Brains (R073), three of them reserved (R079).
fn administrative_brains(labs: &AccountId) -> Vec<GenesisBrain> {
    ADMIN_BRAINS
        .into_iter()
        .map(|id| {
            let state = if RESERVED_BRAINS.contains(&id) {
                BrainState::Reserved
            } else {
                BrainState::Active
            };
            let name = alloc::format!("Administrative {id}").into_bytes();
            (id, labs.clone(), BrainKind::Administrative, state, name, None)
        })
        .collect()
}

/// The Brain that demonstrations ask: it tells the emotion of a sentence.
fn demonstration_brain(owner: &AccountId) -> GenesisBrain {
    let task = DEMONSTRATION_MANIFEST.and_then(|manifest| {
        let repository = DEMONSTRATION_REPOSITORY.to_vec().try_into().ok()?;
        Some(Task::new(H256(manifest), repository, DEMONSTRATION_COMMIT))
    });
    let name = b"Emotions".to_vec();
    (
        DEMONSTRATION_BRAIN,
        owner.clone(),
        BrainKind::Burned,
        BrainState::Active,
        name,
        task,
    )
}

fn development_balances() -> Vec<(AccountId, Balance)> {
    let alice = Sr25519Keyring::Alice.to_account_id();
    Sr25519Keyring::well_known()
        .map(|key| key.to_account_id())
        .filter(|account| *account != alice)
        .chain(DEVELOPMENT_ACCOUNTS.into_iter().map(AccountId::new))
        .chain([AccountId::new(ETHEREUM_ACCOUNT)])
        .map(|account| (account, ACCOUNT_ENDOWMENT))
        .chain([(alice.clone(), ALICE_ENDOWMENT)])
        .collect()
}

fn development(authorities: Vec<(Sr25519Keyring, Ed25519Keyring)>) -> Value {
    let alice = Sr25519Keyring::Alice.to_account_id();
    let mut brains = administrative_brains(&alice);
    brains.push(demonstration_brain(&alice));
    let balances = development_balances();
    let pepecoin = balances
        .iter()
        .map(|(account, _)| (account.clone(), PEPECOIN_ENDOWMENT))
        .collect();
    Network {
        authorities,
        balances,
        pepecoin,
        labs: alice.clone(),
        sudo: Some(alice),
        brains,
        prices: vec![(DEMONSTRATION_BRAIN, DEMONSTRATION_PRICES)],
        reserved_endpoints: true,
    }
    .patch()
}

fn three_authorities() -> Vec<(Sr25519Keyring, Ed25519Keyring)> {
    vec![
        (Sr25519Keyring::Alice, Ed25519Keyring::Alice),
        (Sr25519Keyring::Bob, Ed25519Keyring::Bob),
        (Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
    ]
}

fn testnet() -> Value {
    let authorities = three_authorities();
    let members = TESTNET_LABS.map(AccountId::new);
    let labs = Multisig::multi_account_id(&members, TESTNET_LABS_THRESHOLD);
    let balances = authorities
        .iter()
        .map(|(account, _)| account.to_account_id())
        .chain(members)
        .map(|account| (account, AUTHORITY_ENDOWMENT))
        .chain([
            (labs.clone(), LABS_ENDOWMENT),
            (AccountId::new(TESTNET_FAUCET), FAUCET_ENDOWMENT),
        ])
        .collect();
    Network {
        authorities,
        balances,
        // None until it comes from Ethereum.
        pepecoin: Vec::new(),
        sudo: None,
        brains: administrative_brains(&labs),
        labs,
        prices: Vec::new(),
        reserved_endpoints: false,
    }
    .patch()
}

/// JSON patch of a preset over the default genesis; `None` for an unknown name.
pub fn get(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEV_RUNTIME_PRESET => development(vec![(Sr25519Keyring::Alice, Ed25519Keyring::Alice)]),
        LOCAL_TESTNET_RUNTIME_PRESET => development(three_authorities()),
        TESTNET_PRESET => testnet(),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// Names of the presets.
pub fn names() -> Vec<PresetId> {
    vec![
        PresetId::from(DEV_RUNTIME_PRESET),
        PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET),
        PresetId::from(TESTNET_PRESET),
    ]
}
