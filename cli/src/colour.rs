//! Whether what is printed is coloured: one decision, which everything that prints asks for.
//!
//! The flag wins over the variables: `--color`, then `NO_COLOR` (anything but empty), then
//! `CLICOLOR_FORCE` (anything but `0`), then `CLICOLOR=0`; without any of them a terminal is
//! coloured, unless it is a dumb one, and files and pipes are not. Colours repeat what words say,
//! and nothing is told by them alone.

use std::ffi::{OsStr, OsString};
use std::{env, io};

use anstream::{AutoStream, ColorChoice};
use clap::ValueEnum;

/// What `--color` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// As the variables and the terminal have it.
    #[default]
    Auto,
    /// Also in files and pipes.
    Always,
    /// Nowhere.
    Never,
}

/// Decides for the whole process, by what `--color` says among these arguments.
///
/// It looks at them before they are parsed, because what parsing prints, such as the help text, is
/// to be coloured likewise. A value that is none is left to the parser.
pub(crate) fn decide(args: impl IntoIterator<Item = OsString>) {
    choice(asked(args)).write_global();
}

/// Whether stderr takes colours.
pub(crate) fn stderr() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// What other programs that print on our stderr are told, in cargo's words; nothing if they are to
/// decide for themselves.
pub(crate) fn for_cargo() -> Option<&'static str> {
    match ColorChoice::global() {
        ColorChoice::Auto => None,
        ColorChoice::Always | ColorChoice::AlwaysAnsi => Some("always"),
        ColorChoice::Never => Some("never"),
    }
}

/// The same for one whose stderr goes through us to ours: it cannot see what that is. Whoever has
/// told cargo itself is heard.
pub(crate) fn for_cargo_in_area() -> Option<&'static str> {
    let is_told = env::var_os("CARGO_TERM_COLOR").is_some();
    for_cargo().or_else(|| {
        (!is_told).then(|| match stderr() {
            true => "always",
            false => "never",
        })
    })
}

/// In the words of what writes to the streams, which knows the variables.
fn choice(colour: Colour) -> ColorChoice {
    match colour {
        // Left to decide for themselves, the streams colour a dumb terminal where `CI` is set.
        Colour::Auto if is_dumb(|name| env::var_os(name)) => ColorChoice::Never,
        Colour::Auto => ColorChoice::Auto,
        Colour::Always => ColorChoice::Always,
        Colour::Never => ColorChoice::Never,
    }
}

/// Whether the terminal shows nothing but text, and nobody has asked for colours all the same.
fn is_dumb(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_asked = ["CLICOLOR", "CLICOLOR_FORCE"]
        .iter()
        .any(|name| variable(name).is_some_and(|value| value != "0"));
    !is_asked && variable("TERM").is_none_or(|kind| kind.is_empty() || kind == "dumb")
}

/// The value of the last `--color`; what follows `--` belongs to the app scheduler.
fn asked(args: impl IntoIterator<Item = OsString>) -> Colour {
    let mut colour = Colour::Auto;
    let mut args = args.into_iter().take_while(|arg| arg != "--");
    while let Some(arg) = args.next() {
        let value = match arg.to_str() {
            Some("--color") => args.next(),
            Some(text) => text.strip_prefix("--color=").map(OsString::from),
            None => None,
        };
        let value = value.as_deref().and_then(OsStr::to_str);
        if let Some(Ok(meant)) = value.map(|value| Colour::from_str(value, false)) {
            colour = meant;
        }
    }
    colour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], colour: Colour) {
        assert_eq!(asked(args.iter().map(OsString::from)), colour, "{args:?}");
    }

    #[test]
    fn the_flag_is_found_wherever_it_stands() {
        check(&["mesosgot", "run", "a.yaml"], Colour::Auto);
        check(&["mesosgot", "--color", "never", "run"], Colour::Never);
        check(&["mesosgot", "run", "--color=always"], Colour::Always);
        check(&["--color=never", "--color", "auto"], Colour::Auto);
    }

    #[test]
    fn what_is_no_value_or_not_ours_decides_nothing() {
        check(&["mesosgot", "--color", "pink"], Colour::Auto);
        check(&["mesosgot", "--color"], Colour::Auto);
        check(&["mesosgot", "run", "--", "--color", "never"], Colour::Auto);
    }

    #[test]
    fn a_terminal_without_a_name_is_dumb_unless_colours_are_asked_for() {
        #[track_caller]
        fn check(variables: &[(&str, &str)], expected: bool) {
            let value = |name: &str| variables.iter().find(|(known, _)| *known == name);
            let found = is_dumb(|name| value(name).map(|(_, value)| OsString::from(value)));
            assert_eq!(found, expected, "{variables:?}");
        }
        check(&[("TERM", "xterm")], false);
        check(&[("TERM", "dumb")], true);
        check(&[("TERM", "")], true);
        check(&[], true);
        check(&[("TERM", "dumb"), ("CI", "true")], true);
        check(&[("TERM", "dumb"), ("CLICOLOR", "0")], true);
        check(&[("TERM", "dumb"), ("CLICOLOR", "1")], false);
        check(&[("CLICOLOR_FORCE", "1")], false);
    }
}
