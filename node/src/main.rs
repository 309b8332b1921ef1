//! The node of BasedAI.

#[cfg(feature = "benchmark")]
mod benchmarking;
mod chain_spec;
mod cli;
mod command;
mod equivocation;
mod rpc;
mod service;

/// Returns freed memory to the system by a thread of its own: compiling the runtime leaves 150 MB of it, which the
/// system's allocator keeps.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> sc_cli::Result<()> {
    command::run()
}
