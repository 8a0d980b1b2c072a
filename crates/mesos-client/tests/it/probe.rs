//! A plain question to one server: what it says, and why it says nothing.

use std::time::Duration;

use mesos_client::{DisconnectReason, ProbeError, Tls, probe};

use crate::fake::{Fake, nobody};

/// No test waits for longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_a_server_says_comes_with_its_clock_and_without_following_it() {
    let mut master = Fake::start().await;
    let address = master.address.clone();
    let asked = tokio::spawn(async move {
        let tls = Tls::default();
        let version = probe(&address, "/version", &tls, PATIENCE).await.unwrap();
        let leader = probe(&address, "/redirect", &tls, PATIENCE).await.unwrap();
        (version, leader)
    });
    let request = master.next().await;
    assert_eq!(request.uri.path(), "/version");
    assert_eq!(request.header("authorization"), None);
    request.answer(200, r#"{"version":"1.11.0"}"#);
    master.next().await.redirect("//leader:5050");
    let (version, leader) = asked.await.unwrap();
    assert_eq!((version.status, version.location), (200, None));
    assert_eq!(version.text, r#"{"version":"1.11.0"}"#);
    let date = version.date.expect("servers say what time it is");
    assert!(date.ends_with(" GMT"), "{date}");
    assert_eq!(leader.status, 307);
    assert_eq!(leader.location.as_deref(), Some("//leader:5050"));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_told_by_its_class() {
    let tls = Tls::default();
    let failed = probe(&nobody().await, "/version", &tls, PATIENCE).await;
    assert!(
        matches!(
            &failed,
            Err(ProbeError::Failed(DisconnectReason::Unreachable { endpoint, .. }))
                if endpoint.ends_with("/version")
        ),
        "{failed:?}"
    );
    let silent = Fake::start().await;
    let short = Duration::from_millis(10);
    let failed = probe(&silent.address, "/version", &tls, short).await;
    assert!(
        matches!(
            &failed,
            Err(ProbeError::Failed(DisconnectReason::Unanswered { .. }))
        ),
        "{failed:?}"
    );
    let failed = probe("a b", "/version", &tls, PATIENCE).await;
    assert!(matches!(&failed, Err(ProbeError::Address(_))), "{failed:?}");
}
