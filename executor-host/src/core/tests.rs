//! Scripts in, transcripts out, with a clock that only the script moves.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

mod life;

/// Runs a script and compares the transcript of outputs.
///
/// Updates of a task are named by their order: `ack a` acknowledges the oldest that was seen.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut run = Script::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        run.line(line);
    }
    expected.assert_eq(&run.transcript);
}

struct Script {
    core: Core,
    start: Instant,
    now: Instant,
    /// Updates seen and not acknowledged.
    seen: Vec<Update>,
    acknowledged: Vec<Update>,
    /// Whether the agent takes updates; one that recovers does not.
    takes_updates: bool,
    transcript: String,
}

impl Script {
    fn new() -> Self {
        let now = Instant::now();
        let core = Core::new(None, fastrand::Rng::with_seed(7));
        Self {
            core,
            start: now,
            now,
            seen: Vec::new(),
            acknowledged: Vec::new(),
            takes_updates: true,
            transcript: String::new(),
        }
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.transcript, "{line}");
        let words: Vec<_> = line.split_whitespace().collect();
        if words[0] == "subscribed" {
            self.carry();
        }
        let input = match words[..] {
            ["expects", count] => {
                let count = count.parse().expect("a number");
                self.core = Core::new(Some(count), fastrand::Rng::with_seed(7));
                return;
            }
            ["agent", state] => {
                self.takes_updates = state == "ready";
                return;
            }
            ["subscribed"] => Input::Subscribed {
                killing_state: KillingState::Unknown,
            },
            ["subscribed", "killing"] => Input::Subscribed {
                killing_state: KillingState::Known,
            },
            ["disconnected"] => Input::Disconnected,
            ["agent-lost"] => Input::AgentLost,
            ["launch", task, grace] => Input::Launch {
                task: id(task),
                kill_grace: time(grace),
            },
            ["kill", task] => Input::Kill {
                task: id(task),
                grace: None,
            },
            ["kill", task, grace] => Input::Kill {
                task: id(task),
                grace: Some(time(grace)),
            },
            ["shutdown", within] => Input::Shutdown {
                within: time(within),
            },
            ["barrier"] => Input::BarrierLifted,
            ["ready", task] => Input::Ready { task: id(task) },
            ["ended", task, outcome] => Input::Ended {
                task: id(task),
                outcome: ended(outcome),
            },
            ["ack", task] => self.acknowledged(task),
            ["ack-again", task] => self.acknowledged_again(task),
            ["refuse", task] => match self.acknowledged(task) {
                Input::Acknowledged { task, uuid } => Input::UpdateRefused { task, uuid },
                other => other,
            },
            ["advance", by] => return self.advance(time(by)),
            _ => panic!("not a line of a script: {line}"),
        };
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(self.now, input);
        while let Some(output) = self.core.poll_output() {
            let fate = match &output {
                Output::Update(update) => Some(self.fate(update)),
                _ => None,
            };
            let seconds = (self.now - self.start).as_secs_f64();
            let _ = match output {
                Output::Update(update) => {
                    let told = writeln!(self.transcript, "  {seconds}s {}", text(&update));
                    self.seen.retain(|seen| seen.uuid != update.uuid);
                    self.seen.push(update);
                    told
                }
                Output::CloseInbox { task, at } => {
                    let at = (at - self.start).as_secs_f64();
                    writeln!(self.transcript, "  {seconds}s CloseInbox({task}) at {at}s")
                }
                other => writeln!(self.transcript, "  {seconds}s {other:?}"),
            };
            if let Some(fate) = fate {
                self.core.handle(self.now, fate);
            }
        }
    }

    /// What becomes of the call with an update.
    fn fate(&self, update: &Update) -> Input {
        let (task, uuid) = (update.task.clone(), update.uuid);
        match self.takes_updates {
            true => Input::UpdateTaken { task, uuid },
            false => Input::UpdatePutOff { task, uuid },
        }
    }

    fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(deadline) = self.core.poll_timeout().filter(|deadline| *deadline <= end) {
            assert!(
                deadline > self.now,
                "a deadline that has passed wakes the driver for ever"
            );
            self.now = deadline;
            self.handle(Input::Tick);
        }
        self.now = end;
    }

    fn acknowledged(&mut self, task: &str) -> Input {
        let index = self.seen.iter().position(|update| update.task == id(task));
        let update = self
            .seen
            .remove(index.expect("an update of the task was seen"));
        self.acknowledged.push(update.clone());
        Input::Acknowledged {
            task: update.task,
            uuid: update.uuid,
        }
    }

    /// The first acknowledgement of a task once more.
    fn acknowledged_again(&self, task: &str) -> Input {
        let mut of_task = self.acknowledged.iter();
        let update = of_task.find(|update| update.task == id(task));
        let update = update.expect("an update of the task was acknowledged");
        Input::Acknowledged {
            task: update.task.clone(),
            uuid: update.uuid,
        }
    }

    /// What goes with a SUBSCRIBE, when that is anything.
    fn carry(&mut self) {
        let Unacknowledged { tasks, updates } = self.core.unacknowledged();
        if !tasks.is_empty() || !updates.is_empty() {
            let _ = writeln!(self.transcript, "  with tasks {tasks:?}");
        }
        for update in updates {
            let _ = writeln!(self.transcript, "  with {}", text(&update));
            self.seen.retain(|seen| seen.uuid != update.uuid);
            self.seen.push(update);
        }
    }
}

