//! The status updates of an agent that no scheduler has acknowledged yet.
//!
//! One stream per task: only its first update is on its way, the others wait for the
//! acknowledgement (PROTOCOL §8.2). It knows nothing of executors and does not send: it says what
//! to forward.
//!
//! ```text
//!            add                      acknowledge, more wait
//!   (none) ───────► Pending ◄──────────────────────────────┐
//!                   │  │ ▲ due: forward again, wait doubles │
//!                   │  └─┘                                  │
//!                   └──── acknowledge ──────────────────────┤
//!                                                           ├──► Idle (nothing waits) ── add ──► Pending
//!                                                           └──► (none), when it was terminal
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesos::v1::TaskStatus;
use mesos::{FrameworkId, TaskId};

use crate::core::wire::is_terminal;

/// How long an update waits for its acknowledgement before it is sent again (PROTOCOL §8.2).
const RETRY_FIRST: Duration = Duration::from_secs(10);

/// The wait doubles with every repetition up to this (PROTOCOL §8.2).
const RETRY_MAX: Duration = Duration::from_mins(10);

/// How many updates of one task may wait behind the one that is on its way.
///
/// Mesos has no bound. A task that reports every second to a scheduler which does not acknowledge
/// gets over a quarter of an hour; after that its updates are dropped and not acknowledged to the
/// executor, so that it keeps them for its next SUBSCRIBE.
const PENDING_MAX: usize = 1000;

/// How many uuids of earlier updates of one task are remembered to know duplicates.
///
/// An executor repeats what was not acknowledged to it, which is never more than what can be
/// pending here at once.
const UUIDS_MAX: usize = PENDING_MAX;

/// How many streams there can be.
///
/// Mesos has no bound. An executor may send updates for tasks that nobody launched, and each makes
/// a stream; ten times what one executor is built to carry is more than honest ones need.
const STREAMS_MAX: usize = 100_000;

/// All update streams of an agent.
#[derive(Debug, Default)]
pub(super) struct Updates {
    streams: BTreeMap<Key, Stream>,
    /// When the first update of a stream is due again; exactly the streams with one pending.
    due: BTreeSet<(Instant, Key)>,
}

/// Whose stream it is.
type Key = (FrameworkId, TaskId);

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// It is the first of its stream: forward it now.
    Forward,
    /// It waits for the acknowledgement of those before it.
    Waiting,
    /// It is known already.
    Duplicate,
    /// Too many wait, or too many tasks have updates: it was dropped.
    Full,
}

/// What an acknowledgement did.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Acknowledged {
    /// It is not for the update that is on its way.
    Unexpected,
    /// The stream has ended: the update was terminal.
    Ended,
    /// This one is to be forwarded now.
    Forward(Box<TaskStatus>),
    /// Nothing else waits.
    Idle,
}

impl Updates {
    /// Takes an update with a uuid into its task's stream.
    pub(super) fn add(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        status: TaskStatus,
    ) -> Added {
        let key = (framework_id.clone(), TaskId::from(&status.task_id));
        if self.streams.len() == STREAMS_MAX && !self.streams.contains_key(&key) {
            return Added::Full;
        }
        let stream = self
            .streams
            .entry(key.clone())
            .or_insert_with(|| Stream::new(now));
        let uuid = status.uuid.clone().unwrap_or_default();
        if stream.uuids.contains(&uuid) {
            return Added::Duplicate;
        }
        // The end of a task always has a place: nothing of it comes after.
        let end = usize::from(is_terminal(status.state()));
        if stream.pending.len() > PENDING_MAX + end {
            return Added::Full;
        }
        stream.remember(uuid);
        stream.pending.push_back(status);
        if stream.pending.len() > 1 {
            return Added::Waiting;
        }
        self.due.insert((stream.start(now), key));
        Added::Forward
    }

    /// Takes the acknowledgement of a scheduler.
    pub(super) fn acknowledge(
        &mut self,
        now: Instant,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        uuid: &Bytes,
    ) -> Acknowledged {
        let key = (framework_id.clone(), task_id.clone());
        let Some(stream) = self.streams.get_mut(&key) else {
            return Acknowledged::Unexpected;
        };
        if stream
            .pending
            .front()
            .is_none_or(|status| status.uuid.as_ref() != Some(uuid))
        {
            return Acknowledged::Unexpected;
        }
        self.due.remove(&(stream.retry_at, key.clone()));
        let Some(acknowledged) = stream.pending.pop_front() else {
            return Acknowledged::Unexpected;
        };
        if is_terminal(acknowledged.state()) {
            self.streams.remove(&key);
            return Acknowledged::Ended;
        }
        let Some(next) = stream.pending.front().cloned() else {
            return Acknowledged::Idle;
        };
        self.due.insert((stream.start(now), key));
        Acknowledged::Forward(Box::new(next))
    }

    /// An update whose acknowledgement has not come in time; call until `None`.
    pub(super) fn poll_due(&mut self, now: Instant) -> Option<(FrameworkId, TaskStatus)> {
        let (at, _) = self.due.first()?;
        if *at > now {
            return None;
        }
        let (_, key) = self.due.pop_first()?;
        let stream = self.streams.get_mut(&key)?;
        let status = stream.pending.front()?.clone();
        stream.retry_after = (stream.retry_after * 2).min(RETRY_MAX);
        stream.retry_at = now + stream.retry_after;
        self.due.insert((stream.retry_at, key.clone()));
        Some((key.0, status))
    }

    /// Every update that is on its way, to be forwarded once more; their waits start afresh.
    pub(super) fn resend(&mut self, now: Instant) -> Vec<(FrameworkId, TaskStatus)> {
        self.due.clear();
        let mut again = Vec::new();
        for (key, stream) in &mut self.streams {
            if let Some(status) = stream.pending.front().cloned() {
                self.due.insert((stream.start(now), key.clone()));
                again.push((key.0.clone(), status));
            }
        }
        again
    }

    /// Forgets the streams of a framework.
    pub(super) fn remove_framework(&mut self, framework_id: &FrameworkId) {
        self.retain_frameworks(|owner| owner != framework_id);
    }

    /// Forgets the streams of all frameworks but these.
    pub(super) fn retain_frameworks(&mut self, kept: impl Fn(&FrameworkId) -> bool) {
        self.streams.retain(|(owner, _), _| kept(owner));
        self.due.retain(|(_, (owner, _))| kept(owner));
    }

    /// When the next update is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

/// The updates of one task, in the order in which they were made.
#[derive(Debug)]
struct Stream {
    /// The first is on its way.
    pending: VecDeque<TaskStatus>,
    /// The uuids of this and earlier updates, the newest last.
    uuids: VecDeque<Bytes>,
    /// When the first is sent again, while there is one.
    retry_at: Instant,
    retry_after: Duration,
}

impl Stream {
    fn new(now: Instant) -> Self {
        Self {
            pending: VecDeque::new(),
            uuids: VecDeque::new(),
            retry_at: now,
            retry_after: RETRY_FIRST,
        }
    }

    /// Starts the wait for the first pending update, and says when it ends.
    fn start(&mut self, now: Instant) -> Instant {
        self.retry_after = RETRY_FIRST;
        self.retry_at = now + RETRY_FIRST;
        self.retry_at
    }

    fn remember(&mut self, uuid: Bytes) {
        if self.uuids.len() == UUIDS_MAX {
            self.uuids.pop_front();
        }
        self.uuids.push_back(uuid);
    }
}
