//! The `stdout` or `stderr` of the sandbox, where the lines of all tasks go.
//!
//! The file is the agent's: its container logger has made it and the executor has inherited it.
//! A plain file is bounded here, in the way of `logrotate`'s `copytruncate`: its content is copied
//! to `stdout.1` and the file is emptied, so that everybody who has it open, such as `tail -f`, goes
//! on. A pipe leads to a logger that rotates by itself, as Mesos's `logrotate` module does; it is
//! only written to.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::files::old;

/// One of the two streams.
#[derive(Debug)]
pub(super) struct SharedStream {
    file: File,
    /// Where it is, if it is a file of the sandbox.
    rotated: Option<Rotated>,
    /// Lines that could not be written since the last that could.
    lost: u64,
}

#[derive(Debug)]
struct Rotated {
    path: PathBuf,
    bytes: u64,
    bytes_max: u64,
    /// Counts the parts, from 1.
    part: u64,
}

impl SharedStream {
    /// The stream that is open as `file`, and is rotated at `part_bytes_max` if it is the file at
    /// `path`.
    pub(super) fn new(file: File, path: PathBuf, part_bytes_max: u64) -> Self {
        let bytes = is_same(&file, &path)
            .and_then(|bytes| appends(&file).map(|()| bytes))
            .ok();
        let rotated = bytes.map(|bytes| Rotated {
            path,
            bytes,
            bytes_max: part_bytes_max,
            part: 1,
        });
        Self {
            file,
            rotated,
            lost: 0,
        }
    }

    /// Writes whole lines, in one write. Answers how many lines before could not be written, when it
    /// works again.
    pub(super) fn write(&mut self, lines: &str) -> Option<u64> {
        if lines.is_empty() {
            return None;
        }
        let more = lines.len() as u64;
        if let Some(rotated) = &mut self.rotated {
            if rotated.bytes > 0 && rotated.bytes + more > rotated.bytes_max {
                // Where it cannot be copied it can be emptied.
                rotated.rotate(&self.file);
            }
            rotated.bytes += more;
        }
        match self.file.write_all(lines.as_bytes()) {
            Ok(()) => match std::mem::take(&mut self.lost) {
                0 => None,
                lost => Some(lost),
            },
            // A full disk is no reason to end.
            Err(_) => {
                self.lost += lines.matches('\n').count() as u64;
                None
            }
        }
    }
}

impl Rotated {
    /// Whoever reads by path sees the old part under its new name only after the file was emptied:
    /// then nothing is read twice.
    fn rotate(&mut self, file: &File) {
        let old = old(&self.path);
        let mut copy = self.path.clone();
        copy.set_file_name(format!(".{}.copy", file_name(&self.path)));
        let copied = fs::copy(&self.path, &copy);
        let emptied = file.set_len(0);
        let renamed = copied.and_then(|_| fs::rename(&copy, &old));
        if renamed.is_err() {
            let _ = fs::remove_file(&copy);
        }
        if emptied.is_ok() {
            self.bytes = 0;
        }
        self.part += 1;
        let (part, name) = (self.part, file_name(&old));
        let head = format!("{PART_MARK}{part}, what was before is in `{name}`\n");
        let mut file = file;
        if file.write_all(head.as_bytes()).is_ok() {
            self.bytes += head.len() as u64;
        }
    }
}

/// How each part of a stream begins but the first. Its number follows.
pub const PART_MARK: &str = "mesosgot: part ";

fn file_name(path: &std::path::Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Whether both are the same plain file; then how long it is.
fn is_same(file: &File, path: &PathBuf) -> io::Result<u64> {
    let (open, named) = (file.metadata()?, fs::symlink_metadata(path)?);
    let is_same = (open.dev(), open.ino()) == (named.dev(), named.ino());
    match is_same && open.is_file() {
        true => Ok(open.len()),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Has every write go to the end of the file, wherever that is after it was emptied.
fn appends(file: &File) -> io::Result<()> {
    let flags = fcntl_getfl(file)?;
    Ok(fcntl_setfl(file, flags | OFlags::APPEND)?)
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Read as _};

    use super::*;

    #[test]
    fn a_file_of_the_sandbox_is_rotated_and_stays_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdout");
        // Without `append`, as some agents may open it.
        let mut opened = OpenOptions::new();
        let file = opened.create(true).truncate(true).write(true).open(&path);
        let mut reader = File::open(&path).unwrap();
        let mut stream = SharedStream::new(file.unwrap(), path.clone(), 200);
        for number in 0..30 {
            assert_eq!(stream.write(&format!("a line, number {number}\n")), None);
            let sizes =
                [&path, &old(&path)].map(|path| fs::metadata(path).map_or(0, |it| it.len()));
            assert!(sizes.iter().all(|size| *size <= 200), "{sizes:?}");
        }
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert!(text.starts_with(PART_MARK), "{text}");
        assert!(text.ends_with("number 29\n"), "{text}");
        let before = fs::read_to_string(old(&path)).unwrap();
        let (_, first) = text.split_once("number ").unwrap();
        let first: u32 = first.split_once('\n').unwrap().0.parse().unwrap();
        assert!(
            before.ends_with(&format!("number {}\n", first - 1)),
            "{before}\n---\n{text}"
        );
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2);
    }

    #[test]
    fn what_is_not_the_file_of_the_sandbox_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("stdout"), folder.path().join("other"));
        fs::write(&path, "theirs").unwrap();
        let file = File::create(&other).unwrap();
        let mut stream = SharedStream::new(file, path.clone(), 10);
        for _ in 0..10 {
            assert_eq!(stream.write("a line\n"), None);
        }
        assert_eq!(fs::metadata(&other).unwrap().len(), 70);
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut stream = SharedStream::new(full, "/nowhere".into(), 10);
        assert_eq!(stream.write("one\ntwo\n"), None);
        assert_eq!(stream.write("three\n"), None);
        stream.file = tempfile::tempfile().unwrap();
        assert_eq!(stream.write("four\n"), Some(3));
        assert_eq!(stream.write("five\n"), None);
    }
}
