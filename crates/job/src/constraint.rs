//! Constraints: which agents the tasks of a group may go to, and how many to which.

use regex_lite::Regex;
use thiserror::Error;

use crate::near::nearest;

/// A rule for the places of a group's tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// `hostname`, `@region` or `@zone` of the fault domain, or the name of an attribute of agents.
    pub field: String,
    /// What is asked of it.
    pub operator: Operator,
}

/// What a constraint asks of a field. An agent without the field passes `unlike` only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// It has this value.
    Is(String),
    /// All of it matches this regular expression.
    Like(String),
    /// It does not match this regular expression as a whole.
    Unlike(String),
    /// No two tasks of the group have the same value.
    Unique,
    /// At most so many tasks of the group have the same value.
    MaxPer(u32),
    /// The tasks of the group are evenly on so many values or more.
    GroupBy(u32),
}

/// The most values or tasks that a constraint can count, as there are no more tasks.
const NUMBER_MAX: u32 = crate::job::TASKS_MAX;

/// The words for operators, and how each is written.
const OPERATORS: [(&str, &str); 6] = [
    ("is", "rack is r1"),
    ("like", "zone like eu-.*"),
    ("unlike", "zone unlike us-.*"),
    ("unique", "hostname unique"),
    ("max-per", "rack max-per 2"),
    ("group-by", "zone group-by 3"),
];

/// Why a text is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConstraintError {
    #[error("`{0}` says nothing about its field")]
    NoOperator(String),
    #[error("`{0}` is not what a constraint can ask")]
    UnknownOperator(String),
    #[error("`{0}` lacks its value")]
    NoValue(&'static str),
    #[error("`unique` takes no value, but here is `{0}`")]
    Value(String),
    #[error("`{value}` is not a number that `{operator}` can take")]
    Number {
        operator: &'static str,
        value: String,
    },
    #[error("`{pattern}` is not a regular expression: {reason}")]
    Pattern { pattern: String, reason: String },
}

impl ConstraintError {
    /// What to do about it.
    pub(crate) fn help(&self) -> String {
        let written = |operator: &str| {
            let known = OPERATORS.iter().find(|(known, _)| *known == operator);
            let example = known.map_or("", |(_, example)| example);
            format!("it is written like `{example}`")
        };
        match self {
            Self::NoOperator(_) => "write a field and what is asked of it, like `hostname unique` \
                                    or `rack is r1`"
                .to_owned(),
            Self::UnknownOperator(word) => {
                let word = word.replace('_', "-");
                match nearest(&word, OPERATORS.map(|(operator, _)| operator)) {
                    Some(near) => format!("did you mean `{near}`? {}", written(near)),
                    None => {
                        let all = OPERATORS.map(|(operator, _)| format!("`{operator}`"));
                        format!("it can ask {}", all.join(", "))
                    }
                }
            }
            Self::NoValue(operator) => written(operator),
            Self::Value(_) => "for a number of tasks on each value write `max-per`".to_owned(),
            Self::Number { .. } => format!("a whole number from 1 to {NUMBER_MAX}"),
            Self::Pattern { .. } => {
                "it has to match the whole of a value: `eu-.*` matches `eu-1`".to_owned()
            }
        }
    }
}

/// Reads `FIELD OPERATOR [VALUE]`.
pub(crate) fn parse(text: &str) -> Result<Constraint, ConstraintError> {
    let text = text.trim();
    let (field, rest) = text
        .split_once(char::is_whitespace)
        .ok_or_else(|| ConstraintError::NoOperator(text.to_owned()))?;
    let rest = rest.trim_start();
    let (word, value) = match rest.split_once(char::is_whitespace) {
        Some((word, value)) => (word, value.trim_start()),
        None => (rest, ""),
    };
    let Some((name, _)) = OPERATORS.iter().find(|(known, _)| *known == word) else {
        return Err(ConstraintError::UnknownOperator(word.to_owned()));
    };
    if *name != "unique" && value.is_empty() {
        return Err(ConstraintError::NoValue(name));
    }
    let operator = match *name {
        "is" => Operator::Is(value.to_owned()),
        "like" => Operator::Like(pattern(value)?),
        "unlike" => Operator::Unlike(pattern(value)?),
        "max-per" => Operator::MaxPer(number(name, value)?),
        "group-by" => Operator::GroupBy(number(name, value)?),
        _ if value.is_empty() => Operator::Unique,
        _ => return Err(ConstraintError::Value(value.to_owned())),
    };
    Ok(Constraint {
        field: field.to_owned(),
        operator,
    })
}

fn number(operator: &'static str, value: &str) -> Result<u32, ConstraintError> {
    let number = value
        .parse()
        .ok()
        .filter(|number| (1..=NUMBER_MAX).contains(number));
    number.ok_or_else(|| ConstraintError::Number {
        operator,
        value: value.to_owned(),
    })
}

fn pattern(text: &str) -> Result<String, ConstraintError> {
    match Regex::new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(ConstraintError::Pattern {
            pattern: text.to_owned(),
            reason: error.to_string(),
        }),
    }
}
