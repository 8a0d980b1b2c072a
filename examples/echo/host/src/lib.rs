//! The app scheduler: sends numbered messages to every task, checks every answer, measures, and
//! prints one line of JSON.

mod histogram;
mod modes;
mod report;
mod run;
mod settings;

use mesosgot_sdk::{Args, Env, Error, Events, TaskReceiver, TaskSender};

use crate::run::Run;
use crate::settings::Settings;

#[mesosgot_sdk::scheduler]
fn host(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    args: Args,
    _env: Env,
) -> Result<(), Error> {
    let settings = Settings::parse(args)?;
    let mut run = Run::new(inbox, outbox, events, settings)?;
    let outcome = run.run();
    let report = run.into_report();
    println(&report.to_string());
    outcome.and_then(|()| report.verdict())
}

/// What an app scheduler prints appears in the output of `mesosgot run`.
#[expect(clippy::print_stdout, reason = "stdout is where the job's user reads")]
fn println(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests;
