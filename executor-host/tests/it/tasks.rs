//! Tasks, one behaviour each.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use executor_host::{
    CpuLimitReached, MemoryLimitReached, outcome::Outcome, output::Output, task::Prepared,
};

use crate::{
    guests::MEMORY,
    hosted::{config, engine, module, start, start_with},
};

#[tokio::test]
async fn a_task_answers_until_its_inbox_closes() {
    let task = start(&["echo"]).await;
    for text in ["one", "two", ""] {
        task.send(text).await;
        assert_eq!(task.recv().await.as_deref(), Some(text));
    }
    task.outbox.close();
    assert_eq!(task.recv().await, None);
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn an_inbox_closed_by_the_executor_ends_the_task() {
    let task = start(&["echo"]).await;
    task.send("one").await;
    assert_eq!(task.recv().await.as_deref(), Some("one"));
    task.closer.close_at(Instant::now());
    assert_eq!(task.recv().await, None);
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn a_task_receives_in_all_the_ways_there_are() {
    let task = start(&["receive"]).await;
    assert_eq!(task.recv().await.as_deref(), Some("empty"));
    assert_eq!(task.recv().await.as_deref(), Some("timeout"));
    for _ in 0..5 {
        task.send("x").await;
    }
    task.outbox.close();
    assert_eq!(task.recv().await.as_deref(), Some("received 5"));
    assert_eq!(task.recv().await.as_deref(), Some("closed"));
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn an_error_is_the_tasks_text() {
    let outcome = start(&["fail", "no lift"]).await.outcome().await;
    assert_eq!(outcome, Outcome::Failed("no lift".to_owned()));
}

#[tokio::test]
async fn a_panic_tells_its_text_and_the_names_of_functions() {
    let task = start(&["panic"]).await;
    let stderr = task.stderr.clone();
    let Outcome::Panicked { text, backtrace } = task.outcome().await else {
        panic!()
    };
    assert!(text.starts_with("panicked at "), "{text}");
    assert!(
        text.ends_with("the doors are jammed after 1 words"),
        "{text}"
    );
    assert!(backtrace.contains("open_the_doors"), "{backtrace}");
    assert!(
        stderr.text().contains("[task-0] the doors are jammed"),
        "{}",
        stderr.text()
    );
}

#[tokio::test]
async fn a_trap_tells_the_names_of_functions() {
    let Outcome::Trapped { text, backtrace } = start(&["abort"]).await.outcome().await else {
        panic!()
    };
    assert!(text.contains("unreachable"), "{text}");
    assert!(backtrace.contains("leave_the_shaft"), "{backtrace}");
}

/// Where a Rust guest's own stack ends, or wasm's, is the compiler's choice: both trap.
#[tokio::test]
async fn endless_recursion_traps() {
    let Outcome::Trapped { backtrace, .. } = start(&["recurse"]).await.outcome().await else {
        panic!()
    };
    assert!(backtrace.contains("descend"), "{backtrace}");
}

#[tokio::test]
async fn a_memory_limit_traps_where_more_was_wanted() {
    let Outcome::MemoryLimit { reached, backtrace } = start(&["hog"]).await.outcome().await else {
        panic!()
    };
    assert_eq!(reached.limit, MEMORY);
    assert!(reached.wanted > MEMORY);
    assert!(backtrace.contains("hog"), "{backtrace}");
}

#[tokio::test]
async fn a_module_that_does_not_fit_its_memory_is_told_before_it_begins() {
    let mut config = config(&["echo"]);
    config.limits.memory_bytes_max = 65_536;
    let output = Output::new(std::io::sink(), std::io::sink());
    let refused = Prepared::new(engine(), module(), config, &output, Path::new("."))
        .await
        .map(|_| ());
    let Err(Outcome::MemoryLimit { reached, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        reached,
        MemoryLimitReached {
            wanted: reached.wanted,
            limit: 65_536
        }
    );
}

#[tokio::test]
async fn an_exit_is_told_with_its_code() {
    assert_eq!(
        start(&["exit", "0"]).await.outcome().await,
        Outcome::Exited(0)
    );
    // WASI 0.2 knows success and failure only.
    assert_eq!(
        start(&["exit", "3"]).await.outcome().await,
        Outcome::Exited(1)
    );
}

#[tokio::test]
async fn a_guest_that_computes_for_longer_than_it_may_is_ended_where_it_is() {
    let limit = Duration::from_millis(50);
    let mut config = config(&["spin"]);
    config.limits.cpu_time_max = Some(limit);
    let Outcome::CpuLimit { reached, backtrace } = start_with(config).await.outcome().await else {
        panic!()
    };
    assert_eq!(reached, CpuLimitReached { limit });
    assert!(backtrace.contains("spin"), "{backtrace}");
}

#[tokio::test]
async fn a_guest_that_waits_for_longer_than_it_may_is_ended_and_one_that_is_spoken_to_is_not() {
    let limit = Duration::from_millis(400);
    let mut deaf = config(&["deaf"]);
    deaf.limits.idle_max = Some(limit);
    let mut spoken_to = config(&["echo"]);
    spoken_to.limits.idle_max = Some(limit);
    let (deaf, spoken_to) = (start_with(deaf).await, start_with(spoken_to).await);
    let ended = deaf.outcome();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            outcome = &mut ended => {
                assert_eq!(outcome, Outcome::Idle(limit));
                break;
            }
            () = tokio::time::sleep(limit / 20) => {
                spoken_to.send("are you there").await;
                assert_eq!(spoken_to.recv().await.as_deref(), Some("are you there"));
            }
        }
    }
    assert_eq!(spoken_to.outcome().await, Outcome::Idle(limit));
}

/// All on one thread: the neighbour goes on only if the busy guest gives way.
#[tokio::test]
async fn a_busy_guest_gives_way_to_its_neighbour_and_can_be_stopped() {
    let busy = start(&["spin"]).await;
    let neighbour = start(&["echo"]).await;
    for _ in 0..20 {
        neighbour.send("ping").await;
        assert_eq!(neighbour.recv().await.as_deref(), Some("ping"));
    }
    assert!(busy.stop().await);
    neighbour.outbox.close();
    assert_eq!(neighbour.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn a_guest_that_sleeps_and_never_listens_can_be_stopped() {
    let deaf = start(&["deaf"]).await;
    deaf.outbox.close();
    assert!(deaf.stop().await);
}

/// On one thread, so none of them can hold it.
#[tokio::test]
async fn hundreds_of_waiting_tasks_share_a_thread() {
    let mut tasks = Vec::new();
    for _ in 0..200 {
        tasks.push(start(&["echo"]).await);
    }
    for task in &tasks {
        task.send("ping").await;
    }
    for task in tasks {
        assert_eq!(task.recv().await.as_deref(), Some("ping"));
        task.outbox.close();
        assert_eq!(task.outcome().await, Outcome::Returned);
    }
}

#[tokio::test]
async fn a_stopped_task_closes_its_channels() {
    let task = start(&["deaf"]).await;
    let (outbox, inbox) = (task.outbox.clone(), task.stop());
    assert!(inbox.await);
    outbox.writable().await;
    while outbox.send("x".into()).await.is_ok() {
        outbox.writable().await;
    }
    assert!(outbox.is_closed());
}

#[tokio::test]
async fn what_a_task_prints_is_marked_with_its_name() {
    let task = start(&["print"]).await;
    let (stdout, stderr) = (task.stdout.clone(), task.stderr.clone());
    assert_eq!(task.outcome().await, Outcome::Returned);
    assert_eq!(
        stdout.without_times(),
        "[task-0] to stdout\n[task-0] without an end\n"
    );
    assert_eq!(stderr.without_times(), "[task-0] to stderr\n");
}

#[tokio::test]
async fn arguments_and_environment_are_the_functions_and_nothing_is_wasis() {
    let mut config = config(&["tell"]);
    config.env = vec![
        ("A".to_owned(), "1".to_owned()),
        ("B".to_owned(), "2".to_owned()),
    ];
    let task = start_with(config).await;
    assert_eq!(task.recv().await.as_deref(), Some("tell"));
    assert_eq!(task.recv().await.as_deref(), Some("A=1 B=2"));
    assert_eq!(task.recv().await.as_deref(), Some("0 0"));
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn no_files_and_no_sockets_are_granted_but_a_clock_is() {
    let task = start(&["look-around"]).await;
    assert_eq!(task.recv().await.as_deref(), Some("files false"));
    assert_eq!(
        task.recv().await.as_deref(),
        Some("sockets PermissionDenied")
    );
    assert_eq!(task.recv().await.as_deref(), Some("clock true"));
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn channels_and_timers_are_waited_for_together() {
    let task = start(&["select"]).await;
    assert_eq!(task.recv().await.as_deref(), Some("tick"));
    task.send("enough").await;
    let mut last = None;
    while let Some(text) = task.recv().await {
        last = Some(text);
    }
    assert_eq!(last.as_deref(), Some("enough"));
    assert_eq!(task.outcome().await, Outcome::Returned);
}

#[tokio::test]
async fn a_full_channel_is_told_to_who_does_not_wait() {
    let task = start(&["fill"]).await;
    task.send("go on").await;
    let mut texts = Vec::new();
    while let Some(text) = task.recv().await {
        texts.push(text);
    }
    let last = texts.pop().unwrap();
    assert_eq!(last, format!("full after {}", texts.len()));
    assert!(texts.len() >= 256, "{last}");
}
