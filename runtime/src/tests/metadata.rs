//! What clients find in the metadata.

use based_primitives::runtime_api::{BasedApi, ConsensusApi, ForecastsApi};
use frame_support::traits::PalletsInfoAccess;
use sp_api::RuntimeApiInfo;
use sp_runtime::traits::TransactionExtension;

use crate::{AccountId, Block, Runtime, RuntimeCall, TxExtension, VERSION};

#[test]
fn pallets_keep_their_names_and_numbers() {
    let pallets: Vec<(usize, &str)> = crate::AllPalletsWithSystem::infos()
        .into_iter()
        .map(|info| (info.index, info.name))
        .collect();
    let expected = [
        (0, "System"),
        (1, "Babe"),
        (2, "Timestamp"),
        (3, "Authorities"),
        (4, "Balances"),
        (5, "TransactionPayment"),
        (6, "Session"),
        (7, "Grandpa"),
        (8, "Utility"),
        (9, "Proxy"),
        (10, "Multisig"),
        (11, "Preimage"),
        (12, "Scheduler"),
        (13, "Sudo"),
        (14, "Revive"),
        (15, "Assets"),
        (16, "AssetsHolder"),
        (17, "AssetsFreezer"),
        (18, "AssetsPermit"),
        (20, "Brains"),
        (21, "Registry"),
        (22, "Staking"),
        (23, "Consensus"),
        (24, "Emission"),
        (25, "Compute"),
        (26, "Forecasts"),
        (27, "Authorship"),
        (28, "Historical"),
        (29, "Governance"),
        (30, "SafeMode"),
        (31, "TxPause"),
        (32, "Parameters"),
        (33, "Ethereum"),
    ];
    assert_eq!(pallets, expected);
}

#[test]
fn signed_calls_carry_the_extensions_wallets_expect() {
    let names: Vec<&str> = <TxExtension as TransactionExtension<RuntimeCall>>::metadata()
        .into_iter()
        .map(|extension| extension.identifier)
        .collect();
    assert_eq!(
        names,
        [
            "CheckNonZeroSender",
            "CheckSpecVersion",
            "CheckTxVersion",
            "CheckGenesis",
            "CheckMortality",
            "CheckNonce",
            "CheckWeight",
            "ChargeTransactionPayment",
            "EthSetOrigin",
            "CheckMetadataHash",
            "WeightReclaim",
        ]
    );
}

/// The file against which the client checks what it sends; `scripts/metadata` writes it anew by this test.
#[test]
fn the_clients_metadata_is_this_runtimes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../client/metadata/based.scale");
    // The newest form, with the runtime APIs, which programs for Ethereum wallets are made from.
    let newest = || Runtime::metadata_at_version(16).unwrap();
    let metadata = super::chain("development").execute_with(newest);
    if std::env::var_os("BASED_WRITE_METADATA").is_some() {
        std::fs::write(path, &*metadata).unwrap();
    }
    assert!(
        std::fs::read(path).unwrap() == *metadata,
        "the runtime has changed: run scripts/metadata"
    );
}

#[test]
fn metadata_of_versions_14_and_15_exists() {
    super::chain("development").execute_with(|| {
        let versions = Runtime::metadata_versions();
        assert!(versions.contains(&14) && versions.contains(&15), "{versions:?}");
        for version in versions {
            assert!(Runtime::metadata_at_version(version).is_some(), "{version}");
        }
    });
}

#[test]
fn the_runtime_answers_for_brains_and_for_ethereum() {
    let offered: Vec<_> = VERSION.apis.iter().map(|(id, _)| *id).collect();
    assert!(offered.contains(&<dyn BasedApi<Block, AccountId>>::ID));
    assert!(offered.contains(&<dyn ConsensusApi<Block>>::ID));
    assert!(offered.contains(&<dyn ForecastsApi<Block, AccountId>>::ID));
    assert!(VERSION.apis.len() > 12);
}
