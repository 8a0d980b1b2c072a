//! Logs: for those who look into the program itself. They go to stderr, ours and the executors'.

mod directives;
mod text;

use std::io::{self, Write};
use std::sync::Arc;

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
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
        None => directives::of_verbosity(common.verbose, common.quiet).to_owned(),
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
    tracing_subscriber::registry()
        .with(records(format, colour::stderr(), move |line: &str| {
            reporter.talk(line)
        }))
        .with(targets)
        .init();
    Ok(())
}

/// Has each record written as a line, of which nothing does harm on a terminal.
fn records<S, W>(format: LogFormat, is_coloured: bool, write: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&str) + Clone + Send + Sync + 'static,
{
    let fit = match format {
        LogFormat::Text => text::fit,
        LogFormat::Json => text::fit_json,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(move || LogWriter {
        fit,
        write: write.clone(),
    });
    match format {
        LogFormat::Text => lines.with_ansi(is_coloured).boxed(),
        LogFormat::Json => lines.json().with_ansi(false).boxed(),
    }
}

/// Takes each record in one write.
struct LogWriter<W> {
    fit: fn(&str) -> String,
    write: W,
}

impl<W: Fn(&str)> Write for LogWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let record = String::from_utf8_lossy(bytes);
        (self.write)(&(self.fit)(record.trim_end_matches('\n')));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// What a master, an agent or a task may say.
    const HOSTILE: &str = "gone\x1b[2J\r\nWARN all is well\u{202e}\u{9b}31m\u{2028}\u{85}\x7f";

    /// The lines of a record with hostile text wherever a peer's can be.
    fn written(format: LogFormat, is_coloured: bool) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let layer = records(format, is_coloured, move |line: &str| {
            let mut lines = written.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(line.to_owned());
        });
        let error = io::Error::other(HOSTILE);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::error_span!("with", agent = %HOSTILE);
            let _in_span = span.enter();
            tracing::error!(%error, reason = %HOSTILE, quoted = HOSTILE, "lost: {HOSTILE}");
            tracing::error!(error = &error as &dyn std::error::Error, "lost");
        });
        let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    #[test]
    fn what_peers_say_is_on_the_line_of_its_record_and_moves_no_cursor() {
        for format in [LogFormat::Text, LogFormat::Json] {
            for is_coloured in [false, true] {
                let lines = written(format, is_coloured);
                assert_eq!(lines.len(), 2, "{lines:?}");
                for line in lines {
                    assert!(line.contains("lost"), "{line:?}");
                    assert!(line.contains("all is well"), "{line:?}");
                    // What is left are the colours of records.
                    let plain = anstream::adapter::strip_str(&line).to_string();
                    assert_eq!(plain != line, is_coloured && format == LogFormat::Text);
                    assert!(!plain.contains(char::is_control), "{plain:?}");
                    assert!(!plain.contains(['\u{202e}', '\u{2028}']), "{plain:?}");
                }
            }
        }
    }

    #[test]
    fn a_record_in_json_says_what_the_peer_said() {
        let lines = written(LogFormat::Json, false);
        let record: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(record["fields"]["reason"], HOSTILE);
        assert_eq!(record["fields"]["message"], format!("lost: {HOSTILE}"));
    }
}
