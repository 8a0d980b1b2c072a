//! The page without a pointer.

use super::devtools::browser;
use super::page::Page;
use super::patient;
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
