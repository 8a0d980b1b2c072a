//! What comes first, when an executor says its last word and ends.

use mesos::v1::{TaskState, TaskStatus};
use mesos::{AgentId, ContainerId, TaskId};

use super::fixture::run_tasks;
use crate::agent::*;
use crate::codec::Encoding;
use crate::core::agent::{Body, Call, Input, RequestId};
use crate::core::wire::{ToAgent, ToMaster};
use crate::http::agent::HttpCall;
use crate::queue;

/// A machine with the running task t1, and the container of its executor.
fn machine_with_a_task() -> (Agent, ContainerId) {
    let now = Instant::now();
    let mut machine = Agent::new(Config {
        info: v1::AgentInfo::default(),
        ip: Ipv4Addr::LOCALHOST,
        work_dir: "/work".into(),
        registration_timeout: Duration::from_mins(1),
        reregistration_timeout: Duration::from_secs(2),
        shutdown_grace: Duration::from_secs(5),
        ping_timeout: Duration::from_secs(75),
        seed: 7,
        started: now,
        started_unix: Duration::ZERO,
    });
    let agent_id = AgentId::from("m-S0");
    for message in [
        ToAgent::Registered { agent_id },
        run_tasks("t1", "true", true),
    ] {
        machine.handle(now, Input::Master(Box::new(message)));
    }
    let launched = std::iter::from_fn(|| machine.poll_output()).find_map(|output| match output {
        Output::Launch(launch) => Some(launch.container_id),
        _ => None,
    });
    let container_id = launched.unwrap();
    let started = Input::Started {
        container_id: container_id.clone(),
        pid: 77,
    };
    machine.handle(now, started);
    let subscribe = Input::Call {
        principal: None,
        request: RequestId(0),
        call: call_of(Body::Subscribe {
            unacknowledged_tasks: Vec::new(),
            unacknowledged_updates: Vec::new(),
        }),
    };
    machine.handle(now, subscribe);
    while machine.poll_output().is_some() {}
    (machine, container_id)
}

fn call_of(body: Body) -> Call {
    Call {
        framework_id: "f".into(),
        executor_id: "ex".into(),
        body,
    }
}

#[tokio::test]
async fn the_last_update_of_an_executor_comes_before_its_end() {
    // By chance alone it would not, every time.
    for _ in 0..16 {
        let (machine, container_id) = machine_with_a_task();
        let (to_master, mut from_agent) = queue::queue();
        let (_to_agent, from_master) = queue::queue();
        let (events, container_events) = mpsc::unbounded_channel();
        let (calls_to, calls) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let settings = Settings {
            executor_key: None,
            domain_socket: None,
            environment: BTreeMap::new(),
            cache: fetcher::Cache::new(std::env::temp_dir()),
            endpoint: (Ipv4Addr::LOCALHOST, 1).into(),
            work_dir: PathBuf::from("/"),
            subscription_backoff_max: Duration::from_secs(2),
            recovery_timeout: Duration::from_mins(15),
            runtime: Handle::current(),
        };
        let driver = Driver {
            guard: Guard::of_agent(None),
            domain_socket_path: None,
            frozen: watch::Sender::new(false),
            machine,
            index: AgentIndex(0),
            to_master,
            containerizer: Containerizer::new(settings, events.clone()),
            simulated: None,
            files: Files::none(),
            replies: BTreeMap::new(),
            streams: BTreeMap::new(),
            backlog: Backlog::new(),
            last_request: 0,
        };
        let finished = TaskStatus {
            task_id: TaskId::from("t1").into(),
            state: TaskState::TaskFinished.into(),
            source: Some(v1::task_status::Source::Executor.into()),
            uuid: Some(vec![7; 16].into()),
            ..TaskStatus::default()
        };
        let call = HttpCall {
            principal: None,
            call: call_of(Body::Update(Box::new(finished))),
            encoding: Encoding::Json,
            reply: oneshot::channel().0,
        };
        calls_to.try_send(call).unwrap();
        let status = 0;
        let exited = ContainerEvent::Exited {
            container_id,
            status,
        };
        events.send(exited).unwrap();
        let sources = Sources {
            links: mpsc::unbounded_channel().1,
            from_master,
            calls,
            operators: mpsc::channel(1).1,
            container_events,
            commands: mpsc::unbounded_channel().1,
            stopped,
        };
        let running = tokio::spawn(driver.run(sources));
        match from_agent.recv().await.unwrap().1 {
            ToMaster::StatusUpdate { status, .. } => {
                assert_eq!(status.state(), TaskState::TaskFinished);
            }
            other => panic!("expected an update, found {other:?}"),
        }
        drop(stop);
        running.await.unwrap();
    }
}
