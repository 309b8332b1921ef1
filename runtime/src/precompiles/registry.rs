//! Miners and validators of Brains.

use alloc::vec::Vec;

use based_pallet_registry::Call;
use based_primitives::{
    traits::{PeerCounts, RegistryInspect},
    Endpoint, IpAddress, PeerInfo, ResourceKind, Resources, Role,
};
use pallet_revive::precompiles::{
    alloy::{
        self,
        primitives::{FixedBytes, B256, U256},
        sol_types::SolCall,
    },
    AddressMatcher, Error, Ext, Precompile,
};

use self::IRegistry::IRegistryCalls;
use super::{account, address, at, balance, charge_reads, dispatch, revert, Answer};
use crate::{AccountId, Registry as Pallet, Runtime};

alloy::sol!("../contracts/interfaces/IRegistry.sol");

/// Peers in one answer at most.
const PAGE: u16 = 64;
/// What stands before an address of IP version 4 in one of version 6.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// `IRegistry`.
pub struct Registry;

impl Precompile for Registry {
    type Interface = IRegistryCalls;
    type T = Runtime;

    const HAS_CONTRACT_INFO: bool = false;
    const MATCHER: AddressMatcher = at(0x0803);

    fn call(_: &[u8; 20], input: &Self::Interface, env: &mut impl Ext<T = Runtime>) -> Answer {
        match input {
            IRegistryCalls::memorize(call) => {
                dispatch(env, memorize(call)?)?;
                Ok(Vec::new())
            }
            IRegistryCalls::leave(call) => {
                dispatch(env, Call::<Runtime>::leave { brain: call.brain })?;
                Ok(Vec::new())
            }
            IRegistryCalls::fee(call) => {
                charge_reads(env, 1)?;
                let fee = Pallet::fee_of(call.brain);
                Ok(IRegistry::feeCall::abi_encode_returns(&U256::from(fee)))
            }
            IRegistryCalls::counts(call) => {
                charge_reads(env, 1)?;
                let (miners, validators) = Pallet::counts(call.brain);
                let counts = IRegistry::countsReturn { miners, validators };
                Ok(IRegistry::countsCall::abi_encode_returns(&counts))
            }
            IRegistryCalls::uidOf(call) => {
                charge_reads(env, 2)?;
                let uid = Pallet::uid(call.brain, &account(&call.account));
                let answer = IRegistry::uidOfReturn {
                    found: uid.is_some(),
                    uid: uid.unwrap_or_default(),
                };
                Ok(IRegistry::uidOfCall::abi_encode_returns(&answer))
            }
            IRegistryCalls::peers(call) => {
                let limit = call.limit.min(PAGE);
                // Each with the address of its account, and the page's index.
                charge_reads(env, u64::from(limit).saturating_mul(2).saturating_add(1))?;
                let peers = Pallet::peers_page(call.brain, call.start, limit);
                let peers: Vec<_> = peers.iter().map(peer).collect();
                Ok(IRegistry::peersCall::abi_encode_returns(&peers))
            }
        }
    }
}

fn memorize(call: &IRegistry::memorizeCall) -> Result<Call<Runtime>, Error> {
    let role = match call.role {
        0 => Role::Miner,
        1 => Role::Validator,
        _ => return Err(revert("a role is 0 for a miner or 1 for a validator")),
    };
    let kind = match call.kind {
        0 => ResourceKind::Cpu,
        1 => ResourceKind::Gpu,
        _ => return Err(revert("a kind is 0 for a CPU or 1 for a GPU")),
    };
    Ok(Call::memorize {
        brain: call.brain,
        role,
        endpoint: Endpoint {
            ip: ip(call.ip.0),
            port: call.port,
        },
        computekey: call.computekey.0,
        resources: Resources {
            kind,
            storage_mib: call.storageMib,
        },
        max_fee: balance(&call.maxFee)?,
    })
}

fn ip(bytes: [u8; 16]) -> IpAddress {
    let v4 = bytes.strip_prefix(&MAPPED).and_then(|v4| v4.try_into().ok());
    v4.map_or(IpAddress::V6(bytes), IpAddress::V4)
}

fn peer(info: &PeerInfo<AccountId>) -> IRegistry::Peer {
    let ip = match info.endpoint.ip {
        IpAddress::V6(bytes) => FixedBytes(bytes),
        IpAddress::V4([a, b, c, d]) => FixedBytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]),
    };
    IRegistry::Peer {
        uid: info.uid,
        account: address(&info.account),
        role: match info.role {
            Role::Miner => 0,
            Role::Validator => 1,
        },
        ip,
        port: info.endpoint.port,
        computekey: B256::from(info.computekey),
        registeredAt: info.registered_at,
    }
}
