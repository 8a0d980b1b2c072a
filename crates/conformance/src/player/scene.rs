//! What happened in a recording that only shows operators: the framework, its executor and the
//! agent, of which they saw the traces.
//!
//! Such a recording has no lines for the scheduler and the executor. What they did is written down
//! here as [`Step`]s before the lines that show it, and [`Cast`] plays them.

mod cast;

use std::path::Path;

use serde_json::Value;
use tokio::time::Instant;

use super::{PATIENCE, Player};
use crate::executor::Ending;
use crate::recording::{Recording, What};
pub(super) use cast::Cast;

/// What somebody does whom the recording does not show.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// The agent's process is started, which was not there before.
    AddAgent,
    /// The agent leaves in an orderly way.
    RemoveAgent,
    /// The agent that has left is started again.
    StartAgent,
    /// A framework subscribes, and is offered the agent.
    Subscribe,
    /// It launches tasks with so many cpus and megabytes each on a new executor, which subscribes
    /// and is given them.
    Launch(&'static [&'static str], f64, f64),
    /// It is offered what is left of the agent, and wants no more.
    TakeRest,
    /// The executor reports, and the framework hears of it.
    Update {
        task: &'static str,
        state: &'static str,
        message: Option<&'static str>,
    },
    /// The framework acknowledges the last update of a task.
    Acknowledge(&'static str),
    /// The executor leaves files in its sandbox.
    WriteFiles,
    /// The executor process ends.
    Exit,
    /// The framework gives itself another name.
    Rename,
    /// The framework tears itself down.
    Teardown,
}

/// The steps that were done just before a line of a recording.
struct Scene {
    recording: &'static str,
    line: usize,
    steps: &'static [Step],
}

/// The ports of the recordings.
const MASTER_PORT: u16 = 5050;
const AGENT_PORT: u16 = 5051;

/// The scenes of all recordings that have some.
const SCENES: &[Scene] = &[
    scene("01a", 28, OPERATED),
    scene("01b", 2, OPERATED),
    scene(
        "17",
        3,
        &[
            Step::Subscribe,
            Step::Launch(&["t"], 0.5, 64.0),
            update("t", "TASK_RUNNING"),
            Step::Acknowledge("t"),
            Step::WriteFiles,
        ],
    ),
    scene("17", 142, &[update("t", "TASK_FINISHED"), Step::Exit]),
    scene("17", 149, &[Step::Acknowledge("t")]),
    scene("19a", 6, &[Step::Subscribe]),
    scene("19a", 7, WATCHED),
    scene("19a", 12, &[Step::Rename]),
    scene("19a", 14, &[Step::RemoveAgent]),
    scene("19a", 18, &[Step::StartAgent]),
    scene("19a", 19, &[Step::Teardown]),
    scene("19b", 6, &[Step::Subscribe]),
    scene("19b", 7, WATCHED),
    scene("19b", 12, &[Step::Rename]),
    scene("19b", 13, &[Step::RemoveAgent]),
    scene("19b", 17, &[Step::StartAgent]),
    scene("19b", 18, &[Step::Teardown]),
];

/// The task `running` runs, the end of `unacked` is not acknowledged, that of `done` is; the rest
/// of the agent is offered.
const OPERATED: &[Step] = &[
    Step::AddAgent,
    Step::Subscribe,
    Step::Launch(&["running", "unacked", "done"], 0.5, 64.0),
    Step::TakeRest,
    update("running", "TASK_RUNNING"),
    Step::Acknowledge("running"),
    update("unacked", "TASK_FINISHED"),
    update("done", "TASK_FINISHED"),
    Step::Acknowledge("done"),
];

/// Two tasks run, one says so again, and the other ends.
const WATCHED: &[Step] = &[
    Step::Launch(&["a", "b"], 0.1, 32.0),
    update("a", "TASK_RUNNING"),
    Step::Acknowledge("a"),
    update("b", "TASK_RUNNING"),
    Step::Acknowledge("b"),
    update("a", "TASK_FINISHED"),
    Step::Acknowledge("a"),
    Step::Update {
        task: "b",
        state: "TASK_RUNNING",
        message: Some("second"),
    },
    Step::Acknowledge("b"),
];

const fn scene(recording: &'static str, line: usize, steps: &'static [Step]) -> Scene {
    Scene {
        recording,
        line,
        steps,
    }
}

const fn update(task: &'static str, state: &'static str) -> Step {
    Step::Update {
        task,
        state,
        message: None,
    }
}

/// The steps before a line.
fn steps(recording: &str, line: usize) -> &'static [Step] {
    let scene = SCENES
        .iter()
        .find(|scene| recording.starts_with(scene.recording) && scene.line == line);
    scene.map_or(&[], |scene| scene.steps)
}

/// Whether the recording begins without its agent.
pub(crate) fn begins_without_agent(recording: &str) -> bool {
    let mut scenes = SCENES.iter();
    let first = scenes.find(|scene| recording.starts_with(scene.recording));
    first.is_some_and(|scene| matches!(scene.steps, [Step::AddAgent, ..]))
}

