//! The processes of an executor, wherever in its tree they are.
//!
//! Found in `/proc`, as a real agent's posix launcher does: everything in the leader's session,
//! and every descendant of those. Out of reach is only what has left the session *and* lost its
//! parent: a daemon.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// How often [`sweep`] looks again. With the pauses in between about two seconds: killed processes
/// take milliseconds to go, and one that forks faster than it is killed would take for ever.
const SWEEPS_MAX: u32 = 200;

/// Between two looks at what was killed.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);

/// Kills a living leader and everything of it.
pub(super) fn kill(leader: Pid) {
    // Before the leader: with its parent a process is hard to find.
    for pid in members(leader) {
        let _ = kill_process(pid, Signal::KILL);
    }
    // Also what was forked meanwhile. The leader itself is not reaped, so nobody else can be hit.
    let _ = kill_process_group(leader, Signal::KILL);
    let _ = kill_process(leader, Signal::KILL);
}

/// Asks a living leader and everything of it to end.
pub(super) fn terminate(leader: Pid) {
    for pid in members(leader) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

/// Kills what an ended leader has left, and waits until it is gone.
pub(super) fn sweep(leader: Pid) {
    for _ in 0..SWEEPS_MAX {
        let left = members(leader);
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(SWEEP_PAUSE);
    }
    tracing::error!(
        leader = leader.as_raw_nonzero().get(),
        "processes of an executor are left"
    );
}

/// Everything alive that belongs to the leader, itself included.
fn members(leader: Pid) -> Vec<Pid> {
    let members = Processes::read().of(leader.as_raw_nonzero().get());
    members.into_iter().filter_map(Pid::from_raw).collect()
}

/// All processes of the system at one moment.
#[derive(Debug)]
pub(super) struct Processes(Vec<Entry>);

impl Processes {
    pub(super) fn read() -> Self {
        Self(living())
    }

    /// Those that belong to a leader, itself included.
    pub(super) fn of(&self, leader: i32) -> BTreeSet<i32> {
        let processes = self.0.iter();
        let mut members: BTreeSet<i32> = processes
            .filter(|process| process.session == leader || process.pid == leader)
            .map(|process| process.pid)
            .collect();
        // Children may stand before their parents in the list: again until nothing is new.
        loop {
            let before = members.len();
            for process in &self.0 {
                if members.contains(&process.parent) {
                    members.insert(process.pid);
                }
            }
            if members.len() == before {
                return members;
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    pid: i32,
    parent: i32,
    session: i32,
}

/// All processes of the system that have not ended.
fn living() -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    directory
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// Reads `/proc/<pid>/stat`; `None` for a process that has ended. Behind the name, which can
/// contain anything, stand state, parent, group and session.
fn parse(pid: i32, stat: &str) -> Option<Entry> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X" | "x") {
        return None;
    }
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Entry {
        pid,
        parent,
        session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_behind_the_name() {
        let line = "77 (a) Z 1 (x) S 12 34 56 0 -1 4194560";
        assert_eq!(
            parse(77, line),
            Some(Entry {
                pid: 77,
                parent: 12,
                session: 56
            })
        );
    }

    #[test]
    fn a_process_that_has_ended_does_not_count() {
        assert_eq!(parse(77, "77 (sh) Z 12 34 56 0"), None);
        assert_eq!(parse(77, "77 (sh"), None);
        assert_eq!(parse(77, ""), None);
    }

    #[test]
    fn this_process_is_alive() {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        assert!(living().iter().any(|process| process.pid == own));
    }
}
