//! Joins a Brain as a validator.

use std::net::{IpAddr, SocketAddr};

use anyhow::{bail, Context};
use based_client::{
    chain::{calls, Chain},
    files, money,
    tls::ComputeKeyPair,
};
use based_primitives::{Endpoint, IpAddress, ResourceKind, Resources, Role};

use crate::args::{Common, Register};

/// Name of the file with the key that authenticates this validator's endpoint.
const COMPUTEKEY_FILE: &str = "computekey.pem";

/// Memorizes the account as a validator, or brings its entry up to date; then stakes, if asked. Doing it again
/// changes nothing but adds the stake again.
///
/// # Errors
/// If the chain refuses; the message says why.
pub async fn register(common: &Common, args: &Register) -> anyhow::Result<()> {
    if args.endpoint.port() == 0 {
        bail!("port 0 is no endpoint; give the port under which this validator is to be found");
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
        Some(peer) if peer.role == Role::Miner => {
            bail!(
                "this account is a miner of Brain {}; use another account for the validator",
                common.brain
            )
        }
        Some(peer) if peer.endpoint == endpoint && peer.computekey == computekey => {
            println!(
                "already memorized as validator {} of Brain {}",
                peer.uid, common.brain
            );
        }
        Some(peer) => {
            chain
                .submit(
                    &signer,
                    &calls::update_endpoint(common.brain, endpoint, computekey),
                )
                .await?;
            println!(
                "validator {} of Brain {} is now entered at {}",
                peer.uid, common.brain, args.endpoint
            );
        }
        None => {
            let resources = Resources {
                kind: ResourceKind::Cpu,
                storage_mib: args.storage_mib,
            };
            let call = calls::memorize(
                common.brain,
                Role::Validator,
                endpoint,
                computekey,
                resources,
                brain.fee,
            );
            let included = chain.submit(&signer, &call).await?;
            let peer = chain
                .view(included.block)
                .await?
                .peer(common.brain, &signer.account())
                .await?;
            let peer = peer.context("the registration is in a block, but the entry is gone again")?;
            println!(
                "memorized as validator {} of Brain {} for {} BASED",
                peer.uid,
                common.brain,
                money::format(brain.fee)
            );
        }
    }
    if let Some(stake) = args.stake {
        chain
            .submit(
                &signer,
                &calls::stake(common.brain, Some(signer.account()), stake),
            )
            .await?;
        println!("staked {} BASED to this validator", money::format(stake));
    }
    Ok(())
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
    fn endpoints_keep_family_and_port() {
        let v4 = endpoint("203.0.113.9:4000".parse().unwrap());
        assert_eq!(
            v4,
            Endpoint {
                ip: IpAddress::V4([203, 0, 113, 9]),
                port: 4000
            }
        );
        assert_eq!(
            endpoint("[::ffff:203.0.113.9]:4000".parse().unwrap()),
            v4,
            "a mapped address is its IPv4 one"
        );
        let v6 = endpoint("[2001:db8::1]:5".parse().unwrap());
        assert!(matches!(v6.ip, IpAddress::V6([0x20, 0x01, 0x0d, 0xb8, ..])));
    }
}
