//! What tasks take, as their executors tell it with each end, and while they run if somebody wants
//! to know.

mod watching;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use link::spec;
use mesos::{TaskId, v1};
use prost::Message as _;
use scheduler::ledger::task_name;
use tokio::sync::watch;
use tracing::debug;
use v1::task_status::Source;

pub use self::watching::UsageWatch;
use self::watching::Wants;
use crate::convert::task_state;

/// What one task took from its launch until now or its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskUsage {
    /// Processor time.
    pub cpu_time: Duration,
    /// The linear memory that it has, or had at its end.
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
    /// It has not ended: there will be more. If not, and the task was launched again, nothing is
    /// known of its new life yet.
    pub is_running: bool,
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
pub(crate) struct Usages {
    known: Arc<Mutex<KnownUsages>>,
    wants: Arc<Wants>,
}

/// What is known of all tasks.
#[derive(Debug, Default)]
pub(crate) struct KnownUsages {
    /// An entry for each task that the scheduler knows, by its name.
    tasks: HashMap<String, Known>,
    total: TotalUsage,
}

#[derive(Debug)]
struct Known {
    /// The newest life.
    task: TaskId,
    is_over: bool,
    /// Of the newest life that anything was told of.
    usage: Option<TaskUsage>,
    /// Of the newest life while it runs, once it was told.
    running: Option<Running>,
}

/// What an executor told last of a task that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    /// What it has taken.
    pub(crate) usage: TaskUsage,
    /// It waits for a message.
    pub(crate) is_receiving: bool,
    /// It waits for room to send one.
    pub(crate) is_blocked: bool,
}

