//! The arguments and the environment of a function.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The arguments of a function, in the order of the job file.
///
/// Either as they are, with [`as_slice`](Self::as_slice), or as flags: each is taken out by name,
/// and [`finish`](Self::finish) refuses what nobody asked for.
///
/// ```
/// use mesosgot_sdk::{ArgError, Args};
///
/// fn settings(mut args: Args) -> Result<(u16, Option<u64>, bool), ArgError> {
///     let floors = args.flag("--floors").or(8)?;
///     let seed = args.flag("--seed").optional()?;
///     let quiet = args.switch("--quiet")?;
///     args.finish()?;
///     Ok((floors, seed, quiet))
/// }
///
/// assert_eq!(settings(Args::new(["--seed", "7", "--quiet"])), Ok((8, Some(7), true)));
/// assert_eq!(settings(Args::new(["--floors=3"])), Ok((3, None, false)));
///
/// let refused = settings(Args::new(["--flors", "3"])).unwrap_err().to_string();
/// assert_eq!(refused, "unknown argument `--flors`, known are `--floors`, `--seed`, `--quiet`");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    rest: Vec<String>,
    known: Vec<&'static str>,
}

impl Args {
    /// Arguments with these values.
    pub fn new<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Self {
        Self {
            rest: args.into_iter().map(S::into).collect(),
            known: Vec::new(),
        }
    }

    /// The arguments that were not taken.
    pub fn as_slice(&self) -> &[String] {
        &self.rest
    }

    /// Takes `NAME VALUE` or `NAME=VALUE`.
    pub fn flag(&mut self, name: &'static str) -> Flag {
        self.known.push(name);
        let value = self.take(name).and_then(|first| match self.position(name) {
            Some(_) => Err(ArgError::Twice { name }),
            None => Ok(first),
        });
        Flag { name, value }
    }

    /// Takes `NAME`, which has no value, and tells whether it was there.
    ///
    /// # Errors
    ///
    /// When it is given with a value.
    pub fn switch(&mut self, name: &'static str) -> Result<bool, ArgError> {
        self.known.push(name);
        let Some(position) = self.position(name) else {
            return Ok(false);
        };
        match self.rest.remove(position).strip_prefix(name) {
            Some("") => Ok(true),
            _ => Err(ArgError::Valued { name }),
        }
    }

    /// Ends the taking.
    ///
    /// # Errors
    ///
    /// When arguments are left that nobody asked for: one of them, and what was asked for.
    pub fn finish(self) -> Result<(), ArgError> {
        match self.rest.into_iter().next() {
            None => Ok(()),
            Some(argument) => Err(ArgError::Unknown {
                argument,
                known: self.known,
            }),
        }
    }

    fn take(&mut self, name: &'static str) -> Result<Option<String>, ArgError> {
        let Some(position) = self.position(name) else {
            return Ok(None);
        };
        let argument = self.rest.remove(position);
        if let Some((_, value)) = argument.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        // A next flag is no value; a negative number is.
        match self.rest.get(position) {
            Some(value) if !value.starts_with("--") => Ok(Some(self.rest.remove(position))),
            _ => Err(ArgError::Valueless { name }),
        }
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.rest.iter().position(|argument| {
            argument
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        })
    }
}

/// The value of a flag, to be read as a type: a number, a text, or any other `FromStr`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Flag {
    name: &'static str,
    value: Result<Option<String>, ArgError>,
}

impl Flag {
    /// The value, or `default` when the flag was not given.
    ///
    /// # Errors
    ///
    /// When the flag was given without a value, twice, or with what is no `T`.
    pub fn or<T: FromStr<Err: fmt::Display>>(self, default: T) -> Result<T, ArgError> {
        Ok(self.optional()?.unwrap_or(default))
    }

    /// The value, or `None` when the flag was not given.
    ///
    /// # Errors
    ///
    /// As [`or`](Self::or).
    pub fn optional<T: FromStr<Err: fmt::Display>>(self) -> Result<Option<T>, ArgError> {
        let Some(value) = self.value? else {
            return Ok(None);
        };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(error) => Err(ArgError::Invalid {
                name: self.name,
                value,
                why: format!("{error}"),
            }),
        }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// As [`or`](Self::or), and when the flag was not given.
    pub fn required<T: FromStr<Err: fmt::Display>>(self) -> Result<T, ArgError> {
        let name = self.name;
        self.optional()?.ok_or(ArgError::Missing { name })
    }
}

