//! Brains and their Pepecoin among the other pallets.

use based_primitives::{
    constants::{BASED, BRAIN_STAKE, OWNER_VESTING_BLOCKS, PEPECOIN, PEPECOIN_ASSET, PEPECOIN_DECIMALS},
    traits::{BrainInspect, RegistryInspect, StakeInspect},
    Balance, BrainId, BrainKind, Endpoint, IpAddress, PriceList, ResourceKind, Resources, Role,
};
use frame_support::{
    assert_noop, assert_ok,
    traits::{
        fungible::{Inspect, InspectHold, MutateHold},
        fungibles::metadata::Inspect as InspectMetadata,
        Hooks,
    },
    weights::Weight,
};
use frame_system::RawOrigin;
use sp_core::H256;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave, Eve};
use sp_runtime::{DispatchError, TokenError};

use super::{chain, free};
use crate::{
    configs::{BlockWeights, Pepecoin, PepecoinIssuer},
    AccountId, Assets, Brains, Compute, Consensus, Registry, Runtime, RuntimeOrigin, Staking, System,
};

/// Pepecoin of every development account.
const WEALTH: Balance = 1_000_000 * PEPECOIN;
/// The Brain that tests acquire.
const BRAIN: BrainId = 9;

fn origin(who: sp_keyring::Sr25519Keyring) -> RuntimeOrigin {
    RawOrigin::Signed(who.to_account_id()).into()
}

fn pepecoin(account: &AccountId) -> Balance {
    Pepecoin::<Assets>::balance(account)
}

fn acquire(who: sp_keyring::Sr25519Keyring, kind: BrainKind) {
    assert_ok!(Brains::acquire(origin(who), Some(BRAIN), kind, Balance::MAX));
}

fn memorize(who: sp_keyring::Sr25519Keyring, role: Role) {
    let endpoint = Endpoint {
        ip: IpAddress::V4([8, 8, 4, 4]),
        port: 4_000,
    };
    let resources = Resources {
        kind: ResourceKind::Cpu,
        storage_mib: 1,
    };
    assert_ok!(Registry::memorize(
        origin(who),
        BRAIN,
        role,
        endpoint,
        [1; 32],
        resources,
        Balance::MAX
    ));
}

#[test]
fn development_accounts_own_pepecoin_and_the_testnets_do_not() {
    for (preset, wealth) in [("development", WEALTH), ("local_testnet", WEALTH), ("testnet", 0)] {
        chain(preset).execute_with(|| {
            assert_eq!(pepecoin(&Bob.to_account_id()), wealth, "{preset}");
            let accounts = pallet_assets::Account::<Runtime>::iter_prefix(PEPECOIN_ASSET);
            let sum: Balance = accounts.map(|(account, _)| pepecoin(&account)).sum();
            assert_eq!(Pepecoin::<Assets>::total_issuance(), sum, "{preset}");
            let decimals = <Assets as InspectMetadata<AccountId>>::decimals(PEPECOIN_ASSET);
            assert_eq!(decimals, PEPECOIN_DECIMALS, "{preset}");
        });
    }
}

#[test]
fn only_governance_creates_assets_and_nobody_mints_pepecoin() {
    chain("development").execute_with(|| {
        let alice = Alice.to_account_id();
        assert_noop!(
            Assets::create(origin(Alice), 2.into(), alice.clone().into(), 1),
            DispatchError::BadOrigin
        );
        assert_noop!(
            Assets::mint(
                origin(Alice),
                PEPECOIN_ASSET.into(),
                alice.clone().into(),
                PEPECOIN
            ),
            pallet_assets::Error::<Runtime>::NoPermission
        );
        let owner = pallet_assets::Asset::<Runtime>::get(PEPECOIN_ASSET).unwrap();
        assert_eq!(owner.supply, Pepecoin::<Assets>::total_issuance());
        let issuer: AccountId = PepecoinIssuer::get();
        assert_eq!(
            <Assets as frame_support::traits::fungibles::roles::Inspect<_>>::issuer(PEPECOIN_ASSET),
            Some(issuer)
        );
        assert_ok!(Assets::force_create(
            RawOrigin::Root.into(),
            2.into(),
            alice.into(),
            true,
            1
        ));
    });
}

