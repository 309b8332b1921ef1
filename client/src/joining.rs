//! Joining a Brain as a miner or validator (R022, R026), and keeping one's entry up to date.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use based_primitives::{
    constants::{BASED, EXISTENTIAL_DEPOSIT, PEER_DEPOSIT},
    Balance, BrainId, ComputeKey, Endpoint, IpAddress, Resources, Role, Uid,
};

use crate::{
    chain::{calls, Chain, ChainError, Signer},
    money,
    wallet::format_account,
};

/// How long a program that finds its account not memorized looks again: the block in which it was may have lost to another,
/// which has it a few blocks later.
pub const JUST_MEMORIZED: Duration = Duration::from_secs(30);
/// Kept for the fees of the transactions of joining and of the first ones after.
const FEES: Balance = BASED / 10;

/// What a peer declares.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Brain to join.
    pub brain: BrainId,
    /// What it does there.
    pub role: Role,
    /// Address under which it is found.
    pub endpoint: SocketAddr,
    /// Key that authenticates the endpoint.
    pub computekey: ComputeKey,
    /// Processor and storage.
    pub resources: Resources,
    /// Stake to add, in units; a miner's is directed to the Brain, a validator's to itself.
    pub stake: Balance,
}

/// Why an account did not join.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The endpoint has no port.
    #[error("port 0 is no endpoint; give the port under which this {0} is reached")]
    Port(&'static str),
    /// There is no such Brain.
    #[error("Brain {0} does not exist; see `based brain list`")]
    NoBrain(BrainId),
    /// The account is a peer of the other role.
    #[error("this account is a {has} of Brain {brain}; use another account for the {wants}")]
    OtherRole {
        /// Brain.
        brain: BrainId,
        /// Role that it has.
        has: &'static str,
        /// Role that was asked for.
        wants: &'static str,
    },
    /// The balance does not suffice.
    #[error("account {0} has {1}")]
    Short(String, String),
    /// The entry was removed in the block that made it.
    #[error("the registration is in a block, but the entry is gone again; register once more")]
    Gone,
    /// The chain refused.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What joining did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Brain.
    pub brain: BrainId,
    /// Role there.
    pub role: Role,
    /// Place there.
    pub uid: Uid,
    /// How the place came about.
    pub how: How,
    /// Stake that was added.
    pub staked: Balance,
}

/// How a place came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Newly, for the Brain's fee.
    Memorized(Balance),
    /// It was there, and is now entered at another endpoint or key.
    Moved(SocketAddr),
    /// It was there, as declared.
    Unchanged,
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = name(self.role);
        let (uid, brain) = (self.uid, self.brain);
        match &self.how {
            How::Memorized(fee) => {
                let fee = money::with_symbol(*fee);
                write!(f, "memorized as {role} {uid} of Brain {brain} for {fee}")
            }
            How::Moved(endpoint) => write!(f, "{role} {uid} of Brain {brain} is now entered at {endpoint}"),
            How::Unchanged => write!(f, "already memorized as {role} {uid} of Brain {brain}"),
        }?;
        if self.staked == 0 {
            return Ok(());
        }
        let stake = money::with_symbol(self.staked);
        match self.role {
            Role::Miner => write!(f, "\nstaked {stake} to Brain {brain}"),
            Role::Validator => write!(f, "\nstaked {stake} to this validator"),
        }
    }
}

/// Memorizes the signer as a peer, or brings its entry up to date without any fee (R147); then stakes, if asked.
/// Doing it again changes nothing but adds the stake again.
///
/// # Errors
/// [`JoinError`], which says what to do.
pub async fn join(chain: &Chain, signer: &Signer, candidate: &Candidate) -> Result<Joined, JoinError> {
    let Candidate { brain, role, .. } = *candidate;
    if candidate.endpoint.port() == 0 {
        return Err(JoinError::Port(name(role)));
    }
    let endpoint = endpoint(candidate.endpoint);
    let view = chain.best().await?;
    let info = view.brain(brain).await?.ok_or(JoinError::NoBrain(brain))?;
    let peer = view.peer(brain, &signer.account()).await?;
    let (fee, deposit) = match &peer {
        Some(peer) if peer.role != role => {
            return Err(JoinError::OtherRole {
                brain,
                has: name(peer.role),
                wants: name(role),
            })
        }
        Some(_) => (0, 0),
        None => (info.fee, PEER_DEPOSIT),
    };
    let balance = view.balance(&signer.account()).await?;
    let free = balance.free.saturating_sub(balance.frozen);
    if let Some(words) = shortage(free, fee, deposit, candidate.stake) {
        return Err(JoinError::Short(format_account(&signer.account()), words));
    }
    let (uid, how) = match peer {
        Some(peer) if peer.endpoint == endpoint && peer.computekey == candidate.computekey => {
            (peer.uid, How::Unchanged)
        }
        Some(peer) => {
            let call = calls::update_endpoint(brain, endpoint, candidate.computekey);
            chain.submit(signer, &call).await?;
            (peer.uid, How::Moved(candidate.endpoint))
        }
        None => {
            let Candidate {
                computekey,
                resources,
                ..
            } = *candidate;
            let call = calls::memorize(brain, role, endpoint, computekey, resources, fee);
            let included = chain.submit(signer, &call).await?;
            let view = chain.view(included.block).await?;
            let peer = view.peer(brain, &signer.account()).await?;
            (peer.ok_or(JoinError::Gone)?.uid, How::Memorized(fee))
        }
    };
    if candidate.stake > 0 {
        let validator = (role == Role::Validator).then(|| signer.account());
        let call = calls::stake(brain, validator, candidate.stake);
        chain.submit(signer, &call).await?;
    }
    Ok(Joined {
        brain,
        role,
        uid,
        how,
        staked: candidate.stake,
    })
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Miner => "miner",
        Role::Validator => "validator",
    }
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
        assert_eq!(
            endpoint("[::ffff:203.0.113.9]:4000".parse().unwrap()),
            v4,
            "a mapped address is its IPv4 one"
        );
        let v6 = endpoint("[2001:db8::1]:5".parse().unwrap());
        assert!(matches!(v6.ip, IpAddress::V6([0x20, 0x01, 0x0d, 0xb8, ..])));
    }

    #[test]
    fn what_joining_did_is_told() {
        let joined = Joined {
            brain: 7,
            role: Role::Validator,
            uid: 3,
            how: How::Memorized(100 * BASED),
            staked: 5 * BASED,
        };
        assert_eq!(
            joined.to_string(),
            "memorized as validator 3 of Brain 7 for 100 BASED\nstaked 5 BASED to this validator"
        );
        let again = Joined {
            role: Role::Miner,
            how: How::Unchanged,
            staked: 0,
            ..joined
        };
        assert_eq!(again.to_string(), "already memorized as miner 3 of Brain 7");
    }
}
