//! Calls of BasedAI's pallets, ready for [`Chain::submit`](super::Chain::submit).
//!
//! Arguments are the shared types of `based_primitives`; pallets and calls are found by name in the metadata
//! of the connected node.

use based_primitives::{
    constants::PEPECOIN_ASSET, forecasts::Forecast, payments::SignedVoucher, Balance, BlockNumber, BrainId,
    BrainKind, BrainName, ComputeKey, Domain, Endpoint, PriceList, Purpose, Resources, Role, Salt,
    SpendingAccountId, Task, TemplateId, Uid,
};
use sp_core::H256;
use subxt::{
    ext::scale_encode::EncodeAsType,
    tx::{Payload, StaticPayload},
    utils::Static,
};

use super::{AccountId, ProposedCall, Proposer, SessionKeys, Track};

/// How an argument is encoded: numbers by the metadata, which may ask for a compact form; records as they are.
trait Argument {
    type Encoded: EncodeAsType + Send + Sync + 'static;
    fn encoded(self) -> Self::Encoded;
}

macro_rules! arguments {
    (plain $($plain:ty),*; records $($record:ty),* $(,)?) => {
        $(impl Argument for $plain {
            type Encoded = Self;
            fn encoded(self) -> Self { self }
        })*
        $(impl Argument for $record {
            type Encoded = Static<Self>;
            fn encoded(self) -> Static<Self> { Static(self) }
        })*
    };
}

arguments! {
    plain bool, BrainId, Option<BrainId>, BlockNumber, SpendingAccountId, Balance, Vec<u8>, Proposer, Track, ProposedCall, Vec<(Uid, u16)>, Vec<(BrainId, Uid, u16)>;
    records AccountId, H256, Option<AccountId>, BrainKind, BrainName, Option<Domain>, Role, Endpoint, ComputeKey, Resources, PriceList, Purpose, Task, Vec<SignedVoucher>, Forecast, SessionKeys,
}

