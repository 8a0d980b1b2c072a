//! A master that runs: the machine of [`core::master`](crate::core::master) with a clock, an HTTP
//! server and the channels to and from its agents.
//!
//! It decides nothing. Each input is handed to the machine, each output done, in order. The machine
//! is made when the master begins to lead; before that its server says who does.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mesos::v1;
use mesos::v1::master_info::capability;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::authentication::{Authentication, Guard};
use crate::codec::{self, Encoding};
use crate::core::election::Verdict;
use crate::core::facts::MESOS_VERSION;
use crate::core::faults::{Faults, MessageCounts};
use crate::core::master::{
    Disturbance, Input, Master, MasterConfig as MachineConfig, OperatorReply, Output, Reply,
    RequestIndex, StreamIndex, Timeouts,
};
use crate::core::wire::{AgentIndex, ToMaster};
use crate::election::{self, Election, End};
use crate::http;
use crate::http::faults::FaultDoor;
use crate::http::master::{CALLS_MAX, HttpCall, HttpReply, MasterHandler, Standing};
use crate::http::operator::{OperatorAnswer, OperatorCall};
use crate::http::stream::{Backlog, RecordBody, RecordSender};
use crate::queue;
use crate::switchboard::{AgentLinks, Leadership, Switchboard};

/// What a master is.
#[derive(Debug, Clone)]
pub(crate) struct MasterConfig {
    pub(crate) hostname: String,
    /// Where it is; agents of other regions are remote.
    pub(crate) domain: Option<v1::DomainInfo>,
    pub(crate) allocation_interval: Duration,
    pub(crate) timeouts: Timeouts,
    /// Whom it lets in; everybody without.
    pub(crate) authentication: Option<Arc<Authentication>>,
    /// How it comes to lead.
    pub(crate) election: Election,
    /// Where those are brought who ask for faults; nobody may without.
    pub(crate) faults: Option<FaultDoor>,
    /// From where it draws its own id, those of its streams, and the faults.
    pub(crate) seed: u64,
}

impl MasterConfig {
    /// For another process at the same place: with ids of its own.
    pub(crate) fn be_another(&mut self) {
        self.seed = fastrand::Rng::with_seed(self.seed).u64(..);
    }
}

/// How an agent is lost, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// Without a word; it may come back.
    Disconnected(AgentIndex),
    /// In an orderly way, for good.
    Left(AgentIndex),
    /// It stands still, and nobody notices yet.
    Silent(AgentIndex),
    /// It was silent, and goes on.
    Answers(AgentIndex),
}

/// What the owner of a cluster wants of its master.
#[derive(Debug)]
pub(crate) enum Command {
    /// Takes note that an agent is gone, and says when that is done.
    Lose(Departure, oneshot::Sender<()>),
    /// Lets this go wrong from now on.
    SetFaults(Faults),
    /// Lets this go wrong for a while.
    Disturb(Disturbance),
    /// Breaks the streams of all frameworks.
    CutStreams,
    /// Tells how many framework messages there were.
    CountMessages(oneshot::Sender<MessageCounts>),
}

/// How long a master that follows another as the leader answers 503, as one that reads its registry
/// does (PROTOCOL §11.3).
const RECOVERY: Duration = Duration::from_millis(100);

/// Serves until `withdrawn`, or until it has led and is deposed: leads when it is elected, and
/// sends clients to the leader otherwise. Dropped, it dies at once, and all connections with it.
pub(crate) async fn run(
    config: MasterConfig,
    (listener, address): (TcpListener, SocketAddr),
    switchboard: Switchboard,
    standing: &watch::Sender<Standing>,
    withdrawn: &mut oneshot::Receiver<()>,
) -> End {
    let (calls_to, calls) = mpsc::channel(CALLS_MAX);
    let (operator_calls_to, operator_calls) = mpsc::channel(CALLS_MAX);
    let handler = MasterHandler::new(
        calls_to,
        operator_calls_to,
        standing.subscribe(),
        Guard::of_master(config.authentication.clone()),
        config.faults.clone(),
    );
    let mut rng = fastrand::Rng::with_seed(config.seed);
    let id = uuid::Builder::from_random_bytes(rng.u128(..).to_be_bytes()).into_uuid();
    let info = v1::MasterInfo {
        domain: config.domain.clone(),
        ..master_info(id.to_string(), address, config.hostname.clone())
    };
    let verdicts = watch::Sender::new(Verdict::Leaderless);
    let leading = async {
        let place = format!("{}:{}", config.hostname, address.port());
        follow(verdicts.subscribe(), standing).await;
        // The first leader has nothing to read.
        if !switchboard.is_first_term() {
            let place = place.clone();
            standing.send_replace(Standing::Recovering { place });
            tokio::time::sleep(RECOVERY).await;
        }
        let (commands_to, commands) = mpsc::unbounded_channel();
        standing.send_replace(Standing::Leading { place });
        let leadership = switchboard.lead(address, commands_to);
        let calls = Calls {
            calls,
            operator_calls,
            commands,
        };
        let identity = Identity {
            info: info.clone(),
            seed: rng.u64(..),
        };
        drive(&config, identity, leadership, switchboard.clone(), calls).await;
    };
    let serving = async {
        tokio::join!(http::serve(listener, handler), leading);
        std::future::pending().await
    };
    let standing_for_election = election::stand(
        &config.election,
        info.clone(),
        &switchboard,
        &verdicts,
        withdrawn,
    );
    tokio::select! {
        end = serving => end,
        end = standing_for_election => end,
    }
}

