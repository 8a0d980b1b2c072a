//! When to ask the master about tasks; it does not know their states.
//!
//! ```text
//! Quiet ──ask(tasks)──► Asking ──answers──► Quiet
//!                       │    ▲
//!                       └────┘ the rest again, ever later
//! ```
//! Whatever the answers say, all tasks are asked about once in a while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::{AgentId, TaskId};

use crate::repeat::Repeat;

/// The first time to wait for answers; a master answers at once unless it is recovering.
const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The longest time to wait for answers: agents take up to a minute to come back after a master
/// failover (PROTOCOL §11.2).
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// How often all tasks are asked about without a reason, for updates that were lost unnoticed.
const IMPLICIT_EVERY: Duration = Duration::from_secs(15 * 60);

/// Tasks that an answer is missing for.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    missing: BTreeMap<TaskId, AgentId>,
    again: Option<Repeat>,
    /// When to ask about all tasks; only while subscribed.
    implicit_at: Option<Instant>,
}

/// A question to be sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Question {
    /// About these tasks.
    Explicit(Vec<(TaskId, AgentId)>),
    /// About all tasks.
    Implicit,
}

impl Reconciliation {
    /// Begins anew with all tasks that are alive: there is a new subscription.
    pub(crate) fn restart(&mut self, now: Instant, tasks: impl Iterator<Item = (TaskId, AgentId)>) {
        self.missing = tasks.collect();
        self.again = (!self.missing.is_empty()).then(|| Repeat::new(now, BACKOFF_MIN));
        self.implicit_at = Some(now + IMPLICIT_EVERY);
    }

    /// Asks about further tasks.
    pub(crate) fn ask(&mut self, now: Instant, tasks: impl Iterator<Item = (TaskId, AgentId)>) {
        self.missing.extend(tasks);
        if !self.missing.is_empty() {
            self.again = Some(Repeat::new(now + BACKOFF_MIN, BACKOFF_MIN));
        }
    }

    /// Asks nothing while there is no subscription.
    pub(crate) fn pause(&mut self) {
        self.again = None;
        self.implicit_at = None;
    }

    /// Notes that something was heard of a task.
    pub(crate) fn heard_of(&mut self, task: &TaskId) {
        if self.missing.remove(task).is_some() && self.missing.is_empty() {
            self.again = None;
        }
    }

    /// What is to be asked now.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<Question> {
        if let Some(again) = self.again.as_mut().filter(|again| again.next() <= now) {
            again.made(now, BACKOFF_MAX);
            let tasks = self
                .missing
                .iter()
                .map(|(task, agent)| (task.clone(), agent.clone()));
            return Some(Question::Explicit(tasks.collect()));
        }
        self.implicit_at.filter(|at| *at <= now)?;
        self.implicit_at = Some(now + IMPLICIT_EVERY);
        Some(Question::Implicit)
    }

    /// When there is something to be asked.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.again.map(|again| again.next());
        again.into_iter().chain(self.implicit_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn beginning() -> Instant {
        Instant::now()
    }

    fn tasks(names: &[&str]) -> Vec<(TaskId, AgentId)> {
        let place = |name: &&str| (TaskId::from(*name), AgentId::from("a"));
        names.iter().map(place).collect()
    }

    /// Plays until `seconds` after `start`: when was asked, about how many tasks, 0 for all.
    fn play(
        reconciliation: &mut Reconciliation,
        start: Instant,
        seconds: u64,
    ) -> Vec<(u64, usize)> {
        let mut asked = Vec::new();
        let end = start + Duration::from_secs(seconds);
        while let Some(now) = reconciliation.poll_timeout().filter(|at| *at <= end) {
            let question = reconciliation.poll(now).expect("something is due");
            let about = match question {
                Question::Explicit(tasks) => tasks.len(),
                Question::Implicit => 0,
            };
            asked.push(((now - start).as_secs(), about));
        }
        asked
    }

    #[test]
    fn what_is_not_answered_is_asked_ever_more_slowly() {
        let start = beginning();
        let mut reconciliation = Reconciliation::default();
        reconciliation.restart(start, tasks(&["t", "u"]).into_iter());
        let asked = play(&mut reconciliation, start, 250);
        let at = [0, 1, 3, 7, 15, 31, 63, 123, 183, 243];
        assert_eq!(asked, at.map(|at| (at, 2)));
    }

    #[test]
    fn only_what_is_missing_is_asked_again() {
        let start = beginning();
        let mut reconciliation = Reconciliation::default();
        reconciliation.restart(start, tasks(&["t", "u"]).into_iter());
        assert_eq!(play(&mut reconciliation, start, 0), [(0, 2)]);
        reconciliation.heard_of(&"t".into());
        reconciliation.heard_of(&"nobody".into());
        let missing = Question::Explicit(tasks(&["u"]));
        let second = start + BACKOFF_MIN;
        assert_eq!(reconciliation.poll(second), Some(missing));
        reconciliation.heard_of(&"u".into());
        let implicit = start + IMPLICIT_EVERY;
        assert_eq!(reconciliation.poll_timeout(), Some(implicit));
    }

    #[test]
    fn without_tasks_there_is_nothing_to_ask_but_for_all_every_quarter_of_an_hour() {
        let start = beginning();
        let mut reconciliation = Reconciliation::default();
        reconciliation.restart(start, std::iter::empty());
        reconciliation.ask(start, std::iter::empty());
        let asked = play(&mut reconciliation, start, 2000);
        assert_eq!(asked, [(900, 0), (1800, 0)]);
    }

    #[test]
    fn a_task_that_is_asked_about_has_a_moment_to_be_heard_of() {
        let start = beginning();
        let mut reconciliation = Reconciliation::default();
        reconciliation.restart(start, std::iter::empty());
        reconciliation.ask(start, tasks(&["t"]).into_iter());
        assert_eq!(play(&mut reconciliation, start, 3), [(1, 1), (2, 1)]);
    }

    #[test]
    fn without_a_subscription_nothing_is_asked_and_with_a_new_one_all_is() {
        let start = beginning();
        let mut reconciliation = Reconciliation::default();
        reconciliation.restart(start, tasks(&["t"]).into_iter());
        reconciliation.pause();
        assert_eq!(reconciliation.poll_timeout(), None);
        assert_eq!(reconciliation.poll(start + 2 * IMPLICIT_EVERY), None);
        let later = start + Duration::from_secs(5000);
        reconciliation.restart(later, tasks(&["t", "u"]).into_iter());
        assert_eq!(play(&mut reconciliation, later, 0), [(0, 2)]);
    }
}
