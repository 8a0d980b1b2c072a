//! Restarts that are waited for, told what happens to their tasks. No clock.
//!
//! ```text
//!          it has ended            `restarting`             TASK_RUNNING
//! Asked ─────────────────► Ended ───────────────► Beginning ─────────────► done
//!                            │ [`NEXT_LIFE_WAIT`]      │ it has ended
//!                            ▼                         ▼
//!                          killed by somebody else, or failed
//! ```
//! A task that had ended before begins at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use framework::TaskState;
use thiserror::Error;

use super::News;

/// How long after the end of a task its next life is waited for. The job decides on both at once and
/// tells of them one after the other, so that this is only for a machine that is very busy.
const NEXT_LIFE_WAIT: Duration = Duration::from_secs(5);

/// How a task ends that is not placed again by itself, as one whose agent was lost is.
const ENDS: [&str; 4] = ["TASK_FINISHED", "TASK_FAILED", "TASK_KILLED", "TASK_ERROR"];

/// Tasks that are to run again.
#[derive(Debug, Default)]
pub(super) struct Restarts(BTreeMap<String, Stage>);

/// How far a task is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Its last life may still be told of.
    Asked,
    /// It has ended, and its next life has to be told of until then.
    Ended(Instant),
    /// Its next life is told of.
    Beginning,
}

/// What the user is told of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// There is no place yet.
    Waiting(String),
    /// This task runs again.
    Restarted(String),
}

/// Why a task does not run again.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum NotRestarted {
    #[error("task `{task}` was killed by somebody else before it was launched again")]
    Killed { task: String },
    #[error(
        "task `{task}` was to run again and has ended with {state}{}",
        said(message)
    )]
    Ended {
        task: String,
        state: String,
        message: String,
    },
}

impl NotRestarted {
    /// What the user can do about it.
    pub(super) fn help(&self) -> String {
        match self {
            Self::Killed { task } => format!("`mesosgot restart {task}` gives it another life"),
            Self::Ended { task, .. } => format!("`mesosgot logs {task}` shows what it has printed"),
        }
    }
}

fn said(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

impl Restarts {
    /// The job was asked to restart the task, and will.
    pub(super) fn ask(&mut self, task: String) {
        self.0.insert(task, Stage::Asked);
    }

    /// Whether all of them run again.
    pub(super) fn are_done(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something matters to one of them.
    pub(super) fn is_about(&self, news: &News) -> bool {
        self.0.contains_key(&news.task) || news.event == "waiting"
    }

    /// When something has to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadlines = self.0.values().filter_map(|stage| match stage {
            Stage::Ended(deadline) => Some(*deadline),
            Stage::Asked | Stage::Beginning => None,
        });
        deadlines.min()
    }

    /// The failure of a task whose next life was not told of in time.
    pub(super) fn overdue(&self, now: Instant) -> Option<NotRestarted> {
        let mut tasks = self.0.iter();
        let late = |stage: &Stage| matches!(stage, Stage::Ended(deadline) if *deadline <= now);
        let (task, _) = tasks.find(|(_, stage)| late(stage))?;
        Some(NotRestarted::Killed { task: task.clone() })
    }

    /// Takes into account what has happened.
    ///
    /// # Errors
    /// When a task does not run again.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        told: News,
    ) -> Result<Option<Said>, NotRestarted> {
        let News {
            event,
            task,
            state,
            reason,
            message,
        } = told;
        if event == "waiting" {
            return Ok(Some(Said::Waiting(reason)));
        }
        let Some(stage) = self.0.get_mut(&task) else {
            return Ok(None);
        };
        match (&*event, *stage) {
            ("restarting", _) => *stage = Stage::Beginning,
            ("task", Stage::Asked) if is_end(&state) => *stage = Stage::Ended(now + NEXT_LIFE_WAIT),
            ("task", Stage::Beginning) if ENDS.contains(&&*state) => {
                return Err(NotRestarted::Ended {
                    task,
                    state,
                    message,
                });
            }
            ("task", Stage::Beginning) if state == "TASK_RUNNING" => {
                self.0.remove(&task);
                return Ok(Some(Said::Restarted(task)));
            }
            _ => {}
        }
        Ok(None)
    }
}

