//! What is to be logged, as people write it: `LEVEL` or `TARGET=LEVEL`, with commas between.

use job::nearest;
use thiserror::Error;

/// What a part of the program is called here, and how the targets of its records begin.
const TARGETS: [(&str, &[&str]); 7] = [
    // All that is ours.
    ("mesosgot", &["mesosgot", "mesos_client", "executor_host"]),
    ("framework", &["mesosgot_framework"]),
    ("mesos-client", &["mesos_client"]),
    ("link", &["mesosgot_link"]),
    ("executor", &["executor_host"]),
    ("local-cluster", &["mesosgot_local_cluster"]),
    ("http", &["hyper_util"]),
];

/// From the least to the most that is logged.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Why a piece is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DirectiveError {
    #[error("`{piece}` has no level")]
    NoLevel { piece: String },
    #[error("`{piece}`: there is no level `{level}`")]
    Level { piece: String, level: String },
    #[error("`{piece}`: there is no target `{target}`")]
    Target { piece: String, target: String },
    #[error("`{piece}` is neither a level nor `TARGET=LEVEL`")]
    Neither { piece: String },
}

impl DirectiveError {
    /// What would be right.
    pub(crate) fn help(&self) -> String {
        let targets = || TARGETS.iter().map(|(name, _)| *name);
        let listed = |words: &mut dyn Iterator<Item = &str>| {
            let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
            words.join(", ")
        };
        let all_targets = || format!("targets are {}", listed(&mut targets()));
        let all_levels = || format!("levels are {}", listed(&mut LEVELS.into_iter()));
        let meant = |word: &str, near: Option<&str>, with: &dyn Fn(&str) -> String| {
            near.filter(|near| *near != word)
                .map_or_else(String::new, |near| {
                    format!("did you mean `{}`? ", with(near))
                })
        };
        match self {
            Self::NoLevel { piece } => format!("write it like `{piece}=debug`; {}", all_levels()),
            Self::Level { piece, level } => {
                let rest = piece.strip_suffix(level.as_str()).unwrap_or_default();
                let near = nearest(level, LEVELS);
                meant(level, near, &|near| format!("{rest}{near}")) + &all_levels()
            }
            Self::Target { piece, target } => {
                let rest = piece.strip_prefix(target.as_str()).unwrap_or_default();
                let near = nearest(target, targets());
                meant(target, near, &|near| format!("{near}{rest}")) + &all_targets()
            }
            Self::Neither { piece } => {
                let near = nearest(piece, LEVELS.into_iter().chain(targets()));
                let near = meant(piece, near, &str::to_owned);
                format!("{near}{}; {}", all_levels(), all_targets())
            }
        }
    }
}

/// What so many `-v` ask for. Without any, who wants it quiet is told errors only.
pub(super) fn of_verbosity(verbose: u8, quiet: bool) -> &'static str {
    match verbose {
        0 if quiet => "error",
        0 => "warn",
        1 => "info",
        _ => "debug",
    }
}

/// The pieces of `text` in words of the filter.
///
/// # Errors
/// The first piece that is not understood.
pub(super) fn parse(text: &str) -> Result<String, DirectiveError> {
    let pieces = text.split(',').map(str::trim);
    let pieces = pieces.filter(|piece| !piece.is_empty()).map(directive);
    Ok(pieces.collect::<Result<Vec<_>, _>>()?.join(","))
}

fn directive(piece: &str) -> Result<String, DirectiveError> {
    let owned = str::to_owned;
    let Some((target, level)) = piece.split_once('=') else {
        return match (level_of(piece), target_of(piece)) {
            (Some(level), _) => Ok(level.to_owned()),
            (None, Some(_)) => Err(DirectiveError::NoLevel {
                piece: owned(piece),
            }),
            (None, None) => Err(DirectiveError::Neither {
                piece: owned(piece),
            }),
        };
    };
    let (target, level) = (target.trim(), level.trim());
    let paths = target_of(target).ok_or_else(|| DirectiveError::Target {
        piece: owned(piece),
        target: owned(target),
    })?;
    let level = level_of(level).ok_or_else(|| DirectiveError::Level {
        piece: owned(piece),
        level: owned(level),
    })?;
    let each = paths.iter().map(|path| format!("{path}={level}"));
    Ok(each.collect::<Vec<_>>().join(","))
}

