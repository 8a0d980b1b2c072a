//! The world: one run, from its seed to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId};
use scheduler::{Command, Outcome, Scheduler};

use crate::cluster::agent::Agent;
use crate::cluster::executor::Executor;
use crate::cluster::master::Master;
use crate::job::Setting;
use crate::net::{Event, Happened, Happening, Net};
use crate::profile::{Fault, Profile};
use crate::shell::Shell;
use crate::violation::Violation;

mod strikes;

/// No run takes longer: the sum of all that a job may wait for is far below.
const LIFE_MAX: Duration = Duration::from_secs(12 * 3600);

/// How long the world goes on after the machine's last word: until agents that were away are back,
/// executors have had their grace, and a framework without a stream is removed.
const AFTERLIFE: Duration = Duration::from_secs(900);

/// No run has more steps; one that does turns in circles.
const STEPS_MAX: u64 = 200_000;

pub(crate) struct World {
    pub(crate) net: Net,
    shell: Shell,
    master: Master,
    agents: Vec<Agent>,
    executors: BTreeMap<ExecutorId, Executor>,
    /// Streams on which nothing arrives any more.
    cut: BTreeSet<u64>,
    ends_at: Instant,
}

impl World {
    pub(crate) fn new(
        seed: u64,
        profile: &Profile,
        start: Instant,
        keeps_transcript: bool,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let weather = profile.draw(&mut rng.fork());
        let setting = Setting::draw(&mut rng.fork());
        let machine = Scheduler::new(setting.job.clone(), start, rng.u64(..));
        let machine = machine.expect("only jobs that can run are drawn");
        let mut net = Net::new(start, weather, setting.job, &mut rng, keeps_transcript);
        let described = format!("{:?} on {:?}", net.job, setting.agents);
        net.note(|| described);
        let agents: Vec<Agent> = (0..setting.agents.len()).map(Agent::new).collect();
        for (index, agent) in agents.iter().enumerate() {
            let after = net.some_time(Duration::from_secs(5));
            let link = agent.link_number();
            net.later(after, Happening::Register { agent: index, link });
        }
        net.later(Duration::ZERO, Happening::Subscribe);
        let mut world = Self {
            shell: Shell::new(machine),
            master: Master::new(&setting.agents),
            agents,
            executors: BTreeMap::new(),
            cut: BTreeSet::new(),
            ends_at: start + LIFE_MAX,
            net,
        };
        world.plan_strikes();
        world
    }

    /// Lets everything happen; answers what did.
    pub(crate) fn run(&mut self) -> Result<Happened, Violation> {
        while let Some(at) = self.next_at() {
            if at > self.ends_at {
                break;
            }
            self.step(at);
            if let Some(violation) = self.net.checker.violation() {
                return Err(violation.clone());
            }
            self.net.happened.steps += 1;
            if self.net.happened.steps > STEPS_MAX {
                return Err(Violation::NoEnd);
            }
        }
        let left: BTreeSet<_> = self.executors.keys().cloned().collect();
        let was_removed = self.master.has_removed();
        self.net.checker.check_end(&left, was_removed);
        match self.net.checker.violation() {
            Some(violation) => Err(violation.clone()),
            None => Ok(self.happened()),
        }
    }

    fn happened(&self) -> Happened {
        let outcome = self.shell.outcome();
        let is = |found: bool| u64::from(found);
        Happened {
            runs: 1,
            messages: self.net.checker.streams.received(),
            succeeded: is(outcome == Some(&Outcome::Succeeded)),
            failed: is(matches!(outcome, Some(Outcome::TaskFailed(_)))),
            never_placed: is(matches!(outcome, Some(Outcome::NeverPlaced(_)))),
            not_torn_down: is(self.net.checker.was_torn_down() == Some(false)),
            ..self.net.happened
        }
    }

    fn next_at(&self) -> Option<Instant> {
        let executors = self.executors.values().filter_map(Executor::poll_timeout);
        let shell = self.shell.poll_timeout();
        executors.chain(shell).chain(self.net.next_at()).min()
    }

