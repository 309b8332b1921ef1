//! End-to-end tests through the real programs: each starts a network of its own, on free ports in a temporary
//! directory, and leaves nothing behind.

mod abroad;
mod authorities;
mod commands;
mod faults;
mod flow;
mod forecasts;
mod joining;
mod nodes;
mod rpc;
mod split;
mod support;
mod tasks;
mod template;
mod words;
