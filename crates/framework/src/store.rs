//! Where it is kept what must be remembered of a job.
//!
//! A store is told every [`Record`] before anything is done that follows from it: a task is in the
//! store before its ACCEPT is sent, and an update is in the store before it is acknowledged, after
//! which it never comes again (PROTOCOL §8.2). So a process that takes a store over knows of every
//! task that may run.
//!
//! [`MemoryStore`] keeps it for as long as the process lives. A store that outlives it has its
//! place here; nothing else in the framework has to know.

use std::future::{Future, ready};
use std::io;

use scheduler::{Record, Recorded};

/// The digest of everything that makes a job this job: tasks of another are not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobDigest(pub [u8; 32]);

/// Keeps what must be remembered of one run of a job.
pub trait Store: Send {
    /// Begins with a job; called once, before anything else.
    ///
    /// # Errors
    /// When it could not be written down. The run does not begin.
    fn begin(&mut self, job: JobDigest) -> impl Future<Output = io::Result<()>> + Send;

    /// Keeps records, in this order, after all that were kept before. When it has returned they
    /// are safe; no call that follows from one of them is made earlier. All that one event has
    /// brought come together, so that a slow medium is written to once.
    ///
    /// # Errors
    /// When they could not be written down, or not all of them. The run ends: whoever took it over
    /// would not know all of its tasks.
    fn keep(&mut self, records: Vec<Record>) -> impl Future<Output = io::Result<()>> + Send;
}

/// Remembers while the process lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryStore {
    job: Option<JobDigest>,
    recorded: Recorded,
}

impl MemoryStore {
    /// A store that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The job that it was begun with.
    pub fn job(&self) -> Option<JobDigest> {
        self.job
    }

    /// What all records add up to.
    pub fn recorded(&self) -> &Recorded {
        &self.recorded
    }
}

impl Store for MemoryStore {
    fn begin(&mut self, job: JobDigest) -> impl Future<Output = io::Result<()>> + Send {
        self.job = Some(job);
        ready(Ok(()))
    }

    fn keep(&mut self, records: Vec<Record>) -> impl Future<Output = io::Result<()>> + Send {
        for record in records {
            self.recorded.add(record);
        }
        ready(Ok(()))
    }
}
