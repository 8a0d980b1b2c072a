//! Whole runs of jobs against a master that the test plays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use link::LinkConfig;
use link::app::{App, EventKind};
use mesos::resources::Resources;
use mesos::v1::scheduler::call::Type as CallType;
use mesos_client::RefusedError;
use mesosgot_framework::operator::Operator;
use mesosgot_framework::{
    Allow, DirectConfig, ExecutorProgram, Executors, FrameworkConfig, FrameworkError, GroupConfig,
    JobOutcome, MasterConfig, Module, ModuleServing, NeverPlaced, OnFailure, Progress, Sandboxes,
    Stop, Strategy, TaskState, Timing, Traffic, WaveId,
};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::cluster::{Behaviour, Cluster, Dialing, End, Rules, behaviour, echo};

pub(crate) fn rules(behaviour: Behaviour) -> Rules {
    Rules {
        offer: "cpus:4;mem:1024",
        behaviour,
        refusal: None,
        stale_launches: 0,
        teardown_faults: Vec::new(),
        dialing: Dialing::Ignore,
    }
}

/// A job of two tasks `t-0` and `t-1`.
pub(crate) fn config(master: SocketAddr) -> FrameworkConfig {
    FrameworkConfig {
        name: "job".to_owned(),
        groups: vec![GroupConfig {
            name: "t".to_owned(),
            count: 2,
            resources: Resources::parse("cpus:1;mem:32").unwrap(),
            constraints: Vec::new(),
            colocate: false,
            memory_bytes_max: 0,
            cpu_time_max: None,
            idle_max: None,
            allow: Allow::default(),
            on_failure: OnFailure::Shutdown,
            kill_grace: Duration::from_secs(5),
            module: Module::new(&b"code"[..]),
            args: Vec::new(),
            env: Vec::new(),
        }],
        strategy: Strategy::Pack,
        timing: Timing::default(),
        executors: Executors {
            resources: Resources::parse("cpus:0.1;mem:32").unwrap(),
            program: ExecutorProgram::Installed(vec!["/bin/true".to_owned()]),
            image: None,
            env: Vec::new(),
            shutdown_grace: Duration::from_secs(1),
        },
        master: MasterConfig::new(master.to_string().parse().unwrap(), "ada"),
        modules: ModuleServing::default(),
        certificate: None,
        link: LinkConfig::new(),
        direct: DirectConfig::default(),
        traffic: Traffic::new(),
        sandboxes: Sandboxes::new(),
        operator: Operator::new(),
        seed: 5,
    }
}

pub(crate) async fn run<F>(
    config: FrameworkConfig,
    app: impl FnOnce(App) -> F + Send,
) -> (Result<JobOutcome, FrameworkError>, Vec<Progress>)
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let (_stop, stopped) = watch::channel(None);
    let mut progress = Vec::new();
    let running = mesosgot_framework::run(config, app, |one| progress.push(one), stopped);
    let outcome = timeout(Duration::from_secs(60), running).await;
    (outcome.expect("the run is over within a minute"), progress)
}

/// Waits for everything until the framework is gone.
async fn idle(app: App) -> Result<(), String> {
    while app
        .events
        .next()
        .await
        .is_some_and(|event| event.kind != EventKind::Shutdown)
    {}
    Ok(())
}

