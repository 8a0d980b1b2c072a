//! Generates the prost types and the descriptor set from `proto/`, without `protoc`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "mesos/v1/core.proto",
        "mesos/v1/scheduler.proto",
        "mesos/v1/executor.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    prost_build::Config::new()
        .bytes(["."])
        .btree_map(["."])
        .include_file("protos.rs")
        .compile_fds(descriptors)?;
    Ok(())
}
