//! An app scheduler of the executor's tests: does what its first argument says.

use mesosgot_sdk::{Args, Env, Error, Events, SendError, TaskReceiver, TaskSender};

#[mesosgot_sdk::scheduler]
fn scheduler(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    args: Args,
    _env: Env,
) -> Result<(), Error> {
    let words: Vec<&str> = args.as_slice().iter().map(String::as_str).collect();
    match words[..] {
        ["ask", task] => ask(&inbox, &outbox, task),
        ["events"] => tell_events(&events),
        ["control"] => control(&events),
        ["fail", text] => Err(Error::msg(text)),
        ["panic"] => panic!("no more plans"),
        ["spin"] => loop {
            std::hint::black_box(0);
        },
        _ => Err(Error::msg(format!("no such behaviour: {words:?}"))),
    }
}

/// Asks a task and hears its answer, then closes its inbox and hears it out.
fn ask(inbox: &TaskReceiver, outbox: &TaskSender, task: &str) -> Result<(), Error> {
    if outbox.send("nobody", "hello") != Err(SendError::UnknownTask) {
        return Err(Error::msg("a task that does not exist was sent a message"));
    }
    outbox.send(task, "ping")?;
    let message = inbox.recv().ok_or("no answer")?;
    if (message.task.as_str(), message.data.as_slice()) != (task, b"ping") {
        return Err(Error::msg(format!(
            "`{}` answered {:?}",
            message.task, message.data
        )));
    }
    outbox.close(task)?;
    match inbox.recv() {
        None => Ok(()),
        Some(message) => Err(Error::msg(format!("`{}` said more", message.task))),
    }
}

/// Prints every event.
#[expect(clippy::print_stdout, reason = "the test reads it")]
fn tell_events(events: &Events) -> Result<(), Error> {
    while let Some(event) = events.recv() {
        println!("{:?} {:?} {:?}", event.kind, event.task, event.undelivered);
    }
    Ok(())
}

/// Asks for all that can be asked for.
#[expect(clippy::print_stdout, reason = "the test reads it")]
fn control(events: &Events) -> Result<(), Error> {
    let control = events.control();
    for task in control.list_tasks() {
        println!(
            "{} {} {} {:?}",
            task.name, task.group, task.state, task.agent
        );
    }
    println!("{:?}", control.kill("a-0"));
    println!("{:?}", control.spawn("a", 2));
    Ok(())
}
