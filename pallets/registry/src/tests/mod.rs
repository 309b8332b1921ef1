mod capacity;
mod endpoint;
mod fee;
mod memorize;
mod sweep;
