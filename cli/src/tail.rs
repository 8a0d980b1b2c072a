//! Reads what executors print, in their sandboxes.
//!
//! - `follow`: what to read next of a file that grows and is rotated; it reads nothing itself.
//! - [`agents`]: reads through the files API of agents, on a cluster.
//! - [`folders`]: reads the work directory of the embedded cluster. That is why there are two ways:
//!   on one machine the files can be read to their ends when the cluster is gone already, without a
//!   call for each look, and whatever the cluster is made to do wrong.

pub(crate) mod agents;
pub(crate) mod folders;
mod follow;

use executor_host::output::{PART_MARK, clean, parse_line};

use crate::report::{Reporter, Stream};

/// Who has printed what no task has: an executor itself.
pub(crate) const EXECUTOR_NAME: &str = "executor";

/// Shows a line that an executor's sandbox has: mostly a task's, sometimes the executor's own.
///
/// What comes from an agent may be anything: it is made fit to be shown here, whoever has done so
/// before.
fn show(reporter: &Reporter, stream: Stream, line: &[u8]) {
    let line = clean(line);
    if line.starts_with(PART_MARK) || is_of_agent(&line) {
        return;
    }
    match parse_line(&line) {
        Some(line) => reporter.output(line.name, stream, Some(line.time), line.text),
        None => reporter.output(EXECUTOR_NAME, stream, None, &line),
    }
}

/// Whether the agent has written it, or what it started before the executor, and nothing is wrong:
/// what fetching says, in the form of its own log (`I1121 18:34:08.123456 …`).
fn is_of_agent(line: &str) -> bool {
    const SHAPE: &[u8] = b"I0000 00:00:00.000000 ";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        exact => byte == *exact,
    };
    line.len() >= SHAPE.len() && line.bytes().zip(SHAPE).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_of_fetching_is_told_apart() {
        assert!(is_of_agent(
            "I1121 18:34:08.123456 4711 fetcher.cpp:562] Fetched"
        ));
        assert!(!is_of_agent(
            "E1121 18:34:08.123456 4711 fetcher.cpp:562] Failed"
        ));
        assert!(!is_of_agent("2026-11-21T18:34:08.123Z [a] text"));
        assert!(!is_of_agent("I am a line"));
    }
}
