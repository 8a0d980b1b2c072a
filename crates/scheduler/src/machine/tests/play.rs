//! A machine with a virtual clock that is told what to do in lines of text.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use expect_test::Expect;
use mesos::TaskId;
use mesos::resources::Resources;

use super::super::*;
use crate::constraint::tests::constraint;
use crate::io::{Call, CallFault, ExecutorLaunch, FailedCall, Failure, Progress, Stop};
use crate::job::{Barrier, Group, OnFailure, Restart, Strategy, Timing};
use crate::offers::Offer;
use crate::status::{Reason, Source, StatusUpdate, Uuid};

#[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
pub(super) fn beginning() -> Instant {
    Instant::now()
}

/// A job of groups `name*count needs | constraint or policy | …`; the executor needs 0.1 cpus.
pub(super) fn job(groups: &[&str]) -> Job {
    let groups = groups.iter().map(|group| {
        let mut parts = group.split('|').map(str::trim);
        let (head, needs) = parts.next().unwrap().split_once(' ').unwrap();
        let (name, count) = head.split_once('*').unwrap();
        let (policies, constraints): (Vec<_>, Vec<_>) =
            parts.partition(|part| policy(part).is_some());
        Group {
            name: name.to_owned(),
            count: count.parse().unwrap(),
            resources: Resources::parse(needs).unwrap(),
            constraints: constraints.into_iter().map(constraint).collect(),
            colocate: false,
            on_failure: policies
                .first()
                .and_then(|word| policy(word))
                .unwrap_or_default(),
            kill_grace: Duration::from_secs(5),
        }
    });
    Job {
        name: "job".to_owned(),
        run: "r".to_owned(),
        groups: groups.collect(),
        executor: Resources::parse("cpus:0.1").unwrap(),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    }
}

pub(super) fn offer(id: &str, agent: &str, offered: &str) -> Offer {
    Offer {
        id: id.into(),
        agent: agent.into(),
        hostname: format!("{agent}.test"),
        attributes: Vec::new(),
        role: "*".to_owned(),
        resources: Resources::parse(offered).unwrap(),
    }
}

/// Two tasks on one agent, up and running.
pub(super) const UP: &str = "
    subscribe | offer o1 a1 cpus:4
    running t-0 | running t-1
";

/// A script for two tasks that are up.
pub(super) fn up(script: &str) -> String {
    format!("{UP}{script}")
}

/// `ignore`, or `restart N`: at most so often in ten minutes, after a second, two, four.
fn policy(text: &str) -> Option<OnFailure> {
    if text == "ignore" {
        return Some(OnFailure::Ignore);
    }
    let max = text.strip_prefix("restart ")?;
    Some(OnFailure::Restart(Restart {
        backoff: Duration::from_secs(1),
        backoff_max: Duration::from_secs(60),
        max: max.parse().unwrap(),
        window: Duration::from_secs(600),
    }))
}

struct Play {
    start: Instant,
    now: Instant,
    scheduler: Scheduler,
    /// The last attempt of each task.
    ids: HashMap<String, TaskId>,
    uuids: u8,
    transcript: String,
}

/// Plays a script and compares what the machine says.
///
/// Lines are `subscribe`, `disconnect`, `offer o1 a1 cpus:4`, `rescind o1`, `<state> <task>
/// [reason] [message]` (`lost!` and the like come from the master), `again <state> <task>` (the
/// same update once more), `failure a1 [executor]`, `accept fails <task> [unknown]`, `app ok`,
/// `app err <text>`, `abandon <executor>`, `connected <executor>`, `unconnected <executor>`, `stop`, `stop now`, `kill <task>`, `restart <task>`,
/// `spawn <group> <count>`, `advance <seconds>`; several may stand in
/// one line with `|` between.
#[track_caller]
pub(super) fn check(groups: &[&str], script: &str, expect: &Expect) {
    check_job(job(groups), script, expect);
}

/// As [`check`], for a job that waits for connections.
#[track_caller]
pub(super) fn check_connected(groups: &[&str], script: &str, expect: &Expect) {
    let barrier = Barrier::Connections;
    let job = Job {
        barrier,
        ..job(groups)
    };
    check_job(job, script, expect);
}

