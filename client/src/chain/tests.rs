//! What this client sends and reads, against the runtime's metadata.

use based_primitives::{
    forecasts::{BrainForecast, Forecast},
    payments::{SignedVoucher, Voucher, VoucherSignature},
    BrainKind, Endpoint, IpAddress, PriceList, Purpose, ResourceKind, Resources, Role, Task,
};
use codec::Decode;
use sp_core::{sr25519, Blake2Hasher, Hasher, H256};
use subxt::{
    ext::{scale_decode::Field, scale_encode::EncodeAsFields, scale_value::scale::decode_as_fields},
    tx::Payload,
    Metadata,
};

use super::{calls, AccountId, ProposedCall, Proposer, Track, WrittenCall};

/// Metadata of the runtime, as `scripts/metadata` writes it.
fn metadata() -> Metadata {
    Metadata::decode(&mut &include_bytes!("../../metadata/based.scale")[..]).unwrap()
}

/// Encodes a call's arguments, reads them back as the runtime's types say, down to the last byte, and gives what
/// the runtime would see.
fn as_the_runtime_sees(call: &impl Payload) -> String {
    let metadata = metadata();
    let name = format!("{}.{}", call.pallet_name(), call.call_name());
    let pallet = metadata.pallet_by_name(call.pallet_name()).expect(&name);
    let variant = pallet.call_variant_by_name(call.call_name()).expect(&name);
    let fields = || {
        variant
            .fields
            .iter()
            .map(|field| Field::new(field.ty.id, field.name.as_deref()))
    };
    let bytes = call
        .call_data()
        .encode_as_fields(&mut fields(), metadata.types())
        .expect(&name);
    let rest = &mut &bytes[..];
    let seen = decode_as_fields(rest, &mut fields(), metadata.types()).expect(&name);
    assert!(rest.is_empty(), "{name} has bytes that the runtime does not read");
    assert_eq!(
        seen.encode_as_fields(&mut fields(), metadata.types())
            .expect(&name),
        bytes,
        "{name}"
    );
    format!("{seen:?}")
}

fn has(seen: String, needles: &[&str]) {
    for needle in needles {
        assert!(seen.contains(needle), "{needle} is missing in {seen}");
    }
}

/// What owners of Brains send.
fn owners_calls(account: &AccountId, amount: u128) {
    let short = |text: &str| text.as_bytes().to_vec();
    has(
        as_the_runtime_sees(&calls::acquire_brain(Some(1_011), BrainKind::Burned, amount)),
        &["Some", "1011", "Burned", "123456789012345678901"],
    );
    has(
        as_the_runtime_sees(&calls::acquire_brain(None, BrainKind::Staked, amount)),
        &["None", "Staked"],
    );
    has(as_the_runtime_sees(&calls::deactivate_brain(1_011)), &["1011"]);
    has(
        as_the_runtime_sees(&calls::transfer_brain(1_011, account.clone())),
        &["1011", "165"],
    );
    has(
        as_the_runtime_sees(&calls::set_brain_name(7, short("Az").try_into().unwrap())),
        &["65", "122"],
    );
    let ens = short("az.eth").try_into().unwrap();
    has(
        as_the_runtime_sees(&calls::set_domains(7, None, Some(ens))),
        &["None", "Some", "122"],
    );
    has(
        as_the_runtime_sees(&calls::set_template(7, Some(31_313))),
        &["31313"],
    );
    has(
        as_the_runtime_sees(&calls::set_reward_account(7, Some(account.clone()))),
        &["Some", "165"],
    );
    has(
        as_the_runtime_sees(&calls::set_terms(7, 111_222_333, 444_555_666)),
        &["111222333", "444555666"],
    );
    has(
        as_the_runtime_sees(&calls::set_redistribution(7, 111_222_333, 444_555_666)),
        &["111222333", "444555666"],
    );
    has(as_the_runtime_sees(&calls::set_admission(7, true)), &["true"]);
    has(
        as_the_runtime_sees(&calls::set_allowed(7, account.clone(), true)),
        &["165", "true"],
    );
    has(
        as_the_runtime_sees(&calls::set_fee(7, amount)),
        &["123456789012345678901"],
    );
    has(as_the_runtime_sees(&calls::set_pruning(7, true)), &["true"]);
    has(
        as_the_runtime_sees(&calls::transfer_pepecoin(account.clone(), amount)),
        &["Id", "123456789012345678901"],
    );
}

