//! Wide instructions.

/// Runs loops with the widest instructions of the processor at hand. The closure must be marked
/// `#[inline(always)]`: what is not inlined is compiled for the oldest processor.
#[inline(always)]
pub(crate) fn vectorised<T>(loops: impl FnOnce() -> T) -> T {
    pulp::Arch::new().dispatch(loops)
}