#[track_caller]
fn check_job(job: Job, script: &str, expect: &Expect) {
    let start = beginning();
    let mut play = Play {
        start,
        now: start,
        scheduler: Scheduler::new(job, start, 7).unwrap(),
        ids: HashMap::new(),
        uuids: 0,
        transcript: String::new(),
    };
    for line in script.lines().flat_map(|line| line.split('|')) {
        let line = line.trim();
        if !line.is_empty() {
            play.line(line);
        }
    }
    expect.assert_eq(&play.transcript);
}

impl Play {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["advance", seconds] = words[..] {
            return self.advance(Duration::from_secs_f64(seconds.parse().unwrap()));
        }
        let at = (self.now - self.start).as_secs_f64();
        writeln!(self.transcript, "{at}s {line}").unwrap();
        if let ["kill", task] = words[..] {
            let answer = self.scheduler.kill(self.now, task);
            if let Err(refused) = answer {
                writeln!(self.transcript, "    refused: {refused}").unwrap();
            }
        } else if let ["restart", task] = words[..] {
            let answer = self.scheduler.restart(self.now, task);
            if let Err(refused) = answer {
                writeln!(self.transcript, "    refused: {refused}").unwrap();
            }
        } else if let ["spawn", group, count] = words[..] {
            let answer = self
                .scheduler
                .spawn(self.now, group, count.parse().unwrap());
            if let Err(refused) = answer {
                writeln!(self.transcript, "    refused: {refused}").unwrap();
            }
        } else {
            let input = self.input(&words);
            self.scheduler.handle(self.now, input);
        }
        self.drain();
    }

    fn input(&mut self, words: &[&str]) -> Input {
        match *words {
            ["subscribe"] => Input::Subscribed("fw".into()),
            ["disconnect"] => Input::Disconnected {
                reason: "broken pipe".to_owned(),
            },
            ["refuse"] => Input::Refused {
                reason: "role not allowed".to_owned(),
            },
            ["offer", ref offers @ ..] => Input::Offers(
                offers
                    .chunks(3)
                    .map(|offer_| offer(offer_[0], offer_[1], offer_[2]))
                    .collect(),
            ),
            ["rescind", id] => Input::Rescind(id.into()),
            ["failure", agent] => Input::Failure(Failure {
                agent: agent.into(),
                executor: None,
                status: None,
            }),
            ["failure", agent, executor] => Input::Failure(Failure {
                agent: agent.into(),
                executor: Some(executor.into()),
                status: Some(9),
            }),
            ["accept", "fails", task, ref fault @ ..] => Input::CallFailed {
                call: FailedCall::Accept(vec![self.ids[task].clone()]),
                fault: if fault.is_empty() {
                    CallFault::NoEffect
                } else {
                    CallFault::Unknown
                },
            },
            ["suppress", "fails"] => Input::CallFailed {
                call: FailedCall::Interest,
                fault: CallFault::NoEffect,
            },
            ["app", "ok"] => Input::Command(Command::AppReturned(Ok(()))),
            ["app", "err", text] => Input::Command(Command::AppReturned(Err(text.to_owned()))),
            ["stop"] => Input::Command(Command::Stop(Stop::Graceful)),
            ["stop", "now"] => Input::Command(Command::Stop(Stop::Now)),
            ["abandon", executor] => Input::Command(Command::Abandon(executor.into())),
            ["connected", executor] => Input::Command(Command::Connected(executor.into())),
            ["unconnected", executor] => Input::Command(Command::Unconnected {
                executor: executor.into(),
                reason: "no route".to_owned(),
            }),
            ["again", ref words @ ..] => self.update(words),
            _ => {
                self.uuids += 1;
                self.update(words)
            }
        }
    }

    fn update(&mut self, words: &[&str]) -> Input {
        let (state, task) = (words[0], words[1]);
        let (state, source) = match state.strip_suffix('!') {
            Some(state) => (state, Source::Master),
            None => (state, Source::Executor),
        };
        let state = TaskState::ALL
            .into_iter()
            .find(|known| known.name() == format!("TASK_{}", state.to_uppercase()))
            .expect("a state's name in lower case");
        let id = self.ids.get(task).cloned().unwrap_or_else(|| task.into());
        Input::Update(StatusUpdate {
            task: id,
            state,
            agent: Some("a1".into()),
            source,
            reason: words
                .get(2)
                .map(|reason| Reason::new(format!("REASON_{reason}"))),
            message: words.get(3).map(|message| (*message).to_owned()),
            uuid: (source != Source::Master).then_some(Uuid([self.uuids; 16])),
        })
    }

    fn advance(&mut self, by: Duration) {
        let until = self.now + by;
        while let Some(at) = self.scheduler.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let before = self.transcript.len();
            self.scheduler.handle(self.now, Input::Tick);
            self.drain();
            if self.transcript.len() > before {
                let at = (self.now - self.start).as_secs_f64();
                self.transcript.insert_str(before, &format!("{at}s\n"));
            }
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            if let Output::Accept { tasks, .. } = &output {
                let ids = tasks
                    .iter()
                    .map(|task| (task.name.clone(), task.id.clone()));
                self.ids.extend(ids);
            }
            // That the records are right is what the random histories look at.
            if !matches!(output, Output::Remember(_)) {
                writeln!(self.transcript, "    {}", describe(&output)).unwrap();
            }
        }
    }
}

