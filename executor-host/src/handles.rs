//! The files and sockets that a guest has open, with a bound.
//!
//! The system gives a process so many file handles. What a guest opens comes out of them, and the
//! executor needs some itself: for its agent, its link, its output. So a guest has a share at most,
//! and all of them together leave some free (`Room`). Who wants more is refused with an error code
//! as a program of the system would be, and goes on.

use std::{
    fs,
    sync::{Arc, Weak},
};

use tracing::warn;

use crate::room::Room;

/// What one guest has open.
#[derive(Debug)]
pub(crate) struct Handles {
    room: Room,
    task: Box<str>,
    max: usize,
    /// Files and folders. A stream keeps its file open when the guest has let go of that, and so
    /// does a thread that reads it: whether one is closed only its own count knows.
    files: Vec<Weak<fs::File>>,
    sockets: usize,
    /// The operator was told that it wanted more.
    is_told: bool,
}

/// Files and sockets of one task: each socket takes some six resources of the guest, and a server
/// in wasm serves tens of connections.
const OPEN_MAX: usize = 256;

/// A task has a part of what the process has, so that it takes eight to hold up another one.
const PART: u64 = 8;

impl Handles {
    /// Of a guest that has nothing open yet.
    pub(crate) fn new(room: &Room, task: &str) -> Self {
        let part = room.handles_for_guests().map(|handles| handles / PART);
        let part = part.and_then(|part| usize::try_from(part).ok());
        Self {
            room: room.clone(),
            task: task.into(),
            max: part.unwrap_or(OPEN_MAX).min(OPEN_MAX),
            files: Vec::new(),
            sockets: 0,
            is_told: false,
        }
    }

    /// Whether the guest may open another file or socket.
    pub(crate) fn may_open(&mut self) -> bool {
        if self.files.len() + self.sockets >= self.max {
            self.forget_closed();
        }
        let is_within = self.files.len() + self.sockets < self.max;
        let mut may = is_within && self.room.may_open();
        if is_within && !may && self.forget_closed() {
            may = self.room.may_open();
        }
        if !may && !self.is_told {
            self.is_told = true;
            let (task, max) = (&self.task, self.max);
            match is_within {
                false => warn!("`{task}` has {max} files and sockets open, and may have no more"),
                true => warn!(
                    "`{task}` may open no more files and sockets: this process has few file \
                     handles left; raise `ulimit -n` of the agent, or run fewer tasks on it"
                ),
            }
        }
        may
    }

    /// The guest has this file or folder open.
    pub(crate) fn opened(&mut self, file: &Arc<fs::File>) {
        self.files.push(Arc::downgrade(file));
    }

    /// It could not open what it was allowed to.
    pub(crate) fn not_opened(&self) {
        self.room.not_opened();
    }

    /// The guest has another socket.
    pub(crate) fn opened_socket(&mut self) {
        self.sockets += 1;
    }

    /// The guest has let go of a socket.
    pub(crate) fn closed_socket(&mut self) {
        self.sockets = self.sockets.saturating_sub(1);
        self.room.closed(1);
    }

    /// Looks which files were closed; whether there were any.
    fn forget_closed(&mut self) -> bool {
        let known = self.files.len();
        self.files.retain(|file| file.strong_count() > 0);
        let closed = known - self.files.len();
        self.room.closed(closed as u64);
        closed > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_guest_has_so_many_files_and_sockets_open_until_it_closes_some() {
        let mut handles = Handles::new(&Room::of_process(), "a-0");
        let max = handles.max;
        assert!((1..=OPEN_MAX).contains(&max), "{max}");
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut files = Vec::new();
        for _ in 0..max - 1 {
            assert!(handles.may_open());
            files.push(Arc::new(file.try_clone().unwrap()));
            handles.opened(files.last().unwrap());
        }
        assert!(handles.may_open());
        handles.opened_socket();
        assert!(!handles.may_open());
        // A stream has it as well.
        let stream = files.last().cloned();
        files.pop();
        assert!(!handles.may_open());
        drop(stream);
        assert!(handles.may_open());
        handles.opened(&file);
        assert!(!handles.may_open());
        handles.closed_socket();
        assert!(handles.may_open());
    }

    #[test]
    fn what_was_closed_before_it_was_counted_makes_no_room() {
        const LIMIT: u64 = 1000;
        // Those that all guests may have, and a part of what the executor keeps.
        const BOUND: u64 = LIMIT - 64;
        static USED: AtomicU64 = AtomicU64::new(LIMIT - 128);
        let room = Room::counted_by(|| Some((USED.load(Ordering::Relaxed), LIMIT)));
        let with_closed = |count| {
            let mut handles = Handles::new(&room, "a-0");
            handles.max = OPEN_MAX;
            for _ in 0..count {
                handles.files.push(Weak::new());
            }
            handles
        };
        let mut both = [with_closed(200), with_closed(250)];
        for _ in 0..1000 {
            for handles in &mut both {
                if handles.may_open() {
                    handles.opened_socket();
                    USED.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        let used = USED.load(Ordering::Relaxed);
        assert!(used <= BOUND, "{used}");
        // What is closed now does.
        for _ in 0..200 {
            USED.fetch_sub(1, Ordering::Relaxed);
            both[0].closed_socket();
        }
        assert!(both[1].may_open());
    }

    #[test]
    fn what_could_not_be_opened_takes_no_room() {
        let room = Room::counted_by(|| Some((0, 1000)));
        let mut handles = Handles::new(&room, "a-0");
        for _ in 0..2000 {
            assert!(handles.may_open());
            handles.not_opened();
        }
        assert_eq!(room.opened(), 0);
    }
}
