//! The master driven by scripts: what schedulers and agents do goes in, what happens comes out.

mod absence;
mod describe;
mod failover;
mod faults;
mod frameworks;
mod indices;
mod launching;
mod offering;
mod operating;
mod operations;
mod running;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use expect_test::Expect;
use mesos::ExecutorId;
use mesos::resources::Resources;
use mesos::v1::task_status::Source;
use serde_json::{Value, json};

use self::describe::{describe_event, describe_message};
use self::words::{agent, launch_call, task_json};
use super::*;
use crate::codec::{self, Encoding};
use crate::core::faults::{Fault, MessageFaults};
use crate::core::history;

/// Runs a script and compares what came of it.
///
/// A line is one of these; times are virtual, `F` is the name of a framework:
/// - `agent N RESOURCES`: an agent registers; `lost N`, `left N`: it goes; `silent N`, `answers N`: its
///   process stands still, and goes on.
/// - `back N RESOURCES F TASK STATE RESOURCES EXECUTOR …`: it registers under the id that it has, with
///   these tasks of a framework, each on an executor of its own.
/// - `failover`: another master takes over; streams break.
/// - `subscribe F {…}`: with these fields of FrameworkInfo (and `suppressed_roles` and
///   `offer_constraints`) on top of the usual ones; `subscribe F again {…}`: with the id that it was given.
/// - `F {…}`: a call, framework id and stream id added.
/// - `F launch OFFERS TASK RESOURCES EXECUTOR`: an ACCEPT; the rest of the offers is not refused.
/// - `close F`: its stream is cut.
/// - `update N F TASK STATE [LATEST [UUID]]`, `exited N F EXECUTOR STATUS`, `message N F EXECUTOR TEXT`:
///   an agent says so.
/// - `faults {…}`: from now on these go wrong with messages of both directions; `cut`: all streams.
/// - `disturb FAULT`: as `Fault` is written.
/// - `operator {…}`: the call of an operator.
/// - `acknowledge-operation F ID`: with the uuid that came last.
/// - `principal NAME`: who makes the calls that follow; nobody in particular without a name.
/// - `advance SECONDS`.
/// - `---`: what came before is not of interest.
#[track_caller]
pub(super) fn check(script: &str, expected: Expect) {
    check_with(Timeouts::default(), script, expected);
}

/// The same with a master of these timeouts.
#[track_caller]
pub(super) fn check_with(timeouts: Timeouts, script: &str, expected: Expect) {
    let mut test = Test::new(Duration::from_secs(1), timeouts);
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        test.run(line);
    }
    expected.assert_eq(&test.transcript);
}

#[test]
fn a_master_without_an_allocation_interval_goes_on() {
    let mut test = Test::new(Duration::ZERO, Timeouts::default());
    test.run("agent 0 cpus:4;mem:1024");
    test.run("advance 0.01");
}

/// How much of a line is repeated in the transcript.
const SHOWN_CHARS_MAX: usize = 60;

struct Test {
    master: Master,
    start: Instant,
    now: Instant,
    requests: u64,
    schedulers: BTreeMap<String, Scheduler>,
    registry: Registry,
    /// What agents were told that they have.
    checkpointed: BTreeMap<AgentIndex, Vec<v1::Resource>>,
    /// The ids that agents were given.
    agent_ids: BTreeMap<AgentIndex, AgentId>,
    /// The uuid of the status of an operation that came last.
    operation_uuid: Option<Bytes>,
    /// Who calls.
    principal: Option<String>,
    transcript: String,
}

#[derive(Default)]
struct Scheduler {
    id: Option<String>,
    stream: Option<StreamIndex>,
    stream_id: Option<String>,
}

impl Test {
    fn new(allocation_interval: Duration, timeouts: Timeouts) -> Self {
        let start = Instant::now();
        let config = MasterConfig {
            timeouts,
            ..config(start, "M", allocation_interval, Registry::default())
        };
        Self {
            master: Master::new(start, config),
            start,
            now: start,
            requests: 0,
            schedulers: BTreeMap::new(),
            registry: Registry::default(),
            checkpointed: BTreeMap::new(),
            agent_ids: BTreeMap::new(),
            operation_uuid: None,
            principal: None,
            transcript: String::new(),
        }
    }

