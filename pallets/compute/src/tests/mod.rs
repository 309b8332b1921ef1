//! Behaviour of the pallet, by topic.

mod accounts;
mod closing;
mod prices;
mod vouchers;
