//! An app scheduler that does what its first argument says:
//!
//! - `return`: ends at once;
//! - `greet`: sends every task a message, prints every answer, ends when all have answered;
//! - `poke`: sends every task a message, then prints events until nothing more happens;
//! - `fail TEXT`: returns an error;
//! - `trap`: panics;
//! - `wait`: prints events until nothing more happens.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use mesosgot_sdk::{Args, Env, Error, Events, TaskReceiver, TaskSender};

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
        "greet" => greet(&inbox, &outbox, &events),
        "poke" => {
            for task in events.control().list_tasks() {
                outbox.send(&task.name, "poke")?;
            }
            watch(&events);
            Ok(())
        }
        "wait" => {
            watch(&events);
            Ok(())
        }
        "fail" => Err(Error::msg(text)),
        "trap" => panic!("the director fell over"),
        other => Err(Error::msg(format!("unknown role `{other}`"))),
    }
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

fn watch(events: &Events) {
    while let Some(event) = events.recv() {
        let task = event.task.as_deref().unwrap_or("-");
        let message = event.message.as_deref().unwrap_or("-");
        println!("event {:?} {task} {message}", event.kind);
    }
}
