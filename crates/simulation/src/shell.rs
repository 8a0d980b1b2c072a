//! A model of the shell around the scheduler machine: subscription, calls, links, app scheduler.
//!
//! It does what `crates/framework` does, in virtual time: one call after the other, one link for
//! each executor, the end of a task told behind its last message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mesos::{ExecutorId, FrameworkId};
use scheduler::{CallFault, Command, FailedCall, Input, Outcome, Output, Scheduler};

use crate::cluster::master::Wire;
use crate::net::{Event, Happening, LaunchOf, Net};
use crate::profile::Fault;

mod app;
pub(crate) mod links;

use app::AppRun;
use links::Link;

/// How long the last calls may take.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// The longest wait between two attempts to subscribe.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How long a call may take until its connection is given up.
const CALL_MAX: Duration = Duration::from_secs(5);

pub(crate) struct Shell {
    scheduler: Scheduler,
    /// The stream that is listened to.
    stream: Option<u64>,
    is_subscribed: bool,
    /// Attempts to subscribe since the last success.
    attempts: u64,
    calls: VecDeque<Queued>,
    /// The call that is under way, by number.
    in_flight: Option<(u64, Option<FailedCall>)>,
    calls_made: u64,
    links: BTreeMap<ExecutorId, Link>,
    /// The executor that has the last attempt of a task.
    by_task: BTreeMap<String, ExecutorId>,
    app: AppRun,
    /// Ends of tasks that wait for messages, with their executors.
    held: BTreeMap<String, ExecutorId>,
    is_sealed: bool,
    /// How the job has ended, once it has.
    outcome: Option<Outcome>,
    is_stopped: bool,
    connections: u64,
    shut: BTreeSet<ExecutorId>,
}

struct Queued {
    wire: Wire,
    on_failure: Option<FailedCall>,
}

