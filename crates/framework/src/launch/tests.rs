//! What tasks and executors look like on the wire.

use std::time::Duration;

use link::LinkConfig;
use mesos::resources::Resources;
use scheduler::{OnFailure, Strategy, Timing};

use super::*;
use crate::config::{Allow, Executors, MasterConfig, Module, ModuleServing};
use crate::identity::RunIdentity;
use crate::operator::Operator;
use crate::sandboxes::Sandboxes;
use crate::traffic::Traffic;

fn config(program: ExecutorProgram) -> FrameworkConfig {
    let group = |name: &str, module: &'static [u8], needs: &str| GroupConfig {
        name: name.to_owned(),
        count: 2,
        resources: Resources::parse(needs).unwrap(),
        constraints: Vec::new(),
        colocate: false,
        memory_bytes_max: 1 << 20,
        cpu_time_max: None,
        idle_max: None,
        allow: Allow::default(),
        on_failure: OnFailure::Shutdown,
        kill_grace: Duration::from_secs(3),
        module: Module::new(module),
        args: vec!["--fast".to_owned()],
        env: vec![("A".to_owned(), "1".to_owned())],
    };
    FrameworkConfig {
        name: "job".to_owned(),
        groups: vec![
            group("same", b"one", "cpus:1"),
            group("alike", b"one", "cpus:1;gpus:1"),
            group("other", b"two", "cpus:1"),
        ],
        strategy: Strategy::Pack,
        timing: Timing::default(),
        executors: Executors {
            resources: Resources::parse("cpus:0.1;mem:32").unwrap(),
            program,
            image: None,
            env: vec![("RUST_LOG".to_owned(), "debug".to_owned())],
            shutdown_grace: Duration::from_secs(5),
        },
        master: MasterConfig::new("127.0.0.1:5050".parse().unwrap(), "ada"),
        modules: ModuleServing::default(),
        link: LinkConfig::new(),
        direct: crate::config::DirectConfig::default(),
        certificate: None,
        traffic: Traffic::new(),
        sandboxes: Sandboxes::new(),
        operator: Operator::new(),
        seed: 1,
    }
}

async fn blueprint(config: &FrameworkConfig) -> (Blueprint, ModuleServer) {
    let mut served = Served::new(config).unwrap();
    let catalogue = served.take_catalogue().unwrap();
    let identity = RunIdentity::new(None).unwrap();
    let server = ModuleServer::start(&config.modules, &identity, catalogue).await;
    let server = server.unwrap();
    (Blueprint::new(config, &served, Some(&server)), server)
}

fn launch(group: usize, name: &str) -> (ExecutorLaunch, Vec<TaskLaunch>) {
    let executor = ExecutorLaunch {
        id: "job.r.1".into(),
        agent: "a1".into(),
        resources: Resources::parse("cpus:0.1;mem:32").unwrap(),
    };
    let task = TaskLaunch {
        id: format!("{name}.r.1").into(),
        name: name.to_owned(),
        group,
        resources: Resources::parse("cpus:1").unwrap(),
    };
    (executor, vec![task])
}

#[tokio::test]
async fn a_task_carries_its_spec_and_an_executor_that_is_the_same_for_all() {
    let config = config(ExecutorProgram::Installed(vec![
        "/bin/x".to_owned(),
        "-v".to_owned(),
    ]));
    let (blueprint, server) = blueprint(&config).await;
    let (executor, mut tasks) = launch(0, "same-0");
    tasks.extend(launch(2, "other-1").1);
    let infos = blueprint.task_infos(&executor, 42, tasks);
    assert_eq!(infos[0].executor, infos[1].executor);

    let spec = TaskSpec::decode(infos[1].data.clone().unwrap()).unwrap();
    let module = spec.module.unwrap();
    assert_eq!(
        (spec.name.as_str(), spec.group.as_str()),
        ("other-1", "other")
    );
    assert_eq!((spec.kill_grace_ms, spec.memory_bytes_max), (3000, 1 << 20));
    assert_eq!(
        (module.size, &module.sha256[..]),
        (3, &Module::new(&b"two"[..]).sha256()[..])
    );
    assert!(module.urls[0].starts_with(&server.module_url("")));

    let executor = infos[0].executor.clone().unwrap();
    let spec = ExecutorSpec::decode(executor.data.unwrap()).unwrap();
    assert_eq!(
        (spec.version, spec.incarnation, spec.window_messages),
        (VERSION, 42, 256)
    );
    let command = executor.command.unwrap();
    assert_eq!(command.value.as_deref(), Some("/bin/x"));
    assert_eq!(command.arguments, ["/bin/x", "-v"]);
    assert_eq!((command.shell, command.uris.len()), (Some(false), 0));
}

