//! Several masters, of which one leads: among themselves, and by a real ZooKeeper.

use std::net::SocketAddr;
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::{Value, json};
use testkit::http::Connection;
use testkit::zookeeper::{Access, NodeKind, Session, ZooKeeper};

/// As short as the ZooKeeper of tests allows, twice.
const SESSION_TIMEOUT: Duration = Duration::from_secs(1);

/// Nothing here takes long; what takes this long is stuck.
const TIMEOUT: Duration = Duration::from_secs(30);

fn config(masters: usize) -> ClusterConfig {
    let resources = Resources::parse("cpus:4;mem:1024").expect("resources");
    ClusterConfig {
        masters,
        allocation_interval: Duration::from_millis(20),
        ..ClusterConfig::new(vec![AgentConfig::new(resources)])
    }
}

fn in_zookeeper(masters: usize, zookeeper: &ZooKeeper) -> ClusterConfig {
    ClusterConfig {
        zk: Some(zookeeper.url().parse().expect("a place in ZooKeeper")),
        zk_session_timeout: SESSION_TIMEOUT,
        ..config(masters)
    }
}

/// What a master answers to a question that only the leader answers: status, and where that sends
/// us or what it says.
async fn ask(master: SocketAddr, question: &str) -> (u16, String) {
    let mut connection = Connection::open(master).await;
    let body = json!({ "type": question }).to_string();
    let headers = [("Content-Type", "application/json")];
    connection.post("/api/v1", &headers, &body).await;
    let head = connection.head().await;
    let body = connection.body(&head).await;
    let place = head.header("Location").map(str::to_owned);
    (head.status, place.unwrap_or(body))
}

async fn get(master: SocketAddr, path: &str) -> (u16, String) {
    let mut connection = Connection::open(master).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.send(request.as_bytes()).await;
    let head = connection.head().await;
    let body = connection.body(&head).await;
    let place = head.header("Location").map(str::to_owned);
    (head.status, place.unwrap_or(body))
}

