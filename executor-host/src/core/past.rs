//! Which tasks there have been.
//!
//! A launch that is repeated after its task has ended must not run the task again.

use std::collections::{HashSet, VecDeque};

use mesos::TaskId;

use super::TASKS_MAX;

/// The ids of the last tasks that are over, [`TASKS_MAX`] at most: a repetition comes with a new
/// subscription, not after so many other tasks.
#[derive(Debug, Default)]
pub(super) struct Past {
    ids: HashSet<TaskId>,
    oldest_first: VecDeque<TaskId>,
}

impl Past {
    pub(super) fn contains(&self, task: &TaskId) -> bool {
        self.ids.contains(task)
    }

    pub(super) fn insert(&mut self, task: TaskId) {
        if !self.ids.insert(task.clone()) {
            return;
        }
        self.oldest_first.push_back(task);
        if self.oldest_first.len() > TASKS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let id = |number: usize| TaskId::from(number.to_string());
        let mut past = Past::default();
        for number in 0..=TASKS_MAX {
            past.insert(id(number));
            past.insert(id(number));
        }
        assert!(!past.contains(&id(0)));
        assert!(past.contains(&id(1)) && past.contains(&id(TASKS_MAX)));
        assert_eq!(past.ids.len(), TASKS_MAX);
    }
}
