//! Generates the prost types and the descriptor set from `proto/`, without `protoc`.
#![expect(
    clippy::disallowed_methods,
    reason = "a build script is told its folder by the environment and writes there"
)]

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;
use prost_types::DescriptorProto;

fn main() -> Result<(), Box<dyn Error>> {
    // All others are imported by these.
    let files = [
        "mesos/v1/scheduler.proto",
        "mesos/v1/executor.proto",
        "mesos/v1/master.proto",
        "mesos/v1/agent.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let mut descriptors = protox::compile(files, ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;

    // What Mesos calls deprecated is still sent by it and must be read, so the generated types do
    // not warn of it; the descriptors above keep the mark.
    for file in &mut descriptors.file {
        file.message_type.iter_mut().for_each(clear_deprecated);
    }
    prost_build::Config::new()
        .bytes(["."])
        .btree_map(["."])
        .compile_well_known_types()
        .include_file("protos.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

fn clear_deprecated(message: &mut DescriptorProto) {
    let options = message
        .field
        .iter_mut()
        .filter_map(|field| field.options.as_mut());
    options.for_each(|options| options.deprecated = None);
    message.nested_type.iter_mut().for_each(clear_deprecated);
}
