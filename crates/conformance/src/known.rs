//! What differs and is known to.

/// A difference that is still to be removed.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// The recording, by the begin of its name.
    pub recording: &'static str,
    /// The line, as in [`Found::line`](crate::player::Found::line).
    pub line: usize,
    /// The field, as in [`Found::path`](crate::player::Found::path), or its begin.
    pub path: &'static str,
    /// How [`Found::text`](crate::player::Found::text) begins.
    pub text: &'static str,
    /// Why it is so.
    pub why: &'static str,
}

/// What differs from a real Mesos. Each entry must be found, so that one that is no more is
/// removed; and nothing else may be.
pub const KNOWN_DIFFERENCES: &[Known] = &[
    left_out("01a", 35, CHECKPOINT, OLD_FIELD),
    left_out("01a", 51, STATE_CHECKPOINT, OLD_FIELD),
    left_out("01a", 56, CHECKPOINT, OLD_FIELD),
    left_out("01a", 70, "flags.", FLAGS),
    known("01a", 70, "flags.registry", FLAGS),
    left_out("01a", 94, "flags.", FLAGS),
    known("02c", 0, "v7-stream", BUSY_CONNECTION),
    known("02c", 49, "header Connection", CONNECTION_CLOSE),
    known("02c", 64, "answer", BUSY_CONNECTION),
    known("02c", 106, "header Connection", CONNECTION_CLOSE),
    known("06a", 0, "raw answer 400", NOT_HTTP),
    known("06d", 0, "s-call answer 501", NO_ABORT),
    known("06d", 7, "end", NO_ABORT),
    known("06d", 8, "end", NO_ABORT),
    left_out("11a", 48, CHECKPOINT, OLD_FIELD),
    left_out("12a", 86, CHECKPOINT, OLD_FIELD),
    Known {
        text: "recorded 404, here 503",
        ..known("13", 59, "status", NO_ROUTES)
    },
    Known {
        text: "recorded `404 Not Found.`, here `Master has not finished recovery`",
        ..known("13", 59, "body", NO_ROUTES)
    },
    left_out("13", 80, RECOVERED_CHECKPOINT, OLD_FIELD),
    Known {
        text: "SIGKILL to the leader",
        ..known("14", 84, "stopped", SESSION)
    },
    left_out("19a", 4, SUBSCRIBED_CHECKPOINT, OLD_FIELD),
    left_out("19a", 22, SUBSCRIBED_CHECKPOINT, OLD_FIELD),
    known(
        "19b",
        21,
        "subscribed.get_state.get_tasks.completed_tasks",
        PROTOBUF_TASKS,
    ),
];

const fn known(
    recording: &'static str,
    line: usize,
    path: &'static str,
    why: &'static str,
) -> Known {
    Known {
        recording,
        line,
        path,
        text: "",
        why,
    }
}

/// Fields that are left out, and no other difference.
const fn left_out(
    recording: &'static str,
    line: usize,
    path: &'static str,
    why: &'static str,
) -> Known {
    Known {
        text: "missing",
        ..known(recording, line, path, why)
    }
}

const CHECKPOINT: &str = "get_agents.agents[0].agent_info.checkpoint";
const RECOVERED_CHECKPOINT: &str = "get_agents.recovered_agents[0].checkpoint";
const STATE_CHECKPOINT: &str = "get_state.get_agents.agents[0].agent_info.checkpoint";
const SUBSCRIBED_CHECKPOINT: &str =
    "subscribed.get_state.get_agents.agents[0].agent_info.checkpoint";

const CONNECTION_CLOSE: &str = "hyper says `Connection: close` when it does as it was told";
const BUSY_CONNECTION: &str =
    "hyper does not read a request on a connection that carries a stream before the stream ends";
const OLD_FIELD: &str = "a field of an older version, which v1 does not describe";
const PROTOBUF_TASKS: &str = "tasks of frameworks that are gone are listed in both encodings; a real master has them in JSON only";
const FLAGS: &str = "flags are left out that are not true of an embedded cluster";
const NOT_HTTP: &str = "hyper answers 400 to what is not HTTP, and Mesos hangs up";
const NO_ROUTES: &str = "a process of Mesos listens before its paths are there; an embedded master answers 503 from its first moment";
const SESSION: &str = "what follows lasts as long as a session of ZooKeeper, which the player has not: it neither sends \
     frames nor compares those that come, and cannot stop ZooKeeper for a while";
const NO_ABORT: &str = "a call of the type UNKNOWN is refused; a master that aborts is a defect";

/// Recordings in which the timer of the allocator runs against what else happens, so that a freed
/// resource may come in this offer or in the next. What all offers that are out hold together is
/// compared there, in the place of what each of them holds.
pub const CHANCES: &[&str] = &[
    // No run is in the recording, and on a busy machine one comes before the end.
    "08a", "08b",
    // Executors end within 100 ms of a run, and a real agent takes that long to notice.
    "10a", "10b",
];
