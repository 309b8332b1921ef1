//! Fees: always in $BASED (R144). Weight and length fees are burnt, those of contracts as far as Brain #1 does not take
//! them (R075); tips go to the block's author.

use based_primitives::{
    traits::{BrainInspect, OnTransactionPaid},
    BrainId,
};
use frame_support::{
    parameter_types,
    traits::{
        fungible::{Balanced, Credit},
        ConstU8, Get, Imbalance, OnUnbalanced,
    },
    weights::ConstantMultiplier,
};
use pallet_revive::evm::fees::BlockRatioFee;
use pallet_transaction_payment::{
    FungibleAdapter, Multiplier, OnChargeTransaction, TargetedFeeAdjustment, TxCreditHold,
};
use sp_runtime::{
    traits::{Bounded, DispatchInfoOf, PostDispatchInfoOf},
    transaction_validity::TransactionValidityError,
    FixedPointNumber, Perquintill,
};

use crate::{
    configs::parameters::ContractFeeShare, AccountId, Authorship, Balance, Balances, Brains, Forecasts,
    Runtime, RuntimeCall, RuntimeEvent,
};

/// Fee of one picosecond of computation is `WEIGHT_FEE / WEIGHT_FEE_DIVISOR` units times the multiplier,
/// whose floor is 1,000. A transfer (about 460 us) then costs about 0.0002 $BASED on a calm chain.
pub const WEIGHT_FEE: u128 = 500;
/// See [`WEIGHT_FEE`].
pub const WEIGHT_FEE_DIVISOR: u128 = 1;

/// Floor of the multiplier. The gas price of Ethereum transactions is the multiplier cut to an integer; a
/// floor of 1,000 keeps what the cut loses under 0.1%.
const MULTIPLIER_FLOOR: u128 = 1_000;

parameter_types! {
    /// Fee of one byte of an extrinsic.
    pub const TransactionByteFee: Balance = 100_000_000_000;
    /// Blocks fuller than this raise the multiplier.
    pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
    /// Speed of the multiplier: full blocks double it in about an hour.
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(3, 1_000);
    pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_integer(MULTIPLIER_FLOOR);
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

/// How the multiplier follows the load of the chain.
pub type FeeMultiplier = TargetedFeeAdjustment<
    Runtime,
    TargetBlockFullness,
    AdjustmentVariable,
    MinimumMultiplier,
    MaximumMultiplier,
>;

/// The Brain that operates the smart contracts (R075).
pub const CONTRACTS_BRAIN: BrainId = 1;

/// Burns fees, which shrinks issuance (C.9-1), and pays tips to the author of the block.
pub struct BurnFeesTipAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for BurnFeesTipAuthor {
    fn on_unbalanceds(mut fees_then_tips: impl Iterator<Item = Credit<AccountId, Balances>>) {
        if let Some(tip) = fees_then_tips.nth(1) {
            pay(Authorship::author, tip);
        }
    }
}

/// As [`BurnFeesTipAuthor`], after Brain #1 has had its part of the fee.
pub struct PayOperatorTipAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for PayOperatorTipAuthor {
    fn on_unbalanceds(mut fees_then_tips: impl Iterator<Item = Credit<AccountId, Balances>>) {
        let rest = fees_then_tips.next().map(pay_operator);
        BurnFeesTipAuthor::on_unbalanceds(rest.into_iter().chain(fees_then_tips));
    }
}

/// Pays Brain #1's part of a fee; the rest of it.
fn pay_operator(fee: Credit<AccountId, Balances>) -> Credit<AccountId, Balances> {
    let part = ContractFeeShare::get().mul_floor(fee.peek());
    let (part, rest) = fee.split(part);
    pay(|| Brains::reward_account(CONTRACTS_BRAIN), part);
    rest
}

/// Pays an account, if there is one. Nothing is a payment of its own: most transactions have no tip.
fn pay(to: impl FnOnce() -> Option<AccountId>, amount: Credit<AccountId, Balances>) {
    if amount.peek() == 0 {
        return;
    }
    if let Some(to) = to() {
        // An amount below the existential deposit cannot open an account and is burnt.
        let _ = Balances::resolve(&to, amount);
    }
}

/// Withdraws, returns and burns fees.
type Charger = FungibleAdapter<Balances, BurnFeesTipAuthor>;
/// The same for calls of contracts.
type ContractCharger = FungibleAdapter<Balances, PayOperatorTipAuthor>;

/// What a call paid before it ran.
#[derive(Default)]
pub struct Withdrawn {
    paid: <Charger as OnChargeTransaction<Runtime>>::LiquidityInfo,
    /// Whether it is a call of contracts.
    of_contracts: bool,
}

/// Charges fees and tells the metrics who paid how much (R106).
pub struct CountedFees;

impl TxCreditHold<Runtime> for CountedFees {
    type Credit = <Charger as TxCreditHold<Runtime>>::Credit;
}

impl OnChargeTransaction<Runtime> for CountedFees {
    type Balance = Balance;
    type LiquidityInfo = Withdrawn;

    fn withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        fee: Balance,
        tip: Balance,
    ) -> Result<Self::LiquidityInfo, TransactionValidityError> {
        Ok(Withdrawn {
            paid: <Charger as OnChargeTransaction<Runtime>>::withdraw_fee(who, call, info, fee, tip)?,
            of_contracts: matches!(call, RuntimeCall::Revive(_)),
        })
    }

    fn can_withdraw_fee(
        who: &AccountId,
        call: &RuntimeCall,
        info: &DispatchInfoOf<RuntimeCall>,
        fee: Balance,
        tip: Balance,
    ) -> Result<(), TransactionValidityError> {
        <Charger as OnChargeTransaction<Runtime>>::can_withdraw_fee(who, call, info, fee, tip)
    }

    fn correct_and_deposit_fee(
        who: &AccountId,
        info: &DispatchInfoOf<RuntimeCall>,
        post_info: &PostDispatchInfoOf<RuntimeCall>,
        fee: Balance,
        tip: Balance,
        withdrawn: Self::LiquidityInfo,
    ) -> Result<(), TransactionValidityError> {
        if fee > 0 {
            Forecasts::on_transaction_paid(who, fee.saturating_sub(tip));
        }
        let deposit = if withdrawn.of_contracts {
            <ContractCharger as OnChargeTransaction<Runtime>>::correct_and_deposit_fee
        } else {
            <Charger as OnChargeTransaction<Runtime>>::correct_and_deposit_fee
        };
        deposit(who, info, post_info, fee, tip, withdrawn.paid)
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn endow_account(who: &AccountId, amount: Balance) {
        <Charger as OnChargeTransaction<Runtime>>::endow_account(who, amount);
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn minimum_balance() -> Balance {
        <Charger as OnChargeTransaction<Runtime>>::minimum_balance()
    }
}

impl pallet_transaction_payment::Config for Runtime {
    type FeeMultiplierUpdate = FeeMultiplier;
    type LengthToFee = ConstantMultiplier<Balance, TransactionByteFee>;
    type OnChargeTransaction = CountedFees;
    type OperationalFeeMultiplier = ConstU8<5>;
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
    type WeightToFee = BlockRatioFee<WEIGHT_FEE, WEIGHT_FEE_DIVISOR, Runtime, Balance>;
}
