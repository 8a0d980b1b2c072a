//! A cluster in the test's own process, which the program under test knows as a real one.
//!
//! So a test can make trouble in it while a job runs, and look into it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use local_cluster::{AgentConfig, ClusterConfig, Faults, LocalCluster, MessageCounts, Trouble};
use mesos::resources::Resources;
use mesos::v1;
use mesos_client::{SchedulerClient, SchedulerConfig, SchedulerNotice};
use rustix::process::{Pid, Signal, kill_process};
use testkit::zookeeper::ZooKeeper;
use tokio::runtime::Runtime;

use crate::support::{CACHE, Ended, Running, Scene};

/// A scene with a cluster of one agent.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) scene: Scene,
    runtime: Runtime,
    cluster: LocalCluster,
    pub(crate) trouble: Trouble,
}

/// Between two looks at what a test waits for.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Between two allocation runs: short, so that tests need not wait a second for offers.
const ALLOCATION_INTERVAL: Duration = Duration::from_millis(50);

/// How long an agent that is back waits for its executors: longer than by default, for machines that
/// run many tests at once.
const REREGISTRATION_TIMEOUT: Duration = Duration::from_secs(4);

/// Of masters in ZooKeeper: twice as long as its servers in tests need.
const SESSION_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until something is so, or the run has ended; whether it is.
pub(crate) fn wait_until(running: &mut Running, is_so: impl Fn() -> bool) -> bool {
    while !is_so() {
        if running.has_ended() {
            return false;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    true
}

impl Rig {
    /// Starts the cluster, with faults from the beginning.
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        Self::of_agents(&["cpus:8;mem:8192"], faults, seed)
    }

    /// Starts a cluster of agents with these resources.
    pub(crate) fn of_agents(agents: &[&str], faults: Faults, seed: u64) -> Self {
        Self::of(agents, faults, seed, |config| config)
    }

    /// Starts a cluster of three masters that elect their leader in ZooKeeper.
    pub(crate) fn of_masters(zookeeper: &ZooKeeper) -> Self {
        let agents = ["cpus:8;mem:8192"];
        Self::of(&agents, Faults::default(), 1, |config| ClusterConfig {
            masters: 3,
            zk: Some(zookeeper.url().parse().expect("a place in ZooKeeper")),
            zk_session_timeout: SESSION_TIMEOUT,
            ..config
        })
    }

    /// Starts a cluster whose executors look for so long for their agent when it has stopped.
    pub(crate) fn of_patience(recovery_timeout: Duration) -> Self {
        let agents = ["cpus:8;mem:8192"];
        Self::of(&agents, Faults::default(), 1, |mut config| {
            for agent in &mut config.agents {
                agent.recovery_timeout = recovery_timeout;
                agent.executor_reregistration_timeout = REREGISTRATION_TIMEOUT;
            }
            config
        })
    }

    fn of(
        agents: &[&str],
        faults: Faults,
        seed: u64,
        change: impl FnOnce(ClusterConfig) -> ClusterConfig,
    ) -> Self {
        let scene = Scene::new();
        let runtime = Runtime::new().expect("a runtime can be made");
        let parse = |agent: &&str| Resources::parse(agent).expect("valid resources");
        let agents = agents.iter().map(parse).map(|resources| AgentConfig {
            executor_environment_variables: [CACHE.map(str::to_owned).into()].into(),
            ..AgentConfig::new(resources)
        });
        let config = ClusterConfig {
            // So that the scene sees what the executors leave behind.
            work_dir: Some(scene.tmp().join("cluster")),
            allocation_interval: ALLOCATION_INTERVAL,
            faults,
            seed,
            ..ClusterConfig::new(agents.collect())
        };
        let cluster = runtime.block_on(LocalCluster::start(change(config)));
        let cluster = cluster.expect("the cluster starts");
        Self {
            trouble: cluster.trouble(),
            scene,
            runtime,
            cluster,
        }
    }

    /// The program under test as an executor where it lies: too large, unoptimized, to be fetched
    /// in each test. It is `executor` beside the job file.
    pub(crate) fn executor(&self) -> PathBuf {
        let script = self.scene.tmp().join("../executor");
        let program = env!("CARGO_BIN_EXE_mesosgot");
        fs::write(&script, format!("#!/bin/sh\nexec '{program}' executor\n"))
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .expect("the script can be written");
        script.canonicalize().expect("it is there")
    }

    /// A job file that begins with these lines.
    pub(crate) fn job(&self, text: &str) -> PathBuf {
        let executor = format!("executor: {{ binary: '{}' }}", self.executor().display());
        self.job_deployed(text, &executor)
    }

    /// A job file that begins and ends with these lines.
    fn job_deployed(&self, text: &str, end: &str) -> PathBuf {
        // Whoever runs the test may have no name, and this cluster does not switch users.
        self.whole_job(text, &format!("cluster: {{ user: nobody }}\n{end}"))
    }

    /// The same for one that says itself what the cluster is.
    fn whole_job(&self, text: &str, end: &str) -> PathBuf {
        let text = format!("{text}{end}\n");
        self.scene.job(&text)
    }

    /// Starts a job on the cluster whose job file begins and ends with these lines.
    pub(crate) fn start_deployed(
        &self,
        variables: &[(&str, &str)],
        job: &str,
        end: &str,
    ) -> Running {
        let job = self.job_deployed(job, end);
        let job = job.display().to_string();
        let master = self.cluster.master_address().to_string();
        let run = ["run", &job, "--master", &master, "--output", "json"];
        self.scene.start_with(variables, &run)
    }

    /// Starts the job on the cluster, with arguments for its app scheduler and its log on stderr.
    pub(crate) fn start(&self, job: &str, args: &[&str]) -> Running {
        self.run(self.job(job), args)
    }

    /// The same for one that says itself what the cluster is.
    pub(crate) fn start_whole(&self, job: &str, args: &[&str]) -> Running {
        let executor = format!("executor: {{ binary: '{}' }}", self.executor().display());
        self.run(self.whole_job(job, &executor), args)
    }

    fn run(&self, job: PathBuf, args: &[&str]) -> Running {
        let job = job.display().to_string();
        let master = self.cluster.master_address().to_string();
        let run = [
            "run", &job, "--master", &master, "--output", "json", "-v", "--",
        ];
        self.scene.start(&[&run[..], args].concat())
    }

    /// What is in the files of this name in the sandboxes of executors.
    pub(crate) fn sandbox_texts(&self, name: &str) -> Vec<String> {
        let mut folders = vec![self.cluster.work_dir().to_owned()];
        let mut texts = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("the folder is there") {
                let entry = entry.expect("the entry can be read");
                // Links lead to what is found anyway.
                let kind = entry.file_type().expect("the entry is there");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() && entry.file_name() == name {
                    texts.push(fs::read_to_string(entry.path()).expect("it is text"));
                }
            }
        }
        texts
    }

    /// Ends the process of the agent; its executors live on.
    pub(crate) fn stop_agent(&mut self) {
        self.runtime.block_on(self.cluster.stop_agent(0));
    }

    /// Starts the agent again.
    pub(crate) fn start_agent(&mut self) {
        let started = self.runtime.block_on(self.cluster.start_agent(0));
        started.expect("its port is kept");
    }

    /// Kills all executors, and answers how many there were.
    pub(crate) fn kill_executors(&self) -> usize {
        let executors = self.scene.executors();
        for pid in &executors {
            let pid = Pid::from_raw(*pid).expect("it is the id of a process");
            // A helper of the executor may end with it, before its turn.
            let _ = kill_process(pid, Signal::KILL);
        }
        executors.len()
    }

    /// Kills the master that leads, and answers which it was.
    pub(crate) fn kill_leader(&mut self) -> usize {
        let leader = self.cluster.leading_master().expect("a master leads");
        self.runtime.block_on(self.cluster.kill_master(leader));
        leader
    }

    /// Starts a master again, and answers which leads by then.
    pub(crate) fn restart_master(&mut self, index: usize) -> usize {
        self.runtime.block_on(async {
            let started = self.cluster.start_master(index).await;
            started.expect("its port is kept");
            self.cluster.wait_for_leader().await;
        });
        self.cluster.leading_master().expect("a master leads")
    }

    /// Has somebody else hold all of the cluster while `meanwhile` runs.
    pub(crate) fn while_all_is_held(&self, meanwhile: impl FnOnce()) {
        let masters = self.cluster.master_address().to_string();
        let masters = masters.parse().expect("an address is a master");
        let info = v1::FrameworkInfo {
            user: "nobody".to_owned(),
            name: "holder".to_owned(),
            ..v1::FrameworkInfo::default()
        };
        let mut held = 0;
        let (handle, mut notices) = self.runtime.block_on(async {
            SchedulerClient::start(SchedulerConfig::new(masters, info)).expect("a valid config")
        });
        while held < self.cluster.agent_addresses().len() {
            let notice = self.runtime.block_on(notices.recv());
            if let SchedulerNotice::Event(event) = notice.expect("the cluster runs") {
                held += event.offers.map_or(0, |offers| offers.offers.len());
            }
        }
        meanwhile();
        handle.stop();
        // It is gone when its stream has ended.
        while self.runtime.block_on(notices.recv()).is_some() {}
    }

    /// How many framework messages there were so far.
    pub(crate) fn message_counts(&self) -> MessageCounts {
        let counts = self.runtime.block_on(self.trouble.message_counts());
        counts.expect("the cluster runs")
    }

    /// Waits until so many framework messages have gone each way since `before`, or the run has
    /// ended; whether they have.
    pub(crate) fn wait_for_messages(
        &self,
        running: &mut Running,
        before: MessageCounts,
        count: u64,
    ) -> bool {
        wait_until(running, || {
            let counts = self.message_counts();
            counts.up >= before.up + count && counts.down >= before.down + count
        })
    }

    /// Waits for the end of a run, stops the cluster, and checks that nothing is left behind.
    #[track_caller]
    pub(crate) fn finish(self, running: Running) -> Ended {
        let ended = running.wait();
        self.finish_cluster();
        ended
    }

    /// Stops the cluster when all runs have ended, and checks that nothing is left behind.
    #[track_caller]
    pub(crate) fn finish_cluster(self) {
        let work_dir = self.cluster.work_dir().to_owned();
        self.runtime.block_on(self.cluster.stop());
        fs::remove_dir_all(work_dir).expect("the cluster has stopped");
        self.scene.assert_clean();
    }
}
