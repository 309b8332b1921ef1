//! Arguments of owners, as typed and as sent.

use based_primitives::constants::{PEPECOIN, PPB};
use clap::Parser;
use sp_core::H256;

use super::{
    args::{bytes, domain, share},
    session::{announced, chosen},
    *,
};
use crate::{brains::Brain, Cli, Command};

fn parsed(line: &str) -> Owner {
    match Cli::try_parse_from(line.split(' ')).map(|cli| cli.command) {
        Ok(Command::Brain(Brain::Own(owner))) => owner,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_is_announced_as_encrypted_unless_said_otherwise() {
    let line = format!(
        "based brain set-task 7 --manifest {} --repository https://example.org/x --commit {}",
        "a1".repeat(32),
        "b2".repeat(20)
    );
    for (more, zk) in [("", true), (" --no-encryption", false)] {
        let Owner::SetTask {
            manifest,
            repository,
            commit,
            no_encryption,
            ..
        } = parsed(&format!("{line}{more}"))
        else {
            panic!("another command");
        };
        let task = announced(manifest, repository, commit, no_encryption);
        assert_eq!(
            (task.zk, task.manifest, task.commit),
            (zk, H256([0xA1; 32]), [0xB2; 20])
        );
    }
}

#[test]
fn a_brain_is_bought_at_the_price_of_the_moment_unless_a_limit_is_given() {
    let Owner::Buy {
        method,
        number,
        max_price,
    } = parsed("based brain buy burn")
    else {
        panic!("another command");
    };
    assert!(matches!(method, Method::Burn) && number.is_none() && max_price.is_none());
    let line = "based brain buy stake --number 9 --max-price 100_000";
    let Owner::Buy {
        method,
        number,
        max_price,
    } = parsed(line)
    else {
        panic!("another command");
    };
    assert!(matches!(method, Method::Stake));
    assert_eq!((number, max_price), (Some(9), Some(100_000 * PEPECOIN)));
    assert!(Cli::try_parse_from(["based", "brain", "buy", "steal"]).is_err());
    assert!(Cli::try_parse_from(["based", "brain", "set-domains", "7", "--bns", "abc", "--no-bns"]).is_err());
}

#[test]
fn percentages_are_read_exactly() {
    for (text, ppb) in [
        ("0", 0),
        ("50", 500_000_000),
        ("12.5", 125_000_000),
        ("0.0000001", 1),
        ("100", PPB),
    ] {
        assert_eq!(share(text), Ok(ppb), "{text}");
    }
    for text in [
        "",
        "-1",
        "100.0000001",
        "0.00000001",
        "50%",
        "340282366920938463463",
    ] {
        assert!(share(text).is_err(), "{text}");
    }
}

#[test]
fn hashes_have_their_length() {
    assert_eq!(bytes::<2>("0xa1b2"), Ok([0xA1, 0xB2]));
    assert_eq!(bytes::<2>("A1b2"), Ok([0xA1, 0xB2]));
    for text in ["", "a1", "a1b", "a1b2c3", "zzzz"] {
        assert!(bytes::<2>(text).is_err(), "{text}");
    }
}

#[test]
fn a_domain_that_is_not_mentioned_stays() {
    let name = |text: &str| domain(text).unwrap();
    let old = || Some(b"old".to_vec());
    assert_eq!(chosen((None, false), old()), Some(name("old")));
    assert_eq!(chosen((Some(name("new")), false), old()), Some(name("new")));
    assert_eq!(chosen((None, true), old()), None);
    assert_eq!(chosen((None, false), None), None);
    assert!(domain(&"a".repeat(64)).is_err());
}

#[test]
fn errors_about_pepecoin_say_so() {
    let error = pepecoin("x").unwrap_err();
    assert!(error.contains("Pepecoin") && !error.contains("BASED"), "{error}");
    assert_eq!(in_pepecoin(pepecoin("1200.5").unwrap()), "1200.5 Pepecoin");
}
