//! The app scheduler: waits for every hello, starts all tasks, and hears them out.

use std::collections::BTreeSet;

use mesosgot_sdk::{Args, Env, Error, Events, TaskReceiver, TaskSender};

#[mesosgot_sdk::scheduler]
fn host(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    _args: Args,
    _env: Env,
) -> Result<(), Error> {
    let tasks = events.control().list_tasks();

    // The handshake. A task that fails here ends the job, so nobody is waited for in vain.
    let mut silent: BTreeSet<String> = tasks.into_iter().map(|task| task.name).collect();
    let mut present = BTreeSet::new();
    while !silent.is_empty() {
        let message = inbox.recv().ok_or("all tasks left before the start")?;
        if message.data != b"hello" {
            return Err(Error::msg(format!(
                "`{}` spoke before its hello",
                message.task
            )));
        }
        silent.remove(&message.task);
        present.insert(message.task);
    }
    for task in &present {
        outbox.send(task, "start")?;
    }

    let all = present.len();
    let mut heard = 0;
    while !present.is_empty() {
        let message = inbox.recv().ok_or("tasks left without a goodbye")?;
        let text = String::from_utf8(message.data)?;
        println(&format!("{}: {text}", message.task));
        if text == "goodbye" {
            present.remove(&message.task);
        } else {
            heard += 1;
        }
    }
    println(&format!("{all} tasks said {heard} things"));
    Ok(())
}

/// What an app scheduler prints appears in the output of `mesosgot run`.
#[expect(clippy::print_stdout, reason = "stdout is where the job's user reads")]
fn println(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use mesosgot_sdk::testing;

    use super::*;

    /// Runs the host with one task that says `lines`, one of them after each message it gets.
    fn host_with(lines: &'static [&'static str]) -> Result<(), Error> {
        let (inbox, outbox, events, job) = testing::scheduler();
        let task = job.add_task("greeter");
        let guest = std::thread::spawn(move || {
            task.outbox.send(lines[0])?;
            if task.inbox.recv().is_some() {
                lines[1..]
                    .iter()
                    .try_for_each(|line| task.outbox.send(line))?;
            }
            Ok::<_, mesosgot_sdk::SendError>(())
        });
        let outcome = host(inbox, outbox, events, Args::default(), Env::default());
        guest
            .join()
            .expect("the guest does not panic")
            .expect("the host hears it out");
        outcome
    }

    #[test]
    fn it_hears_every_task_out() -> Result<(), Error> {
        host_with(&["hello", "good morning", "goodbye"])
    }

    #[test]
    fn it_tells_when_a_task_leaves_without_a_goodbye() {
        let error = host_with(&["hello", "good morning"]).expect_err("a goodbye is missing");
        assert_eq!(error.to_string(), "tasks left without a goodbye");
    }

    #[test]
    fn it_insists_on_a_hello() {
        let error = host_with(&["good morning"]).expect_err("a hello is missing");
        assert_eq!(error.to_string(), "`greeter-0` spoke before its hello");
    }
}
