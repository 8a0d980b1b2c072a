//! A running job, for those outside its process: what is known about it, and what may be asked.
//!
//! ```text
//! Progress, Event ──► RunningJob ──► api ──► door: private socket, or TCP with a token
//!                     tally, journal           ▲
//!                                     client ──┘  (mesosgot status, logs, …)
//! ```
//!
//! - [`journal`]: what has happened and what was printed, as far back as there is room.
//! - [`names`]: tasks as people name them.
//! - [`since`]: since when.
//! - [`status`]: how things are, as it goes over the wire.
//! - [`view`]: makes that of what the [`Tally`] knows.
//! - [`live`]: what has changed since somebody looked.
//! - [`api`]: the questions, as HTTP.
//! - [`metrics`]: figures for Prometheus.
//! - [`page`]: the dashboard, which asks them in a browser.
//! - [`door`]: who may ask them.
//! - [`place`]: where the sockets are.
//! - [`client`]: whoever asks.

pub(crate) mod api;
pub(crate) mod client;
mod door;
pub(crate) mod journal;
mod live;
mod metrics;
mod names;
mod page;
pub(crate) mod place;
pub(crate) mod since;
pub(crate) mod status;
mod view;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use executor_host::output::format_time;
use framework::operator::Operator;
use framework::{Progress, Sandboxes, TaskState, Traffic};
use job::Job;
use tokio::sync::watch;

pub(crate) use self::door::{Address, Doors};
use self::journal::Journal;
use self::live::{Live, News, Sampler};
use self::names::Names;
pub(crate) use self::page::View as PageOfJob;
use self::status::{JobId, Phase, Status};
use self::view::Figures;
use crate::report::Event;
use crate::signals::Urgency;
use crate::tally::{Snapshot, Tally};

/// What one process knows about the job that it runs. It is told by whoever reports, and asked by
/// the [`api`].
#[derive(Debug)]
pub(crate) struct RunningJob {
    id: JobId,
    began: Instant,
    started: String,
    tally: Arc<Mutex<Tally>>,
    journal: Mutex<Journal>,
    /// Since the last sample.
    news: Mutex<News>,
    sampler: Sampler,
    /// The page of its own.
    page: Option<page::View>,
    traffic: Traffic,
    sandboxes: Sandboxes,
    operator: Operator,
    stop: watch::Sender<Urgency>,
    /// Counts what has changed, so that whoever follows need not look in vain.
    changes: watch::Sender<u64>,
    has_ended: AtomicBool,
}

impl RunningJob {
    /// A job of which nothing has happened yet; `stop` is raised when somebody wants it to end.
    pub(crate) fn new(job: &Job, stop: watch::Sender<Urgency>) -> Self {
        let (changes, _) = watch::channel(0);
        Self {
            id: JobId {
                job: job.name.clone(),
                pid: std::process::id(),
            },
            began: Instant::now(),
            started: format_time(SystemTime::now()),
            tally: Arc::new(Mutex::new(Tally::new(job))),
            journal: Mutex::default(),
            news: Mutex::default(),
            sampler: Sampler::default(),
            page: None,
            traffic: Traffic::new(),
            sandboxes: Sandboxes::new(),
            operator: Operator::new(),
            stop,
            changes,
            has_ended: AtomicBool::new(false),
        }
    }

    /// Which job it is.
    pub(crate) fn id(&self) -> JobId {
        self.id.clone()
    }

