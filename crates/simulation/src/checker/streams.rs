//! What each channel should do: nothing but a count of messages in each direction.

use std::collections::BTreeMap;

use mesos::ExecutorId;

use crate::violation::Violation;

/// A direction of a channel, by the end that receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// To the task.
    In,
    /// To the app scheduler.
    Out,
}

/// All channels of all executors.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    streams: BTreeMap<(ExecutorId, String, Direction), Stream>,
    violation: Option<Violation>,
    received: u64,
}

/// Messages are their own numbers.
#[derive(Debug, Default)]
struct Stream {
    sent: u64,
    received: u64,
    is_closed: bool,
    close_seen: bool,
    /// Nobody takes anything any more.
    is_stopped: bool,
}

impl Streams {
    pub(super) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// How many messages have arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    fn stream(
        &mut self,
        executor: &ExecutorId,
        channel: &str,
        direction: Direction,
    ) -> &mut Stream {
        self.streams
            .entry((executor.clone(), channel.to_owned(), direction))
            .or_default()
    }

    /// The number of the next message.
    pub(crate) fn next(&mut self, executor: &ExecutorId, channel: &str, to: Direction) -> u64 {
        self.stream(executor, channel, to).sent
    }

    /// The next message was taken for sending.
    pub(crate) fn sent(&mut self, executor: &ExecutorId, channel: &str, to: Direction) {
        self.stream(executor, channel, to).sent += 1;
    }

    /// The sender has closed its end.
    pub(crate) fn closed(&mut self, executor: &ExecutorId, channel: &str, to: Direction) {
        self.stream(executor, channel, to).is_closed = true;
    }

    /// The receiver takes nothing more.
    pub(crate) fn stopped(&mut self, executor: &ExecutorId, channel: &str, to: Direction) {
        self.stream(executor, channel, to).is_stopped = true;
    }

    pub(crate) fn received_one(
        &mut self,
        executor: &ExecutorId,
        channel: &str,
        to: Direction,
        found: u64,
    ) {
        let stream = self.stream(executor, channel, to);
        if stream.is_stopped {
            return;
        }
        let expected = stream.received;
        stream.received += 1;
        let is_right = found == expected && found < stream.sent && !stream.close_seen;
        self.received += 1;
        if !is_right {
            self.violation.get_or_insert_with(|| Violation::Message {
                executor: executor.clone(),
                channel: channel.to_owned(),
                found,
                expected,
            });
        }
    }

    /// The receiver has seen the close.
    pub(crate) fn close_seen(&mut self, executor: &ExecutorId, channel: &str, to: Direction) {
        let stream = self.stream(executor, channel, to);
        let is_complete = stream.is_stopped || stream.received == stream.sent;
        let is_right = stream.is_closed && !stream.close_seen && is_complete;
        stream.close_seen = true;
        if !is_right {
            self.violation.get_or_insert_with(|| Violation::Closed {
                executor: executor.clone(),
                channel: channel.to_owned(),
            });
        }
    }

    /// The sender has given up, and says that so many messages may not have been delivered.
    pub(crate) fn shut(
        &mut self,
        executor: &ExecutorId,
        channel: &str,
        to: Direction,
        undelivered: u64,
    ) {
        let stream = self.stream(executor, channel, to);
        let is_counted = stream.received + undelivered >= stream.sent;
        let is_right = undelivered <= stream.sent && (stream.is_stopped || is_counted);
        if !is_right {
            self.violation.get_or_insert_with(|| Violation::Uncounted {
                executor: executor.clone(),
                channel: channel.to_owned(),
            });
        }
    }

    /// The end of a task is told because its channel was seen to close.
    pub(crate) fn end_told(&mut self, executor: &ExecutorId, task: &str) {
        let stream = self.stream(executor, task, Direction::Out);
        if !stream.close_seen || stream.received < stream.sent && !stream.is_stopped {
            self.violation
                .get_or_insert_with(|| Violation::EndBeforeMessage(task.to_owned()));
        }
    }
}
