use based_primitives::{
    constants::BASED,
    eip712::eth_account,
    payments::{SignedVoucher, Voucher, VoucherSignature},
    Balance, Purpose,
};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use proptest::prelude::*;
use sp_core::{ecdsa, ed25519, Pair, H256};
use sp_runtime::{AccountId32, DispatchResult};

use crate::{mock::*, Accounts, Error, Event, Rejection, Reservations};

/// Opens an account that reserves 4 BASED for miner 0.
fn reserved() -> u64 {
    let id = open(10 * BASED, 10 * BASED);
    assert_ok!(reserve(id, miner(0), 4 * BASED));
    id
}

fn rejected(change: impl FnOnce(&mut Voucher)) -> DispatchResult {
    let mut voucher = voucher(reserved(), BASED);
    change(&mut voucher);
    redeem(miner(0), vec![sign(voucher)])
}

#[test]
fn a_voucher_pays_the_miner_from_the_reservation() {
    build_and_execute(|| {
        let id = reserved();
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
        assert_eq!(free(&miner(0)), FUNDS + BASED);
        assert_eq!(free(&owner()), FUNDS - 10 * BASED);
        let account = Accounts::<Test>::get(id).unwrap();
        assert_eq!(
            (account.balance, account.reserved, account.spent),
            (6 * BASED, 3 * BASED, BASED)
        );
        System::assert_last_event(
            Event::Redeemed {
                id,
                miner: miner(0),
                amount: BASED,
                cumulative: BASED,
            }
            .into(),
        );
    });
}

#[test]
fn a_later_voucher_pays_the_difference() {
    build_and_execute(|| {
        let id = reserved();
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, 4 * BASED))]));
        assert_eq!(free(&miner(0)), FUNDS + 4 * BASED);
        assert_eq!(Reservations::<Test>::get(id, miner(0)).unwrap().outstanding(), 0);
    });
}

#[test]
fn replayed_vouchers_pay_nothing() {
    build_and_execute(|| {
        let id = reserved();
        let signed = sign(voucher(id, 2 * BASED));
        assert_ok!(redeem(miner(0), vec![signed.clone()]));
        assert_noop!(redeem(miner(0), vec![signed]), Error::<Test>::VoucherReplayed);
        // An older one as well.
        assert_noop!(
            redeem(miner(0), vec![sign(voucher(id, BASED))]),
            Error::<Test>::VoucherReplayed
        );
        assert_noop!(
            redeem(miner(0), vec![sign(voucher(id, 0))]),
            Error::<Test>::VoucherReplayed
        );
    });
}

#[test]
fn overspent_vouchers_pay_nothing() {
    build_and_execute(|| {
        let overspent = rejected(|voucher| voucher.cumulative = 4 * BASED + 1);
        assert_eq!(overspent, Err(Error::<Test>::VoucherOverspent.into()));
        assert_eq!(free(&miner(0)), FUNDS);
    });
}

#[test]
fn vouchers_expire() {
    build_and_execute(|| {
        let id = reserved();
        System::set_block_number(101);
        assert_noop!(
            redeem(miner(0), vec![sign(voucher(id, BASED))]),
            Error::<Test>::VoucherExpired
        );
        System::set_block_number(100);
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
    });
}

#[test]
fn vouchers_end_with_their_account() {
    build_and_execute(|| {
        let id = reserved();
        System::set_block_number((EXPIRY + 1).into());
        let late = sign(Voucher {
            expiry: u32::MAX,
            ..voucher(id, BASED)
        });
        assert_noop!(redeem(miner(0), vec![late]), Error::<Test>::VoucherAccountExpired);
    });
}

#[test]
fn vouchers_of_another_place_are_rejected() {
    build_and_execute(|| {
        assert_eq!(
            rejected(|v| v.version = 2),
            Err(Error::<Test>::VoucherVersion.into())
        );
        assert_eq!(
            rejected(|v| v.genesis = H256::repeat_byte(1)),
            Err(Error::<Test>::VoucherGenesis.into())
        );
        assert_eq!(
            rejected(|v| v.miner = miner(1)),
            Err(Error::<Test>::VoucherMiner.into())
        );
        assert_eq!(
            rejected(|v| v.brain = OTHER_BRAIN),
            Err(Error::<Test>::VoucherBrain.into())
        );
        assert_eq!(
            rejected(|v| v.account = 99),
            Err(Error::<Test>::VoucherNoAccount.into())
        );
        // Without a reservation of its own, nobody else is paid either.
        let for_another = sign(Voucher {
            miner: miner(1),
            ..voucher(0, BASED)
        });
        assert_noop!(
            redeem(miner(1), vec![for_another]),
            Error::<Test>::VoucherNoReservation
        );
    });
}

#[test]
fn any_tampering_breaks_the_signature() {
    build_and_execute(|| {
        let id = reserved();
        let signed = sign(voucher(id, BASED));
        let changed = |change: fn(&mut Voucher)| {
            let mut signed = signed.clone();
            change(&mut signed.voucher);
            redeem(miner(0), vec![signed])
        };
        for result in [
            changed(|voucher| voucher.cumulative += 1),
            changed(|voucher| voucher.expiry += 1),
            changed(|voucher| voucher.job = [0; 32]),
        ] {
            assert_eq!(result, Err(Error::<Test>::VoucherSignature.into()));
        }
        assert_eq!(free(&miner(0)), FUNDS);
    });
}

#[test]
fn another_key_does_not_sign() {
    build_and_execute(|| {
        let voucher = voucher(reserved(), BASED);
        let other = sp_core::sr25519::Pair::from_seed(&[8; 32]);
        let signature = VoucherSignature::Sr25519(other.sign(&voucher.signing_bytes()));
        assert_noop!(
            redeem(miner(0), vec![SignedVoucher { voucher, signature }]),
            Error::<Test>::VoucherSignature
        );
    });
}

