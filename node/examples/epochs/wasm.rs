//! The runtime's wasm, executed as the node executes it.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use codec::{Decode, Encode};
use sc_executor::WasmExecutor;
use sp_core::traits::{CallContext, CodeExecutor, Externalities, RuntimeCode, WrappedRuntimeCode};
use sp_inherents::InherentData;
use sp_runtime::OpaqueExtrinsic;

use crate::{setting, Error};

/// The runtime and what executes it.
pub struct Wasm {
    executor: WasmExecutor<sp_io::SubstrateHostFunctions>,
    code: &'static [u8],
}

impl Wasm {
    /// The release runtime.
    pub fn new() -> Result<Self, Error> {
        let code =
            based_runtime::WASM_BINARY.ok_or("the runtime was built without wasm; unset SKIP_WASM_BUILD")?;
        let executor = WasmExecutor::builder().build();
        Ok(Self { executor, code })
    }

    /// Calls a function of the runtime with encoded arguments; its encoded answer and how long it took.
    pub fn call(
        &self,
        ext: &mut dyn Externalities,
        function: &str,
        arguments: &[u8],
    ) -> Result<(Vec<u8>, Duration), Error> {
        let fetcher = WrappedRuntimeCode(Cow::Borrowed(self.code));
        let runtime = RuntimeCode {
            code_fetcher: &fetcher,
            heap_pages: None,
            hash: vec![1],
        };
        let context = CallContext::Onchain { import: true };
        let start = Instant::now();
        let (answer, _) = self.executor.call(ext, &runtime, function, arguments, context);
        Ok((answer?, start.elapsed()))
    }

    /// Begins a block; how long that took.
    pub fn begin_block(&self, ext: &mut dyn Externalities, height: u32) -> Result<Duration, Error> {
        let header = setting::header(height).encode();
        Ok(self.call(ext, "Core_initialize_block", &header)?.1)
    }

    /// Begins a block, lets it have its time as a block's author does, and ends it; how long the beginning and the end
    /// took, the root of the state included.
    pub fn empty_block(&self, ext: &mut dyn Externalities, height: u32) -> Result<Duration, Error> {
        let mut spent = self.begin_block(ext, height)?;
        self.inherents(ext, height)?;
        spent += self.call(ext, "BlockBuilder_finalize_block", &[])?.1;
        Ok(spent)
    }

    /// Lets a block have its time.
    pub fn inherents(&self, ext: &mut dyn Externalities, height: u32) -> Result<(), Error> {
        let mut data = InherentData::new();
        data.put_data(sp_timestamp::INHERENT_IDENTIFIER, &setting::moment(height))?;
        let (inherents, _) = self.call(ext, "BlockBuilder_inherent_extrinsics", &data.encode())?;
        for inherent in Vec::<OpaqueExtrinsic>::decode(&mut &inherents[..])? {
            self.call(ext, "BlockBuilder_apply_extrinsic", &inherent.encode())?;
        }
        Ok(())
    }
}
