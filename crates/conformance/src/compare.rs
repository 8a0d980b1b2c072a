//! Two values, one recorded and one from here: in what they differ beyond what may.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::mapping::Mapping;
use crate::token;

/// Fields that hold a time or a number of the process, which are there but never the same.
///
/// This is the whole list of what may differ, ids, addresses and paths apart, which have
/// counterparts ([`Mapping`]).
const FREE: [&str; 19] = [
    // Times.
    "timestamp",
    "start_time",
    "elected_time",
    "registered_time",
    "reregistered_time",
    "unregistered_time",
    "nanoseconds",
    "mtime",
    "unreachable_time",
    "Date",
    // Numbers of processes.
    "executor_pid",
    // What processes use.
    "cpus_user_time_secs",
    "cpus_system_time_secs",
    "mem_rss_bytes",
    // Which build it was.
    "build_date",
    "build_time",
    "build_user",
    "git_sha",
    "git_tag",
];

/// Lists that Mesos makes of hash tables, in no order.
const SETS: [&str; 10] = [
    "agents",
    "completed_executors",
    "completed_frameworks",
    "completed_tasks",
    "executor_ids",
    "executors",
    "frameworks",
    "offers",
    "tasks",
    "unreachable_tasks",
];

/// In what one value differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where, like `offers.offers[0].hostname`.
    pub path: String,
    /// What was recorded, and what is here.
    pub text: String,
}

/// Compares a value with a recorded one; counterparts are learned into `mapping` even where
/// something else differs, so that what follows can still be compared.
pub fn compare(recorded: &Value, here: &Value, mapping: &mut Mapping) -> Vec<Difference> {
    let mut comparison = Comparison {
        mapping,
        differences: Vec::new(),
    };
    comparison.compare("", "", recorded, here);
    comparison.differences
}

