//! Tables of text that fit a terminal.

use super::width::{cut, cut_middle, padded, width};

/// What stands between columns.
const GAP: &str = "  ";

/// A column is not made narrower than this: what is cut more says nothing.
const COLUMNS_MIN: usize = 10;

/// A column of a table.
#[derive(Debug)]
pub(super) struct Column {
    /// The head, then a cell for each row.
    cells: Vec<String>,
    is_number: bool,
    /// Names, whose middle matters least, can be cut.
    can_be_cut: bool,
    /// It can be left out where there is no room; the highest first.
    spare: Option<u8>,
}

impl Column {
    /// A column that is shown whole.
    pub(super) fn new(head: &str, cells: impl IntoIterator<Item = String>) -> Self {
        let head = std::iter::once(head.to_owned());
        Self {
            cells: head.chain(cells).collect(),
            is_number: false,
            can_be_cut: false,
            spare: None,
        }
    }

    /// The same for numbers, which are aligned to the right.
    pub(super) fn numbers(head: &str, cells: impl IntoIterator<Item = String>) -> Self {
        Self {
            is_number: true,
            ..Self::new(head, cells)
        }
    }

    /// The same for names, which are cut in the middle where they are too long.
    pub(super) fn names(head: &str, cells: impl IntoIterator<Item = String>) -> Self {
        Self {
            can_be_cut: true,
            ..Self::new(head, cells)
        }
    }

    /// The same, left out where there is no room; columns with the highest number first.
    pub(super) fn spare(self, order: u8) -> Self {
        Self {
            spare: Some(order),
            ..self
        }
    }

    /// Whether it says nothing.
    fn is_empty(&self) -> bool {
        self.cells[1..].iter().all(String::is_empty)
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|cell| width(cell)).max().unwrap_or(0)
    }
}

/// The rows, heads first, in so many columns of a terminal, or as wide as they are. Columns that say
/// nothing are left out. A row may have a remark, which stands below it.
pub(super) fn lines(
    columns: Vec<Column>,
    remarks: &[Option<String>],
    room: Option<usize>,
) -> Vec<String> {
    let mut columns = columns;
    columns.retain(|column| !column.is_empty());
    let mut widths = fitting(&mut columns, room);
    // Nothing is to be padded there.
    if let (Some(last), Some(width)) = (columns.last(), widths.last_mut())
        && !last.is_number
    {
        *width = 0;
    }
    let rows = columns.iter().map(|column| column.cells.len()).max();
    let mut lines = Vec::new();
    for row in 0..rows.unwrap_or(0) {
        let cells = columns.iter().zip(&widths).map(|(column, columns)| {
            let cell = match column.can_be_cut && room.is_some() {
                true => cut_middle(&column.cells[row], *columns),
                false => column.cells[row].clone(),
            };
            match column.is_number {
                true => format!("{}{cell}", " ".repeat(columns.saturating_sub(width(&cell)))),
                false => padded(&cell, *columns),
            }
        });
        let line = cells.collect::<Vec<_>>().join(GAP);
        lines.push(line.trim_end().to_owned());
        let remark = row
            .checked_sub(1)
            .and_then(|row| remarks.get(row)?.as_ref());
        if let Some(remark) = remark {
            let line = format!("{GAP}{remark}");
            lines.push(match room {
                Some(room) => cut(&line, room),
                None => line,
            });
        }
    }
    lines
}

/// How wide columns are so that all fit; those for which there is no room are taken out.
fn fitting(columns: &mut Vec<Column>, room: Option<usize>) -> Vec<usize> {
    loop {
        let mut widths: Vec<usize> = columns.iter().map(Column::width).collect();
        let Some(room) = room else {
            return widths;
        };
        let gaps = GAP.len() * columns.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(room);
        // The widest name gives way first.
        while excess > 0 {
            let names = widths.iter_mut().zip(columns.iter());
            let names = names.filter(|(width, column)| column.can_be_cut && **width > COLUMNS_MIN);
            let Some((widest, _)) = names.max_by_key(|(width, _)| **width) else {
                break;
            };
            *widest -= 1;
            excess -= 1;
        }
        let spare = columns.iter().enumerate();
        let spare = spare.filter_map(|(index, column)| Some((column.spare?, index)));
        match spare.max() {
            Some((_, index)) if excess > 0 => drop(columns.remove(index)),
            _ => return widths,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn cells<const ROWS: usize>(cells: [&str; ROWS]) -> [String; ROWS] {
        cells.map(str::to_owned)
    }

    #[track_caller]
    fn check(room: Option<usize>, expected: &Expect) {
        let columns = vec![
            Column::names(
                "TASK",
                cells(["a-very-long-name-of-a-task-17", "階段の名前-1"]),
            ),
            Column::new("STATE", cells(["running", "failed"])),
            Column::names("AGENT", cells(["agent-1.example.org", "a"])).spare(1),
            Column::numbers("SENT", cells(["12", "4711"])),
            Column::numbers("TRAPS", cells(["", ""])),
            Column::numbers("CPU", cells(["0.1s", ""])).spare(2),
        ];
        let remarks = [
            None,
            Some("it panicked at the first floor, where it stopped".to_owned()),
        ];
        let lines = lines(columns, &remarks, room);
        if let Some(room) = room {
            let widest = lines.iter().map(|line| width(line)).max();
            assert!(widest <= Some(room), "{widest:?} of {room}: {lines:#?}");
        }
        expected.assert_eq(&(lines.join("\n") + "\n"));
    }

    #[test]
    fn programs_read_tables_that_are_whole() {
        check(
            None,
            &expect![[r#"
            TASK                           STATE    AGENT                SENT   CPU
            a-very-long-name-of-a-task-17  running  agent-1.example.org    12  0.1s
            階段の名前-1                   failed   a                    4711
              it panicked at the first floor, where it stopped
        "#]],
        );
    }

    #[test]
    fn tables_fit_wide_and_narrow_terminals() {
        check(
            Some(80),
            &expect![[r#"
            TASK                           STATE    AGENT                SENT   CPU
            a-very-long-name-of-a-task-17  running  agent-1.example.org    12  0.1s
            階段の名前-1                   failed   a                    4711
              it panicked at the first floor, where it stopped
        "#]],
        );
        check(
            Some(60),
            &expect![[r#"
            TASK                 STATE    AGENT               SENT   CPU
            a-very-lo…a-task-17  running  agent-1.e…mple.org    12  0.1s
            階段の名前-1         failed   a                   4711
              it panicked at the first floor, where it stopped
        "#]],
        );
        check(
            Some(40),
            &expect![[r#"
            TASK          STATE    AGENT        SENT
            a-very…sk-17  running  agent…e.org    12
            階段の名前-1  failed   a            4711
              it panicked at the first floor, where…
        "#]],
        );
    }
}
