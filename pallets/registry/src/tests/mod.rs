mod capacity;
mod deposits;
mod endpoint;
mod fee;
mod memorize;
mod pruning;
mod sweep;
