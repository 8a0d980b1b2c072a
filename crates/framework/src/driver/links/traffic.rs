//! Links are shown to whoever counts.

use mesos::TaskId;
use scheduler::ExecutorLaunch;

use super::Links;
use crate::traffic::Traffic;

impl Links {
    /// Adds the link to an executor, whose channels are open, to those that are counted.
    pub(in crate::driver) fn count(
        &self,
        executor: &ExecutorLaunch,
        tasks: Vec<(TaskId, String)>,
        traffic: &Traffic,
    ) {
        let Some(entry) = self.by_executor.get(&executor.id) else {
            return;
        };
        let tasks = tasks.into_iter().filter_map(|(id, name)| {
            let channel = self.by_task.get(&name)?;
            Some((id, channel.sender.clone()))
        });
        traffic.add(
            executor.id.clone(),
            executor.agent.clone(),
            entry.link.clone(),
            tasks.collect(),
        );
    }
}
