//! A guest that looks up names as often as it can.

use std::time::Duration;

use link::spec;
use mesos::v1::TaskState;
use tokio::time::timeout;

use crate::agent::Agent;

/// The longest round trip of the neighbour: far above what it takes on any machine.
const BOUND: Duration = Duration::from_secs(10);

/// Threads of the program: 32 that look up names, and some for all else it does. Without a bound
/// there would be 512, at a few thousand lookups.
const THREADS_MAX: usize = 32 + 16;

#[tokio::test]
async fn thousands_of_lookups_neither_take_the_threads_nor_hold_up_a_neighbour() {
    let mut agent = Agent::start_of(2).await;
    let (outbox, inbox) = agent.link.open("neighbour").unwrap();
    let (_to_harm, found) = agent.link.open("harm").unwrap();
    let neighbour = agent.task("neighbour", &["echo"]);
    let harm = spec::TaskSpec {
        allow: Some(spec::Allow {
            dns: true,
            ..spec::Allow::default()
        }),
        ..agent.task("harm", &["look-up-often", "localhost", "3000"])
    };
    // Not before the guest is built: a program with nothing to do ends.
    let program = agent.program(4096).await;
    agent.begin().await;
    agent.launch(&neighbour);
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    agent.launch(&harm);
    let mut threads = 0;
    let status = loop {
        let round_trip = async {
            outbox.send("ping".into()).await.unwrap();
            assert_eq!(inbox.recv().await.as_deref(), Some(&b"ping"[..]));
        };
        let done = timeout(BOUND, round_trip).await;
        assert!(done.is_ok(), "the neighbour is held up");
        threads = threads.max(program.threads());
        match agent.try_next() {
            Some(status) if status.state() == TaskState::TaskRunning => {}
            Some(status) => break status,
            None => {}
        }
    };
    assert_eq!(status.state(), TaskState::TaskFinished, "{status:?}");
    let found = String::from_utf8(found.recv().await.unwrap().into()).unwrap();
    assert!(found.parse::<usize>().unwrap() >= 10, "{found}");
    assert!(threads <= THREADS_MAX, "{threads} threads");
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(program.exit_code().await, Some(0));
}
