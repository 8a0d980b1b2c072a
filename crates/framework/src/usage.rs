//! What tasks took, as their executors tell it with each end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::spec;
use mesos::{TaskId, v1};
use prost::Message as _;
use scheduler::ledger::task_name;
use tracing::debug;
use v1::task_status::Source;

/// What one task took from its launch to its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskUsage {
    /// Processor time.
    pub cpu_time: Duration,
    /// The linear memory that it had at its end.
    pub memory_bytes: u64,
    /// The most linear memory that it had.
    pub memory_bytes_peak: u64,
    /// Messages that its function received.
    pub messages_in: u64,
    /// Messages that it sent.
    pub messages_out: u64,
    /// Bytes of the messages received.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
    /// How often wasm stopped it where it was: by its own doing or at a limit.
    pub traps: u32,
}

/// What all tasks took that have ended, those that were started again with all their lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TotalUsage {
    /// How many ends were told with what the task took.
    pub ends: u64,
    /// Processor time of all.
    pub cpu_time: Duration,
    /// The most linear memory that one of them had.
    pub memory_bytes_peak: u64,
    /// Traps of all.
    pub traps: u64,
}

/// What the tasks of a run took, shared by all clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usages(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The last end of each task, by its name: an entry for each task that the scheduler knows.
    last: HashMap<String, (TaskId, TaskUsage)>,
    total: TotalUsage,
}

impl Usages {
    /// Remembers what an executor tells with the end of a task. Agents send an update again until
    /// it is acknowledged: it counts once.
    pub(crate) fn note(&self, status: &v1::TaskStatus) {
        let Some(data) = status.data.clone() else {
            return;
        };
        let task = TaskId::from(&status.task_id);
        let (true, Some(name)) = (status.source() == Source::Executor, task_name(&task)) else {
            return;
        };
        let usage = match spec::TaskUsage::decode(data) {
            Ok(usage) => TaskUsage::from(usage),
            Err(error) => return debug!(%task, %error, "left out a usage that is malformed"),
        };
        let mut inner = self.lock();
        if inner.last.get(name).is_some_and(|(last, _)| *last == task) {
            return;
        }
        inner.total.add(&usage);
        inner.last.insert(name.to_owned(), (task, usage));
    }

    /// What the task of that name took until its last end.
    pub(crate) fn task(&self, name: &str) -> Option<TaskUsage> {
        self.lock().last.get(name).map(|(_, usage)| *usage)
    }

    pub(crate) fn total(&self) -> TotalUsage {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TotalUsage {
    fn add(&mut self, usage: &TaskUsage) {
        self.ends += 1;
        self.cpu_time = self.cpu_time.saturating_add(usage.cpu_time);
        self.memory_bytes_peak = self.memory_bytes_peak.max(usage.memory_bytes_peak);
        self.traps += u64::from(usage.traps);
    }
}

impl From<spec::TaskUsage> for TaskUsage {
    fn from(usage: spec::TaskUsage) -> Self {
        Self {
            cpu_time: Duration::from_micros(usage.cpu_time_us),
            memory_bytes: usage.memory_bytes,
            memory_bytes_peak: usage.memory_bytes_peak,
            messages_in: usage.messages_in,
            messages_out: usage.messages_out,
            bytes_in: usage.bytes_in,
            bytes_out: usage.bytes_out,
            traps: usage.traps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(id: &str, cpu_time_us: u64, memory_bytes_peak: u64) -> v1::TaskStatus {
        let usage = spec::TaskUsage {
            cpu_time_us,
            memory_bytes_peak,
            traps: 1,
            ..spec::TaskUsage::default()
        };
        v1::TaskStatus {
            task_id: TaskId::from(id).into(),
            source: Some(Source::Executor.into()),
            data: Some(usage.encode_to_vec().into()),
            ..v1::TaskStatus::default()
        }
    }

    #[test]
    fn each_end_counts_once_and_the_last_one_is_the_tasks() {
        let usages = Usages::default();
        usages.note(&end("a.b-0.0000beef.1", 20, 300));
        usages.note(&end("a.b-0.0000beef.1", 20, 300));
        usages.note(&end("a.b-0.0000beef.2", 1, 100));
        let last = usages.task("a.b-0").unwrap();
        assert_eq!(last.cpu_time, Duration::from_micros(1));
        let total = TotalUsage {
            ends: 2,
            cpu_time: Duration::from_micros(21),
            memory_bytes_peak: 300,
            traps: 2,
        };
        assert_eq!(usages.total(), total);
    }

    #[test]
    fn what_is_not_told_by_an_executor_or_makes_no_sense_is_left_out() {
        let usages = Usages::default();
        let good = end("a-0.0.1", 20, 300);
        usages.note(&v1::TaskStatus {
            data: None,
            ..good.clone()
        });
        usages.note(&v1::TaskStatus {
            source: Some(Source::Agent.into()),
            ..good.clone()
        });
        usages.note(&v1::TaskStatus {
            data: Some(b"\xff\xff".as_slice().into()),
            ..good
        });
        usages.note(&end("another's", 20, 300));
        assert_eq!(usages.total(), TotalUsage::default());
    }
}
