//! Takes out of what the program says what differs from run to run.

use std::path::Path;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::support::workspace;

/// What is replaced, in this order, and by what.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        // Framework ids.
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(-\d{4})?",
            "{id}",
        ),
        (r"\b[0-9a-f]{64}\b", "{digest}"),
        (r"\b(127\.0\.0\.1|localhost):\d+", "$1:{port}"),
        (r"\bport \d+", "port {port}"),
        (r"\b(\w+)@\d+\b", "$1@{pid}"),
        // Names of temporary folders.
        (r"(\.mesosgot-new-)\w+", "$1{random}"),
        (r"\b\d+\.\d+s\b", "{time}"),
        (r"\bfor \d+s\b", "for {time}"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "{time}"),
        (r"\b\d\d:\d\d:\d\d\b", "{time}"),
        // Of processes.
        (r"\bprocess \d+\b", "process {pid}"),
        (r"-CONT \d+\b", "-CONT {pid}"),
        (r"\b([a-z]+)@\d+\b", "$1@{pid}"),
        (r"\b\d+(\.\d+)? [KM]iB\b", "{size}"),
        (
            r#""(seconds|uptime_seconds|cpu_seconds|bytes|memory_bytes|memory_bytes_peak|pid|seq)":[\d.e-]+"#,
            r#""$1":{number}"#,
        ),
        (
            r"\b(seconds|usage\.cpu_seconds|usage\.memory_bytes(?:_peak)?|channels\.(?:frames_\w+|moves))=[\d.e-]+",
            "$1={number}",
        ),
        (r#""(time|started|since)":"[^"]*""#, r#""$1":"{time}""#),
        // In logs.
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "{time}"),
        // Of users.
        (r"\bmesosgot-\d+\b", "mesosgot-{uid}"),
    ];
    let rule = |(pattern, by)| (Regex::new(pattern).expect("it is a pattern"), by);
    rules.map(rule).into()
});

/// The text without what belongs to one run in this folder, or to this machine.
pub(crate) fn redact(text: &str, folder: &Path) -> String {
    let mut text = text
        .replace(&folder.display().to_string(), "{folder}")
        .replace(&workspace().display().to_string(), "{workspace}")
        .replace(
            concat!("mesosgot ", env!("CARGO_PKG_VERSION")),
            "mesosgot {version}",
        );
    for (pattern, by) in RULES.iter() {
        text = pattern.replace_all(&text, *by).into_owned();
    }
    text
}

#[test]
fn what_differs_from_run_to_run_is_replaced() {
    let said = "Subscribed as framework 1b25a0a6-29b3-4a38-8f3b-8a5ac01e1cf5-0000
master on 127.0.0.1:38145, files in /tmp/x/y
12 tasks in 17.1s (0.06s of CPU, at most 1.1 MiB in a task)
{\"event\":\"outcome\",\"seconds\":1.5e-3,\"tasks\":12}
";
    assert_eq!(
        redact(said, Path::new("/tmp/x")),
        "Subscribed as framework {id}
master on 127.0.0.1:{port}, files in {folder}/y
12 tasks in {time} ({time} of CPU, at most {size} in a task)
{\"event\":\"outcome\",\"seconds\":{number},\"tasks\":12}
"
    );
}
