//! The loop of an agent: feeds the machine from its sources, and does what it wants.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use mesos::v1;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Command, Remains};
use crate::authentication::Guard;
use crate::codec::{self, Encoding};
use crate::containerizer::{ContainerEvent, Containerizer};
use crate::core::agent::{Agent, Answer, Input, Output, RequestId};
use crate::core::simulated::SimulatedExecutors;
use crate::core::wire::{AgentIndex, ToAgent, ToMaster};
use crate::files::Files;
use crate::http::agent::{HttpCall, Reply};
use crate::http::agent_operator::OperatorCall;
use crate::http::stream::{Backlog, RecordSender};
use crate::queue;
use crate::switchboard::MasterLink;

/// What the machine acts through.
pub(super) struct Driver {
    pub(super) machine: Agent,
    pub(super) index: AgentIndex,
    pub(super) to_master: queue::Sender<(AgentIndex, ToMaster)>,
    pub(super) containerizer: Containerizer,
    pub(super) simulated: Option<SimulatedExecutors>,
    pub(super) files: Files,
    pub(super) guard: Guard,
    pub(super) domain_socket_path: Option<PathBuf>,
    /// Whether it stands still.
    pub(super) frozen: watch::Sender<bool>,
    /// Calls that the machine has not answered yet: a SUBSCRIBE of each executor at most.
    pub(super) replies: BTreeMap<RequestId, (Encoding, oneshot::Sender<Reply>)>,
    /// At most one for each executor.
    pub(super) streams: BTreeMap<RequestId, (Encoding, RecordSender)>,
    pub(super) backlog: Backlog,
    pub(super) last_request: u64,
}

/// What the machine is fed from.
pub(super) struct Sources {
    pub(super) links: mpsc::UnboundedReceiver<MasterLink>,
    pub(super) from_master: queue::Receiver<ToAgent>,
    pub(super) calls: mpsc::Receiver<HttpCall>,
    pub(super) operators: mpsc::Receiver<OperatorCall>,
    pub(super) container_events: mpsc::UnboundedReceiver<ContainerEvent>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) stopped: oneshot::Receiver<()>,
}

impl Driver {
    pub(super) async fn run(mut self, mut sources: Sources) -> Remains {
        self.perform_all();
        while !self.machine.has_left() {
            let due = self.machine.poll_timeout();
            tokio::select! {
                Some(link) = sources.links.recv() => {
                    self.to_master = link.to_master;
                    sources.from_master = link.from_master;
                    self.handle(Input::MasterDetected);
                }
                Some(message) = sources.from_master.recv() => self.take_message(message),
                Some(call) = sources.calls.recv() => self.take_call(call),
                Some(call) = sources.operators.recv() => self.take_operator(call),
                Some(event) = sources.container_events.recv() => {
                    // What an executor said before its end comes first; what comes meanwhile does not.
                    for _ in 0..sources.calls.len() {
                        if let Ok(call) = sources.calls.try_recv() {
                            self.take_call(call);
                        }
                    }
                    self.take_event(event);
                }
                Some(command) = sources.commands.recv() => match command {
                    Command::Freeze(frozen) => {
                        if self.freeze(frozen, &mut sources).await.is_break() {
                            break;
                        }
                    }
                    command => self.take_command(command),
                },
                () = sleep_until(due) => {
                    self.machine.handle_timeout(Instant::now());
                    self.perform_all();
                }
                _ = &mut sources.stopped => break,
            }
        }
        // A process that has died ends nothing properly.
        for (_, sender) in std::mem::take(&mut self.streams).into_values() {
            sender.cut();
        }
        Remains {
            machine: self.machine,
            index: self.index,
            links: sources.links,
            link: MasterLink {
                to_master: self.to_master,
                from_master: sources.from_master,
            },
            commands: sources.commands,
            containerizer: self.containerizer,
            simulated: self.simulated,
            container_events: sources.container_events,
            files: self.files,
            guard: self.guard,
            domain_socket_path: self.domain_socket_path,
        }
    }

    /// Stands still until it is to go on, or to end. What others want of it meanwhile is lost.
    async fn freeze(
        &mut self,
        is_frozen: oneshot::Sender<()>,
        sources: &mut Sources,
    ) -> ControlFlow<()> {
        let since = Instant::now();
        self.frozen.send_replace(true);
        // Whoever asked may have gone.
        let _ = is_frozen.send(());
        loop {
            tokio::select! {
                command = sources.commands.recv() => match command {
                    Some(Command::Thaw) | None => break,
                    Some(Command::Freeze(is_frozen)) => drop(is_frozen.send(())),
                    Some(_) => {}
                },
                _ = &mut sources.stopped => return ControlFlow::Break(()),
            }
        }
        let after = since.elapsed();
        self.handle(Input::Thawed { after });
        self.frozen.send_replace(false);
        ControlFlow::Continue(())
    }

