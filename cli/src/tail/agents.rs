//! Reads the sandboxes of executors through the files API of their agents.
//!
//! ```text
//! framework::Sandboxes ──► a follower for each executor ──► LIST_FILES, READ_FILE ──► agent
//!                              │                          few at once
//!                              └──► reporter
//! ```
//!
//! Who reads asks: agents do not tell of what is new. An executor that prints is asked soon again,
//! one that does not less and less often. An agent that cannot be asked is told once, and the job
//! goes on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use framework::{SandboxPlace, Sandboxes};
use mesos::{AgentId, v1};
use mesos_client::{AgentOperator, Credentials, OperatorConfig, OperatorError, Tls};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::follow::{Follower, Found, Part, Seen, Wanted};
use super::show;
use crate::report::{Event, Reporter, Stream};

/// Between two looks at an executor that prints: short enough to feel live.
const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// Between two looks at one that does not.
const INTERVAL_MAX: Duration = Duration::from_secs(2);

/// With many executors looks come less often, so that an idle job asks for no more than 50 files a
/// second.
const INTERVAL_PER_EXECUTOR: Duration = Duration::from_millis(20);

/// Between two tries at an agent that cannot be reached.
const INTERVAL_UNREACHABLE: Duration = Duration::from_secs(10);

/// Executors that are asked at a time. Agents are many, our own lines are one.
const CALLS_MAX: usize = 16;

/// Pieces of 64 KiB that are read of a stream before others have their turn.
const PIECES_MAX: usize = 32;

/// For a call, in place of what an operator at a terminal would wait: output is not worth more.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long what was printed last is waited for at the end of a job.
const END_WAIT: Duration = Duration::from_secs(10);

/// What agents are shown.
#[derive(Debug, Clone)]
pub(crate) struct AgentAccess {
    /// Who we are.
    pub(crate) credentials: Option<Credentials>,
    /// Whom we trust.
    pub(crate) tls: Tls,
    /// Nothing secret goes to an agent without TLS.
    pub(crate) only_secure: bool,
}

/// What reads the sandboxes of a job; [`AgentTails::stop`] ends it.
#[derive(Debug)]
pub(crate) struct AgentTails {
    is_ending: watch::Sender<bool>,
    reading: JoinHandle<()>,
    reporter: Arc<Reporter>,
}

impl AgentTails {
    /// Shows what the executors print that are launched from now on.
    pub(crate) fn start(
        sandboxes: Sandboxes,
        access: AgentAccess,
        reporter: &Arc<Reporter>,
    ) -> Self {
        let (is_ending, ending) = watch::channel(false);
        let shared = Arc::new(Shared {
            access,
            reporter: Arc::clone(reporter),
            calls: Semaphore::new(CALLS_MAX),
            ending,
            told: Mutex::default(),
        });
        Self {
            is_ending,
            reading: tokio::spawn(shared.read_all(sandboxes)),
            reporter: Arc::clone(reporter),
        }
    }

    /// Shows what was printed last, as far as that can be had in a moment, or until `hurry`.
    pub(crate) async fn stop<T>(mut self, hurry: impl Future<Output = T>) {
        self.is_ending.send_replace(true);
        let read = tokio::select! {
            read = timeout(END_WAIT, &mut self.reading) => read.is_ok(),
            _ = hurry => false,
        };
        if !read {
            self.reading.abort();
            let message = "not all of what was printed last could be read from the agents in time; \
                           the sandboxes have it";
            self.reporter.event(&Event::Lost { message });
        }
    }
}

/// The same for what was printed on an agent that did not answer last.
const END_WAIT_UNREACHABLE: Duration = Duration::from_secs(2);

struct Shared {
    access: AgentAccess,
    reporter: Arc<Reporter>,
    calls: Semaphore,
    ending: watch::Receiver<bool>,
    /// The agents of which was told that they cannot be asked.
    told: Mutex<HashSet<AgentId>>,
}

