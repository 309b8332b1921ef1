//! Behaviour of the pallet, by topic.

mod epochs;
mod peers;
mod set_weights;
