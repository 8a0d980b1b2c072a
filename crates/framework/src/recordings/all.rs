//! All recordings of schedulers, where they are at hand: rules that hold whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// The happenings of every framework of a recording.
fn frameworks(path: &Path) -> BTreeMap<String, Vec<Step>> {
    let mut frameworks: BTreeMap<String, Vec<Step>> = BTreeMap::new();
    for line in fs::read_to_string(path).unwrap().lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        if text("actor") != "scheduler" {
            continue;
        }
        let what = match text("kind") {
            "chunk" => recorded_event(&line).map(|event| What::Event(Box::new(event))),
            "request" => recorded_call(&line),
            // Both ends may have closed it.
            "eof" if text("conn").contains("stream") => Some(What::Ended(text("how").to_owned())),
            _ => None,
        };
        let framework = text("conn").split('-').next().unwrap_or_default();
        if let Some(what) = what {
            let at_ms = line["at_ms"].as_f64().unwrap();
            let steps = frameworks.entry(framework.to_owned()).or_default();
            steps.push(Step { at_ms, what });
        }
    }
    frameworks
}

/// The event of a chunk; none where it was cut for the recording.
fn recorded_event(line: &Value) -> Option<Event> {
    let body = match (line["body"].as_str(), line["body_b64"].as_str()) {
        (Some(body), _) => body.as_bytes().to_vec(),
        (None, body) => BASE64_STANDARD.decode(body?).ok()?,
    };
    if line["size"].as_u64() != Some(body.len() as u64) {
        return None;
    }
    let start = body.iter().position(|byte| *byte == b'\n')? + 1;
    let record = &body[start..];
    Some(if line["body"].is_string() {
        event(&serde_json::from_slice(record).unwrap())
    } else {
        Event::decode(record).unwrap()
    })
}

/// The tasks of an ACCEPT, and the executors that they were launched in.
fn recorded_call(line: &Value) -> Option<What> {
    let parsed = line["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok());
    let call: Value = parsed.or_else(|| line.get("decoded").cloned())?;
    let id = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
    let tasks = match call["type"].as_str()? {
        "ACCEPT" => {
            let operations = call["accept"]["operations"].as_array()?.iter();
            let infos = operations.filter_map(|one| one["launch"]["task_infos"].as_array());
            let task = |info: &Value| (id(&info["task_id"]), id(&info["executor"]["executor_id"]));
            infos.flatten().map(task).collect()
        }
        "KILL" => vec![(id(&call["kill"]["task_id"]), String::new())],
        _ => return None,
    };
    let kind = call["type"].as_str()?.to_owned();
    Some(What::Call { kind, tasks })
}

/// Holds what a machine says against the rules, as happenings come in.
#[derive(Default)]
struct Auditor {
    is_subscribed: bool,
    offered: BTreeSet<OfferId>,
    updates: usize,
    is_over: bool,
}

impl Auditor {
    fn hear(&mut self, what: &What) {
        match what {
            What::Ended(_) => {
                self.is_subscribed = false;
                self.offered.clear();
            }
            What::Event(event) => {
                if event.subscribed.is_some() {
                    self.is_subscribed = true;
                    self.offered.clear();
                }
                let offers = event.offers.iter().flat_map(|offers| &offers.offers);
                self.offered
                    .extend(offers.map(|offer| OfferId::from(&offer.id)));
                if let Some(rescind) = &event.rescind {
                    self.offered.remove(&OfferId::from(&rescind.offer_id));
                }
            }
            What::Call { .. } => {}
        }
    }

    /// Checks what was said to `what`.
    fn check(&mut self, what: &What, outputs: &[Output]) {
        let mut acknowledged = Vec::new();
        for output in outputs {
            match output {
                Output::Accept { offers, .. } | Output::Call(Call::Decline { offers, .. }) => {
                    assert!(self.is_subscribed);
                    for offer in offers {
                        assert!(self.offered.remove(offer), "{offer} is not open");
                    }
                }
                Output::Call(Call::Acknowledge { uuid, .. }) => acknowledged.push(uuid.0.to_vec()),
                Output::Call(_) => assert!(self.is_subscribed),
                Output::Finished(_) => self.is_over = true,
                _ => {}
            }
        }
        let What::Event(event) = what else {
            return assert!(acknowledged.is_empty());
        };
        let status = event.update.as_ref().map(|update| &update.status);
        let uuid = status.and_then(|status| status.uuid.as_ref());
        let owed: Vec<Vec<u8>> = uuid.iter().map(|uuid| uuid.to_vec()).collect();
        assert_eq!(acknowledged, owed, "{status:?}");
        self.updates += usize::from(status.is_some());
    }
}

#[test]
fn what_comes_once_is_answered_once_in_every_recording() {
    let test = "what_comes_once_is_answered_once_in_every_recording";
    let Some(folder) = testkit::facts::find(test, "transcripts") else {
        return;
    };
    let mut updates = 0;
    let mut played = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for (_, steps) in frameworks(&path) {
            played += 1;
            let mut play = Play::new(gang(2, "cpus:0.1;mem:32"));
            let mut auditor = Auditor::default();
            for step in steps {
                let at = play.start + Duration::from_secs_f64(step.at_ms / 1000.0);
                play.advance(at);
                auditor.check(
                    &What::Ended(String::new()),
                    &std::mem::take(&mut play.outputs),
                );
                if auditor.is_over {
                    break;
                }
                auditor.hear(&step.what);
                let what = step.what.clone();
                play.step(step);
                auditor.check(&what, &std::mem::take(&mut play.outputs));
                if auditor.is_over {
                    break;
                }
            }
            updates += auditor.updates;
        }
    }
    assert!(
        played >= 80 && updates >= 200,
        "{played} frameworks, {updates} updates"
    );
}
