//! The loop between a master, the scheduler machine, the links and the app scheduler.
//!
//! It decides nothing: what is heard becomes an input, each output one act. The machine is owned
//! by this loop alone; everything else sends to it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use link::Alarm;
use link::app::{App, AppDriver, Life, RequestError};
use mesos::{FrameworkId, OfferId, v1};
use mesos_client::{
    DisconnectReason, RefusedError, SchedulerClient, SchedulerConfig, SchedulerNotice,
};
use prost::Message as _;
use scheduler::{
    Command, ExecutorLaunch, Input, OnFailure, Outcome, Output, Progress, Record, Scheduler,
    SpawnId, Stop, TaskLaunch,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::config::{ExecutorProgram, FrameworkConfig};
use crate::convert::{self, Heard};
use crate::identity::RunIdentity;
use crate::launch::{self, Blueprint, Served};
use crate::modules::{ModuleServer, ServeError};
use crate::operator::Desk;
use crate::outcome::{ACCEPT_BYTES_MAX, FrameworkError, JobOutcome};
use crate::sandboxes::Sandboxes;
use crate::store::{MemoryStore, Store};
use crate::traffic::Traffic;

mod app_run;
mod attending;
mod calls;
mod deliveries;
mod direct;
mod events;
mod farewell;
mod links;
mod requests;

use app_run::AppRun;
use attending::Library;
use calls::Calls;
use deliveries::{Deliveries, DeliveryReports};
use direct::{Incarnations, Listener};
use events::HeldEvents;
use links::{FrameFate, Links};

/// Runs a job and answers how it has ended.
///
/// `app` is the app scheduler; it is run once, on a task of its own, when all tasks are up, and
/// aborted if it has not returned when the job is over. `progress` is called, in order, with all
/// that people may want to know; it must not block. `stop` ends the job: gracefully with
/// [`Stop::Graceful`], without waiting for anything with [`Stop::Now`]; nothing happens while it
/// is `None`.
///
/// Whatever the answer, the framework has been torn down if its master could be reached. To drop
/// the future instead ends the connection, and with it the tasks once `failover_timeout` is over.
///
/// ```no_run
/// # use mesosgot_framework::{FrameworkConfig, FrameworkError, JobOutcome, run};
/// # async fn example(config: FrameworkConfig) -> Result<(), FrameworkError> {
/// let (stop, stopped) = tokio::sync::watch::channel(None);
/// let greet = |app: link::app::App| async move {
///     let sent = app.outbox.send("hello-0", "good morning".into()).await;
///     sent.map_err(|error| error.to_string())?;
///     app.inbox.recv().await.map(|_| ()).ok_or_else(|| "no answer".to_owned())
/// };
/// let outcome = run(config, greet, |progress| println!("{progress:?}"), stopped).await?;
/// assert_eq!(outcome, JobOutcome::Succeeded);
/// # drop(stop);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the job could not be run at all; the class says who must act.
pub async fn run<A, F>(
    config: FrameworkConfig,
    app: A,
    progress: impl FnMut(Progress) + Send,
    stop: watch::Receiver<Option<Stop>>,
) -> Result<JobOutcome, FrameworkError>
where
    A: FnOnce(App) -> F + Send,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    run_with_store(config, &mut MemoryStore::new(), app, progress, stop).await
}