impl Shared {
    async fn read_all(self: Arc<Self>, sandboxes: Sandboxes) {
        let mut followed = JoinSet::new();
        let (count, counted) = watch::channel(0);
        let mut ending = self.ending.clone();
        loop {
            let place = tokio::select! {
                place = sandboxes.next() => place,
                _ = ending.wait_for(|is_ending| *is_ending) => break,
            };
            let shared = Arc::clone(&self);
            followed.spawn(shared.follow(place, counted.clone()));
            count.send_modify(|count| *count += 1);
        }
        while let Some(place) = sandboxes.try_next() {
            followed.spawn(Arc::clone(&self).follow(place, counted.clone()));
        }
        while followed.join_next().await.is_some() {}
    }

    /// Follows one executor until the job is over and all of its output is read.
    async fn follow(self: Arc<Self>, place: SandboxPlace, executors: watch::Receiver<u32>) {
        let mut sandbox = match AgentSandbox::new(&place, &self.access) {
            Ok(sandbox) => sandbox,
            Err(why) => return self.tell(&place, &why),
        };
        let mut ending = self.ending.clone();
        let mut interval = INTERVAL_MIN;
        let mut is_reachable = true;
        loop {
            // Before the look: what comes after the end of the job is not waited for.
            let is_last = *ending.borrow_and_update();
            let look = self.look(&mut sandbox);
            let looked = match is_last && !is_reachable {
                false => look.await,
                // It may be back; if it is not, that was told.
                true => match timeout(END_WAIT_UNREACHABLE, look).await {
                    Ok(looked) => looked,
                    Err(_) => break,
                },
            };
            is_reachable = looked.is_ok();
            interval = match looked {
                Ok(Progress::More) => continue,
                Ok(Progress::News) => INTERVAL_MIN,
                Ok(Progress::Nothing) => {
                    let most = INTERVAL_PER_EXECUTOR * *executors.borrow();
                    (interval * 2).min(most.max(INTERVAL_MAX))
                }
                Err(error) => {
                    self.tell(&place, &error.to_string());
                    INTERVAL_UNREACHABLE
                }
            };
            if is_last {
                break;
            }
            tokio::select! {
                () = sleep(interval) => {}
                _ = ending.wait_for(|is_ending| *is_ending) => {}
            }
        }
        for (stream, follower) in &mut sandbox.streams {
            if let Some(line) = follower.finish() {
                show(&self.reporter, *stream, &line);
            }
        }
    }

    async fn look(&self, sandbox: &mut AgentSandbox) -> Result<Progress, OperatorError> {
        let permit = self.calls.acquire().await;
        let read = sandbox.read(|stream, found| self.show(stream, found)).await;
        drop(permit);
        read
    }

    fn show(&self, stream: Stream, found: Found) {
        match found {
            Found::Line(line) => show(&self.reporter, stream, &line),
            Found::Missed(parts) => {
                let message = format!(
                    "{parts} parts of an executor's output were gone before they could be read"
                );
                self.reporter.event(&Event::Lost { message: &message });
            }
        }
    }

    /// Says once of an agent that it cannot be asked.
    fn tell(&self, place: &SandboxPlace, why: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.insert(place.agent.clone()) {
            return;
        }
        let (agent, hostname) = (&place.agent, &place.address.hostname);
        let message = format!(
            "what tasks print on agent `{hostname}` ({agent}) cannot be shown: {why}; it is in \
             `{}` of its files",
            place.path()
        );
        self.reporter.event(&Event::Lost { message: &message });
    }
}

/// What a look has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Nothing,
    News,
    /// There is more that was not read.
    More,
}

/// The sandbox of one executor.
struct AgentSandbox {
    path: String,
    /// The agent, as it can be reached: the first of these that answers is asked from then on.
    agents: Vec<AgentOperator>,
    streams: [(Stream, Follower); 2],
}