struct Comparison<'a> {
    mapping: &'a mut Mapping,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn compare(&mut self, path: &str, key: &str, recorded: &Value, here: &Value) {
        match (recorded, here) {
            (Value::Object(recorded), Value::Object(here)) => {
                self.compare_objects(path, recorded, here);
            }
            (Value::Array(recorded), Value::Array(here)) => {
                if recorded.len() != here.len() {
                    let text = format!("{} recorded, {} here", recorded.len(), here.len());
                    self.add(format!("{path}[]"), text);
                }
                if SETS.contains(&key) {
                    self.compare_sets(path, recorded, here);
                } else {
                    for (index, (recorded, here)) in recorded.iter().zip(here).enumerate() {
                        self.compare(&format!("{path}[{index}]"), key, recorded, here);
                    }
                }
            }
            (Value::String(text), Value::String(here)) => {
                let is_same = FREE.contains(&key)
                    || match key {
                        "uuid" | "status_update_uuid" => self.mapping.unify_id(text, here),
                        // A flag.
                        "port" => text.parse().map(|port| self.mapping.port(port)) == here.parse(),
                        token::VARIABLE => token::unify(text, here, self.mapping),
                        _ => self.mapping.unify(text, here),
                    };
                if !is_same {
                    self.add(
                        path.to_owned(),
                        format!("recorded {recorded}, here `{here}`"),
                    );
                }
            }
            (Value::Number(number), Value::Number(other)) => {
                let is_port = key == "port"
                    && number.as_u64().map(|port| self.mapping.port(port)) == other.as_u64();
                if !FREE.contains(&key) && !is_port && number != other {
                    self.add(path.to_owned(), format!("recorded {number}, here {other}"));
                }
            }
            (recorded, here) if recorded == here => {}
            (recorded, here) => {
                self.add(path.to_owned(), format!("recorded {recorded}, here {here}"));
            }
        }
    }

    /// Field by field; names can have ids in them, which must be known by then.
    fn compare_objects(
        &mut self,
        path: &str,
        recorded: &Map<String, Value>,
        here: &Map<String, Value>,
    ) {
        let mut left: BTreeMap<&str, &Value> = here
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        for (key, recorded) in recorded {
            let path = join(path, key);
            let found = left.remove(key.as_str());
            match found.or_else(|| left.remove(self.mapping.known(key)?.as_str())) {
                Some(here) => self.compare(&path, key, recorded, here),
                None => self.add(path, format!("missing, recorded {recorded}")),
            }
        }
        for (key, here) in left {
            self.add(join(path, key), format!("not recorded, here {here}"));
        }
    }

    /// Each recorded element with the first of those that are like it; then those that are left
    /// over with each other.
    fn compare_sets(&mut self, path: &str, recorded: &[Value], here: &[Value]) {
        let mut left: Vec<&Value> = here.iter().collect();
        let mut unlike = Vec::new();
        for (index, recorded) in recorded.iter().enumerate() {
            let like = left
                .iter()
                .position(|here| compare(recorded, here, &mut self.mapping.clone()).is_empty());
            match like {
                Some(like) => self.compare("", "", recorded, left.remove(like)),
                None => unlike.push((index, recorded)),
            }
        }
        for ((index, recorded), here) in unlike.into_iter().zip(left) {
            self.compare(&format!("{path}[{index}]"), "", recorded, here);
        }
    }

    fn add(&mut self, path: String, text: String) {
        self.differences.push(Difference { path, text });
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(recorded: &Value, here: &Value, expected: &[&str]) {
        let differences = compare(recorded, here, &mut Mapping::default());
        let paths: Vec<_> = differences.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, expected, "{differences:?}");
    }

    #[test]
    fn every_field_counts_on_both_sides() {
        let recorded = json!({"a": 1, "b": {"c": [1, 2]}, "d": "x"});
        check(&recorded, &recorded, &[]);
        check(
            &recorded,
            &json!({"a": 1.0, "b": {"c": [1, 3]}, "e": 1}),
            &["a", "b.c[1]", "d", "e"],
        );
        check(&json!([1, 2]), &json!([1]), &["[]"]);
    }

    #[test]
    fn times_may_differ_but_not_be_missing() {
        check(&json!({"timestamp": 1.5}), &json!({"timestamp": 2.5}), &[]);
        check(&json!({"timestamp": 1.5}), &json!({}), &["timestamp"]);
        check(
            &json!({"timestamp": 1.5}),
            &json!({"timestamp": "2"}),
            &["timestamp"],
        );
    }

    #[test]
    fn uuids_have_one_counterpart() {
        let recorded = json!([{"uuid": "AA=="}, {"uuid": "AA=="}]);
        check(&recorded, &json!([{"uuid": "BB=="}, {"uuid": "BB=="}]), &[]);
        check(
            &recorded,
            &json!([{"uuid": "BB=="}, {"uuid": "CC=="}]),
            &["[1].uuid"],
        );
    }

    #[test]
    fn names_of_fields_are_those_of_here_when_they_have_ids_in_them() {
        let mut mapping = Mapping::default();
        mapping.add_literal("/then", "/now");
        let paths = |here: &Value, mapping: &mut Mapping| {
            let differences = compare(&json!({"/then/a": 1}), here, mapping);
            let paths = differences.into_iter().map(|it| it.path);
            paths.collect::<Vec<_>>()
        };
        assert_eq!(paths(&json!({"/now/a": 1}), &mut mapping), [""; 0]);
        assert_eq!(paths(&json!({"/now/a": 2}), &mut mapping), ["/then/a"]);
        let other = paths(&json!({"/now/b": 1}), &mut mapping);
        assert_eq!(other, ["/then/a", "/now/b"]);
    }

    #[test]
    fn offers_have_no_order() {
        let recorded = json!({"offers": [{"a": 1}, {"a": 2}]});
        check(&recorded, &json!({"offers": [{"a": 2}, {"a": 1}]}), &[]);
        check(
            &recorded,
            &json!({"offers": [{"a": 2}, {"a": 3}]}),
            &["offers[0].a"],
        );
    }
}
