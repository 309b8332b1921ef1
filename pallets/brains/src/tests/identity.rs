use based_primitives::{BrainId, BrainKind, Domain};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use sp_runtime::{DispatchError::BadOrigin, DispatchResult};

use crate::{mock::*, AuditStatus, BnsNames, Error, Event, Profiles};

fn domain(name: &[u8]) -> Domain {
    name.to_vec().try_into().unwrap()
}

fn set(who: u64, brain: BrainId, bns: &str, ens: &str) -> DispatchResult {
    let name = |text: &str| (!text.is_empty()).then(|| domain(text.as_bytes()));
    Brains::set_domains(RuntimeOrigin::signed(who), brain, name(bns), name(ens))
}

#[test]
fn a_bns_name_belongs_to_one_brain() {
    build_and_execute(|| {
        assert_ok!(set(ALICE, BURNED, "emotions", ""));
        assert_eq!(BnsNames::<Test>::get(domain(b"emotions")), Some(BURNED));
        assert_noop!(set(BOB, STAKED, "emotions", ""), Error::<Test>::DomainTaken);
        assert_ok!(set(ALICE, BURNED, "emotions", "a.eth"));
        assert_ok!(set(ALICE, BURNED, "feelings", "a.eth"));
        assert_ok!(set(BOB, STAKED, "emotions", "a.eth"));
        assert_ok!(set(BOB, STAKED, "", ""));
        assert_eq!(BnsNames::<Test>::get(domain(b"emotions")), None);
        assert!(
            !Profiles::<Test>::contains_key(STAKED),
            "an empty profile is not kept"
        );
    });
}

#[test]
fn domain_names_cannot_be_mistaken_for_another() {
    build_and_execute(|| {
        for bns in [
            "ab",
            "-ab",
            "ab-",
            "Abc",
            "a.b",
            "a b",
            "abc\u{430}",
            "abc_d",
            "---",
        ] {
            assert_noop!(set(ALICE, BURNED, bns, ""), Error::<Test>::InvalidDomain);
        }
        for ens in [
            "eth",
            ".eth",
            "a.",
            "a..eth",
            "A.eth",
            "-a.eth",
            "a-.eth",
            "\u{430}.eth",
            ".",
        ] {
            assert_noop!(set(ALICE, BURNED, "", ens), Error::<Test>::InvalidDomain);
        }
        assert_noop!(
            Brains::set_domains(
                RuntimeOrigin::signed(ALICE),
                BURNED,
                Some(Domain::default()),
                None
            ),
            Error::<Test>::InvalidDomain
        );
        let longest = "a".repeat(63);
        assert_ok!(set(ALICE, BURNED, &longest, "pay.brain-7.eth"));
        assert_ok!(set(ALICE, BURNED, "a-7", "7.eth"));
        assert_noop!(set(BOB, BURNED, "bobs", ""), Error::<Test>::NotOwner);
        assert_noop!(set(BOB, 500, "bobs", ""), Error::<Test>::UnknownBrain);
    });
}

#[test]
fn an_ens_name_is_proved_by_the_bridge_for_this_owner_and_this_name() {
    build_and_execute(|| {
        let prove =
            |owner, ens: &[u8]| Brains::prove_ens(RuntimeOrigin::signed(BRIDGE), BURNED, owner, domain(ens));
        let proved = || Profiles::<Test>::get(BURNED).ens_proved;
        assert_ok!(set(ALICE, BURNED, "", "alice.eth"));
        assert_noop!(prove(ALICE, b"alice.eth"), BadOrigin);
        assert_ok!(Brains::set_bridge(RawOrigin::Root.into(), Some(BRIDGE)));
        assert_noop!(prove(BOB, b"alice.eth"), Error::<Test>::NotOwner);
        assert_noop!(prove(ALICE, b"bob.eth"), Error::<Test>::UnknownEns);
        assert!(!proved());
        assert_ok!(prove(ALICE, b"alice.eth"));
        assert!(proved());
        assert_ok!(set(ALICE, BURNED, "emotions", "alice.eth"));
        assert!(proved(), "the name is the same");
        assert_ok!(set(ALICE, BURNED, "emotions", "other.eth"));
        assert!(!proved());
        assert_ok!(prove(ALICE, b"other.eth"));
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, BOB));
        assert!(!proved(), "the new owner has not shown it");
        assert_eq!(BnsNames::<Test>::get(domain(b"emotions")), Some(BURNED));
    });
}

#[test]
fn a_template_is_named_and_forgotten() {
    build_and_execute(|| {
        let set = |who, template| Brains::set_template(RuntimeOrigin::signed(who), BURNED, template);
        assert_ok!(set(ALICE, Some(0)));
        System::assert_last_event(
            Event::TemplateSet {
                brain: BURNED,
                template: Some(0),
            }
            .into(),
        );
        assert_eq!(Profiles::<Test>::get(BURNED).template, Some(0));
        assert_noop!(set(BOB, None), Error::<Test>::NotOwner);
        assert_ok!(set(ALICE, None));
        assert!(!Profiles::<Test>::contains_key(BURNED));
    });
}

#[test]
fn an_audit_belongs_to_a_task_not_to_a_brain() {
    build_and_execute(|| {
        let hash = |seed| Brains::task_hash(&task(seed));
        let record = |seed, status| Brains::record_audit(RawOrigin::Root.into(), BURNED, hash(seed), status);
        let announce = |seed| {
            assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(seed)));
        };
        let wait = || System::set_block_number(System::block_number() + u64::from(NOTICE));

        assert_noop!(record(1, AuditStatus::Passed), Error::<Test>::UnknownTask);
        announce(1);
        assert_ok!(record(1, AuditStatus::Passed));
        assert_eq!(
            Brains::audit(BURNED),
            AuditStatus::Unaudited,
            "the task is not in force"
        );
        wait();
        assert_eq!(Brains::audit(BURNED), AuditStatus::Passed);

        announce(2);
        assert_ok!(record(2, AuditStatus::Rejected));
        assert_eq!(Brains::audit(BURNED), AuditStatus::Passed);
        assert_eq!(Brains::audit_of(BURNED, &hash(2)), AuditStatus::Rejected);
        wait();
        assert_eq!(Brains::audit(BURNED), AuditStatus::Rejected);
        announce(3);
        assert_ok!(record(3, AuditStatus::Passed));
        assert_eq!(
            Brains::audit_of(BURNED, &hash(1)),
            AuditStatus::Unaudited,
            "forgotten"
        );
        assert_ok!(record(2, AuditStatus::Unaudited));
        assert_eq!(Brains::audit(BURNED), AuditStatus::Unaudited);
        assert_eq!(Brains::audit_of(BURNED, &hash(3)), AuditStatus::Passed);
    });
}

#[test]
fn only_governance_records_audits() {
    build_and_execute(|| {
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(1)));
        let hash = Brains::task_hash(&task(1));
        assert_noop!(
            Brains::record_audit(RuntimeOrigin::signed(ALICE), BURNED, hash, AuditStatus::Passed),
            BadOrigin
        );
        assert_noop!(
            Brains::record_audit(RawOrigin::Root.into(), 500, hash, AuditStatus::Passed),
            Error::<Test>::UnknownBrain
        );
    });
}

#[test]
fn changes_of_a_brain_do_not_move_the_price() {
    build_and_execute(|| {
        let price = Brains::price(BrainKind::Burned);
        assert_ok!(set(ALICE, BURNED, "emotions", ""));
        assert_ok!(Brains::transfer(RuntimeOrigin::signed(ALICE), BURNED, BOB));
        assert_eq!(Brains::price(BrainKind::Burned), price);
    });
}
