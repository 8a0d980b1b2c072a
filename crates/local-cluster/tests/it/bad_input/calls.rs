//! Calls that could be right: of somebody who may speak, well formed, and of anything.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::random::Random;
use super::{JSON, Outcome, PROTOBUF, Sturdy, Subscribed, exchange, post};
use crate::scheduler::{Scheduler, executor};

/// How many of each type: in some seconds.
const EACH: usize = 20;

/// What was made of calls.
#[derive(Debug, Default)]
struct Tally {
    accepted: usize,
    refused: usize,
}

impl Tally {
    /// # Panics
    /// When the outcome is none that a call may have.
    fn count(&mut self, outcome: Outcome, sent: &[u8]) {
        match outcome {
            Outcome::Answered(200 | 202) => self.accepted += 1,
            Outcome::Answered(400..=499 | 501) => self.refused += 1,
            other => panic!("{other:?} to {}", String::from_utf8_lossy(sent)),
        }
    }

    #[track_caller]
    fn check(&self) {
        assert!(self.accepted > 30 && self.refused > 100, "{self:?}");
    }
}

/// Sends calls of every type, drawn from a seed, some of them damaged.
async fn send_any(
    random: &mut Random,
    (address, path): (SocketAddr, &str),
    call: &str,
    ids: &[(&str, &str)],
    stream_id: &str,
    tally: &mut Tally,
) {
    for call_type in random.types(call) {
        let mut bytes = random.call(call, &call_type, ids);
        random.damage(&mut bytes);
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nAccept: {JSON}\r\n\
             Mesos-Stream-Id: {stream_id}\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        )
        .into_bytes();
        request.extend(&bytes);
        tally.count(exchange(address, &request).await, &bytes);
    }
}

#[tokio::test]
async fn any_call_of_a_framework_is_taken_or_refused() {
    let sturdy = Sturdy::start().await;
    let mut random = Random::new(11, &[]);
    let mut tally = Tally::default();
    let address = (sturdy.master(), "/api/v1/scheduler");
    for _ in 0..EACH {
        // Calls can end the subscription; then there is another.
        let mut framework = Subscribed::to(sturdy.master()).await;
        let (agent_id, offer_id) = framework.offer().await;
        let id = framework.framework_id.clone();
        let seed = random.rng.u64(..);
        random = Random::new(seed, &[&id, &agent_id, &offer_id, &offer_id]);
        let ids = [("framework_id", &*id)];
        let call = "mesos.v1.scheduler.Call";
        send_any(
            &mut random,
            address,
            call,
            &ids,
            &framework.stream_id,
            &mut tally,
        )
        .await;
        sturdy.check().await;
        framework.teardown(sturdy.master()).await;
    }
    tally.check();
    sturdy.stop().await;
}

#[tokio::test]
async fn any_call_of_an_operator_is_taken_or_refused() {
    let sturdy = Sturdy::start().await;
    let mut framework = Subscribed::to(sturdy.master()).await;
    // One agent, which an operator may end; the other is left for the good, and asked for its health.
    let good = sturdy.agent();
    let (agent_id, _) = framework.offer_of(|port| port != good.port()).await;
    let id = framework.framework_id.clone();
    let mut random = Random::new(12, &[&id, &agent_id]);
    let (mut master, mut agent) = (Tally::default(), Tally::default());
    for _ in 0..EACH {
        let address = (sturdy.master(), "/api/v1");
        send_any(
            &mut random,
            address,
            "mesos.v1.master.Call",
            &[],
            "x",
            &mut master,
        )
        .await;
        let address = (sturdy.agent(), "/api/v1");
        send_any(
            &mut random,
            address,
            "mesos.v1.agent.Call",
            &[],
            "x",
            &mut agent,
        )
        .await;
        sturdy.check().await;
    }
    master.check();
    agent.check();
    framework.teardown(sturdy.master()).await;
    sturdy.stop().await;
}

#[tokio::test]
async fn any_call_of_an_executor_is_taken_or_refused() {
    let sturdy = Sturdy::start().await;
    let mut scheduler = Scheduler::subscribe_to(sturdy.cluster, json!({})).await;
    let command = json!({ "value": "exec sleep 1000" });
    scheduler.launch(&executor("ex", command), &["a"]).await;
    let id = scheduler.framework_id.clone();
    let mut random = Random::new(13, &[&id, "ex"]);
    let mut tally = Tally::default();
    let ids = [("framework_id", &*id), ("executor_id", "ex")];
    let agents = scheduler.cluster.agent_addresses();
    for round in 0..4 * EACH {
        // One of them has started it.
        let address = (agents[round % agents.len()], "/api/v1/executor");
        send_any(
            &mut random,
            address,
            "mesos.v1.executor.Call",
            &ids,
            "x",
            &mut tally,
        )
        .await;
    }
    tally.check();
    let sturdy = Sturdy {
        cluster: scheduler.leave().await,
        panics_before: sturdy.panics_before,
    };
    sturdy.stop().await;
}

/// Values that no call wants, and some that calls do.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "-1",
    "0",
    "1e308",
    "18446744073709551616",
    "\"\"",
    "\"x\"",
    "\"Infinity\"",
    "\"////\"",
    "\"AAAAAAAAQAAAAAAAAAAAAA==\"",
    "[]",
    "{}",
    "{\"value\":\"\"}",
    "{\"value\":\"..\"}",
    "\"\\ufffd\"",
];

