//! Joins a Brain as a miner (R022).

use std::net::{IpAddr, SocketAddr};

use anyhow::{bail, Context};
use based_client::{
    chain::{calls, Chain, Signer, View},
    files, money,
    tls::ComputeKeyPair,
    wallet::format_account,
};
use based_primitives::{
    constants::{BASED, EXISTENTIAL_DEPOSIT, PEER_DEPOSIT},
    Balance, Endpoint, IpAddress, Resources, Role,
};

use crate::{
    args::{Common, Register},
    COMPUTEKEY_FILE,
};

/// Kept for the fees of the transactions of joining and of the first redemptions.
const FEES: Balance = BASED / 10;

/// Memorizes the account as a miner, or brings its entry up to date without any fee (R147); then stakes, if
/// asked. Doing it again changes nothing but adds the stake again.
///
/// # Errors
/// If the chain refuses or the balance is short; the message says what to do.
pub async fn register(common: &Common, args: &Register) -> anyhow::Result<()> {
    if args.endpoint.port() == 0 {
        bail!("port 0 is no endpoint; give the port under which clients reach this miner");
    }
    let signer = common.key.signer()?;
    files::create_private_dir(&common.data_dir)
        .with_context(|| format!("cannot make {}", common.data_dir.display()))?;
    let computekey = ComputeKeyPair::load_or_create(&common.data_dir.join(COMPUTEKEY_FILE))?.public();
    let endpoint = endpoint(args.endpoint);
    let chain = Chain::connect(&common.node).await?;
    let view = chain.best().await?;
    let Some(brain) = view.brain(common.brain).await? else {
        bail!("Brain {} does not exist; see `based brain list`", common.brain);
    };
    match view.peer(common.brain, &signer.account()).await? {
        Some(peer) if peer.role == Role::Validator => {
            bail!(
                "this account is a validator of Brain {}; use another account for the miner",
                common.brain
            )
        }
        Some(peer) if peer.endpoint == endpoint && peer.computekey == computekey => {
            check_balance(&view, &signer, 0, 0, args.stake).await?;
            println!(
                "already memorized as miner {} of Brain {}",
                peer.uid, common.brain
            );
        }
        Some(peer) => {
            check_balance(&view, &signer, 0, 0, args.stake).await?;
            chain
                .submit(
                    &signer,
                    &calls::update_endpoint(common.brain, endpoint, computekey),
                )
                .await?;
            println!(
                "miner {} of Brain {} is now entered at {}",
                peer.uid, common.brain, args.endpoint
            );
        }
        None => {
            check_balance(&view, &signer, brain.fee, PEER_DEPOSIT, args.stake).await?;
            let resources = Resources {
                kind: args.processor.into(),
                storage_mib: args.storage_mib,
            };
            let call = calls::memorize(
                common.brain,
                Role::Miner,
                endpoint,
                computekey,
                resources,
                brain.fee,
            );
            let included = chain.submit(&signer, &call).await?;
            let entry = chain
                .view(included.block)
                .await?
                .peer(common.brain, &signer.account())
                .await?;
            let peer = entry.context("the registration is in a block, but the entry is gone again")?;
            println!(
                "memorized as miner {} of Brain {} for {}",
                peer.uid,
                common.brain,
                money::with_symbol(brain.fee)
            );
        }
    }
    if let Some(stake) = args.stake {
        chain
            .submit(&signer, &calls::stake(common.brain, None, stake))
            .await?;
        println!("staked {} to Brain {}", money::with_symbol(stake), common.brain);
    }
    println!(
        "start it with: based-miner run --brain {} --data-dir {} --listen 0.0.0.0:{}",
        common.brain,
        common.data_dir.display(),
        args.endpoint.port()
    );
    Ok(())
}

async fn check_balance(
    view: &View,
    signer: &Signer,
    fee: Balance,
    deposit: Balance,
    stake: Option<Balance>,
) -> anyhow::Result<()> {
    let balance = view.balance(&signer.account()).await?;
    let free = balance.free.saturating_sub(balance.frozen);
    if let Some(message) = shortage(free, fee, deposit, stake.unwrap_or_default()) {
        bail!("account {} has {message}", format_account(&signer.account()));
    }
    Ok(())
}

/// What is missing and what to do about it, if the balance does not suffice.
fn shortage(free: Balance, fee: Balance, deposit: Balance, stake: Balance) -> Option<String> {
    let needed = fee
        .saturating_add(deposit)
        .saturating_add(stake)
        .saturating_add(FEES)
        .saturating_add(EXISTENTIAL_DEPOSIT);
    let missing = needed.checked_sub(free).filter(|missing| *missing > 0)?;
    let way = if stake > 0 { "stake less, " } else { "" };
    Some(format!(
        "{} and joining takes {}: the Brain's fee of {}, a deposit of {}, a stake of {}, and {} for transactions. Send {} \
         more to it, {way}or choose a Brain with a lower fee (`based brain list`)",
        money::with_symbol(free),
        money::with_symbol(needed),
        money::with_symbol(fee),
        money::with_symbol(deposit),
        money::with_symbol(stake),
        money::with_symbol(FEES.saturating_add(EXISTENTIAL_DEPOSIT)),
        money::with_symbol(missing),
    ))
}

fn endpoint(address: SocketAddr) -> Endpoint {
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) => IpAddress::V4(ip.octets()),
        IpAddr::V6(ip) => IpAddress::V6(ip.octets()),
    };
    Endpoint {
        ip,
        port: address.port(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_balance_is_told_with_what_is_missing() {
        let message = shortage(40 * BASED, 100 * BASED, BASED / 2, 5 * BASED).unwrap();
        for part in [
            "40 BASED",
            "fee of 100 BASED",
            "deposit of 0.5 BASED",
            "stake of 5 BASED",
            "Send 65.600001 BASED more",
            "stake less",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!shortage(BASED, 100 * BASED, BASED, 0)
            .unwrap()
            .contains("stake less"));
    }

    #[test]
    fn a_balance_that_suffices_exactly_is_enough() {
        let needed = 100 * BASED + PEER_DEPOSIT + FEES + EXISTENTIAL_DEPOSIT;
        assert_eq!(shortage(needed, 100 * BASED, PEER_DEPOSIT, 0), None);
        assert!(shortage(needed - 1, 100 * BASED, PEER_DEPOSIT, 0).is_some());
    }

    #[test]
    fn endpoints_keep_family_and_port() {
        let v4 = endpoint("203.0.113.9:4000".parse().unwrap());
        assert_eq!(
            v4,
            Endpoint {
                ip: IpAddress::V4([203, 0, 113, 9]),
                port: 4000
            }
        );
        assert_eq!(endpoint("[::ffff:203.0.113.9]:4000".parse().unwrap()), v4);
    }
}
