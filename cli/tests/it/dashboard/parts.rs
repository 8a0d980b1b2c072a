//! Parts of the page, one by one: channels, the timeline of events, a restart.

use serde_json::json;

use super::devtools::browser;
use super::page::Page;
use super::stage::{self, Stage};
use crate::support::Scene;

#[test]
fn channels_tell_what_waits_in_them_how_fast_they_are_and_who_waits_for_whom() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    // The app scheduler only sends, until there is no room; the task does the same.
    let job = scene.job(
        "job: stuck
scheduler: { module: guests/director, args: [flood, '100000'] }
tasks:
  burst: { module: guests/actor, cpus: 0.1, mem: 32MiB, args: [burst, '100000'] }
",
    );
    let mut running = scene.start(&["run", &job.display().to_string(), "--dashboard"]);
    let url = running.wait_for_log("dashboard on http://");
    let mut page = Page::open(browser, &format!("http://{}", url.trim()));
    page.size(1600, 1000);
    page.wait("document.querySelector('#figures dd')?.textContent === '1 of 1'");
    page.click("#tab-channels");
    let row = "#table tbody tr:not(.space)";
    page.wait(&format!(
        "document.querySelector('{row} .blocked-by').textContent === 'app scheduler waits for \
         burst-0 to receive; burst-0 waits for the app scheduler to receive'"
    ));
    page.wait(
        "document.querySelector('#blocked').textContent.startsWith('1 task with somebody blocked')",
    );
    let cells = page.eval(&format!(
        "[...document.querySelector('{row}').cells].map((it) => it.textContent)"
    ));
    let cell = |at: usize| cells[at].as_str().expect("it is text").to_owned();
    for (at, title) in [(1, "in"), (3, "out")] {
        let depth = cell(at);
        let depth = depth
            .strip_suffix(" full")
            .unwrap_or_else(|| panic!("{title} is not full: {cells}"));
        let depth: u64 = depth.replace(',', "").parse().expect("it is a number");
        assert!(depth > 0, "{title}: {cells}");
    }
    assert_ne!(cell(5), "0", "it found its channel full: {cells}");
    // By state, such tasks are found.
    page.eval("(() => { const it = document.querySelector('#tasks-state'); it.value = 'blocked'; it.dispatchEvent(new Event('input')); })()");
    assert_eq!(page.text("#tasks-count"), "1");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn rates_of_channels_are_messages_a_second() {
    let Some(browser) = browser() else { return };
    let mut page = Page::open(
        browser,
        &super::feed::serve(super::feed::Feed {
            tasks: 20,
            // Each once in 100 ms: 3 messages to it and, one behind, 3 of it.
            changes: 200,
            length: std::time::Duration::from_secs(30),
            text: "text",
            name: "last-19",
        }),
    );
    page.size(1600, 1000);
    page.wait("document.querySelector('#tasks-count').textContent === '20'");
    page.click("#tab-channels");
    // 30 a second, as even as the machine is.
    page.wait(
        "['td:nth-child(3)', 'td:nth-child(5)'].every((cell) => {
           const rate = Number(document.querySelector(`#table tr#row-3 ${cell}`).textContent);
           return rate > 20 && rate < 40;
         })",
    );
    assert_eq!(
        page.text("#blocked"),
        "20 tasks with somebody blocked; “in” is what the app scheduler sends to a task"
    );
}

#[test]
fn a_task_is_restarted_from_the_page() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = super::patient(&scene, "");
    let mut page = Page::open(browser, &url);
    page.size(1600, 1000);
    page.wait("document.querySelector('#figures dd')?.textContent === '2 of 2'");
    page.click("#table tbody tr:not(.space)");
    page.wait("document.querySelector('#detail-name').textContent === 'echo-0'");
    // Whoever thinks better of it has done nothing.
    page.click("#detail-restart");
    page.wait("document.querySelector('#confirm-title').textContent === 'Restart echo-0?'");
    page.press("Enter");
    page.wait("!document.querySelector('#confirm').open");
    assert_eq!(page.text("#detail-answer"), "");
    page.click("#detail-restart");
    page.wait("document.querySelector('#confirm').open");
    page.click("#confirm .danger");
    page.wait("document.querySelector('#detail-answer').textContent === 'It is being restarted.'");
    let fact = "[...document.querySelectorAll('#detail-facts > div')].find((it) => it.firstChild.textContent === 'Restarts').children[1].textContent";
    page.wait(&format!("{fact} === '1'"));
    page.wait("document.querySelector('#detail-state').textContent.startsWith('running')");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn the_timeline_has_a_lane_for_each_kind_and_a_column_for_each_time() {
    let Some(browser) = browser() else { return };
    let at = |second: u64| format!("2026-11-21T10:00:{second:02}.000Z");
    // Over 95 parts of 19 seconds: five columns are a second.
    let mut events = vec![json!({ "seq": 1, "time": at(0), "event": "app_started" })];
    for seq in 2..=5 {
        let time = at(10);
        events.push(json!({
            "seq": seq, "time": time, "event": "task", "task": format!("work-{seq}"),
            "state": "TASK_RUNNING",
        }));
    }
    events.push(
        json!({ "seq": 6, "time": at(19), "event": "task", "task": "work-2",
        "state": "TASK_FAILED", "reason": "REASON_TASK", "message": "it fell" }),
    );
    events.push(json!({ "seq": 7, "time": at(19), "event": "something_new", "size": 3 }));
    let status = stage::status(&[("work", 1)], &[("agent-0", "here")]);
    let task = stage::task("work-2", "work", "TASK_FAILED", "agent-0");
    let snapshot = json!({ "status": status, "tasks": [task], "events": events });
    let mut page = Page::open(
        browser,
        &stage::serve(Stage {
            snapshots: vec![snapshot],
            answers: Vec::new(),
        }),
    );
    page.wait("document.querySelector('#strip rect:not([height=\"0\"])')");
    let bars = page.eval(
        "[...document.querySelectorAll('#strip rect')]
           .filter((bar) => Number(bar.getAttribute('height')) > 0)
           .map((bar) => [bar.getAttribute('class'), Math.floor(bar.getAttribute('x')), Number(bar.getAttribute('height'))])",
    );
    // Four at once are as high as one, and twice two for each doubling.
    let wanted = json!([
        ["job", 0, 2],
        ["job", 95, 2],
        ["task", 50, 6],
        ["bad", 95, 2]
    ]);
    assert_eq!(bars, wanted);
    let painted = page.eval(
        "[...document.querySelectorAll('#strip rect')].filter((bar) => {
           const box = bar.getBoundingClientRect();
           return box.width > 0 && box.height > 1;
         }).length",
    );
    assert_eq!(painted, 4, "they are to be seen");
    let texts =
        page.eval("[...document.querySelectorAll('#events .text')].map((it) => it.textContent)");
    let wanted = json!([
        "all tasks are up, the app scheduler begins",
        "work-2 running",
        "work-3 running",
        "work-4 running",
        "work-5 running",
        "work-2 failed, REASON_TASK: it fell",
        "something new: size 3",
    ]);
    assert_eq!(texts, wanted);
    assert_eq!(page.text("#events-count"), "7");
    page.click("#events .line:nth-child(6)");
    assert_eq!(page.text("#detail-name"), "work-2");
    assert_eq!(page.problems(), [""; 0]);
}
