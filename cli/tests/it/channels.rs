//! What channels promise, kept on a cluster that misbehaves.

use std::time::Duration;

use local_cluster::{Faults, MessageFaults};
use serde_json::Value;

use crate::proxy::Proxy;
use crate::rig::{Rig, wait_until};
use crate::support::{Ended, Running};

/// A fifth of all framework messages is lost.
fn lossy() -> Faults {
    Faults::drop_messages(0.2)
}

/// The echo job, over framework messages only.
const ECHO: &str = "job: echo
scheduler: { module: echo/host }
tasks:
  echo: { module: echo/echo, count: 2, cpus: 0.1, mem: 64MiB }
channels: { direct: off }
";

/// What the echo job's app scheduler has printed, when all went well.
#[track_caller]
pub(crate) fn report(ended: &Ended) -> Value {
    ended.assert_code(0);
    let lines = ended.lines_of("scheduler");
    let [line] = &lines[..] else {
        panic!("one line, not {lines:?}");
    };
    let report: Value = serde_json::from_str(line).expect("it is JSON");
    for fault in ["lost", "duplicated", "reordered", "damaged"] {
        assert_eq!(report[fault], 0, "{line}");
    }
    assert_eq!(report["sent"], report["received"], "{line}");
    report
}

#[test]
fn a_ping_loses_nothing_when_framework_messages_are_lost() {
    let rig = Rig::new(lossy(), 1);
    let mut running = rig.start(ECHO, &["--mode", "ping", "--messages", "20"]);
    running.wait_for("the end of the app scheduler", |line| {
        line.contains("app_returned")
    });
    let counts = rig.message_counts();
    assert!(counts.dropped > 0, "{counts:?}");
    assert_eq!(report(&rig.finish(running))["sent"], 40);
}

#[test]
fn a_stream_loses_nothing_when_framework_messages_are_lost_doubled_and_overtaken() {
    let faults = MessageFaults {
        drop: 0.2,
        duplicate: 0.05,
        delay: 0.1,
        delay_max: Duration::from_millis(20),
    };
    let faults = Faults {
        messages_down: faults,
        messages_up: faults,
        ..Faults::default()
    };
    let rig = Rig::new(faults, 2);
    let args = ["--mode", "stream", "--messages", "3000", "--window", "64"];
    let mut running = rig.start(ECHO, &args);
    running.wait_for("the end of the app scheduler", |line| {
        line.contains("app_returned")
    });
    let counts = rig.message_counts();
    let ended = rig.finish(running);
    assert_eq!(report(&ended)["sent"], 6000);
    assert!(
        counts.dropped > 0 && counts.duplicated > 0 && counts.delayed > 0,
        "{counts:?}"
    );
}

#[test]
fn one_way_loses_nothing_when_framework_messages_are_lost() {
    let rig = Rig::new(lossy(), 3);
    let running = rig.start(ECHO, &["--mode", "oneway", "--messages", "3000"]);
    assert_eq!(report(&rig.finish(running))["sent"], 6000);
}

#[test]
fn a_stream_loses_nothing_when_executors_and_framework_are_cut_off_in_its_midst() {
    let rig = Rig::new(Faults::default(), 4);
    let args = ["--mode", "stream", "--messages", "20000", "--window", "16"];
    let mut running = rig.start(ECHO, &args);
    running.wait_for("the app scheduler", |line| line.contains("app_started"));
    let mut cuts = 0;
    let mut before = rig.message_counts();
    // A framework that is cut off cannot send: when messages go both ways it is back.
    while cuts < 6 && rig.wait_for_messages(&mut running, before, 10) {
        if cuts % 2 == 0 {
            rig.trouble.cut_executors();
        } else {
            rig.trouble.cut_frameworks();
        }
        cuts += 1;
        before = rig.message_counts();
    }
    let ended = rig.finish(running);
    assert_eq!(report(&ended)["sent"], 40_000);
    assert_eq!(cuts, 6, "the run was long enough");
    let events = ended.events();
    let again = events
        .iter()
        .filter(|event| event["event"] == "subscribed" && event["again"] == true);
    assert_eq!(again.count(), 3, "{}", ended.stdout);
}

/// How often a direct path is cut in a run.
const CUTS: u64 = 5;

