//! Whether another task fits into what the system gives this process.
//!
//! A task takes memory maps, and file handles if it may have files or sockets. Linux bounds both
//! for each process, and what happens beyond depends on who meets the bound first: the guest, or
//! the executor itself. So a task takes a seat before it is instantiated, and is refused in words
//! while there is none.

mod supply;

use std::{
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use self::supply::Supply;

/// The seats of a process. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    supplies: Arc<Mutex<Supplies>>,
}

/// What one task takes; dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Room,
}

/// The system does not give the process enough for another task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// Its memory maps are used up.
    #[error(
        "this executor has no room for another task: a task takes up to {MAPS_EACH} memory maps, \
         {used} are in use, and the system gives a process {limit}; raise that on the agent with \
         `sysctl -w vm.max_map_count={}`, or run fewer tasks on each agent",
        limit.saturating_mul(4)
    )]
    Maps {
        /// How many it has.
        used: u64,
        /// How many it may have.
        limit: u64,
    },
    /// Its file handles are used up.
    #[error(
        "this executor has no room for another task: a task takes up to {HANDLES_EACH} file handles, \
         {used} are in use, and the agent gives a process {limit}; raise that for the agent \
         (`ulimit -n`, or `LimitNOFILE=` of its service), or run fewer tasks on each agent"
    )]
    Handles {
        /// How many it has.
        used: u64,
        /// How many it may have.
        limit: u64,
    },
    /// The system refused memory while the task was made.
    #[error(
        "the system gave this executor no memory for another task: {0}; see `vm.max_map_count`, \
         `vm.overcommit_memory` and `ulimit -v` on the agent, or run fewer tasks on each agent"
    )]
    Memory(String),
}

impl NoRoom {
    /// Whether the system's refusal of memory is what kept a guest from being made.
    pub(crate) fn is_in(error: &wasmtime::Error) -> Option<Self> {
        let mut causes = error.chain();
        let refused = causes.find(|cause| cause.downcast_ref() == Some(&Errno::NOMEM))?;
        Some(Self::Memory(refused.to_string()))
    }
}

#[derive(Debug)]
struct Supplies {
    maps: Supply,
    handles: Supply,
    /// Handles that guests open, one by one.
    opened: Supply,
    /// When one of those was refused last.
    refused: Option<Instant>,
    /// Those that guests have closed since, or before: they tell late.
    closed: u64,
    /// How many may be opened instead of them before it is counted again.
    instead: u64,
    count_handles: fn() -> Option<(u64, u64)>,
}

/// Memory maps of a task: two for its stack, four for a linear memory with data, two for another
/// one or a table that is large. Where it takes more or less, counting corrects it.
const MAPS_EACH: u64 = 8;

/// Maps that stay free: for threads, the heap of the process, code that is loaded, and tasks that
/// grow after they were made.
const MAPS_SPARE: u64 = 1024;

/// File handles of a task: its folder and some files or sockets in use.
const HANDLES_EACH: u64 = 4;

/// Handles that stay free: for connections to agent and scheduler, and modules that are fetched.
const HANDLES_SPARE: u64 = 64;

/// Handles that stay free when guests open files and sockets: for those above, and for tasks that
/// are launched, which would be told that there is no room for them.
const HANDLES_KEPT: u64 = 2 * HANDLES_SPARE;

/// For so long guests are refused handles without counting again: a guest can try without end, and
/// what others close nobody tells.
const RECOUNT_AFTER: Duration = Duration::from_millis(100);

impl Room {
    /// The seats of this process.
    pub(crate) fn of_process() -> Self {
        let supplies = Supplies {
            maps: Supply::new(MAPS_EACH, MAPS_SPARE),
            handles: Supply::new(HANDLES_EACH, HANDLES_SPARE),
            opened: Supply::new(1, HANDLES_KEPT),
            refused: None,
            closed: 0,
            instead: 0,
            count_handles,
        };
        Self {
            supplies: Arc::new(Mutex::new(supplies)),
        }
    }

