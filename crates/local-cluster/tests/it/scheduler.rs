//! A scheduler that hides nothing, and the cluster it talks to.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use mesos::resources::Resources;
use mesosgot_local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use serde_json::{Value, json};
use testkit::http::Connection;

/// Time between two allocation runs: short, so that tests need not wait a second for offers.
const ALLOCATION_INTERVAL: Duration = Duration::from_millis(20);

/// A subscribed framework on a cluster with one agent.
pub(crate) struct Scheduler {
    pub(crate) cluster: LocalCluster,
    stream: Connection,
    calls: Connection,
    stream_id: String,
    pub(crate) framework_id: String,
}

impl Scheduler {
    /// Starts a cluster and subscribes.
    pub(crate) async fn start() -> Self {
        Self::start_as(json!({})).await
    }

    /// The same for a framework of which more is to be said.
    pub(crate) async fn start_as(more: Value) -> Self {
        let resources = Resources::parse("cpus:4;mem:1024").expect("valid resources");
        let agent = AgentConfig {
            executor_shutdown_grace_period: Duration::from_millis(100),
            ..AgentConfig::new(resources)
        };
        let cluster = LocalCluster::start(ClusterConfig {
            allocation_interval: ALLOCATION_INTERVAL,
            ..ClusterConfig::new(vec![agent])
        })
        .await
        .expect("a cluster");
        Self::subscribe_to(cluster, more).await
    }

