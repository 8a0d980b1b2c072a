//! A framework that does nothing but send one message and wait for its answer: what a framework
//! message costs there and back, with the clients that `mesosgot` uses too.

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mesos::v1;
use mesos::v1::framework_info::{Capability, capability};
use mesos_client::{
    ExecutorClient, ExecutorConfig, ExecutorHandle, ExecutorNotice, SchedulerClient,
    SchedulerConfig, SchedulerHandle, SchedulerNotice, Unacknowledged,
};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use v1::executor::event::Type as ExecutorEvent;
use v1::scheduler::call::Type as CallType;
use v1::scheduler::event::Type as SchedulerEvent;

/// How many round trips are timed, and how many come before.
const ROUND_TRIPS: usize = 3000;
const WARM_UP: usize = 200;

/// The name of the task and of its executor.
const NAME: &str = "bare";

/// Sends messages there and back, one after the other; the median time until the answer. All runs
/// as with `mesosgot`: scheduler, executor and cluster are a process each.
pub(crate) fn round_trip_us(master: SocketAddr, bytes: u64) -> f64 {
    let output = Command::new(this_program())
        .args([
            super::BARE_SCHEDULER,
            &master.to_string(),
            &bytes.to_string(),
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("this program can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let time = text.trim().parse();
    time.unwrap_or_else(|_| panic!("the bare scheduler failed: {text}"))
}

/// Runs as the scheduler: with the address of the master and the bytes of a message.
pub(crate) fn scheduler(args: &[String]) -> ExitCode {
    let [master, bytes] = args else {
        return ExitCode::from(2);
    };
    let master = master.parse().expect("it is an address");
    let bytes = bytes.parse().expect("it is a number");
    super::println(&run(measure(master, bytes)).to_string());
    ExitCode::SUCCESS
}

/// Runs on a thread of the runtime's own, as `mesosgot` does.
fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = Runtime::new().expect("a runtime can be made");
    let done = runtime.block_on(runtime.spawn(work));
    runtime.shutdown_timeout(Duration::ZERO);
    done.expect("it does not panic")
}

fn this_program() -> PathBuf {
    env::current_exe().expect("this program has a path")
}

async fn measure(master: SocketAddr, bytes: usize) -> f64 {
    let mut scheduler = Scheduler::start(master);
    let agent = scheduler.launch().await;
    let data = vec![7; bytes];
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for number in 0..WARM_UP + ROUND_TRIPS {
        let start = Instant::now();
        let message = v1::scheduler::call::Message {
            agent_id: agent.clone(),
            executor_id: executor_id(),
            data: data.clone().into(),
        };
        let call = v1::scheduler::Call {
            message: Some(message),
            ..of_type(CallType::Message)
        };
        scheduler.call(call).await;
        scheduler.event(SchedulerEvent::Message).await;
        if number >= WARM_UP {
            times.push(start.elapsed());
        }
    }
    scheduler.call(of_type(CallType::Teardown)).await;
    super::median_us(&mut times)
}

struct Scheduler {
    handle: SchedulerHandle,
    notices: mpsc::Receiver<SchedulerNotice>,
}

impl Scheduler {
    fn start(master: SocketAddr) -> Self {
        use capability::Type;
        let capabilities = [
            Type::MultiRole,
            Type::ReservationRefinement,
            Type::PartitionAware,
        ];
        let info = v1::FrameworkInfo {
            user: "nobody".to_owned(),
            name: NAME.to_owned(),
            roles: vec!["*".to_owned()],
            capabilities: capabilities
                .map(|kind| Capability {
                    r#type: Some(kind.into()),
                })
                .to_vec(),
            ..v1::FrameworkInfo::default()
        };
        let masters = master.to_string().parse().expect("it is an address");
        let config = SchedulerConfig::new(masters, info);
        let (handle, notices) = SchedulerClient::start(config).expect("a client can be made");
        Self { handle, notices }
    }

    /// Launches the executor on the first offer; its agent, when its task runs.
    async fn launch(&mut self) -> v1::AgentId {
        let offers = self.event(SchedulerEvent::Offers).await.offers;
        let offer = offers.and_then(|offers| offers.offers.into_iter().next());
        let offer = offer.expect("there is an offer");
        let agent = offer.agent_id.clone();
        let launch = v1::offer::operation::Launch {
            task_infos: vec![task(agent.clone())],
        };
        let operation = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch.into()),
            launch: Some(launch),
            ..v1::offer::Operation::default()
        };
        let accept = v1::scheduler::call::Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            ..v1::scheduler::call::Accept::default()
        };
        let call = v1::scheduler::Call {
            accept: Some(accept),
            ..of_type(CallType::Accept)
        };
        self.call(call).await;
        let update = self.event(SchedulerEvent::Update).await.update;
        let status = update.expect("an update has a body").status;
        assert_eq!(status.state(), v1::TaskState::TaskRunning, "{status:?}");
        let acknowledge = v1::scheduler::call::Acknowledge {
            agent_id: agent.clone(),
            task_id: status.task_id,
            uuid: status.uuid.unwrap_or_default(),
        };
        let call = v1::scheduler::Call {
            acknowledge: Some(acknowledge),
            ..of_type(CallType::Acknowledge)
        };
        self.call(call).await;
        agent
    }

    async fn call(&self, call: v1::scheduler::Call) {
        self.handle.call(call).await.expect("the master takes it");
    }

    /// The next event of this type; others are passed over.
    async fn event(&mut self, wanted: SchedulerEvent) -> v1::scheduler::Event {
        loop {
            match self.notices.recv().await.expect("the client lives") {
                SchedulerNotice::Event(event) if event.r#type() == wanted => return event,
                SchedulerNotice::Event(_) | SchedulerNotice::Subscribed { .. } => {}
                other => panic!("no trouble is expected: {other:?}"),
            }
        }
    }
}