#[test]
fn pepecoin_is_burnt_or_staked_for_brains() {
    chain("development").execute_with(|| {
        let supply = Pepecoin::<Assets>::total_issuance();
        // The demonstration Brain was the first burned one.
        assert_eq!(Brains::price(BrainKind::Burned), Some(1_200 * PEPECOIN));
        assert_ok!(Brains::acquire(
            origin(Bob),
            None,
            BrainKind::Burned,
            1_200 * PEPECOIN
        ));
        assert_eq!(Pepecoin::<Assets>::total_issuance(), supply - 1_200 * PEPECOIN);
        acquire(Charlie, BrainKind::Staked);
        assert_eq!(pepecoin(&Charlie.to_account_id()), WEALTH - BRAIN_STAKE);
        assert_eq!(pepecoin(&Brains::account_id()), BRAIN_STAKE);
        assert_eq!(Pepecoin::<Assets>::total_issuance(), supply - 1_200 * PEPECOIN);
        assert_noop!(
            Brains::acquire(origin(Eve), None, BrainKind::Burned, 1_200 * PEPECOIN),
            based_pallet_brains::Error::<Runtime>::PriceTooHigh
        );
    });
}

#[test]
fn held_pepecoin_buys_nothing() {
    chain("development").execute_with(|| {
        let bob = Bob.to_account_id();
        let reason = based_pallet_brains::HoldReason::Deposit.into();
        let held = WEALTH - 50_000 * PEPECOIN;
        assert_ok!(Pepecoin::<crate::AssetsHolder>::hold(&reason, &bob, held));
        assert!(Brains::acquire(origin(Bob), None, BrainKind::Staked, Balance::MAX).is_err());
        assert_eq!(Brains::owner(8), None, "nothing was issued");
        assert_ok!(Brains::acquire(
            origin(Bob),
            None,
            BrainKind::Burned,
            Balance::MAX
        ));
        assert_eq!(Pepecoin::<crate::AssetsHolder>::total_balance_on_hold(&bob), held);
    });
}

#[test]
fn who_has_no_pepecoin_gets_no_brain() {
    chain("testnet").execute_with(|| {
        assert_noop!(
            Brains::acquire(origin(Alice), None, BrainKind::Burned, Balance::MAX),
            DispatchError::Token(TokenError::FundsUnavailable)
        );
    });
}

/// Bob's staked Brain with peers, stake, prices, lists and names.
fn busy_brain() {
    acquire(Bob, BrainKind::Staked);
    assert_ok!(Registry::set_fee(origin(Bob), BRAIN, 0));
    assert_ok!(Registry::set_pruning(origin(Bob), BRAIN, true));
    let bns = b"emotions".to_vec().try_into().unwrap();
    assert_ok!(Brains::set_domains(origin(Bob), BRAIN, Some(bns), None));
    for who in [Charlie, Dave] {
        assert_ok!(Brains::set_allowed(origin(Bob), BRAIN, who.to_account_id(), true));
    }
    assert_ok!(Brains::set_admission(origin(Bob), BRAIN, true));
    memorize(Charlie, Role::Miner);
    memorize(Dave, Role::Validator);
    let prices = PriceList {
        prompt: 1,
        completion: 1,
        context: 1,
    };
    assert_ok!(Compute::set_prices(origin(Bob), BRAIN, prices));
    let validator = Some(Dave.to_account_id());
    assert_ok!(Staking::stake(origin(Eve), BRAIN, None, 100 * BASED));
    assert_ok!(Staking::stake(origin(Eve), BRAIN, validator, 50 * BASED));
    assert_ok!(Consensus::commit_weights(
        origin(Dave),
        BRAIN,
        H256::repeat_byte(1)
    ));
}

