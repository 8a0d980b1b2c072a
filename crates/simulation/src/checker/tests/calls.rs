//! Offers, launches and acknowledgements.

use super::*;

#[test]
fn offers_are_answered_once_and_in_time() {
    let mut history = History::new();
    history.step(offer("o1", "cpus:1"), [decline("o1"), decline("o1")]);
    history.breaks(Violation::AnsweredTwice("o1".into()));

    let mut history = History::new();
    history.step(offer("o1", "cpus:1"), []);
    history.step(Input::Rescind("o1".into()), [decline("o1")]);
    history.breaks(Violation::AnsweredTwice("o1".into()));

    let mut history = History::new();
    history.step(offer("o1", "cpus:1"), []);
    history.advance(10);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::Hoarded("o1".into()));

    let mut history = History::new();
    history.step(offer("o1", "cpus:1"), []);
    let end = [
        Output::Report(Progress::NotTornDown {
            framework: "fw".into(),
            reason: String::new(),
        }),
        Output::Finished(Outcome::Interrupted),
    ];
    history.step(Input::Tick, end);
    history.breaks(Violation::Unanswered(1));
}

#[test]
fn nothing_is_launched_twice_nor_with_more_than_was_offered() {
    let mut history = History::new();
    history.step(offer("o1", "cpus:2"), [accept("o1", "e1", 1)]);
    history.breaks(Violation::Overused("e1".into()));

    let mut history = History::launched();
    history.step(offer("o2", "cpus:4"), [accept("o2", "e1", 2)]);
    history.breaks(Violation::LaunchedTwice("e1".to_owned()));

    let mut history = History::launched();
    history.step(offer("o2", "cpus:4"), [accept("o2", "e2", 1)]);
    history.breaks(Violation::LaunchedTwice("t-0.r.1".to_owned()));

    let mut history = History::launched();
    history.step(offer("o2", "cpus:4"), [accept("o2", "e2", 2)]);
    history.breaks(Violation::LaunchedBeside("t-0".to_owned()));

    let mut history = History::new();
    let lost = Input::Disconnected {
        reason: String::new(),
    };
    history.step(lost, [Output::Call(Call::Revive)]);
    history.breaks(Violation::Unsubscribed);
}

#[test]
fn updates_are_acknowledged_once() {
    let mut history = History::launched();
    history.step(update("t-0.r.1", TaskState::Running, 1), []);
    let task = TaskId::new("t-0.r.1");
    let times = 0;
    history.breaks(Violation::Acknowledged { task, times });

    let mut history = History::launched();
    let again = acknowledge("t-0.r.1", 1);
    history.update("t-0.r.1", TaskState::Running, 1, [again]);
    let task = TaskId::new("t-0.r.1");
    let times = 2;
    history.breaks(Violation::Acknowledged { task, times });
}
