//! Guests in the host, on links in memory.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, LazyLock, Mutex},
};

use executor_host::{
    Allow, TaskLimits,
    engine::Engine,
    inbox::{InboxCloser, TaskInbox},
    modules::TaskModule,
    outcome::Outcome,
    output::{Output, parse_line},
    task::{Prepared, TaskConfig},
};
use link::{Link, LinkConfig, Role};
use tokio::task::JoinHandle;

use crate::guests::{self, MEMORY};

/// The engine of all tests: compiling takes seconds.
pub(crate) fn engine() -> &'static Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("wasm runs here"));
    &ENGINE
}

/// The test task, compiled.
pub(crate) fn module() -> &'static TaskModule {
    static MODULE: LazyLock<TaskModule> =
        LazyLock::new(|| TaskModule::compile(engine(), guests::task()).expect("it is a task"));
    &MODULE
}

/// The task that sends HTTP requests, compiled.
fn web() -> &'static TaskModule {
    static MODULE: LazyLock<TaskModule> =
        LazyLock::new(|| TaskModule::compile(engine(), guests::web()).expect("it is a task"));
    &MODULE
}

/// What guests print, to look at.
#[derive(Clone, Default)]
pub(crate) struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of guests, whenever they were printed.
    pub(crate) fn without_times(&self) -> String {
        let text = self.text();
        let lines = text.lines().map(|line| {
            let line = parse_line(line).expect("it is a guest's line");
            format!("[{}] {}\n", line.name, line.text)
        });
        lines.collect()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Two ends of a link, carrying each other's frames until the runtime ends.
pub(crate) fn links() -> (Link, Link) {
    let here = Link::new(Role::Scheduler, 1, LinkConfig::new());
    let there = Link::new(Role::Executor, 2, LinkConfig::new());
    for (from, to) in [(here.clone(), there.clone()), (there.clone(), here.clone())] {
        tokio::spawn(async move {
            while let Some(frame) = from.next_frame().await {
                let _ = to.handle_frame(frame);
            }
        });
    }
    (here, there)
}

/// A task that runs, and the other ends of its channels.
pub(crate) struct Hosted {
    pub(crate) outbox: link::Sender,
    pub(crate) inbox: link::Receiver,
    pub(crate) closer: InboxCloser,
    pub(crate) stdout: Printed,
    pub(crate) stderr: Printed,
    life: JoinHandle<Outcome>,
}

/// Starts the test task with arguments.
pub(crate) async fn start(args: &[&str]) -> Hosted {
    start_with(config(args)).await
}

/// The configuration of a task with arguments.
pub(crate) fn config(args: &[&str]) -> TaskConfig {
    TaskConfig {
        name: "task-0".to_owned(),
        args: args.iter().copied().map(str::to_owned).collect(),
        env: Vec::new(),
        limits: TaskLimits {
            memory_bytes_max: MEMORY,
            cpu_time_max: None,
            idle_max: None,
        },
        allow: Allow::default(),
    }
}

/// Starts the test task.
pub(crate) async fn start_with(config: TaskConfig) -> Hosted {
    start_in(config, Path::new(".")).await
}

/// Starts the test task in an executor with that sandbox.
pub(crate) async fn start_in(config: TaskConfig, sandbox: &Path) -> Hosted {
    start_module(module(), config, sandbox).await
}

/// Starts the task that sends HTTP requests.
pub(crate) async fn start_web(config: TaskConfig) -> Hosted {
    start_module(web(), config, Path::new(".")).await
}

/// Why the test task cannot be started.
pub(crate) async fn refused(config: TaskConfig) -> Outcome {
    let output = Output::new(io::sink(), io::sink());
    match Prepared::new(engine(), module(), config, &output, Path::new(".")).await {
        Ok(_) => panic!("it was prepared"),
        Err(outcome) => outcome,
    }
}

async fn start_module(module: &TaskModule, config: TaskConfig, sandbox: &Path) -> Hosted {
    let (here, there) = links();
    let (outbox, inbox) = here.open(&config.name).unwrap();
    let (sender, receiver) = there.open(&config.name).unwrap();
    let (stdout, stderr) = (Printed::default(), Printed::default());
    let output = Output::new(stdout.clone(), stderr.clone());
    let prepared = Prepared::new(engine(), module, config, &output, sandbox)
        .await
        .unwrap();
    let (task_inbox, closer) = TaskInbox::new(receiver);
    let life = tokio::spawn(prepared.run(task_inbox, sender));
    Hosted {
        outbox,
        inbox,
        closer,
        stdout,
        stderr,
        life,
    }
}

impl Hosted {
    pub(crate) async fn send(&self, text: &str) {
        self.outbox.send(text.to_owned().into()).await.unwrap();
    }

    /// The next message, if there is one.
    pub(crate) async fn recv(&self) -> Option<String> {
        let message = self.inbox.recv().await?;
        Some(String::from_utf8(message.into()).unwrap())
    }

    /// How it ends.
    pub(crate) async fn outcome(self) -> Outcome {
        self.life.await.unwrap()
    }

    /// Stops it by force; true if that was what ended it.
    pub(crate) async fn stop(self) -> bool {
        self.life.abort();
        self.life.await.is_err_and(|error| error.is_cancelled())
    }
}
