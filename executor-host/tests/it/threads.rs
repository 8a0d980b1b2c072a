//! Guests that do again and again what the system does on threads only, beside a neighbour that goes
//! on all the while.

use std::{fs, time::Duration};

use link::spec;
use mesos::v1::TaskState;
use tokio::time::timeout;

use crate::{agent::Agent, running::Program};

/// The longest round trip of the neighbour: far above what it takes on any machine.
const BOUND: Duration = Duration::from_secs(10);

/// Threads of the program: 32 that look up names, and some for all else; a turn beside may begin one
/// on a busy machine, which stays for some seconds. Without a bound there would be 512, at a few
/// thousand lookups.
const THREADS_MAX: usize = 32 + 32;

/// Launches tasks beside one that echoes, which makes round trips until all others have finished.
/// Answers how many threads the program had at most.
async fn run(agent: &mut Agent, tasks: &[spec::TaskSpec]) -> usize {
    let (outbox, inbox) = agent.link.open("neighbour").unwrap();
    let neighbour = agent.task("neighbour", &["echo"]);
    // Not before the guest is built: a program with nothing to do ends.
    let program: Program = agent.program(4096).await;
    agent.begin().await;
    agent.launch(&neighbour);
    assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    for task in tasks {
        agent.launch(task);
    }
    let (mut threads, mut left) = (0, tasks.len());
    while left > 0 {
        let round_trip = async {
            outbox.send("ping".into()).await.unwrap();
            assert_eq!(inbox.recv().await.as_deref(), Some(&b"ping"[..]));
        };
        let done = timeout(BOUND, round_trip).await;
        assert!(done.is_ok(), "the neighbour is held up");
        threads = threads.max(program.threads());
        match agent.try_next() {
            Some(status) if status.state() == TaskState::TaskRunning => {}
            Some(status) => {
                assert_eq!(status.state(), TaskState::TaskFinished, "{status:?}");
                left -= 1;
            }
            None => {}
        }
    }
    outbox.close();
    assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    assert_eq!(program.exit_code().await, Some(0));
    threads
}

/// What a task said.
async fn number(inbox: &link::Receiver) -> usize {
    let text = String::from_utf8(inbox.recv().await.unwrap().into()).unwrap();
    text.parse().unwrap()
}

#[tokio::test]
async fn thousands_of_lookups_take_few_threads() {
    let mut agent = Agent::start_of(2).await;
    let (_outbox, found) = agent.link.open("harm").unwrap();
    let allow = spec::Allow {
        dns: true,
        ..spec::Allow::default()
    };
    let harm = spec::TaskSpec {
        allow: Some(allow),
        ..agent.task("harm", &["look-up-often", "localhost", "3000"])
    };
    let threads = run(&mut agent, &[harm]).await;

    assert!(threads <= THREADS_MAX, "{threads} threads");
    assert!(number(&found).await >= 10);
}

#[tokio::test]
async fn more_tasks_than_may_list_their_folders_at_a_time_all_come_to_their_turn() {
    const TASKS: usize = 64;
    const FILES: usize = 50;
    let mut agent = Agent::start_of(TASKS as u32 + 1).await;
    let allow = spec::Allow {
        sandbox: true,
        ..spec::Allow::default()
    };
    let (mut tasks, mut channels) = (Vec::new(), Vec::new());
    for number in 0..TASKS {
        let name = format!("harm-{number}");
        let folder = agent.sandbox().join("tasks").join(&name);
        fs::create_dir_all(&folder).unwrap();
        for file in 0..FILES {
            fs::write(folder.join(file.to_string()), "").unwrap();
        }
        channels.push(agent.link.open(&name).unwrap());
        tasks.push(spec::TaskSpec {
            allow: Some(allow.clone()),
            ..agent.task(&name, &["list-often", "10"])
        });
    }
    run(&mut agent, &tasks).await;
    for (_outbox, seen) in &channels {
        assert_eq!(number(seen).await, 10 * FILES);
    }
}
