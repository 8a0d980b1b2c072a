//! The dashboard in a real browser: Chromium, without a window. Where none is installed these tests
//! are skipped and say so; with `MESOSGOT_TEST_CHROMIUM` set there must be one.

mod devtools;
mod page;

use std::fs;
use std::path::Path;

use self::devtools::browser;
use self::page::Page;
use crate::support::{Running, Scene};

/// How many tasks the large job has.
const MANY: usize = 1000;

/// The most that a picture in the documentation has.
const PICTURE_BYTES_MAX: usize = 200 * 1024;

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

#[test]
fn a_thousand_tasks_are_filtered_and_read() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = large(&scene);
    let origin = url.split_once("/#").unwrap().0.to_owned();
    let mut page = Page::open(browser, &url);

    page.wait("document.querySelector('#figures dd')?.textContent === '1,000 of 1,000'");
    assert_eq!(page.text("#tasks-count"), "1,000");
    assert_eq!(page.text("#job"), "large");
    let rows = page.eval("document.querySelectorAll('#table tbody tr').length");
    assert!(
        rows.as_u64().unwrap() < 60,
        "only rows in sight are there: {rows}"
    );
    assert_eq!(page.eval("location.hash"), "");

    // Filter, by keyboard alone.
    page.press("/");
    page.type_text("echo-77");
    page.wait("document.querySelector('#tasks-count').textContent === '11 of 1,000'");
    page.press("Escape");
    page.wait("document.querySelector('#tasks-count').textContent === '1,000'");

    // The keyboard opens a task.
    page.type_text("ear-2");
    page.press("Enter");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'ear-2'");

    // Its log, with what it printed before the page was there.
    page.click("#detail-logs");
    page.wait(
        "[...document.querySelectorAll('#logs .who')].every((who) => who.textContent === 'ear-2')",
    );
    page.wait("document.querySelector('#logs').textContent.includes('<script>document.title')");

    page.press("Escape");

    assert_eq!(
        page.eval("document.querySelectorAll('img, #logs script').length"),
        0
    );
    assert_eq!(page.eval("document.title"), "large · mesosgot");
    assert_eq!(page.problems(), [""; 0]);
    let elsewhere = |url: &&String| !url.starts_with(&origin);
    assert_eq!(page.requests().iter().find(elsewhere), None);
}

#[test]
fn pictures_of_the_elevator_job_are_small_enough_to_be_in_the_documentation() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let arguments = ["run", "elevator.yaml", "--agents", "3", "--dashboard", "--"];
    let mut job = scene.start(&[&arguments[..], &["--seconds", "600", "--seed", "7"]].concat());
    let url = format!("http://{}", job.wait_for_log("dashboard on http://").trim());
    let mut page = Page::open(browser, &url);
    page.size(1440, 900);
    page.wait("document.querySelector('#figures dd')?.textContent === '12 of 12'");
    // Until cars have riders.
    page.wait("document.querySelectorAll('#logs .line').length >= 14");
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        let picture = page.screenshot();
        assert!(
            picture.len() <= PICTURE_BYTES_MAX,
            "{} bytes",
            picture.len()
        );
        if let Some(folder) = std::env::var_os("MESOSGOT_PICTURES") {
            let path = Path::new(&folder).join(format!("dashboard-{scheme}.png"));
            fs::write(path, picture).expect("the picture can be written");
        }
    }
    assert_eq!(page.problems(), [""; 0]);
}
