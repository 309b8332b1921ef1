//! Two blocks in one slot, and who proves it.

use codec::Encode;
use frame_support::traits::KeyOwnerProofSystem;
use sp_consensus_babe::{
    digests::{PreDigest, SecondaryPlainPreDigest},
    AuthorityId, AuthoritySignature, EquivocationProof, BABE_ENGINE_ID, KEY_TYPE,
};
use sp_core::{Pair, H256};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{traits::Header as _, Digest, DigestItem};

use crate::{Header, Historical};

/// Two blocks for one slot, both signed by the key.
pub fn equivocation(signer: Sr25519Keyring, slot: u64) -> EquivocationProof<Header> {
    let header = |state: u8| {
        let claim = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
            authority_index: 0,
            slot: slot.into(),
        });
        let digest = Digest {
            logs: vec![DigestItem::PreRuntime(BABE_ENGINE_ID, claim.encode())],
        };
        let mut header = Header::new(
            1,
            Default::default(),
            H256::repeat_byte(state),
            Default::default(),
            digest,
        );
        let signature = AuthoritySignature::from(signer.pair().sign(header.hash().as_ref()));
        header
            .digest_mut()
            .push(DigestItem::Seal(BABE_ENGINE_ID, signature.encode()));
        header
    };
    EquivocationProof {
        offender: AuthorityId::from(signer.public()),
        slot: slot.into(),
        first_header: header(1),
        second_header: header(2),
    }
}

/// Proof that the key is a producer's of the current session, if it is.
pub fn owner(signer: Sr25519Keyring) -> Option<sp_session::MembershipProof> {
    Historical::prove((KEY_TYPE, AuthorityId::from(signer.public())))
}