fn describe(output: &Output) -> String {
    match output {
        Output::Accept {
            offers,
            executor,
            tasks,
            ..
        } => {
            let tasks: Vec<String> = tasks
                .iter()
                .map(|task| format!("{} {}", task.id, task.resources))
                .collect();
            let ExecutorLaunch {
                id,
                agent,
                resources,
                ..
            } = executor;
            format!(
                "ACCEPT {offers:?} on {agent}: {id} {resources} with [{}]",
                tasks.join(", ")
            )
        }
        Output::Call(Call::Decline { offers, refuse }) => {
            format!("DECLINE {offers:?} for {:.0}s", refuse.as_secs_f64())
        }
        Output::Call(Call::Suppress) => "SUPPRESS".to_owned(),
        Output::Call(Call::Revive) => "REVIVE".to_owned(),
        Output::Call(Call::Acknowledge { task, uuid, .. }) => {
            format!("ACKNOWLEDGE {task} {}", uuid.0[0])
        }
        Output::Call(Call::Reconcile(tasks)) => format!("RECONCILE {tasks:?}"),
        Output::Call(Call::Kill { task, grace, .. }) => format!("KILL {task} {grace:?}"),
        Output::Call(Call::ShutdownExecutor { executor, .. }) => format!("SHUTDOWN {executor}"),
        Output::Call(Call::Teardown) => "TEARDOWN".to_owned(),
        Output::Event(event) => {
            let task = event.task.as_deref().unwrap_or_default();
            format!("event {:?} {task}", event.kind)
                .trim_end()
                .to_owned()
        }
        Output::Report(Progress::Task(report)) => format!("report {report}"),
        Output::Report(Progress::Restarting {
            task,
            number,
            max,
            wait,
        }) => format!(
            "report restart {number} of {max} in {:.1}s: {task}",
            wait.as_secs_f64()
        ),
        Output::Report(Progress::RestartingByRequest { task }) => {
            format!("report restart of {task}")
        }
        Output::Report(Progress::SpawnFailed { group, count, why }) => {
            format!("report no spawn of {count} {group}: {why}")
        }
        Output::Report(Progress::Stopping(Outcome::TooManyRestarts(why))) => {
            format!("report stopping: {why}")
        }
        Output::Spawned {
            result: Ok(names), ..
        } => format!("spawned {names:?}"),
        Output::Spawned {
            result: Err(why), ..
        } => format!("not spawned: {why}"),
        Output::Finished(Outcome::TooManyRestarts(why)) => format!("finished, failed: {why}"),
        Output::Report(Progress::Ignored(report)) => format!("report ignored {report}"),
        Output::Report(Progress::PlacedAgain(report)) => format!("report again {report}"),
        Output::Report(Progress::Waiting { wave, shortfall }) => {
            format!("report waiting {}: {shortfall}", wave.0)
        }
        Output::Report(Progress::WaitOver(wave)) => format!("report waiting {} is over", wave.0),
        Output::Report(Progress::Placed { tasks, agents }) => {
            let tasks = tasks.len();
            format!("report Placed {{ tasks: {tasks}, agents: {agents} }}")
        }
        Output::Report(progress) => format!("report {progress:?}"),
        Output::Finished(Outcome::NeverPlaced(why)) => format!("finished, never placed: {why}"),
        Output::Finished(Outcome::Unconnected(why)) => format!("finished, unconnected: {why}"),
        Output::Finished(Outcome::TaskFailed(report)) => format!("finished, failed: {report}"),
        other => format!("{other:?}"),
    }
}
