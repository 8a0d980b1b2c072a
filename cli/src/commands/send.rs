//! `mesosgot send`: messages to a task of a running job.

use std::io::{self, BufRead as _, Read as _};

use anyhow::{Context as _, anyhow};
use link::MESSAGE_BYTES_MAX;

use super::Failure;
use crate::args::SendArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter};
use crate::running::api::tasks::FULL;
use crate::running::client::{self, Act, JobClient, Where};

/// What stands for stdin.
const STDIN: &str = "-";

/// Sends one message, or one for each line.
pub(super) async fn run(args: SendArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let job = client::find(&Where::of(args.which)?).await?;
    let mut sending = Sending {
        job,
        task: args.task,
        messages: 0,
        bytes: 0,
    };
    match (args.message.filter(|text| text != STDIN), args.lines) {
        (Some(text), false) => sending.send(text.into_bytes(), reporter).await?,
        (Some(text), true) => {
            for line in text.lines() {
                sending.send(line.as_bytes().to_owned(), reporter).await?;
            }
        }
        (None, false) => {
            let message = read(whole_stdin).await?;
            sending.send(message, reporter).await?;
        }
        (None, true) => {
            while let Some(line) = read(line_of_stdin).await? {
                sending.send(line, reporter).await?;
            }
        }
    }
    reporter.event(&Event::Sent {
        task: &sending.task,
        messages: sending.messages,
        bytes: sending.bytes,
    });
    Ok(Exit::Success)
}

/// Where messages go, and what went there.
struct Sending {
    job: JobClient,
    task: String,
    messages: u64,
    bytes: u64,
}

impl Sending {
    /// Sends a message; says so if it has to wait for room.
    async fn send(&mut self, message: Vec<u8>, reporter: &Reporter) -> Result<(), Failure> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(too_large(self.messages));
        }
        let bytes = message.len() as u64;
        let act = |wait, body| Act {
            task: &self.task,
            verb: "send",
            body,
            wait,
        };
        let sent = match self.job.act(act(false, message.clone())).await? {
            Err(refused) if refused.refusal.kind.as_deref() == Some(FULL) => {
                reporter.event(&Event::ChannelFull { task: &self.task });
                self.job.act(act(true, message)).await?
            }
            sent => sent,
        };
        sent.map_err(|refused| {
            let failure = self.job.refused(refused);
            match self.messages {
                0 => failure,
                sent => failure.context(format!("{sent} messages were sent, the next one was not")),
            }
        })?;
        self.messages += 1;
        self.bytes += bytes;
        Ok(())
    }
}

fn too_large(sent_before: u64) -> Failure {
    let error = match sent_before {
        0 => anyhow!("the message is larger than {MESSAGE_BYTES_MAX} bytes"),
        sent => anyhow!(
            "message {} is larger than {MESSAGE_BYTES_MAX} bytes",
            sent + 1
        ),
    };
    Failure::new(Exit::Usage, error)
        .with_help("a channel carries no larger one; with `--lines` each line is a message")
}

/// Reads from stdin, which may take for ever.
async fn read<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(io::Error::other)
        .and_then(|read| read)
        .context("failed to read stdin")
        .map_err(|error| Failure::new(Exit::Failure, error))
}

/// One byte more than a message may have tells that it is too large.
const READ_BYTES_MAX: u64 = MESSAGE_BYTES_MAX as u64 + 1;

fn whole_stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(READ_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn line_of_stdin() -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    // One for the line feed.
    let mut stdin = io::stdin().lock().take(READ_BYTES_MAX + 1);
    if stdin.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(Some(line))
}
