//! Signed calls as wallets make them, for programs that have the runtime at hand.

use codec::Encode;
use pallet_revive::evm::runtime::EthExtra;
use sp_core::sr25519;
use sp_runtime::generic;

use crate::{
    AccountId, Balance, EthExtraImpl, Hash, Nonce, RuntimeCall, Signature, SignedPayload, UncheckedExtrinsic,
    VERSION,
};

/// Signs a call, which is valid for ever, on the chain of this genesis block.
pub fn signed(
    signer: AccountId,
    sign: impl FnOnce(&[u8]) -> sr25519::Signature,
    call: RuntimeCall,
    nonce: Nonce,
    tip: Balance,
    genesis: Hash,
) -> UncheckedExtrinsic {
    // The extensions that Ethereum transactions get, as a plain signed call leaves the origin alone.
    let (e0, e1, e2, e3, e4, e5, e6, e7, _, e9, e10) = EthExtraImpl::get_eth_extension(nonce, tip);
    let extension = (e0, e1, e2, e3, e4, e5, e6, e7, Default::default(), e9, e10);
    let (spec, transaction) = (VERSION.spec_version, VERSION.transaction_version);
    let implicit = ((), spec, transaction, genesis, genesis, (), (), (), (), None, ());
    let payload = SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
    let signature = Signature::Sr25519(payload.using_encoded(sign));
    generic::UncheckedExtrinsic::new_signed(call, signer.into(), signature, extension).into()
}