    /// Subscribes to a cluster that runs already.
    pub(crate) async fn subscribe_to(cluster: LocalCluster, more: Value) -> Self {
        let mut stream = Connection::open(cluster.master_address()).await;
        let mut framework_info = json!({
            "user": "nobody",
            "name": "it",
            "roles": ["it"],
            "capabilities": [
                { "type": "MULTI_ROLE" },
                { "type": "RESERVATION_REFINEMENT" },
                { "type": "PARTITION_AWARE" },
            ],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            framework_info[name] = value.clone();
        }
        let subscribe = json!({
            "type": "SUBSCRIBE",
            "framework_id": framework_info.get("id"),
            "subscribe": { "framework_info": framework_info },
        });
        post(&mut stream, &[], &subscribe).await;
        let head = stream.head().await;
        assert_eq!(head.status, 200);
        let stream_id = head
            .header("Mesos-Stream-Id")
            .expect("a stream id")
            .to_owned();
        let subscribed = stream.record().await.expect("SUBSCRIBED");
        let framework_id = text(&subscribed["subscribed"]["framework_id"]["value"]);
        let calls = Connection::open(cluster.master_address()).await;
        Self {
            cluster,
            stream,
            calls,
            stream_id,
            framework_id,
        }
    }

    /// Ends the framework with all that it runs; the cluster goes on.
    pub(crate) async fn leave(mut self) -> LocalCluster {
        self.call("TEARDOWN", json!({})).await;
        self.cluster
    }

    /// Makes a call that is accepted.
    pub(crate) async fn call(&mut self, r#type: &str, body: Value) {
        let answer = self.answer(r#type, body).await;
        assert_eq!(answer, (202, String::new()));
    }

    /// Makes a call; status and body of its answer.
    pub(crate) async fn answer(&mut self, r#type: &str, body: Value) -> (u16, String) {
        let call = json!({
            "framework_id": { "value": self.framework_id },
            "type": r#type,
            r#type.to_lowercase(): body,
        });
        post(
            &mut self.calls,
            &[("Mesos-Stream-Id", &self.stream_id)],
            &call,
        )
        .await;
        let head = self.calls.head().await;
        (head.status, self.calls.body(&head).await)
    }

    /// The body of the next event of this type; others are passed over.
    pub(crate) async fn event(&mut self, r#type: &str) -> Value {
        loop {
            let event = self.stream.record().await.expect("the stream goes on");
            if event["type"] == r#type {
                return event[r#type.to_lowercase()].clone();
            }
            let other = text(&event["type"]);
            assert!(
                matches!(&*other, "OFFERS" | "HEARTBEAT" | "RESCIND"),
                "unexpected: {event}"
            );
        }
    }

    /// The next event, whatever it is.
    pub(crate) async fn next(&mut self) -> Value {
        self.stream.record().await.expect("the stream goes on")
    }

    /// Acknowledges a status update.
    pub(crate) async fn acknowledge(&mut self, status: &Value) {
        let acknowledge = json!({
            "agent_id": status["agent_id"],
            "task_id": status["task_id"],
            "uuid": status["uuid"],
        });
        self.call("ACKNOWLEDGE", acknowledge).await;
    }

    /// Reads on until the stream ends or breaks.
    pub(crate) async fn end_of_stream(&mut self) {
        while self.stream.record().await.is_some() {}
    }

    /// The next status update, acknowledged.
    pub(crate) async fn update(&mut self) -> Value {
        let status = self.event("UPDATE").await["status"].clone();
        self.acknowledge(&status).await;
        status
    }

    /// Launches tasks of these names on one executor, with the next offer; the agent's id.
    pub(crate) async fn launch(&mut self, executor: &Value, names: &[&str]) -> Value {
        let offer = self.event("OFFERS").await["offers"][0].clone();
        let names = names.iter().copied();
        self.launch_on(&offer, executor, names).await;
        offer["agent_id"].clone()
    }

    /// Launches tasks of these names on one executor, with this offer.
    pub(crate) async fn launch_on(
        &mut self,
        offer: &Value,
        executor: &Value,
        names: impl Iterator<Item = &str>,
    ) {
        let tasks: Vec<Value> = names
            .map(|name| {
                json!({
                    "name": name,
                    "task_id": { "value": name },
                    "agent_id": offer["agent_id"],
                    "executor": executor,
                    "resources": resources(0.1, 32.0),
                })
            })
            .collect();
        let launch = json!({ "type": "LAUNCH", "launch": { "task_infos": tasks } });
        let accept = json!({ "offer_ids": [offer["id"]], "operations": [launch] });
        self.call("ACCEPT", accept).await;
    }

    /// Launches a task that is a command, with the next offer; the agent's id.
    pub(crate) async fn launch_command(&mut self, name: &str, command: Value) -> Value {
        let offer = self.event("OFFERS").await["offers"][0].clone();
        let task = json!({
            "name": name,
            "task_id": { "value": name },
            "agent_id": offer["agent_id"],
            "command": command,
            "resources": resources(0.1, 32.0),
        });
        let launch = json!({ "type": "LAUNCH", "launch": { "task_infos": [task] } });
        let accept = json!({ "offer_ids": [offer["id"]], "operations": [launch] });
        self.call("ACCEPT", accept).await;
        offer["agent_id"].clone()
    }

    /// What an executor has written to a file of its newest sandbox.
    pub(crate) fn read(&self, agent_id: &Value, executor_id: &str, file: &str) -> String {
        let path = self.sandbox(agent_id, executor_id).join(file);
        fs::read_to_string(path).expect("a file in the sandbox")
    }

    /// The same as soon as the file is there.
    pub(crate) async fn read_when_written(
        &self,
        agent_id: &Value,
        executor_id: &str,
        file: &str,
    ) -> String {
        let path = self.sandbox(agent_id, executor_id).join(file);
        until(|| path.exists()).await;
        self.read(agent_id, executor_id, file)
    }

    /// The newest sandbox of an executor.
    pub(crate) fn sandbox(&self, agent_id: &Value, executor_id: &str) -> PathBuf {
        self.cluster
            .work_dir()
            .join("slaves")
            .join(text(&agent_id["value"]))
            .join("frameworks")
            .join(&self.framework_id)
            .join("executors")
            .join(executor_id)
            .join("runs/latest")
    }
}

/// Waits for a condition, and fails if it does not come.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("the condition in time");
}

/// An executor of this id with this command.
pub(crate) fn executor(id: &str, command: Value) -> Value {
    json!({
        "type": "CUSTOM",
        "executor_id": { "value": id },
        "command": command,
        "resources": resources(0.1, 32.0),
    })
}

/// The command that executes the example executor where it lies.
pub(crate) fn example() -> Value {
    json!({ "shell": false, "value": example_path(), "arguments": ["executor"] })
}

/// Where cargo has put the example executor: beside the directory of this test.
pub(crate) fn example_path() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("a target directory");
    let path = profile.join("examples/executor");
    assert!(
        path.exists(),
        "cargo builds the examples with the tests: {}",
        path.display()
    );
    path
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

fn resources(cpus: f64, mem: f64) -> Value {
    json!([
        { "name": "cpus", "type": "SCALAR", "scalar": { "value": cpus } },
        { "name": "mem", "type": "SCALAR", "scalar": { "value": mem } },
    ])
}

async fn post(connection: &mut Connection, headers: &[(&str, &str)], call: &Value) {
    let json = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    let headers: Vec<_> = json.iter().chain(headers).copied().collect();
    connection
        .post("/api/v1/scheduler", &headers, &call.to_string())
        .await;
}
