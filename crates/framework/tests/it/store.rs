//! What must be remembered is kept before anything is done that follows from it.

use std::io;
use std::sync::Arc;

use mesos::v1::scheduler::call::Type as CallType;
use mesosgot_framework::{
    FrameworkConfig, FrameworkError, JobDigest, JobOutcome, MemoryStore, Record, Recorded, Store,
    TaskState, run_with_store,
};
use tokio::sync::watch;

use crate::cluster::{Cluster, Master, echo};
use crate::runs::{config, rules};

/// Watches the order of things, and fails when it is told of a state, if it is to.
struct Watching {
    master: Arc<Master>,
    inner: MemoryStore,
    /// Updates that were kept so far.
    updates: u32,
    /// What all records added up to when the framework was to be torn down.
    before_the_end: Recorded,
    may_fail: bool,
}

impl Store for Watching {
    async fn begin(&mut self, job: JobDigest) -> io::Result<()> {
        assert_eq!(self.master.calls(), []);
        self.inner.begin(job).await
    }

    async fn keep(&mut self, records: Vec<Record>) -> io::Result<()> {
        let is_update =
            |record: &&Record| matches!(record, Record::State { .. } | Record::Ended { .. });
        let updates = records.iter().filter(is_update).count();
        if self.may_fail && updates > 0 {
            return Err(io::Error::other("the disk is full"));
        }
        // Nothing of this step was done, however long the store takes.
        tokio::task::yield_now().await;
        if records
            .iter()
            .any(|record| matches!(record, Record::Launched { .. }))
        {
            assert!(!self.master.calls().contains(&CallType::Accept));
        }
        assert!(self.master.acknowledged() <= self.updates);
        self.updates += u32::try_from(updates).unwrap();
        if records.contains(&Record::Over) {
            assert!(!self.master.calls().contains(&CallType::Teardown));
            // The last update comes with the end.
            let earlier = records.iter().take_while(|record| **record != Record::Over);
            self.before_the_end = self.inner.recorded().clone();
            earlier.for_each(|record| self.before_the_end.add(record.clone()));
        }
        self.inner.keep(records).await
    }
}

async fn run(cluster: &Cluster, may_fail: bool) -> (Watching, Result<JobOutcome, FrameworkError>) {
    let mut store = Watching {
        master: Arc::clone(&cluster.master),
        inner: MemoryStore::new(),
        updates: 0,
        before_the_end: Recorded::default(),
        may_fail,
    };
    let (_stop, stopped) = watch::channel(None);
    let config = config(cluster.address);
    let ended = run_with_store(config, &mut store, |_| async { Ok(()) }, |_| (), stopped).await;
    (store, ended)
}

#[tokio::test]
async fn launches_and_updates_are_kept_before_they_are_answered() {
    let cluster = Cluster::start(rules(echo())).await;
    let (store, ended) = run(&cluster, false).await;
    assert_eq!(ended.unwrap(), JobOutcome::Succeeded);
    assert!(cluster.master.is_all_acknowledged());
    assert_eq!(store.inner.recorded(), &Recorded::default());
    let seen = store.before_the_end;
    assert_eq!(seen.framework, Some("fw".into()));
    let tasks = seen.tasks.values();
    let tasks: Vec<_> = tasks
        .map(|task| (&*task.name, task.agent.as_str(), task.state, task.has_ended))
        .collect();
    let finished = |name| (name, "a1", TaskState::Finished, true);
    assert_eq!(tasks, [finished("t-0"), finished("t-1")]);
}

#[tokio::test]
async fn a_job_that_cannot_be_remembered_ends() {
    let cluster = Cluster::start(rules(echo())).await;
    let (_, ended) = run(&cluster, true).await;
    let Err(FrameworkError::Store(error)) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(error.to_string(), "the disk is full");
    assert_eq!(cluster.master.acknowledged(), 0);
    assert_eq!(cluster.master.calls().last(), Some(&CallType::Teardown));
}

#[tokio::test]
async fn a_job_is_another_when_its_tasks_are() {
    async fn digest(change: impl FnOnce(&mut FrameworkConfig)) -> Option<JobDigest> {
        let cluster = Cluster::start(rules(echo())).await;
        let mut store = MemoryStore::new();
        let (stop, stopped) = watch::channel(None);
        stop.send_replace(Some(mesosgot_framework::Stop::Now));
        let mut config = config(cluster.address);
        change(&mut config);
        let run = run_with_store(config, &mut store, |_| async { Ok(()) }, |_| (), stopped);
        assert_eq!(run.await.unwrap(), JobOutcome::Interrupted);
        store.job()
    }
    let one = digest(|_| ()).await;
    assert!(one.is_some());
    assert_eq!(digest(|config| config.seed += 1).await, one);
    assert_ne!(digest(|config| config.groups[0].count += 1).await, one);
    let args = ["a", "b"].map(str::to_owned).to_vec();
    let env = vec![("a".to_owned(), "b".to_owned())];
    let with_args = digest(|config| config.groups[0].args = args).await;
    let with_env = digest(|config| config.groups[0].env = env).await;
    assert_ne!(with_args, with_env);
}