impl AgentSandbox {
    fn new(place: &SandboxPlace, access: &AgentAccess) -> Result<Self, String> {
        let config = |endpoint: &str| {
            let is_open = !access.only_secure || endpoint.starts_with("https://");
            OperatorConfig {
                credentials: access.credentials.clone().filter(|_| is_open),
                tls: access.tls.clone(),
                call_timeout: CALL_TIMEOUT,
                ..OperatorConfig::default()
            }
        };
        let endpoints = place.address.endpoints.iter();
        let agents = endpoints.map(|endpoint| AgentOperator::new(endpoint, config(endpoint)));
        let agents: Result<Vec<_>, _> = agents.collect();
        let agents = agents.map_err(|error| error.to_string())?;
        if agents.is_empty() {
            return Err("no offer has said where it is".to_owned());
        }
        Ok(Self {
            path: place.path(),
            agents,
            streams: [Stream::Stdout, Stream::Stderr].map(|stream| (stream, Follower::new())),
        })
    }

    /// Reads what is new.
    async fn read(
        &mut self,
        mut sink: impl FnMut(Stream, Found),
    ) -> Result<Progress, OperatorError> {
        let files = match self.list().await {
            Ok(files) => files,
            // The executor is not there yet, or its sandbox was removed.
            Err(OperatorError::Rejected { status: 404, .. }) => return Ok(Progress::Nothing),
            Err(error) => return Err(error),
        };
        let mut progress = Progress::Nothing;
        let Self {
            path,
            agents,
            streams,
        } = self;
        for (stream, follower) in streams.iter_mut() {
            follower.look(seen(&files, *stream));
            for _ in 0..PIECES_MAX {
                let Some(wanted) = follower.wanted() else {
                    break;
                };
                progress = Progress::News;
                let (data, size) = read_piece(&agents[0], path, *stream, wanted).await?;
                follower.got(&data, size, |found| sink(*stream, found));
            }
        }
        let has_more = streams
            .iter_mut()
            .any(|(_, follower)| follower.wanted().is_some());
        Ok(match has_more {
            true => Progress::More,
            false => progress,
        })
    }

    /// The files in the sandbox, from whichever address of the agent answers.
    async fn list(&mut self) -> Result<Vec<v1::FileInfo>, OperatorError> {
        let mut failed = None;
        for index in 0..self.agents.len() {
            match self.agents[index].list_files(self.path.clone()).await {
                Err(error @ OperatorError::Unreachable(_)) => failed = failed.or(Some(error)),
                answered => {
                    self.agents.swap(0, index);
                    return Ok(answered?.file_infos);
                }
            }
        }
        // There is one address at least.
        failed.map_or(Ok(Vec::new()), Err)
    }
}

fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

/// What there is of a stream.
fn seen(files: &[v1::FileInfo], stream: Stream) -> Seen {
    let name = name(stream);
    let file = |name: &str| {
        let is_it = |file: &&v1::FileInfo| file.path.rsplit('/').next() == Some(name);
        files.iter().find(is_it)
    };
    let old = file(&format!("{name}.1")).map(|file| {
        let written = file.mtime.unwrap_or_default().nanoseconds;
        (file.size(), written.unsigned_abs())
    });
    Seen {
        size: file(name).map(v1::FileInfo::size),
        old,
    }
}

async fn read_piece(
    agent: &AgentOperator,
    sandbox: &str,
    stream: Stream,
    wanted: Wanted,
) -> Result<(Vec<u8>, u64), OperatorError> {
    let suffix = match wanted.part {
        Part::Current => "",
        Part::Old => ".1",
    };
    let path = format!("{sandbox}/{}{suffix}", name(stream));
    match agent.read_file(path, wanted.offset, wanted.length).await {
        Ok(read) => Ok((read.data.to_vec(), read.size)),
        // Between the look and this it was rotated.
        Err(OperatorError::Rejected { status: 404, .. }) => Ok((Vec::new(), 0)),
        Err(error) => Err(error),
    }
}
