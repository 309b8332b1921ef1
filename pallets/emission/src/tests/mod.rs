//! Behaviour of the pallet, by topic.

mod brains;
mod claims;
mod conservation;
mod decade;
mod minting;
mod resuming;
mod slice;