/// Calls of a framework that are well formed, but of nothing that there is.
fn calls() -> Vec<Value> {
    let id = json!({ "value": "a" });
    let resources = json!([
        { "name": "cpus", "type": "SCALAR", "scalar": { "value": 1.0 } },
        { "name": "ports", "type": "RANGES", "ranges": { "range": [{ "begin": 1, "end": 2 }] } },
    ]);
    let executor = json!({
        "type": "CUSTOM", "executor_id": id, "command": { "value": "true" },
        "resources": resources,
    });
    let task = json!({
        "name": "a", "task_id": id, "agent_id": id, "resources": resources, "executor": executor,
    });
    let group = json!({ "executor": executor, "task_group": { "tasks": [task] } });
    let operations = json!([
        { "type": "LAUNCH", "launch": { "task_infos": [task] } },
        { "type": "LAUNCH_GROUP", "launch_group": group },
        { "type": "RESERVE", "reserve": { "resources": resources } },
        { "type": "CREATE", "create": { "volumes": resources } },
    ]);
    let info = json!({ "user": "nobody", "name": "it", "roles": ["it"] });
    let uuid = "AAAAAAAAQAAAAAAAAAAAAA==";
    let filters = json!({ "refuse_seconds": 1.0 });
    let status = json!({ "task_id": id, "agent_id": id });
    let body = |r#type: &str, body: Value| json!({ "type": r#type, r#type.to_lowercase(): body });
    let accept = json!({ "offer_ids": [id], "operations": operations, "filters": filters });
    let acknowledge = json!({ "agent_id": id, "task_id": id, "uuid": uuid });
    let message = json!({ "agent_id": id, "executor_id": id, "data": "AAAA" });
    vec![
        body("SUBSCRIBE", json!({ "framework_info": info })),
        body("ACCEPT", accept),
        body("DECLINE", json!({ "offer_ids": [id], "filters": filters })),
        body("REVIVE", json!({ "roles": ["it"] })),
        body("SUPPRESS", json!({ "roles": ["it"] })),
        body("KILL", status.clone()),
        body("SHUTDOWN", json!({ "executor_id": id, "agent_id": id })),
        body("ACKNOWLEDGE", acknowledge),
        body("RECONCILE", json!({ "tasks": [status] })),
        body("MESSAGE", message),
        body(
            "REQUEST",
            json!({ "requests": [{ "resources": resources }] }),
        ),
        body("UPDATE_FRAMEWORK", json!({ "framework_info": info })),
        body("RECONCILE_OPERATIONS", json!({ "operations": [] })),
    ]
}

/// Puts something else in place of one value somewhere in a call.
fn spoil(rng: &mut fastrand::Rng, value: &mut Value) {
    let deeper = rng.u32(0..5) > 0;
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let index = rng.usize(0..members.len());
            if let Some(member) = members.values_mut().nth(index) {
                spoil(rng, member);
            }
        }
        Value::Array(elements) if deeper && !elements.is_empty() => {
            let index = rng.usize(0..elements.len());
            spoil(rng, &mut elements[index]);
        }
        _ => {
            let other = VALUES[rng.usize(0..VALUES.len())];
            *value = serde_json::from_str(other).unwrap_or_else(|_| Value::from("\u{fffd}"));
        }
    }
}

#[tokio::test]
async fn spoilt_and_cut_json_of_a_framework_is_refused_or_comes_to_nothing() {
    let sturdy = Sturdy::start().await;
    let mut random = Random::new(14, &[]);
    let mut tally = Tally::default();
    for call in calls() {
        let framework = Subscribed::to(sturdy.master()).await;
        let mut connection = testkit::http::Connection::open(sturdy.master()).await;
        let headers = [
            ("Content-Type", JSON),
            // So that no SUBSCRIBE becomes a stream.
            ("Accept", "text/html"),
            ("Mesos-Stream-Id", &*framework.stream_id),
        ];
        for _ in 0..2 * EACH {
            let mut call = call.clone();
            call["framework_id"] = json!({ "value": framework.framework_id });
            for _ in 0..random.rng.usize(0..3) {
                spoil(&mut random.rng, &mut call);
            }
            let mut text = call.to_string();
            if random.rng.u32(0..8) == 0 {
                text.truncate(random.rng.usize(0..text.len()));
            }
            connection.post("/api/v1/scheduler", &headers, &text).await;
            let head = connection.head().await;
            connection.body(&head).await;
            tally.count(Outcome::Answered(head.status), text.as_bytes());
        }
        sturdy.check().await;
    }
    tally.check();
    sturdy.stop().await;
}

impl Subscribed {
    /// An agent of the next offers, and an offer.
    async fn offer(&mut self) -> (String, String) {
        self.offer_of(|_| true).await
    }

    /// The same, of an agent at one of these ports.
    async fn offer_of(&mut self, is_wanted: impl Fn(u16) -> bool) -> (String, String) {
        loop {
            let event = self.stream.record().await.expect("the stream goes on");
            let offers = event["offers"]["offers"].as_array();
            let wanted = offers.into_iter().flatten().find(|offer| {
                let port = offer["url"]["address"]["port"].as_u64();
                port.is_some_and(|port| is_wanted(port.try_into().expect("a port")))
            });
            if let Some(offer) = wanted {
                let id = |field: &str| offer[field]["value"].as_str().expect("an id").to_owned();
                return (id("agent_id"), id("id"));
            }
        }
    }

    /// Ends the framework and all that it has, as an operator would.
    async fn teardown(self, master: SocketAddr) {
        let id = self.framework_id;
        let call = json!({ "type": "TEARDOWN", "teardown": { "framework_id": { "value": id } } });
        let outcome = exchange(master, &post("/api/v1", JSON, call.to_string())).await;
        // It may have done so itself, by what it happened to say.
        let is_gone = matches!(outcome, Outcome::Answered(200 | 400));
        assert!(is_gone, "{outcome:?}");
    }
}
