//! What is done for an executor on its link beside its tasks' channels: pieces of modules are sent
//! to it when it asks, and what it tells of itself and its tasks goes to whoever wants to know.
//!
//! An executor asks for one piece after the other, and has only a few asked for at a time. So
//! nothing is remembered here: whatever happens to its path, it gets what it asked for, and when it
//! is gone there is nobody left who asks. All links share the bytes of a module.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use link::spec::{self, ControlKind, PIECE_BYTES_MAX};
use link::{Control, Link};
use mesos::ExecutorId;
use tokio::sync::watch;
use tracing::debug;

use super::deliveries::Deliveries;
use crate::config::{Delivery, FrameworkConfig};
use crate::usage::Usages;

/// The modules that executors may ask for on their links, by digest.
#[derive(Debug, Clone, Default)]
pub(super) struct Library(Arc<HashMap<[u8; 32], Bytes>>);

impl Library {
    /// All modules that are here, if the job lets them go over links.
    pub(super) fn new(config: &FrameworkConfig) -> Self {
        if !config.modules.delivery.is_by_link() {
            return Self::default();
        }
        let modules = config.groups.iter().map(|group| &group.module);
        let modules =
            modules.filter_map(|module| Some((*module.sha256(), module.bytes()?.clone())));
        Self(Arc::new(modules.collect()))
    }

    /// The answer to an executor.
    fn piece(&self, want: &spec::WantPiece) -> spec::Piece {
        let data = self.find(want);
        spec::Piece {
            sha256: want.sha256.clone(),
            offset: want.offset,
            is_unknown: data.is_none(),
            data: data.unwrap_or_default(),
        }
    }

    fn find(&self, want: &spec::WantPiece) -> Option<Bytes> {
        let sha256: &[u8; 32] = want.sha256.as_slice().try_into().ok()?;
        let module = self.0.get(sha256)?;
        let begin = usize::try_from(want.offset).ok()?;
        let end = begin.saturating_add(PIECE_BYTES_MAX).min(module.len());
        (begin < end).then(|| module.slice(begin..end))
    }
}

/// Attends to an executor until its link is shut. Answers where the reasons appear for which it
/// has no direct path.
pub(super) fn attend(
    link: &Link,
    executor: &ExecutorId,
    library: Library,
    deliveries: Deliveries,
    usages: Usages,
) -> watch::Receiver<Option<String>> {
    tokio::spawn(ask_for_usages(link.clone(), usages.wanted()));
    tokio::spawn(hear(link.control(), library, usages));
    let (failed, failures) = watch::channel(None);
    let (link, executor) = (link.clone(), executor.clone());
    tokio::spawn(async move {
        while let Some(notice) = link.told().await {
            if let Some(direct_failed) = notice.direct_failed {
                failed.send_replace(Some(direct_failed.reason));
            }
            if let Some(modules) = notice.modules {
                deliveries.note(&executor, modules);
            }
        }
        deliveries.forget(&executor);
    });
    failures
}

/// The control channel's window bounds what is on its way; whoever asks for more than that is not
/// listened to until it has taken it.
async fn hear(control: Control, library: Library, usages: Usages) {
    while let Some(record) = control.recv().await {
        let want = match record.kind {
            Some(ControlKind::WantPiece(want)) => want,
            Some(ControlKind::Usages(told)) => {
                usages.told(told);
                continue;
            }
            _ => {
                debug!("a control record of a kind that is not for a scheduler");
                continue;
            }
        };
        let piece = ControlKind::Piece(library.piece(&want));
        let record = spec::Control { kind: Some(piece) };
        if control.send(&record).await.is_err() {
            return;
        }
    }
}

/// Tells the executor whether it is to say what its tasks take while they run, whenever that changes.
/// The link loses nothing on whatever path, so it is told once.
async fn ask_for_usages(link: Link, mut wanted: watch::Receiver<Option<Duration>>) {
    let control = link.control();
    let mut told = None;
    loop {
        let wants = *wanted.borrow_and_update();
        if wants != told {
            told = wants;
            // 0 is not at all.
            let interval_ms = wants.map_or(0, |it| it.as_millis().clamp(1, u64::MAX.into()));
            let want = spec::WantUsage {
                interval_ms: interval_ms as u64,
            };
            let record = spec::Control {
                kind: Some(ControlKind::WantUsage(want)),
            };
            if control.send(&record).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = link.ended() => return,
        }
    }
}

impl Delivery {
    /// Whether our server gives modules.
    pub(crate) fn is_by_server(self) -> bool {
        matches!(self, Self::Auto | Self::Server)
    }

    /// Whether links give modules.
    pub(crate) fn is_by_link(self) -> bool {
        matches!(self, Self::Auto | Self::Link)
    }

    /// Whether an address in the job file is used.
    pub(crate) fn is_by_address(self) -> bool {
        matches!(self, Self::Auto | Self::Url)
    }
}

#[cfg(test)]
mod tests {
    use link::{LinkConfig, Role};
    use mesos::TaskId;
    use scheduler::{Delivering, Progress};

    use super::super::deliveries::DeliveryReports;
    use super::*;
    use crate::traffic::Traffic;

    fn want(sha256: &[u8], offset: u64) -> spec::WantPiece {
        spec::WantPiece {
            sha256: sha256.to_vec(),
            offset,
        }
    }

