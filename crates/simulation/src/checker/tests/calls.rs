//! Offers, launches and acknowledgements.

use scheduler::{Constraint, Operator};

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

/// Both tasks in one executor, with these resources each, out of one offer.
fn launch_with(offered: &str, each: [&str; 2]) -> History {
    let mut history = History::new();
    let mut launch = accept("o1", "e1", 1);
    if let Output::Accept { tasks, .. } = &mut launch {
        for (task, resources) in tasks.iter_mut().zip(each) {
            task.resources = Resources::parse(resources).unwrap();
        }
    }
    history.step(offer("o1", offered), [launch]);
    history
}

#[test]
fn a_task_gets_what_its_group_asks_for_and_shares_it_with_nobody() {
    let more = launch_with("cpus:4", ["cpus:1", "cpus:2"]);
    more.breaks(Violation::WrongAmount("t-1.r.1".to_owned()));

    let mut history = History::new();
    history.checker.job.groups[0].resources = Resources::parse("cpus:1;ports:1").unwrap();
    let mut launch = accept("o1", "e1", 1);
    if let Output::Accept { tasks, .. } = &mut launch {
        for task in tasks {
            task.resources = Resources::parse("cpus:1;ports:[1-1]").unwrap();
        }
    }
    history.step(offer("o1", "cpus:4;ports:[1-2]"), [launch]);
    history.breaks(Violation::Overused("e1".into()));
}

#[test]
fn tasks_go_where_constraints_let_them_and_offers_of_two_roles_are_not_mixed() {
    let rule = |operator: Operator| {
        let mut history = History::new();
        let field = "hostname".to_owned();
        history.checker.job.groups[0].constraints = vec![Constraint { field, operator }];
        history.step(offer("o1", "cpus:4"), [accept("o1", "e1", 1)]);
        history.checker.violation().cloned()
    };
    let misplaced = Some(Violation::Misplaced("t".to_owned()));
    assert_eq!(rule(Operator::Unique), misplaced);
    assert_eq!(rule(Operator::MaxPer(1)), misplaced);
    assert_eq!(rule(Operator::MaxPer(2)), None);
    assert_eq!(rule(Operator::GroupBy(2)), misplaced);
    assert_eq!(rule(Operator::GroupBy(1)), None);
    assert_eq!(rule(Operator::Is("host2".to_owned())), misplaced);
    assert_eq!(rule(Operator::Is("host1".to_owned())), None);

    let mut history = History::new();
    let Input::Offers(mut offers) = offer("o2", "cpus:4") else {
        unreachable!("it is an offer");
    };
    offers[0].role = "prod".to_owned();
    history.step(Input::Offers(offers), []);
    let mut launch = accept("o1", "e1", 1);
    if let Output::Accept { offers, .. } = &mut launch {
        offers.push("o2".into());
    }
    history.step(offer("o1", "cpus:4"), [launch]);
    history.breaks(Violation::Mixed("o2".into()));
}
