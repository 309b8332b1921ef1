//! Types by which the node handles blocks without knowing the runtime's calls.

use alloc::vec::Vec;

use sp_runtime::{generic, impl_opaque_keys};

use crate::{Babe, Grandpa, Header};

pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

/// Block with extrinsics as bytes.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

impl_opaque_keys! {
    /// Keys with which an authority writes and finalises blocks.
    pub struct SessionKeys {
        /// Writes blocks.
        pub babe: Babe,
        /// Finalises blocks.
        pub grandpa: Grandpa,
    }
}
