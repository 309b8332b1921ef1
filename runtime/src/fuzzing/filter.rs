//! Calls left out of random histories.

use codec::DecodeLimit;
use frame_support::traits::Bounded;
use sp_runtime::traits::BlakeTwo256;

use crate::{Runtime, RuntimeCall};

/// Calls within calls that bytes may decode to.
pub const MAX_DEPTH: u32 = 16;

/// Whether a call, and every call within it, keeps the runtime and its accounting: root may replace the code, write any
/// storage and make or move any money, which says nothing about the pallets.
pub fn is_bounded(call: &RuntimeCall) -> bool {
    use RuntimeCall as R;
    match call {
        R::System(call) => matches!(
            call,
            frame_system::Call::remark { .. } | frame_system::Call::remark_with_event { .. }
        ),
        // Inherents and reports: nodes make them.
        R::Timestamp(_) | R::Babe(_) | R::Grandpa(_) => false,
        R::Balances(call) => {
            use pallet_balances::Call as C;
            !matches!(
                call,
                C::force_transfer { .. }
                    | C::force_unreserve { .. }
                    | C::force_set_balance { .. }
                    | C::force_adjust_total_issuance { .. }
            )
        }
        R::Assets(call) => {
            use pallet_assets::Call as C;
            matches!(
                call,
                C::transfer { .. }
                    | C::transfer_keep_alive { .. }
                    | C::approve_transfer { .. }
                    | C::cancel_approval { .. }
                    | C::transfer_approved { .. }
                    | C::transfer_all { .. }
            )
        }
        R::Utility(call) => {
            use pallet_utility::Call as C;
            match call {
                C::batch { calls } | C::batch_all { calls } | C::force_batch { calls } => {
                    calls.iter().all(is_bounded)
                }
                C::as_derivative { call, .. }
                | C::dispatch_as { call, .. }
                | C::with_weight { call, .. }
                | C::dispatch_as_fallible { call, .. } => is_bounded(call),
                C::if_else { main, fallback } => is_bounded(main) && is_bounded(fallback),
                _ => false,
            }
        }
        R::Proxy(call) => {
            use pallet_proxy::Call as C;
            match call {
                C::proxy { call, .. } | C::proxy_announced { call, .. } => is_bounded(call),
                _ => true,
            }
        }
        R::Multisig(call) => {
            use pallet_multisig::Call as C;
            match call {
                C::as_multi_threshold_1 { call, .. } | C::as_multi { call, .. } => is_bounded(call),
                _ => true,
            }
        }
        R::Sudo(call) => {
            use pallet_sudo::Call as C;
            match call {
                C::sudo { call } | C::sudo_unchecked_weight { call, .. } | C::sudo_as { call, .. } => {
                    is_bounded(call)
                }
                // Without the key no history gets far.
                _ => false,
            }
        }
        R::Scheduler(call) => {
            use pallet_scheduler::Call as C;
            match call {
                C::schedule { call, .. }
                | C::schedule_named { call, .. }
                | C::schedule_after { call, .. }
                | C::schedule_named_after { call, .. } => is_bounded(call),
                _ => true,
            }
        }
        R::Preimage(pallet_preimage::Call::note_preimage { bytes }) => are_bounded(bytes),
        R::Governance(based_pallet_governance::Call::propose { call, .. }) => is_bounded_proposal(call),
        // Contracts may hold any call.
        R::Revive(call) => matches!(
            call,
            pallet_revive::Call::map_account { .. } | pallet_revive::Call::unmap_account { .. }
        ),
        _ => true,
    }
}

fn are_bounded(bytes: &[u8]) -> bool {
    RuntimeCall::decode_all_with_depth_limit(MAX_DEPTH, &mut &*bytes).map_or(true, |call| is_bounded(&call))
}

/// What is proposed by its hash was noted as a preimage before.
fn is_bounded_proposal(call: &Bounded<RuntimeCall, <Runtime as frame_system::Config>::Hashing>) -> bool {
    match call {
        Bounded::<RuntimeCall, BlakeTwo256>::Inline(bytes) => are_bounded(bytes),
        _ => true,
    }
}
