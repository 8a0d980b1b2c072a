//! The life of a gang, from the first subscription to the teardown.
//!
//! ```text
//! Waiting ──subscribed──► Starting ──all are up──► Running
//!    │                       │                       │ app returned
//!    │ not in time           │ not in time           │ a task failed
//!    │                       │ a task failed         │ stop
//!    │                       ▼                       │
//!    │                    Stopping ◄─────────────────┘
//!    │            tasks end, app returns, teardown
//!    ▼                       ▼
//!  Ended ◄───────────────────┘
//! ```
//! - **Waiting**: no master has taken the subscription yet.
//! - **Starting**: the gang is placed and launched, as the first *wave* (`waves.rs`). A launch that
//!   fails for reasons of its offer is placed again, and a task that may be restarted is; any other
//!   failure undoes the gang. No function of a task has begun.
//!   If the job wants connections to its executors, they are waited for, too.
//! - **Running**: the start barrier is lifted and the app scheduler runs. Tasks that are restarted
//!   or spawned are waves of their own.
//! - **Stopping**: first every `in` channel closes and tasks have their grace, then they are
//!   killed until they end; then the app scheduler has a moment to return; then TEARDOWN.
//! - **Ended**: nothing is heard any more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mesos::{AgentId, ExecutorId, FrameworkId, TaskId};

use crate::interest::{Interest, Tell};
use crate::io::{Call, Command, Input, JobEvent, JobEventKind, Outcome, Output, Progress};
use crate::job::{InvalidJob, Job};
use crate::ledger::{Fired, Ledger};
use crate::offers::{OfferPool, REFUSE_UNWANTED, Refusal};
use crate::policy::Restarts;
use crate::reconcile::{Question, Reconciliation};
use crate::record::Record;
use crate::status::TaskState;

mod connection;
mod demands;
mod placing;
mod requests;
mod restarting;
mod spawning;
mod stopping;
mod updates;
mod waves;

use demands::Demands;
use requests::Returns;
pub use requests::{KillRefused, Phase, RestartRefused};
use restarting::GivenUp;
pub use spawning::SpawnRefused;
use spawning::Spawning;
use stopping::Ending;
use waves::{Purpose, Wave};

/// Launches a gang and looks after it until it has ended.
///
/// The shell calls [`handle`](Self::handle) with everything that happens, in the order in which it
/// happens, and with the time of it; time never goes back. After every input it drains
/// [`poll_output`](Self::poll_output) until that answers nothing, carries the outputs out in their
/// order, and calls `handle` with [`Input::Tick`] at [`poll_timeout`](Self::poll_timeout) if
/// nothing else comes first. [`Output::Finished`] is the last output; inputs after it are ignored.
///
/// Every offer that was handed in is answered by exactly one [`Output::Accept`] or
/// `DECLINE`, unless it is rescinded, the subscription is lost, or the framework is torn
/// down first. Nothing that a master says makes the machine panic.
#[derive(Debug)]
pub struct Scheduler {
    job: Job,
    ledger: Ledger,
    pool: OfferPool,
    interest: Interest,
    reconciliation: Reconciliation,
    /// The chance in the waits of restarts.
    rng: fastrand::Rng,
    /// How many executors were launched.
    executors: u64,
    /// The agents that were launched on, as constraints see them.
    agents: BTreeMap<AgentId, placing::KnownAgent>,
    /// Executors that broke the rules of their link, to be shut down. Until such a one has ended,
    /// its tasks cannot be spoken to.
    abandoned: Demands<ExecutorId, AgentId>,
    /// Tasks that run although they were given up, and earlier attempts that were late, to be
    /// killed: they would run beside their successors.
    revenants: Demands<TaskId, Option<AgentId>>,
    /// Those to which there has been a connection, while they live.
    connected: BTreeSet<ExecutorId>,
    /// How executors have ended, until the ends of all their tasks have come.
    wait_statuses: BTreeMap<ExecutorId, i32>,
    /// Tasks that are not up yet; there are none before Starting and after Running.
    waves: Vec<Wave>,
    /// Of so many waves it was told that they wait.
    waits: u64,
    /// Tasks of waves that are of no use, and are to end.
    given_up: GivenUp,
    /// The restarts of tasks that were ever restarted, by index.
    restarts: BTreeMap<usize, Restarts>,
    returns: Returns,
    spawning: Spawning,
    /// Its id, once subscribed.
    framework: Option<FrameworkId>,
    is_connected: bool,
    app: AppRun,
    state: State,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
        /// Why the last attempt failed.
        reason: Option<String>,
    },
    Starting,
    Running,
    Stopping {
        outcome: Outcome,
        ending: Ending,
    },
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AppRun {
    NotStarted,
    Running,
    Returned,
}

