//! The dashboard in a real browser: Chromium, without a window. Where none is installed these tests
//! are skipped and say so; with `MESOSGOT_TEST_CHROMIUM` set there must be one.

mod access;
mod colours;
mod crowds;
mod devtools;
mod feed;
mod hostile;
mod keys;
mod looks;
mod page;
mod parts;
mod stage;
mod tabs;
mod views;

use std::fs;
use std::path::Path;

use self::page::Page;
use crate::support::{Running, Scene};

/// How many tasks the large job has.
const MANY: usize = 1000;

/// Text that would run if it were taken for HTML, and escapes for terminals.
const HOSTILE: &str =
    "<script>document.title='bad'</script><img src=x onerror=alert(1)> &amp; \u{1b}[31mred";

/// A job of a thousand tasks on four agents, with its dashboard; its address.
fn large(scene: &Scene) -> (Running, String) {
    let text = serde_json::to_string(HOSTILE).expect("text is JSON");
    let job = scene.job(&format!(
        "job: large
scheduler: {{ module: guests/director, args: [wait] }}
defaults: {{ cpus: 0.01, mem: 8MiB }}
tasks:
  ear:  {{ module: guests/actor, count: 4, args: [hear, {text}] }}
  echo: {{ module: guests/actor, count: {} }}
  fall: {{ module: guests/actor, count: 1, args: [fail, {text}], on_failure: ignore }}
",
        MANY - 5
    ));
    let job = job.display().to_string();
    let resources = "cpus:4;mem:16384";
    let mut running = scene.start(&[
        "run",
        &job,
        "--agents",
        "4",
        "--resources",
        resources,
        "--dashboard",
    ]);
    let url = running.wait_for_log("dashboard on http://");
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    (running, format!("http://{}", url.trim()))
}

/// A job of two tasks that runs until it is ended; its address.
fn patient(scene: &Scene, line: &str) -> (Running, String) {
    patient_at(scene, line, "", "--dashboard")
}

/// The same with further groups of tasks, and the dashboard where it is wanted.
fn patient_at(scene: &Scene, line: &str, tasks: &str, dashboard: &str) -> (Running, String) {
    let job = scene.job(&format!(
        "job: patient
scheduler: {{ module: guests/director, args: [wait] }}
{line}
tasks:
  echo: {{ module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }}
{tasks}
"
    ));
    let mut running = scene.start(&["run", &job.display().to_string(), dashboard]);
    let url = format!(
        "http://{}",
        running.wait_for_log("dashboard on http://").trim()
    );
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    (running, url)
}

/// Keeps a picture of the page, if somebody wants pictures.
fn picture(page: &mut Page, name: &str) -> usize {
    let picture = page.screenshot();
    if let Some(folder) = std::env::var_os("MESOSGOT_PICTURES") {
        let path = Path::new(&folder).join(format!("{name}.png"));
        fs::write(path, &picture).expect("the picture can be written");
    }
    picture.len()
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever runs it")]
fn say(text: &str) {
    eprintln!("{text}");
}
