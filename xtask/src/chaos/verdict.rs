//! What a run on a misbehaving cluster may come to.
//!
//! It is judged by what it said itself, in the order in which it was said: the faults that were
//! made, the states of the tasks, and the outcome. Nothing here starts anything.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

/// Which kinds of faults, as `--chaos SEED:PROFILE` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// What every framework has to live through.
    Disturb,
    /// What kills tasks.
    Kill,
    /// Both.
    All,
}

impl Profile {
    /// In the order in which they are run.
    pub const ALL: [Self; 3] = [Self::Disturb, Self::Kill, Self::All];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disturb => "disturb",
            Self::Kill => "kill",
            Self::All => "all",
        }
    }

    /// The profile of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// How a run ended, and what it left.
#[derive(Debug, Default)]
pub struct Ended {
    /// Its exit code; `None` when it had to be killed.
    pub code: Option<i32>,
    /// How long it took.
    pub took: Duration,
    /// The events that it printed, and when since its start.
    pub events: Vec<(Duration, Value)>,
    /// All that it said on stderr.
    pub stderr: String,
    /// Processes that were there when it had ended.
    pub processes: Vec<i32>,
    /// Files and directories that it left.
    pub files: Vec<String>,
}

impl Ended {
    /// Why it failed, in its own words.
    pub fn reason(&self) -> Option<&str> {
        let mut events = self.events.iter().rev();
        let (_, outcome) = events.find(|(_, event)| event["event"] == "outcome")?;
        outcome["reason"].as_str()
    }
}

/// Reasons that stand for the end of an executor or an agent, which is what the faults are.
const CAUSES: [&str; 7] = [
    "REASON_EXECUTOR_TERMINATED",
    "REASON_EXECUTOR_REREGISTRATION_TIMEOUT",
    "REASON_AGENT_DISCONNECTED",
    "REASON_AGENT_REMOVED",
    "REASON_AGENT_RESTARTED",
    "REASON_AGENT_REREGISTERED",
    "was lost",
];

/// How long after a fault an app scheduler may still return without having heard of it.
const UNHEARD: Duration = Duration::from_secs(1);

/// What is wrong with the end of a run; nothing, if it ended as its faults demand.
pub(super) fn judge(profile: Profile, ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    match (profile, ended.code) {
        (_, None) => wrong.push("it did not end in time".to_owned()),
        (Profile::Disturb, Some(0)) => {}
        (Profile::Disturb, Some(code)) => {
            wrong.push(format!("exit code {code}: what only disturbs is survived"));
        }
        (Profile::Kill | Profile::All, Some(0)) => {
            if let Some(fault) = unanswered(ended) {
                wrong.push(format!("exit code 0, though `{fault}` hit the job"));
            }
        }
        (Profile::Kill | Profile::All, Some(1)) => wrong.extend(unfounded(ended)),
        (Profile::Kill | Profile::All, Some(code)) => {
            wrong.push(format!(
                "exit code {code} is neither success nor failure of the job"
            ));
        }
    }
    if ended.stderr.contains("panicked at") {
        wrong.push("something has panicked".to_owned());
    }
    if !ended.processes.is_empty() {
        wrong.push(format!("processes are left: {:?}", ended.processes));
    }
    if !ended.files.is_empty() {
        wrong.push(format!("files are left: {:?}", ended.files));
    }
    wrong
}

/// The first fault that hit the job while it ran, if any.
fn unanswered(ended: &Ended) -> Option<&str> {
    let mut fault_at = None;
    let mut is_up = false;
    let agents = used(ended);
    for (at, event) in &ended.events {
        match event["event"].as_str().unwrap_or_default() {
            "placed" => is_up = true,
            "fault" if is_up && fault_at.is_none() => {
                let fault = event["fault"].as_str()?;
                if ends_tasks(fault, agents) {
                    fault_at = Some((*at, fault));
                }
            }
            "app_returned" | "stopping" => {
                return fault_at
                    .filter(|(since, _)| *at >= *since + UNHEARD)
                    .map(|(_, it)| it);
            }
            _ => {}
        }
    }
    None
}

/// Whether tasks run on every agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Used {
    All,
    Some,
}

fn used(ended: &Ended) -> Used {
    let of = |kind: &'static str| {
        let events = ended.events.iter().map(|(_, event)| event);
        events.filter(move |event| event["event"] == kind)
    };
    let agents = of("cluster_started").find_map(|event| event["agents"].as_u64());
    let with_tasks: BTreeSet<_> = of("task")
        .filter_map(|event| event["agent"].as_str())
        .collect();
    match agents.is_some_and(|agents| with_tasks.len() as u64 >= agents) {
        true => Used::All,
        false => Used::Some,
    }
}

/// Whether a fault ends tasks of a job that has its places. Executors run for this job only; an
/// agent may have none of its tasks, and which do is not said. Tasks outlive an agent that restarts,
/// if nothing else happens meanwhile.
fn ends_tasks(fault: &str, used: Used) -> bool {
    match fault.split(' ').next() {
        Some("kill_executor") => true,
        Some("lose_agent") => used == Used::All,
        _ => false,
    }
}