    /// Hands an input to the machine and does what comes of it.
    fn handle(&mut self, input: Input) {
        self.machine.handle(Instant::now(), input);
        self.perform_all();
    }

    fn perform_all(&mut self) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.perform(output);
            }
            let simulated = self.simulated.as_mut();
            let Some(input) = simulated.and_then(SimulatedExecutors::poll_input) else {
                return;
            };
            self.machine.handle(Instant::now(), input);
        }
    }

    fn take_message(&mut self, message: ToAgent) {
        if let ToAgent::Registered { agent_id } = &message {
            self.files.set_agent_id(agent_id.clone());
        }
        self.handle(Input::Master(Box::new(message)));
    }

    fn take_call(
        &mut self,
        HttpCall {
            call,
            principal,
            encoding,
            reply,
        }: HttpCall,
    ) {
        self.last_request += 1;
        let request = RequestId(self.last_request);
        self.replies.insert(request, (encoding, reply));
        self.handle(Input::Call {
            request,
            call,
            principal,
        });
    }

    /// Whoever asked may have gone.
    fn take_operator(&mut self, call: OperatorCall) {
        let now = Instant::now();
        match call {
            OperatorCall::Describe { scope, reply } => {
                let _ = reply.send(self.machine.describe(now, scope));
            }
            OperatorCall::SetLoggingLevel {
                level,
                nanoseconds,
                reply,
            } => {
                self.machine.set_logging_level(now, level, nanoseconds);
                let _ = reply.send(());
            }
        }
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::Leave(leaving) => {
                self.handle(Input::Leave);
                // Whoever asked may have gone.
                let _ = leaving.send(());
            }
            // The first was taken before.
            Command::Freeze(_) | Command::Thaw => {}
            Command::CutStreams => self.handle(Input::CutStreams),
            Command::KillExecutor { pick } => self.handle(Input::KillExecutor { pick }),
            Command::CountExecutors(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.machine.containers());
            }
        }
    }

    fn take_event(&mut self, event: ContainerEvent) {
        let input = match event {
            ContainerEvent::Started { container_id, pid } => Input::Started { container_id, pid },
            ContainerEvent::LaunchFailed {
                container_id,
                message,
            } => {
                self.containerizer.forget(&container_id);
                Input::LaunchFailed {
                    container_id,
                    message,
                }
            }
            ContainerEvent::Exited {
                container_id,
                status,
            } => {
                self.containerizer.forget(&container_id);
                Input::Exited {
                    container_id,
                    status,
                }
            }
        };
        self.handle(input);
    }

    fn perform(&mut self, output: Output) {
        let output = match &mut self.simulated {
            Some(simulated) => simulated.perform(output),
            None => Some(output),
        };
        let Some(output) = output else { return };
        match output {
            Output::Master(message) => {
                self.to_master.send((self.index, *message));
            }
            Output::Answer { request, answer } => self.answer(request, answer),
            Output::Event { stream, event } => self.send(stream, &event),
            Output::Close { stream } => drop(self.streams.remove(&stream)),
            Output::Cut { stream } => {
                if let Some((_, sender)) = self.streams.remove(&stream) {
                    sender.cut();
                }
            }
            Output::Launch(launch) => self.containerizer.launch(*launch),
            Output::Terminate { container_id } => self.containerizer.terminate(&container_id),
            Output::Destroy { container_id } => self.containerizer.destroy(&container_id),
        }
    }

    fn answer(&mut self, request: RequestId, answer: Answer) {
        let Some((encoding, reply)) = self.replies.remove(&request) else {
            return;
        };
        let reply_with = match answer {
            Answer::Stream => {
                // That its client has gone is noticed by the next event.
                let (sender, body) = self.backlog.stream(|| ());
                self.streams.insert(request, (encoding, sender));
                Reply::Stream(body)
            }
            answer => Reply::Answer(answer),
        };
        // The client may have gone meanwhile; its call counts.
        let _ = reply.send(reply_with);
    }

    fn send(&mut self, stream: RequestId, event: &v1::executor::Event) {
        let Some((encoding, sender)) = self.streams.get(&stream) else {
            return;
        };
        if let Err(error) = sender.send(&codec::encode(*encoding, event)) {
            tracing::debug!(%error, "dropped an event of an executor");
            self.streams.remove(&stream);
        }
    }
}

/// Never, when there is nothing to wait for.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
