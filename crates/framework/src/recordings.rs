//! What a real master and agents have said, told to the scheduler machine.
//!
//! Each file in `recordings/` is what one framework of a recording heard, in its order and with
//! its time in milliseconds: `event` is a scheduler event as it came, `ended` the end of its
//! stream. `call` is what the recorded framework asked for where its task and executor ids tell
//! which of ours are meant. Heartbeats and framework messages are left out; so are, where an agent
//! is silent and where a master was restarted, calls that would have been another story, and
//! answers to questions without an agent, which are never asked here.
//!
//! The machine makes decisions of its own, so ids are mapped: the tasks of a recorded ACCEPT are
//! those that the machine has launched, one after the other.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use expect_test::Expect;
use mesos::resources::Resources;
use mesos::v1::scheduler::Event;
use mesos::{AgentId, ExecutorId, OfferId, TaskId};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use scheduler::{
    Barrier, Call, Command, ExecutorLaunch, Group, Input, Job, Output, Progress, Scheduler,
    Strategy, Timing,
};
use serde_json::Value;

use crate::convert::{self, Heard};

mod agents;
mod all;
mod losses;
mod updates;

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(mesos::DESCRIPTORS).unwrap());

/// Reads an event as Mesos writes it in JSON.
fn event(json: &Value) -> Event {
    let descriptor = POOL
        .get_message_by_name("mesos.v1.scheduler.Event")
        .unwrap();
    let dynamic = DynamicMessage::deserialize(descriptor, json).unwrap();
    Event::decode(dynamic.encode_to_vec().as_slice()).unwrap()
}

/// One line of a recording.
#[derive(Debug, Clone)]
struct Step {
    at_ms: f64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Event(Box<Event>),
    /// The end of the stream, and how it came.
    Ended(String),
    /// Something that the recorded framework has asked for, with tasks and their executors.
    Call {
        kind: String,
        tasks: Vec<(String, String)>,
    },
}

impl Step {
    fn read(line: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let what = if let Some(how) = line["ended"].as_str() {
            What::Ended(how.to_owned())
        } else if let Some(kind) = line["call"].as_str() {
            let tasks = line["tasks"].as_array().unwrap().iter();
            What::Call {
                kind: kind.to_owned(),
                tasks: tasks.map(|ids| (text(&ids[0]), text(&ids[1]))).collect(),
            }
        } else {
            What::Event(Box::new(event(&line["event"])))
        };
        Self {
            at_ms: line["at_ms"].as_f64().unwrap(),
            what,
        }
    }
}

/// A gang of so many tasks that need this.
fn gang(tasks: u32, needs: &str) -> Job {
    Job {
        name: "job".to_owned(),
        run: "r".to_owned(),
        groups: vec![Group {
            name: "t".to_owned(),
            count: tasks,
            resources: Resources::parse(needs).unwrap(),
            constraints: Vec::new(),
            colocate: false,
            kill_grace: Duration::from_secs(5),
            on_failure: scheduler::OnFailure::Shutdown,
        }],
        executor: Resources::parse("cpus:0.1;mem:32").unwrap(),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    }
}

/// Plays a recording to a machine, then lets time pass, and compares what the machine says.
#[track_caller]
fn check(recording: &str, job: Job, then: Duration, expect: &Expect) {
    let mut play = Play::new(job);
    for line in recording.lines() {
        play.step(Step::read(&serde_json::from_str(line).unwrap()));
    }
    play.advance(play.now + then);
    expect.assert_eq(&play.transcript);
}

/// A machine, a virtual clock, and which recorded id is which of ours.
struct Play {
    start: Instant,
    now: Instant,
    scheduler: Scheduler,
    tasks: HashMap<String, TaskId>,
    executors: HashMap<String, ExecutorId>,
    /// Launches that the recording does not know of yet.
    launched: VecDeque<(TaskId, ExecutorId)>,
    /// Everything that was said since it was looked at.
    outputs: Vec<Output>,
    transcript: String,
}

impl Play {
    fn new(job: Job) -> Self {
        let start = Instant::now();
        Self {
            start,
            now: start,
            scheduler: Scheduler::new(job, start, 1).unwrap(),
            tasks: HashMap::new(),
            executors: HashMap::new(),
            launched: VecDeque::new(),
            outputs: Vec::new(),
            transcript: String::new(),
        }
    }

    fn step(&mut self, Step { at_ms, what }: Step) {
        self.advance(self.start + Duration::from_secs_f64(at_ms / 1000.0));
        match what {
            What::Ended(reason) => self.tell("the stream ends", Input::Disconnected { reason }),
            What::Call { kind, tasks } => self.call(&kind, &tasks),
            What::Event(event) => {
                if let Some(subscribed) = &event.subscribed {
                    let framework = (&subscribed.framework_id).into();
                    self.tell("SUBSCRIBED", Input::Subscribed(framework));
                } else if let Heard::Input(input) = convert::event(*event).unwrap() {
                    let input = self.ours(input);
                    self.tell(&heard(&input), input);
                }
            }
        }
    }

