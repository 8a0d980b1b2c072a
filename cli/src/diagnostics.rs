//! Diagnostics of job files, drawn for people.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use job::{Diagnostic, Diagnostics};
use miette::{
    LabeledSpan, MietteDiagnostic, MietteHandler, MietteHandlerOpts, NamedSource, Report,
    ReportHandler as _, RgbColors, Severity,
};

use crate::colour;
use crate::report::{Event, Reporter};

/// Shows what is wrong with a job file.
pub(crate) fn report(diagnostics: &Diagnostics, reporter: &Reporter) {
    show(diagnostics, Severity::Error, reporter);
}

/// Shows what may be wrong with a job file, unless quiet.
pub(crate) fn warn(diagnostics: &Diagnostics, reporter: &Reporter) {
    show(diagnostics, Severity::Warning, reporter);
}

fn show(diagnostics: &Diagnostics, severity: Severity, reporter: &Reporter) {
    if reporter.is_json() {
        for diagnostic in &diagnostics.list {
            reporter.event(&Event::Diagnostic {
                severity: match severity {
                    Severity::Error => "error",
                    Severity::Warning | Severity::Advice => "warning",
                },
                file: &diagnostics.file_name,
                line: diagnostic.line,
                column: diagnostic.column,
                message: &diagnostic.message,
                help: diagnostic.help.as_deref(),
            });
        }
    } else if severity == Severity::Error || !reporter.is_quiet() {
        reporter.talk(render(diagnostics, severity).trim_end());
    }
}

/// How wide a diagnostic is where no terminal says it: hints are not broken for nobody.
const WIDTH_ELSEWHERE: usize = 200;

/// The diagnostics as text: file, line, column, the source line and a hint for each.
fn render(diagnostics: &Diagnostics, severity: Severity) -> String {
    let handler = handler();
    let source = Arc::new(without_controls(&diagnostics.text));
    let draw = |diagnostic| {
        let source = NamedSource::new(&diagnostics.file_name, Arc::clone(&source));
        Drawn(&handler, draw(source, diagnostic, severity)).to_string()
    };
    let shown = diagnostics.list.iter().take(SHOWN_MAX);
    let mut text: String = shown.map(draw).collect();
    let more = diagnostics.list.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        text.push_str(&format!("\nand {more} more\n"));
    }
    text
}

/// So many are drawn: more than anyone repairs at once, and as much as a terminal keeps.
const SHOWN_MAX: usize = 50;

/// Coloured as everything is, and in plain characters where there is no terminal to show others.
fn handler() -> MietteHandler {
    let options = MietteHandlerOpts::new()
        .force_graphical(true)
        .terminal_links(false)
        .rgb_colors(RgbColors::Never)
        .color(colour::stderr());
    if io::stderr().is_terminal() {
        options.build()
    } else {
        options.unicode(false).width(WIDTH_ELSEWHERE).build()
    }
}

/// A report as it is drawn.
struct Drawn<'a>(&'a MietteHandler, Report);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1.as_ref(), f)
    }
}

fn draw(source: NamedSource<Arc<String>>, diagnostic: &Diagnostic, severity: Severity) -> Report {
    let label = diagnostic
        .label
        .clone()
        .unwrap_or_else(|| "here".to_owned());
    let mut drawn = MietteDiagnostic::new(without_controls(&diagnostic.message))
        .with_severity(severity)
        .with_label(LabeledSpan::at(diagnostic.span.clone(), label));
    if let Some(help) = &diagnostic.help {
        drawn = drawn.with_help(without_controls(help));
    }
    Report::new(drawn).with_source_code(source)
}

/// The text with as many bytes in which terminals find no commands.
fn without_controls(text: &str) -> String {
    let shown = text.chars().map(|char| match char {
        '\n' | '\r' | '\t' => char,
        // They let a line read otherwise than it stands there.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if !char.is_control() => char,
        // Of as many bytes, so that spans stay where they are.
        _ if char.is_ascii() => '?',
        _ => '\u{bf}',
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_replaced_byte_by_byte() {
        let text = "a\u{1b}[31m\tä\u{9b}\u{7f}\u{202e}\n";
        let shown = without_controls(text);
        assert_eq!(shown, "a?[31m\tä¿?\u{fffd}\n");
        assert_eq!(shown.len(), text.len());
    }
}
