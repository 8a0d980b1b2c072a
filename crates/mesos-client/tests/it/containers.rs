//! Containers: what is written to them, what they write, and their end.

use std::time::Duration;

use mesos::recordio::Decoder;
use mesos::v1;
use mesos_client::{
    AgentOperator, DisconnectReason, Encoding, InputClosed, OperatorConfig, OperatorError,
};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use v1::agent::ProcessIo;
use v1::agent::process_io::{self, data};

use crate::fake::{Fake, Request, Stream, soon};

const PROTOBUF: &str = "application/x-protobuf";
const RECORDIO: &str = "application/recordio";

fn agent(address: &str, encoding: Encoding) -> AgentOperator {
    let config = OperatorConfig {
        encoding,
        // A call of this kind has no time limit; one that had this would not even be sent.
        call_timeout: Duration::ZERO,
        ..OperatorConfig::default()
    };
    AgentOperator::new(address, config).unwrap()
}

fn container(value: &str) -> v1::ContainerId {
    v1::ContainerId {
        value: value.to_owned(),
        parent: None,
    }
}

/// The records of a body.
fn records(body: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::default();
    decoder.push(body);
    let records = std::iter::from_fn(|| decoder.next().unwrap());
    records.map(|record| record.to_vec()).collect()
}

fn stdout(text: &str) -> ProcessIo {
    ProcessIo {
        r#type: Some(process_io::Type::Data.into()),
        data: Some(process_io::Data {
            r#type: Some(data::Type::Stdout.into()),
            data: Some(text.to_owned().into()),
        }),
        control: None,
    }
}

#[tokio::test]
async fn input_is_records_of_which_the_first_names_the_container() {
    let mut fake = Fake::start().await;
    let input = agent(&fake.address, Encoding::Json).attach_container_input(container("c"));
    input.write("hello").await.unwrap();
    input.write("").await.unwrap();
    input.resize(24, 80).await.unwrap();
    input.close_stdin().await.unwrap();
    let (outcome, ()) = tokio::join!(input.finish(), async {
        let request = fake.next().await;
        assert_eq!(request.uri.path(), "/api/v1");
        assert_eq!(request.header("content-type"), Some(RECORDIO));
        let form = request.header("message-content-type");
        assert_eq!(form, Some("application/json"));
        let records = records(&request.body);
        let read = |record: &Vec<u8>| serde_json::from_slice::<Value>(record).unwrap();
        let bodies: Vec<Value> = records
            .iter()
            .map(|record| {
                assert_eq!(read(record)["type"], "ATTACH_CONTAINER_INPUT");
                read(record)["attach_container_input"].clone()
            })
            .collect();
        let stdin = |data| json!({ "type": "DATA", "data": { "type": "STDIN", "data": data } });
        let window = json!({ "window_size": { "rows": 24, "columns": 80 } });
        let window = json!({ "type": "TTY_INFO", "tty_info": window });
        assert_eq!(
            bodies,
            [
                json!({ "type": "CONTAINER_ID", "container_id": { "value": "c" } }),
                json!({ "type": "PROCESS_IO", "process_io": stdin("aGVsbG8=") }),
                json!({
                    "type": "PROCESS_IO",
                    "process_io": { "type": "CONTROL", "control": window },
                }),
                json!({ "type": "PROCESS_IO", "process_io": stdin("") }),
            ]
        );
        request.answer(200, "");
    });
    assert_eq!(outcome, Ok(()));
}

#[tokio::test]
async fn input_that_is_refused_before_its_end_says_why() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let input = agent(&address, Encoding::Protobuf).attach_container_input(container("c"));
    let (mut stream, _) = soon(listener.accept()).await.unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        BufReader::with_capacity(1, &mut stream)
            .read_line(&mut head)
            .await
            .unwrap();
    }
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nno such";
    stream.write_all(answer.as_bytes()).await.unwrap();
    let refused = soon(async {
        loop {
            if let Err(closed) = input.write("x").await {
                return closed;
            }
        }
    });
    assert_eq!(refused.await, InputClosed);
    let expected = OperatorError::Rejected {
        status: 404,
        text: "no such".to_owned(),
    };
    assert_eq!(soon(input.finish()).await, Err(expected));
}

/// Answers with records, as Mesos labels them.
fn answer(request: Request, kind: v1::agent::call::Type) -> Stream {
    assert_eq!(request.header("content-type"), Some(PROTOBUF));
    assert_eq!(request.header("accept"), Some(RECORDIO));
    assert_eq!(request.header("message-accept"), Some(PROTOBUF));
    let call = v1::agent::Call::decode(request.body.clone()).unwrap();
    assert_eq!(call.r#type(), kind);
    request.stream_with(&[
        ("content-type", RECORDIO),
        ("message-content-type", PROTOBUF),
    ])
}

#[tokio::test]
async fn output_is_told_piece_by_piece_up_to_the_end_of_the_container() {
    let mut fake = Fake::start().await;
    let agent = agent(&fake.address, Encoding::Protobuf);
    let (output, stream) = tokio::join!(agent.attach_container_output(container("c")), async {
        answer(
            fake.next().await,
            v1::agent::call::Type::AttachContainerOutput,
        )
    });
    let mut output = output.unwrap();
    stream.event(&stdout("hello")).await;
    assert_eq!(soon(output.next()).await, Ok(stdout("hello")));
    drop(stream);
    assert_eq!(soon(output.next()).await, Err(DisconnectReason::Closed));

    let launch = v1::agent::call::LaunchNestedContainerSession {
        container_id: container("c"),
        command: None,
        container: None,
    };
    let (output, stream) = tokio::join!(agent.launch_nested_container_session(launch), async {
        answer(
            fake.next().await,
            v1::agent::call::Type::LaunchNestedContainerSession,
        )
    });
    stream.event(&stdout("there")).await;
    assert_eq!(soon(output.unwrap().next()).await, Ok(stdout("there")));
}

#[tokio::test]
async fn the_end_of_a_container_is_waited_for_without_a_limit() {
    let mut fake = Fake::start().await;
    let agent = agent(&fake.address, Encoding::Json);
    let (ended, ()) = tokio::join!(agent.wait_container(container("c")), async {
        let request = fake.next().await;
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let expected = json!({ "container_id": { "value": "c" } });
        assert_eq!(body["wait_container"], expected);
        let text = br#"{"type":"WAIT_CONTAINER","wait_container":{"exit_status":256}}"#;
        request.answer_with(200, "application/json", text.to_vec());
    });
    assert_eq!(ended.unwrap().exit_status, Some(256));
}
