//! What operators are answered, beside what a real master answered in the same situation.

use mesos::v1::master::{Response, response};
use serde_json::{Value, json};

use super::*;
use crate::recordings::{Exchange, Mapping, ask, body, compare, compare_heads, exchanges, text};

/// The agent of the recordings.
const RESOURCES: &str = "cpus:4;mem:4096;disk:8192;ports:[31000-31099]";

/// A master in the situation of the recordings: one agent, one framework with an executor and the
/// tasks that the recorded answer to GET_TASKS knows of.
struct Situation {
    fixture: Fixture,
    mapping: Mapping,
    stream: Connection,
    stream_id: String,
    framework_id: String,
}

impl Situation {
    /// `recorded` is GET_STATE of the recording.
    async fn new(recorded: &Response, attributes: &str) -> Self {
        let fixture = Fixture::start_agent(v1::AgentInfo {
            attributes: mesos::attributes::parse(attributes).expect("attributes"),
            ..agent(RESOURCES)
        })
        .await;
        let framework = recorded_framework(recorded);
        let id = framework.id.clone().unwrap_or_default().value;
        let mapping = mapping(&fixture, &id).await;
        let framework = v1::FrameworkInfo {
            id: None,
            ..framework
        };
        let (stream, stream_id, framework_id) = subscribe_as(&fixture, &framework).await;
        Self {
            fixture,
            mapping,
            stream,
            stream_id,
            framework_id,
        }
    }

    async fn call(&self, mut call: Value) -> u16 {
        call["framework_id"] = json!({ "value": self.framework_id });
        let mut calls = Connection::open(self.fixture.address).await;
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", &*self.stream_id),
        ];
        calls
            .post("/api/v1/scheduler", &headers, &call.to_string())
            .await;
        calls.head().await.status
    }

    /// The next event of this type that the framework gets.
    async fn event(&mut self, event_type: &str) -> Value {
        loop {
            let event = self.stream.record().await.expect("the stream goes on");
            if event["type"] == event_type {
                return event;
            }
        }
    }

    /// Launches tasks as they were recorded, all on one executor, and takes the rest of the offer.
    async fn launch(&mut self, tasks: &[v1::Task], executor: &v1::ExecutorInfo) {
        let offer = self.event("OFFERS").await["offers"]["offers"][0].clone();
        let json = |message: Vec<u8>| serde_json::from_slice::<Value>(&message).expect("JSON");
        let executor = codec::encode(Encoding::Json, executor);
        let mut executor = json(executor.to_vec());
        executor.as_object_mut().unwrap().remove("framework_id");
        let tasks: Vec<_> = tasks
            .iter()
            .map(|task| {
                let resources = task.resources.iter();
                let resources: Vec<_> = resources
                    .map(|it| json(codec::encode(Encoding::Json, it).to_vec()))
                    .collect();
                json!({
                    "name": task.name, "task_id": { "value": task.task_id.value },
                    "agent_id": offer["agent_id"], "resources": resources, "executor": executor,
                })
            })
            .collect();
        let accept = json!({
            "type": "ACCEPT",
            "accept": {
                "offer_ids": [offer["id"]],
                "operations": [{ "type": "LAUNCH", "launch": { "task_infos": tasks } }],
                "filters": { "refuse_seconds": 0 },
            },
        });
        assert_eq!(self.call(accept).await, 202);
        // The rest of the agent is offered, and after that nothing more.
        self.event("OFFERS").await;
        assert_eq!(self.call(json!({ "type": "SUPPRESS" })).await, 202);
    }

    /// Lets an executor say what was recorded of a task, and waits until the framework hears it.
    async fn update(&mut self, task: &v1::Task) {
        let status = task.statuses.last().expect("one that was heard").clone();
        self.fixture.say(ToMaster::StatusUpdate {
            framework_id: self.framework_id.as_str().into(),
            latest_state: status.state(),
            status,
        });
        self.event("UPDATE").await;
    }

    async fn acknowledge(&self, task: &v1::Task) {
        let status = task.statuses.last().expect("one that was heard");
        let uuid = status.uuid.clone().unwrap_or_default();
        let acknowledge = json!({
            "type": "ACKNOWLEDGE",
            "acknowledge": {
                "agent_id": { "value": task.agent_id.value },
                "task_id": { "value": task.task_id.value },
                "uuid": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, uuid),
            },
        });
        assert_eq!(self.call(acknowledge).await, 202);
    }
}

/// Asks a master what was recorded, and compares.
async fn ask_and_compare(fixture: &Fixture, exchange: &Exchange, mapping: &Mapping) {
    let (head, ours) = ask(fixture.address, exchange, mapping).await;
    compare_heads(exchange, &head);
    let recorded = body(&exchange.answer);
    let (recorded, ours) = match head.header("Content-Type") {
        Some("application/x-protobuf") => (json_of(recorded), json_of(ours)),
        _ if head.header("Content-Encoding").is_some() => (unzip(&recorded), unzip(&ours)),
        _ => (text_of(recorded), text_of(ours)),
    };
    if ours.starts_with('{') {
        compare(&exchange.case, &recorded, &ours, mapping);
    } else {
        assert_eq!(ours, mapping.ours(&recorded), "{}", exchange.case);
    }
}

/// Maps the id and the port of the recorded master.
async fn mapping(fixture: &Fixture, framework_id: &str) -> Mapping {
    let master = query(fixture, "GET_MASTER").await;
    let id = text(&master["get_master"]["master_info"], "id").to_owned();
    let port = fixture.address.port();
    Mapping(vec![
        (framework_id[..id.len()].to_owned(), id),
        ("\"port\":5050".to_owned(), format!("\"port\":{port}")),
        (":5050\"".to_owned(), format!(":{port}\"")),
    ])
}

