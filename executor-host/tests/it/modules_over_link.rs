//! Modules that come over the link.

use link::{
    Link,
    spec::{self, ControlKind, PIECE_BYTES_MAX, WantPiece},
};
use mesos::v1::TaskState;

use crate::{agent::Agent, guests};

/// A task whose module is said to be at these addresses, and over the link.
fn task(agent: &Agent, name: &str, urls: &[&str]) -> spec::TaskSpec {
    let mut task = agent.task(name, &["echo"]);
    let module = task.module.as_mut().unwrap();
    module.urls = urls.iter().copied().map(str::to_owned).collect();
    module.over_link = true;
    task
}

async fn wanted(link: &Link) -> WantPiece {
    match link.control().recv().await.unwrap().kind {
        Some(ControlKind::WantPiece(want)) => want,
        other => panic!("not asked for: {other:?}"),
    }
}

/// The piece of the test task's module.
fn piece(want: &WantPiece) -> spec::Piece {
    let begin = usize::try_from(want.offset).unwrap();
    let end = guests::task().len().min(begin + PIECE_BYTES_MAX);
    spec::Piece {
        sha256: want.sha256.clone(),
        offset: want.offset,
        data: guests::task()[begin..end].into(),
        is_unknown: false,
    }
}

async fn give(link: &Link, piece: spec::Piece) {
    let record = spec::Control {
        kind: Some(ControlKind::Piece(piece)),
    };
    link.control().send(&record).await.unwrap();
}

#[tokio::test]
async fn an_executor_that_reaches_no_address_asks_its_scheduler() {
    let mut agent = Agent::start().await;
    agent.keeps_nothing();
    let executor = agent.executor().await;
    // Two tasks of one module ask once.
    let nowhere = ["ftp://a/b", "file:///nowhere"];
    for name in ["a", "b"] {
        let (outbox, _) = agent.link.open(name).unwrap();
        outbox.close();
        agent.launch(&task(&agent, name, &nowhere));
    }
    let link = agent.link.clone();
    let pieces = guests::task().len().div_ceil(PIECE_BYTES_MAX);
    for number in 0..pieces {
        let want = wanted(&link).await;
        assert_eq!(want.offset, (number * PIECE_BYTES_MAX) as u64, "in order");
        // What nobody asked for does no harm, nor what is asked for once and comes twice.
        let stray = WantPiece {
            offset: 1,
            ..want.clone()
        };
        give(&link, piece(&stray)).await;
        give(&link, piece(&want)).await;
        give(&link, piece(&want)).await;
    }
    for _ in 0..2 {
        assert_eq!(agent.next().await.1, TaskState::TaskRunning);
    }
    link.control().send(&spec::Control::start()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(agent.next().await.1, TaskState::TaskFinished);
    }
    executor.exit().await.unwrap();
}

#[tokio::test]
async fn only_a_few_pieces_are_asked_for_before_they_come() {
    let mut agent = Agent::start().await;
    agent.keeps_nothing();
    let executor = agent.executor().await;
    let mut large = task(&agent, "a", &[]);
    large.module.as_mut().unwrap().size = 100 << 20;
    let mut other = task(&agent, "b", &[]);
    other.module.as_mut().unwrap().sha256 = vec![1; 32];
    agent.launch(&large);
    agent.launch(&other);
    let mut wants = Vec::new();
    for _ in 0..4 {
        wants.push(wanted(&agent.link).await);
    }
    // The executor does other things, but does not ask for more.
    agent.launch_data("c", None);
    assert_eq!(agent.next().await.1, TaskState::TaskFailed);
    let control = agent.link.control();
    tokio::select! {
        biased;
        fifth = control.recv() => panic!("{fifth:?}"),
        () = std::future::ready(()) => {}
    }
    // The scheduler is told what is taking so long.
    let told = agent.link.told().await.unwrap().modules.unwrap();
    assert_eq!((told.fetching, told.compiling, told.bytes), (2, 0, 0));
    assert!(told.bytes_total > 100 << 20, "{told:?}");
    // One that is answered makes room for one.
    give(&agent.link, piece(&wants[0])).await;
    let fifth = wanted(&agent.link).await;
    assert!(wants.iter().all(|want| *want != fifth));
    agent.shutdown();
    executor.exit().await.unwrap();
}

/// How a scheduler answers.
type Answer = fn(&WantPiece) -> spec::Piece;

#[tokio::test]
async fn what_is_wrong_with_the_answers_ends_the_task_with_a_reason() {
    let right = |want: &WantPiece| piece(want);
    let unknown = |want: &WantPiece| spec::Piece {
        is_unknown: true,
        ..piece(want)
    };
    let short = |want: &WantPiece| spec::Piece {
        data: "abc".into(),
        ..piece(want)
    };
    let other = |want: &WantPiece| spec::Piece {
        data: vec![0; piece(want).data.len()].into(),
        ..piece(want)
    };
    let cases: [(Answer, &str); 3] = [
        (
            unknown,
            "`ftp://a/b` is not an address of `http`, `https` or `file`; the scheduler has nothing to send over the link",
        ),
        (
            short,
            "the scheduler sent a piece of 3 bytes over the link, 65536 were expected",
        ),
        (
            other,
            "`the link` gave other bytes: their digest is sha256:",
        ),
    ];
    for (answer, reason) in cases {
        let mut agent = Agent::start().await;
        agent.keeps_nothing();
        let executor = agent.executor().await;
        agent.launch(&task(&agent, "a", &["ftp://a/b"]));
        let link = agent.link.clone();
        let answering = tokio::spawn(async move {
            loop {
                let want = wanted(&link).await;
                let wrong = want.offset == 0 || answer(&want).data.len() > 3;
                let piece = if wrong { answer(&want) } else { right(&want) };
                give(&link, piece).await;
            }
        });
        let (_, state, status) = agent.next().await;
        assert_eq!(state, TaskState::TaskFailed);
        assert!(status.message().contains(reason), "{}", status.message());
        executor.exit().await.unwrap();
        answering.abort();
    }
}