    #[test]
    fn pieces_are_of_the_module_and_end_with_it() {
        let module = Bytes::from(vec![7; PIECE_BYTES_MAX + 3]);
        let library = Library(Arc::new(HashMap::from([([1; 32], module)])));
        let length = |offset| library.piece(&want(&[1; 32], offset)).data.len();
        assert_eq!(
            (length(0), length(5)),
            (PIECE_BYTES_MAX, PIECE_BYTES_MAX - 2)
        );
        assert_eq!(length(PIECE_BYTES_MAX as u64), 3);
        for unknown in [
            want(&[1; 32], PIECE_BYTES_MAX as u64 + 3),
            want(&[1; 32], u64::MAX),
            want(&[2; 32], 0),
            want(&[1; 31], 0),
        ] {
            let piece = library.piece(&unknown);
            assert!(piece.is_unknown && piece.data.is_empty(), "{unknown:?}");
            assert_eq!(
                (&piece.sha256, piece.offset),
                (&unknown.sha256, unknown.offset)
            );
        }
    }

    async fn carry(from: Link, to: Link) {
        while let Some(frame) = from.next_frame().await {
            to.handle_frame(frame).unwrap();
        }
    }

    #[tokio::test]
    async fn an_executor_is_given_what_it_asks_for_and_heard() {
        let here = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let there = Link::new(Role::Executor, 2, LinkConfig::new());
        tokio::spawn(carry(here.clone(), there.clone()));
        tokio::spawn(carry(there.clone(), here.clone()));
        let module: Bytes = (0..=255).cycle().take(3 * PIECE_BYTES_MAX).collect();
        let library = Library(Arc::new(HashMap::from([([1; 32], module.clone())])));
        let deliveries = Deliveries::default();
        let mut reports = DeliveryReports::new(deliveries.clone());
        let mut failures = attend(&here, &"e".into(), library, deliveries, Usages::default());

        let control = there.control();
        let ask = async |offset| {
            let want = ControlKind::WantPiece(want(&[1; 32], offset as u64));
            let record = spec::Control { kind: Some(want) };
            control.send(&record).await.unwrap();
        };
        for piece in 0..3 {
            ask(piece * PIECE_BYTES_MAX).await;
        }
        // The barrier is lifted between them.
        here.control().send(&spec::Control::start()).await.unwrap();
        let mut received = Vec::new();
        let mut has_started = false;
        while received.len() < module.len() || !has_started {
            match control.recv().await.unwrap().kind {
                Some(ControlKind::Piece(piece)) => received.extend_from_slice(&piece.data),
                Some(ControlKind::Start(_)) => has_started = true,
                other => panic!("not for an executor: {other:?}"),
            }
        }
        assert_eq!(received, module);

        let progress = spec::ModulesProgress {
            compiling: 1,
            ..spec::ModulesProgress::default()
        };
        there.tell(&spec::Notice::modules(progress)).unwrap();
        let compiling = |executors, compiling| Delivering {
            executors,
            compiling,
            ..Delivering::default()
        };
        assert_eq!(reports.next().await, Progress::Delivering(compiling(1, 1)));
        there
            .tell(&spec::Notice::direct_failed("no route"))
            .unwrap();
        failures.changed().await.unwrap();
        assert_eq!(failures.borrow().as_deref(), Some("no route"));
        // Of one that is gone nothing is expected.
        here.shut();
        assert_eq!(reports.next().await, Progress::Delivering(compiling(0, 0)));
        there.shut();
    }

    #[tokio::test]
    async fn an_executor_is_asked_what_tasks_take_while_somebody_wants_to_know() {
        let here = Link::new(Role::Scheduler, 1, LinkConfig::new());
        let there = Link::new(Role::Executor, 2, LinkConfig::new());
        tokio::spawn(carry(here.clone(), there.clone()));
        tokio::spawn(carry(there.clone(), here.clone()));
        let (app, task) = (here.open("a-0").unwrap(), there.open("a-0").unwrap());
        let traffic = Traffic::new();
        let id = TaskId::from("a-0.0.1");
        let tasks = vec![(id.clone(), app.0.clone())];
        traffic.add("e".into(), "a1".into(), here.clone(), tasks);
        let usages = traffic.usages().clone();
        let deliveries = Deliveries::default();
        let _failures = attend(&here, &"e".into(), Library::default(), deliveries, usages);
        for _ in 0..3 {
            app.0.send("x".into()).await.unwrap();
        }
        let input = || traffic.links()[0].tasks[0].input;
        assert_eq!((input().messages, input().is_receiver_waiting), (3, None));
        assert_eq!(traffic.usage("a-0"), None);

        let control = there.control();
        let asked = async || match control.recv().await.unwrap().kind {
            Some(ControlKind::WantUsage(want)) => want.interval_ms,
            other => panic!("not for an executor: {other:?}"),
        };
        let watch = traffic.watch(Duration::from_secs(1));
        assert_eq!(asked().await, 1000);
        task.1.recv().await.unwrap();
        let told = spec::RunningUsage {
            task_id: id.to_string(),
            usage: Some(spec::TaskUsage {
                messages_in: 1,
                ..spec::TaskUsage::default()
            }),
            is_receiving: false,
            is_blocked: true,
        };
        let told = ControlKind::Usages(spec::Usages { tasks: vec![told] });
        let record = spec::Control { kind: Some(told) };
        control.send(&record).await.unwrap();
        while traffic.usage("a-0").is_none() {
            tokio::task::yield_now().await;
        }
        assert!(traffic.usage("a-0").unwrap().is_running);
        // Its link does not know yet that one was received.
        assert_eq!(app.0.state().outgoing.messages, 3);
        assert_eq!(
            (input().messages, input().is_receiver_waiting),
            (2, Some(false))
        );
        let output = traffic.links()[0].tasks[0].output;
        assert_eq!(output.is_sender_blocked, Some(true));
        drop(watch);
        assert_eq!(asked().await, 0);
        here.shut();
        there.shut();
    }
}
