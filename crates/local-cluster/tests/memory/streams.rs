//! Clients that ask, or listen, and do not read.

use std::io::ErrorKind;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use testkit::http::Connection;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::meter::{MIB, Metered, TIMEOUT, connect};

/// So many clients that do not read answers.
const DEAF: usize = 16;

/// What an answer and the requests behind it may take in one connection.
const DEAF_BYTES_MAX: usize = 512 << 10;

/// Writes until the server takes no more.
async fn fill(stream: &TcpStream, bytes: &[u8]) {
    let mut at = 0;
    let mut full = 0;
    while full < 5 {
        match stream.try_write(&bytes[at..]) {
            Ok(written) => {
                at = (at + written) % bytes.len();
                full = 0;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                full += 1;
                let _ = timeout(Duration::from_millis(20), stream.writable()).await;
            }
            Err(error) => panic!("the server has closed it: {error}"),
        }
    }
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_piled_up() {
    let metered = Metered::start().await;
    let mut deaf = Vec::new();
    for number in 0..DEAF {
        let stream = connect([metered.master(), metered.agent()][number % 2]).await;
        fill(&stream, b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n").await;
        deaf.push(stream);
    }
    metered.check(DEAF * DEAF_BYTES_MAX + MIB).await;
    drop(deaf);
    metered.stop(4 * MIB).await;
}

/// Reads records of its executor's stream as slowly as it can: not at all.
struct Deaf {
    framework_id: Value,
    agent_id: Value,
    stream_id: String,
    /// Nothing is expected from it any more, but without it there is no framework.
    _stream: Connection,
    calls: Connection,
}

const JSON_HEADERS: [(&str, &str); 2] = [
    ("Content-Type", "application/json"),
    ("Accept", "application/json"),
];

impl Deaf {
    /// A framework that has an executor that does not subscribe by itself.
    async fn start(metered: &Metered) -> Self {
        let mut stream = Connection::open(metered.master()).await;
        let subscribe = json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": {
            "user": "nobody", "name": "deaf", "roles": ["deaf"],
            "capabilities": [{ "type": "MULTI_ROLE" }],
        }}});
        let path = "/api/v1/scheduler";
        stream
            .post(path, &JSON_HEADERS, &subscribe.to_string())
            .await;
        let head = stream.head().await;
        let stream_id = head
            .header("Mesos-Stream-Id")
            .expect("a stream id")
            .to_owned();
        let subscribed = stream.record().await.expect("SUBSCRIBED");
        let offer = loop {
            let event = stream.record().await.expect("the stream goes on");
            if event["type"] == "OFFERS" {
                break event["offers"]["offers"][0].clone();
            }
        };
        let mut this = Self {
            framework_id: subscribed["subscribed"]["framework_id"].clone(),
            agent_id: offer["agent_id"].clone(),
            stream_id,
            _stream: stream,
            calls: Connection::open(metered.master()).await,
        };
        let resources = json!([{ "name": "cpus", "type": "SCALAR", "scalar": { "value": 0.5 } }]);
        let task = json!({
            "name": "a", "task_id": { "value": "a" }, "agent_id": this.agent_id,
            "resources": resources,
            "executor": {
                "type": "CUSTOM", "executor_id": { "value": "ex" }, "resources": resources,
                "command": { "value": "exec sleep 1000" },
            },
        });
        let launch = json!({ "type": "LAUNCH", "launch": { "task_infos": [task] } });
        let accept = json!({ "offer_ids": [offer["id"]], "operations": [launch] });
        this.call("ACCEPT", accept).await;
        this
    }

    async fn call(&mut self, call_type: &str, body: Value) {
        let call = json!({
            "framework_id": self.framework_id, "type": call_type,
            call_type.to_lowercase(): body,
        });
        let stream_id = [("Mesos-Stream-Id", &*self.stream_id)];
        let headers = [&JSON_HEADERS[..], &stream_id].concat();
        let path = "/api/v1/scheduler";
        self.calls.post(path, &headers, &call.to_string()).await;
        let head = self.calls.head().await;
        let text = self.calls.body(&head).await;
        assert_eq!(head.status, 202, "{text}");
    }

    /// Subscribes in the executor's place, as soon as there is one.
    async fn subscribe_executor(&self, agent: std::net::SocketAddr) -> Connection {
        let call = json!({
            "type": "SUBSCRIBE", "subscribe": {}, "framework_id": self.framework_id,
            "executor_id": { "value": "ex" },
        });
        let subscribed = timeout(TIMEOUT, async {
            loop {
                let mut stream = Connection::open(agent).await;
                let text = call.to_string();
                stream.post("/api/v1/executor", &JSON_HEADERS, &text).await;
                match stream.head().await.status {
                    200 => return stream,
                    // The agent has not heard of it yet.
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        });
        subscribed.await.expect("there is an executor in time")
    }
}

#[tokio::test]
async fn an_executor_that_does_not_read_is_cut_before_it_takes_too_much() {
    let metered = Metered::start().await;
    let mut deaf = Deaf::start(&metered).await;
    let mut executor = deaf.subscribe_executor(metered.agent()).await;
    let data = BASE64_STANDARD.encode(vec![b'x'; 3 * MIB / 4]);
    let message = json!({
        "agent_id": deaf.agent_id, "executor_id": { "value": "ex" }, "data": data,
    });
    // The kernel holds some of it for the reader.
    for _ in 0..300 {
        deaf.call("MESSAGE", message.clone()).await;
    }
    metered.check(300 * MIB).await;
    let cut = timeout(TIMEOUT, async { while executor.chunk().await.is_some() {} });
    cut.await.expect("the stream is cut");
    drop(message);
    drop(data);
    drop((executor, deaf));
    metered.stop(8 * MIB).await;
}
