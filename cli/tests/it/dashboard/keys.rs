//! The page without a pointer.

use serde_json::{Value, json};

use super::devtools::{Browser, browser};
use super::page::Page;
use super::stage::{self, BEGAN, Stage};
use super::{patient, patient_at};
use crate::support::Scene;

#[test]
fn everything_is_reached_and_done_by_keyboard() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = patient(&scene, "");
    let mut page = Page::open(browser, &url);
    page.wait("document.querySelector('#figures dd')?.textContent === '2 of 2'");
    let mut reached = Vec::new();
    for _ in 0..40 {
        page.press("Tab");
        let at = page.eval(
            "(() => {
               const node = document.activeElement;
               const outline = getComputedStyle(node);
               const shown = outline.outlineStyle !== 'none' && outline.outlineWidth !== '0px';
               return `${node.id || node.textContent} ${shown || node === document.body}`;
             })()",
        );
        reached.push(at.as_str().expect("it is text").to_owned());
    }
    let hidden: Vec<_> = reached.iter().filter(|at| at.ends_with("false")).collect();
    assert!(hidden.is_empty(), "the focus is not shown at {hidden:?}");
    for id in [
        "stop",
        "tab-tasks",
        "tasks-filter",
        "tasks-group",
        "tasks-state",
        "logs-filter",
        "logs-follow",
        "logs",
        "events-filter",
        "events-kind",
        "events",
        "agent-0",
    ] {
        assert!(
            reached.contains(&format!("{id} true")),
            "{id} is not in {reached:?}"
        );
    }

    // A task is opened, and closing it brings the focus back.
    page.eval("document.activeElement.blur()");
    page.press("/");
    page.press("ArrowDown");
    page.press("ArrowDown");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'echo-1'");
    page.press("Escape");
    page.wait("document.querySelector('#detail').hidden");
    assert_eq!(page.eval("document.activeElement.tagName"), "TABLE");

    // The job is stopped.
    page.eval("document.querySelector('#stop').focus()");
    page.press("Enter");
    page.wait("document.querySelector('#confirm').open");
    assert_eq!(page.eval("document.activeElement.textContent"), "Cancel");
    page.press("Tab");
    page.press("Enter");
    page.wait("document.querySelector('#connection').textContent === 'the job has ended'");
    assert_eq!(page.text("#phase"), "interrupted");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn a_task_is_sent_to_restarted_and_killed_by_keyboard() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let ear = "  ear: { module: guests/actor, cpus: 0.1, mem: 32MiB, args: [hear, here] }";
    let (_job, url) = patient_at(&scene, "", ear, "--dashboard");
    let mut page = Page::open(browser, &url);
    page.wait("document.querySelector('#figures dd')?.textContent === '3 of 3'");
    page.press("/");
    page.type_text("ear");
    page.press("Enter");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'ear-0'");
    page.tab_to("#send-text");
    page.type_text("two\nlines");
    page.press("Ctrl+Enter");
    page.wait("document.querySelector('#detail-answer').textContent === 'Sent.'");
    page.wait("document.querySelector('#logs').textContent.includes('heard two')");
    assert_eq!(page.eval("document.querySelector('#send-text').value"), "");
    page.tab_to("#detail-logs");
    page.press("Enter");
    assert_eq!(
        page.eval("document.querySelector('#logs-filter').value"),
        "ear-0"
    );

    let confirm = |page: &mut Page, button: &str, answer: &str| {
        page.tab_to(button);
        page.press("Enter");
        page.wait("document.activeElement.textContent === 'Cancel'");
        page.press("Tab");
        page.press("Enter");
        page.wait(&format!(
            "document.querySelector('#detail-answer').textContent === '{answer}'"
        ));
        // The question has gone, and the focus is where it was asked.
        assert_eq!(
            page.eval(&format!("document.activeElement.matches('{button}')")),
            true
        );
    };
    confirm(&mut page, "#detail-restart", "It is being restarted.");
    page.wait("document.querySelector('#logs').textContent.split('here').length > 2");
    page.wait("document.querySelector('#detail-state').textContent.startsWith('running')");
    confirm(&mut page, "#detail-kill", "It is being killed.");
    page.wait("document.querySelector('#detail-state').textContent.startsWith('killed')");
    page.press("Escape");
    page.wait("document.querySelector('#detail').hidden");
    assert_eq!(page.problems(), [""; 0]);
}

