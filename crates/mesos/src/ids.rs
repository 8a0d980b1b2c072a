//! One type for each kind of id, so that none can be taken for another.
//!
//! Mesos ids are opaque text. [`check`] has the rule by which a master accepts them.

use std::fmt;

use thiserror::Error;

use crate::v1;

/// The longest id that Mesos accepts, in bytes (PROTOCOL §4, §13.1).
pub const ID_BYTES_MAX: usize = 255;

/// Why a text is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidId {
    /// There is no text.
    #[error("ID must not be empty")]
    Empty,
    /// It is longer than [`ID_BYTES_MAX`].
    #[error("ID must not be greater than {ID_BYTES_MAX} characters")]
    TooLong,
    /// `.` and `..` are names of directories.
    #[error("'{0}' is disallowed")]
    Directory(String),
    /// It has a slash, a backslash or a control character; ids become parts of paths.
    #[error("'{0}' contains invalid characters")]
    Character(String),
}

/// Checks a text against the rules for ids that a framework chooses (PROTOCOL §4).
///
/// # Errors
/// What is wrong with it.
pub fn check(id: &str) -> Result<(), InvalidId> {
    if id.is_empty() {
        return Err(InvalidId::Empty);
    }
    if id.len() > ID_BYTES_MAX {
        return Err(InvalidId::TooLong);
    }
    if id == "." || id == ".." {
        return Err(InvalidId::Directory(id.to_owned()));
    }
    if id
        .bytes()
        .any(|byte| byte == b'/' || byte == b'\\' || byte.is_ascii_control())
    {
        return Err(InvalidId::Character(id.to_owned()));
    }
    Ok(())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes a text as an id; it is not checked, see [`check`].
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }
    };
}

/// The ways from and to the wire; `$field: $none` are fields that the newtype does not carry.
macro_rules! wire {
    ($name:ident $(, $field:ident: $none:expr)?) => {
        impl From<v1::$name> for $name {
            fn from(wire: v1::$name) -> Self {
                Self(wire.value)
            }
        }

        impl From<&v1::$name> for $name {
            fn from(wire: &v1::$name) -> Self {
                Self(wire.value.clone())
            }
        }

        impl From<$name> for v1::$name {
            fn from(id: $name) -> Self {
                Self { value: id.0 $(, $field: $none)? }
            }
        }

        impl From<&$name> for v1::$name {
            fn from(id: &$name) -> Self {
                Self { value: id.0.clone() $(, $field: $none)? }
            }
        }
    };
}

id!(
    /// A framework, given by the master at its first SUBSCRIBE.
    FrameworkId
);
id!(
    /// An agent, given by the master.
    AgentId
);
id!(
    /// One offer, given by the master.
    OfferId
);
id!(
    /// An executor, chosen by the framework; unique per framework and agent.
    ExecutorId
);
id!(
    /// A task, chosen by the framework; unique per attempt.
    TaskId
);
id!(
    /// A container of an agent: one run of an executor. Executors run in top-level containers, so
    /// the parent that a nested container has is left out.
    ContainerId
);

wire!(FrameworkId);
wire!(AgentId);
wire!(OfferId);
wire!(ExecutorId);
wire!(TaskId);
wire!(ContainerId, parent: None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_a_master_refuses_are_refused() {
        assert_eq!(check("elevator-0.1"), Ok(()));
        assert_eq!(check(""), Err(InvalidId::Empty));
        assert_eq!(check(&"x".repeat(255)), Ok(()));
        assert_eq!(check(&"x".repeat(256)), Err(InvalidId::TooLong));
        assert_eq!(check(".."), Err(InvalidId::Directory("..".to_owned())));
        assert_eq!(check("a/b"), Err(InvalidId::Character("a/b".to_owned())));
        assert_eq!(
            check("a\u{7}"),
            Err(InvalidId::Character("a\u{7}".to_owned()))
        );
    }
}
