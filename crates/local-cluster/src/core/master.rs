//! The master as a machine: what schedulers and agents say goes in, what they are told comes out.
//!
//! Owns frameworks, agents, offers and tasks, as Mesos' master does, in memory only. Refuses
//! nothing that Mesos takes, in the words of Mesos (PROTOCOL §3-§8, §10). Has no clock, no sockets
//! and no encoding: requests come parsed, and events leave as messages.
//!
//! ```text
//!   framework            SUBSCRIBE                              stream closed
//!     unknown ------------------------------> connected <-----------------------> disconnected
//!        ^                                      |  ^ SUBSCRIBE again (failover)         |
//!        | id not in the completed list         |  +--- old stream: ERROR, end          |
//!        |                                      | TEARDOWN        failover_timeout over |
//!        |                                      v                                       |
//!        +------ never again ------------- completed <----------------------------------+
//!
//!   framework (recovered): its agents are there again after a failover of the master, it is not;
//!   it waits without end for its SUBSCRIBE.
//!
//!   agent     Register            link lost                75 s or more
//!     unknown ---------> connected --------> disconnected -------> unreachable
//!                            ^   Register, same id |                   |
//!                            +---------------------+-------------------+
//! ```

mod accept;
mod agents;
mod allocator;
mod calls;
mod conversion;
mod deadlines;
mod events;
mod framework;
mod frameworks;
mod ledger;
mod messages;
mod offers;
mod operations;
mod operator;
mod registry;
mod roles;
mod shares;
mod tasks;
mod trouble;
mod validation;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use mesos::v1::scheduler::{Call, Event, call};
use mesos::{AgentId, FrameworkId, OfferId, v1};

use self::agents::Agent;
use self::allocator::Filters;
use self::deadlines::Deadlines;
use self::framework::Framework;
use self::messages::Messages;
use self::offers::Offers;
use self::operations::Operations;
pub(crate) use self::operator::OperatorReply;
use self::operator::Operators;
pub(crate) use self::registry::{Registry, RegistryChange};
pub(crate) use self::trouble::Disturbance;
use self::trouble::Troubles;
use super::faults::{Faults, MessageCounts};
use super::wire::{AgentIndex, ToAgent, ToMaster};

/// What a master is told when it is made.
#[derive(Debug, Clone)]
pub(crate) struct MasterConfig {
    /// How it introduces itself. Its id is the first part of every id that it gives.
    pub(crate) info: v1::MasterInfo,
    /// Time between two allocation runs, 1 ms at least. Mesos: 1 s.
    pub(crate) allocation_interval: Duration,
    pub(crate) timeouts: Timeouts,
    /// An instant and the seconds since the Unix epoch at it, for the timestamps of updates.
    pub(crate) epoch: (Instant, f64),
    /// Seed of the stream ids and of the faults.
    pub(crate) seed: u64,
    /// What goes wrong from the start.
    pub(crate) faults: Faults,
    /// What the masters before it have noted.
    pub(crate) registry: Registry,
}

/// How long a master is patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// From one ping of an agent to the next; 1 ms at least.
    pub(crate) agent_ping: Duration,
    /// An agent that has missed so many pings is unreachable.
    pub(crate) agent_pings_max: u32,
    /// How long an offer is good; `None`: without end.
    pub(crate) offer: Option<Duration>,
}

impl Default for Timeouts {
    /// Those of Mesos when it is told nothing (PROTOCOL §13.1).
    fn default() -> Self {
        Self {
            agent_ping: Duration::from_secs(15),
            agent_pings_max: 5,
            offer: None,
        }
    }
}

/// A request that waits for its answer, as numbered by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestIndex(pub(crate) u64);

/// A stream of events, as numbered by the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StreamIndex(pub(crate) u64);

/// What a master hears.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "inputs are taken one by one, never kept"
)]
pub(crate) enum Input {
    /// A scheduler has made a call that could be parsed.
    Call {
        request: RequestIndex,
        call: Box<Call>,
        headers: CallHeaders,
    },
    /// An operator has made a call that could be parsed.
    Operator {
        request: RequestIndex,
        call: Box<v1::master::Call>,
        /// Whether no encoding of an answer is acceptable to the client.
        accepts_nothing: bool,
    },
    /// The client of a stream has gone away.
    StreamClosed { stream: StreamIndex },
    /// An agent says something.
    Agent {
        agent: AgentIndex,
        message: ToMaster,
    },
    /// The link to an agent is broken: it was killed, or it crashed.
    AgentDisconnected { agent: AgentIndex },
    /// An agent does not answer any more, while the link to it holds: its process stands still.
    AgentSilent { agent: AgentIndex },
    /// It answers again.
    AgentAnswers { agent: AgentIndex },
    /// An agent leaves in an orderly way, its executors with it.
    AgentLeft { agent: AgentIndex },
    /// From now on this goes wrong.
    SetFaults(Faults),
    /// This goes wrong for a while.
    Disturb(Disturbance),
    /// The streams of all frameworks break.
    CutStreams,
    /// Nothing; time has passed.
    Timeout,
}