fn of_type(kind: CallType) -> v1::scheduler::Call {
    v1::scheduler::Call {
        r#type: Some(kind.into()),
        ..v1::scheduler::Call::default()
    }
}

fn executor_id() -> v1::ExecutorId {
    v1::ExecutorId {
        value: NAME.to_owned(),
    }
}

fn task(agent_id: v1::AgentId) -> v1::TaskInfo {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar.into(),
        scalar: Some(v1::value::Scalar { value }),
        allocation_info: Some(v1::resource::AllocationInfo {
            role: Some("*".to_owned()),
        }),
        ..v1::Resource::default()
    };
    let program = this_program().display().to_string();
    let command = v1::CommandInfo {
        shell: Some(false),
        arguments: vec![program.clone(), super::BARE_EXECUTOR.to_owned()],
        value: Some(program),
        ..v1::CommandInfo::default()
    };
    v1::TaskInfo {
        name: NAME.to_owned(),
        task_id: v1::TaskId {
            value: NAME.to_owned(),
        },
        agent_id,
        resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
        executor: Some(v1::ExecutorInfo {
            r#type: Some(v1::executor_info::Type::Custom.into()),
            executor_id: executor_id(),
            command: Some(command),
            resources: vec![scalar("cpus", 0.1), scalar("mem", 32.0)],
            ..v1::ExecutorInfo::default()
        }),
        ..v1::TaskInfo::default()
    }
}

/// Runs as the executor: sends every message back.
pub(crate) fn executor() -> ExitCode {
    let variables: HashMap<String, String> = env::vars().collect();
    let config = ExecutorConfig::from_env(|name| variables.get(name).cloned());
    let config = config.expect("an agent has started this");
    run(async {
        let nothing = || async { Unacknowledged::default() };
        let (handle, mut notices) =
            ExecutorClient::start(config, nothing).expect("a client can be made");
        while let Some(notice) = notices.recv().await {
            match notice {
                ExecutorNotice::Event(event) if event.r#type() == ExecutorEvent::Shutdown => return,
                ExecutorNotice::Event(event) => answer(&handle, event).await,
                ExecutorNotice::GaveUp { .. } => return,
                ExecutorNotice::Subscribed { .. }
                | ExecutorNotice::Disconnected { .. }
                | ExecutorNotice::AttemptFailed { .. } => {}
            }
        }
    });
    ExitCode::SUCCESS
}

async fn answer(handle: &ExecutorHandle, event: v1::executor::Event) {
    use v1::executor::call::{Message, Type, Update};
    let mut call = v1::executor::Call::default();
    if let Some(message) = event.message {
        call.r#type = Some(Type::Message.into());
        call.message = Some(Message { data: message.data });
    } else if let Some(launch) = event.launch {
        call.r#type = Some(Type::Update.into());
        // The version is all that is looked at.
        let uuid = [0x40; 16];
        call.update = Some(Update {
            status: v1::TaskStatus {
                task_id: launch.task.task_id,
                state: v1::TaskState::TaskRunning.into(),
                source: Some(v1::task_status::Source::Executor.into()),
                uuid: Some(uuid.to_vec().into()),
                ..v1::TaskStatus::default()
            },
        });
    } else {
        return;
    }
    handle.call(call).await.expect("the agent takes it");
}
