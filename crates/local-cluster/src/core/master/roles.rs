//! The rules for a FrameworkInfo, and for role names in it (PROTOCOL §4).

use std::collections::BTreeSet;

use mesos::{ids, v1};

use super::framework::{Capabilities, single_role};

/// The longest failover timeout, in seconds: what fits in 64 bits as nanoseconds.
const FAILOVER_TIMEOUT_SECONDS_MAX: f64 = i64::MAX as f64 / 1e9;

/// Checks a FrameworkInfo by itself.
pub(super) fn validate_framework(info: &v1::FrameworkInfo) -> Result<(), String> {
    if Capabilities::of(info).multi_role {
        if single_role(info).is_some() {
            return Err(
                "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
                    .to_owned(),
            );
        }
        let duplicates = duplicates(&info.roles);
        if !duplicates.is_empty() {
            let items = braced(duplicates);
            return Err(format!(
                "'FrameworkInfo.roles' contains duplicate items: {items}"
            ));
        }
        for role in &info.roles {
            validate_role(role).map_err(|detail| {
                format!("'FrameworkInfo.roles' contains invalid role: {detail}")
            })?;
        }
    } else {
        if !info.roles.is_empty() {
            return Err(
                "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE \
                 capable"
                    .to_owned(),
            );
        }
        if let Some(role) = single_role(info) {
            validate_role(role)
                .map_err(|detail| format!("'FrameworkInfo.role' is not a valid role: {detail}"))?;
        }
    }
    match info.id.as_ref().map(|id| id.value.as_str()) {
        None | Some("") => {}
        Some(id) => ids::check(id).map_err(|invalid| invalid.to_string())?,
    }
    let timeout = info.failover_timeout.unwrap_or_default();
    if timeout.is_nan() || timeout.abs() > FAILOVER_TIMEOUT_SECONDS_MAX {
        let timeout = general(timeout);
        return Err(format!(
            "The framework failover_timeout ({timeout}) is invalid"
        ));
    }
    Ok(())
}

/// Checks that only subscribed roles are suppressed.
pub(super) fn validate_suppressed(
    suppressed: &[String],
    roles: &BTreeSet<String>,
) -> Result<(), String> {
    let foreign: BTreeSet<_> = suppressed
        .iter()
        .filter(|role| !roles.contains(*role))
        .map(String::as_str)
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let foreign = braced(foreign);
    Err(format!(
        "Suppressed roles {foreign} are not contained in the set of roles"
    ))
}

/// Checks the syntax of a role name.
pub(super) fn validate_role(role: &str) -> Result<(), String> {
    if role == "*" {
        return Ok(());
    }
    if role.is_empty() {
        return Err("Role names cannot be the empty string".to_owned());
    }
    if role.starts_with('/') {
        return Err(format!("Role '{role}' cannot start with a slash"));
    }
    if role.ends_with('/') {
        return Err(format!("Role '{role}' cannot end with a slash"));
    }
    for component in role.split('/') {
        let is_space =
            |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | ' ' | '\u{8}');
        match component {
            "" => return Err(format!("Role '{role}' cannot contain two adjacent slashes")),
            "." | ".." | "*" => {
                return Err(format!(
                    "Role '{role}' cannot include '{component}' as a component"
                ));
            }
            _ if component.starts_with('-') => {
                return Err(format!(
                    "Role component '{component}' is invalid because it starts with a dash"
                ));
            }
            _ if component.contains(is_space) => {
                return Err(format!(
                    "Role component '{component}' is invalid because it contains backspace or \
                     whitespace"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether resources reserved for `reservation` may be offered to `role`: to the role itself and
/// to roles below it.
pub(super) fn may_use(role: &str, reservation: &str) -> bool {
    role.strip_prefix(reservation)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn duplicates(items: &[String]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    items
        .iter()
        .map(String::as_str)
        .filter(|item| !seen.insert(*item))
        .collect()
}

fn braced<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    format!("{{ {} }}", items.join(", "))
}

/// A double as C++ streams write it: six digits, an exponent when it is far from one.
fn general(value: f64) -> String {
    let text = format!("{value:.5e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..6).contains(&exponent) => format!("{value}"),
        Ok(exponent) if exponent < 0 => format!("{digits}e-{:02}", -exponent),
        Ok(exponent) => format!("{digits}e+{exponent:02}"),
        Err(_) => text,
    }
}
