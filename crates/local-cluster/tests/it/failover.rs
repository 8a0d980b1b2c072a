//! A master that dies, and the one that comes after it.

use std::io;
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::json;
use testkit::http::Connection;
use tokio::net::TcpStream;

#[tokio::test]
async fn a_master_that_fails_over_refuses_connections_and_then_knows_nobody() {
    let resources = Resources::parse("cpus:4;mem:1024").expect("resources");
    let config = ClusterConfig::new(vec![AgentConfig::new(resources)]);
    let mut cluster = LocalCluster::start(config).await.expect("a cluster");
    let address = cluster.master_address();
    let mut old = Connection::open(address).await;
    let failing = async {
        cluster.fail_over_master().await.expect("the port is kept");
        cluster
    };
    let looking = async {
        // One that the old master had not taken yet is reset.
        let is_refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        while !TcpStream::connect(address).await.is_err_and(is_refused) {
            tokio::task::yield_now().await;
        }
    };
    let looking = tokio::time::timeout(Duration::from_secs(20), looking);
    let (cluster, refused) = tokio::join!(failing, looking);
    refused.expect("the port is closed for a fifth of a second");
    assert_eq!(cluster.master_addresses(), [address]);
    assert_eq!(old.chunk().await, None, "it is cut");

    let call = json!({"type": "REVIVE", "framework_id": {"value": "x"}}).to_string();
    let headers = [("Content-Type", "application/json")];
    let mut calls = Connection::open(address).await;
    calls.post("/api/v1/scheduler", &headers, &call).await;
    let head = calls.head().await;
    let text = calls.body(&head).await;
    assert_eq!((head.status, &*text), (400, "Framework cannot be found"));
    cluster.stop().await;
}
