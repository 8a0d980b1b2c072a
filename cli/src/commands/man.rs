//! `mesosgot man`: manual pages, made of the same text as `--help`.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::Failure;
use crate::args::{Cli, ManArgs};
use crate::exit::Exit;
use crate::report::{Event, Reporter};

/// Prints the page of the program, or writes those of all commands.
pub(super) fn run(args: &ManArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let failed = |error| Failure::new(Exit::Failure, error);
    match &args.dir {
        None => reporter.file(&page().map_err(failed)?),
        Some(folder) => {
            let shown = folder.display().to_string();
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
                .with_context(|| format!("failed to write manual pages to `{shown}`"))
                .map_err(|error| {
                    failed(error).with_help("name a folder that can be written to, or a new one")
                })?;
            reporter.event(&Event::Written { folder: &shown });
        }
    }
    Ok(Exit::Success)
}

fn page() -> anyhow::Result<String> {
    let mut page = Vec::new();
    Man::new(Cli::command())
        .render(&mut page)
        .context("failed to make the manual page")?;
    String::from_utf8(page).context("failed to make the manual page")
}
