//! Pages that nobody sees: they leave the few connections that a browser has to one host to others.

use serde_json::json;

use super::devtools::browser;
use super::page::Page;
use super::stage::{self, Stage};
use super::{patient_at, stage::line};
use crate::support::Scene;

/// More than any browser has connections to one host.
const TABS: usize = 8;

/// So many lines are printed while a page is hidden: more than a snapshot has.
const LINES: usize = 1500;

/// How many entries the job has, of `logs` or `events`.
fn total(what: &str) -> String {
    format!(
        "fetch('/v1/{what}', {{ headers: {{
           Authorization: `Bearer ${{sessionStorage.getItem('mesosgot-token')}}`,
         }} }}).then((answer) => answer.text()).then((text) => text.split('\\n').length - 1)"
    )
}

#[test]
fn more_pages_than_a_browser_has_connections_are_up_to_date_when_they_are_seen() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let words: Vec<String> = (0..LINES).map(|number| format!("word {number}")).collect();
    let job = format!(
        "  talk: {{ module: guests/actor, cpus: 0.1, mem: 32MiB, args: [say, {}] }}",
        words.join(", ")
    );
    let (job, url) = patient_at(&scene, "", &job, "--dashboard");
    let mut page = Page::open(browser, &url);
    for tab in 0..TABS {
        if tab > 0 {
            page.open_tab(&url);
        }
        page.wait("document.querySelector('#figures dd')?.textContent === '3 of 3'");
        assert_eq!(page.text("#connection"), "live");
    }
    page.use_tab(0);
    assert_eq!(page.eval("document.hidden"), true);
    assert_eq!(page.text("#connection"), "paused while hidden");
    let logs_before = page.text("#logs-count");

    page.use_tab(TABS - 1);
    page.type_into("#logs-filter", "talk-0");
    page.eval(
        "fetch('/v1/tasks/talk-0/send', { method: 'POST', body: 'go', headers: {
           Authorization: `Bearer ${sessionStorage.getItem('mesosgot-token')}`,
         } }).then((answer) => answer.status)",
    );
    page.wait(&format!(
        "document.querySelector('#logs').textContent.includes('word {}')",
        LINES - 1
    ));
    let logs = page.eval(&total("logs"));
    let events = page.eval(&total("events"));
    assert!(logs.as_u64() > Some(LINES as u64), "{logs}");

    page.use_tab(0);
    assert_eq!(page.text("#logs-count"), logs_before);
    page.show_tab(0);
    for (place, number) in [("#logs-count", logs), ("#events-count", events)] {
        page.wait(&format!(
            "document.querySelector('{place}').textContent === ({number}).toLocaleString('en-US')"
        ));
    }
    assert_eq!(page.text("#connection"), "live");
    assert_eq!(page.problems(), [""; 0]);

    // Whoever comes back after the end is told what may have been.
    drop(job);
    page.show_tab(1);
    page.wait(
        "document.querySelector('#connection').textContent.includes('may have ended while this page was hidden')",
    );
}

/// What a page shows in *Logs* that had the lines 1 to 3, was hidden, and finds 10 to 12.
fn after_a_gap(answer: Option<Vec<serde_json::Value>>) -> Option<(String, String)> {
    let browser = browser()?;
    let lines = |numbers: std::ops::RangeInclusive<u64>| -> Vec<_> {
        numbers
            .map(|seq| line(seq, "echo-0", &format!("{seq};")))
            .collect()
    };
    let snapshot = |numbers| {
        let status = stage::status(&[("echo", 1)], &[("agent-0", "here")]);
        let task = stage::task("echo-0", "echo", "TASK_RUNNING", "agent-0");
        json!({ "status": status, "tasks": [task], "lines": lines(numbers) })
    };
    let answers = answer.map(|lines| {
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        ("/v1/logs", text.join("\n"))
    });
    let mut page = Page::open(
        browser,
        &stage::serve(Stage {
            snapshots: vec![snapshot(1..=3), snapshot(10..=12)],
            answers: answers.into_iter().collect(),
        }),
    );
    page.wait("document.querySelector('#logs-count').textContent === '3'");
    page.open_tab("about:blank");
    page.use_tab(0);
    page.wait("document.querySelector('#connection').textContent === 'paused while hidden'");
    page.show_tab(0);
    page.wait("!['3', '6'].includes(document.querySelector('#logs-count').textContent)");
    let shown = page
        .eval("[...document.querySelectorAll('#logs .text')].map((it) => it.textContent).join('')");
    Some((shown.to_string(), page.text("#logs-count")))
}

#[test]
fn what_a_hidden_page_missed_is_put_where_it_belongs() {
    let missed = [json!({ "forgotten": 2 })];
    let missed = missed.into_iter();
    let missed = missed.chain((6..=12).map(|seq| line(seq, "echo-0", &format!("{seq};"))));
    let Some(seen) = after_a_gap(Some(missed.collect())) else {
        return;
    };
    let shown = r#""1;2;3;6;7;8;9;10;11;12;""#;
    assert_eq!(seen, (shown.to_owned(), "10, 2 skipped".to_owned()));
}

#[test]
fn what_cannot_be_fetched_is_said_to_be_missing() {
    let Some(seen) = after_a_gap(None) else {
        return;
    };
    let shown = r#""1;2;3;10;11;12;""#;
    assert_eq!(seen, (shown.to_owned(), "6, some missing".to_owned()));
}
