//! `docs/commands.md`, which is made from the command line as clap knows it, and what other pages
//! say of commands and flags.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use expect_test::expect_file;
use regex_lite::Regex;

use super::Cli;
use crate::exit::Exit;

/// What stands above the commands.
const HEAD: &str = "\
# Commands

What `mesosgot --help` says, and what all commands have in common.
`mesosgot COMMAND --help` says the same on the terminal; `mesosgot man` and `mesosgot completions` make a manual page and completions of it.

Results go to stdout, everything else to stderr.
Ctrl-C ends a command gracefully, a second one at once.

## Exit codes

| code | what it says |
|---|---|
";

/// What stands between the exit codes and the commands.
const PROGRAMS: &str = "
## For programs

With `--output json` everything that happens is a line on stdout, each a JSON object with an `event`, such as `task`, `output` or `diagnostic`. Fields and events may be added; none is taken away.
The last line of `run` is the outcome, with `outcome` and `exit_code`:

| `outcome` | what it says |
|---|---|
| `succeeded` | the app scheduler has returned without an error |
| `failed` | a task or the app scheduler has failed; `reason` says which, and why |
| `never_placed` | the gang had no place within `gang.timeout` |
| `interrupted` | the user, or `mesosgot stop`, has ended it |
| `unreachable`, `refused` | the cluster cannot be reached; it does not take us |
| `not_run` | the command line, the job file or a module is wrong |

That of `plan` is `planned`, with `fits` and `exit_code`; that of `cluster` is `cluster_stopped`.

## Variables

| variable | what it says |
|---|---|
| `MESOS_MASTER` | what `--master` says |
| `MESOSGOT_SECRET`, `MESOSGOT_TOKEN` | the secret of the principal, or a bearer token, in place of a file |
| `MESOSGOT_DASHBOARD_TOKEN` | the token of a dashboard, in place of a file |
| `MESOSGOT_LOG` | what is logged: `info`, or `link=debug,warn`; handed on to executors |
| `MESOSGOT_CACHE_DIR` | the folder for what is fetched and compiled; nothing is kept when it is empty |
| `NO_COLOR` | no colours |
";

/// The folder of the repository.
fn top() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace")
}

#[test]
fn the_reference_says_what_the_command_line_takes() {
    expect_file![top().join("docs/commands.md")].assert_eq(&page());
}

