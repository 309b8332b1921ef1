//! The way of a private prompt and of a reward, and prompts that cannot be asked.

use based_client::{chain::calls, money};
use based_e2e::network::{eventually, key, BRAIN, PATIENCE};
use based_primitives::{
    payments::{SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    Balance,
};

use crate::support::{Fixture, FEW};

const SENTENCE: &str = "my secret sentence about happy keys";

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_exact_private_and_paid_and_its_epoch_rewards_miner_and_validator() -> anyhow::Result<()>
{
    let fixture = Fixture::new(FEW)
        .await?
        .with_miner(&["--redeem-blocks", "1"])
        .await?
        .with_validator()
        .await?;
    let account = fixture.open_account("//User").await?;
    let answer = fixture.ask("//User", SENTENCE).await?;
    assert_eq!(answer["logits"], fixture.oracle("first", SENTENCE)?);
    assert_eq!(answer["bootstraps"], FEW);
    let price = fixture.price().await?;
    assert_eq!(answer["fee_paid"].as_str().map(money::parse), Some(Ok(price)));
    assert_eq!(
        fixture.redemption(account).await?,
        price,
        "the miner redeems exactly the price"
    );

    refuses_vouchers_that_promise_nothing_new(&fixture, account, price).await?;
    canaries_look_like_users(&fixture, account).await?;

    for uri in ["//Miner", "//Validator"] {
        let id = key(uri)?.account();
        // Commitment, reveal, epoch, division of the pot and the next epoch lie in cycles that follow each other.
        eventually("a reward", PATIENCE * 2, || async {
            Ok((fixture.chain.best().await?.claimable(&id).await?.0 > 0).then_some(()))
        })
        .await?;
        assert!(fixture.claim(uri).await? > 0, "{uri} is paid");
    }
    let validator = fixture.validator.as_ref().expect("started");
    assert!(
        validator
            .figure("based_validator_canaries_total{result=\"pass\"}")
            .await?
            >= 1.0
    );
    assert_eq!(
        validator
            .figure("based_validator_canaries_total{result=\"fail\"}")
            .await?,
        0.0
    );

    // Nothing that was asked or answered is in any program's log or database.
    for entry in walk(fixture.network.dir())? {
        let bytes = std::fs::read(&entry).unwrap_or_default();
        let found = bytes
            .windows(SENTENCE.len())
            .any(|window| window == SENTENCE.as_bytes());
        assert!(!found, "{} holds the sentence", entry.display());
    }
    Ok(())
}

/// What the chain shows of a canary's payer is what it shows of a user.
async fn canaries_look_like_users(fixture: &Fixture, user: u64) -> anyhow::Result<()> {
    let canaries = [key("//Canary0")?.account(), key("//Canary1")?.account()];
    let miner = key("//Miner")?.account();
    let canary = eventually("a canary's spending account", PATIENCE, || async {
        let view = fixture.chain.best().await?;
        for account in &canaries {
            for id in view.spending_accounts_of(account).await?.into_keys() {
                if view.reservation(id, &miner).await?.is_some() {
                    return Ok(Some(id));
                }
            }
        }
        Ok(None)
    })
    .await?;
    let view = fixture.chain.best().await?;
    let (mut shapes, mut reserved) = (Vec::new(), Vec::new());
    for id in [user, canary] {
        let account = view.spending_account(id).await?.expect("exists");
        let reservation = view.reservation(id, &miner).await?.expect("exists");
        let own = account.owner.0 == account.spender.0;
        let deposit = account.balance + reservation.reserved;
        shapes.push((own, account.purpose.0, account.cap, deposit));
        reserved.push(reservation.reserved);
    }
    assert_eq!(shapes[0], shapes[1], "owner, purpose, cap and deposit");
    // A canary's account may be one that audits, as a user's may.
    assert!(
        [1, 2].contains(&(reserved[1] / reserved[0])) && reserved[1] % reserved[0] == 0,
        "{reserved:?}"
    );
    Ok(())
}

/// A miner that replays a voucher, or redeems one that is not its own, gets nothing.
async fn refuses_vouchers_that_promise_nothing_new(
    fixture: &Fixture,
    account: u64,
    price: Balance,
) -> anyhow::Result<()> {
    let (user, miner) = (key("//User")?, key("//Miner")?);
    let expiry = fixture.chain.best().await?.number() + 100;
    let voucher = |cumulative, signer: &based_client::chain::Signer, expiry| {
        let voucher = Voucher {
            version: PAYMENT_VERSION,
            genesis: fixture.chain.genesis(),
            account,
            miner: miner.account(),
            brain: BRAIN,
            job: [9; 32],
            cumulative,
            expiry,
        };
        let signature = VoucherSignature::Sr25519(signer.sign(&voucher.signing_bytes()));
        SignedVoucher { voucher, signature }
    };
    let cases = [
        ("replayed", voucher(price, &user, expiry), &miner),
        ("overspent", voucher(price * 1_000_000, &user, expiry), &miner),
        ("expired", voucher(price * 2, &user, 1), &miner),
        ("badly signed", voucher(price * 2, &miner, expiry), &miner),
        ("for another miner", voucher(price * 2, &user, expiry), &user),
    ];
    for (what, voucher, by) in cases {
        let refused = fixture.chain.submit(by, &calls::redeem(vec![voucher])).await;
        assert!(refused.is_err(), "a voucher that is {what} was redeemed");
    }
    assert_eq!(fixture.redeemed(account).await?, price);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_that_cannot_be_served_are_refused_with_what_to_do_and_cost_nothing() -> anyhow::Result<()> {
    let mut fixture = Fixture::new(FEW).await?;
    let account = fixture.open_account("//User").await?;
    let error = fixture.ask("//User", "hello").await.unwrap_err().to_string();
    assert!(error.contains("has no miners"), "{error}");
    let error = fixture
        .network
        .based("//User", &["ask", "--brain", "900", "hello"])
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no Brain 900"), "{error}");

    fixture = fixture.with_miner(&[]).await?;
    let long = "happy ".repeat(17);
    let error = fixture.ask("//User", long.trim()).await.unwrap_err().to_string();
    assert!(
        error.contains("17") && error.contains("16"),
        "it names the length and the limit: {error}"
    );
    let error = fixture.ask("//Ferdie", "hello").await.unwrap_err().to_string();
    assert!(
        error.contains("spend open"),
        "without a spending account: {error}"
    );

    let accounts = fixture.chain.best().await?.spending_account(account).await?;
    let kept = accounts.map(|entry| entry.balance);
    assert_eq!(
        kept,
        Some(money::parse("1").map_err(anyhow::Error::msg)?),
        "nothing was reserved or spent"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audited_answer_is_computed_again_in_part_and_costs_double() -> anyhow::Result<()> {
    let fixture = Fixture::new(FEW).await?.with_miner(&[]).await?;
    fixture.open_account("//User").await?;
    let answer = fixture.ask_with("//User", &["--audit", "8", SENTENCE]).await?;
    assert_eq!(answer["logits"], fixture.oracle("first", SENTENCE)?);
    assert_eq!(answer["audit"]["bootstraps"], 8);
    assert_eq!(answer["audit"]["of"], FEW);
    let price = fixture.price().await?;
    assert_eq!(answer["fee_paid"].as_str().map(money::parse), Some(Ok(2 * price)));
    let plain = fixture.ask("//User", SENTENCE).await?;
    assert!(plain["audit"].is_null());
    assert_eq!(plain["logits"], answer["logits"]);
    assert_eq!(plain["fee_paid"].as_str().map(money::parse), Some(Ok(price)));
    Ok(())
}

fn walk(dir: &std::path::Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => pending.push(entry.path()),
                kind if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(files)
}
