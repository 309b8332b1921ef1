//! Calls, built from what the chain holds or decoded from bytes.

mod brains;
mod ethereum;
mod money;
mod peers;
mod sdk;
mod votes;

use codec::DecodeLimit;
use sp_keyring::Sr25519Keyring::{self, Alice};

use super::{
    choices::Choices,
    filter::{is_bounded, MAX_DEPTH},
    world::{keyring, World, PEOPLE},
};
use crate::{AccountId, RuntimeCall};

/// Who may make a call.
enum Who {
    /// Root, through the administrator's key.
    Root,
    /// An account.
    Account(AccountId),
    /// Anybody.
    Anyone,
}

/// A call and who makes it.
type Attempt = (Who, RuntimeCall);

/// What is tried next.
pub struct Trial {
    /// Who signs.
    pub signer: Sr25519Keyring,
    /// Whether the call runs as root: the signer is the administrator then.
    pub as_root: bool,
    /// The call.
    pub call: RuntimeCall,
}

/// Makes the calls of a pallet, or none for want of what they are about.
type Maker = fn(&mut World, &mut Choices) -> Option<Attempt>;

/// Makers, each as often as its calls are many and hard to get right.
const MAKERS: [Maker; 22] = [
    brains::any,
    brains::any,
    brains::any,
    brains::any,
    peers::registry,
    peers::registry,
    peers::staking,
    peers::staking,
    peers::staking,
    peers::consensus,
    peers::consensus,
    peers::consensus,
    peers::authorities,
    money::compute,
    money::compute,
    money::emission,
    ethereum::any,
    ethereum::any,
    votes::forecasts,
    votes::forecasts,
    votes::governance,
    sdk::any,
];

/// The next call. One in sixteen is made by somebody who may not make it, as many are bytes.
pub fn next(world: &mut World, choices: &mut Choices) -> Trial {
    let made = if choices.once_in(16) {
        decoded(choices).map(|call| (Who::Anyone, call))
    } else {
        choices.pick(&MAKERS)(world, choices)
    };
    let nothing = || (Who::Anyone, frame_system::Call::remark { remark: vec![] }.into());
    let (who, call) = made.filter(|(_, call)| is_bounded(call)).unwrap_or_else(nothing);
    let stranger = choices.once_in(16);
    let someone = choices.pick(&PEOPLE);
    let (signer, as_root) = match who {
        Who::Root if !stranger => (Alice, true),
        Who::Account(account) if !stranger => (keyring(&account).unwrap_or(someone), false),
        // Accounts without money cannot make any call.
        Who::Anyone if !stranger => (PEOPLE[PEOPLE.len() - 3], false),
        _ => (someone, false),
    };
    Trial {
        signer,
        as_root,
        call,
    }
}

/// A call of a real pallet, with bytes as its arguments.
fn decoded(choices: &mut Choices) -> Option<RuntimeCall> {
    let bytes: [u8; 96] = choices.array();
    RuntimeCall::decode_with_depth_limit(MAX_DEPTH, &mut &bytes[..]).ok()
}
