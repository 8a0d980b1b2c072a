//! A large job on simulated agents, whose executors run tasks and know nothing of links.

use std::collections::BTreeSet;
use std::time::Duration;

use local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use mesos::resources::Resources;
use mesosgot_framework::{FrameworkConfig, JobOutcome, Progress, Strategy, TaskState};

use crate::runs::{config, run};

const AGENTS: usize = 50;
const TASKS: u32 = 500;

#[tokio::test]
async fn hundreds_of_tasks_begin_together_and_are_torn_down() {
    let agent = AgentConfig::new(Resources::parse("cpus:2;mem:1024").unwrap());
    let cluster = LocalCluster::start(ClusterConfig {
        simulated: true,
        allocation_interval: Duration::from_millis(20),
        ..ClusterConfig::new(vec![agent; AGENTS])
    })
    .await
    .unwrap();
    let mut config = FrameworkConfig {
        strategy: Strategy::Spread,
        ..config(cluster.master_address())
    };
    config.groups[0].count = TASKS;
    config.groups[0].resources = Resources::parse("cpus:0.1;mem:32").unwrap();
    config.groups[0].kill_grace = Duration::from_millis(50);
    let (outcome, progress) = run(config, |_| async { Ok(()) }).await;
    assert_eq!(outcome.unwrap(), JobOutcome::Succeeded);
    let is_placed = |one: &Progress| matches!(one, Progress::Placed { tasks, agents: AGENTS } if tasks.len() == TASKS as usize);
    assert!(progress.iter().any(is_placed), "{progress:?}");
    let up = progress.iter().position(|one| *one == Progress::AppStarted);
    let running = progress[..up.unwrap()].iter().filter_map(|one| match one {
        Progress::Task(report) if report.state == TaskState::Running => Some(&report.task),
        _ => None,
    });
    assert_eq!(running.collect::<BTreeSet<_>>().len(), TASKS as usize);
    let is_left = |one: &Progress| matches!(one, Progress::NotTornDown { .. });
    assert!(!progress.iter().any(is_left));
    cluster.stop().await;
}