fn level_of(text: &str) -> Option<&'static str> {
    LEVELS
        .into_iter()
        .find(|level| level.eq_ignore_ascii_case(text))
}

/// How the targets of records begin that `text` means: by its name here or that of the crate, after
/// which a module may follow.
fn target_of(text: &str) -> Option<Vec<String>> {
    let (first, modules) = match text.split_once("::") {
        Some((first, modules)) => (first, Some(modules)),
        None => (text, None),
    };
    let plain = first.replace('-', "_");
    let is_it = |(name, paths): &&(&str, &[&str])| {
        name.replace('-', "_") == plain || **paths == [plain.as_str()]
    };
    let (_, paths) = TARGETS.iter().find(is_it)?;
    let Some(modules) = modules else {
        return Some(paths.iter().map(|path| (*path).to_owned()).collect());
    };
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let are_names = modules.split("::").all(is_name);
    let crate_path = paths.first()?;
    are_names.then(|| vec![format!("{crate_path}::{modules}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quiet_are_told_errors_unless_they_ask_for_more() {
        let levels = [(0, false), (0, true), (1, true), (2, true)];
        let levels = levels.map(|(verbose, quiet)| of_verbosity(verbose, quiet));
        assert_eq!(levels, ["warn", "error", "info", "debug"]);
    }

    #[test]
    fn levels_and_targets_are_put_in_the_words_of_the_filter() {
        for (text, expected) in [
            ("info", "info"),
            ("INFO, link=Debug", "info,mesosgot_link=debug"),
            ("mesosgot_framework=trace,", "mesosgot_framework=trace"),
            (
                "mesos-client=off,mesos_client=off",
                "mesos_client=off,mesos_client=off",
            ),
            (
                "framework::driver::links=debug",
                "mesosgot_framework::driver::links=debug",
            ),
            (
                "mesosgot=debug",
                "mesosgot=debug,mesos_client=debug,executor_host=debug",
            ),
            ("mesosgot::tail=info", "mesosgot::tail=info"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_piece_is_named_with_what_was_meant() {
        let all_targets = "targets are `mesosgot`, `framework`, `mesos-client`, `link`, `executor`, \
             `local-cluster`, `http`";
        let all_levels = "levels are `off`, `error`, `warn`, `info`, `debug`, `trace`";
        for (text, error, help) in [
            (
                "warn,lnik=debug",
                "`lnik=debug`: there is no target `lnik`",
                format!("did you mean `link=debug`? {all_targets}"),
            ),
            (
                "hyper=debug",
                "`hyper=debug`: there is no target `hyper`",
                all_targets.to_owned(),
            ),
            (
                "link=debgu",
                "`link=debgu`: there is no level `debgu`",
                format!("did you mean `link=debug`? {all_levels}"),
            ),
            (
                "link=",
                "`link=`: there is no level ``",
                all_levels.to_owned(),
            ),
            (
                "link",
                "`link` has no level",
                format!("write it like `link=debug`; {all_levels}"),
            ),
            (
                "wran",
                "`wran` is neither a level nor `TARGET=LEVEL`",
                format!("did you mean `warn`? {all_levels}; {all_targets}"),
            ),
            (
                "link::a b=info",
                "`link::a b=info`: there is no target `link::a b`",
                all_targets.to_owned(),
            ),
        ] {
            let found = parse(text).expect_err(text);
            assert_eq!((found.to_string().as_str(), found.help()), (error, help));
        }
    }
}
