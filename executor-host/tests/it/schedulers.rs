//! App schedulers, one behaviour each.

use std::{io, sync::LazyLock, time::Duration};

use executor_host::{
    app_scheduler::{AppScheduler, AppSchedulerError},
    outcome::Outcome,
    output::Output,
};
use link::app::{App, AppDriver, Event, EventKind, Life, Request, RequestError, TaskSummary};

use crate::{
    guests,
    hosted::{Printed, engine, links},
};

fn scheduler() -> &'static AppScheduler {
    static SCHEDULER: LazyLock<AppScheduler> = LazyLock::new(|| {
        AppScheduler::compile(engine(), guests::scheduler(), None).expect("it is an app scheduler")
    });
    &SCHEDULER
}

async fn run(args: &[&str], app: App, stdout: Printed) -> Result<(), AppSchedulerError> {
    let args: Vec<_> = args.iter().copied().map(str::to_owned).collect();
    scheduler()
        .run(app, &args, &[], &Output::new(stdout, io::sink()))
        .await
}

#[tokio::test]
async fn it_talks_with_its_tasks() {
    let (app, driver) = App::new();
    let (here, there) = links();
    let sender = here.open_into("a-0", driver.inbox()).unwrap();
    driver.add_task("a-0", sender, Life::Once);
    driver.inbox().seal();
    let (sender, receiver) = there.open("a-0").unwrap();
    let task = tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            sender.send(message).await.unwrap();
        }
    });
    assert_eq!(run(&["ask", "a-0"], app, Printed::default()).await, Ok(()));
    task.await.unwrap();
}

#[tokio::test]
async fn it_hears_events_until_there_are_no_more() {
    let (app, driver) = App::new();
    driver.push_event(Event::new(EventKind::Registered));
    driver.push_event(Event {
        task: Some("a-0".to_owned()),
        undelivered: Some(3),
        ..Event::new(EventKind::TaskLost)
    });
    driver.close_events();
    let printed = Printed::default();
    assert_eq!(run(&["events"], app, printed.clone()).await, Ok(()));
    let expected = "[scheduler] Registered None None\n[scheduler] TaskLost Some(\"a-0\") Some(3)\n";
    assert_eq!(printed.without_times(), expected);
}

async fn answer(mut driver: AppDriver) {
    while let Some(request) = driver.next_request().await {
        match request {
            Request::ListTasks { reply } => {
                let (name, group) = ("a-0".to_owned(), "a".to_owned());
                let state = "TASK_RUNNING".to_owned();
                let _ = reply.send(vec![TaskSummary {
                    name,
                    group,
                    state,
                    agent: None,
                }]);
            }
            Request::Kill { task, reply } => {
                assert_eq!(task, "a-0");
                let _ = reply.send(Ok(()));
            }
            Request::Spawn {
                group,
                count,
                reply,
            } => {
                assert_eq!((group.as_str(), count), ("a", 2));
                let _ = reply.send(Err(RequestError::NoPlace));
            }
        }
    }
}

#[tokio::test]
async fn it_asks_for_what_can_be_asked_for() {
    let (app, driver) = App::new();
    let answering = tokio::spawn(answer(driver));
    let printed = Printed::default();
    assert_eq!(run(&["control"], app, printed.clone()).await, Ok(()));
    answering.await.unwrap();
    let expected = "[scheduler] a-0 a TASK_RUNNING None\n\
                    [scheduler] Ok(())\n\
                    [scheduler] Err(NoPlace)\n";
    assert_eq!(printed.without_times(), expected);
}

#[tokio::test]
async fn its_error_and_its_panic_are_told_apart() {
    let (app, _driver) = App::new();
    let failed = run(&["fail", "no plan"], app, Printed::default()).await;
    assert_eq!(failed, Err(AppSchedulerError::Failed("no plan".to_owned())));
    let (app, _driver) = App::new();
    let panicked = run(&["panic"], app, Printed::default()).await;
    let Err(AppSchedulerError::Ended(Outcome::Panicked { text, .. })) = panicked else {
        panic!("{panicked:?}")
    };
    assert!(text.ends_with("no more plans"), "{text}");
}

/// On one thread: a guest that did not give way would never be asked.
#[tokio::test]
async fn a_busy_one_is_stopped_when_its_future_is_dropped() {
    let (app, _driver) = App::new();
    let running = run(&["spin"], app, Printed::default());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), running)
            .await
            .is_err()
    );
}