    fn step(&mut self, at: Instant) {
        let net = &mut self.net;
        let was_finished = net.checker.is_finished();
        net.checker.check_time(at);
        let quiet = net.quiet_for();
        net.now = net.now.max(at);
        net.checker.check_peace(net.now, quiet);
        if net.next_at().is_some_and(|next| next <= at) {
            if let Some(happening) = self.net.pop() {
                self.happen(happening);
            }
        } else {
            self.shell.tick(&mut self.net);
            for executor in self.executors.values_mut() {
                if executor.poll_timeout().is_some_and(|due| due <= at) {
                    executor.pump(&mut self.net);
                }
            }
        }
        if !was_finished && self.net.checker.is_finished() {
            self.ends_at = self.net.now + AFTERLIFE;
        }
    }

    fn happen(&mut self, happening: Happening) {
        let net = &mut self.net;
        match happening {
            Happening::Strike(fault) => self.strike(fault),
            Happening::Subscribe => self.shell.subscribe(net),
            Happening::SubscribeArrives => {
                let stream = self.master.subscribe(net);
                self.shell.subscribing(net, stream);
            }
            Happening::Event { stream, event } => {
                if !self.cut.contains(&stream) {
                    self.shell.hear(net, stream, event);
                }
            }
            Happening::StreamEnds { stream } => self.shell.lose_stream(net, stream),
            Happening::StreamLost { stream } => self.master.lose_stream(net, stream),
            Happening::Answer { call, result } => self.shell.answered(net, call, result),
            Happening::CallArrives {
                stream,
                call,
                wire,
                answered,
            } => self.master.handle_call(net, stream, call, &wire, answered),
            Happening::Pump { executor } => self.shell.unbusy(net, &executor),
            Happening::EndDue { task } => self.shell.end_due(net, &task),
            Happening::AppActs => self.shell.app_acts(net),
            Happening::AppReturns(result) => self.shell.app_returns(net, result),
            Happening::StopJob(stop) => self.shell.command(net, Command::Stop(stop)),
            Happening::FlushOver => self.shell.stop(net),
            Happening::Allocate { life } => self.master.allocate(net, life),
            Happening::FailoverTimeout { streams } => self.master.time_out(net, streams),
            Happening::MasterUp => self.rise(),
            Happening::RegistrationsOver { life } => self.master.give_up_recovered(net, life),
            Happening::AgentSilent { agent, link } => self.master.give_up(net, agent, link),
            Happening::ToMaster {
                agent,
                link,
                message,
            } => self.master.handle_agent(net, agent, link, message),
            other => self.happen_below(other),
        }
    }

    /// What happens on agents and in executors.
    fn happen_below(&mut self, happening: Happening) {
        let net = &mut self.net;
        match happening {
            Happening::ToAgent {
                agent,
                link,
                message,
            } => self.agents[agent].handle_master(net, link, message),
            Happening::Register { agent, link } => self.agents[agent].register(net, link),
            Happening::AgentBack { agent } => self.agent_back(agent),
            Happening::UpdateDue {
                agent,
                task,
                uuid,
                wait,
            } => self.agents[agent].repeat_update(net, task, uuid, wait),
            Happening::ExecutorStarts { agent, executor } => self.start_executor(agent, executor),
            Happening::FromExecutor {
                agent,
                executor,
                message,
            } => self.agents[agent].handle_executor(net, &executor, message),
            Happening::Destroy { executor } => self.end_executor(&executor, 9),
            Happening::Linger { executor, launches } => {
                let process = self.executors.get_mut(&executor);
                if process.is_some_and(|it| it.lingered(net, launches)) {
                    self.end_executor(&executor, 0);
                }
            }
            Happening::Dial { executor, tries } => {
                if let Some(process) = self.executors.get_mut(&executor)
                    && let Some(connection) = self.shell.dial(net, &executor, tries)
                {
                    process.move_to(net, Some(connection));
                }
            }
            Happening::FrameDirect {
                executor,
                connection,
                is_down,
                frame,
            } => self.carry_direct(&executor, connection, is_down, frame),
            Happening::DirectBreaks {
                executor,
                connection,
            } => self.break_direct(&executor, connection),
            Happening::FrameDown {
                stream,
                executor,
                frame,
            } => self.carry_down(stream, &executor, frame),
            Happening::FrameUp { executor, frame } => self.carry_up(executor, frame),
            other => self.happen_inside(other),
        }
    }

