use based_primitives::{constants::MAX_URL_LEN, traits::BrainInspect, Task};
use frame_support::{assert_noop, assert_ok};
use sp_core::H256;

use crate::{mock::*, Error, Event};

fn in_force() -> Option<Task> {
    <Brains as BrainInspect<u64>>::task(BURNED)
}

#[test]
fn a_task_holds_after_the_notice_period() {
    build_and_execute(|| {
        System::set_block_number(5);
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(1)));
        let at = 5 + NOTICE;
        System::assert_last_event(
            Event::TaskChanged {
                brain: BURNED,
                manifest: task(1).manifest,
                effective_at: at,
            }
            .into(),
        );
        assert_eq!(Brains::announced_task(BURNED), Some((task(1), at)));
        System::set_block_number(u64::from(at) - 1);
        assert_eq!(in_force(), None);
        System::set_block_number(at.into());
        assert_eq!(in_force(), Some(task(1)));
        assert_eq!(Brains::announced_task(BURNED), None);
    });
}

#[test]
fn a_new_announcement_replaces_a_waiting_one_but_not_one_that_holds() {
    build_and_execute(|| {
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(1)));
        System::set_block_number(3);
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(2)));
        System::set_block_number(u64::from(1 + NOTICE));
        assert_eq!(in_force(), None, "the first announcement was withdrawn");
        System::set_block_number(u64::from(3 + NOTICE));
        assert_eq!(in_force(), Some(task(2)));
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(3)));
        assert_eq!(
            in_force(),
            Some(task(2)),
            "peers keep the old task during the notice"
        );
        System::set_block_number(u64::from(3 + 2 * NOTICE));
        assert_eq!(in_force(), Some(task(3)));
    });
}

#[test]
fn other_settings_do_not_disturb_an_announced_task() {
    build_and_execute(|| {
        assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task(1)));
        assert_ok!(Brains::set_terms(RuntimeOrigin::signed(ALICE), BURNED, 1, 2));
        assert_eq!(Brains::announced_task(BURNED), Some((task(1), 1 + NOTICE)));
    });
}

#[test]
fn only_the_owner_chooses_the_task() {
    build_and_execute(|| {
        assert_noop!(
            Brains::set_task(RuntimeOrigin::signed(BOB), BURNED, task(1)),
            Error::<Test>::NotOwner
        );
        assert_noop!(
            Brains::set_task(RuntimeOrigin::signed(BOB), 999, task(1)),
            Error::<Test>::UnknownBrain
        );
    });
}

#[test]
fn a_task_that_cannot_be_audited_is_refused() {
    build_and_execute(|| {
        let set = |task| Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, task);
        for url in [
            &b""[..],
            b"https://",
            b"https:///path",
            b"https://?query",
            b"http://example.org/task",
            b"git@example.org:task",
            b"HTTPS://example.org",
            b"https://example.org/a b",
            b"https://example.org/\n",
            b"https://example.org/\xff",
        ] {
            let repository = url.to_vec().try_into().unwrap();
            assert_noop!(
                set(Task {
                    repository,
                    ..task(1)
                }),
                Error::<Test>::InvalidRepository
            );
        }
        assert_noop!(
            set(Task {
                commit: [0; 20],
                ..task(1)
            }),
            Error::<Test>::MissingCommit
        );
        assert_noop!(
            set(Task {
                manifest: H256::zero(),
                ..task(1)
            }),
            Error::<Test>::MissingManifest
        );
        let mut url = b"https://e/".to_vec();
        url.resize(MAX_URL_LEN as usize, b'x');
        assert_ok!(set(Task {
            repository: url.try_into().unwrap(),
            ..task(1)
        }));
    });
}

#[test]
fn a_task_is_encrypted_unless_its_owner_says_otherwise() {
    build_and_execute(|| {
        let Task {
            manifest,
            repository,
            commit,
            ..
        } = task(1);
        let default = Task::new(manifest, repository, commit);
        assert!(default.zk);
        let clear = Task {
            zk: false,
            ..default.clone()
        };
        for (announced, zk) in [(default, true), (clear, false)] {
            assert_ok!(Brains::set_task(RuntimeOrigin::signed(ALICE), BURNED, announced));
            System::set_block_number(System::block_number() + u64::from(NOTICE));
            let held = <Brains as BrainInspect<u64>>::task(BURNED).unwrap();
            assert_eq!(held.zk, zk);
        }
    });
}