#[tokio::test]
async fn a_task_finds_its_ports_in_its_environment_unless_the_job_file_says_otherwise() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    config.groups[0].env = vec![("PORT".to_owned(), "mine".to_owned())];
    let (blueprint, _server) = blueprint(&config).await;
    let env = |group: usize, resources: &str| {
        let (executor, mut tasks) = launch(group, "t-0");
        tasks[0].resources = Resources::parse(resources).unwrap();
        let info = blueprint.task_infos(&executor, 1, tasks).remove(0);
        let spec = TaskSpec::decode(info.data.unwrap()).unwrap();
        let variables = spec.env.into_iter();
        let variables = variables.map(|known| format!("{}={}", known.name, known.value));
        variables.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(env(2, "cpus:1"), "A=1");
    assert_eq!(
        env(2, "ports:[31000-31001];ports(web):[80-80]"),
        "A=1 PORT0=80 PORT1=31000 PORT2=31001 PORT=80 PORTS=80,31000,31001"
    );
    assert_eq!(env(0, "ports:[80-80]"), "PORT=mine PORT0=80 PORTS=80");
}

async fn executor_info(config: &FrameworkConfig) -> (v1::ExecutorInfo, ModuleServer) {
    let (blueprint, server) = blueprint(config).await;
    let (executor, tasks) = launch(0, "same-0");
    let info = blueprint.task_infos(&executor, 1, tasks).remove(0);
    (info.executor.unwrap(), server)
}

#[tokio::test]
async fn an_executor_that_is_served_is_fetched_once_and_checked() {
    let config = config(ExecutorProgram::Served {
        bytes: Bytes::from_static(b"abc"),
        args: vec!["it's".to_owned()],
    });
    let (info, server) = executor_info(&config).await;
    let command = info.command.unwrap();
    let uri = &command.uris[0];
    assert!(uri.value.starts_with(&server.executor_url("sha256-")));
    assert!(uri.value.ends_with("/mesosgot-executor"));
    assert_eq!((uri.executable, uri.cache), (Some(true), Some(true)));
    assert_eq!(command.shell, Some(true));
    assert_eq!(command.arguments, [""; 0]);
    let value = command.value.unwrap();
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let check = format!("echo '{digest}  mesosgot-executor' | sha256sum -c - >/dev/null || ");
    assert!(value.starts_with(&check), "{value}");
    let start = r"; exec './mesosgot-executor' 'it'\''s'";
    assert!(value.ends_with(start), "{value}");
}

#[tokio::test]
async fn an_executor_from_an_address_is_checked_if_its_digest_is_known() {
    let fetched = |sha256| ExecutorProgram::Fetched {
        uri: "http://h/executor".to_owned(),
        sha256,
        args: Vec::new(),
    };
    let (info, _server) = executor_info(&config(fetched(None))).await;
    let command = info.command.unwrap();
    assert_eq!(command.uris[0].value, "http://h/executor");
    assert_eq!(command.shell, Some(false));
    assert_eq!(command.arguments, ["./mesosgot-executor"]);
    let (info, _server) = executor_info(&config(fetched(Some([7; 32])))).await;
    let command = info.command.unwrap();
    assert_eq!(command.shell, Some(true));
    assert!(command.value.unwrap().contains("echo '07070707"));
}