#[tokio::test]
async fn a_job_runs_to_its_end() {
    let cluster = Cluster::start(rules(echo())).await;
    let (outcome, progress) = run(config(cluster.address), |app| async move {
        for task in ["t-0", "t-1"] {
            app.outbox
                .send(task, Bytes::from_static(b"ping"))
                .await
                .map_err(|e| e.to_string())?;
        }
        for _ in 0..2 {
            let message = app.inbox.recv().await.ok_or("no echo")?;
            assert_eq!(&message.data[..], b"ping");
        }
        let tasks = app.control.list_tasks().await;
        assert_eq!(tasks.len(), 2);
        assert!(
            tasks
                .iter()
                .all(|task| task.state == "TASK_RUNNING" && task.group == "t")
        );
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    assert!(cluster.master.is_all_acknowledged());
    let calls = cluster.master.calls();
    // Acknowledgements have no place in the order of the others.
    let ordered = calls.iter().filter(|call| **call != CallType::Acknowledge);
    assert_eq!(
        ordered.take(3).collect::<Vec<_>>(),
        [&CallType::Subscribe, &CallType::Accept, &CallType::Suppress]
    );
    assert_eq!(calls.last(), Some(&CallType::Teardown));
    assert!(!calls.contains(&CallType::Kill));
    let up = progress
        .iter()
        .position(|one| *one == Progress::AppStarted)
        .unwrap();
    let running = |one: &Progress| match one {
        Progress::Task(report) => report.state == TaskState::Running,
        _ => false,
    };
    assert_eq!(progress[..up].iter().filter(|one| running(one)).count(), 2);
}

#[tokio::test]
async fn what_went_over_the_links_can_be_seen_during_the_job_and_after() {
    let cluster = Cluster::start(rules(echo())).await;
    let config = config(cluster.address);
    let traffic = config.traffic.clone();
    let seen = traffic.clone();
    let (outcome, _) = run(config, |app| async move {
        for text in ["one", "two"] {
            app.outbox
                .send("t-1", text.into())
                .await
                .map_err(|e| e.to_string())?;
            app.inbox.recv().await.ok_or("no echo")?;
        }
        assert_eq!(seen.total().messages_sent, 2);
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let links = traffic.links();
    let [link] = &links[..] else {
        panic!("there is one executor: {links:?}");
    };
    let tasks = link.tasks.iter().map(|task| {
        let counters = task.counters;
        let sent = (counters.messages_sent, counters.bytes_sent);
        (
            &*task.task,
            sent,
            (counters.messages_received, counters.bytes_received),
        )
    });
    let expected = [("t-0", (0, 0), (0, 0)), ("t-1", (2, 6), (2, 6))];
    assert_eq!(tasks.collect::<Vec<_>>(), expected);
    assert!(link.counters.frames_sent > 0 && link.counters.round_trip.is_some());
    let total = traffic.total();
    assert_eq!((total.messages_received, total.bytes_received), (2, 6));
}

#[tokio::test]
async fn a_task_may_send_more_than_a_window_when_nobody_listens_any_more() {
    let talkative = behaviour(|_, sender, receiver| async move {
        while receiver.recv().await.is_some() {}
        for _ in 0..1000 {
            if sender.send(Bytes::from_static(b"bye")).await.is_err() {
                return End::failed("nobody listens");
            }
        }
        End::finished()
    });
    let cluster = Cluster::start(rules(talkative)).await;
    let (outcome, _) = run(config(cluster.address), |_| async { Ok(()) }).await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    assert!(!cluster.master.calls().contains(&CallType::Kill));
}

#[tokio::test]
async fn a_task_that_fails_ends_the_job_with_its_text() {
    let failing = behaviour(|spec, _sender, receiver| async move {
        if spec.name == "t-1" {
            return End::failed("it broke");
        }
        while receiver.recv().await.is_some() {}
        End::finished()
    });
    let cluster = Cluster::start(rules(failing)).await;
    let (told, heard) = oneshot::channel();
    let (outcome, _) = run(config(cluster.address), |app| async move {
        let mut kinds = Vec::new();
        while kinds.last() != Some(&EventKind::Shutdown) {
            kinds.push(app.events.next().await.ok_or("no shutdown")?.kind);
        }
        let _ = told.send(kinds);
        Ok(())
    })
    .await;
    let JobOutcome::TaskFailed(report) = outcome.unwrap() else {
        panic!("a task has failed");
    };
    assert_eq!(
        (report.task.as_str(), report.state),
        ("t-1", TaskState::Failed)
    );
    // The cause is told before what follows from it.
    assert!(heard.await.unwrap().contains(&EventKind::TaskFailed));
    assert_eq!(report.message.as_deref(), Some("it broke"));
    assert!(cluster.master.is_all_acknowledged());
}

#[tokio::test]
async fn an_app_scheduler_that_fails_or_panics_fails_the_job() {
    let cluster = Cluster::start(rules(echo())).await;
    let (outcome, _) = run(config(cluster.address), |_| async { Err("no".to_owned()) }).await;
    let message = "no".to_owned();
    assert_eq!(outcome.unwrap(), JobOutcome::AppFailed { message });

    let cluster = Cluster::start(rules(echo())).await;
    let (outcome, _) = run(config(cluster.address), |app: App| async move {
        assert!(app.control.list_tasks().await.is_empty(), "as it is not");
        Ok(())
    })
    .await;
    let JobOutcome::AppFailed { message } = outcome.unwrap() else {
        panic!("the app has panicked");
    };
    assert!(message.contains("as it is not"), "{message}");
}

#[tokio::test]
async fn the_end_of_a_task_is_told_after_its_last_message() {
    let overtaking = behaviour(|_, _, receiver| async move {
        while receiver.recv().await.is_some() {}
        End::finished().that_overtakes()
    });
    let cluster = Cluster::start(rules(overtaking)).await;
    let (outcome, _) = run(config(cluster.address), |app| async move {
        app.outbox.close("t-0").map_err(|error| error.to_string())?;
        loop {
            let event = app.events.next().await.ok_or("no end of the task")?;
            if event.kind == EventKind::TaskFinished {
                assert_eq!(event.task.as_deref(), Some("t-0"));
                assert_eq!(event.undelivered, Some(0));
                break;
            }
        }
        let message = app
            .inbox
            .try_recv()
            .map_err(|_| "the message must be there")?;
        assert_eq!((&*message.task, &message.data[..]), ("t-0", &b"late"[..]));
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
}

#[tokio::test]
async fn an_executor_that_dies_fails_the_job_and_its_losses_are_counted() {
    let deaf = behaviour(|_, _, receiver| async move {
        std::future::pending::<()>().await;
        drop(receiver);
        End::finished()
    });
    let cluster = Cluster::start(rules(deaf)).await;
    let master = Arc::clone(&cluster.master);
    let (told, lost) = oneshot::channel();
    let (outcome, _) = run(config(cluster.address), |app| async move {
        for _ in 0..3 {
            app.outbox
                .send("t-0", Bytes::from_static(b"x"))
                .await
                .map_err(|e| e.to_string())?;
        }
        master.kill_executor();
        let mut kinds = Vec::new();
        while let Some(event) = app.events.next().await {
            kinds.push(event.kind);
            if event.kind == EventKind::TaskFailed && event.task.as_deref() == Some("t-0") {
                // Were it missing, nothing would be told.
                assert!(kinds.contains(&EventKind::ExecutorLost));
                let _ = told.send(event.undelivered);
                break;
            }
        }
        Ok(())
    })
    .await;
    let JobOutcome::TaskFailed(report) = outcome.unwrap() else {
        panic!("tasks have failed");
    };
    assert_eq!(report.reason.unwrap().name(), "REASON_EXECUTOR_TERMINATED");
    assert_eq!(lost.await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_launch_with_a_stale_offer_is_placed_again() {
    let cluster = Cluster::start(Rules {
        stale_launches: 1,
        ..rules(echo())
    })
    .await;
    let (outcome, progress) = run(config(cluster.address), |app| async move {
        app.outbox
            .send("t-1", Bytes::from_static(b"x"))
            .await
            .map_err(|e| e.to_string())?;
        app.inbox
            .recv()
            .await
            .map(|_| ())
            .ok_or_else(|| "no echo".to_owned())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let again = progress
        .iter()
        .filter(|one| matches!(one, Progress::PlacedAgain(_)));
    assert_eq!(again.count(), 2);
}

#[tokio::test]
async fn the_inbox_ends_when_all_tasks_have_ended() {
    let cluster = Cluster::start(Rules {
        stale_launches: 1,
        ..rules(echo())
    })
    .await;
    let (outcome, _) = run(config(cluster.address), |app| async move {
        for task in ["t-0", "t-1"] {
            app.outbox.close(task).map_err(|error| error.to_string())?;
        }
        assert_eq!(app.inbox.recv().await, None);
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
}

#[tokio::test]
async fn a_kill_by_the_app_scheduler_is_no_failure() {
    let cluster = Cluster::start(rules(echo())).await;
    let (outcome, _) = run(config(cluster.address), |app| async move {
        use link::app::RequestError;
        assert_eq!(app.control.kill("nobody").await, Err(RequestError::Unknown));
        let refused = app.control.spawn("nobody", 1).await;
        assert_eq!(refused, Err(RequestError::Unknown));
        assert_eq!(app.control.spawn("t", 0).await, Ok(Vec::new()));
        app.control
            .kill("t-0")
            .await
            .map_err(|error| error.to_string())?;
        loop {
            let event = app.events.next().await.ok_or("no kill")?;
            if event.kind == EventKind::TaskKilled {
                return Ok(());
            }
        }
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    assert!(cluster.master.calls().contains(&CallType::Kill));
}

#[tokio::test]
async fn a_kill_closes_the_tasks_inbox_after_what_was_sent_before() {
    let counting = behaviour(|_, sender, receiver| async move {
        let mut count = 0_u8;
        while receiver.recv().await.is_some() {
            count += 1;
        }
        match sender.send(Bytes::from(vec![count])).await {
            Ok(()) => End::finished(),
            Err(_) => End::failed("nobody listens"),
        }
    });
    let cluster = Cluster::start(rules(counting)).await;
    let (outcome, _) = run(config(cluster.address), |app| async move {
        for _ in 0..3 {
            app.outbox
                .send("t-0", Bytes::from_static(b"x"))
                .await
                .map_err(|e| e.to_string())?;
        }
        app.control.kill("t-0").await.map_err(|e| e.to_string())?;
        let counted = timeout(Duration::from_secs(20), app.inbox.recv()).await;
        let counted = counted.map_err(|_| "the task was not told")?;
        assert_eq!(&counted.ok_or("no count")?.data[..], [3]);
        Ok(())
    })
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    assert!(cluster.master.calls().contains(&CallType::Kill));
}

#[tokio::test]
async fn the_events_end_when_the_job_has_nothing_more_to_tell() {
    let failing = behaviour(|spec, _sender, receiver| async move {
        if spec.name == "t-1" {
            return End::failed("it broke");
        }
        while receiver.recv().await.is_some() {}
        End::finished()
    });
    let cluster = Cluster::start(rules(failing)).await;
    let (told, heard) = oneshot::channel();
    let (outcome, _) = run(config(cluster.address), |app| async move {
        let mut ends = Vec::new();
        while let Some(event) = app.events.next().await {
            ends.extend(event.task.filter(|_| event.kind == EventKind::TaskFinished));
        }
        let _ = told.send(ends);
        Ok(())
    })
    .await;
    assert!(matches!(outcome, Ok(JobOutcome::TaskFailed(_))));
    // It was not aborted, and what ended last was told before.
    assert_eq!(heard.await, Ok(vec!["t-0".to_owned()]));
}

#[tokio::test]
async fn a_gang_that_does_not_fit_ends_with_the_reason() {
    let cluster = Cluster::start(Rules {
        offer: "cpus:1;mem:1024",
        ..rules(echo())
    })
    .await;
    let mut config = config(cluster.address);
    config.timing.gang = Duration::from_millis(50);
    let (outcome, progress) = run(config, idle).await;
    let JobOutcome::NeverPlaced(NeverPlaced::NoPlace(shortfall)) = outcome.unwrap() else {
        panic!("there is no place");
    };
    assert!(
        shortfall.to_string().contains("need 1.1 cpus"),
        "{shortfall}"
    );
    let wave = WaveId(1);
    assert!(progress.contains(&Progress::Waiting { wave, shortfall }));
    assert!(progress.contains(&Progress::WaitOver(wave)));
    let calls = cluster.master.calls();
    assert!(calls.contains(&CallType::Decline) && !calls.contains(&CallType::Accept));
}

#[tokio::test]
async fn an_interrupt_lets_tasks_end_and_a_second_one_does_not_wait() {
    let cluster = Cluster::start(rules(echo())).await;
    let (stop, stopped) = watch::channel(None);
    let (outcome, ()) = tokio::join!(
        mesosgot_framework::run(
            config(cluster.address),
            |app| async move {
                stop.send_replace(Some(Stop::Graceful));
                idle(app).await
            },
            |_| {},
            stopped,
        ),
        async {}
    );
    assert_eq!(outcome.unwrap(), JobOutcome::Interrupted);
    assert!(!cluster.master.calls().contains(&CallType::Kill));

    let deaf = behaviour(|_, _, _receiver| std::future::pending());
    let cluster = Cluster::start(rules(deaf)).await;
    let (stop, stopped) = watch::channel(None);
    let outcome = mesosgot_framework::run(
        config(cluster.address),
        |_| async move {
            stop.send_replace(Some(Stop::Now));
            std::future::pending().await
        },
        |_| {},
        stopped,
    )
    .await;
    assert_eq!(outcome.unwrap(), JobOutcome::Interrupted);
    assert_eq!(cluster.master.calls().last(), Some(&CallType::Teardown));
}

#[tokio::test]
async fn a_master_that_refuses_is_told_from_one_that_is_not_there() {
    let refusal = Some("Roles {x} are not present in the master's --roles");
    let cluster = Cluster::start(Rules {
        refusal,
        ..rules(echo())
    })
    .await;
    let (outcome, _) = run(config(cluster.address), idle).await;
    let Err(FrameworkError::Refused(RefusedError::Invalid(text))) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(text.contains("--roles"));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let mut config = config(nobody);
    config.timing.subscribe = Duration::from_millis(200);
    let (outcome, _) = run(config, idle).await;
    let Err(FrameworkError::Unreachable {
        reason: Some(reason),
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    let reason = reason.to_string();
    assert!(reason.contains(&nobody.to_string()), "{reason}");
}

#[tokio::test]
async fn a_job_that_no_cluster_could_run_is_refused_before_anything_begins() {
    let mut config = config(SocketAddr::from(([127, 0, 0, 1], 1)));
    config.groups.clear();
    let (outcome, progress) = run(config, idle).await;
    assert!(matches!(outcome, Err(FrameworkError::InvalidJob(_))));
    assert!(progress.is_empty());
}

#[tokio::test]
async fn a_launch_that_masters_are_not_known_to_take_is_told_and_not_made() {
    let cluster = Cluster::start(rules(echo())).await;
    let mut config = config(cluster.address);
    // Together they are over the limit, each alone is not.
    config.groups[0].args = vec!["x".repeat(33 << 20)];
    let (outcome, _) = run(config, idle).await;
    let Err(FrameworkError::LaunchTooLarge {
        agent,
        tasks,
        bytes,
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((agent.as_str(), tasks), ("a1", 2));
    assert!(bytes > 66 << 20, "{bytes}");
    let calls = cluster.master.calls();
    assert!(!calls.contains(&CallType::Accept), "{calls:?}");
    assert_eq!(calls.last(), Some(&CallType::Teardown));
}