    fn run(&mut self, line: &str) {
        if line == "---" {
            self.transcript.clear();
            return;
        }
        let shown: String = line.chars().take(SHOWN_CHARS_MAX).collect();
        let cut = if shown.len() < line.len() { "…" } else { "" };
        let _ = writeln!(self.transcript, "> {shown}{cut}");
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        match verb {
            "agent" => self.register(words[0], words[1]),
            "back" => self.register_again(&words),
            "failover" => self.fail_over(),
            "lost" => self.handle(Input::AgentDisconnected {
                agent: agent(words[0]),
            }),
            "silent" => self.handle(Input::AgentSilent {
                agent: agent(words[0]),
            }),
            "answers" => self.handle(Input::AgentAnswers {
                agent: agent(words[0]),
            }),
            "left" => self.handle(Input::AgentLeft {
                agent: agent(words[0]),
            }),
            "subscribe" => self.subscribe(words[0], rest),
            "close" => {
                let stream = self.schedulers[words[0]].stream.expect("it has subscribed");
                self.handle(Input::StreamClosed { stream });
            }
            "update" => self.update(&words),
            "exited" => {
                let message = ToMaster::ExecutorExited {
                    framework_id: self.framework(words[1]),
                    executor_id: words[2].into(),
                    status: words[3].parse().expect("a status"),
                };
                self.handle(Input::Agent {
                    agent: agent(words[0]),
                    message,
                });
            }
            "message" => {
                let message = ToMaster::FrameworkMessage {
                    framework_id: self.framework(words[1]),
                    executor_id: words[2].into(),
                    data: Bytes::copy_from_slice(words[3].as_bytes()),
                };
                self.handle(Input::Agent {
                    agent: agent(words[0]),
                    message,
                });
            }
            "faults" => self.set_faults(rest),
            "disturb" => {
                let fault: Fault = rest.parse().expect("a fault");
                let disturbance = Disturbance::of(fault).expect("one of the master");
                self.handle(Input::Disturb(disturbance));
            }
            "cut" => self.handle(Input::CutStreams),
            "operator" => {
                let call = codec::decode(Encoding::Json, rest.to_owned().into());
                let request = self.next_request();
                self.handle(Input::Operator {
                    request,
                    call: Box::new(call.expect("a call")),
                    accepts_nothing: false,
                });
            }
            "acknowledge-operation" => self.acknowledge_operation(words[0], words[1]),
            "principal" => self.principal = (!rest.is_empty()).then(|| rest.to_owned()),
            "advance" => self.advance(words[0].parse().expect("seconds")),
            scheduler if words[0] == "launch" => {
                let call = launch_call(&words);
                self.call(scheduler, call);
            }
            scheduler => self.call(scheduler, serde_json::from_str(rest).expect("JSON")),
        }
    }

    fn set_faults(&mut self, rest: &str) {
        let given: BTreeMap<String, f64> = serde_json::from_str(rest).expect("JSON");
        let value = |name: &str| given.get(name).copied().unwrap_or_default();
        let faults = MessageFaults {
            drop: value("drop"),
            duplicate: value("duplicate"),
            delay: value("delay"),
            delay_max: Duration::from_secs_f64(value("delay_max")),
        };
        self.handle(Input::SetFaults(Faults {
            messages_down: faults,
            messages_up: faults,
            ..Faults::default()
        }));
    }

