//! Which entries are wanted, and that none is left out or told twice.

use super::*;
use crate::report::Stream;

/// A ring of lines that keeps `kept` of those that these letters stand for: each is a line of the
/// task of that name, a second after the one before.
fn ring(kept: usize, letters: &str) -> Ring<LineEntry> {
    let mut ring = Ring::new(usize::MAX);
    for (seq, letter) in (1..).zip(letters.chars()) {
        let entry = LineEntry {
            seq,
            time: format!("t{seq:04}"),
            task: letter.to_string(),
            stream: Stream::Stdout,
            line: String::new(),
        };
        ring.push(entry);
    }
    while ring.after(0).count() > kept {
        assert!(ring.forget_oldest());
    }
    ring
}

fn reading(wanted: Wanted) -> Reading<impl Fn(&LineEntry) -> bool> {
    let selection = Selection::parse(&wanted.tasks);
    let wanted = Wanted {
        gaps: true,
        ..wanted
    };
    Reading::new(wanted, move |line: &LineEntry| selection.has(&line.task))
}

/// What is told next: places, and in brackets how many are missing.
fn told<F: Fn(&LineEntry) -> bool>(reading: &mut Reading<F>, ring: &Ring<LineEntry>) -> String {
    let newest = ring.after(0).last().map_or(0, |line| line.seq);
    let lines = String::from_utf8(reading.next(ring, newest)).unwrap();
    let words = lines.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        match value.get("forgotten") {
            Some(forgotten) => format!("({forgotten})"),
            None => value["seq"].to_string(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(ring: &Ring<LineEntry>, wanted: Wanted, expected: &str) {
    let mut reading = reading(wanted);
    assert_eq!(told(&mut reading, ring), expected);
    assert_eq!(told(&mut reading, ring), "", "there is nothing more");
}

fn tail(tail: usize) -> Wanted {
    Wanted {
        tail: Some(tail),
        ..Wanted::default()
    }
}

#[test]
fn the_wanted_entries_are_told_in_their_order() {
    let ring = ring(100, "abcab");
    check(&ring, Wanted::default(), "1 2 3 4 5");
    let tasks = Wanted {
        tasks: "a,c".to_owned(),
        ..Wanted::default()
    };
    check(&ring, tasks.clone(), "1 3 4");
    check(
        &ring,
        Wanted {
            tail: Some(2),
            ..tasks.clone()
        },
        "3 4",
    );
    check(
        &ring,
        Wanted {
            after: 1,
            ..tasks.clone()
        },
        "3 4",
    );
    let since = Some("t0003".to_owned());
    check(&ring, Wanted { since, ..tasks }, "3 4");
    check(&ring, tail(2), "4 5");
    check(&ring, tail(0), "");
    check(&ring, tail(9), "1 2 3 4 5");
}

#[test]
fn what_is_forgotten_is_told_where_it_could_be_wanted() {
    let ring = ring(3, "abcab");
    check(&ring, Wanted::default(), "(2) 3 4 5");
    check(&ring, tail(3), "3 4 5");
    check(&ring, tail(4), "(2) 3 4 5");
    let since = |time: &str| Wanted {
        since: Some(time.to_owned()),
        ..Wanted::default()
    };
    check(&ring, since("t0002"), "(2) 3 4 5");
    check(&ring, since("t0004"), "4 5");
    // Nobody knows which of them came after that place.
    check(
        &ring,
        Wanted {
            after: 1,
            ..Wanted::default()
        },
        "3 4 5",
    );
}

#[test]
fn whoever_reads_too_slowly_is_told_what_was_missed() {
    let mut reading = reading(Wanted::default());
    assert_eq!(told(&mut reading, &ring(3, "abc")), "1 2 3");
    assert_eq!(told(&mut reading, &ring(3, "abcd")), "4");
    assert_eq!(told(&mut reading, &ring(3, "abcdefghi")), "(2) 7 8 9");
}

#[test]
fn many_entries_come_in_pieces() {
    let ring = ring(10_000, &"a".repeat(PIECE_ENTRIES_MAX * 2 + 1));
    let mut reading = reading(tail(PIECE_ENTRIES_MAX + 1));
    let count = |words: String| words.split_whitespace().count();
    assert_eq!(count(told(&mut reading, &ring)), PIECE_ENTRIES_MAX);
    assert_eq!(count(told(&mut reading, &ring)), 1);
    assert_eq!(count(told(&mut reading, &ring)), 0);
}