/// Whether a fault can end tasks.
fn can_end_tasks(fault: &str) -> bool {
    let kind = fault.split(' ').next();
    matches!(kind, Some("kill_executor" | "stop_agent" | "lose_agent"))
}

/// What is wrong with a failure: nothing happened that would be a reason for it, or the reason that
/// is told is another.
fn unfounded(ended: &Ended) -> Option<String> {
    let faults = ended
        .events
        .iter()
        .filter_map(|(_, event)| event["fault"].as_str());
    let mut faults = faults.filter(|fault| can_end_tasks(fault));
    if faults.next().is_none() {
        return Some("exit code 1, though nothing was killed".to_owned());
    }
    let Some(reason) = ended.reason() else {
        return Some("exit code 1 without a reason".to_owned());
    };
    if CAUSES.iter().any(|cause| reason.contains(cause)) {
        return None;
    }
    Some(format!(
        "the reason names no executor or agent that ended: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ended(code: i32, events: &[Value]) -> Ended {
        let events = events.iter().zip(0..);
        Ended {
            code: Some(code),
            events: events
                .map(|(event, second)| (Duration::from_secs(second), event.clone()))
                .collect(),
            ..Ended::default()
        }
    }

    fn fault(fault: &str) -> Value {
        json!({ "event": "fault", "fault": fault })
    }

    fn event(event: &str) -> Value {
        json!({ "event": event })
    }

    fn failed(reason: &str) -> Value {
        json!({ "event": "outcome", "reason": reason })
    }

    #[track_caller]
    fn check(profile: Profile, ended: &Ended, expected: &[&str]) {
        let wrong = judge(profile, ended);
        assert_eq!(wrong.len(), expected.len(), "{wrong:?}");
        for (wrong, expected) in wrong.iter().zip(expected) {
            assert!(wrong.contains(expected), "{wrong}");
        }
    }

    #[test]
    fn what_disturbs_is_survived() {
        let cut = [
            event("placed"),
            fault("cut_frameworks"),
            event("app_returned"),
        ];
        check(Profile::Disturb, &ended(0, &cut), &[]);
        check(Profile::Disturb, &ended(1, &cut), &["exit code 1"]);
    }

    #[test]
    fn a_success_is_believed_when_nothing_of_the_job_was_hit() {
        let kill = || fault("kill_executor pick=1");
        let early = [kill(), event("placed"), event("app_returned")];
        check(Profile::Kill, &ended(0, &early), &[]);
        let late = [event("placed"), event("app_returned"), kill()];
        check(Profile::Kill, &ended(0, &late), &[]);
        let hit = [
            event("placed"),
            kill(),
            event("task"),
            event("app_returned"),
        ];
        check(
            Profile::Kill,
            &ended(0, &hit),
            &["`kill_executor pick=1` hit"],
        );
    }

    #[test]
    fn an_agent_without_tasks_may_go() {
        let task = |agent: &str| json!({ "event": "task", "agent": agent });
        let agents = json!({ "event": "cluster_started", "agents": 2 });
        let lost = fault("lose_agent agent=1");
        let end = [lost, event("x"), event("app_returned")];
        let one = [&[agents.clone(), event("placed"), task("a")][..], &end].concat();
        check(Profile::All, &ended(0, &one), &[]);
        let both = [&[agents, event("placed"), task("a"), task("b")][..], &end].concat();
        check(
            Profile::All,
            &ended(0, &both),
            &["`lose_agent agent=1` hit"],
        );
    }

    #[test]
    fn a_failure_needs_a_fault_and_names_it() {
        let kill = fault("stop_agent agent=0");
        let named = [
            kill.clone(),
            failed("t TASK_LOST (REASON_AGENT_REMOVED): gone"),
        ];
        check(Profile::All, &ended(1, &named), &[]);
        let other = [kill, failed("t TASK_LOST (REASON_RECONCILIATION): unknown")];
        check(
            Profile::All,
            &ended(1, &other),
            &["names no executor or agent"],
        );
        let nothing = [failed("t TASK_LOST (REASON_AGENT_REMOVED): gone")];
        check(Profile::Kill, &ended(1, &nothing), &["nothing was killed"]);
        check(Profile::Kill, &ended(4, &nothing), &["exit code 4"]);
    }

    #[test]
    fn nothing_is_left_and_nothing_panics() {
        let mut left = ended(0, &[]);
        left.processes = vec![7];
        left.files = vec!["mesosgot-x".to_owned()];
        left.stderr = "thread 'main' panicked at src/x.rs".to_owned();
        check(Profile::Kill, &left, &["panicked", "[7]", "mesosgot-x"]);
        left.code = None;
        assert_eq!(judge(Profile::Disturb, &left)[0], "it did not end in time");
    }
}
