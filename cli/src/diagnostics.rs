//! Diagnostics of job files, drawn for people.

use job::{Diagnostic, Diagnostics};
use miette::{
    GraphicalReportHandler, LabeledSpan, MietteDiagnostic, NamedSource, Report, Severity,
};

use crate::report::{Event, Reporter};

/// Shows what is wrong with a job file.
pub(crate) fn report(diagnostics: &Diagnostics, reporter: &Reporter) {
    show(diagnostics, Severity::Error, reporter);
}

/// Shows what may be wrong with a job file.
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
    } else {
        reporter.talk(render(diagnostics, severity).trim_end());
    }
}

/// The diagnostics as text: file, line, column, the source line and a hint for each.
fn render(diagnostics: &Diagnostics, severity: Severity) -> String {
    let handler = GraphicalReportHandler::new();
    let mut text = String::new();
    for diagnostic in &diagnostics.list {
        let report = draw(diagnostics, diagnostic, severity);
        handler
            .render_report(&mut text, report.as_ref())
            .expect("writing to a string cannot fail");
    }
    text
}

fn draw(diagnostics: &Diagnostics, diagnostic: &Diagnostic, severity: Severity) -> Report {
    let label = diagnostic
        .label
        .clone()
        .unwrap_or_else(|| "here".to_owned());
    let mut drawn = MietteDiagnostic::new(diagnostic.message.clone())
        .with_severity(severity)
        .with_label(LabeledSpan::at(diagnostic.span.clone(), label));
    if let Some(help) = &diagnostic.help {
        drawn = drawn.with_help(help.clone());
    }
    Report::new(drawn).with_source_code(NamedSource::new(
        &diagnostics.file_name,
        diagnostics.text.clone(),
    ))
}