/// Names of storage items that have a record under the number of the Brain.
fn remains() -> Vec<&'static str> {
    let maps = [
        (
            "Brains",
            based_pallet_brains::Brains::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Profiles",
            based_pallet_brains::Profiles::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Deposits",
            based_pallet_brains::Deposits::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Admissions",
            based_pallet_brains::Admissions::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Allowed",
            based_pallet_brains::Allowed::<Runtime>::iter_prefix(BRAIN)
                .next()
                .is_some(),
        ),
        (
            "Peers",
            based_pallet_registry::Peers::<Runtime>::iter_prefix(BRAIN)
                .next()
                .is_some(),
        ),
        (
            "Uids",
            based_pallet_registry::Uids::<Runtime>::iter_prefix(BRAIN)
                .next()
                .is_some(),
        ),
        (
            "Counts",
            based_pallet_registry::Counts::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Occupied",
            based_pallet_registry::Occupied::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Fees",
            based_pallet_registry::Fees::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Pruning",
            based_pallet_registry::Pruning::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Stakers",
            based_pallet_staking::Stakers::<Runtime>::iter_prefix(BRAIN)
                .next()
                .is_some(),
        ),
        (
            "BrainTotals",
            based_pallet_staking::BrainTotals::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Validators",
            based_pallet_consensus::Validators::<Runtime>::iter_prefix(BRAIN)
                .next()
                .is_some(),
        ),
        (
            "Credits",
            based_pallet_consensus::Credits::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Budgets",
            based_pallet_emission::Budgets::<Runtime>::contains_key(BRAIN),
        ),
        (
            "Prices",
            based_pallet_compute::Prices::<Runtime>::contains_key(BRAIN),
        ),
    ];
    maps.into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn a_closed_brain_gives_everything_back_and_leaves_nothing() {
    chain("development").execute_with(|| {
        System::set_block_number(1);
        let [bob, charlie, dave, eve] = [Bob, Charlie, Dave, Eve].map(|who| who.to_account_id());
        let before = [&bob, &charlie, &dave, &eve].map(free);
        busy_brain();
        assert!(remains().len() > 10);
        assert!(free(&charlie) < before[1], "a deposit is held");
        System::set_block_number(1 + OWNER_VESTING_BLOCKS);
        assert_ok!(Brains::deactivate(origin(Bob), BRAIN));
        assert_eq!(pepecoin(&bob), WEALTH);
        assert_noop!(
            Brains::acquire(origin(Alice), Some(BRAIN), BrainKind::Burned, Balance::MAX),
            based_pallet_brains::Error::<Runtime>::NumberClosing
        );
        Brains::on_idle(System::block_number(), Weight::MAX);
        assert_eq!(remains(), Vec::<&str>::new());
        assert_eq!(Registry::role(BRAIN, &charlie), None);
        assert_eq!(<Staking as StakeInspect<AccountId>>::total_stake(), 0);
        assert_ok!(Staking::withdraw(origin(Eve)));
        assert_eq!(
            [&bob, &charlie, &dave, &eve].map(free),
            before,
            "to the last unit"
        );
        acquire(Alice, BrainKind::Burned);
        assert_eq!(Brains::owner(BRAIN), Some(Alice.to_account_id()));
    });
}

#[test]
fn a_sweep_stays_within_what_a_block_has_left_and_goes_on_in_the_next() {
    chain("development").execute_with(|| {
        System::set_block_number(1);
        busy_brain();
        System::set_block_number(1 + OWNER_VESTING_BLOCKS);
        assert_ok!(Brains::deactivate(origin(Bob), BRAIN));
        let limit = BlockWeights::get().max_block / 600;
        let mut blocks = 0;
        while based_pallet_brains::Closing::<Runtime>::get().contains(&BRAIN) {
            let used = Brains::on_idle(System::block_number(), limit);
            assert!(used.all_lte(limit), "{used:?} of {limit:?}");
            blocks += 1;
            assert!(blocks < 20, "no progress");
        }
        assert!(blocks > 1);
        assert_eq!(remains(), Vec::<&str>::new());
    });
}
