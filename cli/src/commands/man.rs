//! `mesosgot man`: manual pages, made of the same text as `--help`.

use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::Failure;
use crate::args::{Cli, ManArgs};
use crate::exit::Exit;
use crate::report::{Event, Reporter};

/// Prints the page of the program, or writes those of all commands.
pub(super) fn run(args: &ManArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let failed = |error| Failure::new(Exit::Failure, error);
    let mut program = Cli::command();
    program.build();
    match &args.dir {
        None => reporter.file(&page(program).map_err(failed)?),
        Some(folder) => {
            let files = write(&program, folder).map_err(failed)?;
            reporter.event(&Event::Written {
                folder: &folder.display().to_string(),
                files,
            });
        }
    }
    Ok(Exit::Success)
}

/// Writes a page for the program and one for each of its commands; answers how many.
fn write(program: &Command, folder: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("failed to make `{}`", folder.display()))?;
    let commands = program.get_subcommands();
    let commands =
        commands.filter(|command| !command.is_hide_set() && command.get_name() != "help");
    let commands: Vec<_> = std::iter::once(program).chain(commands).collect();
    for command in &commands {
        let name = match command.get_display_name() {
            Some(name) => name.to_owned(),
            None => command.get_name().to_owned(),
        };
        let path = folder.join(format!("{name}.1"));
        let command = (*command).clone().name(name);
        std::fs::write(&path, page(command)?)
            .with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(commands.len())
}

fn page(command: Command) -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .context("failed to make a manual page")?;
    String::from_utf8(page).context("failed to make a manual page")
}
