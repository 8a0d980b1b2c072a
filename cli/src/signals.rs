//! Interruption by the user: once ends the job gracefully, twice at once. And suspension, for which
//! the terminal is left as it was.

use std::sync::Arc;

use nix::unistd::{getpid, getsid};
use rustix::process::kill_process;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::commands::Failure;
use crate::report::Reporter;

/// How urgently the user wants to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Not at all.
    None,
    /// Asked once: tasks get their grace.
    Graceful,
    /// Asked again: everything ends at once.
    Immediate,
}

/// Listens for SIGINT, SIGTERM and SIGHUP from now on; each raises the urgency by one step. So does
/// a stdout that nobody reads any more, once. The sender is for others who may raise it.
///
/// # Errors
/// When the system does not let us listen.
pub(crate) fn listen(
    mut stdout_closed: watch::Receiver<bool>,
) -> std::io::Result<(watch::Sender<Urgency>, watch::Receiver<Urgency>)> {
    let mut signals = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ];
    let (urgency, receiver) = watch::channel(Urgency::None);
    let sender = urgency.clone();
    tokio::spawn(async move {
        let mut reader_gone = false;
        loop {
            tokio::select! {
                received = next(&mut signals) => if !received { return },
                closed = stdout_closed.wait_for(|closed| *closed), if !reader_gone => {
                    if closed.is_err() {
                        return;
                    }
                    reader_gone = true;
                }
            }
            urgency.send_modify(|urgency| *urgency = raised(*urgency));
        }
    });
    Ok((sender, receiver))
}

/// Takes the live area away when the user suspends the process (Ctrl-Z), and has it come back when
/// the process goes on.
///
/// # Errors
/// When the system does not let us listen.
pub(crate) fn suspend_with(reporter: &Arc<Reporter>) -> std::io::Result<()> {
    if !reporter.has_live_area() || leads_session() {
        return Ok(());
    }
    let kind = |signal: rustix::process::Signal| SignalKind::from_raw(signal.as_raw());
    let mut suspended = signal(kind(rustix::process::Signal::TSTP))?;
    let reporter = Arc::clone(reporter);
    tokio::spawn(async move {
        while suspended.recv().await.is_some() {
            // Of the time before nothing is told.
            let Ok(mut continued) = signal(kind(rustix::process::Signal::CONT)) else {
                return;
            };
            tokio::task::block_in_place(|| reporter.suspend());
            // Some of our threads may go on for a moment: who goes on is told by the other signal.
            if kill_process(rustix::process::getpid(), rustix::process::Signal::STOP).is_ok() {
                continued.recv().await;
            }
            reporter.resume();
        }
    });
    Ok(())
}

/// Who leads a session has nobody to wake it up: then the system does not let the user suspend it,
/// unless somebody listens.
fn leads_session() -> bool {
    getsid(None) == Ok(getpid())
}

async fn next([interrupt, terminate, hangup]: &mut [Signal; 3]) -> bool {
    let received = tokio::select! {
        received = interrupt.recv() => received,
        received = terminate.recv() => received,
        received = hangup.recv() => received,
    };
    received.is_some()
}

fn raised(urgency: Urgency) -> Urgency {
    match urgency {
        Urgency::None => Urgency::Graceful,
        Urgency::Graceful | Urgency::Immediate => Urgency::Immediate,
    }
}

/// Waits until the user has asked to stop, at least once.
pub(crate) async fn interrupted(urgency: &mut watch::Receiver<Urgency>) {
    if urgency
        .wait_for(|urgency| *urgency > Urgency::None)
        .await
        .is_err()
    {
        // The listener only ends with the process.
        std::future::pending::<()>().await;
    }
}

/// Does `work` unless the user interrupts it.
///
/// # Errors
/// Those of `work`, or that it was interrupted.
pub(crate) async fn or_interrupted<T>(
    urgency: &mut watch::Receiver<Urgency>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = interrupted(urgency) => Err(Failure::Interrupted),
        result = work => result,
    }
}
