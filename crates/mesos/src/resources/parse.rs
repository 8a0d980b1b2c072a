//! The text form of resources, as on an agent's command line:
//! `cpus:4;mem(role):1024;ports:[31000-32000,33000-33000];tags:{a,b}`.

use std::ops::RangeInclusive;

use thiserror::Error;

use super::{Resource, Resources, Scalar, Value};

/// Why a text does not describe resources.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseResourcesError {
    /// A part without a name, a colon or an amount.
    #[error("`{0}` is not of the form `name:amount`")]
    NotNameAndAmount(String),
    /// A role in parentheses that is empty or not closed.
    #[error("`{0}` is not of the form `name(role)`")]
    NotNameAndRole(String),
    /// An amount that is not a number, or is negative, or too large.
    #[error("amount `{amount}` of `{name}` is not a number from 0 to 1e12")]
    NotAnAmount {
        /// The resource.
        name: String,
        /// What was found.
        amount: String,
    },
    /// An interval that is not two whole numbers, the larger last.
    #[error("`{range}` in `{name}` is not of the form `first-last`")]
    NotARange {
        /// The resource.
        name: String,
        /// What was found.
        range: String,
    },
    /// A list without its closing bracket or brace.
    #[error("the list `{list}` of `{name}` is not closed")]
    NotClosed {
        /// The resource.
        name: String,
        /// What was found.
        list: String,
    },
    /// The same name with two types.
    #[error("`{0}` is given as amounts of different types")]
    MixedTypes(String),
}

/// Reads the whole text; parts without an amount left (`cpus:0`) are left out.
pub(super) fn parse(text: &str) -> Result<Resources, ParseResourcesError> {
    let mut parsed: Vec<Resource> = Vec::new();
    let parts = text.split([';', '\n']).map(str::trim);
    for part in parts.filter(|part| !part.is_empty()) {
        let resource = parse_one(part)?;
        let mixed = |other: &Resource| {
            other.name == resource.name && !other.value.is_same_type(&resource.value)
        };
        if parsed.iter().any(mixed) {
            return Err(ParseResourcesError::MixedTypes(resource.name));
        }
        parsed.push(resource);
    }
    Ok(parsed.into_iter().collect())
}

fn parse_one(part: &str) -> Result<Resource, ParseResourcesError> {
    let not_a_pair = || ParseResourcesError::NotNameAndAmount(part.to_owned());
    let (head, amount) = part.split_once(':').ok_or_else(not_a_pair)?;
    let (head, amount) = (head.trim(), amount.trim());
    let (name, role) = match head.split_once('(') {
        None => (head, None),
        Some((name, rest)) => {
            let role = rest.strip_suffix(')').map(str::trim);
            let role = role.filter(|role| !role.is_empty() && !role.contains(['(', ')']));
            let role = role.ok_or_else(|| ParseResourcesError::NotNameAndRole(head.to_owned()))?;
            (name.trim_end(), Some(role))
        }
    };
    if name.is_empty() || amount.is_empty() {
        return Err(not_a_pair());
    }
    let resource = Resource::new(name, parse_value(name, amount)?);
    Ok(match role {
        // `*` stands for everybody, which is no reservation.
        None | Some("*") => resource,
        Some(role) => resource.reserved(role),
    })
}

/// Reads the amount of `name`.
pub(crate) fn parse_value(name: &str, amount: &str) -> Result<Value, ParseResourcesError> {
    let items = |list: &str, close: char| match list.strip_suffix(close) {
        Some(inner) => Ok(inner
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect::<Vec<_>>()),
        None => Err(ParseResourcesError::NotClosed {
            name: name.to_owned(),
            list: amount.to_owned(),
        }),
    };
    if let Some(list) = amount.strip_prefix('[') {
        let ranges = items(list, ']')?;
        let ranges = ranges.iter().map(|range| {
            parse_range(range).ok_or_else(|| ParseResourcesError::NotARange {
                name: name.to_owned(),
                range: range.clone(),
            })
        });
        return Ok(Value::Ranges(ranges.collect::<Result<_, _>>()?));
    }
    if let Some(list) = amount.strip_prefix('{') {
        return Ok(Value::Set(items(list, '}')?.into_iter().collect()));
    }
    let number = amount.parse().ok().filter(|number: &f64| *number >= 0.0);
    match number.map(Scalar::from_f64) {
        Some(Ok(amount)) => Ok(Value::Scalar(amount)),
        Some(Err(_)) | None => Err(ParseResourcesError::NotAnAmount {
            name: name.to_owned(),
            amount: amount.to_owned(),
        }),
    }
}

fn parse_range(range: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        assert_eq!(parse(text).unwrap().to_string(), printed);
    }

    #[track_caller]
    fn check_error(text: &str, message: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn an_agents_command_line_is_read() {
        check(
            "cpus:2;cpus(rec):1;mem:1024;disk:2048;ports:[31000-31009,31020-31029];tags:{a,b}",
            "cpus:2; cpus(reservations: [(STATIC,rec)]):1; mem:1024; disk:2048; \
             ports:[31000-31009, 31020-31029]; tags:{a, b}",
        );
        check(" cpus : 0.5 ;\n mem(*): 64;", "cpus:0.5; mem:64");
        check("", "");
        check("cpus:1;cpus:1.5;gpus:0", "cpus:2.5");
    }

    #[test]
    fn what_is_wrong_is_named() {
        check_error("cpus", "`cpus` is not of the form `name:amount`");
        check_error(":4", "`:4` is not of the form `name:amount`");
        check_error("cpus():4", "`cpus()` is not of the form `name(role)`");
        check_error("cpus(a:4", "`cpus(a` is not of the form `name(role)`");
        check_error(
            "cpus:-1",
            "amount `-1` of `cpus` is not a number from 0 to 1e12",
        );
        check_error(
            "mem:many",
            "amount `many` of `mem` is not a number from 0 to 1e12",
        );
        check_error(
            "mem:inf",
            "amount `inf` of `mem` is not a number from 0 to 1e12",
        );
        check_error(
            "ports:[9-1]",
            "`9-1` in `ports` is not of the form `first-last`",
        );
        check_error("ports:[1-", "the list `[1-` of `ports` is not closed");
        check_error("tags:{a", "the list `{a` of `tags` is not closed");
        check_error("a:1;a:{b}", "`a` is given as amounts of different types");
    }
}
