//! An app scheduler that does what its first argument says:
//!
//! - `return`: ends at once;
//! - `revive N`: lets the task `bad-0` fail N times, and talks to it after each;
//! - `bury N`: waits until N tasks have ended, then does as `greet`;
//! - `spawn GROUP N`: spawns N tasks of the group and prints their names or why there are none, then
//!   does as `greet`;
//! - `greet`: sends every task a message, prints every answer, ends when all have answered;
//! - `poke`: sends every task a message, then prints events until nothing more happens;
//! - `prompt`: sends every task a message, then waits in silence until nothing more happens;
//! - `fates`: sends every task a message, and prints of each how it ended and why;
//! - `tally`: prints of each task how it ended, and how many messages were there by then;
//! - `flood N [kill]`: sends every task N messages, then kills it or not, and prints of each how it
//!   ended, and how many messages it did not take;
//! - `hear`: prints each message of a task, until there will be none;
//! - `fail TEXT`: returns an error;
//! - `trap`: panics;
//! - `wait`: prints events until nothing more happens.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::collections::BTreeMap;

use mesosgot_sdk::{Args, Env, Error, Event, Events, TaskMessage, TaskReceiver, TaskSender};

#[mesosgot_sdk::scheduler]
fn director(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    args: Args,
    _env: Env,
) -> Result<(), Error> {
    let args = args.as_slice();
    let role = args.first().map_or("return", String::as_str);
    let text = args.get(1).cloned().unwrap_or_default();
    println!("director is up: {role}");
    match role {
        "return" => Ok(()),
        "revive" => revive(&inbox, &outbox, &events, text.parse()?),
        "bury" => {
            for _ in 0..text.parse()? {
                next_end(&events)?;
            }
            greet(&inbox, &outbox, &events)
        }
        "spawn" => {
            let count = args.get(2).map_or(Ok(1), |count| count.parse())?;
            match events.control().spawn(&text, count) {
                Ok(names) => println!("spawned {}", names.join(" ")),
                Err(error) => println!("not spawned: {error:?}"),
            }
            greet(&inbox, &outbox, &events)
        }
        "greet" => greet(&inbox, &outbox, &events),
        "poke" => {
            for task in events.control().list_tasks() {
                outbox.send(&task.name, "poke")?;
            }
            watch(&events);
            Ok(())
        }
        "prompt" => {
            for task in events.control().list_tasks() {
                outbox.send(&task.name, "prompt")?;
            }
            while events.recv().is_some() {}
            Ok(())
        }
        "fates" => fates(&outbox, &events),
        "tally" => tally(&inbox, &events),
        "flood" => {
            for task in events.control().list_tasks() {
                for number in 0..text.parse()? {
                    outbox.send(&task.name, u32::to_le_bytes(number))?;
                }
                println!("flooded {}", task.name);
                if args.get(2).is_some_and(|word| word == "kill") {
                    events.control().kill(&task.name)?;
                }
            }
            drown(&events)
        }
        "wait" => {
            watch(&events);
            Ok(())
        }
        "hear" => {
            while let Some(message) = inbox.recv() {
                println!("{} says {}", message.task, message.data.escape_ascii());
            }
            Ok(())
        }
        "fail" => Err(Error::msg(text)),
        "trap" => panic!("the director fell over"),
        other => Err(Error::msg(format!("unknown role `{other}`"))),
    }
}

/// What is sent after the end waits for the task's next life.
fn revive(
    inbox: &TaskReceiver,
    outbox: &TaskSender,
    events: &Events,
    times: u32,
) -> Result<(), Error> {
    for _ in 0..times {
        let messages = ["fail", "never read"].map(|text| TaskMessage {
            task: "bad-0".to_owned(),
            data: text.into(),
        });
        outbox.send_many(messages.into())?;
        let end = next_end(events)?;
        let message = end.message.unwrap_or_default();
        let undelivered = end.undelivered.unwrap_or_default();
        println!("{:?}: {message}, {undelivered} undelivered", end.kind);
        outbox.send("bad-0", "are you back")?;
        let answer = inbox.recv().ok_or("nobody is left")?;
        println!(
            "{} says {}",
            answer.task,
            String::from_utf8_lossy(&answer.data)
        );
    }
    Ok(())
}

fn greet(inbox: &TaskReceiver, outbox: &TaskSender, events: &Events) -> Result<(), Error> {
    let tasks = events.control().list_tasks();
    for task in &tasks {
        outbox.send(&task.name, format!("hello {}", task.name))?;
    }
    for _ in &tasks {
        let message = inbox.recv().ok_or("a task has gone")?;
        println!(
            "{} says {}",
            message.task,
            String::from_utf8_lossy(&message.data)
        );
    }
    Ok(())
}

fn fates(outbox: &TaskSender, events: &Events) -> Result<(), Error> {
    let tasks = events.control().list_tasks();
    for task in &tasks {
        // A task may be over without having waited for it.
        let _ = outbox.send(&task.name, "poke");
    }
    for _ in &tasks {
        let event = next_end(events)?;
        let (task, message) = (event.task.as_deref(), event.message.as_deref());
        let (task, message) = (task.unwrap_or("-"), message.unwrap_or("-"));
        println!("{task}: {:?}, {message}", event.kind);
    }
    Ok(())
}

/// Waits for the end of a task.
fn next_end(events: &Events) -> Result<Event, Error> {
    loop {
        let event = events.recv().ok_or("the job has ended")?;
        if event.kind.ends_task() {
            return Ok(event);
        }
    }
}

/// An event of a task's end has to come after all of its messages, so that none has to be waited
/// for here.
fn tally(inbox: &TaskReceiver, events: &Events) -> Result<(), Error> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in events.control().list_tasks() {
        let event = next_end(events)?;
        let (task, kind) = (event.task.unwrap_or_default(), event.kind);
        while let Ok(message) = inbox.try_recv() {
            let count = counts.entry(message.task).or_default();
            if message.data != count.to_le_bytes() {
                return Err(Error::msg(format!("message {count} is {:?}", message.data)));
            }
            *count += 1;
        }
        let count = counts.get(&task).copied().unwrap_or_default();
        println!("{task}: {kind:?} after {count} messages");
    }
    Ok(())
}

fn drown(events: &Events) -> Result<(), Error> {
    for _ in events.control().list_tasks() {
        let event = next_end(events)?;
        let (task, undelivered) = (event.task.unwrap_or_default(), event.undelivered);
        let undelivered = undelivered.map_or_else(|| "?".to_owned(), |count| count.to_string());
        println!("{task}: {:?}, {undelivered} undelivered", event.kind);
    }
    Ok(())
}

fn watch(events: &Events) {
    while let Some(event) = events.recv() {
        let task = event.task.as_deref().unwrap_or("-");
        let message = event.message.as_deref().unwrap_or("-");
        println!("event {:?} {task} {message}", event.kind);
    }
}
