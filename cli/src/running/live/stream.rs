//! The live stream of a running job, as server-sent events: `snapshot` first, `change` whenever
//! something has changed, `end` when the job has ended.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use framework::UsageWatch;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Live, Place};
use crate::running::RunningJob;
use crate::running::page::View;

/// So often is a reader told at most: what is promised is 100 ms from a report until it is seen, of
/// which the page takes a part, and a browser needs time for others.
const UPDATE_GAP: Duration = Duration::from_millis(40);

/// How often counters are looked at, which nobody reports.
const COUNTER_GAP: Duration = Duration::from_millis(250);

/// How often executors tell what tasks take and wait for, while somebody looks.
const USAGE_GAP: Duration = Duration::from_secs(1);

/// The share of a thread's time that samples may take: after one of a millisecond there is none for
/// fifty. With 10,000 tasks one takes some milliseconds. What is reported of tasks needs none.
const SAMPLE_SHARE: u32 = 50;

/// After so long without news a reader is told that the job is still there.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The one place where samples are taken, whoever wants them.
#[derive(Debug, Default)]
pub(in crate::running) struct Sampler(Mutex<Sampled>);

#[derive(Debug, Default)]
struct Sampled {
    live: Live,
    /// No sample is taken before.
    next: Option<Instant>,
}

impl Sampler {
    /// What is new to a reader, as an event of the stream.
    fn event(&self, job: &RunningJob, place: &mut Place) -> Option<Vec<u8>> {
        let mut sampled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        let is_due = sampled.next.is_none_or(|next| next <= began);
        // The last sample must not be of before the end.
        if job.sample(&mut sampled.live, is_due || job.has_ended()) {
            // Readers come a little late or early; a sample shall be new to each of them.
            let gap = (began.elapsed() * SAMPLE_SHARE).max(UPDATE_GAP / 2);
            sampled.next = Some(began + gap);
        }
        let is_first = *place == Place::default();
        let kind = if is_first { "snapshot" } else { "change" };
        let mut update = job.read(|journal| sampled.live.changes(journal, place))?;
        let page = job.page().filter(|_| is_first);
        update.view = page.map(View::path);
        match serde_json::to_vec(&update) {
            Ok(data) => Some(event(kind, &data)),
            Err(error) => {
                tracing::warn!(%error, "what has changed cannot be shown");
                None
            }
        }
    }
}

/// An event as it goes over the wire; JSON has no line breaks.
fn event(kind: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("event: {kind}\ndata: ").into_bytes();
    bytes.extend(data);
    bytes.extend(b"\n\n");
    bytes
}

/// Somebody who reads the stream.
struct Reader {
    job: Arc<RunningJob>,
    place: Place,
    changes: watch::Receiver<u64>,
    /// Nothing is told before.
    due: Instant,
    is_over: bool,
    /// Has executors tell what tasks take, for as long as somebody looks.
    _watch: UsageWatch,
}

/// `GET /v1/live`.
pub(in crate::running) async fn live(State(job): State<Arc<RunningJob>>) -> Response {
    let reader = Reader {
        changes: job.changes(),
        place: Place::default(),
        due: Instant::now(),
        is_over: false,
        _watch: job.traffic().watch(USAGE_GAP),
        job,
    };
    // Asked for the next piece only when the last one is on its way: a reader that does not read
    // costs what one update takes.
    let pieces = stream::unfold(reader, |mut reader| async move {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

impl Reader {
    /// What the reader is told next; nothing when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        let heartbeat = Instant::now() + HEARTBEAT;
        loop {
            sleep_until(self.due).await;
            self.due = Instant::now() + UPDATE_GAP;
            self.changes.mark_unchanged();
            // Before looking, so that what came before the end is found.
            let has_ended = self.job.has_ended();
            if let Some(event) = self.job.sampler().event(&self.job, &mut self.place) {
                return Some(event.into());
            }
            if has_ended {
                self.is_over = true;
                return Some(event("end", b"{}").into());
            }
            if Instant::now() >= heartbeat {
                return Some(Bytes::from_static(b": still there\n\n"));
            }
            // Whichever comes first; the sender of changes is the job's.
            let _ = timeout(COUNTER_GAP, self.changes.changed()).await;
        }
    }
}