fn text(update: &Update) -> String {
    let state = update.state.as_str_name();
    let message = update.message.as_deref().unwrap_or("-");
    format!("Update({} {state} {message})", update.task)
}

fn id(task: &str) -> TaskId {
    TaskId::from(task)
}

fn time(text: &str) -> Duration {
    let seconds: f64 = text
        .strip_suffix('s')
        .expect("seconds")
        .parse()
        .expect("a number");
    Duration::from_secs_f64(seconds)
}

fn ended(outcome: &str) -> Outcome {
    match outcome {
        "ok" => Outcome::Returned,
        "stopped" => Outcome::Stopped,
        error => Outcome::Failed(error.to_owned()),
    }
}

#[test]
fn a_task_runs_when_the_barrier_is_lifted_and_the_executor_exits_after_its_end() {
    check(
        "subscribed
         launch a 5s
         ready a
         ack a
         barrier
         advance 60s
         ended a ok
         ack a
         advance 10s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            ack a
            barrier
              0s Run(a)
            advance 60s
            ended a ok
              60s Update(a TASK_FINISHED -)
            ack a
              60s Forget(a)
            advance 10s
              60.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_task_launched_after_the_barrier_begins_when_it_is_ready() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
        "#]],
    );
}

#[test]
fn without_a_launch_the_executor_waits_as_long_as_one_may_come() {
    check(
        "advance 3600s
         subscribed
         advance 59s
         disconnected
         advance 3600s
         subscribed
         advance 61s",
        expect![[r#"
            advance 3600s
            subscribed
            advance 59s
            disconnected
            advance 3600s
            subscribed
            advance 61s
              7319s Exit(Done)
        "#]],
    );
}

#[test]
fn a_launch_during_the_linger_keeps_the_executor() {
    check(
        "subscribed
         launch a 5s
         ended a ok
         ack a
         advance 0.4s
         launch b 5s
         launch a 5s
         advance 60s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a ok
              0s Update(a TASK_FINISHED -)
            ack a
              0s Forget(a)
            advance 0.4s
            launch b 5s
              0.4s Prepare(b)
            launch a 5s
            advance 60s
        "#]],
    );
}

#[test]
fn the_executor_stays_until_the_end_is_acknowledged() {
    check(
        "subscribed
         launch a 5s
         ready a
         ended a broken
         ack a
         advance 5s
         ack a
         advance 1s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
            ended a broken
            ack a
              0s Update(a TASK_FAILED broken)
            advance 5s
              1s Update(a TASK_FAILED broken)
              3s Update(a TASK_FAILED broken)
            ack a
              5s Forget(a)
            advance 1s
              5.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_kill_closes_the_inbox_then_stops_by_force_after_the_grace() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a
         ack a
         kill a
         advance 3s
         kill a
         advance 3s
         kill a
         ended a stopped",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
            advance 3s
            kill a
            advance 3s
              5s Stop(a)
            kill a
            ended a stopped
              6s Update(a TASK_KILLED the task did not end within its grace period and was stopped by force)
        "#]],
    );
}

#[test]
fn a_task_that_returns_within_its_grace_is_killed_all_the_same() {
    check(
        "subscribed killing
         barrier
         launch a 5s
         ready a
         ack a
         kill a
         ack a
         advance 1s
         ended a ok
         ack a
         advance 10s",
        expect![[r#"
            subscribed killing
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
              0s Update(a TASK_KILLING -)
            ack a
            advance 1s
            ended a ok
              1s Update(a TASK_KILLED the task returned)
            ack a
              1s Forget(a)
            advance 10s
              1.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_kill_with_a_shorter_grace_moves_the_force_forward() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         kill a
         advance 1s
         kill a 2s
         advance 5s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            kill a
              0s CloseInbox(a) at 0.5s
            advance 1s
            kill a 2s
            advance 5s
              3s Stop(a)
        "#]],
    );
}

#[test]
fn a_kill_before_the_function_began_does_not_wait() {
    check(
        "subscribed
         launch a 5s
         launch b 5s
         ready b
         ack b
         kill a
         kill b
         ended a stopped
         ended b stopped
         barrier",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready b
              0s Update(b TASK_RUNNING -)
            ack b
            kill a
              0s Stop(a)
            kill b
              0s Stop(b)
            ended a stopped
              0s Update(a TASK_KILLED the task was stopped before its function began)
            ended b stopped
              0s Update(b TASK_KILLED the task was stopped before its function began)
            barrier
        "#]],
    );
}

#[test]
fn a_second_launch_of_a_task_and_a_kill_of_a_stranger_change_nothing() {
    check(
        "subscribed
         launch a 5s
         launch a 5s
         ready a
         ready a
         kill z",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            launch a 5s
            ready a
              0s Update(a TASK_RUNNING -)
            ready a
            kill z
        "#]],
    );
}

#[test]
fn updates_of_a_task_go_one_at_a_time_and_again_until_acknowledged() {
    check(
        "subscribed
         barrier
         launch a 5s
         ready a
         ended a broken
         advance 4s
         ack a
         ack a",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ended a broken
            advance 4s
              1s Update(a TASK_RUNNING -)
              3s Update(a TASK_RUNNING -)
            ack a
              4s Update(a TASK_FAILED broken)
            ack a
              4s Forget(a)
        "#]],
    );
}

#[test]
fn a_subscription_carries_what_is_unacknowledged() {
    check(
        "subscribed
         barrier
         launch a 5s
         launch b 5s
         ready a
         ack a
         disconnected
         ready b
         ended a broken
         advance 60s
         subscribed
         ack a
         ack b
         disconnected
         subscribed",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            disconnected
            ready b
              0s Run(b)
            ended a broken
            advance 60s
            subscribed
              with tasks [b]
              with Update(a TASK_FAILED broken)
              with Update(b TASK_RUNNING -)
            ack a
              60s Forget(a)
            ack b
            disconnected
            subscribed
        "#]],
    );
}

#[test]
fn an_end_that_is_never_acknowledged_is_dropped_after_some_tries() {
    check(
        "subscribed
         launch a 5s
         ended a broken
         advance 600s",
        expect![[r#"
            subscribed
            launch a 5s
              0s Prepare(a)
            ended a broken
              0s Update(a TASK_FAILED broken)
            advance 600s
              1s Update(a TASK_FAILED broken)
              3s Update(a TASK_FAILED broken)
              7s Update(a TASK_FAILED broken)
              15s Update(a TASK_FAILED broken)
              31s Update(a TASK_FAILED broken)
              61s Update(a TASK_FAILED broken)
              91s Update(a TASK_FAILED broken)
              121s Update(a TASK_FAILED broken)
              151s Forget(a)
              151.5s Exit(Done)
        "#]],
    );
}

#[test]
fn a_shutdown_stops_all_tasks_within_the_time_it_gives() {
    check(
        "subscribed
         barrier
         launch a 60s
         launch b 1s
         launch c 60s
         ready a
         ready b
         ack a
         ack b
         shutdown 5s
         launch d 1s
         advance 2s
         ended b stopped
         ended c stopped
         advance 2s
         ended a stopped
         advance 1s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            launch b 1s
              0s Prepare(b)
            launch c 60s
              0s Prepare(c)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ready b
              0s Update(b TASK_RUNNING -)
              0s Run(b)
            ack a
            ack b
            shutdown 5s
              0s CloseInbox(a) at 0.5s
              0s CloseInbox(b) at 0.25s
              0s Stop(c)
            launch d 1s
              0s Update(d TASK_KILLED the task was stopped before its function began)
            advance 2s
              1s Stop(b)
              1s Update(d TASK_KILLED the task was stopped before its function began)
            ended b stopped
              2s Update(b TASK_KILLED the task did not end within its grace period and was stopped by force)
            ended c stopped
              2s Update(c TASK_KILLED the task was stopped before its function began)
            advance 2s
              3s Update(b TASK_KILLED the task did not end within its grace period and was stopped by force)
              3s Update(c TASK_KILLED the task was stopped before its function began)
              3s Update(d TASK_KILLED the task was stopped before its function began)
              4s Stop(a)
            ended a stopped
              4s Update(a TASK_KILLED the task did not end within its grace period and was stopped by force)
            advance 1s
              4.5s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_ends_early_when_all_is_told() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         shutdown 5s
         advance 1s
         ended a ok
         ack a",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            shutdown 5s
              0s CloseInbox(a) at 0.5s
            advance 1s
            ended a ok
              1s Update(a TASK_KILLED the task returned)
            ack a
              1s Forget(a)
              1s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_ends_at_its_time_even_if_a_task_does_not() {
    check(
        "subscribed
         barrier
         launch a 60s
         ready a
         ack a
         shutdown 5s
         advance 9s",
        expect![[r#"
            subscribed
            barrier
            launch a 60s
              0s Prepare(a)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            shutdown 5s
              0s CloseInbox(a) at 0.5s
            advance 9s
              4s Stop(a)
              5s Exit(Shutdown)
        "#]],
    );
}

#[test]
fn a_shutdown_before_any_launch_exits_at_once() {
    check(
        "subscribed\nshutdown 5s",
        expect![[r#"
        subscribed
        shutdown 5s
          0s Exit(Shutdown)
    "#]],
    );
}

#[test]
fn when_the_agent_is_lost_tasks_get_their_grace_and_nobody_is_told() {
    check(
        "subscribed
         barrier
         launch a 5s
         launch b 5s
         ready a
         ack a
         disconnected
         agent-lost
         ended b stopped
         advance 6s
         ended a stopped",
        expect![[r#"
            subscribed
            barrier
            launch a 5s
              0s Prepare(a)
            launch b 5s
              0s Prepare(b)
            ready a
              0s Update(a TASK_RUNNING -)
              0s Run(a)
            ack a
            disconnected
            agent-lost
              0s CloseInbox(a) at 0.5s
              0s Stop(b)
            ended b stopped
            advance 6s
              5s Stop(a)
            ended a stopped
              6s Exit(AgentLost)
        "#]],
    );
}

#[test]
fn a_launch_beyond_the_bound_is_refused() {
    let mut run = Script::new();
    run.core.handle(
        run.now,
        Input::Subscribed {
            killing_state: KillingState::Unknown,
        },
    );
    for index in 0..TASKS_MAX {
        let kill_grace = Duration::ZERO;
        run.core.handle(
            run.now,
            Input::Launch {
                task: id(&index.to_string()),
                kill_grace,
            },
        );
    }
    while run.core.poll_output().is_some() {}
    run.line("launch one-more 1s");
    expect![[r#"
        launch one-more 1s
          0s Update(one-more TASK_FAILED the executor holds 20000 tasks already)
    "#]]
    .assert_eq(&run.transcript);
}

#[test]
fn ids_of_updates_are_random_uuids_of_version_4() {
    let mut random = fastrand::Rng::with_seed(1);
    let (one, two) = (Uuid::random(&mut random), Uuid::random(&mut random));
    assert_ne!(one, two);
    for uuid in [one, two] {
        let uuid = uuid::Uuid::from_bytes(*uuid.as_bytes());
        assert_eq!(uuid.get_version(), Some(uuid::Version::Random));
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }
}
