//! The examples as they are in the documentation, against the embedded cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use mesos::resources::Resources;
use mesos::v1;
use v1::TaskState;

use crate::fake::soon;

#[expect(dead_code, reason = "its `main` is for the command line")]
#[path = "../../examples/framework.rs"]
mod framework;

/// Between two looks at what the tasks have written.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Where cargo has put the example executor: beside the directory of this test.
fn executor() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("examples/shell");
    let path_shown = path.display();
    assert!(
        path.exists(),
        "cargo builds the examples with the tests: {path_shown}"
    );
    path
}

/// A task that the example executor runs.
fn task(script: &str) -> v1::TaskInfo {
    let mut task = v1::TaskInfo {
        data: Some(script.to_owned().into()),
        ..v1::TaskInfo::default()
    };
    let executor_info = task.executor.get_or_insert_default();
    executor_info.executor_id.value = "shell".to_owned();
    executor_info.command.get_or_insert_default().value = Some(executor().display().to_string());
    task
}

/// Waits until as many files are in a folder.
async fn wait_for_files(folder: &Path, count: usize) {
    soon(async {
        while std::fs::read_dir(folder).unwrap().count() < count {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    })
    .await;
}

/// What happens to a cluster while tasks run.
#[derive(Clone, Copy)]
enum Incident {
    StreamCut,
    MasterFailover,
}

#[tokio::test]
async fn the_framework_runs_all_tasks_to_their_end_through_a_lost_connection() {
    run_through(Incident::StreamCut).await;
}

#[tokio::test]
async fn the_framework_runs_all_tasks_to_their_end_through_a_failover_of_the_master() {
    run_through(Incident::MasterFailover).await;
}

async fn run_through(incident: Incident) {
    // Three tasks fit at a time, on two agents.
    let resources = Resources::parse("cpus:0.2;mem:128").unwrap();
    let agent = AgentConfig::new(resources);
    let config = ClusterConfig {
        allocation_interval: Duration::from_millis(20),
        ..ClusterConfig::new(vec![agent.clone(), agent])
    };
    let mut cluster = LocalCluster::start(config).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (started, go) = (folder.path().join("started"), folder.path().join("go"));
    std::fs::create_dir(&started).unwrap();
    let script = format!(
        "touch '{}'/$$; until [ -e '{}' ]; do sleep 0.01; done",
        started.display(),
        go.display()
    );
    let masters = cluster.master_address().to_string();
    let task = task(&script);
    let run = async {
        let ended = soon(framework::run(&masters, &task)).await;
        ended.map_err(|error| error.to_string())
    };
    let (ended, ()) = tokio::join!(run, async {
        // The others wait for room.
        wait_for_files(&started, 4).await;
        match incident {
            Incident::StreamCut => cluster.trouble().cut_frameworks(),
            Incident::MasterFailover => cluster.fail_over_master().await.unwrap(),
        }
        std::fs::write(&go, "").unwrap();
    });
    assert_eq!(ended, Ok(vec![TaskState::TaskFinished; 5]));
    assert_eq!(std::fs::read_dir(&started).unwrap().count(), 5);
    cluster.stop().await;
}

#[tokio::test]
async fn the_framework_tells_of_tasks_that_fail() {
    let resources = Resources::parse("cpus:1;mem:512").unwrap();
    let config = ClusterConfig::new(vec![AgentConfig::new(resources)]);
    let cluster = LocalCluster::start(config).await.unwrap();
    let masters = cluster.master_address().to_string();
    let ended = soon(framework::run(&masters, &task("exit 3"))).await;
    let ended = ended.map_err(|error| error.to_string());
    assert_eq!(ended, Ok(vec![TaskState::TaskFailed; 5]));
    cluster.stop().await;
}
