//! What the benchmarks of one pallet ask of the rest of the runtime.

use alloc::vec::Vec;

use sp_core::{crypto::KeyTypeId, ecdsa, sr25519, H160};
use sp_runtime::AccountId32;

use crate::{
    eip712,
    payments::{SignedVoucher, Voucher, VoucherSignature},
    types::{Balance, BlockNumber, BrainId, Role, Uid},
};

/// Keys that benchmarks make, in the keystore of the machine that runs them.
const KEYS: KeyTypeId = KeyTypeId(*b"benc");

/// Puts state into other pallets. Whatever a mock has no use for does nothing.
pub trait BenchmarkHelper<AccountId> {
    /// Gives an account that much $BASED beside what it has.
    fn fund(_who: &AccountId, _amount: Balance) {}

    /// Gives an account that much Pepecoin beside what it has.
    fn fund_pepecoin(_who: &AccountId, _amount: Balance) {}

    /// Opens a Brain issued for burnt Pepecoin to an account, with the longest record.
    fn open_brain(_brain: BrainId, _owner: &AccountId) {}

    /// Puts an account on the allow-list of a Brain that admits nobody else.
    fn admit(_brain: BrainId, _who: &AccountId) {}

    /// Memorizes an account in a Brain, in block 0.
    fn add_peer(_brain: BrainId, _uid: Uid, _role: Role, _who: &AccountId) {}

    /// Lets a memorized validator have said all that it may: weights on every peer and edges to other Brains, each of
    /// which is scored by as many validators as may be.
    fn fill_validator(_brain: BrainId, _uid: Uid, _who: &AccountId) {}

    /// Lets every peer of a full Brain have been scored in its last epoch, in block 1.
    fn score_peers(_brain: BrainId) {}

    /// Stakes on a Brain, or on a validator of it.
    fn stake(_brain: BrainId, _validator: Option<&AccountId>, _amount: Balance) {}

    /// Lets stake have left a validator in a cycle.
    fn unstake(_validator: &AccountId, _cycle: BlockNumber, _amount: Balance) {}

    /// Lets a validator answer for blocks that it wrote, in every block to come.
    fn expose(_validator: &AccountId) {}

    /// Gives an account session keys.
    fn set_keys(_who: &AccountId) {}

    /// Sets the producers of the current session.
    fn set_producers(_producers: Vec<AccountId>) {}

    /// Gives a Brain a performance, and as many forecasts of it in cycle `round` as are heard.
    fn foresee(_brain: BrainId, _round: u32) {}

    /// Gives a forecaster an Accuracy.
    fn set_accuracy(_who: &AccountId) {}

    /// Notes the preimage of a call.
    fn note_preimage(_call: Vec<u8>) {}
}

/// A new key with which vouchers are signed.
pub fn new_spender() -> AccountId32 {
    AccountId32::new(sp_io::crypto::sr25519_generate(KEYS, None).0)
}

/// A new key of an Ethereum wallet on the machine that runs the benchmarks.
pub fn new_wallet() -> ecdsa::Public {
    sp_io::crypto::ecdsa_generate(KEYS, None)
}

/// Signature of a hash by such a wallet, and its address; none if the machine does not have the key.
pub fn sign_typed(wallet: &ecdsa::Public, hash: &[u8; 32]) -> Option<(H160, [u8; 65])> {
    let signature = sp_io::crypto::ecdsa_sign_prehashed(KEYS, wallet, hash)?.0;
    Some((eip712::signer(&signature, hash)?, signature))
}

/// A voucher signed by a spender's key; none if the machine does not have it.
pub fn sign(spender: &AccountId32, voucher: Voucher) -> Option<SignedVoucher> {
    let key = sr25519::Public::from_raw(*spender.as_ref());
    let signature = sp_io::crypto::sr25519_sign(KEYS, &key, &voucher.signing_bytes())?;
    Some(SignedVoucher {
        voucher,
        signature: VoucherSignature::Sr25519(signature),
    })
}
