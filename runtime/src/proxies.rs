//! What a proxy account may do for its principal.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::InstanceFilter;
use scale_info::TypeInfo;

use crate::RuntimeCall;

/// Kinds of proxies, from the most to the least permissive.
#[derive(
    Copy,
    Clone,
    Eq,
    PartialEq,
    Ord,
    PartialOrd,
    Encode,
    Decode,
    DecodeWithMemTracking,
    Debug,
    MaxEncodedLen,
    TypeInfo,
    Default,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    Any,
    /// Everything that moves no funds to others.
    NonTransfer,
    /// What a peer's machine does: its endpoint, weights, forecasts and the redemption of vouchers. Its key can live on
    /// that machine while the account that is paid stays elsewhere.
    Operator,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    fn filter(&self, call: &RuntimeCall) -> bool {
        match self {
            ProxyType::Any => true,
            ProxyType::NonTransfer => matches!(
                call,
                RuntimeCall::System(..)
                    | RuntimeCall::Session(..)
                    | RuntimeCall::Authorities(..)
                    | RuntimeCall::Utility(..)
                    | RuntimeCall::Proxy(..)
                    | RuntimeCall::Multisig(..)
                    | RuntimeCall::Brains(
                        based_pallet_brains::Call::set_task { .. }
                            | based_pallet_brains::Call::set_name { .. }
                            | based_pallet_brains::Call::set_terms { .. }
                            | based_pallet_brains::Call::set_domains { .. }
                            | based_pallet_brains::Call::set_template { .. }
                            | based_pallet_brains::Call::set_admission { .. }
                            | based_pallet_brains::Call::set_allowed { .. }
                    )
                    | RuntimeCall::Registry(
                        based_pallet_registry::Call::update_endpoint { .. }
                            | based_pallet_registry::Call::leave { .. }
                            | based_pallet_registry::Call::set_fee { .. }
                            | based_pallet_registry::Call::set_pruning { .. }
                    )
                    | RuntimeCall::Staking(..)
                    | RuntimeCall::Consensus(..)
                    | RuntimeCall::Emission(..)
                    | RuntimeCall::Forecasts(..)
                    | RuntimeCall::Governance(..)
                    | RuntimeCall::Compute(
                        based_pallet_compute::Call::set_prices { .. }
                            | based_pallet_compute::Call::redeem { .. }
                            | based_pallet_compute::Call::close { .. }
                            | based_pallet_compute::Call::finish_close { .. }
                    )
            ),
            ProxyType::Operator => matches!(
                call,
                RuntimeCall::Registry(based_pallet_registry::Call::update_endpoint { .. })
                    | RuntimeCall::Consensus(..)
                    | RuntimeCall::Forecasts(
                        based_pallet_forecasts::Call::commit_forecast { .. }
                            | based_pallet_forecasts::Call::reveal_forecast { .. }
                    )
                    | RuntimeCall::Compute(based_pallet_compute::Call::redeem { .. })
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        // Each kind in the list allows all that the next one does.
        self <= other
    }
}
