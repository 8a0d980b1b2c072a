//! Logs: for those who look into the program itself. They go to stderr, ours and the executors'.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::report::Reporter;

/// Chooses what is logged, as `LEVEL` or `TARGET=LEVEL,…`; wins over `-v`. Executors know it too.
pub(crate) const LOG_VARIABLE: &str = "MESOSGOT_LOG";

/// What is logged: the variable, or what `-v` asks for.
pub(crate) fn directives(verbose: u8) -> String {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    std::env::var(LOG_VARIABLE).unwrap_or_else(|_| default.to_owned())
}

/// Starts logging: each record is a line of the reporter's, above its live line.
///
/// # Errors
/// When `directives` are not understood.
pub(crate) fn init(directives: &str, reporter: &Arc<Reporter>) -> anyhow::Result<()> {
    let targets: Targets = directives.parse()?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let reporter = Arc::clone(reporter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || LogWriter(Arc::clone(&reporter)))
        .with_ansi(colour);
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