/// As [`run`], with a store for what must be remembered: nothing is done that it was not told
/// before.
///
/// # Errors
/// As [`run`], and when the store fails.
pub async fn run_with_store<S, A, F>(
    config: FrameworkConfig,
    store: &mut S,
    app: A,
    progress: impl FnMut(Progress) + Send,
    mut stop: watch::Receiver<Option<Stop>>,
) -> Result<JobOutcome, FrameworkError>
where
    S: Store,
    A: FnOnce(App) -> F + Send,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    if matches!(&config.executors.program, ExecutorProgram::Installed(argv) if argv.is_empty()) {
        return Err(FrameworkError::NoExecutorProgram);
    }
    let mut rng = fastrand::Rng::with_seed(config.seed);
    let job = config.job(&format!("{:08x}", rng.u32(..)));
    let scheduler = Scheduler::new(job, now(), rng.u64(..))?;
    let begun = store.begin(config.digest()).await;
    begun.map_err(FrameworkError::Store)?;
    let identity = RunIdentity::new(config.certificate.as_ref())
        .map_err(|error| FrameworkError::Certificate(error.to_string()))?;
    let (server, blueprint) = serve_modules(&config, &identity).await?;
    let (commands, commanded) = mpsc::unbounded_channel();
    let listener = Listener::start(&config.direct, &identity, commands).await;
    let listener = listener.map_err(|error| FrameworkError::Direct {
        bind: config.direct.bind,
        reason: error.to_string(),
    })?;
    let (handle, mut notices) = SchedulerClient::start(SchedulerConfig {
        credentials: config.master.credentials.clone(),
        tls: config.master.tls.clone(),
        seed: rng.u64(..),
        ..SchedulerConfig::new(config.master.masters.clone(), framework_info(&config))
    })?;
    let (app_ends, app_driver) = App::new();
    let lives = config.groups.iter().map(|group| match group.on_failure {
        OnFailure::Restart(_) => Life::Restarted,
        OnFailure::Shutdown | OnFailure::Ignore => Life::Once,
    });
    let deliveries = Deliveries::default();
    let library = Library::new(&config);
    let mut driver = Driver {
        scheduler,
        store,
        records: Vec::new(),
        blueprint,
        rng,
        calls: Calls::new(handle.clone()),
        deliveries: DeliveryReports::new(deliveries.clone()),
        links: Links::new(
            handle.clone(),
            config.link(),
            listener,
            library,
            deliveries,
            config.traffic.usages().clone(),
        ),
        commanded,
        events: HeldEvents::default(),
        app: AppRun::new(app, app_ends),
        desk: Desk::open(config.operator.clone(), app_driver.outbox().clone()),
        app_driver,
        lives: lives.collect(),
        returning: HashSet::new(),
        spawns: HashMap::new(),
        is_deserted: false,
        progress,
        framework: None,
        refused: None,
        too_large: None,
        traffic: config.traffic.clone(),
        sandboxes: config.sandboxes.clone(),
        disconnected: None,
    };
    let ended = driver.run(&mut notices, &mut stop).await;
    driver.links.shut();
    config.traffic.log();
    handle.stop();
    drop(server);
    ended
}

fn framework_info(config: &FrameworkConfig) -> v1::FrameworkInfo {
    let groups = config.groups.iter();
    let needs = groups.map(|group| (&group.resources, &group.constraints[..]));
    let capabilities = launch::capabilities(needs);
    launch::framework_info(&config.name, &config.master, capabilities)
}

async fn serve_modules(
    config: &FrameworkConfig,
    identity: &RunIdentity,
) -> Result<(Option<ModuleServer>, Blueprint), FrameworkError> {
    let fault = |error: ServeError| FrameworkError::ModuleServer {
        bind: config.modules.bind,
        reason: error.to_string(),
    };
    let mut served = Served::new(config).map_err(|error| fault(error.into()))?;
    let server = match served.take_catalogue() {
        Some(catalogue) => {
            let started = ModuleServer::start(&config.modules, identity, catalogue).await;
            Some(started.map_err(fault)?)
        }
        None => None,
    };
    let blueprint = Blueprint::new(config, &served, server.as_ref());
    Ok((server, blueprint))
}

/// The time, as the machines count it; it can be paused by tests.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

struct Driver<'a, S, A, P> {
    scheduler: Scheduler,
    store: &'a mut S,
    /// What the store is to be told before any further call is made.
    records: Vec<Record>,
    blueprint: Blueprint,
    rng: fastrand::Rng,
    calls: Calls,
    links: Links,
    deliveries: DeliveryReports,
    /// What the connections of executors mean for the machine: a few for each of them.
    commanded: mpsc::UnboundedReceiver<Command>,
    events: HeldEvents,
    app: AppRun<A>,
    app_driver: AppDriver,
    desk: Desk,
    /// Whether tasks of a group, by index, come back when they fail.
    lives: Vec<Life>,
    /// Tasks that have come back whatever their group says: who sends to one of them waits for its
    /// next life until it is over.
    returning: HashSet<String>,
    /// Whoever waits for an answer.
    spawns: HashMap<SpawnId, oneshot::Sender<Result<Vec<String>, RequestError>>>,
    /// Whether the inbox ends for want of tasks.
    is_deserted: bool,
    progress: P,
    /// Its id, once subscribed.
    framework: Option<FrameworkId>,
    refused: Option<RefusedError>,
    /// A launch that cannot be made.
    too_large: Option<FrameworkError>,
    traffic: Traffic,
    sandboxes: Sandboxes,
    /// Why there was no subscription last.
    disconnected: Option<DisconnectReason>,
}

