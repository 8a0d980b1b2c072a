//! How many tasks of each group are up: what the live line says.

use std::collections::BTreeMap;
use std::fmt;

use framework::{Delivering, Progress, TaskState};
use job::Job;

use crate::guest::fetch::amount;

/// Counts tasks by group and state.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Name and size of each group, in the order of the job file.
    groups: Vec<(String, u32)>,
    states: BTreeMap<String, TaskState>,
    ignored: usize,
    is_subscribed: bool,
    lost: Option<String>,
    delivering: Delivering,
}

impl Tally {
    pub(crate) fn new(job: &Job) -> Self {
        let groups = job
            .groups
            .iter()
            .map(|group| (group.name.clone(), group.count));
        Self {
            groups: groups.collect(),
            states: BTreeMap::new(),
            ignored: 0,
            is_subscribed: false,
            lost: None,
            delivering: Delivering::default(),
        }
    }

    /// Takes a report into account.
    pub(crate) fn count(&mut self, progress: &Progress) {
        match progress {
            Progress::Task(task) | Progress::PlacedAgain(task) => {
                self.states.insert(task.task.clone(), task.state);
            }
            Progress::Ignored(_) => self.ignored += 1,
            Progress::Subscribed { .. } => self.is_subscribed = true,
            Progress::Disconnected { reason } if self.is_subscribed => {
                self.lost = Some(reason.clone());
            }
            Progress::Waiting(shortfall) if shortfall.agents > 0 => self.lost = None,
            Progress::Delivering(delivering) => self.delivering = *delivering,
            _ => {}
        }
    }

    /// How many tasks have failed without harm for the job.
    pub(crate) fn ignored(&self) -> usize {
        self.ignored
    }

    /// Why the connection to the master was lost the last time, if no offer has come since.
    pub(crate) fn lost(&self) -> Option<&str> {
        self.lost.as_deref()
    }

    fn in_state(&self, group: &str, state: TaskState) -> usize {
        let is_of_group = |task: &str| task.rsplit_once('-').is_some_and(|(name, _)| name == group);
        self.states
            .iter()
            .filter(|(task, now)| **now == state && is_of_group(task))
            .count()
    }
}

impl fmt::Display for Tally {
    /// `elevator 4/4 up, floor 8/8 up`; with those that have ended, once there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (group, size)) in self.groups.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let up = self.in_state(group, TaskState::Running);
            write!(f, "{separator}{group} {up}/{size} up")?;
            let finished = self.in_state(group, TaskState::Finished);
            if finished > 0 {
                write!(f, " ({finished} finished)")?;
            }
        }
        let Delivering {
            fetching,
            compiling,
            bytes,
            bytes_total,
            ..
        } = self.delivering;
        if fetching > 0 {
            let amount = amount(bytes, bytes_total);
            write!(f, "; agents fetch {} ({amount})", modules(fetching))?;
        }
        if compiling > 0 {
            write!(f, "; agents compile {}", modules(compiling))?;
        }
        Ok(())
    }
}

/// `1 module`, `2 modules`.
fn modules(number: u64) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} module{plural}")
}

#[cfg(test)]
mod tests {
    use framework::{Source, TaskReport};

    use super::*;

    fn report(task: &str, state: TaskState) -> Progress {
        Progress::Task(TaskReport {
            task: task.to_owned(),
            state,
            source: Source::Executor,
            reason: None,
            message: None,
            agent: None,
        })
    }

    fn tally(groups: Vec<(String, u32)>) -> Tally {
        Tally {
            groups,
            states: BTreeMap::new(),
            ignored: 0,
            is_subscribed: false,
            lost: None,
            delivering: Delivering::default(),
        }
    }

    #[test]
    fn a_lost_connection_is_one_that_there_was() {
        let mut tally = tally(Vec::new());
        let disconnected = |reason: &str| Progress::Disconnected {
            reason: reason.to_owned(),
        };
        tally.count(&disconnected("one of three masters is down"));
        assert_eq!(tally.lost(), None);
        tally.count(&Progress::Subscribed {
            framework: "f".into(),
            first: true,
        });
        tally.count(&disconnected("the stream was closed"));
        assert_eq!(tally.lost(), Some("the stream was closed"));
    }

    #[test]
    fn tasks_are_counted_in_their_group() {
        let groups = vec![("floor".to_owned(), 2), ("floor-b".to_owned(), 1)];
        let mut tally = tally(groups);
        assert_eq!(tally.to_string(), "floor 0/2 up, floor-b 0/1 up");
        tally.count(&report("floor-0", TaskState::Running));
        tally.count(&report("floor-1", TaskState::Running));
        tally.count(&report("floor-b-0", TaskState::Running));
        tally.count(&report("floor-1", TaskState::Finished));
        assert_eq!(
            tally.to_string(),
            "floor 1/2 up (1 finished), floor-b 1/1 up"
        );
    }

    #[test]
    fn what_agents_do_for_modules_is_told_while_they_do_it() {
        let mut tally = tally(vec![("floor".to_owned(), 2)]);
        let delivering = Delivering {
            executors: 2,
            fetching: 1,
            compiling: 1,
            bytes: 3 << 19,
            bytes_total: 8 << 20,
        };
        tally.count(&Progress::Delivering(delivering));
        assert_eq!(
            tally.to_string(),
            "floor 0/2 up; agents fetch 1 module (1.5 of 8.0 MiB); agents compile 1 module"
        );
        tally.count(&Progress::Delivering(Delivering::default()));
        assert_eq!(tally.to_string(), "floor 0/2 up");
    }
}
