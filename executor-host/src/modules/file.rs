//! A module in a file of the agent.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
};

use super::FetchError;

/// What addresses of files begin with.
pub(super) const SCHEME: &str = "file://";

/// The bytes of a file, whose digest is not looked at. It blocks.
pub(super) fn read(address: &str, size: u64) -> Result<Vec<u8>, FetchError> {
    let path = address.strip_prefix(SCHEME).unwrap_or(address);
    let fault = |text: String| FetchError::File {
        address: address.to_owned(),
        text,
    };
    let open = || {
        // A pipe would wait for a writer for ever.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
        let mut options = File::options();
        let options = options.read(true).custom_flags(nonblocking.cast_signed());
        let file = options.open(path)?;
        let found = file.metadata()?;
        Ok::<_, io::Error>((file, found))
    };
    let (file, found) = open().map_err(|error| fault(error.to_string()))?;
    if !found.is_file() {
        return Err(fault("it is not a regular file".to_owned()));
    }
    super::fetch::check_size(address, found.len(), size)?;
    let mut bytes = Vec::new();
    // It may be growing.
    let mut file = file.take(found.len() + 1);
    file.read_to_end(&mut bytes)
        .map_err(|error| fault(error.to_string()))?;
    super::fetch::check_size(address, bytes.len() as u64, size)?;
    Ok(bytes)
}
