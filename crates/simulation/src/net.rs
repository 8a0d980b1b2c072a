//! What all parts of the world share: the time, what is on its way, chance, and the books.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::{ExecutorId, TaskId};
use scheduler::{CallFault, ExecutorLaunch, Input, Job, Stop, TaskLaunch, TaskState, Uuid};

use crate::checker::Checker;
use crate::cluster::agent::{FromExecutor, ToAgent};
use crate::cluster::executor::ToExecutor;
use crate::cluster::master::{ToMaster, Wire};
use crate::profile::{Fault, Weather};

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A fault of a moment strikes.
    Strike(Fault),

    /// The scheduler tries to subscribe.
    Subscribe,
    /// An event arrives at the scheduler.
    Event { stream: u64, event: Event },
    /// The scheduler notices that its stream has ended.
    StreamEnds { stream: u64 },
    /// The scheduler knows what became of a call.
    Answer {
        call: u64,
        result: Result<(), CallFault>,
    },
    /// The scheduler may send another frame to this executor.
    Pump { executor: ExecutorId },
    /// The end of a task has waited for its messages for long enough.
    EndDue { task: String },
    /// The app scheduler does something.
    AppActs,
    /// The app scheduler returns.
    AppReturns(Result<(), String>),
    /// Somebody stops the job.
    StopJob(Stop),
    /// The last calls have had their time.
    FlushOver,

    /// A subscription arrives at the master.
    SubscribeArrives,
    /// The master notices that a stream has ended.
    StreamLost { stream: u64 },
    /// A call arrives at the master. `answered`: its answer finds its way back.
    CallArrives {
        stream: u64,
        call: u64,
        wire: Rc<Wire>,
        answered: bool,
    },
    /// An allocation run.
    Allocate { life: u64 },
    /// A framework without a stream is removed.
    FailoverTimeout { streams: u64 },
    /// A master is there again.
    MasterUp,
    /// Agents that have not registered with this master by now are unreachable.
    RegistrationsOver { life: u64 },
    /// The master has heard nothing of an agent for too long.
    AgentSilent { agent: usize, link: u64 },
    /// A message of an agent arrives at the master.
    ToMaster {
        agent: usize,
        link: u64,
        message: ToMaster,
    },

    /// A message of the master arrives at an agent.
    ToAgent {
        agent: usize,
        link: u64,
        message: ToAgent,
    },
    /// An agent registers, if nothing has come between.
    Register { agent: usize, link: u64 },
    /// The machine of an agent is there again.
    AgentBack { agent: usize },
    /// An agent sends an update again.
    UpdateDue {
        agent: usize,
        task: TaskId,
        uuid: Uuid,
        wait: Duration,
    },
    /// The process of an executor is there, or cannot be.
    ExecutorStarts { agent: usize, executor: ExecutorId },
    /// A message of an executor arrives at its agent.
    FromExecutor {
        agent: usize,
        executor: ExecutorId,
        message: FromExecutor,
    },
    /// An executor that was told to shut down has had its time.
    Destroy { executor: ExecutorId },

    /// A message of the agent arrives at an executor.
    ToExecutor {
        executor: ExecutorId,
        stream: u64,
        message: ToExecutor,
    },
    /// An executor renews its subscription at the agent.
    Resubscribe { executor: ExecutorId },
    /// A task is instantiated.
    Ready { executor: ExecutorId, task: TaskId },
    /// A task's function does something.
    Acts { executor: ExecutorId, task: TaskId },
    /// A task's function returns.
    Returns {
        executor: ExecutorId,
        task: TaskId,
        state: TaskState,
    },
    /// A task that was told to end is stopped.
    Force { executor: ExecutorId, task: TaskId },
    /// An executor may exit.
    Linger { executor: ExecutorId, launches: u64 },
    /// An executor may send another frame to the scheduler.
    PumpExecutor { executor: ExecutorId },

    /// A frame arrives at an executor, over framework messages.
    FrameDown {
        stream: u64,
        executor: ExecutorId,
        frame: Bytes,
    },
    /// A frame leaves the agent of an executor for the scheduler.
    FrameUp { executor: ExecutorId, frame: Bytes },
    /// An executor dials the scheduler.
    Dial { executor: ExecutorId, tries: u32 },
    /// A frame arrives over a direct connection.
    FrameDirect {
        executor: ExecutorId,
        connection: u64,
        is_down: bool,
        frame: Bytes,
    },
    /// A direct connection breaks.
    DirectBreaks {
        executor: ExecutorId,
        connection: u64,
    },
}

/// An event of a master's stream.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// SUBSCRIBED.
    Subscribed,
    /// The framework is not wanted any more.
    Refused,
    /// Everything that the machine hears.
    Input(Input),
    /// A framework message.
    Frame { executor: ExecutorId, frame: Bytes },
}

/// What keeps the order of what is sent through it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pipe {
    Stream(u64),
    ToMaster(usize, u64),
    ToAgent(usize, u64),
    ToExecutor(ExecutorId, u64),
    FromExecutor(ExecutorId),
    Direct(ExecutorId, u64, bool),
}

/// How much of the past is kept to be shown.
pub(crate) const LINES_KEPT: usize = 400;