/// The sandbox that operators ask for in a recording, if they name one.
pub(super) fn sandbox(recording: &Recording) -> Option<String> {
    const RUNS: &str = "/runs/";
    const CONTAINER_CHARS: usize = 36;
    recording.lines.iter().find_map(|line| {
        let What::Request(request) = &line.what else {
            return None;
        };
        let call: Value = serde_json::from_slice(&request.body).ok()?;
        let path = call["list_files"]["path"].as_str()?;
        let (before, run) = path.split_once(RUNS)?;
        let container = run.get(..CONTAINER_CHARS)?;
        Some(format!("{before}{RUNS}{container}"))
    })
}

impl Player<'_> {
    /// Does what was done before a line by those whom the recording does not show.
    pub(super) async fn play_scene(&mut self, recording: &str, line: usize, at_ms: f64) {
        let steps = steps(recording, line);
        for step in steps {
            if let Err(fault) = self.take(*step).await {
                self.add(line, "scene", format!("{step:?}: {fault}"));
                self.outcome.stopped = Some("what the recording tells of was not done".to_owned());
                return;
            }
        }
        if !steps.is_empty() {
            // It has taken the time between the lines.
            self.last = Instant::now();
            self.last_at_ms = at_ms;
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), String> {
        let error = |error: std::io::Error| error.to_string();
        let deadline = Instant::now() + PATIENCE;
        match step {
            Step::AddAgent => {
                let added = self.target.add_agent().await;
                if !added.map_err(|error| error.to_string())? {
                    return Err("a real cluster has its agent already".to_owned());
                }
                let agent = self.target.address(AGENT_PORT).ok_or("no agent")?;
                self.mapping.add_port(AGENT_PORT, agent.port());
                Ok(())
            }
            Step::RemoveAgent => {
                let cluster = self.target.cluster().ok_or("the agent of a real cluster")?;
                cluster.remove_agent(0).await;
                Ok(())
            }
            Step::StartAgent => {
                let cluster = self.target.cluster().ok_or("the agent of a real cluster")?;
                let started = cluster.start_agent(0).await;
                started.map_err(|error| error.to_string())
            }
            Step::Subscribe => {
                let master = self.target.address(MASTER_PORT).ok_or("no master")?;
                let agent = self.target.address(AGENT_PORT).ok_or("no agent")?;
                self.cast = Some(Cast::subscribe(master, agent, deadline).await?);
                Ok(())
            }
            Step::Launch(tasks, cpus, mem) => {
                let program = self.target.executors.program().to_owned();
                let cast = self.cast.as_mut().ok_or("no framework")?;
                cast.launch(&program, tasks, cpus, mem, deadline).await?;
                let executor = self.target.executors.next(cast::EXECUTOR, deadline);
                let executor = executor.await.ok_or("no executor process")?;
                if let (Some(recorded), Some(here)) =
                    (&self.sandbox, executor.process["cwd"].as_str())
                {
                    self.mapping.unify(recorded, here);
                }
                cast.welcome(&executor, tasks.len(), deadline).await?;
                self.processes.insert("e1".to_owned(), executor);
                Ok(())
            }
            Step::WriteFiles => {
                let executor = self.processes.get("e1").ok_or("no executor")?;
                let sandbox = executor.process["cwd"].as_str().ok_or("no sandbox")?;
                write_files(Path::new(sandbox)).map_err(error)
            }
            Step::Exit => {
                let mut executor = self.processes.remove("e1").ok_or("no executor")?;
                executor.end(Ending::Exit(0)).await.map_err(error)?;
                let ended = executor.has_ended(deadline).await;
                ended
                    .then_some(())
                    .ok_or_else(|| "it has not ended".to_owned())
            }
            Step::TakeRest
            | Step::Update { .. }
            | Step::Acknowledge(_)
            | Step::Rename
            | Step::Teardown => {
                let cast = self.cast.as_mut().ok_or("no framework")?;
                cast.take(step, deadline).await
            }
        }
    }
}

/// The files of recording 17, beside the two that every sandbox has.
fn write_files(sandbox: &Path) -> std::io::Result<()> {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let write = |path: &Path, content: &[u8], mode: u32| {
        fs::write(path, content)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    let big: Vec<u8> = (0..=u8::MAX).cycle().take(204_800).collect();
    write(&sandbox.join("big"), &big, 0o644)?;
    write(&sandbox.join("empty"), b"", 0o644)?;
    write(&sandbox.join("stderr"), b"to stderr\n", 0o644)?;
    let stdout = "executor ex1 started\nline two\nl\u{ef}ne three without end";
    write(&sandbox.join("stdout"), stdout.as_bytes(), 0o644)?;
    let sub = sandbox.join("sub");
    fs::create_dir(&sub)?;
    fs::set_permissions(&sub, fs::Permissions::from_mode(0o755))?;
    write(&sub.join("a file.txt"), b"hello\n", 0o644)?;
    // Where the recorded link led to there was a program of three bytes.
    let outside = sandbox.join("../outside");
    write(&outside, b"abc", 0o755)?;
    symlink(outside, sandbox.join("outlink"))
}