    /// What the recorded framework has asked for.
    fn call(&mut self, kind: &str, tasks: &[(String, String)]) {
        for (id, executor) in tasks {
            if kind == "KILL" {
                let Some(ours) = self.tasks.get(id) else {
                    continue;
                };
                let name = ours.as_str().split('.').next().unwrap().to_owned();
                let _ = writeln!(self.transcript, "{} the app kills {name}", self.time());
                // A job that ends kills by itself.
                let _ = self.scheduler.kill(self.now, &name);
                self.drain();
            } else if !self.tasks.contains_key(id)
                && let Some((ours, its)) = self.launched.pop_front()
            {
                self.tasks.insert(id.clone(), ours);
                self.executors.insert(executor.clone(), its);
            }
        }
        if kind == "TEARDOWN" {
            let returned = Input::Command(Command::AppReturned(Ok(())));
            self.tell("the app returns", returned);
        }
    }

    /// With our ids for those of the recording.
    fn ours(&self, input: Input) -> Input {
        match input {
            Input::Update(mut update) => {
                if let Some(task) = self.tasks.get(update.task.as_str()) {
                    update.task = task.clone();
                }
                Input::Update(update)
            }
            Input::Failure(mut failure) => {
                failure.executor = failure
                    .executor
                    .map(|id| self.executors.get(id.as_str()).cloned().unwrap_or(id));
                Input::Failure(failure)
            }
            other => other,
        }
    }

    fn tell(&mut self, heard: &str, input: Input) {
        let _ = writeln!(self.transcript, "{} {heard}", self.time());
        self.scheduler.handle(self.now, input);
        self.drain();
    }

    fn advance(&mut self, until: Instant) {
        while let Some(at) = self.scheduler.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.scheduler.handle(self.now, Input::Tick);
            let before = self.transcript.len();
            self.drain();
            if self.transcript.len() > before {
                let time = format!("{}\n", self.time());
                self.transcript.insert_str(before, &time);
            }
        }
        self.now = until;
    }

    fn time(&self) -> String {
        format!("{:.1}s", (self.now - self.start).as_secs_f64())
    }

    fn drain(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            if let Output::Accept {
                tasks, executor, ..
            } = &output
            {
                let launched = tasks
                    .iter()
                    .map(|task| (task.id.clone(), executor.id.clone()));
                self.launched.extend(launched);
            }
            if let Some(said) = said(&output) {
                let _ = writeln!(self.transcript, "    {said}");
            }
            self.outputs.push(output);
        }
    }
}

/// The end of an id of a recording, which tells it from the others there.
fn tail(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

fn tails<'a>(ids: impl IntoIterator<Item = &'a OfferId>) -> String {
    let tails: Vec<&str> = ids.into_iter().map(|id| tail(id.as_str())).collect();
    tails.join(" ")
}

fn heard(input: &Input) -> String {
    match input {
        Input::Offers(offers) => format!("OFFERS {}", tails(offers.iter().map(|offer| &offer.id))),
        Input::Rescind(offer) => format!("RESCIND {}", tails([offer])),
        Input::Update(update) => {
            let reason = update.reason.as_ref().map_or("", |reason| reason.name());
            format!(
                "UPDATE {} {} {:?} {reason}",
                update.task, update.state, update.source
            )
            .trim_end()
            .to_owned()
        }
        Input::Failure(failure) => match &failure.executor {
            Some(executor) => format!("FAILURE of executor {executor}"),
            None => format!("FAILURE of agent {}", tail(failure.agent.as_str())),
        },
        other => format!("{other:?}"),
    }
}

/// What is done; what only people hear is left out, unless nothing else tells it.
fn said(output: &Output) -> Option<String> {
    Some(match output {
        Output::Accept {
            offers,
            executor: ExecutorLaunch { id, .. },
            tasks,
            ..
        } => {
            let tasks: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
            format!("ACCEPT {} {id}: {}", tails(offers), tasks.join(" "))
        }
        Output::Call(call) => asked(call),
        Output::Event(event) => {
            let task = event.task.as_deref().unwrap_or_default();
            format!("event {:?} {task}", event.kind)
                .trim_end()
                .to_owned()
        }
        Output::Report(Progress::PlacedAgain(report)) => {
            format!("placed again: {} {}", report.task, report.state)
        }
        Output::Report(_) | Output::Remember(_) => return None,
        other => format!("{other:?}"),
    })
}

fn asked(call: &Call) -> String {
    match call {
        Call::Decline { offers, refuse } => {
            format!("DECLINE {} for {}s", tails(offers), refuse.as_secs())
        }
        Call::Acknowledge { task, agent, uuid } => {
            let [first, second, ..] = uuid.0;
            format!(
                "ACKNOWLEDGE {task} {} {first:02x}{second:02x}",
                tail(agent.as_str())
            )
        }
        Call::Reconcile(tasks) => {
            let place =
                |(task, agent): &(TaskId, AgentId)| format!(" {task}@{}", tail(agent.as_str()));
            format!("RECONCILE{}", tasks.iter().map(place).collect::<String>())
        }
        Call::Kill { task, grace, .. } => format!("KILL {task} {grace:?}"),
        Call::ShutdownExecutor { executor, .. } => format!("SHUTDOWN {executor}"),
        Call::Suppress => "SUPPRESS".to_owned(),
        Call::Revive => "REVIVE".to_owned(),
        Call::Teardown => "TEARDOWN".to_owned(),
    }
}
