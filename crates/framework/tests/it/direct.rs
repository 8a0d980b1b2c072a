//! Direct paths of whole runs, over loopback.

use bytes::Bytes;
use link::app::App;
use mesosgot_framework::{
    DirectConfig, DirectMode, FrameworkConfig, FrameworkError, JobOutcome, TlsMode,
};
use tokio::net::TcpListener;

use crate::cluster::{Cluster, Dialing, Rules, echo};
use crate::runs::{config, rules, run};

async fn cluster(dialing: Dialing) -> Cluster {
    Cluster::start(Rules {
        dialing,
        ..rules(echo())
    })
    .await
}

fn config_with(cluster: &Cluster, mode: DirectMode, tls: TlsMode) -> FrameworkConfig {
    FrameworkConfig {
        direct: DirectConfig {
            mode,
            tls,
            ..DirectConfig::default()
        },
        ..config(cluster.address)
    }
}

/// Has a message echoed that is larger than a frame.
async fn echoed(app: App) -> Result<(), String> {
    let sent = Bytes::from(vec![7; 1 << 20]);
    let sending = app.outbox.send("t-0", sent.clone());
    sending.await.map_err(|error| error.to_string())?;
    let echo = app.inbox.recv().await.ok_or("no echo")?;
    (echo.data == sent)
        .then_some(())
        .ok_or_else(|| "another echo".to_owned())
}

#[tokio::test]
async fn a_job_that_requires_direct_paths_uses_nothing_else() {
    for tls in [TlsMode::Auto, TlsMode::On] {
        let cluster = cluster(Dialing::Connect).await;
        let config = config_with(&cluster, DirectMode::Required, tls);
        let (outcome, _) = run(config, echoed).await;
        assert_eq!(outcome.unwrap(), JobOutcome::Succeeded, "{tls:?}");
    }
}

#[tokio::test]
async fn a_job_that_requires_direct_paths_ends_when_there_is_none() {
    let cluster = cluster(Dialing::Complain).await;
    let config = config_with(&cluster, DirectMode::Required, TlsMode::Auto);
    let (outcome, _) = run(config, echoed).await;
    let JobOutcome::Unconnected(why) = outcome.unwrap() else {
        panic!("another outcome");
    };
    assert_eq!(why.agent.as_str(), "a1");
    assert!(why.reason.starts_with("127.0.0.1:"), "{}", why.reason);
    assert!(why.reason.ends_with(": no route"), "{}", why.reason);
}

#[tokio::test]
async fn a_job_that_does_not_require_direct_paths_goes_without() {
    for (mode, dialing) in [
        (DirectMode::Auto, Dialing::Complain),
        (DirectMode::Auto, Dialing::Guess),
        (DirectMode::Off, Dialing::Complain),
    ] {
        let cluster = cluster(dialing).await;
        let (outcome, _) = run(config_with(&cluster, mode, TlsMode::Auto), echoed).await;
        assert_eq!(outcome.unwrap(), JobOutcome::Succeeded, "{mode:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bind = taken.local_addr().unwrap();
    let cluster = cluster(Dialing::Ignore).await;
    let mut config = config_with(&cluster, DirectMode::Auto, TlsMode::Auto);
    config.direct.bind = bind;
    let (outcome, _) = run(config, echoed).await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, FrameworkError::Direct { .. }), "{error}");
    let start = format!("cannot listen for direct paths on `{bind}`: ");
    assert!(error.to_string().starts_with(&start), "{error}");
}
