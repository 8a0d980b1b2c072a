//! Names of jobs, groups and users, and roles.
//!
//! Names become parts of task ids, of file names and of what a user types, so they are plainer
//! than Mesos would take (PROTOCOL §4).

use thiserror::Error;

/// The longest name, in bytes. With an index and a number for the attempt it stays well below the
/// 255 bytes of a Mesos id.
pub(crate) const NAME_BYTES_MAX: usize = 100;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing is none.
    #[error("it is empty")]
    Empty,
    /// Ids that are made of it would be too long.
    #[error("it is longer than {NAME_BYTES_MAX} characters")]
    TooLong,
    /// It starts with this.
    #[error("it starts with `{0}`, not with a letter or a digit")]
    Start(char),
    /// It has this in it.
    #[error("it has the character `{0}`")]
    Character(char),
}

impl NameError {
    /// What a name is.
    pub const HELP: &str = "a name is made of letters, digits, `-`, `_` and `.`";
}

/// Checks the name of a job or a group.
///
/// # Errors
/// What is wrong with it.
pub fn check(name: &str) -> Result<(), NameError> {
    let first = name.chars().next().ok_or(NameError::Empty)?;
    if name.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong);
    }
    if !first.is_ascii_alphanumeric() {
        return Err(NameError::Start(first));
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    match name.chars().find(|char| !allowed(*char)) {
        Some(char) => Err(NameError::Character(char)),
        None => Ok(()),
    }
}

/// Whether a group of this name could be taken for a task of another: `floor-1` is a task of
/// `floor`.
pub(crate) fn looks_like_a_task(group: &str) -> bool {
    group.rsplit_once('-').is_some_and(|(stem, index)| {
        !stem.is_empty() && !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether Mesos takes the text as a role: `*`, or components with slashes between, none of them
/// empty, `.`, `..` or `*`, none starting with `-`, none with white space (PROTOCOL §4).
pub(crate) fn is_role(role: &str) -> bool {
    let is_component = |component: &str| {
        !matches!(component, "" | "." | ".." | "*")
            && !component.starts_with('-')
            && !component.contains(|char: char| char.is_whitespace() || char == '\u{8}')
    };
    role == "*" || role.split('/').all(is_component)
}

/// Whether a system could have a user of that name. Agents look it up and refuse what they do not
/// know; here it need only be one word that is no option and no path.
pub(crate) fn is_user(user: &str) -> bool {
    let is_odd = |char: char| char.is_whitespace() || char.is_control() || ":/".contains(char);
    !user.is_empty() && !user.starts_with('-') && !user.contains(is_odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_three_more() {
        assert_eq!(check("elevator-control_2.b"), Ok(()));
        assert_eq!(check("7up"), Ok(()));
        assert_eq!(check(""), Err(NameError::Empty));
        assert_eq!(check("-a"), Err(NameError::Start('-')));
        assert_eq!(check(".."), Err(NameError::Start('.')));
        assert_eq!(check("a/b"), Err(NameError::Character('/')));
        assert_eq!(check("a b"), Err(NameError::Character(' ')));
        assert_eq!(check("aé"), Err(NameError::Character('é')));
        assert_eq!(check(&"a".repeat(100)), Ok(()));
        assert_eq!(check(&"a".repeat(101)), Err(NameError::TooLong));
    }

    #[test]
    fn a_group_cannot_be_named_like_a_task() {
        assert!(looks_like_a_task("floor-1"));
        assert!(looks_like_a_task("a-b-07"));
        assert!(!looks_like_a_task("floor1"));
        assert!(!looks_like_a_task("floor-1a"));
        assert!(!looks_like_a_task("floor-"));
        assert!(!looks_like_a_task("7"));
    }

    #[test]
    fn users_are_single_words() {
        for user in ["ada", "www-data", "svc.job_2", "ada@example.org"] {
            assert!(is_user(user), "{user}");
        }
        for user in ["", "-a", "a b", "a:b", "/a", "a\n"] {
            assert!(!is_user(user), "{user}");
        }
    }

    #[test]
    fn roles_are_those_of_mesos() {
        for role in ["*", "web", "eng/backend", "a-b"] {
            assert!(is_role(role), "{role}");
        }
        for role in ["", "/a", "a/", "a//b", "a/*", "-a", "a b", ".", "a/.."] {
            assert!(!is_role(role), "{role}");
        }
    }
}
