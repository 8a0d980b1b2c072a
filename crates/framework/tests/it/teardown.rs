//! The end of a framework whose master does not take TEARDOWN at once.

use std::time::Duration;

use mesos::v1::scheduler::call::Type as CallType;
use mesosgot_framework::{JobOutcome, Progress, Stop};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::cluster::{Cluster, Fault, Rules, echo};
use crate::runs::{config, rules, run};

/// Runs a job whose TEARDOWN is answered so; answers how often it was made, and what was told of a
/// framework that was not torn down.
async fn torn_down(faults: Vec<Fault>) -> (usize, Vec<Progress>) {
    let cluster = Cluster::start(Rules {
        teardown_faults: faults,
        ..rules(echo())
    })
    .await;
    let (outcome, progress) = run(config(cluster.address), |_| async { Ok(()) }).await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let calls = cluster.master.calls();
    let made = calls.iter().filter(|kind| **kind == CallType::Teardown);
    (made.count(), warnings(progress))
}

fn warnings(progress: Vec<Progress>) -> Vec<Progress> {
    let is_warning = |one: &Progress| matches!(one, Progress::NotTornDown { .. });
    progress.into_iter().filter(is_warning).collect()
}

#[tokio::test]
async fn a_teardown_is_made_until_the_master_takes_it() {
    for fault in [
        Fault::Status(503, "Master has not finished recovery"),
        Fault::Status(307, ""),
        Fault::Cut,
    ] {
        let (made, warnings) = torn_down(vec![fault, fault]).await;
        assert_eq!((made, warnings), (3, Vec::new()), "{fault:?}");
    }
}

#[tokio::test]
async fn a_teardown_that_is_refused_is_told_with_the_framework() {
    let (made, warnings) = torn_down(vec![Fault::Status(403, "not yours")]).await;
    assert_eq!(made, 1);
    let [Progress::NotTornDown { framework, reason }] = &warnings[..] else {
        panic!("{warnings:?}");
    };
    assert_eq!(framework.as_str(), "fw");
    assert!(
        reason.contains("403") && reason.contains("not yours"),
        "{reason}"
    );
}

#[tokio::test]
async fn who_does_not_want_to_wait_is_told_soon_that_nothing_is_torn_down() {
    let cluster = Cluster::start(Rules {
        teardown_faults: vec![Fault::Status(503, "Master has not finished recovery"); 1000],
        ..rules(echo())
    })
    .await;
    let (stop, stopped) = watch::channel(None);
    let mut progress = Vec::new();
    let idle = |app: link::app::App| async move {
        while app.events.next().await.is_some() {}
        Ok(())
    };
    let began = Instant::now();
    let running = mesosgot_framework::run(
        config(cluster.address),
        idle,
        |one| {
            if one == Progress::AppStarted {
                stop.send_replace(Some(Stop::Now));
            }
            progress.push(one);
        },
        stopped,
    );
    let outcome = timeout(Duration::from_secs(60), running).await.unwrap();
    assert_eq!(outcome.unwrap(), JobOutcome::Interrupted);
    assert_eq!(warnings(progress).len(), 1);
    assert!(began.elapsed() < Duration::from_secs(15), "{began:?}");
}
