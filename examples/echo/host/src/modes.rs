//! The three ways to send.

use std::time::{Duration, Instant};

use echo_messages::Tally;
use mesosgot_sdk::{Error, RecvTimeoutError, TaskMessage};

use crate::run::Run;

/// How many messages are given or taken at once: by then what a call costs by itself is nothing
/// beside what the messages cost.
const BATCH_MAX: usize = 1024;

/// How many bytes of messages are given at once: large ones need no company.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How often a waiting ping looks whether its task still lives. Waiting for both at once would cost
/// more calls, and so be measured with each ping.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

impl Run {
    /// One message at a time, to one task after the other.
    pub(crate) fn ping(&mut self) -> Result<(), Error> {
        for _ in 0..self.settings.messages {
            for index in 0..self.tasks.len() {
                let task = &mut self.tasks[index];
                let message = task.next_message(self.settings.bytes, Instant::now());
                let sent = self.outbox.send(&self.tasks[index].name, message);
                sent.map_err(|error| self.explain(error))?;
                if !self.hear_pong()? {
                    return Ok(());
                }
            }
        }
        self.hear_surplus()
    }

    /// Waits for the answer to what was just sent; `false` when it did not come in time.
    fn hear_pong(&mut self) -> Result<bool, Error> {
        let start = Instant::now();
        let interval = self.settings.patience.min(LOOK_INTERVAL);
        loop {
            match self.inbox.recv_timeout(interval) {
                Ok(message) => {
                    let now = Instant::now();
                    if self.count(&message, now)? {
                        return Ok(true);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.check_events()?;
                    if start.elapsed() >= self.settings.patience {
                        return Ok(false);
                    }
                }
                Err(RecvTimeoutError::Closed) => {
                    self.check_events()?;
                    return Err(Error::msg("all tasks have ended early"));
                }
            }
        }
    }

    /// As many as the window allows, to all tasks at once.
    pub(crate) fn stream(&mut self) -> Result<(), Error> {
        loop {
            self.fill_windows()?;
            if self.tasks.iter().all(|task| task.outstanding() == 0) {
                return self.hear_surplus();
            }
            let messages = self.take(BATCH_MAX)?;
            if messages.is_empty() {
                return Ok(());
            }
            let now = Instant::now();
            for message in &messages {
                self.count(message, now)?;
            }
        }
    }

    fn fill_windows(&mut self) -> Result<(), Error> {
        let window = self.settings.window as u64;
        for index in 0..self.tasks.len() {
            loop {
                let room = window.saturating_sub(self.tasks[index].outstanding());
                let batch = self.batch(index, room);
                if batch.is_empty() {
                    break;
                }
                let sent = self.outbox.send_many(batch);
                sent.map_err(|error| self.explain(error))?;
            }
        }
        Ok(())
    }

    /// Messages to one task, `room` at most; none when all have been sent.
    fn batch(&mut self, index: usize, room: u64) -> Vec<TaskMessage> {
        let bytes = self.settings.bytes;
        let batch_max = (BATCH_BYTES_MAX / bytes).clamp(1, BATCH_MAX) as u64;
        let task = &mut self.tasks[index];
        let left = self.settings.messages - task.sent;
        let now = Instant::now();
        (0..left.min(room).min(batch_max))
            .map(|_| TaskMessage {
                task: task.name.clone(),
                data: task.next_message(bytes, now),
            })
            .collect()
    }

    /// As many as fit, to all tasks at once; the tasks count them.
    pub(crate) fn one_way(&mut self) -> Result<(), Error> {
        let window = self.settings.window as u64;
        loop {
            let mut is_done = true;
            for index in 0..self.tasks.len() {
                let batch = self.batch(index, window);
                is_done &= batch.is_empty();
                let sent = self.outbox.send_many(batch);
                sent.map_err(|error| self.explain(error))?;
            }
            if is_done {
                break;
            }
        }
        for index in 0..self.tasks.len() {
            self.tasks[index].is_closed = true;
            let closed = self.outbox.close(&self.tasks[index].name);
            closed.map_err(|error| self.explain(error))?;
        }
        for _ in 0..self.tasks.len() {
            let Some(message) = self.take(1)?.pop() else {
                return Ok(());
            };
            let tally = Tally::try_from(&message.data[..])?;
            self.task(&message.task)?.tally.add(&tally);
        }
        Ok(())
    }

    /// Counts what has come too much: nothing is waited for any more.
    fn hear_surplus(&mut self) -> Result<(), Error> {
        while let Ok(message) = self.inbox.try_recv() {
            self.count(&message, Instant::now())?;
        }
        Ok(())
    }
}