#[test]
fn the_runtime_reads_every_call_as_it_was_meant() {
    let account = AccountId::new([0xA5; 32]);
    let endpoint = Endpoint {
        ip: IpAddress::V6([7; 16]),
        port: 4_242,
    };
    let resources = Resources {
        kind: ResourceKind::Gpu,
        storage_mib: 1_234_567,
    };
    let task = Task {
        manifest: H256([1; 32]),
        repository: b"https://example.org/x".to_vec().try_into().unwrap(),
        commit: [2; 20],
        zk: true,
    };
    let voucher = SignedVoucher {
        voucher: Voucher {
            version: 1,
            genesis: H256([3; 32]),
            account: 77,
            miner: account.clone(),
            brain: 7,
            job: [4; 32],
            cumulative: 987_654_321_012_345_678_901,
            expiry: 31_415,
        },
        signature: VoucherSignature::Sr25519(sr25519::Signature::from_raw([5; 64])),
    };
    let amount = 123_456_789_012_345_678_901u128;
    has(
        as_the_runtime_sees(&calls::memorize(
            7,
            Role::Validator,
            endpoint,
            [9; 32],
            resources,
            amount,
        )),
        &[
            "Validator",
            "V6",
            "4242",
            "Gpu",
            "1234567",
            "123456789012345678901",
        ],
    );
    has(
        as_the_runtime_sees(&calls::update_endpoint(7, endpoint, [9; 32])),
        &["V6", "4242"],
    );
    has(as_the_runtime_sees(&calls::leave(1_023)), &["1023"]);
    has(
        as_the_runtime_sees(&calls::stake(7, Some(account.clone()), amount)),
        &["Some", "123456789012345678901"],
    );
    has(
        as_the_runtime_sees(&calls::unstake(7, None, amount)),
        &["None", "123456789012345678901"],
    );
    as_the_runtime_sees(&calls::withdraw_stake());
    has(
        as_the_runtime_sees(&calls::claim_stake_reward(7, None)),
        &["None"],
    );
    has(
        as_the_runtime_sees(&calls::withdraw_leaving(account.clone(), 77_777)),
        &["165", "77777"],
    );
    has(
        as_the_runtime_sees(&calls::set_take(7, 123_456_789)),
        &["123456789"],
    );
    has(
        as_the_runtime_sees(&calls::settle_slash(
            account.clone(),
            7,
            AccountId::new([0x5A; 32]),
        )),
        &["165", "90"],
    );
    has(
        as_the_runtime_sees(&calls::set_session_keys([0xA5; 64], vec![90, 91])),
        &["babe", "grandpa", "165", "90", "91"],
    );
    has(as_the_runtime_sees(&calls::opt_in(1_019)), &["1019"]);
    as_the_runtime_sees(&calls::opt_out());
    as_the_runtime_sees(&calls::withdraw_bond());
    has(
        as_the_runtime_sees(&calls::claim_reward(account.clone())),
        &["165"],
    );
    has(
        as_the_runtime_sees(&calls::reveal_weights(7, vec![(3, 65_535), (9, 4_321)], [8; 32])),
        &["65535", "4321"],
    );
    as_the_runtime_sees(&calls::commit_weights(7, H256([6; 32])));
    has(
        as_the_runtime_sees(&calls::set_cross_edges(7, vec![(1_011, 1_777, 31_313)])),
        &["1011", "1777", "31313"],
    );
    has(as_the_runtime_sees(&calls::set_task(7, task)), &["true"]);
    owners_calls(&account, amount);
    as_the_runtime_sees(&calls::commit_forecast(7, H256([6; 32])));
    let mut quantiles = [[-5, 0, 5]; 6];
    quantiles[5] = [1, 2, 9_223_372_036_854_775_807];
    let forecast = Forecast {
        quantiles,
        brains: vec![BrainForecast {
            brain: 1_021,
            performance: 987_654_321,
        }]
        .try_into()
        .unwrap(),
    };
    has(
        as_the_runtime_sees(&calls::reveal_forecast(forecast, [7; 32])),
        &["-5", "9223372036854775807", "1021", "987654321"],
    );
    let prices = PriceList {
        prompt: amount,
        completion: 55_555,
        context: 32_000,
    };
    has(
        as_the_runtime_sees(&calls::set_prices(7, prices)),
        &["123456789012345678901", "55555", "32000"],
    );
    has(
        as_the_runtime_sees(&calls::open_account(
            account.clone(),
            Purpose::Training,
            amount,
            66_666,
            77_777,
        )),
        &["Training", "123456789012345678901", "66666", "77777"],
    );
    has(
        as_the_runtime_sees(&calls::top_up(8_888, amount)),
        &["8888", "123456789012345678901"],
    );
    has(
        as_the_runtime_sees(&calls::reserve(8_888, 7, account.clone(), amount)),
        &["8888", "123456789012345678901"],
    );
    has(
        as_the_runtime_sees(&calls::redeem(vec![voucher])),
        &["Sr25519", "987654321012345678901", "31415"],
    );
    has(as_the_runtime_sees(&calls::close_account(8_888)), &["8888"]);
    has(as_the_runtime_sees(&calls::finish_close(8_888)), &["8888"]);
    has(
        as_the_runtime_sees(&calls::transfer(account, amount)),
        &["Id", "123456789012345678901"],
    );
}