fn spend_as(spender: AccountId32, sign: impl FnOnce(&Voucher) -> VoucherSignature) -> DispatchResult {
    let id = crate::NextId::<Test>::get();
    assert_ok!(Compute::open(
        RuntimeOrigin::signed(owner()),
        spender,
        Purpose::Task,
        BASED,
        BASED,
        EXPIRY
    ));
    assert_ok!(reserve(id, miner(0), BASED));
    let voucher = voucher(id, BASED);
    let signature = sign(&voucher);
    redeem(miner(0), vec![SignedVoucher { voucher, signature }])
}

#[test]
fn ed25519_spenders_sign() {
    build_and_execute(|| {
        let key = ed25519::Pair::from_seed(&[3; 32]);
        let sign = |voucher: &Voucher| VoucherSignature::Ed25519(key.sign(&voucher.signing_bytes()));
        assert_ok!(spend_as(key.public().into(), sign));
        assert_noop!(spend_as_other(sign), Error::<Test>::VoucherSignature);
    });
}

/// As [`spend_as`], from an account of another spender, leaving no trace of it.
fn spend_as_other(sign: impl FnOnce(&Voucher) -> VoucherSignature) -> DispatchResult {
    frame_support::storage::with_storage_layer(|| spend_as(stranger(), sign))
}

#[test]
fn ethereum_spenders_sign_typed_data() {
    build_and_execute(|| {
        let key = ecdsa::Pair::from_seed(&[0x42; 32]);
        let sign = |voucher: &Voucher| VoucherSignature::Eip712(key.sign_prehashed(&voucher.eip712_hash()));
        // Address of the secret key 0x4242..42.
        let address = sp_core::hex2array!("17c5185167401ed00cf5f5b2fc97d9bbfdb7d025");
        assert_ok!(spend_as(eth_account(address), sign));
        assert_noop!(spend_as_other(sign), Error::<Test>::VoucherSignature);
    });
}

#[test]
fn a_batch_pays_what_it_can_and_names_the_rest() {
    build_and_execute(|| {
        let (one, two) = (reserved(), reserved());
        let batch = vec![
            sign(voucher(one, 5 * BASED)),
            sign(voucher(one, BASED)),
            sign(voucher(two, 2 * BASED)),
            sign(voucher(two, 2 * BASED)),
        ];
        assert_ok!(redeem(miner(0), batch));
        assert_eq!(free(&miner(0)), FUNDS + 3 * BASED);
        System::assert_has_event(
            Event::VoucherRejected {
                index: 0,
                reason: Rejection::Overspent,
            }
            .into(),
        );
        System::assert_has_event(
            Event::VoucherRejected {
                index: 3,
                reason: Rejection::Replayed,
            }
            .into(),
        );
    });
}

#[test]
fn an_empty_batch_is_refused() {
    build_and_execute(|| {
        assert_noop!(redeem(miner(0), vec![]), Error::<Test>::NoVouchers);
    });
}

#[test]
fn a_payment_that_cannot_arrive_stays_reserved() {
    build_and_execute(|| {
        let id = open(10 * BASED, 10 * BASED);
        assert_ok!(reserve(id, miner(0), BASED));
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), miner(0), 0));
        // Below the existential deposit of an account that does not exist.
        assert_noop!(
            redeem(miner(0), vec![sign(voucher(id, 1))]),
            Error::<Test>::VoucherPayment
        );
        assert_ok!(redeem(miner(0), vec![sign(voucher(id, BASED))]));
        assert_eq!(free(&miner(0)), BASED);
    });
}

#[derive(Clone, Debug)]
enum Step {
    TopUp(Balance),
    Reserve(u8, Balance),
    Redeem(u8, Balance),
    Close,
    Finish,
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let amount = || 0..BASED * 6;
    let step = prop_oneof![
        amount().prop_map(Step::TopUp),
        (0u8..3, amount()).prop_map(|(miner, amount)| Step::Reserve(miner, amount)),
        (0u8..3, amount()).prop_map(|(miner, amount)| Step::Redeem(miner, amount)),
        (0u8..3, amount()).prop_map(|(miner, amount)| Step::Redeem(miner, amount)),
        Just(Step::Close),
        Just(Step::Finish),
        (1u32..15).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 40..80)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, money only moves from the owner to miners, never beyond the cap.
    #[test]
    fn no_order_of_events_makes_or_loses_money(steps in steps(), cap in BASED..BASED * 12) {
        build_and_execute(|| {
            let id = open(5 * BASED, cap);
            for step in steps {
                let _ = match step {
                    Step::TopUp(amount) => Compute::top_up(RuntimeOrigin::signed(owner()), id, amount),
                    Step::Reserve(to, amount) => reserve(id, miner(to), amount),
                    Step::Redeem(to, amount) => {
                        redeem(miner(to), vec![sign(Voucher { miner: miner(to), ..voucher(id, amount) })])
                    },
                    Step::Close => Compute::close(RuntimeOrigin::signed(owner()), id),
                    Step::Finish => Compute::finish_close(RuntimeOrigin::signed(owner()), id),
                    Step::Wait(blocks) => {
                        System::set_block_number(System::block_number() + u64::from(blocks));
                        Ok(())
                    },
                };
                Compute::do_try_state().unwrap();
                let paid: Balance = (0..3).map(|number| free(&miner(number)) - FUNDS).sum();
                assert!(paid <= cap);
                assert_eq!(Balances::total_balance(&owner()) + paid, FUNDS);
                if !Accounts::<Test>::contains_key(id) {
                    assert_eq!(free(&owner()) + paid, FUNDS);
                }
            }
        });
    }
}