/// What a call says besides its body.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallHeaders {
    /// `Mesos-Stream-Id`.
    pub(crate) stream_id: Option<String>,
    /// Whether no encoding of an answer is acceptable to the client.
    pub(crate) accepts_nothing: bool,
    /// Who calls, where frameworks have to say.
    pub(crate) principal: Option<String>,
}

/// What a master does. Outputs come in the order in which they have to be done.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "outputs are drained after every input"
)]
pub(crate) enum Output {
    /// Answers a request.
    Reply { request: RequestIndex, reply: Reply },
    /// Writes one event to a stream.
    Event {
        stream: StreamIndex,
        event: Box<Event>,
    },
    /// Answers the request of an operator.
    OperatorReply {
        request: RequestIndex,
        reply: OperatorReply,
    },
    /// Writes one event to the stream of an operator.
    OperatorEvent {
        stream: StreamIndex,
        event: Box<v1::master::Event>,
    },
    /// Ends a stream after what was written to it.
    EndStream { stream: StreamIndex },
    /// Breaks a stream: what was written to it and has not left is lost.
    CutStream { stream: StreamIndex },
    /// Notes what has to outlive this master.
    Note(RegistryChange),
    /// Tells an agent something.
    ToAgent { agent: AgentIndex, message: ToAgent },
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// 202.
    Accepted,
    /// 200 without content.
    Ok,
    /// 200 with a stream; its events follow as outputs.
    Stream {
        stream: StreamIndex,
        stream_id: String,
    },
    /// Not 2xx.
    Refused(Rejection),
}

/// Why a call is refused: an HTTP status and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Rejection {
    fn new(status: u16, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }
}

/// The master.
///
/// Call [`handle`](Self::handle) for every input, drain [`poll_output`](Self::poll_output) after
/// each, and come back with [`Input::Timeout`] at [`poll_timeout`](Self::poll_timeout). `now` must
/// not go back.
#[derive(Debug)]
pub(crate) struct Master {
    config: MasterConfig,
    rng: fastrand::Rng,
    frameworks: BTreeMap<FrameworkId, Framework>,
    /// Frameworks that are gone for good, oldest first.
    completed: VecDeque<FrameworkId>,
    /// When frameworks get heartbeats, and those that do not listen are removed.
    framework_deadlines: Deadlines<FrameworkId>,
    agents: BTreeMap<AgentIndex, Agent>,
    /// When agents are given up.
    agent_deadlines: Deadlines<AgentIndex>,
    agent_index: HashMap<AgentId, AgentIndex>,
    registry: Registry,
    /// Agents that were admitted by masters before, until they register with this one.
    recovered: BTreeSet<AgentId>,
    /// When those that have not come are given up.
    recovery_due: Instant,
    offers: Offers,
    /// When offers end by themselves, in the order in which they were made; some have ended before.
    offer_ends: VecDeque<(Instant, OfferId)>,
    filters: Filters,
    allocation_due: Instant,
    counters: Counters,
    messages: Messages,
    troubles: Troubles,
    operators: Operators,
    operations: Operations,
    outputs: VecDeque<Output>,
}

/// How many ids of each kind have been given.
#[derive(Debug, Default)]
struct Counters {
    frameworks: u64,
    agents: u64,
    offers: u64,
    streams: u64,
}

/// Completed frameworks that are remembered, as by Mesos (PROTOCOL §4).
const COMPLETED_FRAMEWORKS_MAX: usize = 50;

/// Between two HEARTBEAT events, as by Mesos; not configurable there either (PROTOCOL §4).
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(15);

/// How long the agents of a master that has failed may take to register with the next (PROTOCOL §11.1).
const AGENT_REREGISTER_TIMEOUT: Duration = Duration::from_mins(10);

/// The shortest time between two allocation runs. With none at all time would stand still; more
/// often than this nobody needs offers.
const ALLOCATION_INTERVAL_MIN: Duration = Duration::from_millis(1);

