//! One file for each task that prints, of bounded size, and all of them together of bounded size.
//!
//! ```text
//! output/NAME.log      what comes
//! output/NAME.log.1    what came before, when that has become too large
//! ```
//!
//! A task that prints nothing has no file, and few of those that do are open at a time.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    mem,
    path::{Path, PathBuf},
};

use crate::grants::folder_name;

/// Files that are open at a time: of those that print most, whatever else the executor has open.
const OPEN_MAX: usize = 32;

/// What the files may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileBounds {
    /// One of the two parts of a task's file.
    pub(super) part_bytes_max: u64,
    /// The files of all tasks. When there is more, what was written longest ago goes.
    pub(super) total_bytes_max: u64,
}

/// The files of all tasks of an executor.
#[derive(Debug)]
pub(super) struct TaskFiles {
    folder: PathBuf,
    bounds: FileBounds,
    known: HashMap<String, Known>,
    open: HashMap<String, File>,
    total_bytes: u64,
    /// Counts writes: the order in which files were used.
    clock: u64,
}

/// The file of one task.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    bytes: u64,
    old_bytes: u64,
    used: u64,
}

impl TaskFiles {
    /// Files in that folder, which is made when it is needed.
    pub(super) fn new(folder: PathBuf, bounds: FileBounds) -> Self {
        Self {
            folder,
            bounds,
            known: HashMap::new(),
            open: HashMap::new(),
            total_bytes: 0,
            clock: 0,
        }
    }

    /// The name of a task's file, in the folder.
    pub(super) fn name(task: &str) -> String {
        format!("{}.log", folder_name(task))
    }

    /// Appends whole lines. Answers how many files of others had to go.
    pub(super) fn append(&mut self, task: &str, lines: &[u8]) -> io::Result<usize> {
        let path = self.folder.join(Self::name(task));
        let more = lines.len() as u64;
        if !self.open.contains_key(task) {
            self.open(task, &path)?;
        }
        let known = self.known.entry(task.to_owned()).or_default();
        if known.bytes > 0 && known.bytes + more > self.bounds.part_bytes_max {
            let gone = rotate(known, &path)?;
            self.total_bytes = self.total_bytes.saturating_sub(gone);
            self.open(task, &path)?;
        }
        let file = self.open.get_mut(task).expect("it was opened");
        file.write_all(lines)?;
        self.clock += 1;
        let known = self.known.entry(task.to_owned()).or_default();
        known.bytes += more;
        known.used = self.clock;
        self.total_bytes += more;
        Ok(self.make_room(task))
    }

    /// Nothing more comes of this task.
    pub(super) fn close(&mut self, task: &str) {
        self.open.remove(task);
    }

    fn open(&mut self, task: &str, path: &Path) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        if self.open.len() >= OPEN_MAX {
            let used = |task: &&String| self.known.get(*task).map_or(0, |known| known.used);
            if let Some(oldest) = self.open.keys().min_by_key(used).cloned() {
                self.open.remove(&oldest);
            }
        }
        self.open.insert(task.to_owned(), file);
        Ok(())
    }

    /// Removes what was written longest ago, the older parts first, but nothing of this task.
    fn make_room(&mut self, writing: &str) -> usize {
        if self.total_bytes <= self.bounds.total_bytes_max {
            return 0;
        }
        // Down to well below, so that this is not done for each line.
        let enough = self.bounds.total_bytes_max / 8 * 7;
        let others = self.known.iter().filter(|(task, _)| *task != writing);
        let parts = others.flat_map(|(task, known)| {
            let parts = [(false, known.old_bytes), (true, known.bytes)];
            let parts = parts.into_iter().filter(|(_, bytes)| *bytes > 0);
            parts.map(|(is_current, bytes)| (is_current, known.used, task.clone(), bytes))
        });
        let mut parts: Vec<_> = parts.collect();
        parts.sort_unstable();
        let mut removed = 0;
        for (is_current, _, task, bytes) in parts {
            if self.total_bytes <= enough {
                break;
            }
            let path = self.folder.join(Self::name(&task));
            // Of what cannot be removed nothing more can be had.
            let _ = match is_current {
                true => fs::remove_file(&path),
                false => fs::remove_file(old(&path)),
            };
            self.total_bytes = self.total_bytes.saturating_sub(bytes);
            removed += 1;
            if let Some(known) = self.known.get_mut(&task) {
                match is_current {
                    true => known.bytes = 0,
                    false => known.old_bytes = 0,
                }
            }
            if is_current {
                self.open.remove(&task);
            }
        }
        removed
    }
}