impl Usages {
    /// Tasks that are being launched: each begins a new life.
    pub(crate) fn launched<'a>(&self, tasks: impl IntoIterator<Item = &'a TaskId>) {
        let mut known = self.lock();
        for task in tasks {
            if let Some(name) = task_name(task) {
                known.begin(name, task);
            }
        }
    }

    /// Remembers what an executor tells of tasks that run. A piece that comes twice or late does no
    /// harm, and of tasks that were not launched nothing is remembered.
    pub(crate) fn told(&self, usages: spec::Usages) {
        let mut known = self.lock();
        for told in usages.tasks {
            let task = TaskId::new(told.task_id);
            let (Some(name), Some(usage)) = (task_name(&task), told.usage) else {
                continue;
            };
            let Some(found) = known.living(name, &task) else {
                continue;
            };
            let usage = TaskUsage {
                is_running: true,
                ..usage.into()
            };
            found.usage = Some(usage);
            found.running = Some(Running {
                usage,
                is_receiving: told.is_receiving,
                is_blocked: told.is_blocked,
            });
        }
    }

    /// Remembers what an executor tells with the end of a task. Agents send an update again until
    /// it is acknowledged: it counts once. A life that was given up for lost, and whose end comes
    /// when the task has been launched again, does not count.
    pub(crate) fn note(&self, status: &v1::TaskStatus) {
        let task = TaskId::from(&status.task_id);
        let Some(name) = task_name(&task) else { return };
        if !task_state(status.state()).is_end() {
            return;
        }
        let usage = usage_of(status, &task);
        let mut known = self.lock();
        let Some(found) = known.living(name, &task) else {
            return;
        };
        found.end(usage);
        if let Some(usage) = &usage {
            known.total.add(usage);
        }
    }

    /// What the task of that name has taken, as far as it was told.
    pub(crate) fn task(&self, name: &str) -> Option<TaskUsage> {
        self.lock().tasks.get(name)?.usage
    }

    pub(crate) fn total(&self) -> TotalUsage {
        self.lock().total
    }

    /// Wants to know of tasks that run for as long as the value is kept.
    pub(crate) fn watch(&self, interval: Duration) -> UsageWatch {
        Wants::add(&self.wants, interval)
    }

    /// How soon executors are to tell what changes, if at all.
    pub(crate) fn wanted(&self) -> watch::Receiver<Option<Duration>> {
        self.wants.shortest()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, KnownUsages> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KnownUsages {
    /// What its executor told last of a task, unless it has ended.
    pub(crate) fn running(&self, task: &TaskId) -> Option<&Running> {
        let found = self.tasks.get(task_name(task)?)?;
        found.running.as_ref().filter(|_| found.task == *task)
    }

    /// A task unless it has ended or was launched again.
    fn living(&mut self, name: &str, task: &TaskId) -> Option<&mut Known> {
        let found = self.tasks.get_mut(name);
        found.filter(|it| it.task == *task && !it.is_over)
    }

    fn begin(&mut self, name: &str, task: &TaskId) {
        // Whether or not somebody has told its end.
        let before = self.tasks.remove(name).map(|mut before| {
            before.end(None);
            before
        });
        let life = Known {
            task: task.clone(),
            is_over: false,
            usage: before.and_then(|it| it.usage),
            running: None,
        };
        self.tasks.insert(name.to_owned(), life);
    }
}

impl Known {
    /// Its life is over; without a last word, what was told before is all that there is.
    fn end(&mut self, last: Option<TaskUsage>) {
        self.is_over = true;
        self.running = None;
        let ended = |usage| TaskUsage {
            is_running: false,
            ..usage
        };
        self.usage = last.or_else(|| self.usage.map(ended));
    }
}

/// What an executor says in the last update of a task.
fn usage_of(status: &v1::TaskStatus, task: &TaskId) -> Option<TaskUsage> {
    let data = status.data.clone()?;
    if status.source() != Source::Executor {
        return None;
    }
    match spec::TaskUsage::decode(data) {
        Ok(usage) => Some(TaskUsage::from(usage)),
        Err(error) => {
            debug!(%task, %error, "left out a usage that is malformed");
            None
        }
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
            is_running: false,
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
            state: v1::TaskState::TaskFailed.into(),
            source: Some(Source::Executor.into()),
            data: Some(usage.encode_to_vec().into()),
            ..v1::TaskStatus::default()
        }
    }

    fn usages(launched: &[&str]) -> Usages {
        let usages = Usages::default();
        for task in launched {
            usages.launched([&TaskId::from(*task)]);
        }
        usages
    }

    fn tell(usages: &Usages, id: &str, cpu_time_us: u64) {
        let usage = spec::TaskUsage {
            cpu_time_us,
            ..spec::TaskUsage::default()
        };
        let told = spec::RunningUsage {
            task_id: id.to_owned(),
            usage: Some(usage),
            is_receiving: true,
            is_blocked: false,
        };
        usages.told(spec::Usages { tasks: vec![told] });
    }

    /// How much of a processor a task took, in microseconds, and whether it runs.
    fn known(usages: &Usages, name: &str) -> Option<(u128, bool)> {
        let usage = usages.task(name)?;
        Some((usage.cpu_time.as_micros(), usage.is_running))
    }

    #[test]
    fn each_end_counts_once_and_the_last_one_is_the_tasks() {
        let usages = usages(&["a.b-0.0000beef.1"]);
        usages.note(&end("a.b-0.0000beef.1", 20, 300));
        usages.note(&end("a.b-0.0000beef.1", 20, 300));
        usages.launched([&TaskId::from("a.b-0.0000beef.2")]);
        usages.note(&end("a.b-0.0000beef.2", 1, 100));
        usages.note(&end("a.b-0.0000beef.1", 20, 300));
        assert_eq!(known(&usages, "a.b-0"), Some((1, false)));
        let total = TotalUsage {
            ends: 2,
            cpu_time: Duration::from_micros(21),
            memory_bytes_peak: 300,
            traps: 2,
        };
        assert_eq!(usages.total(), total);
    }

    #[test]
    fn what_a_task_takes_is_known_while_it_runs_and_until_its_next_life_is_heard_of() {
        let usages = usages(&["a-0.0.1"]);
        let is_waiting = |id: &str| {
            let id = TaskId::from(id);
            usages.lock().running(&id).map(|it| it.is_receiving)
        };
        assert_eq!((known(&usages, "a-0"), is_waiting("a-0.0.1")), (None, None));
        tell(&usages, "a-0.0.1", 5);
        tell(&usages, "a-0.0.1", 5);
        assert_eq!(known(&usages, "a-0"), Some((5, true)));
        assert_eq!(is_waiting("a-0.0.1"), Some(true));
        usages.note(&end("a-0.0.1", 7, 0));
        // Late.
        tell(&usages, "a-0.0.1", 6);
        assert_eq!(known(&usages, "a-0"), Some((7, false)));
        assert_eq!(is_waiting("a-0.0.1"), None);
        usages.launched([&TaskId::from("a-0.0.2")]);
        assert_eq!(known(&usages, "a-0"), Some((7, false)));
        tell(&usages, "a-0.0.1", 8);
        tell(&usages, "a-0.0.2", 1);
        assert_eq!(known(&usages, "a-0"), Some((1, true)));
        assert_eq!(
            (is_waiting("a-0.0.1"), is_waiting("a-0.0.2")),
            (None, Some(true))
        );
        assert_eq!(usages.total().ends, 1);
    }

    #[test]
    fn an_end_without_a_last_word_leaves_what_was_told_before() {
        let usages = usages(&["a-0.0.1"]);
        tell(&usages, "a-0.0.1", 5);
        let lost = v1::TaskStatus {
            state: v1::TaskState::TaskLost.into(),
            source: Some(Source::Master.into()),
            data: None,
            ..end("a-0.0.1", 0, 0)
        };
        usages.note(&v1::TaskStatus {
            state: v1::TaskState::TaskUnreachable.into(),
            ..lost.clone()
        });
        assert_eq!(known(&usages, "a-0"), Some((5, true)));
        usages.note(&lost);
        assert_eq!(known(&usages, "a-0"), Some((5, false)));
        assert_eq!(usages.total(), TotalUsage::default());
    }

    #[test]
    fn a_life_that_was_given_up_does_not_run_in_the_next() {
        let usages = usages(&["a-0.0.1"]);
        tell(&usages, "a-0.0.1", 5);
        usages.launched([&TaskId::from("a-0.0.2")]);
        assert_eq!(known(&usages, "a-0"), Some((5, false)));
    }

    #[test]
    fn what_is_not_told_by_an_executor_or_makes_no_sense_is_left_out() {
        let good = end("a-0.0.1", 20, 300);
        for bad in [
            v1::TaskStatus {
                data: None,
                ..good.clone()
            },
            v1::TaskStatus {
                source: Some(Source::Agent.into()),
                ..good.clone()
            },
            v1::TaskStatus {
                data: Some(b"\xff\xff".as_slice().into()),
                ..good.clone()
            },
            end("another's", 20, 300),
            end("b-0.0.1", 20, 300),
        ] {
            let usages = usages(&["a-0.0.1"]);
            usages.note(&bad);
            assert_eq!(usages.total(), TotalUsage::default(), "{bad:?}");
        }
        let usages = usages(&["a-0.0.1"]);
        for id in ["b-0.0.1", "a-0.0.2", "a-0", ""] {
            tell(&usages, id, 20);
        }
        assert_eq!((known(&usages, "a-0"), known(&usages, "b-0")), (None, None));
    }
}
