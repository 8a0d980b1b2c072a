//! Constraints: which agents the tasks of a group may go to, and how many to which.
//!
//! A constraint is about the host name of an agent, its fault domain, or one of its attributes. `is`, `like` and
//! `unlike` choose agents one by one; `unique`, `max-per` and `group-by` count the tasks of the
//! group that are on agents of the same value. The words and their meaning are Marathon's.

use std::collections::BTreeSet;
use std::fmt;

use mesos::resources::{Ranges, Scalar};
use regex_lite::{Regex, RegexBuilder};
use thiserror::Error;

/// The most bytes that a compiled pattern may take. Patterns of host names take some thousand.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The field that is the host name, and hides an attribute of that name.
pub const HOSTNAME: &str = "hostname";

/// The field that is the region of the agent's fault domain; among an agent's attributes.
pub const REGION: &str = "@region";

/// The field that is the zone of the agent's fault domain; among an agent's attributes.
pub const ZONE: &str = "@zone";

/// An attribute of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name; an agent may have several of the same.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// A text: `rack:r1`.
    Text(String),
    /// A number: `level:10`.
    Scalar(Scalar),
    /// Numbers: `slots:[1-10]`.
    Ranges(Ranges),
    /// Names: `disks:{ssd,hdd}`.
    Set(BTreeSet<String>),
}

/// A rule for the places of a group's tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// [`HOSTNAME`], [`REGION`], [`ZONE`] or the name of an attribute.
    pub field: String,
    /// What is asked of it.
    pub operator: Operator,
}

/// What a constraint asks of a field. An agent without the field passes `unlike` only.
#[derive(Debug, Clone, PartialEq)]
pub enum Operator {
    /// It has this value: the same text or number, an item of the set, a number in the ranges.
    Is(String),
    /// Its whole text matches; for a set, that of one of its items.
    Like(Pattern),
    /// It is not [`Like`](Self::Like) that.
    Unlike(Pattern),
    /// No two tasks of the group have the same value.
    Unique,
    /// At most so many tasks of the group have the same value.
    MaxPer(u32),
    /// The tasks of the group are evenly on so many values, or more: the numbers of tasks of any
    /// two that are used differ by one at most. Fewer tasks than that each have their own.
    GroupBy(u32),
}

