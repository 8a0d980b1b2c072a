//! Text of others that would run, or look like something else, if it were taken for anything but text.

use serde_json::{Value, json};

use super::devtools::browser;
use super::page::Page;
use super::stage::{self, BEGAN, Stage};
use crate::support::workspace;

/// Elements, quotes, the end of a script, an entity, and an order to write from right to left. The
/// `@` is where each place has its name, so that one is not taken for another.
const HOSTILE: &str = "@\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>\
                       <b>&lt;\u{202e}evil\u{2066}`${alert(3)}`";

/// The same without spaces, for a rider.
const RIDER: &str = "\"><img/src=x/onerror=alert(1)>\u{202e}";

fn hostile(place: &str) -> String {
    HOSTILE.replace('@', place)
}

/// A job in which everything that others name is hostile.
fn snapshot() -> Value {
    let (group, name, host) = (hostile("group"), hostile("task"), hostile("host"));
    let agent = hostile("agent");
    let groups = [(&*group, 1), ("floor", 8), ("elevator", 1)];
    let mut status = stage::status(&groups, &[(&agent, &host)]);
    status["job"] = hostile("job").into();
    status["reason"] = hostile("reason").into();
    let mut task = stage::task(&name, &group, "TASK_FAILED", &agent);
    task["message"] = hostile("message").into();
    task["in"]["is_sender_blocked"] = true.into();
    let event = |seq: u64, mut event: Value| {
        event["seq"] = seq.into();
        event["time"] = BEGAN.into();
        event
    };
    let events = [
        event(
            1,
            json!({ "event": "task", "task": name, "state": "TASK_FAILED",
            "reason": hostile("cause"), "message": hostile("end") }),
        ),
        event(
            2,
            json!({ "event": "warning", "message": hostile("warning") }),
        ),
        event(
            3,
            json!({ "event": hostile("event"), hostile("key"): hostile("value") }),
        ),
        event(
            4,
            json!({ "event": "task", "task": "x", "state": hostile("state") }),
        ),
    ];
    let lines = [
        stage::line(5, &name, &hostile("line")),
        stage::line(6, "floor-0", &format!("rider {RIDER} to floor 3 asks")),
        stage::line(7, "elevator-0", &format!("1.0 s: rider {RIDER} in")),
        stage::line(8, "elevator-0", &format!("2.0 s: rider {RIDER} out")),
    ];
    json!({
        "status": status, "tasks": [task], "events": events, "lines": lines, "view": "/view/0",
    })
}

/// How many elements are there that no file of the page has.
const FOREIGN: &str = "document.querySelectorAll('img, b, body script, [onerror]').length";

#[test]
fn whatever_others_name_or_say_is_shown_as_text_everywhere() {
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
    let shows = |page: &mut Page, selector: &str, place: &str| {
        page.wait(&format!(
            "[...document.querySelectorAll({})].some((it) => it.textContent.includes({}))",
            json!(selector),
            json!(hostile(place))
        ));
    };
    for (selector, place) in [
        ("#job", "job"),
        ("title", "job"),
        ("#reason", "reason"),
        ("#agents h3 button", "host"),
        ("#table td.name", "task"),
        ("#table td.agent", "host"),
        ("#tasks-group option", "group"),
        ("#logs .who", "task"),
        ("#logs .text", "line"),
        ("#events .text", "task"),
        ("#events .text", "cause"),
        ("#events .text", "end"),
        ("#events .text", "warning"),
        ("#events .text", "key"),
        ("#events .text", "value"),
    ] {
        shows(&mut page, selector, place);
    }
    // Nor does it order what is beside it from right to left.
    let order = page.eval(
        "[...document.querySelectorAll('#logs .line, #events .line')].every((line) => {
           const boxes = [...line.children].map((part) => part.getBoundingClientRect());
           return boxes.every((box, at) => at === 0 || box.left >= boxes[at - 1].right - 1);
         })",
    );
    assert_eq!(order, true);

    page.click("#agents .cell");
    for (selector, place) in [
        ("#detail-name", "task"),
        ("#detail-message", "message"),
        ("#detail-facts dd", "group"),
        ("#detail-facts dd", "host"),
        ("#detail-facts dd", "agent"),
        ("#detail-facts dd", "task"),
    ] {
        shows(&mut page, selector, place);
    }
    page.click("#detail-kill");
    shows(&mut page, "#confirm-title", "task");
    page.press("Escape");
    page.press("Escape");
    page.click("#stop");
    shows(&mut page, "#confirm-title", "job");
    page.press("Escape");
    page.click("#tab-channels");
    shows(&mut page, "#table td.blocked-by", "task");
    page.click("#agents h3 button");
    let filter = page.eval("document.querySelector('#tasks-filter').value");
    assert_eq!(filter, format!("agent:{}", hostile("host")));
    assert_eq!(page.eval(FOREIGN), 0);

    // And in the view of the elevator job, which reads what tasks print.
    page.wait_in_frame("document.querySelector('#told').textContent.endsWith('1 delivered')");
    let foreign = page.eval_in_frame("document.querySelectorAll('img, [onerror]').length");
    assert_eq!(foreign, 0);
    assert_eq!(page.problems(), [""; 0]);
}
