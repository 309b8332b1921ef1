//! Stands in for the crate `wasm-opt` in the build of the runtime's WebAssembly.
//!
//! That crate compiles all of Binaryen, a quarter of an hour of one core, of which the build uses next to nothing: it
//! strips debug information. Binaryen's own program, which every distribution has, gives the same bytes in a second.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Why a module was not processed.
#[derive(Debug, thiserror::Error)]
pub enum OptimizationError {
    /// There is no program to process it with.
    #[error(
        "cannot run wasm-opt ({0}); install Binaryen, which Debian names binaryen, or run scripts/setup"
    )]
    Missing(#[from] std::io::Error),
    /// The program refused it.
    #[error("wasm-opt refused the module: {0}")]
    Refused(String),
}

/// What is done to a module beyond reading and writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Strips debug information.
    StripDwarf,
    /// Modules of the target `wasm32v1-none` have no sign extensions to lower; one that has any is refused.
    SignextLowering,
}

/// Arguments of the program.
#[derive(Clone, Debug, Default)]
pub struct OptimizationOptions {
    arguments: Vec<&'static str>,
}

impl OptimizationOptions {
    /// Nothing is optimised.
    pub fn new_opt_level_0() -> Self {
        Self {
            arguments: vec!["-O0"],
        }
    }

    /// Refuses modules that need more than the first version of WebAssembly.
    pub fn mvp_features_only(&mut self) -> &mut Self {
        self.with("--mvp-features")
    }

    /// Keeps the names of functions.
    pub fn debug_info(&mut self, kept: bool) -> &mut Self {
        match kept {
            true => self.with("-g"),
            false => self,
        }
    }

    /// Adds a pass.
    pub fn add_pass(&mut self, pass: Pass) -> &mut Self {
        self.with(match pass {
            Pass::StripDwarf => "--strip-dwarf",
            Pass::SignextLowering => "--mvp-features",
        })
    }

    /// Processes a module.
    ///
    /// # Errors
    /// [`OptimizationError`]: the program is missing, or refuses the module.
    pub fn run(&self, input: impl AsRef<Path>, output: impl AsRef<Path>) -> Result<(), OptimizationError> {
        let done = Command::new("wasm-opt")
            .args(&self.arguments)
            .args([
                input.as_ref().as_os_str(),
                OsStr::new("-o"),
                output.as_ref().as_os_str(),
            ])
            .output()?;
        match done.status.success() {
            true => Ok(()),
            false => Err(OptimizationError::Refused(
                String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            )),
        }
    }

    fn with(&mut self, argument: &'static str) -> &mut Self {
        if !self.arguments.contains(&argument) {
            self.arguments.push(argument);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Magic number and version, then a custom section of debug information.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x00\x0c\x0b.debug_info";

    #[test]
    fn debug_information_is_stripped_and_no_module_is_refused() {
        let dir = std::env::temp_dir().join(format!("wasm-opt-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (input, output) = (dir.join("in.wasm"), dir.join("out.wasm"));
        let mut options = OptimizationOptions::new_opt_level_0();
        let options = options
            .mvp_features_only()
            .debug_info(true)
            .add_pass(Pass::StripDwarf);
        std::fs::write(&input, MODULE).unwrap();
        options.run(&input, &output).unwrap();
        let stripped = std::fs::read(&output).unwrap();
        assert_eq!(stripped[..8], MODULE[..8]);
        assert!(!stripped.windows(11).any(|bytes| bytes == b".debug_info"));
        std::fs::write(&input, b"no module").unwrap();
        let error = options.run(&input, &output).unwrap_err();
        assert!(matches!(error, OptimizationError::Refused(_)), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