macro_rules! calls {
    ($($(#[$meta:meta])* $pallet:ident . $name:ident as $function:ident ( $($argument:ident : $type:ty),* $(,)? );)*) => {
        $(
            $(#[$meta])*
            pub fn $function($($argument: $type),*) -> impl Payload + Send + Sync {
                let pallet = stringify!($pallet);
                StaticPayload::new(pallet, stringify!($name), ($(Argument::encoded($argument),)*))
            }
        )*
    };
}

calls! {
    /// Registers the signer as a peer of a Brain, for the Brain's fee (R146) unless that is above `max_fee`.
    Registry.memorize as memorize(brain: BrainId, role: Role, endpoint: Endpoint, computekey: ComputeKey, resources: Resources, max_fee: Balance);
    /// Changes where the signer listens and the key that proves it.
    Registry.update_endpoint as update_endpoint(brain: BrainId, endpoint: Endpoint, computekey: ComputeKey);
    /// Gives up the signer's place in a Brain.
    Registry.leave as leave(brain: BrainId);

    /// Sets the registration fee of a Brain for those who come later, by its owner (R146).
    Registry.set_fee as set_fee(brain: BrainId, fee: Balance);
    /// Lets newcomers take the places of those who earn least in a full Brain, by its owner (B.32).
    Registry.set_pruning as set_pruning(brain: BrainId, enabled: bool);

    /// Issues a Brain to the signer for Pepecoin that is burnt or staked, but for no more than `max_price` (R033).
    Brains.acquire as acquire_brain(brain: Option<BrainId>, kind: BrainKind, max_price: Balance);
    /// Closes a staked Brain after its term; the stake returns (R047).
    Brains.deactivate as deactivate_brain(brain: BrainId);
    /// Gives a burned Brain to another owner (R040).
    Brains.transfer as transfer_brain(brain: BrainId, to: AccountId);
    /// Announces the task of a Brain, by its owner; it takes effect after the notice (R062).
    Brains.set_task as set_task(brain: BrainId, task: Task);
    /// Names a Brain; an empty name removes it (R064).
    Brains.set_name as set_brain_name(brain: BrainId, name: BrainName);
    /// Sets both domain names of a Brain (R064).
    Brains.set_domains as set_domains(brain: BrainId, bns: Option<Domain>, ens: Option<Domain>);
    /// Says which template the task was made from (R069).
    Brains.set_template as set_template(brain: BrainId, template: Option<TemplateId>);
    /// Sets who receives the owner's income; none means the owner (R065).
    Brains.set_reward_account as set_reward_account(brain: BrainId, account: Option<AccountId>);
    /// Announces the miners' share of the node pool and the owner's commission, in ppb (R063, B.10).
    Brains.set_terms as set_terms(brain: BrainId, miner_share: u64, owner_commission: u64);
    /// Announces parts of the owner's income for miners and validators, in ppb (R097).
    Brains.set_redistribution as set_redistribution(brain: BrainId, to_miners: u64, to_validators: u64);
    /// Restricts a Brain to the accounts on its list, or opens it to everyone (R184).
    Brains.set_admission as set_admission(brain: BrainId, restricted: bool);
    /// Puts an account on a Brain's list or takes it from there (R184).
    Brains.set_allowed as set_allowed(brain: BrainId, account: AccountId, allowed: bool);

    /// Stakes to a Brain, or to one of its validators.
    Staking.stake as stake(brain: BrainId, validator: Option<AccountId>, amount: Balance);
    /// Ends a stake; the amount can be withdrawn from the next cycle on.
    Staking.unstake as unstake(brain: BrainId, validator: Option<AccountId>, amount: Balance);
    /// Withdraws what was unstaked.
    Staking.withdraw as withdraw_stake();
    /// Claims a staker's rewards.
    Staking.claim as claim_stake_reward(brain: BrainId, validator: Option<AccountId>);

    /// Withdraws what was unstaked from a producer of blocks in one cycle.
    Staking.withdraw_leaving as withdraw_leaving(validator: AccountId, cycle: BlockNumber);

    /// Sets the share that the signer, a validator of the Brain, keeps of what its stakers earn, in ppb; a raise is
    /// announced a month ahead.
    Staking.set_take as set_take(brain: BrainId, take: u64);
    /// Makes a staker pay at once for a slash of the validator it staked to.
    Staking.settle_slash as settle_slash(staker: AccountId, brain: BrainId, validator: AccountId);

    /// Registers session keys, with the proof for the signer that its node holds them.
    Session.set_keys as set_session_keys(keys: SessionKeys, proof: Vec<u8>);
    /// Makes the signer, a validator of the Brain, stand for election as a producer of blocks, and holds its bond.
    Authorities.opt_in as opt_in(brain: BrainId);
    /// Withdraws the signer from elections.
    Authorities.opt_out as opt_out();
    /// Frees the bond of a signer whose offences can no longer be reported.
    Authorities.withdraw_bond as withdraw_bond();

    /// Pays out what emission owes to an account.
    Emission.claim as claim_reward(account: AccountId);

    /// Commits a validator to a row of weights by its hash, see `based_primitives::weights_commitment`.
    Consensus.commit_weights as commit_weights(brain: BrainId, hash: H256);
    /// Reveals a committed row, weights by ascending uid, in the cycle in which it is due.
    Consensus.reveal_weights as reveal_weights(brain: BrainId, row: Vec<(Uid, u16)>, salt: Salt);
    /// Sets a validator's edges to peers of other Brains: Brain, uid and weight, ascending.
    Consensus.set_cross_edges as set_cross_edges(brain: BrainId, edges: Vec<(BrainId, Uid, u16)>);

    /// Commits a validator of a Brain to a forecast of the next cycle, by [`based_primitives::forecasts::commitment`].
    Forecasts.commit_forecast as commit_forecast(brain: BrainId, hash: H256);
    /// Reveals the forecast committed to in the cycle before.
    Forecasts.reveal_forecast as reveal_forecast(forecast: Forecast, salt: [u8; 32]);

    /// Sets the prices of a Brain, by its owner.
    Compute.set_prices as set_prices(brain: BrainId, prices: PriceList);
    /// Opens a spending account from which `spender` may promise payments.
    Compute.open as open_account(spender: AccountId, purpose: Purpose, deposit: Balance, cap: Balance, expiry: BlockNumber);
    /// Adds to a spending account.
    Compute.top_up as top_up(account: SpendingAccountId, amount: Balance);
    /// Reserves part of a spending account for one miner.
    Compute.reserve as reserve(account: SpendingAccountId, brain: BrainId, miner: AccountId, amount: Balance);
    /// Redeems vouchers, by the miner.
    Compute.redeem as redeem(vouchers: Vec<SignedVoucher>);
    /// Starts to close a spending account.
    Compute.close as close_account(account: SpendingAccountId);
    /// Ends a closing after its grace period.
    Compute.finish_close as finish_close(account: SpendingAccountId);

    /// Proposes a call, for Based Labs, a GigaBrain of the signer, or the Enforcer.
    Governance.propose as propose(proposer: Proposer, track: Track, call: ProposedCall);
    /// Votes on a proposal for a Brain, by its owner (R155).
    Governance.vote as vote(proposal: u32, brain: BrainId, aye: bool);
    /// Votes with Pepecoin, which stays frozen until the proposal closes (R156).
    Governance.vote_with_pepecoin as vote_with_pepecoin(proposal: u32, aye: bool, amount: Balance);
    /// Decides on a proposal whose voting is over.
    Governance.close as close_proposal(proposal: u32);
    /// Unfreezes what an account's ballots on closed proposals froze.
    Governance.release as release_pepecoin(account: AccountId);
    /// Calls for the brake for a GigaBrain, by its owner.
    Governance.pull_brake as pull_brake(brain: BrainId);
    /// Stores a call that is too long to be proposed by itself.
    Preimage.note_preimage as note_preimage(bytes: Vec<u8>);
}

/// Transfers Pepecoin to an account, keeping the sender's account of it.
pub fn transfer_pepecoin(to: AccountId, amount: Balance) -> impl Payload + Send + Sync {
    let to = subxt::utils::MultiAddress::<_, ()>::Id(subxt::utils::AccountId32(to.into()));
    StaticPayload::new("Assets", "transfer_keep_alive", (PEPECOIN_ASSET, to, amount))
}

/// Transfers to an account, keeping the sender alive.
pub fn transfer(to: AccountId, amount: Balance) -> impl Payload + Send + Sync {
    let to = subxt::utils::MultiAddress::<_, ()>::Id(subxt::utils::AccountId32(to.into()));
    StaticPayload::new("Balances", "transfer_keep_alive", (to, amount))
}