/// Answers as a follower, until the master is elected.
async fn follow(mut verdicts: watch::Receiver<Verdict>, standing: &watch::Sender<Standing>) {
    loop {
        let verdict = verdicts.borrow_and_update().clone();
        standing.send_replace(match verdict {
            Verdict::Leaderless => Standing::Leaderless,
            Verdict::Following(place) => Standing::Following(place),
            Verdict::Leading => return,
        });
        if verdicts.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Who a master is.
struct Identity {
    info: v1::MasterInfo,
    /// From where it draws all ids but its own.
    seed: u64,
}

/// Leads, until it is dropped.
async fn drive(
    config: &MasterConfig,
    identity: Identity,
    leadership: Leadership,
    switchboard: Switchboard,
    calls: Calls,
) {
    let (closed_to, closed) = mpsc::unbounded_channel();
    let now = Instant::now();
    // A clock before 1970 gives wrong times of day and nothing worse.
    let unix = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let machine = MachineConfig {
        info: identity.info,
        allocation_interval: config.allocation_interval,
        timeouts: config.timeouts,
        epoch: (now, unix.as_secs_f64()),
        seed: identity.seed,
        faults: leadership.faults,
        registry: leadership.registry,
    };
    // Until it is dropped it leads.
    let _reign = leadership.reign;
    let driver = Driver {
        machine: Master::new(now, machine),
        to_agents: leadership.to_agents,
        switchboard,
        replies: HashMap::new(),
        operator_replies: HashMap::new(),
        streams: HashMap::new(),
        backlog: Backlog::new(),
        closed_to,
        last_request: 0,
    };
    let sources = Sources {
        from_agents: leadership.from_agents,
        calls,
        closed,
    };
    driver.run(sources).await;
}

/// How a master introduces itself.
pub(crate) fn master_info(id: String, address: SocketAddr, hostname: String) -> v1::MasterInfo {
    use capability::Type;
    let capability = |kind: Type| v1::master_info::Capability {
        r#type: Some(kind.into()),
    };
    v1::MasterInfo {
        id,
        // Network byte order, read as a number of this machine.
        ip: u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets()),
        port: address.port().into(),
        pid: Some(format!("master@{address}")),
        hostname: Some(hostname.clone()),
        version: Some(MESOS_VERSION.to_owned()),
        address: Some(v1::Address {
            hostname: Some(hostname),
            ip: Some(Ipv4Addr::LOCALHOST.to_string()),
            port: address.port().into(),
        }),
        domain: None,
        capabilities: vec![
            capability(Type::AgentUpdate),
            capability(Type::AgentDraining),
            capability(Type::QuotaV2),
        ],
    }
}

/// What the machine acts through.
struct Driver {
    machine: Master,
    to_agents: AgentLinks,
    switchboard: Switchboard,
    /// Calls that the machine has not answered yet, which it does before it takes another.
    replies: HashMap<RequestIndex, (Encoding, oneshot::Sender<HttpReply>)>,
    operator_replies: HashMap<RequestIndex, (Encoding, oneshot::Sender<OperatorAnswer>)>,
    /// At most one for each framework, and those of operators.
    streams: HashMap<StreamIndex, (Encoding, RecordSender)>,
    backlog: Backlog,
    closed_to: mpsc::UnboundedSender<StreamIndex>,
    last_request: u64,
}

/// What the machine is fed from.
struct Sources {
    from_agents: queue::Receiver<(AgentIndex, ToMaster)>,
    calls: Calls,
    closed: mpsc::UnboundedReceiver<StreamIndex>,
}

/// What those say who are neither agents nor listen to streams.
struct Calls {
    calls: mpsc::Receiver<HttpCall>,
    operator_calls: mpsc::Receiver<OperatorCall>,
    commands: mpsc::UnboundedReceiver<Command>,
}

impl Driver {
    /// Runs until it is aborted.
    async fn run(mut self, mut sources: Sources) {
        self.perform_all();
        loop {
            let due = self.machine.poll_timeout();
            let input = tokio::select! {
                Some((agent, message)) = sources.from_agents.recv() => {
                    Input::Agent { agent, message }
                }
                Some(call) = sources.calls.calls.recv() => self.take_call(call),
                Some(call) = sources.calls.operator_calls.recv() => self.take_operator_call(call),
                Some(stream) = sources.closed.recv() => Input::StreamClosed { stream },
                Some(command) = sources.calls.commands.recv() => {
                    match self.take_command(command, &mut sources.from_agents) {
                        Some(input) => input,
                        None => continue,
                    }
                }
                () = tokio::time::sleep_until(due.into()) => Input::Timeout,
            };
            self.handle(input);
        }
    }

    /// Hands an input to the machine and does what comes of it.
    fn handle(&mut self, input: Input) {
        self.machine.handle(Instant::now(), input);
        self.perform_all();
    }

    fn perform_all(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            self.perform(output);
        }
    }

    fn take_call(&mut self, call: HttpCall) -> Input {
        self.last_request += 1;
        let request = RequestIndex(self.last_request);
        self.replies.insert(request, (call.encoding, call.reply));
        Input::Call {
            request,
            call: call.call,
            headers: call.headers,
        }
    }

    fn take_operator_call(&mut self, call: OperatorCall) -> Input {
        self.last_request += 1;
        let request = RequestIndex(self.last_request);
        self.operator_replies
            .insert(request, (call.encoding, call.reply));
        Input::Operator {
            request,
            call: call.call,
            accepts_nothing: call.accepts_nothing,
        }
    }

    /// What a command is to the machine, if it is about it.
    fn take_command(
        &mut self,
        command: Command,
        from_agents: &mut queue::Receiver<(AgentIndex, ToMaster)>,
    ) -> Option<Input> {
        match command {
            Command::Lose(departure, reply) => {
                // What the agent said before it went, its registration even, comes first; what
                // others say meanwhile does not.
                for _ in 0..from_agents.len() {
                    if let Some((agent, message)) = from_agents.try_recv() {
                        self.handle(Input::Agent { agent, message });
                    }
                }
                self.handle(match departure {
                    Departure::Disconnected(agent) => Input::AgentDisconnected { agent },
                    Departure::Left(agent) => Input::AgentLeft { agent },
                    Departure::Silent(agent) => Input::AgentSilent { agent },
                    Departure::Answers(agent) => Input::AgentAnswers { agent },
                });
                // Whoever asked may have gone.
                let _ = reply.send(());
                None
            }
            Command::SetFaults(faults) => Some(Input::SetFaults(faults)),
            Command::Disturb(disturbance) => Some(Input::Disturb(disturbance)),
            Command::CutStreams => Some(Input::CutStreams),
            Command::CountMessages(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.machine.message_counts());
                None
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Reply { request, reply } => self.reply(request, reply),
            Output::Event { stream, event } => self.send(stream, &*event),
            Output::OperatorReply { request, reply } => self.reply_to_operator(request, reply),
            Output::OperatorEvent { stream, event } => self.send(stream, &*event),
            Output::EndStream { stream } => drop(self.streams.remove(&stream)),
            Output::CutStream { stream } => {
                if let Some((_, sender)) = self.streams.remove(&stream) {
                    sender.cut();
                }
            }
            Output::Note(change) => self.switchboard.note(change),
            Output::ToAgent { agent, message } => self.to_agents.send(agent, message),
        }
    }

    fn reply(&mut self, request: RequestIndex, reply: Reply) {
        let Some((encoding, reply_to)) = self.replies.remove(&request) else {
            return;
        };
        let reply = match reply {
            Reply::Accepted => HttpReply::Accepted,
            Reply::Ok => HttpReply::Ok,
            Reply::Refused(rejection) => HttpReply::Refused(rejection),
            Reply::Stream { stream, stream_id } => HttpReply::Stream {
                body: self.begin_stream(stream, encoding),
                stream_id,
            },
        };
        // The client may have gone meanwhile; its call counts, and a stream says so by its end.
        let _ = reply_to.send(reply);
    }

    fn reply_to_operator(&mut self, request: RequestIndex, reply: OperatorReply) {
        let Some((encoding, reply_to)) = self.operator_replies.remove(&request) else {
            return;
        };
        let reply = match reply {
            OperatorReply::Ok => OperatorAnswer::Ok,
            OperatorReply::Answer(answer) => OperatorAnswer::Answer(answer),
            OperatorReply::Refused(rejection) => OperatorAnswer::Refused(rejection),
            OperatorReply::Stream { stream } => {
                OperatorAnswer::Stream(self.begin_stream(stream, encoding))
            }
        };
        // As in `reply`.
        let _ = reply_to.send(reply);
    }

    fn begin_stream(&mut self, stream: StreamIndex, encoding: Encoding) -> RecordBody {
        let closed_to = self.closed_to.clone();
        let (sender, body) = self.backlog.stream(move || {
            // Without a master nobody minds.
            let _ = closed_to.send(stream);
        });
        self.streams.insert(stream, (encoding, sender));
        body
    }

    fn send<T: codec::Body>(&mut self, stream: StreamIndex, event: &T) {
        let Some((encoding, sender)) = self.streams.get(&stream) else {
            return;
        };
        if let Err(error) = sender.send(&codec::encode(*encoding, event)) {
            tracing::warn!(%error, "stream cut");
            self.streams.remove(&stream);
            let _ = self.closed_to.send(stream);
        }
    }
}

#[cfg(test)]
mod tests;
