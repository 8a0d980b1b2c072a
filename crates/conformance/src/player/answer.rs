//! Answers that are no streams: recorded ones beside those of here.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::compare::{Difference, compare};
use crate::mapping::Mapping;
use crate::protobuf;
use crate::recording;
use crate::wire;

/// Compares status, headers and body. `message` is what a protobuf body is.
pub(super) fn compare_heads(
    recorded: &recording::Head,
    here: &wire::Head,
    message: &str,
    mapping: &mut Mapping,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut add = |path: &str, text: String| {
        let path = path.to_owned();
        differences.push(Difference { path, text });
    };
    if recorded.status != here.status {
        let body = String::from_utf8_lossy(&here.body);
        let text = format!("recorded {}, here {}: {body}", recorded.status, here.status);
        add("status", text);
    }
    if recorded.is_inside_stream != here.is_inside_stream {
        add("place", "inside a stream or not".to_owned());
    }
    differences.extend(compare_headers(&recorded.headers, &here.headers, mapping));
    match &recorded.cut {
        Some(cut) => {
            let here = plain(&here.headers, &here.body);
            differences.extend(cut.compare(&here, here.len(), mapping));
        }
        None => differences.extend(compare_bodies(recorded, here, message, mapping)),
    }
    differences
}

/// Names in the case of the wire; values but for those that follow from the time or the body.
fn compare_headers(
    recorded: &[(String, String)],
    here: &[(String, String)],
    mapping: &mut Mapping,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut add = |name: &str, text: String| {
        let path = format!("header {name}");
        differences.push(Difference { path, text });
    };
    let mut left: Vec<_> = here.iter().collect();
    for (name, value) in recorded {
        let is_same = |known: &str| known == name || has_free_case(name, known);
        let Some(index) = left.iter().position(|(known, _)| is_same(known)) else {
            add(name, "missing".to_owned());
            continue;
        };
        let (_, other) = left.remove(index);
        let is_free = matches!(name.as_str(), "Date" | "Content-Length");
        if !is_free && !mapping.unify(&without_now(value), &without_now(other)) {
            add(name, format!("recorded `{value}`, here `{other}`"));
        }
    }
    for (name, value) in left {
        add(name, format!("not recorded, here `{value}`"));
    }
    differences
}

/// Whether a name differs in its case only, and that is known (`docs/embedded-cluster.md`): hyper
/// writes each word of a name with one capital.
fn has_free_case(recorded: &str, here: &str) -> bool {
    recorded == "WWW-Authenticate" && recorded.eq_ignore_ascii_case(here)
}

/// The value of a header without the time that a token is compared with.
fn without_now(value: &str) -> String {
    match value.split_once("now(") {
        Some((before, now)) => {
            let rest = now.trim_start_matches(|digit: char| digit.is_ascii_digit());
            format!("{before}now({rest}")
        }
        None => value.to_owned(),
    }
}

fn compare_bodies(
    recorded: &recording::Head,
    here: &wire::Head,
    message: &str,
    mapping: &mut Mapping,
) -> Vec<Difference> {
    let body = |path: &str, text: String| {
        let path = path.to_owned();
        vec![Difference { path, text }]
    };
    if let Some(recorded) = &recorded.decoded {
        let Some(here) = protobuf::decode(message, &here.body) else {
            return body("body", format!("no {message}"));
        };
        let here = protobuf::with_doubles(&protobuf::to_json(&here));
        return compare(&protobuf::with_doubles(recorded), &here, mapping);
    }
    let (recorded, here) = (
        plain(&recorded.headers, &recorded.body),
        plain(&here.headers, &here.body),
    );
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
    if let (Some(recorded), Some(here)) = (json(&recorded), json(&here)) {
        return compare(&recorded, &here, mapping);
    }
    let recorded = String::from_utf8_lossy(&recorded);
    let here = String::from_utf8_lossy(&here);
    if mapping.unify(&recorded, &here) {
        Vec::new()
    } else {
        body("body", format!("recorded `{recorded}`, here `{here}`"))
    }
}

/// A body without compression.
fn plain(headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let is_gzip = headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-encoding") && value == "gzip");
    let mut plain = Vec::new();
    if is_gzip && GzDecoder::new(body).read_to_end(&mut plain).is_ok() {
        return plain;
    }
    body.to_vec()
}