/// Starts the echo job with these arguments over a direct path that is cut again and again, each
/// time after so many bytes, and answers when that is done.
#[track_caller]
fn cut_direct_path(rig: &Rig, direct: &str, args: &[&str], bytes: u64) -> (Running, Proxy) {
    let proxy = Proxy::start();
    let job = format!(
        "job: echo
scheduler: {{ module: echo/host }}
tasks:
  echo: {{ module: echo/echo, count: 2, cpus: 0.1, mem: 64MiB }}
channels: {{ direct: {direct}, advertise: '{}', listen: '127.0.0.1:0' }}
",
        proxy.address()
    );
    let mut running = rig.start(&job, args);
    let listens_on = running.wait_for_log("direct path listens on ");
    let listens_on = listens_on.split_whitespace().next();
    let address = listens_on.and_then(|address| address.parse().ok());
    proxy.set_target(address.expect("the log tells an address"));
    let mut cuts = 0;
    let mut before = 0;
    // Bytes after a cut have come over a new connection.
    while cuts < CUTS && wait_until(&mut running, || proxy.carried() > before + bytes) {
        proxy.cut();
        cuts += 1;
        before = proxy.carried();
    }
    assert_eq!(cuts, CUTS, "the run was long enough");
    (running, proxy)
}

/// A stream over such a path, with these faults of framework messages.
#[track_caller]
fn check_stream_over_cut_path(direct: &str, faults: Faults) {
    let rig = Rig::new(faults, 8);
    let args = ["--mode", "stream", "--messages", "40000", "--window", "32"];
    let (running, proxy) = cut_direct_path(&rig, direct, &args, 100_000);
    let ended = rig.finish(running);
    assert_eq!(report(&ended)["sent"], 80_000);
    assert!(proxy.accepted() >= CUTS, "{}", proxy.accepted());
}

#[test]
fn a_stream_loses_nothing_when_its_direct_path_is_cut_in_its_midst() {
    check_stream_over_cut_path("auto", Faults::default());
}

#[test]
fn a_stream_loses_nothing_when_the_only_path_is_cut_and_framework_messages_are_lost() {
    check_stream_over_cut_path("required", lossy());
}

/// The bytes of one message: more than all framework messages of a job may have that carry none.
const LARGE_BYTES: u64 = 30_000;

#[test]
fn no_data_takes_framework_messages_when_the_only_path_is_cut() {
    let rig = Rig::new(Faults::default(), 9);
    let size = LARGE_BYTES.to_string();
    let args = ["--mode", "stream", "--messages", "1000", "--size", &size];
    let (mut running, proxy) = cut_direct_path(&rig, "required", &args, 2_000_000);
    running.wait_for("the end of the app scheduler", |line| {
        line.contains("app_returned")
    });
    let counts = rig.message_counts();
    let ended = rig.finish(running);
    assert_eq!(report(&ended)["sent"], 2000);
    // Frames in flight were lost with each cut, and have come on another connection.
    assert!(proxy.accepted() > CUTS, "{}", proxy.accepted());
    assert!(counts.up > 0 && counts.down > 0, "{counts:?}");
    assert!(counts.bytes < LARGE_BYTES, "{counts:?}");
}

#[test]
fn all_that_a_task_has_sent_is_there_before_the_event_of_its_end() {
    let rig = Rig::new(lossy(), 5);
    let job = "job: burst
scheduler: { module: guests/director, args: [tally] }
tasks:
  burst: { module: guests/actor, count: 3, cpus: 0.1, mem: 32MiB, args: [burst, '200'] }
channels: { direct: off }
";
    let running = rig.start(job, &[]);
    let ended = rig.finish(running);
    ended.assert_code(0);
    let mut lines = ended.lines_of("scheduler");
    lines.retain(|line| line.starts_with("burst-"));
    lines.sort_unstable();
    let expected =
        [0, 1, 2].map(|number| format!("burst-{number}: TaskFinished after 200 messages"));
    assert_eq!(lines, expected);
}

/// A task that takes nothing of what it is sent.
fn deaf(director: &str) -> String {
    format!(
        "job: deaf
scheduler: {{ module: guests/director, args: {director} }}
tasks:
  deaf: {{ module: guests/actor, count: 1, cpus: 0.1, mem: 32MiB, args: [deaf], kill_grace: 100ms }}
channels: {{ direct: off }}
"
    )
}

#[test]
fn what_a_killed_task_did_not_take_is_told_with_its_end() {
    let rig = Rig::new(lossy(), 6);
    let running = rig.start(&deaf("[flood, '100', kill]"), &[]);
    let ended = rig.finish(running);
    ended.assert_code(0);
    let lines = ended.lines_of("scheduler");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("deaf-0: TaskKilled, 100 undelivered"),
        "{lines:?}"
    );
}

#[test]
fn what_a_dead_executor_did_not_take_is_told_with_the_end_of_its_tasks() {
    let rig = Rig::new(lossy(), 7);
    let mut running = rig.start(&deaf("[flood, '100']"), &[]);
    running.wait_for("the flood", |line| line.contains("flooded"));
    rig.kill_executors();
    let ended = rig.finish(running);
    ended.assert_code(1);
    let lines = ended.lines_of("scheduler");
    let end = lines.iter().find(|line| line.starts_with("deaf-0: "));
    let end = end.unwrap_or_else(|| panic!("no end of the task in {lines:?}"));
    assert!(end.ends_with(", 100 undelivered"), "{end}");
}