#[test]
fn the_runtime_reads_calls_of_governance_as_they_were_meant() {
    let has = |seen: String, needles: &[&str]| {
        for needle in needles {
            assert!(seen.contains(needle), "{needle} is missing in {seen}");
        }
    };
    let (inline, _) = ProposedCall::new(&[77, 78, 79]);
    has(
        as_the_runtime_sees(&calls::propose(Proposer::GigaBrain(1_021), Track::Root, inline)),
        &["GigaBrain", "1021", "Root", "Inline", "77"],
    );
    let (lookup, _) = ProposedCall::new(&[5; 12_345]);
    has(
        as_the_runtime_sees(&calls::propose(Proposer::Labs, Track::Parameters, lookup)),
        &["Labs", "Parameters", "Lookup", "12345"],
    );
    has(
        as_the_runtime_sees(&calls::vote(4_321, 1_021, true)),
        &["4321", "1021", "true"],
    );
    has(
        as_the_runtime_sees(&calls::vote_with_pepecoin(4_321, false, u128::MAX)),
        &["4321", "false", "340282366920938463463374607431768211455"],
    );
    has(as_the_runtime_sees(&calls::close_proposal(4_321)), &["4321"]);
    has(
        as_the_runtime_sees(&calls::release_pepecoin(AccountId::new([0xA5; 32]))),
        &["165"],
    );
    has(as_the_runtime_sees(&calls::pull_brake(1_021)), &["1021"]);
    has(
        as_the_runtime_sees(&calls::note_preimage(vec![77, 78])),
        &["77", "78"],
    );
}

#[test]
fn calls_longer_than_128_bytes_are_stored_first() {
    assert_eq!(
        ProposedCall::new(&[1; 128]),
        (ProposedCall::Inline(vec![1; 128]), false)
    );
    let (call, stored) = ProposedCall::new(&[1; 129]);
    assert!(stored);
    let hash = Blake2Hasher::hash(&[1; 129]).0;
    assert_eq!(call, ProposedCall::Lookup { hash, len: 129 });
}