/// What all parts of the world share.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) weather: Weather,
    pub(crate) job: Job,
    /// Of faults and of what is on its way.
    pub(crate) chance: fastrand::Rng,
    /// Of guests.
    pub(crate) guests: fastrand::Rng,
    pub(crate) checker: Checker,
    pub(crate) happened: Happened,
    /// Until when something is wrong, as far as is known.
    trouble_until: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    pipes: BTreeMap<Pipe, Instant>,
    serial: u64,
    /// None: nobody is going to read it.
    transcript: Option<VecDeque<String>>,
}

/// What happened in some runs: that nothing went wrong means nothing if nothing happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Happened {
    /// Runs.
    pub runs: u64,
    /// Things that happened.
    pub steps: u64,
    /// Faults of a moment.
    pub strikes: u64,
    /// Messages and calls to which something happened.
    pub mishaps: u64,
    /// Launches of tasks.
    pub launches: u64,
    /// Launches of tasks that had been launched before.
    pub relaunches: u64,
    /// App schedulers started.
    pub starts: u64,
    /// Spawns whose tasks all came up.
    pub spawned: u64,
    /// Spawns that failed.
    pub not_spawned: u64,
    /// Restarts that were asked for and begun.
    pub restarts_asked: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that ended because a task failed.
    pub failed: u64,
    /// Jobs whose gang was never up.
    pub never_placed: u64,
    /// Jobs that ended without TEARDOWN.
    pub not_torn_down: u64,
}

impl std::iter::Sum for Happened {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, it| Self {
            runs: sum.runs + it.runs,
            steps: sum.steps + it.steps,
            strikes: sum.strikes + it.strikes,
            mishaps: sum.mishaps + it.mishaps,
            launches: sum.launches + it.launches,
            relaunches: sum.relaunches + it.relaunches,
            starts: sum.starts + it.starts,
            spawned: sum.spawned + it.spawned,
            not_spawned: sum.not_spawned + it.not_spawned,
            restarts_asked: sum.restarts_asked + it.restarts_asked,
            messages: sum.messages + it.messages,
            succeeded: sum.succeeded + it.succeeded,
            failed: sum.failed + it.failed,
            never_placed: sum.never_placed + it.never_placed,
            not_torn_down: sum.not_torn_down + it.not_torn_down,
        })
    }
}

impl Net {
    pub(crate) fn new(
        start: Instant,
        weather: Weather,
        job: Job,
        rng: &mut fastrand::Rng,
        keeps_transcript: bool,
    ) -> Self {
        Self {
            now: start,
            start,
            trouble_until: start + weather.storm,
            weather,
            chance: rng.fork(),
            guests: rng.fork(),
            checker: Checker::new(&job, start),
            job,
            happened: Happened::default(),
            queue: BTreeMap::new(),
            pipes: BTreeMap::new(),
            serial: 0,
            transcript: keeps_transcript.then(VecDeque::new),
        }
    }

    /// When the next thing happens.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Happening> {
        self.queue.pop_first().map(|(_, happening)| happening)
    }

    /// Something happens after a time.
    pub(crate) fn later(&mut self, after: Duration, happening: Happening) {
        self.at(self.now + after, happening);
    }

    fn at(&mut self, at: Instant, happening: Happening) {
        self.serial += 1;
        self.queue.insert((at, self.serial), happening);
    }

    /// Something arrives after the time that it takes, and after all that went the same way before.
    pub(crate) fn along(&mut self, pipe: Pipe, happening: Happening) {
        let due = self.now + self.latency();
        let last = self.pipes.entry(pipe).or_insert(due);
        *last = due.max(*last);
        let due = *last;
        self.at(due, happening);
    }

    /// How long something takes on its way.
    pub(crate) fn latency(&mut self) -> Duration {
        let max = self.weather.latency_max.as_micros();
        Duration::from_micros(self.chance.u64(200..u64::try_from(max).unwrap_or(1000)))
    }

    /// A time below a maximum.
    pub(crate) fn some_time(&mut self, max: Duration) -> Duration {
        max.mul_f64(self.chance.f64())
    }

    /// Something goes wrong for so long.
    pub(crate) fn trouble(&mut self, time: Duration) {
        self.trouble_until = self.trouble_until.max(self.now + time);
    }

    /// For how long nothing has gone wrong.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.now.saturating_duration_since(self.trouble_until)
    }

    /// Whether faults may still happen.
    pub(crate) fn is_stormy(&self) -> bool {
        self.now < self.start + self.weather.storm && !self.checker.is_finished()
    }

    /// Whether this fault befalls a message or a call.
    pub(crate) fn befalls(&mut self, fault: Fault) -> bool {
        let befalls =
            self.is_stormy() && self.weather.has(fault) && self.chance.f64() < self.weather.loss;
        self.happened.mishaps += u64::from(befalls);
        befalls
    }

    /// A line of the transcript.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let Some(transcript) = &mut self.transcript else {
            return;
        };
        if transcript.len() == LINES_KEPT {
            transcript.pop_front();
        }
        let at = (self.now - self.start).as_secs_f64();
        transcript.push_back(format!("{at:10.3} {}", line()));
    }

    pub(crate) fn take_transcript(&mut self) -> Vec<String> {
        self.transcript.take().map(Vec::from).unwrap_or_default()
    }
}

/// Everything about one launch.
#[derive(Debug, Clone)]
pub(crate) struct LaunchOf {
    pub(crate) executor: ExecutorLaunch,
    pub(crate) tasks: Vec<TaskLaunch>,
}
