//! A file of a sandbox that grows and rotates, read piece by piece.

use proptest::prelude::*;

use super::*;

/// A stream as an executor writes it.
#[derive(Debug, Default)]
struct File {
    current: String,
    old: Option<String>,
    parts: u64,
}

impl File {
    fn write(&mut self, line: &str) {
        self.current.push_str(line);
        self.current.push('\n');
    }

    fn rotate(&mut self) {
        self.old = Some(std::mem::take(&mut self.current));
        self.parts += 1;
        let head = format!(
            "{PART_MARK}{}, what was before is elsewhere",
            self.parts + 1
        );
        self.write(&head);
    }

    fn seen(&self) -> Seen {
        Seen {
            size: Some(self.current.len() as u64),
            old: (self.old.as_ref()).map(|old| (old.len() as u64, self.parts)),
        }
    }

    /// Reads in pieces of that size, at most so many.
    fn read(&self, follower: &mut Follower, piece: usize, pieces_max: usize, told: &mut Told) {
        for _ in 0..pieces_max {
            let Some(wanted) = follower.wanted() else {
                return;
            };
            let text = match wanted.part {
                Part::Current => self.current.as_bytes(),
                Part::Old => self.old.as_deref().unwrap_or_default().as_bytes(),
            };
            let begin = text.len().min(wanted.offset as usize);
            let end = text.len().min(begin + piece.max(HEAD_BYTES as usize));
            let size = text.len() as u64;
            follower.got(&text[begin..end], size, |found| told.push(found));
        }
    }
}

/// What was found, without the marks of parts.
#[derive(Debug, Default)]
struct Told {
    lines: Vec<String>,
    missed: u64,
}

impl Told {
    fn push(&mut self, found: Found) {
        match found {
            Found::Line(line) => {
                let line = String::from_utf8(line).expect("it was text");
                if !line.starts_with(PART_MARK) {
                    self.lines.push(line);
                }
            }
            Found::Missed(parts) => self.missed += parts,
        }
    }
}

/// All that can be read now.
fn read_all(file: &File, follower: &mut Follower, told: &mut Told) {
    follower.look(file.seen());
    file.read(follower, 7, usize::MAX, told);
    assert_eq!(follower.wanted(), None);
}

#[test]
fn lines_come_once_and_whole_over_rotations() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    for number in 0..20 {
        file.write(&format!("line {number}"));
        if number % 3 == 0 {
            read_all(&file, &mut follower, &mut told);
        }
        if number % 5 == 4 {
            file.rotate();
            read_all(&file, &mut follower, &mut told);
        }
    }
    read_all(&file, &mut follower, &mut told);
    let expected: Vec<_> = (0..20).map(|number| format!("line {number}")).collect();
    assert_eq!((told.lines, told.missed), (expected, 0));
}

#[test]
fn what_was_rotated_before_the_first_look_is_read_too() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    file.write("one");
    file.rotate();
    file.write("two");
    read_all(&file, &mut follower, &mut told);
    assert_eq!(
        (told.lines, told.missed),
        (vec!["one".into(), "two".into()], 0)
    );
}

#[test]
fn parts_that_are_gone_are_counted() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    file.write("one");
    read_all(&file, &mut follower, &mut told);
    file.write("gone");
    file.rotate();
    file.write("gone as well");
    file.rotate();
    file.write("three");
    file.rotate();
    file.write("four");
    read_all(&file, &mut follower, &mut told);
    let expected = ["one", "three", "four"].map(str::to_owned).to_vec();
    assert_eq!((told.lines, told.missed), (expected, 2));
}

#[test]
fn a_file_that_somebody_else_empties_is_read_from_its_begin() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    file.write("one");
    file.write("two");
    read_all(&file, &mut follower, &mut told);
    file.current.clear();
    file.write("new");
    follower.look(file.seen());
    // It may be that the older part comes only now.
    assert_eq!(follower.wanted(), None);
    read_all(&file, &mut follower, &mut told);
    assert_eq!(told.lines, ["one", "two", "new"]);
}