#[test]
fn what_pages_say_of_commands_and_flags_is_so() {
    let command = built();
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).expect("the page can be read");
        for line in command_lines(&text) {
            count += 1;
            if let Err(why) = check(&command, &line) {
                wrong.push(format!("{}: `{line}`: {why}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count > 50, "only {count} command lines were found");
}

#[test]
fn every_variable_is_in_the_reference() {
    let name = Regex::new(r#""(MESOSGOT_[A-Z_]+)""#).expect("it is a pattern");
    let mut count = 0;
    for folder in ["cli/src", "executor-host/src"] {
        for text in sources(&top().join(folder)) {
            // Those of tests and benches are no affair of users.
            let names = name.captures_iter(&text).map(|found| found[1].to_owned());
            for name in names.filter(|name| !name.starts_with("MESOSGOT_TEST_")) {
                count += 1;
                assert!(PROGRAMS.contains(&format!("`{name}`")), "{name}");
            }
        }
    }
    assert!(count > 3, "only {count} variables were found");
}

/// The texts of all files below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![fs::read_to_string(&path).expect("the file is text")],
        })
        .collect()
}

/// The command with what clap adds to it.
fn built() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn page() -> String {
    let command = built();
    let mut page = HEAD.to_owned();
    for (exit, text) in [
        (
            Exit::Success,
            "the job succeeded, or the command did what it was asked for; for `plan`: the gang would fit",
        ),
        (
            Exit::Failure,
            "the job failed, or the command could not be done; for `plan`: the gang would not fit",
        ),
        (
            Exit::Usage,
            "the command line, the job file or a module is wrong",
        ),
        (Exit::Cluster, "the cluster cannot be reached, or refuses"),
        (Exit::NeverPlaced, "the gang was never placed"),
        (Exit::Interrupted, "interrupted"),
    ] {
        page += &format!("| {} | {text} |\n", exit.code());
    }
    page += PROGRAMS;
    page += "\n## Flags of every command\n\n";
    page += &table(command.get_arguments());
    for command in commands(&command) {
        page += &section(command);
    }
    page
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    let all = command.get_subcommands();
    all.filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn section(command: &Command) -> String {
    let name = command.get_name();
    let about = command.get_long_about().or_else(|| command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let own = command.get_arguments().filter(|arg| !arg.is_global_set());
    let table = table(own);
    let about = about.trim_end_matches('.');
    format!("\n## mesosgot {name}\n\n{about}.\n\n```text\n{usage}\n```\n")
        + &if table.is_empty() {
            String::new()
        } else {
            format!("\n{table}")
        }
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = arguments
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .map(|arg| format!("| {} | {} |\n", shown(arg), described(arg)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| argument | what it says |\n|---|---|\n{}", rows.concat())
}

/// The argument as it is typed.
fn shown(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let value = if takes_value {
        names.join(" ")
    } else {
        String::new()
    };
    let Some(long) = arg.get_long() else {
        return format!("`{value}`");
    };
    let short = arg.get_short().map(|short| format!("`-{short}`, "));
    let is_optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    let value = match (takes_value, is_optional) {
        (false, _) => value,
        (true, true) => format!("[={value}]"),
        (true, false) => format!(" {value}"),
    };
    format!("{}`--{long}{value}`", short.unwrap_or_default())
}

/// What it says, in a line of Markdown.
fn described(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    // clap takes it away from short texts.
    if !text.ends_with('.') {
        text.push('.');
    }
    let values = arg.get_possible_values();
    let takes_value = arg.get_action().takes_values();
    if takes_value && !values.is_empty() {
        let values: Vec<String> = values
            .iter()
            .filter(|value| !value.is_hide_set())
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        text += &format!(" One of {}.", values.join(", "));
    }
    let default: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|it| it.to_string_lossy())
        .collect();
    if takes_value && !default.is_empty() {
        text += &format!(" Default: `{}`.", default.join(" "));
    }
    if let Some(variable) = arg.get_env() {
        text += &format!(" Or the variable `{}`.", variable.to_string_lossy());
    }
    // Values of clap's are told in lines below the text.
    let text: Vec<&str> = text.split_whitespace().collect();
    text.join(" ").replace('|', "\\|")
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![
        top().join("README.md"),
        top().join("cli/template/README.md"),
    ];
    for folder in ["docs", "examples"] {
        let entries = fs::read_dir(top().join(folder)).expect("the folder can be read");
        for entry in entries {
            let path = entry.expect("the entry can be read").path();
            if path.is_dir() {
                pages.extend(Some(path.join("README.md")).filter(|page| page.is_file()));
            } else if path.extension().is_some_and(|it| it == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// What is written as `mesosgot …` in the text and in blocks, without the program's name.
fn command_lines(text: &str) -> Vec<String> {
    let inline = Regex::new(r"`mesosgot ([^`]+)`").expect("it is a pattern");
    let inline = inline.captures_iter(text).map(|found| found[1].to_owned());
    let mut is_shell = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            is_shell = matches!(language, "sh" | "console") && !is_shell;
        } else if is_shell {
            let line = line.trim_start_matches("$ ");
            for program in ["mesosgot ", "cargo run --release -- "] {
                lines.extend(line.strip_prefix(program).map(str::to_owned));
            }
        }
    }
    inline.chain(lines).collect()
}

/// Whether command and flags are known. Values may be placeholders.
fn check(command: &Command, line: &str) -> Result<(), String> {
    let words = line
        .split_whitespace()
        .take_while(|word| !["--", "|", "#", "&", ">"].contains(word));
    let words: Vec<&str> = words.collect();
    let first = words.first().copied().unwrap_or_default();
    let command = match first {
        // Of the program itself, or a placeholder.
        _ if first.starts_with('-') || first == "COMMAND" => command,
        _ => command
            .find_subcommand(first)
            .ok_or_else(|| format!("there is no command `{first}`"))?,
    };
    for word in words.iter().filter(|word| word.starts_with("--")) {
        let name = word.trim_start_matches("--");
        let name = name.split(['=', '[']).next().unwrap_or_default();
        let mut known = command.get_arguments().filter_map(Arg::get_long);
        if !known.any(|known| known == name) {
            return Err(format!("there is no flag `--{name}`"));
        }
    }
    Ok(())
}