impl<S, A, F, P> Driver<'_, S, A, P>
where
    S: Store,
    A: FnOnce(App) -> F,
    F: Future<Output = Result<(), String>> + Send + 'static,
    P: FnMut(Progress),
{
    async fn run(
        &mut self,
        notices: &mut mpsc::Receiver<SchedulerNotice>,
        stop: &mut watch::Receiver<Option<Stop>>,
    ) -> Result<JobOutcome, FrameworkError> {
        let mut may_stop = true;
        let mut may_request = true;
        let mut alarm = Alarm::new();
        // A stop may have been asked for before anything began.
        stop.mark_changed();
        loop {
            let outcome = self.drain();
            // Calls wait in their queue until this is done.
            self.keep().await?;
            if let Some(too_large) = self.too_large.take() {
                self.tear_down_now().await;
                return Err(too_large);
            }
            self.desk.set_phase(self.scheduler.phase());
            if let Some(outcome) = outcome {
                self.desk.close();
                self.finish(notices, stop).await;
                return self.ended(outcome);
            }
            if self.events.is_over() {
                self.app_driver.close_events();
            }
            self.seal_inbox();
            let due = self.scheduler.poll_timeout();
            tokio::select! {
                notice = notices.recv() => match notice {
                    Some(notice) => self.hear(notice),
                    None => return Err(FrameworkError::ClientEnded),
                },
                // Without a listener there is nobody to send.
                Some(command) = self.commanded.recv() => self.handle(Input::Command(command)),
                failed = self.calls.next_failed() => self.handle(failed),
                delivering = self.deliveries.next() => (self.progress)(delivering),
                event = self.events.next() => self.app_driver.push_event(event),
                request = self.app_driver.next_request(), if may_request => match request {
                    Some(request) => self.answer(request),
                    None => may_request = false,
                },
                request = self.desk.next() => self.answer_operator(request),
                result = self.app.returned() => {
                    self.discard_messages();
                    self.handle(Input::Command(Command::AppReturned(result)));
                }
                changed = stop.changed(), if may_stop => match changed {
                    Ok(()) => {
                        let wanted = *stop.borrow_and_update();
                        if let Some(stop) = wanted {
                            self.handle(Input::Command(Command::Stop(stop)));
                        }
                    }
                    Err(_) => may_stop = false,
                },
                () = alarm.until(due) => self.handle(Input::Tick),
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.scheduler.handle(now(), input);
    }

    fn hear(&mut self, notice: SchedulerNotice) {
        match notice {
            SchedulerNotice::Subscribed { framework_id, .. } => {
                self.framework = Some(framework_id.clone());
                self.handle(Input::Subscribed(framework_id));
            }
            SchedulerNotice::Event(event) => {
                self.sandboxes.offered(&event);
                if let Some(update) = &event.update {
                    self.traffic.usages().note(&update.status);
                }
                self.hear_event(event);
            }
            SchedulerNotice::Disconnected { reason }
            | SchedulerNotice::AttemptFailed { reason, .. } => {
                let text = reason.to_string();
                self.disconnected = Some(reason);
                self.handle(Input::Disconnected { reason: text });
            }
            SchedulerNotice::Refused(refused) => {
                let reason = refused.to_string();
                self.refused = Some(refused);
                self.handle(Input::Refused { reason });
            }
        }
    }

    fn hear_event(&mut self, event: v1::scheduler::Event) {
        match convert::event(event) {
            Ok(Heard::Input(input)) => self.handle(input),
            Ok(Heard::Frame { executor, data }) => {
                if self.links.handle_frame(&executor, data) == FrameFate::Broken {
                    self.handle(Input::Command(Command::Abandon(executor)));
                }
            }
            Ok(Heard::Nothing) => {}
            Err(error) => warn!(%error, "left out an event that makes no sense"),
        }
    }

    /// Lets the inbox end while no task is left; until then, one that fails may come back.
    fn seal_inbox(&mut self) {
        let is_deserted = self.scheduler.is_deserted();
        if is_deserted == self.is_deserted {
            return;
        }
        self.is_deserted = is_deserted;
        if is_deserted {
            self.app_driver.inbox().seal();
        } else {
            self.app_driver.inbox().unseal();
        }
    }

    /// Carries out all outputs; answers the outcome if one of them is the last.
    fn drain(&mut self) -> Option<Outcome> {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Accept {
                    offers,
                    executor,
                    tasks,
                    refuse,
                } => {
                    self.launch(offers, executor, tasks, refuse);
                }
                Output::LiftBarrier(executors) => self.links.lift_barrier(&executors),
                Output::StartApp => self.app.start(),
                Output::AbortApp => self.app.abort(),
                Output::CloseInputs(tasks) => {
                    self.links.close_inputs(&tasks);
                    tasks.iter().for_each(|task| self.app_driver.end_task(task));
                }
                Output::CloseInputForNow(task) => self.links.close_inputs(&[task]),
                Output::TaskOver(task) => self.app_driver.end_task(&task),
                Output::TaskReturns(task) => {
                    self.app_driver.return_task(&task);
                    self.returning.insert(task);
                }
                Output::Spawned { spawn, result } => self.answer_spawn(spawn, result),
                Output::ExecutorGone(executor) => self.links.shut_one(&executor),
                Output::Remember(record) => self.records.push(record),
                Output::Event(event) => {
                    let channel = self.links.channel_of(&event);
                    if let Some(event) = self.events.push(event, channel) {
                        self.app_driver.push_event(event);
                    }
                }
                Output::EndEvents => self.events.seal(),
                Output::Report(progress) => (self.progress)(progress),
                Output::Finished(outcome) => return Some(outcome),
                Output::Call(call) => self.calls.push(convert::call(call)),
            }
        }
        None
    }

    /// Tells the store what is new. Without it nobody could take the job over: it ends.
    async fn keep(&mut self) -> Result<(), FrameworkError> {
        let records = std::mem::take(&mut self.records);
        if records.is_empty() {
            return Ok(());
        }
        let kept = self.store.keep(records).await;
        if kept.is_err() {
            self.tear_down_now().await;
        }
        kept.map_err(FrameworkError::Store)
    }

    /// Takes what tasks still send when the app scheduler has returned: a task that is about to
    /// end must neither wait for room nor fail because nobody listens.
    fn discard_messages(&self) {
        let inbox = self.app_driver.inbox().clone();
        tokio::spawn(async move {
            // The inbox is closed with the driver.
            while inbox.recv().await.is_some() {}
        });
    }

    /// Makes the link to a new executor, and launches it with its tasks.
    fn launch(
        &mut self,
        offers: Vec<OfferId>,
        executor: ExecutorLaunch,
        tasks: Vec<TaskLaunch>,
        refuse: Duration,
    ) {
        let named = tasks.iter().map(|task| {
            let life = match self.returning.contains(&task.name) {
                true => Life::Restarted,
                false => self.lives[task.group],
            };
            (task.name.clone(), life)
        });
        let named: Vec<(String, Life)> = named.collect();
        let counted = tasks.iter();
        let counted = counted.map(|task| (task.id.clone(), task.name.clone()));
        let counted = counted.collect();
        let incarnations = Incarnations {
            here: self.rng.u64(..),
            there: self.rng.u64(..),
        };
        let infos = self
            .blueprint
            .task_infos(&executor, incarnations.there, tasks);
        let count = infos.len();
        let accept = convert::accept(offers, infos, refuse);
        let bytes = accept.call.encoded_len();
        if bytes > ACCEPT_BYTES_MAX {
            // The same gang would be placed so again.
            self.too_large
                .get_or_insert(FrameworkError::LaunchTooLarge {
                    agent: executor.agent,
                    tasks: count,
                    bytes,
                });
            return;
        }
        self.calls.push(accept);
        if let Err(error) = self
            .links
            .open(&executor, incarnations, &named, &self.app_driver)
        {
            // Its tasks could never be spoken to.
            warn!(executor = %executor.id, %error, "cannot open channels");
            self.handle(Input::Command(Command::Abandon(executor.id)));
            return;
        }
        self.links.count(&executor, counted, &self.traffic);
        if let Some(framework) = &self.framework {
            let ExecutorLaunch { id, agent, .. } = &executor;
            self.sandboxes.launched(framework, id, agent);
        }
    }

    fn ended(&mut self, outcome: Outcome) -> Result<JobOutcome, FrameworkError> {
        debug!(?outcome, "the job has ended");
        match outcome {
            Outcome::Succeeded => Ok(JobOutcome::Succeeded),
            Outcome::TaskFailed(report) => Ok(JobOutcome::TaskFailed(report)),
            Outcome::TooManyRestarts(why) => Ok(JobOutcome::TooManyRestarts(why)),
            Outcome::AppFailed { message } => Ok(JobOutcome::AppFailed { message }),
            Outcome::NeverPlaced(why) => Ok(JobOutcome::NeverPlaced(why)),
            Outcome::Unconnected(why) => Ok(JobOutcome::Unconnected(why)),
            Outcome::Interrupted => Ok(JobOutcome::Interrupted),
            Outcome::Unreachable { .. } => Err(FrameworkError::Unreachable {
                reason: self.disconnected.take(),
            }),
            Outcome::Refused { reason } => Err(FrameworkError::Refused(
                self.refused.take().unwrap_or(RefusedError::Invalid(reason)),
            )),
        }
    }
}
