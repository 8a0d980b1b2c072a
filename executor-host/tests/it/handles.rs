//! Guests that open all that they can, in an executor that has few file handles, beside a neighbour
//! that goes on all the while.

use std::time::Duration;

use link::spec;
use mesos::v1::TaskState;
use tokio::{net::TcpListener, time::timeout};

use crate::agent::Agent;

/// The longest round trip of the neighbour: far above what it takes on any machine.
const BOUND: Duration = Duration::from_secs(10);

/// File handles of the executor. Of what it does not keep for itself, 128, a task has an eighth.
const HANDLES: u32 = 256;

/// What one task may have open then.
const EACH: usize = 16;

/// More than have room together.
const TASKS: usize = 12;

async fn round_trip((outbox, inbox): &(link::Sender, link::Receiver)) {
    let round_trip = async {
        outbox.send("ping".into()).await.unwrap();
        assert_eq!(inbox.recv().await.as_deref(), Some(&b"ping"[..]));
    };
    let done = timeout(BOUND, round_trip).await;
    assert!(done.is_ok(), "the neighbour is held up");
}

/// What a task says: how much it holds, and why no more.
async fn held((_, inbox): &(link::Sender, link::Receiver)) -> (usize, String) {
    let told = timeout(BOUND, inbox.recv()).await.unwrap().unwrap();
    let told = String::from_utf8(told.into()).unwrap();
    let (count, why) = told.split_once(": ").unwrap();
    (count.parse().unwrap(), why.to_owned())
}

#[tokio::test]
async fn files_and_sockets_without_end_are_refused_and_the_executor_goes_on() {
    let mut agent = Agent::start_of(TASKS as u32 + 2).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let allow = spec::Allow {
        sandbox: true,
        sandbox_write: true,
        connect: vec![spec::Destination {
            port_first: u32::from(port),
            port_last: u32::from(port),
            ..spec::Destination::default()
        }],
        ..spec::Allow::default()
    };
    let ways: [&[&str]; 3] = [
        &["hold-files"],
        &["hold-sockets", &address],
        &["hold-folders"],
    ];
    let neighbour = (
        agent.task("neighbour", &["echo"]),
        agent.link.open("neighbour").unwrap(),
    );
    let last = (
        agent.task("last", &["echo"]),
        agent.link.open("last").unwrap(),
    );
    // Not before the guest is built: a program with nothing to do ends.
    let program = agent.program(HANDLES).await;
    agent.begin().await;
    agent.launch(&neighbour.0);
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    let mut channels = Vec::new();
    for number in 0..TASKS {
        let name = format!("holds-{number}");
        let spec = spec::TaskSpec {
            allow: Some(allow.clone()),
            ..agent.task(&name, ways[number % 3])
        };
        channels.push(agent.link.open(&name).unwrap());
        agent.launch(&spec);
        let (_, state, status) = agent.next().await;
        assert_eq!(state, TaskState::TaskRunning, "{status:?}");
        let (count, why) = held(&channels[number]).await;
        assert!(count <= EACH, "{number}: {count}, {why}");
        let text = match number % 3 {
            1 => "No file descriptors available",
            _ => "Quota exceeded",
        };
        assert!(why.contains(text), "{number}: {why}");
        match number {
            0..3 => assert_eq!(count, EACH, "{number}: {why}"),
            _ if number == TASKS - 1 => assert!(count < EACH, "there is no end"),
            _ => {}
        }
        round_trip(&neighbour.1).await;
    }
    // It can still do all that an executor does: connect to its agent, and run another task.
    agent.break_stream();
    agent.subscribed().await;
    agent.launch(&last.0);
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    round_trip(&last.1).await;
    round_trip(&neighbour.1).await;
    // Who lets go of some may open others.
    for channel in channels.iter().take(3) {
        channel.0.send("let go".into()).await.unwrap();
        assert_eq!(channel.1.recv().await.as_deref(), Some(&b"again"[..]));
    }
    for (outbox, _) in channels.iter().chain([&neighbour.1, &last.1]) {
        outbox.close();
    }
    for _ in 0..TASKS + 2 {
        let (_, state, status) = agent.next().await;
        assert_eq!(state, TaskState::TaskFinished, "{status:?}");
    }
    assert_eq!(program.exit_code().await, Some(0));
}