/// A task as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its group.
    pub group: &'a str,
    /// Its state; none while it has no place.
    pub state: Option<TaskState>,
    /// Its agent, once launched.
    pub agent: Option<&'a AgentId>,
}

impl Scheduler {
    /// A machine that waits for its first subscription.
    ///
    /// `seed` is all the chance there is in it: the same inputs give the same outputs.
    ///
    /// # Errors
    /// When no cluster could run the job.
    pub fn new(job: Job, now: Instant, seed: u64) -> Result<Self, InvalidJob> {
        job.check()?;
        let rng = fastrand::Rng::with_seed(seed);
        Ok(Self {
            ledger: Ledger::new(&job),
            rng: rng.clone().fork(),
            pool: OfferPool::new(job.timing.hold, rng),
            interest: Interest::new(),
            reconciliation: Reconciliation::default(),
            executors: 0,
            agents: BTreeMap::new(),
            abandoned: Demands::new(),
            revenants: Demands::new(),
            connected: BTreeSet::new(),
            wait_statuses: BTreeMap::new(),
            waves: Vec::new(),
            waits: 0,
            given_up: GivenUp::default(),
            restarts: BTreeMap::new(),
            returns: Returns::default(),
            spawning: Spawning::default(),
            framework: None,
            is_connected: false,
            app: AppRun::NotStarted,
            state: State::Waiting {
                until: now + job.timing.subscribe,
                reason: None,
            },
            outputs: VecDeque::new(),
            job,
        })
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if matches!(self.state, State::Ended) {
            return;
        }
        match input {
            Input::Subscribed(framework) => {
                self.output(Output::Remember(Record::Framework(framework.clone())));
                self.framework = Some(framework.clone());
                self.handle_subscribed(now);
                let first = matches!(self.state, State::Waiting { .. });
                self.report(Progress::Subscribed { framework, first });
                self.event(if first {
                    JobEventKind::Registered
                } else {
                    JobEventKind::Reregistered
                });
                if first {
                    self.state = State::Starting;
                    let tasks = self.ledger.pending().collect();
                    let until = now + self.job.timing.gang;
                    let gang = Wave::new(Purpose::Gang, tasks, now, None, until);
                    self.waves.push(gang);
                }
            }
            Input::Disconnected { reason } => self.handle_disconnected(reason),
            Input::Refused { reason } => {
                self.end_now(Outcome::Refused { reason });
                return;
            }
            Input::Offers(offers) => self.handle_offers(now, offers),
            Input::Rescind(offer) => {
                if self.pool.rescind(&offer) {
                    self.event(JobEventKind::OfferRescinded);
                }
            }
            Input::Update(update) => self.handle_update(now, &update),
            Input::Failure(failure) => self.handle_failure(failure),
            Input::CallFailed { call, fault } => self.handle_call_failed(now, call, fault),
            Input::Command(command) => self.handle_command(now, command),
            Input::Tick => {}
        }
        self.advance(now);
        self.remember();
    }

