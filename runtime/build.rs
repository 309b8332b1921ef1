//! Builds the runtime's WebAssembly: the release one always, the fast one for tests on request.

use std::{env, fs, path::PathBuf};

use sha2::{Digest, Sha256};

/// Manifest of the model that the demonstration Brain runs.
const DEMONSTRATION: &str = "../zk-llm/models/emotion/manifest.json";

fn main() {
    write_demonstration();
    #[cfg(feature = "std")]
    build();
}

/// Writes the hash of the demonstration model's manifest for the genesis presets.
fn write_demonstration() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets the folder of the crate"));
    let path = root.join(DEMONSTRATION);
    println!("cargo:rerun-if-changed={}", path.display());
    let hash = fs::read(&path)
        .ok()
        .map(|manifest| <[u8; 32]>::from(Sha256::digest(manifest)));
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets the folder of results"));
    let code = format!(
        "/// SHA-256 of the demonstration model's manifest, if the model was there at build time.\n\
         const DEMONSTRATION_MANIFEST: Option<[u8; 32]> = {hash:?};\n"
    );
    fs::write(out.join("demonstration.rs"), code).expect("cargo's folder of results is writable");
}

#[cfg(feature = "std")]
fn build() {
    use substrate_wasm_builder::WasmBuilder;

    let release = WasmBuilder::init_with_defaults();
    #[cfg(feature = "metadata-hash")]
    let release = release.enable_metadata_hash("BASED", 18);
    release.build();

    #[cfg(feature = "fast-wasm")]
    WasmBuilder::init_with_defaults()
        .set_file_name("fast_wasm_binary.rs")
        .enable_feature("fast-runtime")
        .build();
}
