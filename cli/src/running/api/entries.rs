//! What the journal has, as lines of JSON: from where it is wanted, to the newest or to the end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use executor_host::app_scheduler::OUTPUT_NAME;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::{Asked, Refusal};
use crate::running::RunningJob;
use crate::running::journal::{Entry, Journal, KeptEvent, LineEntry, Ring};
use crate::running::names::Selection;
use crate::tail::EXECUTOR_NAME;

/// So many entries go into one piece of an answer: enough to be quick, little enough to hold the
/// journal for a moment only.
const PIECE_ENTRIES_MAX: usize = 256;

/// So many entries are looked at for a piece, wanted or not: a fraction of a millisecond, for which
/// the job may have to wait that wants to tell the journal something.
const PIECE_LOOKS_MAX: usize = 4096;

/// Which entries of the journal are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Those after this place.
    pub(crate) after: u64,
    /// The newest so many of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tail: Option<usize>,
    /// Those since this time: RFC 3339, UTC, to milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// Lines of these tasks, groups or patterns, with commas between; of all if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) tasks: String,
    /// And whatever is to come, until the job has ended.
    pub(crate) follow: bool,
    /// Say by a [`Gap`] what is not kept any more.
    pub(crate) gaps: bool,
}

/// Stands where entries are missing that would be wanted, or might be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// How many the journal does not keep any more, of all tasks.
    pub(crate) forgotten: u64,
}

pub(super) async fn events(
    State(job): State<Arc<RunningJob>>,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    lines_of(job, wanted, Journal::events, |_: &KeptEvent| true)
}

pub(super) async fn logs(
    State(job): State<Arc<RunningJob>>,
    Asked(wanted): Asked<Wanted>,
) -> Response {
    let selection = Selection::parse(&wanted.tasks);
    let mut names = job.names();
    // They print as well.
    names
        .tasks
        .extend([OUTPUT_NAME, EXECUTOR_NAME].map(str::to_owned));
    if let Err(unknown) = selection.among(&names) {
        return (StatusCode::NOT_FOUND, Json(Refusal::from(unknown))).into_response();
    }
    lines_of(job, wanted, Journal::lines, move |line: &LineEntry| {
        selection.has(&line.task)
    })
}

/// Entries as lines.
fn lines_of<T: Entry + 'static>(
    job: Arc<RunningJob>,
    wanted: Wanted,
    ring: fn(&Journal) -> &Ring<T>,
    is_wanted: impl Fn(&T) -> bool + Send + 'static,
) -> Response {
    let changes = job.changes();
    let follow = wanted.follow;
    let reading = Reading::new(wanted, is_wanted);
    let state = (job, reading, changes);
    let pieces = stream::unfold(state, move |(job, mut reading, mut changes)| async move {
        loop {
            changes.mark_unchanged();
            // Before looking, so that what came before the end is found.
            let has_ended = job.has_ended();
            let (lines, is_behind) = job.read(|journal| {
                let lines = reading.next(ring(journal), journal.newest());
                (lines, reading.after < journal.newest())
            });
            if !lines.is_empty() {
                let bytes = Ok::<_, Infallible>(Bytes::from(lines));
                return Some((bytes, (job, reading, changes)));
            }
            if is_behind {
                tokio::task::yield_now().await;
                continue;
            }
            if !follow || has_ended || changes.changed().await.is_err() {
                return None;
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Body::from_stream(pieces)).into_response()
}

/// How far somebody has read.
struct Reading<F> {
    wanted: Wanted,
    is_wanted: F,
    has_begun: bool,
    /// All entries up to this place were looked at.
    after: u64,
    /// How many these are, forgotten ones among them.
    count: u64,
}

impl<F> Reading<F> {
    fn new(wanted: Wanted, is_wanted: F) -> Self {
        Self {
            after: wanted.after,
            wanted,
            is_wanted,
            has_begun: false,
            count: 0,
        }
    }

    /// The next entries as lines; nothing if there are none so far.
    fn next<T: Entry>(&mut self, ring: &Ring<T>, newest: u64) -> Vec<u8>
    where
        F: Fn(&T) -> bool,
    {
        if !self.has_begun {
            self.has_begun = true;
            self.begin(ring, newest);
        }
        let mut lines = Vec::new();
        let forgotten = ring.forgotten().saturating_sub(self.count);
        if forgotten > 0 && self.wanted.gaps {
            push_line(&mut lines, serde_json::to_vec(&Gap { forgotten }));
        }
        let (mut looks, mut found, mut last) = (0, 0, self.after);
        for entry in ring.after(self.after) {
            looks += 1;
            last = entry.seq();
            if self.is(entry) {
                found += 1;
                push_line(&mut lines, entry.to_json());
            }
            if looks == PIECE_LOOKS_MAX || found == PIECE_ENTRIES_MAX {
                break;
            }
        }
        let is_cut_short = looks == PIECE_LOOKS_MAX || found == PIECE_ENTRIES_MAX;
        self.after = if is_cut_short { last } else { newest };
        self.count = ring.count_until(self.after);
        lines
    }

    /// Finds the first entry that is wanted, and whether any before it could be missing.
    fn begin<T: Entry>(&mut self, ring: &Ring<T>, newest: u64)
    where
        F: Fn(&T) -> bool,
    {
        if self.after > 0 {
            self.count = ring.count_until(self.after);
        }
        let oldest = ring.after(0).next();
        let is_older_than_wanted = |oldest: &T| !self.is_since(oldest.time());
        if oldest.is_some_and(is_older_than_wanted) {
            self.count = ring.count_until(self.after);
        }
        let Some(tail) = self.wanted.tail else {
            return;
        };
        let found = ring.after(self.after).filter(|entry| self.is(entry));
        let newest_of_it = found.rev().take(tail);
        let (count, first) = newest_of_it.fold((0, newest + 1), |(count, _), entry| {
            (count + 1, entry.seq())
        });
        if count == tail {
            self.after = first - 1;
            self.count = ring.count_until(self.after);
        }
    }

    fn is<T: Entry>(&self, entry: &T) -> bool
    where
        F: Fn(&T) -> bool,
    {
        self.is_since(entry.time()) && (self.is_wanted)(entry)
    }

    fn is_since(&self, time: &str) -> bool {
        let since = self.wanted.since.as_deref();
        since.is_none_or(|since| time >= since)
    }
}

fn push_line(lines: &mut Vec<u8>, entry: serde_json::Result<Vec<u8>>) {
    match entry {
        Ok(line) => {
            lines.extend(line);
            lines.push(b'\n');
        }
        Err(error) => tracing::warn!(%error, "an entry cannot be shown to others"),
    }
}

#[cfg(test)]
mod tests;