async fn subscribe_as(
    fixture: &Fixture,
    framework: &v1::FrameworkInfo,
) -> (Connection, String, String) {
    let call = v1::scheduler::Call {
        r#type: Some(v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(v1::scheduler::call::Subscribe {
            framework_info: framework.clone(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let body = text_of(codec::encode(Encoding::Json, &call).to_vec());
    let mut connection = Connection::open(fixture.address).await;
    let headers = [("Content-Type", "application/json")];
    connection.post("/api/v1/scheduler", &headers, &body).await;
    let head = connection.head().await;
    let stream_id = head.header("Mesos-Stream-Id").expect("a stream id");
    let subscribed = connection.record().await.expect("a record");
    let id = text(&subscribed["subscribed"]["framework_id"], "value");
    (connection, stream_id.to_owned(), id.to_owned())
}

/// Asks the master a question without a body.
async fn query(fixture: &Fixture, query: &str) -> Value {
    let mut connection = Connection::open(fixture.address).await;
    let headers = [("Content-Type", "application/json")];
    let body = format!(r#"{{"type":"{query}"}}"#);
    connection.post("/api/v1", &headers, &body).await;
    let head = connection.head().await;
    serde_json::from_str(&connection.body(&head).await).expect("JSON")
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// An answer in protobuf, as JSON.
fn json_of(bytes: Vec<u8>) -> String {
    let decoded: Response = codec::decode(Encoding::Protobuf, bytes.into()).expect("an answer");
    text_of(codec::encode(Encoding::Json, &decoded).to_vec())
}

fn unzip(bytes: &[u8]) -> String {
    use std::io::Read as _;
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

/// The last recorded answer of this type.
fn recorded(exchanges: &[Exchange], wanted: response::Type) -> Response {
    let answers = exchanges.iter().rev().filter(|it| it.connection == "op");
    let mut answers = answers.filter_map(|exchange| {
        let answer = &exchange.answer;
        let encoding = match answer["body_b64"] {
            Value::Null => Encoding::Json,
            _ => Encoding::Protobuf,
        };
        codec::decode::<Response>(encoding, body(answer).into()).ok()
    });
    answers
        .find(|answer| answer.r#type == Some(wanted.into()))
        .expect("it was recorded")
}

/// The framework that was there.
fn recorded_framework(state: &Response) -> v1::FrameworkInfo {
    let state = state.get_state.clone().unwrap_or_default();
    let frameworks = state.get_frameworks.unwrap_or_default();
    frameworks.frameworks[0].framework_info.clone()
}

/// Compares the answers of a recording of all queries, those of the master.
async fn check_queries(name: &str, answers_min: usize) {
    let Some(exchanges) = exchanges(name) else {
        return;
    };
    let of_master = exchanges.iter().filter(|it| it.connection == "op");
    let is_empty = |exchange: &&Exchange| exchange.case.starts_with("no agent");
    let mut compared = 0;
    let state = recorded(&exchanges, response::Type::GetState);
    let id = recorded_framework(&state).id.unwrap_or_default().value;
    let fresh = Fixture::without_agent().await;
    let fresh_mapping = mapping(&fresh, &id).await;
    for exchange in of_master.clone().filter(is_empty) {
        ask_and_compare(&fresh, exchange, &fresh_mapping).await;
        compared += 1;
    }
    // With tasks: one that runs, one whose end is not acknowledged, one that is done with.
    let mut situation = Situation::new(&state, "rack:r1;slots:7").await;
    let state = text_of(codec::encode(Encoding::Json, &state).to_vec());
    let state = situation.mapping.ours(&state);
    let state: Response = codec::decode(Encoding::Json, state.into()).expect("an answer");
    let state = state.get_state.expect("a state");
    let tasks = state.get_tasks.expect("tasks");
    let executor = &state.get_executors.expect("executors").executors[0];
    let all = [&tasks.tasks[..], &tasks.completed_tasks].concat();
    situation.launch(&all, &executor.executor_info).await;
    for task in &all {
        situation.update(task).await;
    }
    for task in &tasks.completed_tasks {
        situation.acknowledge(task).await;
    }
    for exchange in of_master.filter(|exchange| !is_empty(exchange)) {
        ask_and_compare(&situation.fixture, exchange, &situation.mapping).await;
        compared += 1;
    }
    assert!(compared >= answers_min, "{compared} answers compared");
}

#[tokio::test]
async fn queries_in_json_are_answered_as_by_a_real_master() {
    check_queries("01a-operator-queries-json.jsonl", 34).await;
}

#[tokio::test]
async fn queries_in_protobuf_are_answered_as_by_a_real_master() {
    check_queries("01b-operator-queries-protobuf.jsonl", 12).await;
}

#[tokio::test]
async fn bad_calls_are_answered_as_by_a_real_master() {
    let Some(exchanges) = exchanges("06c-bad-calls-operator.jsonl") else {
        return;
    };
    let fixture = Fixture::without_agent().await;
    let of_master = exchanges.iter().filter(|it| it.connection != "op-agent");
    for exchange in of_master.clone() {
        ask_and_compare(&fixture, exchange, &Mapping::default()).await;
    }
    assert!(of_master.count() >= 19);
}

#[tokio::test]
async fn a_master_shows_no_files() {
    let Some(exchanges) = exchanges("17-files.jsonl") else {
        return;
    };
    let fixture = Fixture::without_agent().await;
    let of_master = exchanges.iter().filter(|it| it.connection == "op-master");
    for exchange in of_master.clone() {
        ask_and_compare(&fixture, exchange, &Mapping::default()).await;
    }
    assert!(of_master.count() >= 5);
}
