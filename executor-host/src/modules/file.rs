//! A module in a file of the agent.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    time::Duration,
};

use tokio::{sync::Semaphore, time::timeout};

use super::{FetchError, blocking};

/// What addresses of files begin with.
pub(super) const SCHEME: &str = "file://";

/// Files that are read at a time: on a file server that hangs, each keeps its thread for as long as
/// that takes, and tasks need threads too.
static READING: Semaphore = Semaphore::const_new(16);

/// What comes of reading that file, if it comes in time. What reads goes on, and keeps its place.
pub(super) async fn within(
    wait: Duration,
    address: &str,
    read: impl FnOnce() -> Result<Vec<u8>, FetchError> + Send + 'static,
) -> Result<Vec<u8>, FetchError> {
    let reading = async {
        let place = READING.acquire().await;
        blocking(move || {
            let _place = place;
            read()
        })
        .await
    };
    match timeout(wait, reading).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => Err(FetchError::File {
            address: address.to_owned(),
            text: error.to_string(),
        }),
        Err(_) => Err(FetchError::FileHangs {
            address: address.to_owned(),
            seconds: wait.as_secs(),
        }),
    }
}

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

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[tokio::test]
    async fn a_file_that_does_not_come_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module.wasm");
        // Who opens it waits for a writer, as on a file server that does not answer.
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let address = format!("{SCHEME}{}", path.display());
        let hanging = path.clone();
        let read = move || {
            let _opened = File::open(hanging);
            Ok(Vec::new())
        };
        let given_up = within(Duration::from_millis(50), &address, read).await;
        let error = given_up.unwrap_err();
        let seconds = 0;
        let expected = FetchError::FileHangs { address, seconds };
        assert_eq!(error, expected);
        assert!(error.remedy().is_some());
        // It keeps its place until it comes.
        assert!(READING.available_permits() < 16);
        drop(File::options().write(true).open(&path).unwrap());
        let all = READING.acquire_many(16).await;
        assert!(all.is_ok());
    }

    #[test]
    fn what_is_no_file_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("module.wasm");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let address = format!("{SCHEME}{}", path.display());
        let text = read(&address, 0).unwrap_err().to_string();
        assert!(text.ends_with("it is not a regular file"), "{text}");
    }
}