    /// Nothing more will happen: whoever follows comes to the end.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.changed();
    }

    /// Whether nothing more will happen.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Takes a report of the framework into account.
    pub(crate) fn progress(&self, progress: &Progress) {
        let now = format_time(SystemTime::now());
        lock(&self.tally).count(&now, progress);
        // Afterwards, so that whoever takes the news finds them in the tally.
        lock(&self.news).note(progress);
        self.changed();
    }

    /// Remembers what was said, and what was printed.
    pub(crate) fn event(&self, event: &Event<'_>) {
        let now = format_time(SystemTime::now());
        match event {
            Event::Output {
                task,
                stream,
                time,
                line,
            } => {
                let time = time.map_or(now, str::to_owned);
                lock(&self.journal).line(time, task, *stream, line);
            }
            // The token is for those who read it where the job was started.
            Event::DashboardServes { .. } => {}
            event => match serde_json::to_string(event) {
                Ok(event) => lock(&self.journal).event(now, event),
                Err(error) => tracing::warn!(%error, "an event cannot be shown to others"),
            },
        }
        self.changed();
    }

    /// How far it is, and whether a master has it.
    fn health(&self) -> (Phase, bool) {
        let tally = lock(&self.tally);
        (tally.phase(), tally.is_connected())
    }

    /// How its tasks stand.
    pub(crate) fn tally(&self) -> &Arc<Mutex<Tally>> {
        &self.tally
    }

    /// What goes over the links of the run.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Where the executors of the run are.
    pub(crate) fn sandboxes(&self) -> &Sandboxes {
        &self.sandboxes
    }

    /// The way to the tasks of the run.
    pub(crate) fn operator(&self) -> &Operator {
        &self.operator
    }

    /// How things are.
    pub(crate) fn status(&self) -> Status {
        let known = self.known();
        let head = view::head(&known, self.figures());
        let usage = |task: &str| self.traffic.usage(task);
        Status {
            tasks: view::tasks(&known.into_tasks(), &self.traffic.links(), usage),
            ..head
        }
    }

    /// The same as figures for Prometheus.
    ///
    /// # Errors
    /// Those of [`metrics::render`].
    fn metrics(&self) -> Result<String, fmt::Error> {
        let known = self.known();
        let head = view::head(&known, self.figures());
        let tasks = known.into_tasks();
        let groups = view::group_figures(&tasks, |task| self.traffic.usage(task));
        metrics::render(&head, &groups, &self.traffic.total())
    }

    /// What the tally knows now. Whoever reports waits no longer than for this copy.
    fn known(&self) -> Snapshot {
        lock(&self.tally).snapshot()
    }

    fn figures(&self) -> Figures<'_> {
        Figures {
            id: &self.id,
            started: &self.started,
            uptime: self.began.elapsed(),
            total: self.traffic.total(),
            hostnames: self.sandboxes.hostnames(),
            forgotten: self.read(Journal::forgotten),
        }
    }

    /// Brings `live` up to date with what was reported since the last sample: of tasks at once, or
    /// by a sample if that is due or there was anything else. Answers whether it took one.
    fn sample(&self, live: &mut Live, is_due: bool) -> bool {
        let news = std::mem::take(&mut *lock(&self.news));
        if is_due || news.has_others {
            live.sample(self.status());
            return true;
        }
        let tally = lock(&self.tally);
        let tasks = news.tasks.into_iter();
        let heard_of = tasks.filter(|task| tally.state(task).is_some());
        live.refresh(heard_of, |status| {
            if let Some(task) = tally.task(&status.task) {
                view::tell(task, status);
            }
        });
        false
    }

    /// The same with a page of its own, which the dashboard shows beside.
    pub(crate) fn with_page(mut self, page: page::View) -> Self {
        self.page = Some(page);
        self
    }

    /// The page of its own.
    fn page(&self) -> Option<&page::View> {
        self.page.as_ref()
    }

    /// What has changed at the job since somebody looked.
    fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// The names of its groups and tasks.
    pub(crate) fn names(&self) -> Names {
        Names::of(&self.id.job, self.known())
    }

    /// The state of a task, once it was launched.
    pub(crate) fn state(&self, task: &str) -> Option<TaskState> {
        lock(&self.tally).state(task)
    }

    /// Asks the job to end, gracefully or at once. It cannot be taken back.
    pub(crate) fn stop(&self, urgency: Urgency) {
        self.stop.send_if_modified(|asked| {
            let raises = urgency > *asked;
            *asked = (*asked).max(urgency);
            raises
        });
    }

    /// Becomes another number whenever something has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks into the journal.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Journal) -> T) -> T {
        look(&lock(&self.journal))
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