impl Master {
    pub(crate) fn new(now: Instant, config: MasterConfig) -> Self {
        let config = MasterConfig {
            allocation_interval: config.allocation_interval.max(ALLOCATION_INTERVAL_MIN),
            ..config
        };
        Self {
            rng: fastrand::Rng::with_seed(config.seed),
            messages: Messages::new(config.faults, config.seed),
            allocation_due: now + config.allocation_interval,
            frameworks: BTreeMap::new(),
            completed: VecDeque::new(),
            framework_deadlines: Deadlines::default(),
            agents: BTreeMap::new(),
            agent_deadlines: Deadlines::default(),
            agent_index: HashMap::new(),
            recovered: config.registry.admitted().keys().cloned().collect(),
            registry: config.registry.clone(),
            recovery_due: now + AGENT_REREGISTER_TIMEOUT,
            offers: Offers::default(),
            offer_ends: VecDeque::new(),
            filters: Filters::default(),
            counters: Counters::default(),
            troubles: Troubles::default(),
            operators: Operators::default(),
            operations: Operations::default(),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Takes one input. Never fails: whatever a peer says has an answer.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        self.operators.time = self.timestamp(now);
        self.handle_timeouts(now);
        match input {
            Input::Call {
                request,
                call,
                headers,
            } => {
                self.handle_call(now, request, *call, &headers);
            }
            Input::Operator {
                request,
                call,
                accepts_nothing,
            } => {
                self.handle_operator(now, request, *call, accepts_nothing);
            }
            Input::StreamClosed { stream } => {
                self.handle_stream_closed(now, stream);
                self.unsubscribe_operator(stream);
            }
            Input::Agent { agent, message } => self.handle_agent(now, agent, message),
            Input::AgentDisconnected { agent } => self.handle_agent_disconnected(now, agent),
            Input::AgentSilent { agent } => self.handle_agent_silent(now, agent),
            Input::AgentAnswers { agent } => self.handle_agent_answers(agent),
            Input::AgentLeft { agent } => self.handle_agent_left(now, agent),
            Input::SetFaults(faults) => self.messages.set_faults(faults),
            Input::Disturb(disturbance) => self.disturb(now, disturbance),
            Input::CutStreams => self.cut_streams(now),
            Input::Timeout => {}
        }
    }

    /// The next thing to do, until there is none.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// How many framework messages there were.
    pub(crate) fn message_counts(&self) -> MessageCounts {
        self.messages.counts()
    }

    /// When to come back at the latest.
    pub(crate) fn poll_timeout(&self) -> Instant {
        let recovery = (!self.recovered.is_empty()).then_some(self.recovery_due);
        recovery
            .into_iter()
            .chain(self.framework_deadlines.first())
            .chain(self.agent_deadlines.first())
            .chain(self.offer_ends.front().map(|(end, _)| *end))
            .chain(self.messages.due())
            .chain(self.troubles.due())
            .chain(self.operators.due())
            .chain(self.operations.due())
            .fold(self.allocation_due, Instant::min)
    }

    fn handle_timeouts(&mut self, now: Instant) {
        self.send_heartbeats(now);
        self.send_operator_heartbeats(now);
        self.deliver_delayed(now);
        self.repeat_operation_statuses(now);
        self.end_shrinking(now);
        self.remove_overdue_frameworks(now);
        self.remove_overdue_agents(now);
        self.give_up_recovered_agents(now);
        if self.allocation_due <= now {
            self.allocate(now);
            // Runs that were missed are not made up for.
            while self.allocation_due <= now {
                self.allocation_due += self.config.allocation_interval;
            }
        }
        // An offer lives for whole intervals, when it was made by a run; and that run is over.
        self.end_overdue_offers(now);
    }

    /// The checks of PROTOCOL §3 in their order, then the call itself.
    fn handle_call(
        &mut self,
        now: Instant,
        request: RequestIndex,
        call: Call,
        headers: &CallHeaders,
    ) {
        if let Some(rejection) = self.troubles.refusal(now) {
            let reply = Reply::Refused(rejection);
            return self.outputs.push_back(Output::Reply { request, reply });
        }
        let reply = match calls::validate(&call, headers) {
            Err(rejection) => Reply::Refused(rejection),
            Ok(call::Type::Subscribe) => {
                // The reply is made there: events must come after it.
                return self.subscribe(now, request, with_principal(call, headers));
            }
            Ok(call_type) => match self.check_subscription(&call, headers) {
                Err(rejection) => Reply::Refused(rejection),
                Ok(framework_id) => self.dispatch(now, &framework_id, call_type, call),
            },
        };
        self.outputs.push_back(Output::Reply { request, reply });
    }

    /// Who calls, if it is a framework with a stream and knows that stream's id.
    fn check_subscription(
        &self,
        call: &Call,
        headers: &CallHeaders,
    ) -> Result<FrameworkId, Rejection> {
        let id = call.framework_id.clone().unwrap_or_default().value;
        let id = FrameworkId::new(id);
        let Some(framework) = self.frameworks.get(&id) else {
            return Err(Rejection::new(400, "Framework cannot be found"));
        };
        calls::check_principal(headers, &framework.info)
            .map_err(|text| Rejection::new(400, text))?;
        let Some((_, stream_id)) = framework.stream() else {
            return Err(Rejection::new(403, "Framework is not subscribed"));
        };
        match &headers.stream_id {
            None => Err(Rejection::new(
                400,
                "All non-subscribe calls should include the 'Mesos-Stream-Id' header",
            )),
            Some(given) if given != stream_id => Err(Rejection::new(
                400,
                format!(
                    "The stream ID '{given}' included in this request didn't match the stream ID \
                     currently associated with framework ID {id}"
                ),
            )),
            Some(_) => Ok(id),
        }
    }

    fn dispatch(
        &mut self,
        now: Instant,
        framework: &FrameworkId,
        call_type: call::Type,
        call: Call,
    ) -> Reply {
        use call::Type;
        match call_type {
            Type::Subscribe => unreachable!("it is handled by `subscribe`"),
            Type::Teardown => self.remove_framework(framework),
            Type::Accept => self.accept(now, framework, call.accept.unwrap_or_default()),
            Type::Decline => self.decline(now, framework, &call.decline.unwrap_or_default()),
            Type::Revive => self.revive(now, framework, &call.revive.unwrap_or_default().roles),
            Type::Suppress => self.suppress(framework, &call.suppress.unwrap_or_default().roles),
            Type::Kill => self.kill(now, framework, call.kill.unwrap_or_default()),
            Type::Shutdown => self.shutdown_executor(framework, call.shutdown.unwrap_or_default()),
            Type::Acknowledge => {
                self.acknowledge(framework, call.acknowledge.unwrap_or_default());
            }
            Type::Reconcile => self.reconcile(now, framework, call.reconcile.unwrap_or_default()),
            Type::ReconcileOperations => {
                let operations = call.reconcile_operations.unwrap_or_default().operations;
                self.reconcile_operations(framework, operations);
            }
            Type::Message => {
                self.message_to_executor(now, framework, call.message.unwrap_or_default());
            }
            Type::UpdateFramework => {
                return self.update_framework(framework, call.update_framework.unwrap_or_default());
            }
            Type::AcknowledgeOperationStatus => {
                let acknowledge = call.acknowledge_operation_status.unwrap_or_default();
                self.acknowledge_operation_status(framework, acknowledge);
            }
            // The built-in allocator of Mesos ignores requests. Inverse offers are never made
            // here, so all ids in these calls are unknown ones, which Mesos passes over in silence.
            Type::Request | Type::AcceptInverseOffers | Type::DeclineInverseOffers => {}
            // A real master dies of it.
            Type::Unknown => return Reply::Refused(Rejection::new(501, "501 Not Implemented.")),
        }
        Reply::Accepted
    }

    /// Writes an event to the stream of a framework; without one it is lost, as in Mesos.
    fn send(&mut self, framework: &FrameworkId, event: Event) {
        let stream = self.frameworks.get(framework).and_then(Framework::stream);
        if let Some((stream, _)) = stream {
            self.outputs.push_back(Output::Event {
                stream,
                event: Box::new(event),
            });
        }
    }

    /// Changes the registry, here and for the masters to come.
    fn note(&mut self, change: RegistryChange) {
        self.registry.apply(change.clone());
        self.outputs.push_back(Output::Note(change));
    }

    /// Tells an agent something, if its link is up.
    fn send_to_agent(&mut self, agent: AgentIndex, message: ToAgent) {
        if self.agents.get(&agent).is_some_and(Agent::is_connected) {
            self.outputs.push_back(Output::ToAgent { agent, message });
        }
    }

    /// Notes when something is due about a framework, after its connection has changed.
    fn watch_framework(&mut self, id: &FrameworkId) {
        let due = self.frameworks.get(id).and_then(Framework::due);
        self.framework_deadlines.set(id, due);
    }

    /// Notes when something is due about an agent, after its link has changed.
    fn watch_agent(&mut self, index: AgentIndex) {
        let due = self.agents.get(&index).and_then(Agent::due);
        self.agent_deadlines.set(&index, due);
    }

    /// The agent that is registered under this id, connected or not.
    fn agent_by_id(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(self.agent_index.get(id)?)
    }

    /// Seconds since the Unix epoch.
    fn timestamp(&self, now: Instant) -> f64 {
        let (instant, seconds) = self.config.epoch;
        seconds + now.saturating_duration_since(instant).as_secs_f64()
    }
}

/// A SUBSCRIBE with the principal of its caller, unless it says one (PROTOCOL §11.4).
fn with_principal(mut call: Call, headers: &CallHeaders) -> Call {
    if let (Some(subscribe), Some(principal)) = (&mut call.subscribe, &headers.principal) {
        let own = &mut subscribe.framework_info.principal;
        own.get_or_insert_with(|| principal.clone());
    }
    call
}

#[cfg(test)]
mod tests;