    /// A seat for another task.
    ///
    /// It is counted now and then, which reads a line for each map of the process: rarely while
    /// there is room, and some 50 ms when it comes to an end.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn seat(&self) -> Result<Seat, NoRoom> {
        let mut supplies = self.supplies();
        let maps = supplies.maps.take(count_maps);
        maps.map_err(|(used, limit)| NoRoom::Maps { used, limit })?;
        let count = supplies.count_handles;
        if let Err((used, limit)) = supplies.handles.take(count) {
            supplies.maps.give_back();
            return Err(NoRoom::Handles { used, limit });
        }
        Ok(Seat { room: self.clone() })
    }

    /// Whether a guest may open another file or socket and still leave the executor what it needs.
    pub(crate) fn may_open(&self) -> bool {
        let mut supplies = self.supplies();
        let now = Instant::now();
        let is_known = |refused: Instant| now.duration_since(refused) < RECOUNT_AFTER;
        if supplies.refused.is_some_and(is_known) {
            if supplies.closed == 0 {
                return false;
            }
            if let Some(left) = supplies.instead.checked_sub(1) {
                supplies.instead = left;
                supplies.closed -= 1;
                return true;
            }
        }
        let count = supplies.count_handles;
        let taken = supplies.opened.take(count);
        supplies.refused = taken.is_err().then_some(now);
        supplies.closed = 0;
        if let Err((used, limit)) = taken {
            // So that it is counted again, some time later.
            supplies.opened.give_back();
            let free = limit.saturating_sub(used);
            supplies.instead = free.saturating_sub(HANDLES_SPARE);
        }
        taken.is_ok()
    }

    /// A guest was allowed to open one, and that failed.
    pub(crate) fn not_opened(&self) {
        let mut supplies = self.supplies();
        match supplies.refused {
            Some(_) => supplies.closed += 1,
            None => supplies.opened.give_back(),
        }
    }

    /// A guest has closed so many, which another one may open.
    pub(crate) fn closed(&self, handles: u64) {
        self.supplies().closed += handles;
    }

    /// The seats of a process that has so many handles.
    #[cfg(test)]
    pub(crate) fn counted_by(count_handles: fn() -> Option<(u64, u64)>) -> Self {
        let room = Self::of_process();
        room.supplies().count_handles = count_handles;
        room
    }

    /// How many guests have opened since it was counted.
    #[cfg(test)]
    pub(crate) fn opened(&self) -> u64 {
        self.supplies().opened.taken()
    }

    /// How many handles there are for all guests together; nothing if the system does not tell.
    pub(crate) fn handles_for_guests(&self) -> Option<u64> {
        let limit = getrlimit(Resource::Nofile).current?;
        Some(limit.saturating_sub(HANDLES_KEPT))
    }

    fn supplies(&self) -> MutexGuard<'_, Supplies> {
        self.supplies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut supplies = self.room.supplies();
        supplies.maps.give_back();
        supplies.handles.give_back();
    }
}

/// For how many tasks an executor has room by these limits of a process, if it takes nothing else;
/// nothing if neither is known.
pub fn room_for(maps: Option<u64>, handles: Option<u64>) -> Option<u64> {
    let maps = maps.map(|limit| limit.saturating_sub(MAPS_SPARE) / MAPS_EACH);
    let handles = handles.map(|limit| limit.saturating_sub(HANDLES_SPARE) / HANDLES_EACH);
    match (maps, handles) {
        (Some(maps), Some(handles)) => Some(maps.min(handles)),
        (one, other) => one.or(other),
    }
}

/// How many memory maps a process must be given for so many tasks.
pub fn maps_for(tasks: u64) -> u64 {
    tasks.saturating_mul(MAPS_EACH).saturating_add(MAPS_SPARE)
}

/// How many file handles a process must be given for so many tasks.
pub fn handles_for(tasks: u64) -> u64 {
    tasks
        .saturating_mul(HANDLES_EACH)
        .saturating_add(HANDLES_SPARE)
}

/// Lets this process have as many file handles as it may give itself.
pub(crate) fn raise_handles() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::warn!(%error, "the limit of file handles stays as it is");
    }
}

/// How many maps this process has and may have; nothing if the system does not tell.
fn count_maps() -> Option<(u64, u64)> {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok()?;
    let limit = limit.trim().parse().ok()?;
    let maps = fs::read("/proc/self/maps").ok()?;
    let used = maps.iter().filter(|byte| **byte == b'\n').count();
    Some((used as u64, limit))
}

/// The same of file handles.
fn count_handles() -> Option<(u64, u64)> {
    let limit = getrlimit(Resource::Nofile).current?;
    let used = fs::read_dir("/proc/self/fd").ok()?.count();
    Some((used as u64, limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_what_there_is() {
        for (used, limit) in [count_maps().unwrap(), count_handles().unwrap()] {
            assert!(0 < used && used < limit, "{used} of {limit}");
        }
    }

    #[test]
    fn the_scarcer_of_both_limits_bounds_how_many_tasks_there_is_room_for() {
        for tasks in [1, 1000, 10_000] {
            let (maps, handles) = (maps_for(tasks), handles_for(tasks));
            assert_eq!(room_for(Some(maps), Some(handles)), Some(tasks));
            assert_eq!(room_for(Some(maps - 1), None), Some(tasks - 1));
            assert_eq!(room_for(None, Some(handles - 1)), Some(tasks - 1));
        }
        assert_eq!(room_for(None, None), None);
        assert_eq!(room_for(Some(0), Some(0)), Some(0));
    }

    #[test]
    fn what_there_is_not_is_told_with_its_name_its_value_and_the_remedy() {
        let (used, limit) = (64_980, 65_530);
        let text = NoRoom::Maps { used, limit }.to_string();
        for part in [
            "64980 are in use",
            "gives a process 65530",
            "vm.max_map_count=262120",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let text = NoRoom::Handles { used, limit }.to_string();
        assert!(text.contains("ulimit -n"), "{text}");
    }

    #[test]
    fn a_seat_is_free_again_when_its_task_is_gone() {
        let room = Room::of_process();
        let seats: Vec<_> = (0..3).map(|_| room.seat().unwrap()).collect();
        assert_eq!(room.supplies().maps.taken(), 3);
        drop(seats);
        assert_eq!(room.supplies().maps.taken(), 0);
    }
}
