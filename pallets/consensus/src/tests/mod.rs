//! Behaviour of the pallet, by topic.

mod boundaries;
mod commits;
mod cross_edges;
mod deposits;
mod epochs;
mod outside;
mod peers;
mod resuming;
mod reveals;