/// A job with so many tasks on one agent, lines and events that each has more than is in sight.
fn long() -> Value {
    let count = 300;
    let status = stage::status(&[("work", count)], &[("agent-0", "here")]);
    let name = |number: usize| format!("work-{number}");
    let tasks = (0..count).map(|number| {
        let mut task = stage::task(&name(number), "work", "TASK_RUNNING", "agent-0");
        task["memory_bytes"] = (number * 1024 * 1024).into();
        task
    });
    let seqs = 1..=count as u64;
    let lines = seqs
        .clone()
        .map(|seq| stage::line(seq, &name(seq as usize - 1), &format!("says {seq}")));
    let events = seqs.map(|seq| {
        json!({
            "seq": 1000 + seq, "time": BEGAN, "event": "task", "task": name(seq as usize - 1),
            "state": "TASK_RUNNING",
        })
    });
    json!({
        "status": status, "tasks": tasks.collect::<Vec<_>>(),
        "lines": lines.collect::<Vec<_>>(), "events": events.collect::<Vec<_>>(),
    })
}

/// A page with all that, and where the keys have come to.
fn long_page(browser: Browser) -> Page {
    let stage = Stage {
        snapshots: vec![long()],
        answers: Vec::new(),
    };
    let mut page = Page::open(browser, &stage::serve(stage));
    page.size(1600, 1000);
    page.wait("document.querySelector('#tasks-count').textContent === '300'");
    page
}

/// What is marked in a table or list, if it is all in sight and the one that readers are told of.
#[track_caller]
fn marked(page: &mut Page, place: &str) -> Value {
    page.wait(&format!(
        "(() => {{
           const place = document.querySelector('{place}');
           const node = place.querySelector('.marked');
           const told = document.activeElement.getAttribute('aria-activedescendant');
           const [box, room] = [node, place].map((it) => it.getBoundingClientRect());
           return told === node.id && node.getAttribute('aria-selected') === 'true'
             && box.top >= room.top - 1 && box.bottom <= room.bottom + 1
             && (node.querySelector('td, .text').textContent);
         }})()"
    ))
}

