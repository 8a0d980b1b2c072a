//! The live area: what is going on, in a few lines at the bottom of a terminal.
//!
//! What is known goes in with the size of the terminal, lines that fit come out. There is no clock
//! and no terminal here.
//!
//! ```text
//! ── elevator: running, 11/12 up, 1 restarting, in 1.2k/s, out 980/s ────── 1m 23s
//!    elevator  4/4 up
//!    floor     7/8 up, 1 restarting
//!    waits: on offer is 1 agent; no place for 1 of 8 `floor`: …
//! ```

mod line;
pub(super) mod rates;

use std::time::Duration;

use executor_host::output::clean;
use framework::Delivering;

pub(super) use self::line::{Line, Style};
use self::rates::{Rate, told};
use super::text::{count, duration};
use super::width::{cut, cut_middle, padded, width};
use crate::guest::fetch::amount;
use crate::tally::{Counts, GroupTally, Standing, Tally};

/// The most lines: what is logged matters more.
const LINES_MAX: usize = 8;

/// A part of the terminal at most, for the same reason.
const HEIGHT_PART: usize = 3;

/// The most lines for groups, the one for all others among them.
const GROUP_LINES_MAX: usize = 5;

/// A terminal that is narrower gets less around the words.
const ROOMY_COLUMNS: usize = 40;

/// On a terminal that is narrower there is no area.
const COLUMNS_MIN: usize = 12;

/// How wide names of groups may be: a part of the terminal, and this at most.
const NAME_COLUMNS_MAX: usize = 24;

/// A name that is cut to less says nothing.
const NAME_COLUMNS_MIN: usize = 8;

/// What matters most when not everything has its place, then the rest of a task's life.
const STANDINGS: [Standing; 10] = [
    Standing::Failed,
    Standing::Lost,
    Standing::Unreachable,
    Standing::Restarting,
    Standing::Waiting,
    Standing::Staging,
    Standing::Starting,
    Standing::Killing,
    Standing::Killed,
    Standing::Finished,
];

/// How large a terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Since the command began.
    pub(super) elapsed: Duration,
    /// What is done before there is a gang, such as building, what matters most first.
    pub(super) note: &'a [String],
    /// The job's name and how its tasks stand.
    pub(super) gang: Option<(&'a str, &'a Tally)>,
    /// How many messages go over the channels.
    pub(super) rate: Option<Rate>,
}

/// The lines of the area: none of them as wide as the terminal, so that none is ever wrapped, and
/// none at all if there is nothing to say or no room.
pub(super) fn area(known: &Known<'_>, size: Size) -> Vec<Line> {
    let rows = (size.rows / HEIGHT_PART).min(LINES_MAX);
    let columns = size.columns.saturating_sub(1);
    if rows == 0 || columns < COLUMNS_MIN {
        return Vec::new();
    }
    let Some((job, tally)) = known.gang else {
        let words: Vec<_> = known.note.iter().map(|word| plain_text(word)).collect();
        let line = (!words.is_empty()).then(|| headline("", &words, known.elapsed, columns));
        return line.into_iter().collect();
    };
    let indent = indent(columns);
    let mut lines = vec![headline(
        job,
        &words(tally, known.rate),
        known.elapsed,
        columns,
    )];
    let mut details = details(tally);
    details.truncate(rows - 1);
    let groups = group_lines(
        tally.groups(),
        (rows - 1 - details.len()).min(GROUP_LINES_MAX),
        columns,
    );
    lines.extend(groups);
    lines.extend(details.iter().map(|detail| {
        let text = cut(detail, columns.saturating_sub(indent));
        Line::plain(format!("{}{text}", " ".repeat(indent)))
    }));
    lines
}

/// What the first line says of the job, what matters most first.
fn words(tally: &Tally, rate: Option<Rate>) -> Vec<String> {
    let total = tally.total();
    let phase = tally.phase().word().to_owned();
    let mut words = vec![phase, format!("{} up", up(total))];
    words.extend(others(total, &STANDINGS[..4]).map(|(_, text)| text));
    if let Some(Rate { sent, received }) = rate {
        words.push(format!("in {}, out {}", told(sent), told(received)));
    }
    words
}

