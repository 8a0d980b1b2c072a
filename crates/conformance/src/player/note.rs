//! Notes of recordings: what was done that no client can do.

use crate::executor::Ending;
use crate::recording::{Line, What};

/// What a note says to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// The executor process of the next line that says so ends.
    End(Ending),
    /// The executor process of this line has ended.
    Ended,
    /// The agent's process is killed; its executors live on.
    StopAgent,
    /// The agent's process is started again.
    StartAgent,
    /// Another agent is started.
    AddAgent,
    /// The agent's process is started again with an empty work directory.
    StartAgentAnew,
    /// The agent's process stands still.
    FreezeAgent,
    /// The agent's process goes on.
    ThawAgent,
    /// The agent leaves in an orderly way.
    RemoveAgent,
    /// The master's process is killed.
    KillMaster,
    /// The master's process is started again.
    StartMaster,
    /// The requests that follow were made again and again, until their answers came.
    Repeat,
    /// Records of this kind were left out of the recording.
    LeftOut(String),
    /// What no cluster of ours does.
    Impossible,
    /// It only tells what follows.
    Nothing,
}

const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

/// What a note says to do.
pub(super) fn action(note: &str) -> Action {
    if let Some(status) = note.strip_prefix("the executor process exits with status ") {
        let status = status.parse().unwrap_or_default();
        return Action::End(Ending::Exit(status));
    }
    if let Some(kind) = note.strip_suffix(" records on this connection left out of this file") {
        let kind = kind.rsplit(' ').next().unwrap_or_default();
        return Action::LeftOut(kind.to_owned());
    }
    if note.contains(" OFFERS records left out of this file") {
        return Action::LeftOut("OFFERS".to_owned());
    }
    match note {
        "the executor process has ended" => Action::Ended,
        "SIGKILL to the executor process" => Action::End(Ending::Signal(SIGKILL)),
        "SIGTERM to the executor process" => Action::End(Ending::Signal(SIGTERM)),
        "started again" | "the agent process is started again, same flags" => Action::StartAgent,
        "started again with an empty work directory" => Action::StartAgentAnew,
        "SIGSTOP to the agent process" => Action::FreezeAgent,
        "SIGCONT to the agent process" => Action::ThawAgent,
        "SIGUSR1 to the agent process" => Action::RemoveAgent,
        note if note.starts_with("SIGKILL to the agent process")
            || note.starts_with("the agent process is killed and does not come back") =>
        {
            Action::StopAgent
        }
        "SIGKILL to the master process" => Action::KillMaster,
        "the master process is started again" => Action::StartMaster,
        note if note.ends_with(", repeated every few milliseconds") => Action::Repeat,
        note if note.starts_with("a second agent: ") => Action::AddAgent,
        note if IMPOSSIBLE.iter().any(|begin| note.starts_with(begin)) => Action::Impossible,
        _ => Action::Nothing,
    }
}

/// How notes begin that the player cannot follow.
const IMPOSSIBLE: [&str; 3] = [
    "SIGKILL to the leader",
    "the old leader is started again",
    "ZooKeeper is stopped",
];

/// Whether offers were left out, of which ids are used all the same.
pub(super) fn leaves_out_offers(lines: &[Line]) -> bool {
    has_note(lines, |note| {
        action(note) == Action::LeftOut("OFFERS".to_owned())
    })
}

/// Whether requests were left out, but not all of their answers.
pub(super) fn leaves_out_requests(lines: &[Line]) -> bool {
    has_note(lines, |note| note.contains(" lines of the two series "))
}

fn has_note(lines: &[Line], is_wanted: impl Fn(&str) -> bool) -> bool {
    lines.iter().any(|line| match &line.what {
        What::Note(note) => is_wanted(note),
        _ => false,
    })
}

/// The executor process that has ended next.
pub(super) fn next_to_end(lines: &[Line]) -> Option<&str> {
    lines.iter().find_map(|line| match &line.what {
        What::Note(note) if action(note) == Action::Ended => Some(line.connection.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_understood() {
        let exit = "the executor process exits with status 3";
        assert_eq!(action(exit), Action::End(Ending::Exit(3)));
        let left_out = "2 further OFFERS records on this connection left out of this file";
        assert_eq!(action(left_out), Action::LeftOut("OFFERS".to_owned()));
        assert_eq!(action("started again"), Action::StartAgent);
        let second = "a second agent: two offers of different agents in one ACCEPT";
        assert_eq!(action(second), Action::AddAgent);
        assert_eq!(action("SIGSTOP to the agent process"), Action::FreezeAgent);
        assert_eq!(action("ZooKeeper is stopped"), Action::Impossible);
        let repeated = "a call with the old stream id, repeated every few milliseconds";
        assert_eq!(action(repeated), Action::Repeat);
        assert_eq!(action("SIGKILL to the leader"), Action::Impossible);
        assert_eq!(action("t1 finishes"), Action::Nothing);
    }
}
