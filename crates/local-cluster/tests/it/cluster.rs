//! The life of a cluster, with executors that are as small as a shell command.

use std::path::Path;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::{Value, json};
use testkit::http::Connection;

/// A scheduler on two connections.
struct Scheduler {
    stream: Connection,
    calls: Connection,
    stream_id: String,
    framework_id: Value,
}

impl Scheduler {
    async fn subscribe(cluster: &LocalCluster) -> Self {
        let mut stream = Connection::open(cluster.master_address()).await;
        let subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": {
            "user": "root", "name": "test", "roles": ["test"], "failover_timeout": 60.0,
            "capabilities": [
                {"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"},
                {"type": "PARTITION_AWARE"},
            ],
        }}});
        post(&mut stream, &[], &subscribe).await;
        let head = stream.head().await;
        let stream_id = head
            .header("Mesos-Stream-Id")
            .expect("a stream id")
            .to_owned();
        let subscribed = stream.record().await.expect("SUBSCRIBED");
        Self {
            calls: Connection::open(cluster.master_address()).await,
            stream,
            stream_id,
            framework_id: subscribed["subscribed"]["framework_id"].clone(),
        }
    }

    async fn call(&mut self, mut call: Value) {
        call["framework_id"] = self.framework_id.clone();
        let headers = [("Mesos-Stream-Id", self.stream_id.as_str())];
        post(&mut self.calls, &headers, &call).await;
        let head = self.calls.head().await;
        let text = self.calls.body(&head).await;
        assert_eq!(head.status, 202, "{text}");
    }

    /// The next event of this type. Offers that come before it are given back.
    async fn next(&mut self, wanted: &str) -> Value {
        loop {
            let event = self.stream.record().await.expect("the stream goes on");
            if event["type"] == wanted {
                return event;
            }
            if event["type"] == "OFFERS" {
                self.decline(&event).await;
            }
        }
    }

    async fn decline(&mut self, offers: &Value) {
        let offers = offers["offers"]["offers"].as_array().expect("a list");
        let ids: Vec<_> = offers.iter().map(|offer| &offer["id"]).collect();
        let decline = json!({"offer_ids": ids, "filters": {"refuse_seconds": 0}});
        self.call(json!({"type": "DECLINE", "decline": decline}))
            .await;
    }

    /// Launches a task from the next offer, on an executor that is a shell command.
    async fn launch(&mut self, task: &str, command: &str) -> Value {
        let offers = self.next("OFFERS").await;
        let offer = offers["offers"]["offers"][0].clone();
        let resources = json!([
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        ]);
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{
                "name": task, "task_id": {"value": task}, "agent_id": offer["agent_id"],
                "resources": resources,
                "executor": {
                    "type": "CUSTOM", "executor_id": {"value": format!("executor of {task}")},
                    "command": {"value": command}, "resources": resources,
                },
            }]}}],
            "filters": {"refuse_seconds": 0},
        }}))
        .await;
        offer
    }
}

async fn post(connection: &mut Connection, headers: &[(&str, &str)], call: &Value) {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    connection
        .post("/api/v1/scheduler", &all, &call.to_string())
        .await;
}

async fn start(agents: usize) -> LocalCluster {
    let resources = Resources::parse("cpus:4;mem:1024").expect("resources");
    let mut config = ClusterConfig::new(vec![AgentConfig::new(resources); agents]);
    config.allocation_interval = Duration::from_millis(20);
    LocalCluster::start(config).await.expect("a cluster")
}

#[tokio::test]
async fn an_executor_that_ends_takes_its_task_along_and_frees_its_resources() {
    let cluster = start(1).await;
    let mut scheduler = Scheduler::subscribe(&cluster).await;
    let offer = scheduler.launch("t1", "echo hello; exit 3").await;
    let failure = scheduler.next("FAILURE").await;
    assert_eq!(failure["failure"]["status"], 3 << 8);
    let update = scheduler.next("UPDATE").await;
    let status = &update["update"]["status"];
    assert_eq!(status["state"], "TASK_FAILED");
    assert_eq!(status["reason"], "REASON_EXECUTOR_TERMINATED");
    scheduler
        .call(json!({"type": "ACKNOWLEDGE", "acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        }}))
        .await;
    loop {
        // The rest is offered on its own; given back, all is offered together.
        let offers = scheduler.next("OFFERS").await;
        let again = &offers["offers"]["offers"][0];
        if again["resources"] == offer["resources"] {
            break;
        }
        scheduler.decline(&offers).await;
    }
    cluster.stop().await;
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let cluster = start(2).await;
    let mut scheduler = Scheduler::subscribe(&cluster).await;
    scheduler
        .launch("t1", "echo $$ > pid.new; mv pid.new pid; exec sleep 1000")
        .await;
    let work_dir = cluster.work_dir().to_owned();
    let started = Instant::now();
    let pid = loop {
        if let Some(pid) = find(&work_dir, "pid") {
            break std::fs::read_to_string(pid).expect("it is there");
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "the executor never started"
        );
        tokio::task::yield_now().await;
    };
    let process = Path::new("/proc").join(pid.trim());
    assert!(process.exists());
    cluster.stop().await;
    assert!(!process.exists(), "the executor is gone");
    assert!(!work_dir.exists(), "the work directory is gone");
    assert!(
        scheduler
            .stream
            .record()
            .await
            .is_none_or(|event| event["type"] == "OFFERS")
    );
}

#[tokio::test]
async fn a_given_work_directory_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = ClusterConfig::new(vec![AgentConfig::new(Resources::new())]);
    config.work_dir = Some(directory.path().to_owned());
    let cluster = LocalCluster::start(config).await.expect("a cluster");
    assert_eq!(cluster.work_dir(), directory.path());
    cluster.stop().await;
    assert!(directory.path().exists());
}

#[tokio::test]
async fn a_killed_agent_is_missed_and_a_removed_one_is_gone() {
    let mut cluster = start(2).await;
    assert_eq!(cluster.agent_addresses().len(), 2);
    let mut scheduler = Scheduler::subscribe(&cluster).await;
    scheduler.launch("t1", "exec sleep 1000").await;
    cluster.kill_agent(0).await;
    cluster.kill_agent(0).await;
    cluster.remove_agent(1).await;
    assert!(cluster.agent_addresses().is_empty());
    // Which agent was first with its offer is open; the task is lost either way.
    let update = scheduler.next("UPDATE").await;
    assert_eq!(update["update"]["status"]["state"], "TASK_LOST");
    let failure = scheduler.next("FAILURE").await;
    assert!(
        failure["failure"]["executor_id"].is_null(),
        "an agent, not an executor"
    );
    cluster.stop().await;
}

/// The file of this name anywhere below a directory, links not followed.
fn find(directory: &Path, name: &str) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(directory).ok()?.flatten() {
        let kind = entry.file_type().ok()?;
        if kind.is_file() && entry.file_name() == name {
            return Some(entry.path());
        }
        if kind.is_dir()
            && let Some(found) = find(&entry.path(), name)
        {
            return Some(found);
        }
    }
    None
}
