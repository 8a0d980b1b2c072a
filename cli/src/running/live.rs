//! What has changed at a running job since somebody looked: samples of its status go in, and for
//! each reader comes out what is new to them. No clock, no socket.
//!
//! ```text
//! Status ──sample──► Live ──changes──► Update        a reader keeps nothing but its Place
//!                     ▲ revision of each task
//! ```
//! Nothing is queued for readers: an update is made when a reader can take it, and is never larger
//! than a snapshot, so one that falls behind skips what is outdated and costs nothing.

use std::collections::{HashMap, HashSet};

use framework::Progress;
use serde::Serialize;

use super::journal::{Entry, Journal, KeptEvent, LineEntry, Ring};
use super::status::{Status, TaskStatus};

mod stream;

pub(super) use self::stream::{Sampler, live};

/// The most events in an update: what a page shows of the past when it is opened.
const EVENTS_MAX: usize = 1000;

/// The most lines in an update: with 25 updates a second far more than anybody reads.
const LINES_MAX: usize = 1000;

/// The samples' memory: everything as it was last, and when it became so.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Counts the samples in which something had changed.
    revision: u64,
    /// All but the tasks, and the revision in which it changed last.
    head: Option<(u64, Status)>,
    /// In the order in which they were first seen, each with the revision in which it changed last.
    tasks: Vec<(u64, TaskStatus)>,
    /// Where each task is in `tasks`.
    places: HashMap<String, usize>,
}

/// What was reported since the last sample, so that it can be told without one: one of a large job
/// takes a while.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The tasks that there were reports of.
    pub(super) tasks: HashSet<String>,
    /// There were other reports.
    pub(super) has_others: bool,
}

impl News {
    /// Takes a report into account.
    pub(super) fn note(&mut self, progress: &Progress) {
        let task = match progress {
            Progress::Task(report) | Progress::PlacedAgain(report) | Progress::Ignored(report) => {
                &report.task
            }
            Progress::Restarting { task, .. } => &task.task,
            Progress::RestartingByRequest { task } => task,
            _ => {
                self.has_others = true;
                return;
            }
        };
        if !self.tasks.contains(task) {
            self.tasks.insert(task.clone());
        }
    }
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    revision: u64,
    /// Of the journal.
    seq: u64,
    /// How many events and lines there had been.
    events: u64,
    lines: u64,
}

/// What is new to a reader.
#[derive(Debug, Serialize)]
pub(super) struct Update<'a> {
    /// How things are, but for the tasks; `uptime_seconds` alone does not make it new.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Status>,
    /// The tasks that have changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<&'a TaskStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<KeptEvent>,
    /// Events before these that the reader has not seen and will not: there were too many.
    #[serde(skip_serializing_if = "is_zero")]
    events_skipped: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineEntry>,
    /// The same of lines.
    #[serde(skip_serializing_if = "is_zero")]
    lines_skipped: u64,
    /// Where the job's own page is, in a snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) view: Option<&'a str>,
}

impl Live {
    /// Takes into account how things are now.
    pub(super) fn sample(&mut self, mut status: Status) {
        let next = self.revision + 1;
        let mut has_changed = false;
        for task in std::mem::take(&mut status.tasks) {
            match self.places.get(&task.task) {
                Some(&place) => {
                    let known = &mut self.tasks[place];
                    if known.1 != task {
                        *known = (next, task);
                        has_changed = true;
                    }
                }
                None => {
                    self.places.insert(task.task.clone(), self.tasks.len());
                    self.tasks.push((next, task));
                    has_changed = true;
                }
            }
        }
        let is_same = self
            .head
            .as_ref()
            .is_some_and(|(_, head)| is_same(head, &status));
        if !is_same {
            self.head = Some((next, status));
            has_changed = true;
        }
        if has_changed {
            self.revision = next;
        }
    }

    /// Takes into account what was said of some tasks; `tell` brings one up to date. Their counters
    /// stay as they were.
    pub(super) fn refresh(
        &mut self,
        tasks: impl IntoIterator<Item = String>,
        tell: impl Fn(&mut TaskStatus),
    ) {
        let next = self.revision + 1;
        for name in tasks {
            let place = self.places.get(&name).copied();
            let place = place.unwrap_or_else(|| {
                let task = TaskStatus {
                    task: name.clone(),
                    ..TaskStatus::default()
                };
                self.places.insert(name, self.tasks.len());
                self.tasks.push((next, task));
                self.tasks.len() - 1
            });
            let (revision, task) = &mut self.tasks[place];
            tell(task);
            *revision = next;
            self.revision = next;
        }
    }

    /// What is new since `place`, which then is where the reader is; nothing if nothing is.
    ///
    /// It holds nothing of the journal, so that it can be written while others use that.
    pub(super) fn changes(&self, journal: &Journal, place: &mut Place) -> Option<Update<'_>> {
        let since = *place;
        *place = Place {
            revision: self.revision,
            seq: journal.newest(),
            events: journal.events().count(),
            lines: journal.lines().count(),
        };
        if *place == since {
            return None;
        }
        let is_new = |revision: u64| revision > since.revision;
        let head = self.head.as_ref().filter(|(revision, _)| is_new(*revision));
        let tasks = self.tasks.iter().filter(|(revision, _)| is_new(*revision));
        let (events, events_skipped) = newest(journal.events(), since, since.events, EVENTS_MAX);
        let (lines, lines_skipped) = newest(journal.lines(), since, since.lines, LINES_MAX);
        Some(Update {
            status: head.map(|(_, status)| status),
            tasks: tasks.map(|(_, task)| task).collect(),
            events,
            events_skipped,
            lines,
            lines_skipped,
            view: None,
        })
    }
}

/// Whether they differ in nothing but how long the job has run, and what its journal has forgotten.
fn is_same(one: &Status, other: &Status) -> bool {
    let Status {
        id,
        phase,
        reason,
        disconnected,
        framework_id,
        started,
        uptime_seconds: _,
        groups,
        agents,
        tasks: _,
        channels,
        delivering,
        // It changes with each line that is printed, once the journal is full.
        forgotten: _,
    } = one;
    *id == other.id
        && *phase == other.phase
        && *reason == other.reason
        && *disconnected == other.disconnected
        && *framework_id == other.framework_id
        && *started == other.started
        && *groups == other.groups
        && *agents == other.agents
        && *channels == other.channels
        && *delivering == other.delivering
}

/// The last `max` entries since a place up to which there had been `count`, in order; and how many
/// there were before these, be they kept or forgotten.
fn newest<T: Entry + Clone>(ring: &Ring<T>, since: Place, count: u64, max: usize) -> (Vec<T>, u64) {
    let mut newest: Vec<T> = ring.after(since.seq).rev().take(max).cloned().collect();
    newest.reverse();
    let skipped = match since == Place::default() {
        // What was before a reader came is no gap to it.
        true => 0,
        false => ring.count() - count - newest.len() as u64,
    };
    (newest, skipped)
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