    /// All tasks as they are now: those of the gang in the order of their groups, then the others.
    pub fn tasks(&self) -> impl Iterator<Item = TaskView<'_>> {
        let tasks = self.ledger.tasks().iter();
        let tasks = tasks.filter(|task| !task.never_was());
        tasks.map(|task| TaskView {
            name: task.name(),
            group: &self.job.groups[task.group()].name,
            state: task.state(),
            agent: task.agent(),
        })
    }

    /// Whether no task lives or waits to be launched. As long as that is so, nothing will be sent
    /// by any.
    pub fn is_deserted(&self) -> bool {
        self.ledger.live() == 0 && self.ledger.is_placed()
    }

    /// The next thing to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to come back if nothing happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Waiting { until, .. } => Some(*until),
            State::Starting | State::Running => self.waves.iter().map(Wave::poll_timeout).min(),
            State::Stopping { ending, .. } => Some(ending.until()),
            State::Ended => return None,
        };
        let connected = [
            self.interest.poll_timeout(),
            self.reconciliation.poll_timeout(),
            self.abandoned.poll_timeout(),
            self.revenants.poll_timeout(),
        ];
        let connected = connected.into_iter().filter(|_| self.is_connected);
        connected
            .chain([state, self.pool.poll_timeout(), self.ledger.poll_timeout()])
            .flatten()
            .min()
    }

    /// Does what the time and the last input have made due; every input ends here.
    fn advance(&mut self, now: Instant) {
        if matches!(self.state, State::Ended) {
            return;
        }
        if let State::Waiting { until, .. } = &self.state
            && now >= *until
        {
            return self.give_up_subscribing();
        }
        self.fire(now);
        self.advance_waves(now);
        // The end of the job may have begun.
        self.fire(now);
        if let Some(Refusal { offers, refuse }) = self.pool.give_back(now) {
            self.call(Call::Decline { offers, refuse });
        }
        let ledger = &self.ledger;
        self.abandoned
            .retain(|executor| ledger.agent_of(executor).is_some());
        self.advance_ending(now);
        if self.is_connected && !matches!(self.state, State::Ended) {
            self.advance_calls(now);
        }
    }

    /// Carries out what the ledger's alarms are for.
    fn fire(&mut self, now: Instant) {
        while let Some(fired) = self.ledger.fire(now) {
            match fired {
                // Without a connection the alarm comes again, and sooner with the subscription.
                Fired::Kill { .. } if !self.is_connected => {}
                Fired::Kill { task, agent, grace } => {
                    self.call(Call::Kill {
                        task,
                        agent: Some(agent),
                        grace,
                    });
                }
                Fired::Lost(index) => self.handle_end(now, index),
            }
        }
    }

    /// Asks and tells the master what is due.
    fn advance_calls(&mut self, now: Instant) {
        while let Some((executor, agent)) = self.abandoned.poll(now) {
            self.call(Call::ShutdownExecutor { executor, agent });
        }
        while let Some((task, agent)) = self.revenants.poll(now) {
            let grace = Some(Duration::ZERO);
            self.call(Call::Kill { task, agent, grace });
        }
        while let Some(question) = self.reconciliation.poll(now) {
            self.call(Call::Reconcile(match question {
                Question::Explicit(tasks) => tasks,
                Question::Implicit => Vec::new(),
            }));
        }
        match self.interest.poll(now) {
            Some(Tell::Suppress) => self.call(Call::Suppress),
            Some(Tell::Revive) => self.call(Call::Revive),
            None => {}
        }
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::AppReturned(result) => self.handle_app_returned(now, result),
            Command::Stop(stop) => self.handle_stop(now, stop),
            Command::Abandon(executor) => {
                let agent = self.ledger.agent_of(&executor).cloned();
                if agent.is_some_and(|agent| self.abandoned.add(now, &executor, agent)) {
                    self.output(Output::ExecutorGone(executor));
                }
            }
            Command::Connected(executor) => {
                if self.ledger.agent_of(&executor).is_some() {
                    self.connected.insert(executor);
                }
            }
            Command::Unconnected { executor, reason } => {
                // A job that ends anyway, or an executor whose tasks have ended, needs none.
                if matches!(self.state, State::Starting | State::Running) {
                    self.give_up_connecting(now, executor, reason, true);
                }
            }
        }
    }

    /// The gang is up.
    fn start_app(&mut self) {
        self.output(Output::StartApp);
        self.report(Progress::AppStarted);
        self.app = AppRun::Running;
        self.state = State::Running;
    }

    /// Tasks have become pending.
    fn want_offers(&mut self) {
        if self.wants_places() {
            self.interest.want_more();
        }
    }

    /// Tasks are not pending any more, or not now.
    fn settle_offers(&mut self) {
        if !self.wants_places() {
            self.decline_held();
            self.interest.want_nothing();
        }
    }

    fn holds_offers(&self) -> bool {
        self.pool.poll_timeout().is_some()
    }

    fn decline_held(&mut self) {
        let offers = self.pool.take_all();
        if !offers.is_empty() {
            self.call(Call::Decline {
                offers,
                refuse: REFUSE_UNWANTED,
            });
        }
    }

    fn event(&mut self, kind: JobEventKind) {
        self.output(Output::Event(JobEvent::new(kind)));
    }

    fn report(&mut self, progress: Progress) {
        self.output(Output::Report(progress));
    }

    fn call(&mut self, call: Call) {
        self.output(Output::Call(call));
    }

    fn output(&mut self, output: Output) {
        if let Output::Accept { .. } | Output::Call(Call::Decline { .. }) = output {
            self.interest.refused();
        }
        self.remember();
        self.outputs.push_back(output);
    }

    /// Gives out what the ledger has changed: before anything that follows from it.
    fn remember(&mut self) {
        while let Some(record) = self.ledger.poll_record() {
            self.outputs.push_back(Output::Remember(record));
        }
    }
}

#[cfg(test)]
mod tests;