#[tokio::test]
async fn an_image_makes_a_container_of_mesos_itself() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    assert_eq!(executor_info(&config).await.0.container, None);
    config.executors.image = Some("debian:12".to_owned());
    let container = executor_info(&config).await.0.container.unwrap();
    assert_eq!(container.r#type(), v1::container_info::Type::Mesos);
    let image = container.mesos.unwrap().image.unwrap();
    assert_eq!(image.r#type(), v1::image::Type::Docker);
    assert_eq!(image.docker.unwrap().name, "debian:12");
}

#[tokio::test]
async fn executors_are_told_whom_to_trust() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    config.modules.tls = crate::config::TlsMode::On;
    let (info, server) = executor_info(&config).await;
    let spec = ExecutorSpec::decode(info.data.unwrap()).unwrap();
    assert_eq!(spec.server, server.spec());
    assert!(spec.server.is_some());
}

#[test]
fn groups_of_one_module_share_its_path() {
    let config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    let served = Served::new(&config).unwrap();
    assert_eq!(served.modules[0], served.modules[1]);
    assert_ne!(served.modules[0], served.modules[2]);
}

fn info(config: &FrameworkConfig) -> v1::FrameworkInfo {
    let groups = config.groups.iter();
    let needs = groups.map(|group| (&group.resources, &group.constraints[..]));
    framework_info(&config.name, &config.master, capabilities(needs))
}

#[test]
fn a_framework_asks_for_agents_with_gpus_or_far_away_only_when_it_wants_them() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    let gpus = Capability {
        r#type: Some(CapabilityType::GpuResources.into()),
    };
    assert!(info(&config).capabilities.contains(&gpus));
    let regions = Capability {
        r#type: Some(CapabilityType::RegionAware.into()),
    };
    assert!(!info(&config).capabilities.contains(&regions));
    let in_eu = scheduler::Operator::Is("eu".to_owned());
    config.groups[0].constraints = vec![Constraint {
        field: REGION.to_owned(),
        operator: in_eu,
    }];
    assert!(info(&config).capabilities.contains(&regions));
    config.groups.remove(1);
    assert!(!info(&config).capabilities.contains(&gpus));
    assert_eq!(info(&config).roles, ["*"]);
    assert_eq!(info(&config).user, "ada");
}

#[test]
fn modules_are_where_the_job_wants_them() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    config.groups[0].module = Module::new(&b"here"[..]).at("https://x/y");
    config.groups[1].module = Module::elsewhere([7; 32], "file:///z");
    let mut ways = |delivery| {
        config.modules.delivery = delivery;
        let served = Served::new(&config).unwrap();
        let specs = config.groups[..2].iter().zip(&served.modules);
        let specs = specs.map(|(group, path)| {
            let served = path.as_ref().map(|_| "served".to_owned());
            let spec = module_spec(&group.module, delivery, served);
            let link = spec.over_link.then(|| "link".to_owned());
            let ways: Vec<String> = spec.urls.into_iter().chain(link).collect();
            (spec.size, ways.join(" "))
        });
        specs.collect::<Vec<_>>()
    };
    let way = |size, way: &str| (size, way.to_owned());
    let auto = [way(4, "https://x/y served link"), way(0, "file:///z")];
    assert_eq!(ways(Delivery::Auto), auto);
    assert_eq!(ways(Delivery::Server), [way(4, "served"), way(0, "")]);
    assert_eq!(ways(Delivery::Link), [way(4, "link"), way(0, "")]);
    assert_eq!(
        ways(Delivery::Url),
        [way(4, "https://x/y"), way(0, "file:///z")]
    );
}

#[test]
fn nothing_is_served_when_modules_take_the_link_and_the_executor_is_there() {
    let mut config = config(ExecutorProgram::Installed(vec!["/bin/x".to_owned()]));
    config.modules.delivery = Delivery::Link;
    assert!(Served::new(&config).unwrap().take_catalogue().is_none());
}