#[test]
fn the_table_is_walked_sorted_and_changed_by_keys() {
    let Some(browser) = browser() else { return };
    let mut page = long_page(browser);
    page.tab_to("#table table");
    for (key, task) in [
        ("ArrowDown", "work-0"),
        ("ArrowDown", "work-1"),
        ("End", "work-299"),
        ("ArrowUp", "work-298"),
        ("Home", "work-0"),
        ("ArrowUp", "work-0"),
    ] {
        page.press(key);
        assert_eq!(marked(&mut page, "#table"), task, "after {key}");
    }
    page.press("PageDown");
    let below = marked(&mut page, "#table");
    let number = below.as_str().and_then(|it| it.strip_prefix("work-"));
    let number: u32 = number.and_then(|it| it.parse().ok()).expect("it is a task");
    assert!((4..40).contains(&number), "a page is {number} rows");
    page.press("PageUp");
    assert_eq!(marked(&mut page, "#table"), "work-0");

    // The heads of columns come after the table; those of numbers begin with the largest.
    page.tab_to("th:nth-child(5) button");
    page.press("Enter");
    let first = "document.querySelector('#table tbody tr:not(.space) td').textContent";
    page.wait(&format!("{first} === 'work-299'"));
    let sorted = "document.querySelector('th:nth-child(5)').getAttribute('aria-sort')";
    assert_eq!(page.eval(sorted), "descending");
    page.press("Enter");
    page.wait(&format!("{first} === 'work-0'"));
    assert_eq!(page.eval(sorted), "ascending");

    // Back to the tabs, and on to the channels and back.
    page.eval("document.activeElement.blur()");
    page.tab_to("#tab-tasks");
    for (key, tab, head) in [
        ("ArrowRight", "tab-channels", "In depth"),
        ("ArrowLeft", "tab-tasks", "State"),
        ("ArrowLeft", "tab-channels", "In depth"),
    ] {
        page.press(key);
        assert_eq!(page.eval("document.activeElement.id"), tab);
        assert_eq!(page.text("th:nth-child(2) button"), head);
    }
    page.press("Shift+Tab");
    assert_eq!(page.eval("document.activeElement.className"), "cell up");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn events_logs_and_cells_are_walked_filtered_and_opened_by_keys() {
    let Some(browser) = browser() else { return };
    let mut page = long_page(browser);
    let name = "document.querySelector('#detail').hidden || document.querySelector('#detail-name').textContent";

    // A cell of an agent.
    page.tab_to("#agents .cell");
    for (key, task) in [
        ("ArrowRight", "work-1"),
        ("End", "work-299"),
        ("ArrowLeft", "work-298"),
        ("Home", "work-0"),
        ("ArrowLeft", "work-0"),
    ] {
        page.press(key);
        assert_eq!(page.eval("document.activeElement.dataset.task"), task);
    }
    page.press("ArrowDown");
    let below = page.eval("document.activeElement.dataset.task");
    assert_ne!(below, "work-0");
    assert_eq!(
        page.eval("document.activeElement.getAttribute('aria-label')"),
        format!("{}: running", below.as_str().expect("it is text"))
    );
    page.press("Enter");
    assert_eq!(page.eval(name), below);
    page.press("Escape");
    assert_eq!(page.eval("document.activeElement.dataset.task"), below);

    // Lines of the log.
    page.tab_to("#logs-filter");
    page.type_text("says 29");
    page.wait("document.querySelector('#logs-count').textContent === '11'");
    page.press("Escape");
    page.wait("document.querySelector('#logs-count').textContent === '300'");
    page.tab_to("#logs");
    // As little as the first step of a wheel leaves the end.
    page.eval("document.querySelector('#logs').scrollBy(0, -5)");
    page.wait("!document.querySelector('#logs-follow').checked");
    page.press("Home");
    page.wait("document.querySelector('#logs').scrollTop === 0");
    page.press("End");
    page.wait("document.querySelector('#logs-follow').checked");

    // Events.
    page.tab_to("#events-filter");
    page.type_text("work-29");
    page.wait("document.querySelector('#events-count').textContent === '11'");
    page.press("Escape");
    page.wait("document.querySelector('#events-count').textContent === '300'");
    page.tab_to("#events-kind");
    for (key, count) in [("ArrowDown", "300"), ("ArrowDown", "0"), ("Home", "300")] {
        page.press(key);
        page.wait(&format!(
            "document.querySelector('#events-count').textContent === '{count}'"
        ));
    }
    page.tab_to("#events");
    for (key, number) in [
        ("ArrowUp", 299),
        ("ArrowUp", 298),
        ("ArrowDown", 299),
        ("Home", 0),
        ("ArrowDown", 1),
        ("End", 299),
        ("ArrowUp", 298),
    ] {
        page.press(key);
        let text = format!("work-{number} running");
        assert_eq!(marked(&mut page, "#events"), text, "after {key}");
    }
    page.press("PageUp");
    assert_ne!(marked(&mut page, "#events"), "work-298 running");
    page.press("PageDown");
    assert_eq!(marked(&mut page, "#events"), "work-298 running");
    page.press("Enter");
    assert_eq!(page.eval(name), "work-298");
    page.press("Escape");
    assert_eq!(page.eval("document.activeElement.id"), "events");
    assert_eq!(page.problems(), [""; 0]);
}
