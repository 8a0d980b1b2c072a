//! A line of the live area: words, some of which stand out where there is colour.

use owo_colors::OwoColorize as _;

use crate::report::width::{cut, width};

/// How words stand out. They say the same without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Style {
    Plain,
    /// What a line is about.
    Strong,
    /// What went wrong.
    Bad,
}

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::report) struct Line {
    spans: Vec<(Style, String)>,
}

impl Line {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            spans: vec![(Style::Plain, text.into())],
        }
    }

    pub(super) fn push(&mut self, style: Style, text: impl Into<String>) {
        self.spans.push((style, text.into()));
    }

    /// How many columns it takes at most.
    pub(super) fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| width(text)).sum()
    }

    /// The line, or as much of its beginning as fits into so many columns.
    pub(super) fn cut(self, columns: usize) -> Self {
        if self.width() <= columns {
            return self;
        }
        let mut kept = Self::default();
        let mut left = columns;
        for (style, text) in self.spans {
            let is_last = width(&text) >= left;
            // Something follows, so a span that just fits is cut as well.
            let text = match is_last {
                true => cut(&format!("{text} "), left),
                false => text,
            };
            left -= width(&text).min(left);
            kept.push(style, text);
            if is_last {
                break;
            }
        }
        kept
    }

    /// The line as it is written.
    pub(in crate::report) fn painted(&self, is_coloured: bool) -> String {
        let spans = self.spans.iter();
        let painted = spans.map(|(style, text)| match style {
            Style::Strong if is_coloured => text.bold().to_string(),
            Style::Bad if is_coloured => text.red().to_string(),
            Style::Plain | Style::Strong | Style::Bad => text.clone(),
        });
        painted.collect()
    }
}
