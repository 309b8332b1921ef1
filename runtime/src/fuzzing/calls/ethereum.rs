//! Links of Ethereum addresses, and Brains handed on by others than their owners.

use based_pallet_ethereum::{consent_hash, Approvals, Call};
use based_primitives::eip712;
use sp_core::{ecdsa, Pair, H160};

use super::{Attempt, Who};
use crate::{
    fuzzing::{
        choices::Choices,
        world::{anyone, brain, owned_brain, World, PEOPLE},
    },
    AccountId, Brains, Ethereum, Runtime, System,
};

/// A wallet's consent to be linked to an account, with the nonce that it needs or another.
fn link(choices: &mut Choices, who: &AccountId) -> Call<Runtime> {
    let wallet = ecdsa::Pair::from_seed(&[1 + choices.below(4) as u8; 32]);
    let address = eip712::signer(&wallet.sign_prehashed(&[1; 32]).0, &[1; 32]).unwrap_or(H160::zero());
    let nonce = Ethereum::nonce(&address) + u32::from(choices.once_in(8));
    let hash = consent_hash(System::block_hash(0), who, nonce);
    let consent = wallet.sign_prehashed(&hash).0;
    Call::link { address, consent }
}

/// A call on the pallet for Ethereum.
pub fn any(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    let who = choices.pick(&PEOPLE).to_account_id();
    Some(match choices.below(8) {
        0..=1 => {
            let call = link(choices, &who);
            (Who::Account(who), call.into())
        }
        2 => (Who::Account(who), Call::unlink {}.into()),
        3..=4 => {
            let (owner, brain) = owned_brain(choices);
            let spender = choices.maybe(anyone);
            (Who::Account(owner), Call::approve { brain, spender }.into())
        }
        5 => {
            let call = Call::set_operator {
                operator: anyone(choices),
                allowed: choices.below(3) > 0,
            };
            (Who::Account(who), call.into())
        }
        _ => {
            let approved: Vec<_> = Approvals::<Runtime>::iter().collect();
            let named = choices.pick_any(&approved);
            let brain = named.as_ref().map_or_else(|| brain(choices), |(brain, _)| *brain);
            let owner = Brains::brain(brain).map_or_else(|| anyone(choices), |record| record.owner);
            let spender = named.map_or_else(|| owner.clone(), |(_, approval)| approval.spender);
            let call = Call::transfer_from {
                brain,
                from: owner,
                to: anyone(choices),
            };
            (Who::Account(spender), call.into())
        }
    })
}
