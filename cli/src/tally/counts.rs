//! Numbers of tasks by how they stand.

use std::ops::Add;

/// How a task stands: its state in fewer words than Mesos has, and two in which Mesos knows nothing
/// of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Standing {
    /// It has no place.
    Waiting,
    /// It has a place; nothing has been heard of it.
    Staging,
    /// Its executor prepares it.
    Starting,
    /// It runs.
    Up,
    /// It has ended and comes back.
    Restarting,
    /// It was told to end.
    Killing,
    /// Its agent does not answer.
    Unreachable,
    /// It ended well.
    Finished,
    /// It ended badly, or could not be launched.
    Failed,
    /// It was killed.
    Killed,
    /// It is gone with its agent, or was never launched.
    Lost,
}

impl Standing {
    /// All of them, in the order of a task's life.
    pub(crate) const ALL: [Self; 11] = [
        Self::Waiting,
        Self::Staging,
        Self::Starting,
        Self::Up,
        Self::Restarting,
        Self::Killing,
        Self::Unreachable,
        Self::Finished,
        Self::Failed,
        Self::Killed,
        Self::Lost,
    ];

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Staging => "staging",
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Restarting => "restarting",
            Self::Killing => "killing",
            Self::Unreachable => "unreachable",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Lost => "lost",
        }
    }
}

/// How many tasks stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts([u32; Standing::ALL.len()]);

impl Counts {
    /// How many stand so.
    pub(crate) fn of(self, standing: Standing) -> u32 {
        self.0[standing as usize]
    }

    /// How many there are.
    pub(crate) fn sum(self) -> u32 {
        self.0.iter().sum()
    }

    /// One more stands so.
    pub(super) fn add(&mut self, standing: Standing) {
        self.0[standing as usize] += 1;
    }

    /// One of those that stood so does no longer.
    pub(super) fn remove(&mut self, standing: Standing) {
        let count = &mut self.0[standing as usize];
        assert!(*count > 0, "who stands so was counted");
        *count -= 1;
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
        self
    }
}