/// `── NAME: FIRST, SECOND, … ─── TIME`, with as much as fits: the time goes first, then the last
/// words, then the name.
fn headline(name: &str, words: &[String], elapsed: Duration, columns: usize) -> Line {
    let mut line = Line::plain(rule(columns));
    let mut room = columns.saturating_sub(line.width());
    let first: usize = words.iter().take(2).map(|word| width(word) + 2).sum();
    let for_name = room.saturating_sub(first);
    if !name.is_empty() && for_name >= width(name).min(NAME_COLUMNS_MIN) {
        let name = cut_middle(name, for_name.min(NAME_COLUMNS_MAX));
        room = room.saturating_sub(width(&name) + 2);
        line.push(Style::Strong, name);
        line.push(Style::Plain, ": ");
    }
    let mut text = words
        .first()
        .map_or_else(String::new, |first| cut(first, room));
    for word in words.iter().skip(1) {
        if width(&text) + 2 + width(word) > room {
            break;
        }
        text.push_str(", ");
        text.push_str(word);
    }
    line.push(Style::Plain, text);
    let elapsed = format!(" {}", duration(elapsed));
    let left = columns.saturating_sub(line.width());
    let (elapsed, left) = match left.checked_sub(elapsed.len()) {
        Some(left) => (elapsed, left),
        None => (String::new(), left),
    };
    if left > 1 {
        line.push(Style::Plain, format!(" {}", "─".repeat(left - 1)));
    }
    line.push(Style::Plain, elapsed);
    line
}

/// What the first line begins with: it sets the area off from the lines above.
fn rule(columns: usize) -> &'static str {
    if columns >= ROOMY_COLUMNS {
        "── "
    } else {
        "─ "
    }
}

/// What is to be told beside the counts, what matters most first.
fn details(tally: &Tally) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(reason) = tally.disconnected() {
        details.push(format!("no master: {}", plain_text(reason)));
    }
    if let Some(shortfall) = tally.waits_for() {
        details.push(format!("waits: {}", plain_text(shortfall)));
    }
    let Delivering {
        fetching,
        compiling,
        bytes,
        bytes_total,
        ..
    } = tally.delivering();
    let fetch = (fetching > 0).then(|| {
        let amount = amount(bytes, bytes_total);
        format!("fetch {} ({amount})", count(fetching, "module"))
    });
    let compile = (compiling > 0).then(|| format!("compile {}", count(compiling, "module")));
    match (fetch, compile) {
        (Some(fetch), Some(compile)) => details.push(format!("agents {fetch}, {compile}")),
        (Some(one), None) | (None, Some(one)) => details.push(format!("agents {one}")),
        (None, None) => {}
    }
    details
}

/// One line for each group; all that have no line of their own share the last one.
fn group_lines(groups: &[GroupTally], lines: usize, columns: usize) -> Vec<Line> {
    let own = match groups.len() > lines {
        true => lines.saturating_sub(1),
        false => groups.len(),
    };
    let (own, others) = groups.split_at(own);
    let mut named: Vec<(String, Counts)> = own
        .iter()
        .map(|group| (group.name.clone(), group.counts))
        .collect();
    if !others.is_empty() && lines > 0 {
        let sum = others.iter().map(|group| group.counts);
        let counts = sum.fold(Counts::default(), |sum, counts| sum + counts);
        let noun = match (own.is_empty(), others.len()) {
            (false, _) => "more",
            (true, 1) => "group",
            (true, _) => "groups",
        };
        named.push((format!("{} {noun}", others.len()), counts));
    }
    let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
    let name_columns = widest(&mut named.iter().map(|(name, _)| width(name)))
        .min(NAME_COLUMNS_MAX)
        .min(columns / HEIGHT_PART);
    let up_columns = widest(&mut named.iter().map(|(_, counts)| up(*counts).len()));
    let named = named.iter();
    named
        .map(|(name, counts)| group_line(name, *counts, (name_columns, up_columns), columns))
        .collect()
}

/// `   floor  7/8 up, 1 restarting`.
fn group_line(name: &str, counts: Counts, widths: (usize, usize), columns: usize) -> Line {
    let (name_columns, up_columns) = widths;
    let name = padded(&cut_middle(name, name_columns), name_columns);
    let mut line = Line::plain(" ".repeat(indent(columns)));
    line.push(Style::Strong, name);
    line.push(Style::Plain, format!("  {:>up_columns$} up", up(counts)));
    for (standing, text) in others(counts, &STANDINGS) {
        let style = match standing {
            Standing::Failed | Standing::Lost | Standing::Unreachable => Style::Bad,
            _ => Style::Plain,
        };
        line.push(Style::Plain, ", ");
        line.push(style, text);
    }
    line.cut(columns)
}

/// `7/8`: how many are up, of how many.
fn up(counts: Counts) -> String {
    format!("{}/{}", counts.of(Standing::Up), counts.sum())
}

/// `1 restarting` and the like.
fn others(counts: Counts, of: &[Standing]) -> impl Iterator<Item = (Standing, String)> {
    let told = of.iter().filter(move |standing| counts.of(**standing) > 0);
    told.map(move |standing| {
        let count = counts.of(*standing);
        (*standing, format!("{count} {}", standing.word()))
    })
}

fn indent(columns: usize) -> usize {
    if columns >= ROOMY_COLUMNS { 3 } else { 1 }
}

/// What others have written, on one line and without what a terminal obeys.
fn plain_text(text: &str) -> String {
    clean(text.replace(['\n', '\t'], " ").as_bytes())
}

#[cfg(test)]
mod tests;
