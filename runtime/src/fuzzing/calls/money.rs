//! Calls on spending accounts, and claims.

use based_pallet_compute::{Accounts, Call, Reservations};
use based_primitives::{
    constants::BASED,
    payments::{SignedVoucher, Voucher, VoucherSignature, PAYMENT_VERSION},
    Balance, PriceList, Purpose, Role, SpendingAccountId,
};

use super::{Attempt, Who};
use crate::{
    fuzzing::{
        chain::sign,
        choices::Choices,
        world::{amount, anyone, at_bounds, block, brain, keyring, owned_brain, peer, World, PEOPLE},
    },
    Runtime, System,
};

/// A spending account, now and then one that does not exist.
fn account(choices: &mut Choices) -> SpendingAccountId {
    let all: Vec<_> = Accounts::<Runtime>::iter_keys().collect();
    let ordinary = choices.pick_any(&all).unwrap_or_default();
    let next = based_pallet_compute::NextId::<Runtime>::get();
    if choices.once_in(12) {
        return choices.pick(&[next, SpendingAccountId::MAX]);
    }
    ordinary
}

/// Vouchers that a miner may redeem, one of them wrong now and then.
fn redeem(choices: &mut Choices) -> Option<Attempt> {
    let all: Vec<_> = Reservations::<Runtime>::iter().collect();
    let (_, miner, _) = choices.pick_any(&all)?;
    let of_miner = all.iter().filter(|(_, other, _)| *other == miner);
    let vouchers: Vec<_> = of_miner
        .filter_map(|(id, _, reservation)| {
            let spender = keyring(&Accounts::<Runtime>::get(id)?.spender)?;
            let (least, most) = (reservation.redeemed, reservation.reserved);
            let step = (most - least) / 3;
            let voucher = Voucher {
                version: at_bounds(choices, &[PAYMENT_VERSION, PAYMENT_VERSION, 0], PAYMENT_VERSION),
                genesis: System::block_hash(0),
                account: *id,
                miner: miner.clone(),
                brain: reservation.brain,
                job: choices.array(),
                cumulative: at_bounds(choices, &[0, least, least + 1, most, most + 1], least + step),
                expiry: block(choices, System::block_number()),
            };
            let signature = VoucherSignature::Sr25519(sign(spender, &voucher.signing_bytes()));
            Some(SignedVoucher { voucher, signature })
        })
        .take(8)
        .collect();
    let call = Call::redeem {
        vouchers: vouchers.try_into().ok()?,
    };
    Some((Who::Account(miner), call.into()))
}

/// A call on the compute pallet.
pub fn compute(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    let now = System::block_number();
    Some(match choices.below(12) {
        0 => {
            let (owner, brain) = owned_brain(choices);
            let prices = PriceList {
                prompt: at_bounds(choices, &[0, Balance::MAX], BASED / 1_000),
                completion: at_bounds(choices, &[0, Balance::MAX], BASED / 1_000),
                context: at_bounds(choices, &[0, 1, u32::MAX], 4_096),
            };
            (Who::Account(owner), Call::set_prices { brain, prices }.into())
        }
        1..=2 => {
            let who = choices.pick(&PEOPLE).to_account_id();
            let deposit = amount(choices, &who);
            let call = Call::open {
                spender: anyone(choices),
                purpose: choices.pick(&[Purpose::Prompt, Purpose::Training, Purpose::Task]),
                deposit,
                cap: at_bounds(choices, &[0, 1, deposit, Balance::MAX - 1], Balance::MAX),
                expiry: block(choices, now),
            };
            (Who::Account(who), call.into())
        }
        3 => {
            let id = account(choices);
            let owner = Accounts::<Runtime>::get(id).map(|account| account.owner);
            let owner = owner.unwrap_or_else(|| anyone(choices));
            let amount = amount(choices, &owner);
            (Who::Account(owner), Call::top_up { id, amount }.into())
        }
        4 | 5 => {
            let id = account(choices);
            let account = Accounts::<Runtime>::get(id)?;
            let (brain, miner) = match peer(choices, Some(Role::Miner)) {
                Some((brain, peer)) => (brain, peer.account),
                None => (brain(choices), anyone(choices)),
            };
            let all = account.balance;
            let amount = at_bounds(choices, &[0, 1, all, all + 1, Balance::MAX], all / 3);
            let call = Call::reserve {
                id,
                brain,
                miner,
                amount,
            };
            let who = choices.pick(&[account.owner, account.spender]);
            (Who::Account(who), call.into())
        }
        6..=8 => return redeem(choices),
        9 => {
            let id = account(choices);
            let owner = Accounts::<Runtime>::get(id)?.owner;
            (Who::Account(owner), Call::close { id }.into())
        }
        _ => {
            let closing: Vec<_> = Accounts::<Runtime>::iter()
                .filter(|(_, account)| account.closing.is_some())
                .map(|(id, _)| id)
                .collect();
            let id = choices.pick_any(&closing).unwrap_or_else(|| account(choices));
            (Who::Anyone, Call::finish_close { id }.into())
        }
    })
}

/// A claim, mostly for one who earned something.
pub fn emission(_: &mut World, choices: &mut Choices) -> Option<Attempt> {
    let earned: Vec<_> = based_pallet_emission::Pending::<Runtime>::iter_keys().collect();
    let account = match choices.pick_any(&earned) {
        Some(account) if choices.below(4) > 0 => account,
        _ => anyone(choices),
    };
    Some((Who::Anyone, based_pallet_emission::Call::claim { account }.into()))
}
