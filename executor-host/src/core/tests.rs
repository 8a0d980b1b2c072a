//! Scripts in, transcripts out, with a clock that only the script moves.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

mod kills;
mod launches;
mod life;
mod shutdowns;
mod updates;

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