    /// What happens inside an executor, if it is there.
    fn happen_inside(&mut self, happening: Happening) {
        let net = &mut self.net;
        match happening {
            Happening::ToExecutor {
                executor,
                stream,
                message,
            } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.handle(net, stream, message);
                }
            }
            Happening::Resubscribe { executor } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.subscribe(net);
                }
            }
            Happening::PumpExecutor { executor } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.unbusy(net);
                }
            }
            Happening::Ready { executor, task } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.ready(net, &task);
                }
            }
            Happening::Acts { executor, task } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.act(net, &task);
                }
            }
            Happening::Returns {
                executor,
                task,
                state,
            } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.returns(net, &task, state);
                }
            }
            Happening::Force { executor, task } => {
                if let Some(process) = self.executors.get_mut(&executor) {
                    process.returns(net, &task, scheduler::TaskState::Killed);
                }
            }
            // All others are dealt with above.
            other => unreachable!("{other:?}"),
        }
    }

    fn start_executor(&mut self, agent: usize, executor: ExecutorId) {
        let net = &mut self.net;
        if !self.agents[agent].wants(&executor) {
            return self.agents[agent].executor_exited(net, &executor, 9);
        }
        if net.befalls(Fault::StartFailure) {
            return self.agents[agent].executor_exited(net, &executor, 256);
        }
        net.note(|| format!("    executor {executor} starts on a{agent}"));
        let mut process = Executor::new(net, executor.clone(), agent);
        process.subscribe(net);
        process.pump(net);
        self.executors.insert(executor, process);
    }

    /// The process of an executor ends, and its agent notices.
    fn end_executor(&mut self, executor: &ExecutorId, status: i32) {
        if let Some(agent) = self.remove_executor(executor) {
            self.agents[agent].executor_exited(&mut self.net, executor, status);
        }
    }

    fn remove_executor(&mut self, executor: &ExecutorId) -> Option<usize> {
        let process = self.executors.remove(executor)?;
        self.net.note(|| format!("    executor {executor} ends"));
        for task in process.tasks() {
            self.net.checker.truth.ended(self.net.now, task);
        }
        if let Some(connection) = process.connection {
            let after = self.net.latency();
            let executor = executor.clone();
            let breaks = Happening::DirectBreaks {
                executor,
                connection,
            };
            self.net.later(after, breaks);
        }
        Some(process.agent())
    }

    fn carry_direct(
        &mut self,
        executor: &ExecutorId,
        connection: u64,
        is_down: bool,
        frame: bytes::Bytes,
    ) {
        let process = self.executors.get_mut(executor);
        let process = process.filter(|it| it.connection == Some(connection));
        match (process, is_down) {
            (Some(process), true) => process.handle_frame(&mut self.net, frame),
            (Some(_), false) => self.shell.hear_direct(&mut self.net, executor, frame),
            (None, _) => {}
        }
    }

    fn break_direct(&mut self, executor: &ExecutorId, connection: u64) {
        self.shell.break_direct(&mut self.net, executor, connection);
        let process = self.executors.get_mut(executor);
        if let Some(process) = process.filter(|it| it.connection == Some(connection)) {
            process.move_to(&mut self.net, None);
            let after = self.net.some_time(Duration::from_secs(5));
            let executor = executor.clone();
            self.net
                .later(after, Happening::Dial { executor, tries: 0 });
        }
    }

    /// A framework message goes through master and agent, if all are there (PROTOCOL §10).
    fn carry_down(&mut self, stream: u64, executor: &ExecutorId, frame: bytes::Bytes) {
        let Some(process) = self.executors.get_mut(executor) else {
            return;
        };
        let agent = process.agent();
        let link = self.agents[agent].link();
        let passes = self.master.has_stream(stream)
            && link.is_some_and(|link| self.master.reaches(agent, link))
            && self.agents[agent].passes_to(executor)
            && process.hears();
        if passes {
            process.handle_frame(&mut self.net, frame);
        }
    }

    fn carry_up(&mut self, executor: ExecutorId, frame: bytes::Bytes) {
        let Some(agent) = self.executors.get(&executor).map(Executor::agent) else {
            return;
        };
        let link = self.agents[agent].link();
        let reaches = link.is_some_and(|link| self.master.reaches(agent, link));
        let Some(stream) = self.master.stream().filter(|_| reaches) else {
            return;
        };
        if !self.cut.contains(&stream) {
            let event = Event::Frame { executor, frame };
            self.shell.hear(&mut self.net, stream, event);
        }
    }

    /// Another id for an agent whose work directory is lost.
    fn fresh_agent_id(&mut self, index: usize) -> AgentId {
        AgentId::new(format!("a{index}x{}", self.net.chance.u16(..)))
    }
}