#[test]
fn a_call_that_is_written_is_read_and_written_again() {
    let metadata = metadata();
    let account = format!("0x{}", "a5".repeat(32));
    for text in [
        "Forecasts.set_feature_set { version: 2 }",
        "Forecasts.set_feature_set(2)",
        "Forecasts.set_beta_override { ppb: None() }",
        "Forecasts.set_beta_override { ppb: Some(0) }",
        "Forecasts.roll_back_model",
        "Parameters.set_parameter(Consensus(ActivePercentile((), Some(75))))",
        "System.set_storage { items: (((1, 2), (3, 4))) }",
        &format!("Forecasts.set_model({account})"),
        &format!("Balances.force_transfer {{ source: Id({account}), dest: Id({account}), value: 12 }}"),
    ] {
        let call = WrittenCall::read(text, &metadata).unwrap_or_else(|error| panic!("{text}: {error}"));
        let (pallet, rest) = text.split_once('.').unwrap();
        let name = rest.split(['(', '{', ' ']).next().unwrap();
        let shown = call.to_string();
        assert!(shown.contains(pallet) && shown.contains(name), "{shown}");
        let hex = format!("0x{}", hex::encode(call.bytes()));
        assert_eq!(WrittenCall::read(&hex, &metadata).unwrap().bytes(), call.bytes());
        // What is sent is what was written.
        assert_eq!((call.pallet_name(), call.call_name()), (pallet, name));
        let pallet = metadata.pallet_by_name(pallet).unwrap();
        let variant = pallet.call_variant_by_name(name).unwrap();
        let mut sent = vec![pallet.call_index(), variant.index];
        let mut fields = variant
            .fields
            .iter()
            .map(|field| Field::new(field.ty.id, field.name.as_deref()));
        call.call_data()
            .encode_as_fields_to(&mut fields, metadata.types(), &mut sent)
            .unwrap();
        assert_eq!(sent, call.bytes());
    }
}

#[test]
fn a_call_that_is_none_is_refused_with_words() {
    let metadata = metadata();
    for text in [
        "",
        "nothing",
        "Forecasts",
        "Forecasts.",
        "Nowhere.set_feature_set(2)",
        "Forecasts.nothing(2)",
        "Forecasts.set_feature_set",
        "Forecasts.set_feature_set(2) 3",
        "Forecasts.set_feature_set { version: many }",
        "Forecasts.set_feature_set(-1)",
        "0x",
        "0xzz",
        "0xff",
    ] {
        let error = WrittenCall::read(text, &metadata).expect_err(text).to_string();
        assert!(error.contains("Pallet.call"), "{error}");
    }
    let call = WrittenCall::read("Forecasts.roll_back_model", &metadata).unwrap();
    let long = [call.bytes(), &[0]].concat();
    assert!(WrittenCall::decode(&long, &metadata).is_err());
}

#[test]
fn the_storage_that_is_read_by_name_exists() {
    let metadata = metadata();
    for (pallet, entry) in [
        ("System", "Account"),
        ("Assets", "Account"),
        ("Brains", "Brains"),
        ("Brains", "BurnedBrains"),
        ("Brains", "PepecoinTotals"),
        ("Brains", "Profiles"),
        ("Brains", "Admissions"),
        ("Brains", "Stakes"),
        ("Registry", "Pruning"),
        ("Compute", "Accounts"),
        ("Compute", "Reservations"),
        ("Consensus", "Rows"),
        ("Consensus", "Validators"),
        ("Consensus", "CrossRows"),
        ("Staking", "Positions"),
        ("Staking", "Unstaking"),
        ("Staking", "Backing"),
        ("Staking", "LeavingStake"),
        ("Session", "Validators"),
        ("Session", "NextKeys"),
        ("Authorities", "Operators"),
        ("Authorities", "Barred"),
        ("Governance", "GigaBrains"),
        ("Governance", "Proposals"),
        ("Governance", "Electorates"),
        ("Governance", "Ballots"),
        ("Preimage", "PreimageFor"),
    ] {
        let storage = metadata.pallet_by_name(pallet).and_then(|found| found.storage());
        assert!(
            storage.is_some_and(|found| found.entry_by_name(entry).is_some()),
            "{pallet}.{entry}"
        );
    }
}
