//! The node of BasedAI.

#[cfg(feature = "benchmark")]
mod benchmarking;
mod chain_spec;
mod cli;
mod command;
mod equivocation;
mod rpc;
mod service;

/// Keeps freed memory from staying with the process: compiling the runtime leaves a lot of it, spread over as many
/// arenas as there were threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn limit_free_memory() {
    const ARENAS: libc::c_int = 2;
    const KEPT: libc::c_int = 128 << 10;
    // SAFETY: it sets two numbers of the allocator, before any other thread runs.
    #[allow(unsafe_code)]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

fn main() -> sc_cli::Result<()> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    limit_free_memory();
    command::run()
}
