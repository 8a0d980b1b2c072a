//! JSON that is no message: what the older endpoints answer.

use std::fmt::Write as _;

use super::write::{double_json, write_string};

/// An object in the making. Fields stand in the order in which they are added, as in Mesos.
#[derive(Debug, Default)]
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field whose value is JSON already.
    pub(crate) fn json(mut self, name: &str, json: impl AsRef<str>) -> Self {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        write_string(name, &mut self.0);
        self.0.push(':');
        self.0.push_str(json.as_ref());
        self
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.json(name, quoted(text))
    }

    pub(crate) fn number(self, name: &str, number: f64) -> Self {
        self.json(name, double_json(number))
    }

    pub(crate) fn integer(mut self, name: &str, integer: i64) -> Self {
        self = self.json(name, "");
        let _ = write!(self.0, "{integer}");
        self
    }

    pub(crate) fn flag(self, name: &str, flag: bool) -> Self {
        self.json(name, if flag { "true" } else { "false" })
    }

    /// Adds a field if there is a value, which is JSON already.
    pub(crate) fn optional(self, name: &str, json: Option<String>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }

    pub(crate) fn array(self, name: &str, elements: impl IntoIterator<Item = String>) -> Self {
        self.json(name, array(elements))
    }

    pub(crate) fn finish(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// A list of values that are JSON already.
pub(crate) fn array(elements: impl IntoIterator<Item = String>) -> String {
    let elements: Vec<_> = elements.into_iter().collect();
    format!("[{}]", elements.join(","))
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    out
}