    fn advance(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        loop {
            let due = self.master.poll_timeout();
            self.now = due.min(end);
            self.handle(Input::Timeout);
            if due > end {
                return;
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.master.handle(self.now, input);
        self.drain(None);
    }

    /// Writes down all outputs; `subscribing` is who gets the next stream.
    fn drain(&mut self, subscribing: Option<&str>) {
        while let Some(output) = self.master.poll_output() {
            if let Some(name) = subscribing {
                self.note_subscription(name, &output);
            }
            // What was noted shows when the master has failed over.
            if let Output::Note(change) = output {
                self.registry.apply(change);
                continue;
            }
            if let Output::ToAgent {
                agent,
                message: ToAgent::Registered { agent_id },
            } = &output
            {
                self.agent_ids.insert(*agent, agent_id.clone());
            }
            if let Output::ToAgent {
                agent,
                message: ToAgent::Checkpoint { resources },
            } = &output
            {
                self.checkpointed.insert(*agent, resources.clone());
            }
            if let Output::Event { event, .. } = &output
                && let Some(update) = &event.update_operation_status
                && let Some(uuid) = &update.status.uuid
            {
                self.operation_uuid = Some(uuid.value.clone());
            }
            let line = self.describe(&output);
            let at = (self.now - self.start).as_secs_f64();
            let _ = writeln!(self.transcript, "{at:.1} {line}");
        }
        assert!(self.master.poll_timeout() > self.now, "time goes on");
        self.master.check_invariants();
    }

    fn note_subscription(&mut self, name: &str, output: &Output) {
        let scheduler = self.schedulers.entry(name.to_owned()).or_default();
        match output {
            Output::Reply {
                reply: Reply::Stream { stream, stream_id },
                ..
            } => {
                scheduler.stream = Some(*stream);
                scheduler.stream_id = Some(stream_id.clone());
            }
            Output::Event { stream, event } if Some(*stream) == scheduler.stream => {
                if let Some(subscribed) = &event.subscribed {
                    scheduler.id = Some(subscribed.framework_id.value.clone());
                }
            }
            _ => {}
        }
    }

    fn describe(&self, output: &Output) -> String {
        let stream_name = |stream: &StreamIndex| {
            let known = self
                .schedulers
                .iter()
                .find(|(_, it)| it.stream == Some(*stream));
            known.map_or("old stream", |(name, _)| name).to_owned()
        };
        match output {
            Output::Reply { reply, .. } => match reply {
                Reply::Accepted => "202".to_owned(),
                Reply::Ok => "200".to_owned(),
                Reply::Stream { .. } => "200 stream".to_owned(),
                Reply::Refused(Rejection { status, text }) => format!("{status} {text}"),
            },
            Output::Event { stream, event } => {
                format!("{} < {}", stream_name(stream), describe_event(event))
            }
            Output::OperatorReply { reply, .. } => match reply {
                OperatorReply::Ok => "operator: 200".to_owned(),
                OperatorReply::Answer(answer) => {
                    let answer = codec::encode(Encoding::Json, &**answer);
                    format!("operator: {}", String::from_utf8_lossy(&answer))
                }
                OperatorReply::Stream { .. } => "operator: 200 stream".to_owned(),
                OperatorReply::Refused(Rejection { status, text }) => {
                    format!("operator: {status} {text}")
                }
            },
            Output::OperatorEvent { event, .. } => {
                let event = codec::encode(Encoding::Json, &**event);
                format!("operator < {}", String::from_utf8_lossy(&event))
            }
            Output::EndStream { stream } => format!("{} ends", stream_name(stream)),
            Output::CutStream { stream } => format!("{} is cut", stream_name(stream)),
            Output::Note(_) => unreachable!("it is kept"),
            Output::ToAgent { agent, message } => {
                format!("agent {} < {}", agent.0, describe_message(message))
            }
        }
    }

    fn next_request(&mut self) -> RequestIndex {
        self.requests += 1;
        RequestIndex(self.requests)
    }

    fn framework(&self, name: &str) -> FrameworkId {
        let id = self
            .schedulers
            .get(name)
            .and_then(|scheduler| scheduler.id.clone());
        FrameworkId::from(id.unwrap_or_else(|| name.to_owned()))
    }
}

impl Master {
    /// What must hold after every input.
    fn check_invariants(&self) {
        self.offers.check();
        for framework in self.frameworks.values() {
            framework.tasks.check();
        }
        let due = |(id, it): (&FrameworkId, &Framework)| Some((id.clone(), it.due()?));
        let frameworks = self.frameworks.iter().filter_map(due);
        self.framework_deadlines.check(frameworks);
        let due = |agent: &Agent| Some((agent.index(), agent.due()?));
        let agents = self.agents.values().filter_map(due);
        self.agent_deadlines.check(agents);
        for agent in self.agents.values() {
            let offers = self
                .offers
                .values()
                .filter(|offer| offer.agent == agent.index());
            let tasks = self
                .frameworks
                .values()
                .flat_map(|framework| framework.tasks.values());
            let tasks = tasks.filter(|task| task.agent() == agent.index());
            let executors = agent.executor_resources().map(|(_, resources)| resources);
            let mut sum = agent.free().clone() + agent.withheld();
            for resources in offers
                .map(|offer| &offer.resources)
                .chain(tasks.map(|task| &task.resources))
                .chain(executors)
            {
                sum += resources.unallocate();
            }
            assert_eq!(&sum, agent.total(), "nothing is lost, nothing is had twice");
        }
    }
}

fn config(
    start: Instant,
    id: &str,
    allocation_interval: Duration,
    registry: Registry,
) -> MasterConfig {
    let info = v1::MasterInfo {
        id: id.to_owned(),
        ..Default::default()
    };
    MasterConfig {
        info,
        allocation_interval,
        timeouts: Timeouts::default(),
        epoch: (start, 1000.0),
        seed: 1,
        faults: Faults::default(),
        registry,
    }
}