#[test]
fn a_file_that_is_emptied_before_its_older_part_is_there_loses_nothing() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    file.write("one");
    read_all(&file, &mut follower, &mut told);
    file.write("two");
    let emptied = Seen {
        size: Some(0),
        old: None,
    };
    follower.look(emptied);
    assert_eq!(follower.wanted(), None);
    file.rotate();
    file.write("three");
    read_all(&file, &mut follower, &mut told);
    assert_eq!(
        (told.lines.join(" "), told.missed),
        ("one two three".to_owned(), 0)
    );
}

/// Between the look and the reading of its pieces.
#[test]
fn what_is_rotated_while_it_is_read_is_read_on_where_it_has_gone() {
    let (mut file, mut follower, mut told) = (File::default(), Follower::new(), Told::default());
    for number in 0..40 {
        file.write(&format!("line {number}"));
    }
    follower.look(file.seen());
    file.read(&mut follower, 64, 2, &mut told);
    file.rotate();
    file.read(&mut follower, 64, usize::MAX, &mut told);
    follower.look(file.seen());
    file.read(&mut follower, 64, 3, &mut told);
    file.write("line 40");
    file.rotate();
    // Of the first part the rest is gone now.
    read_all(&file, &mut follower, &mut told);
    read_all(&file, &mut follower, &mut told);
    assert_eq!(told.missed, 1);
    assert_eq!(told.lines.last().map(String::as_str), Some("line 40"));
    assert!(told.lines.len() > 10 && told.lines.len() < 40, "{told:?}");
}

#[test]
fn a_line_without_an_end_is_cut_and_the_last_one_is_kept() {
    let mut splitter = LineSplitter::default();
    let mut lines = Vec::new();
    splitter.push(&vec![b'x'; LINE_BYTES_MAX + 1], |line| {
        lines.push(line.len())
    });
    splitter.push(b"y\nz", |line| lines.push(line.len()));
    assert_eq!(lines, [LINE_BYTES_MAX + 1, 1]);
    assert_eq!(splitter.finish(), Some(b"z".to_vec()));
    assert_eq!(splitter.finish(), None);
}

proptest! {
    /// Whatever is written, rotated and read in whatever pieces: no line comes twice or out of
    /// turn, and what does not come was missed with a part.
    #[test]
    fn lines_are_in_order_and_only_missed_with_their_part(
        steps in proptest::collection::vec((0_u8..8, 1_usize..40), 0..120),
    ) {
        let (mut file, mut follower, mut told) =
            (File::default(), Follower::new(), Told::default());
        let mut written = 0;
        for (step, size) in steps {
            match step {
                0 if !file.current.is_empty() => file.rotate(),
                0 => {}
                1 | 2 => {
                    follower.look(file.seen());
                    file.read(&mut follower, size, usize::MAX, &mut told);
                }
                _ => {
                    // Lines of many lengths, so that parts differ in size.
                    file.write(&format!("{written:0size$}"));
                    written += 1;
                }
            }
        }
        read_all(&file, &mut follower, &mut told);
        let numbers: Vec<u64> = told.lines.iter().filter_map(|line| line.parse().ok()).collect();
        prop_assert_eq!(numbers.len(), told.lines.len());
        prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", numbers);
        if told.missed == 0 {
            prop_assert_eq!(told.lines.len(), written);
        }
    }

    #[test]
    fn nothing_that_an_agent_answers_is_more_than_lines(
        answers in proptest::collection::vec(
            (any::<Option<u64>>(), any::<Option<(u64, u64)>>(),
             proptest::collection::vec(any::<u8>(), 0..100), any::<u64>()),
            0..40,
        ),
    ) {
        let mut follower = Follower::new();
        for (size, old, data, now) in answers {
            if follower.wanted().is_none() {
                follower.look(Seen { size, old });
            }
            if follower.wanted().is_some() {
                follower.got(&data, now, |_| {});
            }
        }
    }
}