impl Shell {
    pub(crate) fn new(scheduler: Scheduler) -> Self {
        Self {
            scheduler,
            stream: None,
            is_subscribed: false,
            attempts: 0,
            calls: VecDeque::new(),
            in_flight: None,
            calls_made: 0,
            links: BTreeMap::new(),
            by_task: BTreeMap::new(),
            app: AppRun::default(),
            held: BTreeMap::new(),
            is_sealed: false,
            outcome: None,
            is_stopped: false,
            connections: 0,
            shut: BTreeSet::new(),
        }
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// When the machine or a link wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(Link::poll_timeout);
        let machine = self.scheduler.poll_timeout();
        links.chain(machine).min()
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come.
    pub(crate) fn tick(&mut self, net: &mut Net) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= net.now);
        if is_due(self.scheduler.poll_timeout()) {
            self.handle(net, Input::Tick);
            if self
                .scheduler
                .poll_timeout()
                .is_some_and(|at| at <= net.now)
            {
                net.checker
                    .break_promise(crate::violation::Violation::Spinning);
            }
        }
        self.pump_links(net);
    }

    pub(crate) fn handle(&mut self, net: &mut Net, input: Input) {
        if self.outcome.is_some() {
            return;
        }
        if input != Input::Tick {
            net.note(|| format!("> {}", brief(&input)));
        }
        net.checker.hear(net.now, &input);
        self.scheduler.handle(net.now, input);
        self.drain(net);
    }

    fn drain(&mut self, net: &mut Net) {
        while let Some(output) = self.scheduler.poll_output() {
            net.note(|| format!("  < {}", brief(&output)));
            net.checker.say(net.now, &output);
            self.carry_out(net, output);
        }
        net.checker.settle();
        self.make_calls(net);
        self.pump_links(net);
    }

    fn carry_out(&mut self, net: &mut Net, output: Output) {
        match output {
            Output::Accept {
                offers,
                executor,
                tasks,
                refuse,
            } => {
                net.happened.launches += tasks.len() as u64;
                let on_failure = tasks.iter().map(|task| task.id.clone()).collect();
                self.open_link(net, &executor, &tasks);
                let launch = LaunchOf { executor, tasks };
                self.calls.push_back(Queued {
                    wire: Wire::Accept {
                        offers,
                        launch,
                        refuse,
                    },
                    on_failure: Some(FailedCall::Accept(on_failure)),
                });
            }
            Output::Call(call) => {
                let is_interest =
                    matches!(call, scheduler::Call::Suppress | scheduler::Call::Revive);
                self.calls.push_back(Queued {
                    wire: Wire::Call(call),
                    on_failure: is_interest.then_some(FailedCall::Interest),
                });
            }
            Output::LiftBarrier(executors) => self.lift_barrier(net, &executors),
            Output::StartApp => self.start_app(net),
            Output::AbortApp => self.app = AppRun::Over,
            Output::CloseInputs(tasks) => self.close_inputs(net, &tasks),
            Output::CloseInputForNow(task) => self.close_inputs(net, &[task]),
            Output::ExecutorGone(executor) => self.shut_link(net, &executor),
            Output::Event(event) => self.hold_event(net, &event),
            Output::EndEvents => {
                self.is_sealed = true;
                self.told_all(net);
            }
            Output::Spawned { result, .. } => match result {
                Ok(_) => net.happened.spawned += 1,
                Err(_) => net.happened.not_spawned += 1,
            },
            Output::Report(_)
            | Output::Remember(_)
            | Output::TaskOver(_)
            | Output::TaskReturns(_) => {}
            Output::Finished(outcome) => {
                self.outcome = Some(outcome);
                let executors: Vec<_> = self.links.keys().cloned().collect();
                for executor in executors {
                    self.shut_link(net, &executor);
                }
                net.later(FLUSH_MAX, Happening::FlushOver);
            }
        }
    }

    /// Makes the next call if none is under way.
    fn make_calls(&mut self, net: &mut Net) {
        while self.in_flight.is_none() && !self.is_stopped {
            let Some(Queued { wire, on_failure }) = self.calls.pop_front() else {
                return;
            };
            self.calls_made += 1;
            let call = self.calls_made;
            self.in_flight = Some((call, on_failure));
            let Some(stream) = self.stream.filter(|_| self.is_subscribed) else {
                let result = Err(CallFault::NoEffect);
                return net.later(Duration::ZERO, Happening::Answer { call, result });
            };
            let wire = Rc::new(wire);
            let unknown = Happening::Answer {
                call,
                result: Err(CallFault::Unknown),
            };
            let arrives = |answered| Happening::CallArrives {
                stream,
                call,
                wire: Rc::clone(&wire),
                answered,
            };
            if !net.befalls(Fault::CallLoss) {
                let after = net.latency();
                return net.later(after, arrives(true));
            }
            net.note(|| format!("    FAILS: {}", brief(&wire)));
            let given_up = net.some_time(CALL_MAX);
            net.later(given_up, unknown);
            // It may arrive all the same, even after it was given up.
            match net.chance.u32(0..3) {
                0 => {}
                1 => {
                    let after = net.latency();
                    net.later(after, arrives(false));
                }
                _ => {
                    let after = net.some_time(CALL_MAX * 2);
                    net.later(after, arrives(false));
                }
            }
        }
    }

    /// It is known what became of a call.
    pub(crate) fn answered(&mut self, net: &mut Net, call: u64, result: Result<(), CallFault>) {
        let Some((_, on_failure)) = self.in_flight.take_if(|(number, _)| *number == call) else {
            return;
        };
        if let (Err(fault), Some(call)) = (result, on_failure) {
            self.handle(net, Input::CallFailed { call, fault });
        }
        self.make_calls(net);
    }

    /// The last calls have had their time.
    pub(crate) fn stop(&mut self, net: &mut Net) {
        self.is_stopped = true;
        if let Some(stream) = self.stream.take() {
            net.later(Duration::ZERO, Happening::StreamLost { stream });
        }
    }

    pub(crate) fn subscribe(&mut self, net: &mut Net) {
        if self.stream.is_some() || self.is_stopped || self.outcome.is_some() {
            return;
        }
        self.attempts += 1;
        let after = net.latency();
        net.later(after, Happening::SubscribeArrives);
    }

    /// Somebody has heard the subscription, or nobody.
    pub(crate) fn subscribing(&mut self, net: &mut Net, stream: Option<u64>) {
        match stream {
            // Nobody reads what comes.
            Some(stream) if self.is_stopped || self.outcome.is_some() => {
                net.later(Duration::ZERO, Happening::StreamLost { stream });
            }
            Some(stream) => self.stream = Some(stream),
            None => self.fail_subscription(net, "connection refused"),
        }
    }

    fn fail_subscription(&mut self, net: &mut Net, reason: &str) {
        self.stream = None;
        self.is_subscribed = false;
        let max =
            BACKOFF_MAX.min(Duration::from_millis(500) * 2u32.pow(self.attempts.min(5) as u32));
        let after = net.some_time(max);
        net.later(after, Happening::Subscribe);
        let reason = reason.to_owned();
        self.handle(net, Input::Disconnected { reason });
    }

    /// The stream has ended, and this end notices.
    pub(crate) fn lose_stream(&mut self, net: &mut Net, stream: u64) {
        if self.stream == Some(stream) {
            self.fail_subscription(net, "the stream has ended");
        }
    }

    /// An event arrives.
    pub(crate) fn hear(&mut self, net: &mut Net, stream: u64, event: Event) {
        if self.stream != Some(stream) {
            return;
        }
        match event {
            Event::Subscribed => {
                self.is_subscribed = true;
                self.attempts = 0;
                self.handle(net, Input::Subscribed(FrameworkId::new("fw")));
            }
            Event::Refused => {
                let reason = "framework has been removed".to_owned();
                self.handle(net, Input::Refused { reason });
            }
            Event::Input(input) => self.handle(net, input),
            Event::Frame { executor, frame } => self.hear_frame(net, &executor, frame),
        }
    }

    pub(crate) fn command(&mut self, net: &mut Net, command: Command) {
        self.handle(net, Input::Command(command));
    }
}

/// A line of the transcript.
fn brief(value: &impl std::fmt::Debug) -> String {
    const LENGTH_MAX: usize = 400;
    let mut text = format!("{value:?}");
    if let Some((index, _)) = text.char_indices().nth(LENGTH_MAX) {
        text.truncate(index);
        text.push('…');
    }
    text
}