/// Whether a task in this state is over.
pub(super) fn is_end(state: &str) -> bool {
    let mut ends = TaskState::ALL.iter().filter(|known| known.is_end());
    ends.any(|known| known.name() == state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(tasks: &[&str]) -> Restarts {
        let mut restarts = Restarts::default();
        for task in tasks {
            restarts.ask((*task).to_owned());
        }
        restarts
    }

    fn task(task: &str, state: &str) -> News {
        News {
            event: "task".to_owned(),
            task: task.to_owned(),
            state: state.to_owned(),
            message: "out of luck".to_owned(),
            ..News::default()
        }
    }

    fn restarting(task: &str) -> News {
        News {
            event: "restarting".to_owned(),
            task: task.to_owned(),
            ..News::default()
        }
    }

    /// What is said of all that happens, which is at one time.
    fn told(restarts: &mut Restarts, now: Instant, all: Vec<News>) -> Vec<Said> {
        let said = all.into_iter().map(|news| restarts.handle(now, news));
        said.filter_map(|said| said.expect("it goes on")).collect()
    }

    fn restarted(task: &str) -> Said {
        Said::Restarted(task.to_owned())
    }

    #[test]
    fn a_task_runs_again_after_its_end() {
        let now = Instant::now();
        let mut restarts = asked(&["a-0", "a-1"]);
        let said = told(
            &mut restarts,
            now,
            vec![
                // Its last life is still told of.
                task("a-0", "TASK_RUNNING"),
                task("a-0", "TASK_KILLING"),
                task("a-0", "TASK_KILLED"),
                restarting("a-0"),
                // Had ended before.
                restarting("a-1"),
                task("a-1", "TASK_STAGING"),
                task("a-0", "TASK_RUNNING"),
                task("a-1", "TASK_RUNNING"),
            ],
        );
        assert_eq!(said, [restarted("a-0"), restarted("a-1")]);
        assert!(restarts.are_done());
    }

    #[test]
    fn a_task_whose_agent_is_lost_meanwhile_is_waited_for() {
        let now = Instant::now();
        let mut restarts = asked(&["a-0"]);
        let waiting = News {
            event: "waiting".to_owned(),
            reason: "no room".to_owned(),
            ..News::default()
        };
        assert!(restarts.is_about(&waiting));
        let said = told(
            &mut restarts,
            now,
            vec![
                restarting("a-0"),
                task("a-0", "TASK_LOST"),
                waiting,
                task("a-0", "TASK_RUNNING"),
            ],
        );
        assert_eq!(
            said,
            [Said::Waiting("no room".to_owned()), restarted("a-0")]
        );
    }

    #[test]
    fn a_task_that_somebody_kills_meanwhile_is_not_waited_for() {
        let now = Instant::now();
        let mut restarts = asked(&["a-0", "a-1"]);
        assert_eq!(restarts.deadline(), None);
        told(
            &mut restarts,
            now,
            vec![task("a-0", "TASK_KILLED"), task("a-1", "TASK_KILLING")],
        );
        let deadline = restarts.deadline().expect("its next life is to be told");
        assert_eq!(restarts.overdue(now), None);
        let error = restarts.overdue(deadline).expect("nothing was told");
        let killed = NotRestarted::Killed {
            task: "a-0".to_owned(),
        };
        assert_eq!(error, killed);
        // Had it been told in time, there were nothing to wait for.
        told(&mut restarts, now, vec![restarting("a-0")]);
        assert_eq!(
            (restarts.deadline(), restarts.overdue(deadline)),
            (None, None)
        );
    }

    #[test]
    fn a_task_that_ends_before_it_is_up_again_is_told_with_its_state() {
        for state in ENDS {
            let mut restarts = asked(&["a-0"]);
            let now = Instant::now();
            told(&mut restarts, now, vec![restarting("a-0")]);
            let error = restarts.handle(now, task("a-0", state)).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("task `a-0` was to run again and has ended with {state}: out of luck")
            );
            assert_eq!(
                error.help(),
                "`mesosgot logs a-0` shows what it has printed"
            );
        }
    }

    #[test]
    fn what_happens_to_others_does_not_matter() {
        let mut restarts = asked(&["a-0"]);
        let now = Instant::now();
        let other = task("a-1", "TASK_FAILED");
        assert!(!restarts.is_about(&other));
        assert_eq!(restarts.handle(now, other), Ok(None));
        assert!(!restarts.are_done());
    }
}
