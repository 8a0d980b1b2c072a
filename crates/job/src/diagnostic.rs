//! What is wrong with a job file, as plain data. It knows nothing of terminals and colours.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use crate::spans::Spans;

/// All that was found wrong with one file, in order of position. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    /// The file, as the user named it.
    pub file_name: String,
    /// Its whole text; the spans are ranges of it.
    pub text: String,
    /// What is wrong.
    pub list: Vec<Diagnostic>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line, lower case, without a full stop.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// A few words to be written at the span.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// The line of the span's start, from 1.
    pub line: usize,
    /// The column of the span's start in characters, from 1.
    pub column: usize,
}

impl Diagnostic {
    /// A diagnostic at `span` of `text`.
    pub(crate) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            message: message.into(),
            span,
            label: None,
            help: None,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    pub(crate) fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn with_help(mut self, help: Option<impl Into<String>>) -> Self {
        self.help = help.map(Into::into);
        self
    }
}

impl Diagnostics {
    /// A fault that shows only after parsing, such as a module that is no wasm, at the value
    /// under `path` (keys from the top) or at the nearest thing around it.
    pub fn at(
        file_name: &str,
        text: &str,
        path: &[&str],
        message: impl Into<String>,
        help: Option<String>,
    ) -> Self {
        let span = Spans::index(text).value(path);
        Self {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            list: vec![Diagnostic::new(text, span, message).with_help(help)],
        }
    }
}

/// Whether `text` has a value under `path` (keys from the top), as opposed to a default.
pub fn is_said(text: &str, path: &[&str]) -> bool {
    Spans::index(text).has(path)
}

impl fmt::Display for Diagnostics {
    /// One line for each, `file:line:column: message (help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let Diagnostic {
                line,
                column,
                message,
                help,
                ..
            } = diagnostic;
            write!(
                f,
                "{separator}{}:{line}:{column}: {message}",
                self.file_name
            )?;
            if let Some(help) = help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl Error for Diagnostics {}
