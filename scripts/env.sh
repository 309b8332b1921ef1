# Environment of every build in this repository; meant to be sourced.
# One target directory outside the clone, so that registry crates compile once for all clones.
BASED_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export BASED_ROOT
export PATH="$HOME/.cargo/bin:$PATH"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/based/target}"
# With the target directory outside the workspace the wasm builder cannot find Cargo.lock by itself.
export WASM_BUILD_WORKSPACE_HINT="$BASED_ROOT"
# A dependency of the benchmarking command line would build a whole foreign runtime otherwise.
export SKIP_FRAME_STORAGE_ACCESS_TEST_RUNTIME_WASM_BUILD=1
# The machine's OpenSSL in place of one that is compiled for minutes.
export OPENSSL_NO_VENDOR=1
export BASED_BIN="$CARGO_TARGET_DIR/release"
if rustup toolchain list 2>/dev/null | grep -q '^debian-web' \
  && ! rustup target list --installed 2>/dev/null | grep -qx wasm32v1-none; then
  export WASM_BUILD_TOOLCHAIN=debian-web
fi
