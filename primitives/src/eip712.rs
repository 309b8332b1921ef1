//! Typed data as Ethereum wallets show and sign it (EIP-712), in the network's own domain.

use alloc::vec::Vec;

use sp_core::H160;
use sp_io::hashing::keccak_256;
use sp_runtime::AccountId32;

use crate::constants::EVM_CHAIN_ID;

/// Name of the domain of what wallets sign for this network.
pub const DOMAIN_NAME: &str = "BasedAI";
/// Version of that domain.
pub const DOMAIN_VERSION: &str = "1";
/// Byte that fills an Ethereum address up to an account id, as pallet-revive's mapper does.
const ETH_FILLER: u8 = 0xEE;
/// Half of the order of secp256k1: of the two signatures of one message, wallets give the one with `s` up to it.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d,
    0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Hash that a wallet signs: the message's type in EIP-712's notation and its fields as words, in the network's
/// domain, of its chain id.
pub fn typed_hash(kind: &[u8], fields: &[[u8; 32]]) -> [u8; 32] {
    let domain = keccak_256(
        &[
            keccak_256(b"EIP712Domain(string name,string version,uint256 chainId)"),
            keccak_256(DOMAIN_NAME.as_bytes()),
            keccak_256(DOMAIN_VERSION.as_bytes()),
            word(EVM_CHAIN_ID.into()),
        ]
        .concat(),
    );
    let message = keccak_256(&[&[keccak_256(kind)], fields].concat().concat());
    let mut bytes = Vec::from([0x19, 0x01]);
    bytes.extend_from_slice(&domain);
    bytes.extend_from_slice(&message);
    keccak_256(&bytes)
}

/// A number as a word.
pub fn word(value: u128) -> [u8; 32] {
    let mut word = [0u8; 32];
    for (to, from) in word.iter_mut().skip(16).zip(value.to_be_bytes()) {
        *to = from;
    }
    word
}

/// Address whose key made a signature (r, s, v) of a hash. `v` may be 0, 1, 27 or 28.
pub fn signer(signature: &[u8; 65], hash: &[u8; 32]) -> Option<H160> {
    if signature.get(32..64)? > &HALF_ORDER[..] {
        return None;
    }
    let public = sp_io::crypto::secp256k1_ecdsa_recover(signature, hash).ok()?;
    Some(H160::from_slice(keccak_256(&public).get(12..)?))
}

/// Account id under which pallet-revive knows an Ethereum address.
pub fn eth_account(address: [u8; 20]) -> AccountId32 {
    let mut id = [ETH_FILLER; 32];
    for (to, from) in id.iter_mut().zip(address) {
        *to = from;
    }
    AccountId32::new(id)
}
