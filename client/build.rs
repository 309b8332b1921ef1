//! Generates the gRPC types from the protocol file.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure().compile_protos(&["proto/based.proto"], &["proto"])
}
