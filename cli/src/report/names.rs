//! The column of task names in front of what tasks print.

use std::io::{self, IsTerminal as _};

use executor_host::app_scheduler;
use owo_colors::{AnsiColors, OwoColorize as _};

use super::event::Stream;
use super::width::{cut_middle, padded, width};

/// The column is as wide as the widest name, and not wider than this: names may have a hundred
/// characters, and what is printed matters more.
const COLUMNS_MAX: usize = 24;

/// Colours for task names, all readable on light and dark ground.
const COLORS: [AnsiColors; 6] = [
    AnsiColors::Cyan,
    AnsiColors::Yellow,
    AnsiColors::Green,
    AnsiColors::Magenta,
    AnsiColors::Blue,
    AnsiColors::BrightRed,
];

/// How names are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Names {
    columns: usize,
    /// People read stdout; else names are whole, because programs look for them.
    is_stdout_terminal: bool,
    /// The same of stderr.
    is_stderr_terminal: bool,
}

impl Names {
    /// Names for this process's stdout and stderr.
    pub(super) fn of_process() -> Self {
        Self {
            columns: 0,
            is_stdout_terminal: io::stdout().is_terminal(),
            is_stderr_terminal: io::stderr().is_terminal(),
        }
    }

    /// Makes room for these names, and for that of the app scheduler.
    pub(super) fn align<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let names = names.into_iter().chain([app_scheduler::OUTPUT_NAME]);
        let widest = names.map(|name| width(name).min(COLUMNS_MAX));
        self.columns = widest.fold(self.columns, usize::max);
    }

    /// The name as it stands in its column.
    pub(super) fn shown(self, name: &str, stream: Stream) -> String {
        let is_for_people = match stream {
            Stream::Stdout => self.is_stdout_terminal,
            Stream::Stderr => self.is_stderr_terminal,
        };
        // Names that nobody told before, such as those of spawned tasks, have the bound alone.
        let shown = match is_for_people {
            true => padded(&cut_middle(name, COLUMNS_MAX), self.columns),
            false => padded(name, self.columns),
        };
        painted(&shown, name)
    }
}

/// The text in the colour of this name.
pub(super) fn painted(text: &str, name: &str) -> String {
    text.color(color_of(name)).to_string()
}

/// Always the same colour for the same name (FNV-1a picks it).
fn color_of(name: &str) -> AnsiColors {
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    COLORS[hash as usize % COLORS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: Names, name: &str) -> String {
        let shown = names.shown(name, Stream::Stdout);
        anstream::adapter::strip_str(&shown).to_string()
    }

    #[test]
    fn long_names_are_cut_in_the_middle_for_people_and_whole_for_programs() {
        let long = "a-group-with-a-very-long-name-17";
        let mut names = Names {
            is_stdout_terminal: true,
            ..Names::default()
        };
        names.align(["floor-1", long]);
        assert_eq!(shown(names, long), "a-group-with…ong-name-17");
        assert_eq!(shown(names, "floor-1"), "floor-1                 ");
        names.is_stdout_terminal = false;
        assert_eq!(shown(names, long), long);
        assert_eq!(shown(names, "floor-1"), "floor-1                 ");
    }

    #[test]
    fn a_thousand_tasks_share_all_colours_and_each_keeps_its_own() {
        let names: Vec<String> = (0..1000).map(|number| format!("worker-{number}")).collect();
        for color in COLORS {
            let of_it = names.iter().filter(|name| color_of(name) == color);
            assert!(of_it.count() > 100, "{color:?}");
        }
        let neighbours = names.windows(2);
        let same = neighbours.filter(|pair| color_of(&pair[0]) == color_of(&pair[1]));
        assert!(same.count() < 250);
        assert_eq!(color_of("floor-1"), color_of("floor-1"));
    }
}