/// A regular expression that has to match the whole of a text, as in Marathon.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{pattern}` is not a regular expression: {reason}")]
pub struct InvalidPattern {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, or that it is too large.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        let compiled = RegexBuilder::new(&format!(r"\A(?:{text})\z"))
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        match compiled {
            Ok(regex) => Ok(Self {
                text: text.to_owned(),
                regex,
            }),
            Err(error) => Err(InvalidPattern {
                pattern: text.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// What constraints can know of an agent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits<'a> {
    pub(crate) hostname: &'a str,
    pub(crate) attributes: &'a [Attribute],
}

impl Traits<'_> {
    /// Whether tasks may go to this agent at all.
    pub(crate) fn satisfies(&self, constraint: &Constraint) -> bool {
        match &constraint.operator {
            Operator::Is(wanted) => self.any(&constraint.field, |value| value.is(wanted)),
            Operator::Like(pattern) => self.any(&constraint.field, |value| value.is_like(pattern)),
            Operator::Unlike(pattern) => {
                !self.any(&constraint.field, |value| value.is_like(pattern))
            }
            Operator::Unique | Operator::MaxPer(_) | Operator::GroupBy(_) => {
                self.value(&constraint.field).is_some()
            }
        }
    }

    /// The text of a field, by which agents of the same value are known.
    pub(crate) fn value(&self, field: &str) -> Option<String> {
        if field == HOSTNAME {
            return Some(self.hostname.to_owned());
        }
        let named = self.attributes.iter().filter(|known| known.name == field);
        let values: Vec<String> = named.map(|known| known.value.to_string()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    fn any(&self, field: &str, holds: impl Fn(Value<'_>) -> bool) -> bool {
        if field == HOSTNAME {
            return holds(Value::Hostname(self.hostname));
        }
        let mut named = self.attributes.iter().filter(|known| known.name == field);
        named.any(|known| holds(Value::Attribute(&known.value)))
    }
}

/// The value of a field.
enum Value<'a> {
    Hostname(&'a str),
    Attribute(&'a AttributeValue),
}

impl Value<'_> {
    fn is(&self, wanted: &str) -> bool {
        match self {
            Self::Hostname(text) => *text == wanted,
            Self::Attribute(AttributeValue::Text(text)) => text == wanted,
            Self::Attribute(AttributeValue::Scalar(scalar)) => {
                let number = wanted.parse().ok().map(Scalar::from_f64);
                number == Some(Ok(*scalar))
            }
            Self::Attribute(AttributeValue::Ranges(ranges)) => match wanted.parse::<u64>() {
                Ok(number) => ranges.contains(&[number..=number].into_iter().collect()),
                Err(_) => ranges.to_string() == wanted,
            },
            Self::Attribute(AttributeValue::Set(items)) => items.contains(wanted),
        }
    }

    fn is_like(&self, pattern: &Pattern) -> bool {
        match self {
            Self::Hostname(text) => pattern.matches(text),
            Self::Attribute(AttributeValue::Text(text)) => pattern.matches(text),
            Self::Attribute(AttributeValue::Set(items)) => {
                items.iter().any(|item| pattern.matches(item))
            }
            Self::Attribute(value) => pattern.matches(&value.to_string()),
        }
    }
}

impl fmt::Display for AttributeValue {
    /// As on an agent's command line, ranges with a blank between as Mesos prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(items) => {
                let items: Vec<&str> = items.iter().map(String::as_str).collect();
                write!(f, "{{{}}}", items.join(","))
            }
        }
    }
}

impl fmt::Display for Constraint {
    /// As in a job file: `rack max-per 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.operator)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(value) => write!(f, "is {value}"),
            Self::Like(pattern) => write!(f, "like {}", pattern.text),
            Self::Unlike(pattern) => write!(f, "unlike {}", pattern.text),
            Self::Unique => f.write_str("unique"),
            Self::MaxPer(most) => write!(f, "max-per {most}"),
            Self::GroupBy(values) => write!(f, "group-by {values}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Reads `rack is r1` and the like.
    pub(crate) fn constraint(text: &str) -> Constraint {
        let words: Vec<&str> = text.split_whitespace().collect();
        let operator = match words[1..] {
            ["is", value] => Operator::Is(value.to_owned()),
            ["like", pattern] => Operator::Like(Pattern::new(pattern).unwrap()),
            ["unlike", pattern] => Operator::Unlike(Pattern::new(pattern).unwrap()),
            ["unique"] => Operator::Unique,
            ["max-per", most] => Operator::MaxPer(most.parse().unwrap()),
            ["group-by", values] => Operator::GroupBy(values.parse().unwrap()),
            _ => panic!("no constraint: {text}"),
        };
        Constraint {
            field: words[0].to_owned(),
            operator,
        }
    }

    #[track_caller]
    fn check(attributes: &[Attribute], yes: &[&str], no: &[&str]) {
        let traits = Traits {
            hostname: "host-1.test",
            attributes,
        };
        for text in yes {
            assert!(traits.satisfies(&constraint(text)), "{text}");
        }
        for text in no {
            assert!(!traits.satisfies(&constraint(text)), "{text}");
        }
    }

    fn attribute(name: &str, value: AttributeValue) -> Attribute {
        Attribute {
            name: name.to_owned(),
            value,
        }
    }

    #[test]
    fn a_host_name_and_a_text_are_compared_as_a_whole() {
        let rack = attribute("rack", AttributeValue::Text("r1".to_owned()));
        check(
            &[rack],
            &[
                "rack is r1",
                "rack like r[0-9]",
                "rack like r2|r1",
                "rack unlike r",
                "hostname is host-1.test",
                "hostname like host-.*",
                "hostname unlike host-2.*",
                "rack unique",
            ],
            &[
                "rack is r",
                "rack is R1",
                "rack like r",
                "rack like 1",
                "rack unlike r.",
                "hostname like host-1",
                "hostname unlike .*test",
            ],
        );
    }

    #[test]
    fn numbers_ranges_and_sets_are_compared_by_what_they_hold() {
        let set = ["ssd", "hdd"].map(str::to_owned).into_iter().collect();
        check(
            &[
                attribute(
                    "level",
                    AttributeValue::Scalar(Scalar::from_thousandths(1500)),
                ),
                attribute(
                    "slots",
                    AttributeValue::Ranges([1..=3, 8..=9].into_iter().collect()),
                ),
                attribute("disks", AttributeValue::Set(set)),
            ],
            &[
                "level is 1.5",
                "level is 1.500",
                "level like 1\\.5",
                "slots is 2",
                "slots like \\[1-3.*",
                "disks is ssd",
                "disks like s.d",
                "disks unlike nvme",
            ],
            &[
                "level is 1",
                "level is x",
                "slots is 4",
                "disks is nvme",
                "disks is {hdd,ssd}",
                "disks unlike s.*",
            ],
        );
    }

    #[test]
    fn an_agent_without_the_attribute_passes_unlike_only() {
        check(
            &[],
            &["rack unlike .*"],
            &[
                "rack is r1",
                "rack like .*",
                "rack unique",
                "rack max-per 2",
                "rack group-by 2",
            ],
        );
    }

    #[test]
    fn an_attribute_that_is_there_twice_has_both_values() {
        let text = |value: &str| attribute("zone", AttributeValue::Text(value.to_owned()));
        let both = [text("a"), text("b")];
        check(&both, &["zone is a", "zone is b"], &["zone unlike b"]);
        let traits = Traits {
            hostname: "h",
            attributes: &both,
        };
        assert_eq!(traits.value("zone").as_deref(), Some("a, b"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_the_reason() {
        let refused = Pattern::new("eu-(").unwrap_err();
        assert_eq!(refused.pattern, "eu-(");
        assert!(refused.to_string().contains("`eu-(`"), "{refused}");
    }
}