/// Asks until a master answers like this. What is waited for happens in another task, or process.
async fn until(master: SocketAddr, is_so: impl Fn(&(u16, String)) -> bool) -> (u16, String) {
    let looking = async {
        loop {
            let answer = ask(master, "GET_AGENTS").await;
            if is_so(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(TIMEOUT, looking).await;
    found.expect("it does not come")
}

fn sends_to(leader: SocketAddr) -> impl Fn(&(u16, String)) -> bool {
    let location = format!("//localhost:{}/master/api/v1", leader.port());
    move |(status, place)| *status == 307 && *place == location
}

/// Waits until the agent has registered with the master that leads.
async fn agent_is_back(master: SocketAddr) {
    let has_agent = |(status, body): &(u16, String)| {
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let agents = answer["get_agents"]["agents"].as_array();
        *status == 200 && agents.is_some_and(|agents| agents.len() == 1)
    };
    until(master, has_agent).await;
}

#[tokio::test]
async fn followers_send_to_the_leader_and_the_next_one_leads_when_it_dies() {
    let mut cluster = LocalCluster::start(config(3)).await.expect("a cluster");
    let masters = cluster.master_addresses();
    assert_eq!(cluster.leading_master(), Some(0));
    assert_eq!(cluster.master_address(), masters[0]);
    let port = masters[0].port();
    let place = format!("//localhost:{port}");
    for follower in [masters[1], masters[2]] {
        for (question, path) in [("GET_AGENTS", "/api/v1"), ("NO_SUCH_QUESTION", "/api/v1")] {
            let expected = (307, format!("{place}/master{path}"));
            assert_eq!(ask(follower, question).await, expected);
        }
        let state = (307, format!("{place}/master/state"));
        assert_eq!(get(follower, "/state").await, state);
        assert_eq!(get(follower, "/redirect").await, (307, place.clone()));
        assert_eq!(get(follower, "/health").await, (200, String::new()));
        let metrics = (200, r#"{"master/elected":0.0}"#.to_owned());
        assert_eq!(get(follower, "/metrics/snapshot").await, metrics);
    }
    agent_is_back(masters[0]).await;

    cluster.kill_master(0).await;
    agent_is_back(masters[1]).await;
    assert_eq!(cluster.leading_master(), Some(1));
    until(masters[2], sends_to(masters[1])).await;

    // It is the youngest now, and comes last.
    cluster.start_master(0).await.expect("its port is kept");
    until(masters[0], sends_to(masters[1])).await;
    cluster.kill_master(1).await;
    agent_is_back(masters[2]).await;
    until(masters[0], sends_to(masters[2])).await;

    cluster.fail_over_master().await.expect("one leads");
    assert_eq!(cluster.leading_master(), Some(0));
    agent_is_back(masters[0]).await;
    until(masters[2], sends_to(masters[0])).await;
    cluster.stop().await;
}

#[tokio::test]
async fn masters_have_the_ports_that_follow_the_first() {
    // Those of a cluster that has just ended are free, as a rule; another may take them.
    let mut tries = 0;
    loop {
        tries += 1;
        let before = LocalCluster::start(config(1)).await.expect("a cluster");
        let port = before.master_address().port();
        let at_port = |masters| ClusterConfig {
            port: Some(port),
            ..config(masters)
        };
        let taken = LocalCluster::start(at_port(1))
            .await
            .expect_err("it is taken");
        let place = format!("master 0 of the cluster at port {port}");
        assert!(taken.to_string().contains(&place), "{taken}");
        before.stop().await;
        match LocalCluster::start(at_port(2)).await {
            Ok(cluster) => {
                let ports = cluster.master_addresses().into_iter();
                let ports: Vec<u16> = ports.map(|address| address.port()).collect();
                assert_eq!(ports, [port, port + 1]);
                cluster.stop().await;
                break;
            }
            Err(error) => assert!(tries < 20, "{error}"),
        }
    }
    let beyond = ClusterConfig {
        port: Some(u16::MAX),
        ..config(2)
    };
    let error = LocalCluster::start(beyond).await.expect_err("no such port");
    assert!(error.to_string().contains("65535"), "{error}");
}

#[tokio::test]
async fn zookeeper_decides_who_leads_and_knows_where() {
    let Some(zookeeper) = ZooKeeper::start("zookeeper_decides_who_leads_and_knows_where") else {
        return;
    };
    let cluster = LocalCluster::start(in_zookeeper(3, &zookeeper)).await;
    let mut cluster = cluster.expect("a cluster");
    let masters = cluster.master_addresses();
    let leader = cluster.leading_master().expect("one leads");
    assert_eq!(cluster.master_address(), masters[leader]);
    agent_is_back(masters[leader]).await;
    let others: Vec<_> = (0..3).filter(|index| *index != leader).collect();
    for other in &others {
        until(masters[*other], sends_to(masters[leader])).await;
    }

    // Until its session is over, the others send to the dead one.
    cluster.kill_master(leader).await;
    until(masters[others[0]], sends_to(masters[leader])).await;
    tokio::time::timeout(TIMEOUT, cluster.wait_for_leader())
        .await
        .expect("one leads");
    let next = cluster.leading_master().expect("one leads");
    assert_ne!(next, leader);
    agent_is_back(masters[next]).await;
    cluster
        .start_master(leader)
        .await
        .expect("its port is kept");
    for other in (0..3).filter(|index| *index != next) {
        until(masters[other], sends_to(masters[next])).await;
    }

    // A cluster that is stopped in order leaves no node behind.
    cluster.stop().await;
    let children = Session::open(zookeeper.address())
        .expect("it runs")
        .children("/mesos");
    assert_eq!(children, Vec::<String>::new());
}

#[tokio::test]
async fn a_leader_that_loses_zookeeper_ends_and_followers_know_nobody() {
    let test = "a_leader_that_loses_zookeeper_ends_and_followers_know_nobody";
    let Some(mut zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let cluster = LocalCluster::start(in_zookeeper(2, &zookeeper)).await;
    let cluster = cluster.expect("a cluster");
    let leader = cluster.leading_master().expect("one leads");
    let masters = cluster.master_addresses();
    let mut stream = Connection::open(masters[leader]).await;
    zookeeper.kill();
    let cut = tokio::time::timeout(TIMEOUT, stream.chunk()).await;
    assert_eq!(cut.expect("its process ends"), None);
    let nobody = (503, "No leader elected".to_owned());
    until(masters[1 - leader], |answer| *answer == nobody).await;
    assert_eq!(cluster.leading_master(), None);

    // It is started again, and when ZooKeeper is back one of them leads.
    zookeeper.restart();
    tokio::time::timeout(TIMEOUT, cluster.wait_for_leader())
        .await
        .expect("one leads");
    agent_is_back(cluster.master_address()).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_cluster_that_nobody_leads_does_not_start_and_says_why() {
    let test = "a_cluster_that_nobody_leads_does_not_start_and_says_why";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let mut other = Session::open(zookeeper.address()).expect("it runs");
    other.create("/mesos", b"", Access::Everybody, NodeKind::Lasting);
    let info = br#"{"hostname":"elsewhere","id":"x","ip":16777343,"port":5050}"#;
    other.create(
        "/mesos/json.info_",
        info,
        Access::Everybody,
        NodeKind::Numbered,
    );
    let error = LocalCluster::start(in_zookeeper(1, &zookeeper)).await;
    let error = error.expect_err("another leads").to_string();
    assert!(error.contains("elsewhere:5050"), "{error}");
    assert!(error.contains(&zookeeper.url()), "{error}");
}
