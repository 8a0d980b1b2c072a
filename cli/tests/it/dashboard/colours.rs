//! Light and dark: that they differ, and that what they say can be read.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::devtools::browser;
use super::page::Page;
use super::stage::{self, BEGAN, Stage};
use crate::support::workspace;

/// What WCAG 2 wants of text (1.4.3) and of the borders of controls (1.4.11).
const TEXT_MIN: f64 = 4.5;
const BORDER_MIN: f64 = 3.0;

/// Measures the page that is shown: a record of each text, border and mark with its contrast to what
/// is behind it.
const MEASURE: &str = r#"(() => {
  const parse = (colour) => {
    const numbers = colour.match(/[\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const light = ({ rgb }) => {
    const [r, g, b] = rgb.map((it) => it / 255)
      .map((it) => (it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [less, more] = [light(one), light(other)].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.alpha === 1) return colour;
      if (colour.alpha !== 0) throw new Error(`half transparent: ${at.outerHTML.slice(0, 80)}`);
    }
    throw new Error('nothing is behind it');
  };
  const found = [];
  const add = (what, node, colour, ground) => {
    const value = contrast(parse(colour), ground);
    found.push({ what, colour, is: `${node.id || node.parentNode.id} ${node.getAttribute('class') ?? ''} ${node.textContent.slice(0, 30)}`, contrast: value });
  };
  for (const node of document.body.querySelectorAll('*')) {
    if (node.closest('svg, noscript, script, style, option') || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const says = [...node.childNodes].some((it) => it.nodeType === 3 && it.data.trim());
    if (says || node.value) add('text', node, style.color, behind(node));
    if (node.placeholder) add('text', node, getComputedStyle(node, '::placeholder').color, behind(node));
    const isControl = node.matches('input:not([type=checkbox]), select, textarea, button');
    // Their text alone says what they are: letters of cells, tabs, links, heads of columns.
    if (!isControl || node.matches('.cell, [role=tab], .link, th button')) continue;
    if (style.borderTopWidth === '0px') throw new Error(`no border: ${node.outerHTML}`);
    add('border', node, style.borderTopColor, behind(node));
    add('border', node, style.borderTopColor, behind(node.parentElement));
  }
  for (const bar of document.querySelectorAll('#strip rect')) {
    add('mark', bar, getComputedStyle(bar).fill, behind(bar.closest('.panel')));
  }
  return found;
})()"#;

/// Each state of a task and each kind of event, and tasks that print in each of eight colours.
fn snapshot() -> Value {
    let states = [
        "TASK_STAGING",
        "TASK_RUNNING",
        "TASK_KILLING",
        "TASK_FINISHED",
        "TASK_FAILED",
        "TASK_LOST",
    ];
    let status = stage::status(&[("work", 6)], &[("agent-0", "here")]);
    let names: Vec<String> = (0..16).map(|number| format!("work-{number}")).collect();
    let mut tasks: Vec<Value> = states
        .iter()
        .zip(&names)
        .map(|(state, name)| stage::task(name, "work", state, "agent-0"))
        .collect();
    tasks[4]["message"] = "it fell".into();
    tasks[1]["in"] = json!({ "depth": 9, "is_full": true, "is_sender_blocked": true });
    let lines = names.iter().zip(10..).map(|(name, seq)| {
        let mut line = stage::line(seq, name, "text");
        line["stream"] = "stderr".into();
        line
    });
    let events = [
        json!({ "seq": 1, "time": BEGAN, "event": "app_started" }),
        json!({ "seq": 2, "time": BEGAN, "event": "task", "task": "work-1", "state": "TASK_RUNNING" }),
        json!({ "seq": 3, "time": BEGAN, "event": "warning", "message": "careful" }),
    ];
    json!({
        "status": status, "tasks": tasks, "events": events, "view": "/view/0",
        "lines": lines.collect::<Vec<_>>(),
    })
}

/// Fails where something is hard to read; answers the colours of texts, and what they were found at.
#[track_caller]
fn assert_readable(found: &Value, scheme: &str) -> BTreeSet<String> {
    let mut colours = BTreeSet::new();
    for it in found.as_array().expect("it is a list") {
        let least = if it["what"] == "text" {
            TEXT_MIN
        } else {
            BORDER_MIN
        };
        assert!(it["contrast"].as_f64() >= Some(least), "{scheme}: {it}");
        colours.insert(format!("{} {}", it["is"], it["colour"]));
    }
    colours
}

#[test]
fn everything_can_be_read_in_light_and_in_dark() {
    let Some(browser) = browser() else { return };
    let view = workspace().join("tasks/view.html");
    let view = std::fs::read_to_string(view).expect("the view can be read");
    let mut page = Page::open(
        browser,
        &stage::serve(Stage {
            snapshots: vec![snapshot()],
            answers: vec![("/view/0", view)],
        }),
    );
    page.size(1600, 1000);
    page.wait("document.querySelectorAll('#events .line').length === 3");
    page.wait("document.querySelector('#strip rect[height=\"2\"]')");
    page.wait_in_frame("document.querySelector('#told b')");
    let seen = page.eval(
        "['.state.coming', '.state.up', '.state.killed', '.state.done', '.state.bad',
          '.cell.coming', '.cell.up', '.cell.killed', '.cell.done', '.cell.bad',
          '.hue0', '.hue1', '.hue2', '.hue3', '.hue4', '.hue5', '.hue6', '.hue7', '.err',
          '.mark.job', '.mark.task', '.mark.bad',
         ].filter((it) => !document.querySelector(it))",
    );
    assert_eq!(seen, json!([]), "these were not there to be measured");
    let schemes = ["light", "dark"].map(|scheme| {
        page.prefer(scheme);
        let mut colours = assert_readable(&page.eval(MEASURE), scheme);
        colours.extend(assert_readable(&page.eval_in_frame(MEASURE), scheme));
        for phase in ["running", "waiting", "stopping", "failed"] {
            page.eval(&format!(
                "document.querySelector('#phase').className = 'phase {phase}'; 0"
            ));
            assert_readable(&page.eval(MEASURE), scheme);
        }
        page.click("#tab-channels");
        page.wait("document.querySelector('td.full')");
        // A task that failed, and a question about it.
        page.click("#agents .cell.bad");
        page.click("#detail-kill");
        assert_readable(&page.eval(MEASURE), scheme);
        page.press("Escape");
        page.press("Escape");
        page.click("#tab-tasks");
        let ground = page.eval("getComputedStyle(document.body).backgroundColor");
        (colours, ground)
    });
    let [(light, light_ground), (dark, dark_ground)] = schemes;
    assert_ne!(light_ground, dark_ground);
    let same: Vec<_> = light.intersection(&dark).collect();
    assert!(same.is_empty(), "the same in light and dark: {same:?}");
    assert_eq!(page.problems(), [""; 0]);
}
