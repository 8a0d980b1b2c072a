//! The words of a command line before they are parsed: `--dashboard ADDR` as `--dashboard=ADDR`.
//!
//! The address may be left out, so for the parser a word behind a blank is never it: it would take
//! the job file for one. Here a word is taken for the address if it can be nothing else.

use std::ffi::OsString;

use clap::CommandFactory as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, Parser as _};

use super::Cli;
use super::values::is_like_address;

/// The flag whose value may be left out.
const FLAG: &str = "--dashboard";

/// The command that has it.
const COMMAND: &str = "run";

impl Cli {
    /// What these words say, the name of the program first.
    ///
    /// # Errors
    /// What is wrong with them, or what they ask for: help, the version.
    pub(crate) fn of_words(words: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let words = joined(words.into_iter().collect());
        Self::try_parse_from(&words).map_err(|error| with_tip(error, &words))
    }
}

/// The words with the address in one word with its flag.
fn joined(words: Vec<OsString>) -> Vec<OsString> {
    if !is_about_run(&words) {
        return words;
    }
    let mut joined: Vec<OsString> = Vec::with_capacity(words.len());
    let mut is_ours = true;
    for word in words {
        let is_address = word.to_str().is_some_and(is_like_address);
        match joined.last_mut().filter(|last| *last == FLAG) {
            Some(flag) if is_ours && is_address => {
                flag.push("=");
                flag.push(word);
            }
            _ => {
                // What follows belongs to the app scheduler.
                is_ours &= word != "--";
                joined.push(word);
            }
        }
    }
    joined
}

/// Whether the first command among the words is the one with the flag.
fn is_about_run(words: &[OsString]) -> bool {
    let cli = Cli::command();
    let mut ours = words.iter().skip(1).take_while(|word| *word != "--");
    let is_command = |word: &&OsString| cli.find_subcommand(word).is_some();
    ours.find(is_command).is_some_and(|word| word == COMMAND)
}

/// The error, with how an address is written if one may have been meant.
fn with_tip(mut error: Error, words: &[OsString]) -> Error {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let follows = |pair: &[OsString]| pair[0] == FLAG && pair[1] == **unknown;
    if error.kind() == ErrorKind::UnknownArgument && words.windows(2).any(follows) {
        let tip = format!("to serve the dashboard at an address, write '{FLAG}=HOST:PORT'");
        let tip = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;

    fn cli(line: &str) -> Result<Cli, String> {
        let words = line.split_whitespace().map(OsString::from);
        Cli::of_words(words).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn dashboard(line: &str) -> (String, Option<String>, Vec<String>) {
        let Command::Run(run) = cli(line).expect(line).command else {
            panic!("not `run`: {line}")
        };
        let address = run.dashboard.dashboard.map(|it| it.to_string());
        (run.job.job.display().to_string(), address, run.args)
    }

    #[test]
    fn an_address_may_stand_behind_a_blank_and_a_job_file_is_none() {
        let at = Some("127.0.0.1:9464".to_owned());
        let any = Some("127.0.0.1:0".to_owned());
        for (line, address) in [
            ("mesosgot run a.yaml --dashboard 127.0.0.1:9464", &at),
            ("mesosgot run --dashboard 127.0.0.1:9464 a.yaml", &at),
            (
                "mesosgot --output json run --dashboard 127.0.0.1:9464 a.yaml",
                &at,
            ),
            ("mesosgot run a.yaml --dashboard=127.0.0.1:9464", &at),
            ("mesosgot run --dashboard a.yaml", &any),
            ("mesosgot run a.yaml --dashboard", &any),
            ("mesosgot run a.yaml", &None),
        ] {
            let (job, found, args) = dashboard(line);
            assert_eq!((&*job, &found), ("a.yaml", address), "{line}");
            assert!(args.is_empty(), "{line}");
        }
    }

    #[test]
    fn what_belongs_to_the_app_scheduler_stays_as_it_is() {
        let line = "mesosgot run a.yaml --dashboard -- --dashboard 127.0.0.1:80";
        let (_, address, args) = dashboard(line);
        assert_eq!(address.as_deref(), Some("127.0.0.1:0"));
        assert_eq!(args, ["--dashboard", "127.0.0.1:80"]);
        let words = ["mesosgot", "send", "run", "--dashboard", "127.0.0.1:80"];
        let words = words.map(OsString::from).to_vec();
        assert_eq!(joined(words.clone()), words);
    }

    #[test]
    fn another_word_behind_the_flag_is_told_how_an_address_is_written() {
        let error = cli("mesosgot run a.yaml --dashboard localhost").unwrap_err();
        assert!(error.contains("write '--dashboard=HOST:PORT'"), "{error}");
        let error = cli("mesosgot run a.yaml b.yaml --dashboard").unwrap_err();
        assert!(!error.contains("HOST:PORT"), "{error}");
    }
}
