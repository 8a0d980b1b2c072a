//! Many tasks at once: a job of a thousand, and a feed of ten thousand.

use std::time::Duration;

use super::devtools::browser;
use super::feed::{self, Feed};
use super::page::Page;
use super::{HOSTILE, large, say};
use crate::support::Scene;

/// Within so many milliseconds 99 of 100 updates are to be on the screen, where nothing else keeps the
/// machine busy.
const UPDATE_TARGET_MS: f64 = 100.0;

#[test]
fn a_thousand_tasks_are_filtered_sent_to_killed_and_read() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = large(&scene);
    // With its slash: `:1234` is the beginning of `:12345` as well.
    let origin = format!("{}/", url.split_once("/#").unwrap().0);
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

    // Send, to the task that the keyboard opens.
    page.type_text("ear-2");
    page.press("Enter");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'ear-2'");
    page.click("#send-text");
    page.type_text("hello <b>ear</b>");
    page.click("#send-form button");
    page.wait("document.querySelector('#detail-answer').textContent === 'Sent.'");
    page.wait("document.querySelector('#logs').textContent.includes('heard hello <b>ear</b>')");

    // Its log, with what it printed before the page was there.
    page.click("#detail-logs");
    page.wait(
        "[...document.querySelectorAll('#logs .who')].every((who) => who.textContent === 'ear-2')",
    );
    page.wait("document.querySelector('#logs').textContent.includes('<script>document.title')");

    // Kill.
    page.click("#detail-kill");
    page.wait("document.querySelector('#confirm').open");
    page.click("#confirm .danger");
    // Killing goes on until it has ended.
    page.wait("document.querySelector('#detail-state').textContent.startsWith('killed')");
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
fn updates_of_ten_thousand_tasks_are_all_shown() {
    let feed = Feed {
        tasks: 10_000,
        changes: 2_000,
        length: Duration::from_secs(10),
        text: HOSTILE,
        name: "<img src=x onerror=alert(1)>-9999",
    };
    let Some(browser) = browser() else { return };
    let mut page = Page::open(browser, &feed::serve(feed));
    let seen = follow(&mut page);
    let share = |share: f64| seen[((seen.len() - 1) as f64 * share) as usize];
    say(&format!(
        "{} updates: p50 {:.0} ms, p99 {:.0} ms (target: {UPDATE_TARGET_MS} ms), at most {:.0} ms",
        seen.len(),
        share(0.5),
        share(0.99),
        share(1.0)
    ));

    // Each task was told of twice, running and then starting, and a line with every fourth of that.
    let figures = page.text("#figures");
    for told in ["0 of 10,000", "10,000 starting", "5,001 messages"] {
        assert!(figures.contains(told), "{told}: {figures}");
    }
    page.wait("document.querySelector('#logs').textContent.includes('line 5001')");

    // What tasks are called, print and are told with is text.
    page.press("End");
    page.eval("document.querySelector('#table table').focus()");
    page.press("End");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent.startsWith('<img')");
    assert_eq!(page.text("#detail-message"), HOSTILE);
    assert_eq!(
        page.eval("document.querySelectorAll('img, main script').length"),
        0
    );
    assert_eq!(page.eval("document.title"), "simulated · mesosgot");
    assert_eq!(page.problems(), [""; 0]);
}

/// How long each update took until it was painted, in order, while the table is used.
fn follow(page: &mut Page) -> Vec<f64> {
    page.size(1600, 1000);
    page.eval(
        "window.seen = [];
         new PerformanceObserver((list) => {
           for (const entry of list.getEntriesByName('update')) window.seen.push(entry.duration);
         }).observe({ entryTypes: ['measure'] }); 0",
    );
    page.wait("document.querySelector('#tasks-count').textContent === '10,000'");
    page.press("/");
    page.type_text("work-99");
    page.wait("document.querySelector('#tasks-count').textContent === '110 of 10,000'");
    page.press("Escape");
    page.wait("document.querySelector('#connection').textContent === 'the job has ended'");
    let seen = page.eval("window.seen.sort((a, b) => a - b)");
    let seen: Vec<f64> = serde_json::from_value(seen).expect("they are numbers");
    assert!(!seen.is_empty(), "no update was shown");
    seen
}
