//! What is sent, on a terminal that shows what it makes of it.

use proptest::prelude::*;

use self::screens::Screens;
use super::*;

// That on which whole sessions are shown.
#[expect(dead_code, reason = "sessions look at more of it")]
#[path = "../../../tests/it/screens.rs"]
mod screens;

/// Sends it what the system makes of it: a new line begins at the left.
fn send(terminal: &mut Screens, bytes: &str) {
    terminal.process(bytes.replace('\n', "\r\n").as_bytes());
}

fn area(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn lines_go_by_above_the_area_which_leaves_nothing_behind() {
    let mut terminal = Screens::new(20, 6);
    let mut screen = Screen::default();
    let two = area(&["── job: running", "   floor 8/8"]);
    for number in 0..10 {
        let bytes = screen.update(&format!("line {number}\n"), &two);
        send(&mut terminal, &bytes);
    }
    let mut expected: Vec<String> = (0..10).map(|number| format!("line {number}")).collect();
    expected.extend(two.clone());
    assert_eq!(terminal.lines(), expected);
    assert_eq!(terminal.cursor(), (4, 0));
    assert_eq!(screen.update("", &two), "", "nothing has changed");
    let bytes = screen.update("", &[]);
    send(&mut terminal, &bytes);
    assert_eq!(terminal.lines(), expected[..10]);
    assert_eq!(terminal.cursor(), (4, 0));
}

#[test]
fn an_area_is_drawn_over_the_last_one_without_being_erased_before() {
    let mut screen = Screen::default();
    screen.update("", &area(&["one", "two", "three"]));
    let bytes = screen.update("", &area(&["1", "2"]));
    assert_eq!(bytes, "\x1b[?7l\r1\x1b[K\r\n2\x1b[J\x1b[?7h\r\x1b[1A");
}

#[test]
fn lines_wider_than_the_terminal_are_wrapped_and_whole() {
    let mut terminal = Screens::new(20, 6);
    let mut screen = Screen::default();
    let two = area(&["── job: running", "   floor 8/8"]);
    let exact = "x".repeat(20);
    let wide = "階".repeat(33);
    let long = "0123456789".repeat(7);
    let text = format!("{exact}\n{wide}\n{long}\n");
    for text in [text.as_str(), text.as_str()] {
        let bytes = screen.update(text, &two);
        send(&mut terminal, &bytes);
    }
    let each = [&exact, &wide, &long].map(|line| line.trim_end().to_owned());
    let expected = [&each[..], &each[..], &two].concat();
    assert_eq!(terminal.lines(), expected);
}

#[test]
fn what_a_smaller_terminal_has_made_of_the_area_is_gone_when_it_is_drawn_anew() {
    let mut terminal = Screens::new(40, 8);
    let mut screen = Screen::default();
    let wide = area(&["── job: running, 12/12 up ── 1m 23s", "   floor 8/8 up"]);
    send(&mut terminal, &screen.update("line 1\nline 2\n", &wide));
    for (columns, rows) in [(20, 8), (20, 4), (60, 10), (12, 3)] {
        terminal.resize(columns, rows);
        screen.resize();
        let narrow = area(&["── job", "   floor"]);
        send(&mut terminal, &screen.update("", &narrow));
        let expected = area(&["line 1", "line 2", "── job", "   floor"]);
        assert_eq!(terminal.lines(), expected, "{columns} columns");
    }
}

#[derive(Debug, Clone)]
enum Act {
    Text(Vec<String>),
    Area(Vec<String>),
    Both(Vec<String>, Vec<String>),
}

/// Lines of text that are wrapped or not, and areas that fit a terminal of 20 columns. None begins
/// with a wide character, so that the end of a line before is told from one that goes on.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    let text = || proptest::collection::vec("[a-z][a-z階]{0,69}", 1..4);
    let area = || proptest::collection::vec("[A-Z]{1,19}", 0..4);
    let act = prop_oneof![
        text().prop_map(Act::Text),
        area().prop_map(Act::Area),
        (text(), area()).prop_map(|(text, area)| Act::Both(text, area)),
    ];
    proptest::collection::vec(act, 0..30)
}

proptest! {
    /// Every line once and whole, in order, and below them the last area.
    #[test]
    fn every_line_is_there_once_and_whole(acts in acts()) {
        let mut terminal = Screens::new(20, 9);
        let mut screen = Screen::default();
        let (mut logged, mut shown) = (Vec::new(), Vec::new());
        for act in acts {
            let (text, area) = match act {
                Act::Text(text) => (text, shown.clone()),
                Act::Area(area) => (Vec::new(), area),
                Act::Both(text, area) => (text, area),
            };
            let whole: String = text.iter().map(|line| format!("{line}\n")).collect();
            send(&mut terminal, &screen.update(&whole, &area));
            logged.extend(text);
            shown = area;
            prop_assert_eq!(terminal.lines(), [&logged[..], &shown[..]].concat());
        }
        send(&mut terminal, &screen.clear());
        prop_assert_eq!(terminal.lines(), logged);
        prop_assert_eq!(terminal.cursor().1, 0);
    }
}
