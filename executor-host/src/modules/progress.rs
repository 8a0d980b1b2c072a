//! How far the modules of an executor are, and how its scheduler is told.
//!
//! What takes no time is not told at all; the rest once a second, and its end.

use std::{collections::HashMap, time::Duration};

use link::{
    Link,
    spec::{ModulesProgress, Notice},
};
use tokio::{sync::watch, time::sleep};

use super::Digest;

/// When the scheduler is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    first_after: Duration,
    every: Duration,
}

/// People wonder what takes so long after half a second; and each word is a framework message, for
/// a cluster that may have a thousand executors.
pub(super) const RHYTHM: Rhythm = Rhythm {
    first_after: Duration::from_millis(500),
    every: Duration::from_secs(1),
};

/// What is done for each module.
#[derive(Debug)]
pub(super) struct Stages(watch::Sender<HashMap<Digest, Stage>>);

/// What is done for a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fetching { bytes: u64, total: u64 },
    Compiling,
}

/// Something is done for a module until this is dropped.
#[derive(Debug)]
pub(super) struct Doing<'a> {
    stages: &'a Stages,
    module: Digest,
}

impl Stages {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }

    pub(super) fn begin(&self, module: Digest) -> Doing<'_> {
        Doing {
            stages: self,
            module,
        }
    }

    /// What tells the scheduler, until the link is shut.
    pub(super) fn tell(
        &self,
        link: Link,
        rhythm: Rhythm,
    ) -> impl Future<Output = ()> + Send + use<> {
        let mut stages = self.0.subscribe();
        async move {
            tokio::select! {
                () = link.ended() => {}
                () = tell_for_ever(&mut stages, &link, rhythm) => {}
            }
        }
    }
}

impl Doing<'_> {
    /// So many bytes of it are here; 0 for a total that is not known.
    pub(super) fn fetching(&self, bytes: u64, total: u64) {
        self.is(Stage::Fetching { bytes, total });
    }

    pub(super) fn compiling(&self) {
        self.is(Stage::Compiling);
    }

    fn is(&self, stage: Stage) {
        self.stages.0.send_modify(|stages| {
            stages.insert(self.module, stage);
        });
    }
}

impl Drop for Doing<'_> {
    fn drop(&mut self) {
        self.stages.0.send_modify(|stages| {
            stages.remove(&self.module);
        });
    }
}

async fn tell_for_ever(
    stages: &mut watch::Receiver<HashMap<Digest, Stage>>,
    link: &Link,
    rhythm: Rhythm,
) {
    loop {
        if stages.wait_for(|stages| !stages.is_empty()).await.is_err() {
            return;
        }
        sleep(rhythm.first_after).await;
        let mut told = ModulesProgress::default();
        loop {
            let progress = sum(&stages.borrow_and_update());
            if progress != told && link.tell(&Notice::modules(progress)).is_err() {
                return;
            }
            told = progress;
            if told == ModulesProgress::default() {
                break;
            }
            sleep(rhythm.every).await;
        }
    }
}

fn sum(stages: &HashMap<Digest, Stage>) -> ModulesProgress {
    let mut sum = ModulesProgress::default();
    for stage in stages.values() {
        match stage {
            Stage::Fetching { bytes, total } => {
                sum.fetching += 1;
                sum.bytes += bytes;
                sum.bytes_total += total;
            }
            Stage::Compiling => sum.compiling += 1,
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use link::{LinkConfig, Role};

    use super::*;

    fn fetching(bytes: u64) -> ModulesProgress {
        ModulesProgress {
            fetching: 1,
            compiling: 0,
            bytes,
            bytes_total: 9,
        }
    }

    #[tokio::test]
    async fn what_is_done_is_told_until_it_is_done() {
        let (here, there) = (
            Link::new(Role::Scheduler, 1, LinkConfig::new()),
            Link::new(Role::Executor, 2, LinkConfig::new()),
        );
        for (from, to) in [(&here, &there), (&there, &here)] {
            let (from, to) = (from.clone(), to.clone());
            tokio::spawn(async move {
                while let Some(frame) = from.next_frame().await {
                    to.handle_frame(frame).unwrap();
                }
            });
        }
        let stages = Stages::new();
        let rhythm = Rhythm {
            first_after: Duration::from_millis(1),
            every: Duration::from_millis(1),
        };
        let telling = tokio::spawn(stages.tell(there.clone(), rhythm));
        let told = async || here.told().await.unwrap().modules.unwrap();
        let doing = stages.begin(Digest::from([1; 32]));
        doing.fetching(1, 9);
        assert_eq!(told().await, fetching(1));
        doing.fetching(7, 9);
        assert_eq!(told().await, fetching(7));
        let other = stages.begin(Digest::from([2; 32]));
        other.compiling();
        let both = ModulesProgress {
            compiling: 1,
            ..fetching(7)
        };
        assert_eq!(told().await, both);
        drop(other);
        assert_eq!(told().await, fetching(7));
        drop(doing);
        assert_eq!(told().await, ModulesProgress::default());
        there.shut();
        telling.await.unwrap();
        here.shut();
    }
}