/// What is wrong with the arguments.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgError {
    /// A flag that is needed was not given.
    #[error("`{name}` is missing")]
    Missing {
        /// The flag.
        name: &'static str,
    },
    /// A flag was given without a value.
    #[error("`{name}` needs a value")]
    Valueless {
        /// The flag.
        name: &'static str,
    },
    /// A switch was given with a value.
    #[error("`{name}` takes no value")]
    Valued {
        /// The switch.
        name: &'static str,
    },
    /// A flag was given twice.
    #[error("`{name}` is given twice")]
    Twice {
        /// The flag.
        name: &'static str,
    },
    /// A flag's value is not what it should be.
    #[error("`{name}` cannot be `{value}`: {why}")]
    Invalid {
        /// The flag.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// An argument that nobody asked for.
    #[error("unknown argument `{argument}`{}", known_list(known))]
    Unknown {
        /// The argument.
        argument: String,
        /// The flags and switches that were asked for.
        known: Vec<&'static str>,
    },
}

fn known_list(known: &[&str]) -> String {
    match known {
        [] => ", none is known".to_owned(),
        known => format!(", known are `{}`", known.join("`, `")),
    }
}

/// The environment of a function: names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Env {
    variables: Vec<(String, String)>,
}

impl Env {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// All names and values, in the order of the job file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: variables.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(args: &[&str]) -> Result<i8, String> {
        let mut args = Args::new(args.iter().copied());
        let floors = args
            .flag("--floors")
            .or(8)
            .map_err(|error| error.to_string())?;
        args.finish().map_err(|error| error.to_string())?;
        Ok(floors)
    }

    #[test]
    fn a_flag_takes_its_value_in_both_ways() {
        assert_eq!(floors(&[]), Ok(8));
        assert_eq!(floors(&["--floors", "3"]), Ok(3));
        assert_eq!(floors(&["--floors=3"]), Ok(3));
        assert_eq!(floors(&["--floors", "-3"]), Ok(-3));
    }

    #[test]
    fn a_wrong_flag_is_told_by_name() {
        let refused = |args| floors(args).expect_err("it is wrong");
        assert_eq!(refused(&["--floors"]), "`--floors` needs a value");
        assert_eq!(
            refused(&["--floors", "--floors", "3"]),
            "`--floors` needs a value"
        );
        assert_eq!(
            refused(&["--floors", "3", "--floors=4"]),
            "`--floors` is given twice"
        );
        assert_eq!(
            refused(&["--floors", "many"]),
            "`--floors` cannot be `many`: invalid digit found in string"
        );
        assert_eq!(
            refused(&["--floorspace", "3"]),
            "unknown argument `--floorspace`, known are `--floors`"
        );
        assert_eq!(
            refused(&["3"]),
            "unknown argument `3`, known are `--floors`"
        );
    }

    #[test]
    fn a_needed_flag_must_be_there() {
        let missing = Args::default().flag("--seed").required::<u64>();
        assert_eq!(missing, Err(ArgError::Missing { name: "--seed" }));
    }

    #[test]
    fn a_switch_has_no_value() {
        assert_eq!(Args::new(["-v"]).switch("-v"), Ok(true));
        assert_eq!(Args::new(["-w"]).switch("-v"), Ok(false));
        assert_eq!(
            Args::new(["-v=1"]).switch("-v"),
            Err(ArgError::Valued { name: "-v" })
        );
    }

    #[test]
    fn an_environment_answers_by_name() {
        let env = Env::from_iter([("HOUSE", "tall"), ("LIFT", "")]);
        assert_eq!(env.get("HOUSE"), Some("tall"));
        assert_eq!(env.get("LIFT"), Some(""));
        assert_eq!(env.get("ROOF"), None);
        assert_eq!(env.iter().count(), 2);
    }
}
