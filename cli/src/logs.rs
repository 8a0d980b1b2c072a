//! Logs: for those who look into the program itself. They go to stderr, ours and the executors'.

mod directives;

use std::io::{self, Write};
use std::sync::Arc;

use clap::ValueEnum;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub(crate) use self::directives::DirectiveError;
use crate::args::Common;
use crate::colour;
use crate::report::Reporter;

/// Chooses what is logged, as `--log` does; wins over `-v`. Executors know it too.
pub(crate) const LOG_VARIABLE: &str = "MESOSGOT_LOG";

/// How a record is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// One JSON object per line, with time, level, target and fields.
    Json,
}

/// What is logged, in words that the filter understands: what `-v` asks for, or the variable in its
/// place, and then `--log`, which wins where both speak of the same target.
///
/// # Errors
/// Which piece is not understood, and whose it is.
pub(crate) fn directives(common: &Common) -> Result<String, WrongLog> {
    let variable = std::env::var(LOG_VARIABLE).ok();
    let variable = variable.filter(|text| !text.trim().is_empty());
    let base = match &variable {
        Some(text) => directives::parse(text).map_err(|source| WrongLog {
            whose: LOG_VARIABLE,
            source,
        })?,
        None => directives::of_verbosity(common.verbose).to_owned(),
    };
    let mut all = base;
    for text in &common.log {
        let flag = directives::parse(text).map_err(|source| WrongLog {
            whose: "--log",
            source,
        })?;
        all = format!("{all},{flag}");
    }
    Ok(all)
}

/// What was asked to be logged is not understood.
#[derive(Debug, thiserror::Error)]
#[error("`{whose}` is not understood")]
pub(crate) struct WrongLog {
    whose: &'static str,
    source: DirectiveError,
}

impl WrongLog {
    /// What would be right.
    pub(crate) fn help(&self) -> String {
        self.source.help()
    }
}

/// Starts logging: each record is a line of the reporter's, above its live area.
///
/// # Errors
/// When `directives` are not understood.
pub(crate) fn init(
    directives: &str,
    format: LogFormat,
    reporter: &Arc<Reporter>,
) -> anyhow::Result<()> {
    let targets: Targets = directives.parse()?;
    let reporter = Arc::clone(reporter);
    let lines =
        tracing_subscriber::fmt::layer().with_writer(move || LogWriter(Arc::clone(&reporter)));
    let lines = match format {
        LogFormat::Text => lines.with_ansi(colour::stderr()).boxed(),
        LogFormat::Json => lines.json().with_ansi(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .init();
    Ok(())
}

/// Takes each record in one write.
struct LogWriter(Arc<Reporter>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.talk(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
