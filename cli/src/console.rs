//! The app scheduler of jobs that have none of their own, `scheduler: console`: what tasks send are
//! lines of stdout, and lines of stdin go to tasks.
//!
//! ```text
//! tasks ──► inbox ──► `task: message` on stdout
//! stdin ──► `task: message` ──► outbox ──► tasks
//! ```
//! Nothing is dropped on either way: a reader that does not read holds up the tasks, and a task
//! that does not take its messages holds up the reading of stdin. The end of stdin closes all `in`
//! channels; the job is done when all tasks have ended and their messages are printed.

mod input;
mod line;

use std::sync::Arc;

use link::Inbox;
use link::app::{App, AppControl, AppSendError, Outbox};
use tokio::task::JoinSet;

use self::input::{Input, Inputs};
use self::line::Line;
use crate::report::{Event, Reporter};

/// Stands for all tasks.
const ALL: &str = "*";

/// How many groups are named to whom has written a wrong name: a line full.
const GROUPS_NAMED_MAX: usize = 10;

/// Passes messages on until all tasks have ended.
///
/// # Errors
/// None: what cannot be sent is told, and the job goes on.
pub(crate) async fn run(ends: App, reporter: Arc<Reporter>) -> Result<(), String> {
    reporter.begin_messages();
    let App {
        inbox,
        outbox,
        control,
        ..
    } = ends;
    let sender = Sender {
        outbox,
        control,
        reporter: Arc::clone(&reporter),
    };
    // On a task of its own: stdout may be full while stdin is not. It ends with this function.
    let mut sending = JoinSet::new();
    sending.spawn(sender.send_all(Inputs::of_stdin()));
    print_all(&inbox, &reporter).await;
    Ok(())
}

async fn print_all(inbox: &Inbox, reporter: &Reporter) {
    while let Some(message) = inbox.recv().await {
        reporter.message(&message.task, &message.data);
    }
}

/// Where lines of stdin go.
struct Sender {
    outbox: Outbox,
    control: AppControl,
    reporter: Arc<Reporter>,
}

impl Sender {
    /// Sends every line, and closes all `in` channels behind the last one.
    async fn send_all(self, mut inputs: Inputs) {
        while let Some(Input { number, line }) = inputs.next().await {
            let sent = match line {
                Ok(line) => match line::parse(&line) {
                    Ok(Some(line)) => self.send(line).await,
                    Ok(None) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = sent {
                let message = format!("line {number} of stdin was not sent: {why}");
                self.reporter.event(&Event::Lost { message: &message });
            }
        }
        for task in self.control.list_tasks().await {
            // One that was never launched has no channel.
            let _ = self.outbox.close(&task.name);
        }
    }

    /// Sends a line to the task of its name, else to all of the group of its name.
    async fn send(&self, line: Line) -> Result<(), String> {
        let Line { to, message } = line;
        match self.outbox.send(&to, message.clone().into()).await {
            Err(AppSendError::UnknownTask) => {}
            sent => return sent.map_err(|error| in_words(error, &to)),
        }
        let tasks = self.control.list_tasks().await;
        let named = tasks
            .iter()
            .filter(|task| to == ALL || task.group == to)
            .map(|task| task.name.as_str());
        let named: Vec<&str> = named.collect();
        if named.is_empty() {
            let mut groups: Vec<&str> = tasks.iter().map(|task| task.group.as_str()).collect();
            groups.dedup();
            let first = tasks.first().map_or("", |task| task.name.as_str());
            return Err(nobody(&to, &groups, first));
        }
        let mut fault = None;
        let mut is_sent = false;
        for task in named {
            match self.outbox.send(task, message.clone().into()).await {
                Ok(()) => is_sent = true,
                // Some may be done before others.
                Err(AppSendError::Closed | AppSendError::UnknownTask) => {}
                Err(error @ AppSendError::TooLarge) => fault = Some(in_words(error, &to)),
            }
        }
        match fault {
            Some(fault) => Err(fault),
            None if is_sent => Ok(()),
            None => Err(format!("all tasks of `{to}` have ended")),
        }
    }
}

fn in_words(error: AppSendError, to: &str) -> String {
    match error {
        AppSendError::Closed => format!("`{to}` has ended, or is about to"),
        AppSendError::TooLarge | AppSendError::UnknownTask => error.to_string(),
    }
}

/// That a name is wrong, and which are right.
fn nobody(to: &str, groups: &[&str], task: &str) -> String {
    let named = groups.iter().take(GROUPS_NAMED_MAX);
    let named: Vec<String> = named.map(|group| format!("`{group}`")).collect();
    let more = if groups.len() > named.len() {
        " …"
    } else {
        ""
    };
    format!(
        "no task or group is called `{to}`; the groups are {}{more}, a task is `{task}`, and `{ALL}` \
         is all tasks",
        named.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_told_with_right_ones() {
        assert_eq!(
            nobody("ecko", &["echo", "sink"], "echo-0"),
            "no task or group is called `ecko`; the groups are `echo`, `sink`, a task is `echo-0`, \
             and `*` is all tasks"
        );
        let groups: Vec<String> = (0..100).map(|number| format!("g{number}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        assert!(nobody("g", &groups, "g0-0").contains("`g9` …, a task"));
    }
}
