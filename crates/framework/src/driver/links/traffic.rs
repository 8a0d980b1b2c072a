//! Links are shown to whoever counts.

use scheduler::ExecutorLaunch;

use super::Links;
use crate::traffic::Traffic;

impl Links {
    /// Adds the link to an executor, whose channels are open, to those that are counted.
    pub(in crate::driver) fn count(
        &self,
        executor: &ExecutorLaunch,
        tasks: &[String],
        traffic: &Traffic,
    ) {
        let Some(entry) = self.by_executor.get(&executor.id) else {
            return;
        };
        let senders = tasks
            .iter()
            .filter_map(|task| self.by_task.get(task))
            .map(|channel| channel.sender.clone());
        traffic.add(
            executor.id.clone(),
            executor.agent.clone(),
            entry.link.clone(),
            senders.collect(),
        );
    }
}