/// Makes the file at that path the older part. Answers how many bytes are gone with that, which are
/// counted only when it is done: what fails is tried again.
fn rotate(known: &mut Known, path: &Path) -> io::Result<u64> {
    match fs::rename(path, old(path)) {
        Ok(()) => {
            let gone = known.old_bytes;
            (known.old_bytes, known.bytes) = (known.bytes, 0);
            Ok(gone)
        }
        // Somebody has moved or removed it; what was before is as it was.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(mem::take(&mut known.bytes)),
        Err(error) => Err(error),
    }
}

/// Where the older part of a file is.
pub(super) fn old(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> TaskFiles {
        let bounds = FileBounds {
            part_bytes_max: 100,
            total_bytes_max: 1000,
        };
        TaskFiles::new(folder.join("output"), bounds)
    }

    fn sizes(folder: &Path) -> HashMap<String, u64> {
        let entries = fs::read_dir(folder.join("output")).unwrap();
        let entries = entries.map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, entry.metadata().unwrap().len())
        });
        entries.collect()
    }

    #[test]
    fn a_file_has_two_parts_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path());
        for number in 0..50 {
            let line = format!("line {number:2} of ten bytes\n");
            files.append("a", line.as_bytes()).unwrap();
        }
        let sizes = sizes(folder.path());
        assert_eq!(sizes.len(), 2);
        assert!(sizes.values().all(|size| (1..=100).contains(size)));
        let last = fs::read_to_string(folder.path().join("output/a.log")).unwrap();
        assert!(last.ends_with("line 49 of ten bytes\n"), "{last}");
    }

    #[test]
    fn all_files_together_are_bounded_and_the_last_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path());
        let mut removed = 0;
        for number in 0..40 {
            let task = format!("t-{number}");
            removed += files.append(&task, &[b'x'; 60]).unwrap();
            removed += files.append(&task, &[b'y'; 60]).unwrap();
            let total: u64 = sizes(folder.path()).values().sum();
            assert!(total <= 1000, "{total}");
            assert_eq!(total, files.total_bytes);
            assert!(files.open.len() <= OPEN_MAX);
        }
        assert!(removed > 0);
        let sizes = sizes(folder.path());
        assert!(sizes.contains_key("t-39.log") && sizes.contains_key("t-39.log.1"));
        assert!(!sizes.contains_key("t-0.log"));
    }

    #[test]
    fn whose_file_was_removed_begins_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path());
        files.append("quiet", b"one\n").unwrap();
        for number in 0..10 {
            let task = format!("t-{number}");
            files.append(&task, &[b'x'; 100]).unwrap();
            files.append(&task, &[b'y'; 100]).unwrap();
        }
        files.append("quiet", b"two\n").unwrap();
        let quiet = fs::read_to_string(folder.path().join("output/quiet.log")).unwrap();
        assert_eq!(quiet, "two\n");
    }

    #[test]
    fn whose_file_was_removed_from_outside_goes_on_and_is_counted_right() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(folder.path());
        let [current, older] = ["output/a.log", "output/a.log.1"].map(|it| folder.path().join(it));
        let total = || sizes(folder.path()).values().sum::<u64>();
        for line in [b'1', b'2'] {
            files.append("a", &[line; 60]).unwrap();
        }
        fs::remove_file(&current).unwrap();
        // The next line would have made it the older part.
        files.append("a", &[b'3'; 60]).unwrap();
        assert_eq!(fs::read(&older).unwrap(), [b'1'; 60]);
        assert_eq!(fs::read(&current).unwrap(), [b'3'; 60]);
        assert_eq!((files.total_bytes, total()), (120, 120));
        // What is in the way of that fails, as often as it is tried, and is counted once.
        fs::remove_file(&older).unwrap();
        fs::create_dir_all(older.join("in the way")).unwrap();
        for _ in 0..3 {
            assert!(files.append("a", &[b'4'; 60]).is_err());
            assert_eq!(files.total_bytes, 120);
        }
        fs::remove_dir_all(&older).unwrap();
        files.append("a", &[b'4'; 60]).unwrap();
        assert_eq!((files.total_bytes, total()), (120, 120));
        // With the whole folder, too.
        fs::remove_dir_all(folder.path().join("output")).unwrap();
        files.append("a", &[b'5'; 60]).unwrap();
        assert_eq!(fs::read(&current).unwrap(), [b'5'; 60]);
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        assert_eq!(TaskFiles::name("../etc/x"), "%2e.%2fetc%2fx.log");
    }
}
