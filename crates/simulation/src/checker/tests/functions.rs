//! Functions of tasks, and the app scheduler.

use super::*;

#[test]
fn the_app_scheduler_starts_once_with_the_whole_gang_and_ends_with_it() {
    let mut history = History::launched();
    history.update("t-0.r.1", TaskState::Running, 1, [Output::StartApp]);
    history.breaks(Violation::AppStart);

    let mut history = History::up();
    history.step(Input::Tick, [Output::StartApp]);
    history.breaks(Violation::AppStart);

    let mut history = History::up();
    let outcome = Outcome::Interrupted;
    history.step(Input::Tick, [teardown(), Output::Finished(outcome)]);
    history.breaks(Violation::AppLeft);
}

#[test]
fn functions_begin_with_the_whole_gang_or_not_at_all() {
    let tasks = ["t-0.r.1", "t-1.r.1"].map(TaskId::new);
    let mut history = History::launched();
    history.checker.truth.up(history.now, &tasks[0]);
    history.checker.truth.began(&tasks[0]);
    history.breaks(Violation::BeganEarly(tasks[0].clone()));

    let mut history = History::up();
    let now = history.now;
    for task in &tasks {
        history.checker.truth.up(now, task);
    }
    history.checker.truth.began(&tasks[0]);
    let later = now + Duration::from_secs(3600);
    history.checker.check_peace(later, Duration::from_secs(60));
    history.is_fine();
    history.checker.check_peace(later, later - now);
    history.breaks(Violation::PartOfGang(tasks[0].clone()));
}

/// The gang is up at its second launch; both attempts of `t-0` live in truth, and the function of
/// the second has begun.
fn launched_twice() -> (History, TaskId, TaskId) {
    let mut history = History::launched();
    let again = || TaskReport {
        task: "t-0".to_owned(),
        state: TaskState::Dropped,
        source: Source::Agent,
        reason: None,
        message: None,
        agent: None,
    };
    let other = TaskReport {
        task: "t-1".to_owned(),
        ..again()
    };
    let placed = |report| [Output::Report(Progress::PlacedAgain(report))];
    history.update("t-0.r.1", TaskState::Dropped, 1, placed(again()));
    history.update("t-1.r.1", TaskState::Dropped, 2, placed(other));
    history.step(offer("o2", "cpus:4"), [accept("o2", "e2", 2)]);
    history.update("t-0.r.2", TaskState::Running, 3, []);
    let lift = Output::LiftBarrier(["e1", "e2"].map(ExecutorId::new).into());
    let start = [lift, Output::StartApp];
    history.update("t-1.r.2", TaskState::Running, 4, start);
    let tasks = ["t-0.r.1", "t-0.r.2", "t-1.r.2"].map(TaskId::new);
    let truth = &mut history.checker.truth;
    for task in &tasks {
        truth.up(history.now, task);
    }
    // `t-1.r.1` was never up: it was lost on its way, and nobody waits for it.
    let [first, second, _] = tasks;
    truth.began(&second);
    assert_eq!(history.checker.violation(), None);
    (history, first, second)
}

#[test]
fn two_attempts_of_a_task_never_run_at_once() {
    let (mut history, first, _) = launched_twice();
    history.checker.truth.began(&first);
    history.breaks(Violation::RanTwice("t-0".to_owned()));
}

#[test]
fn an_attempt_that_was_given_up_may_run_beside_another() {
    let (mut history, first, second) = launched_twice();
    history.checker.truth.given_up(&second);
    history.checker.truth.began(&first);
    assert_eq!(history.checker.violation(), None);
}

#[test]
fn what_has_ended_is_known_and_what_was_killed_ends() {
    let task = TaskId::new("t-0.r.1");
    let hour = Duration::from_secs(3600);
    let mut history = History::up();
    history.checker.truth.ended(history.now, &task);
    history.checker.check_peace(history.now + hour, hour);
    history.breaks(Violation::EndForgotten(task.clone()));

    let mut history = History::up();
    history.checker.truth.up(history.now, &task);
    let finished = told(JobEventKind::TaskFinished, TaskState::Finished);
    history.update("t-0.r.1", TaskState::Finished, 3, [finished]);
    history.checker.check_peace(history.now + hour, hour);
    history.breaks(Violation::Revenant(task.clone()));

    let mut history = History::up();
    history.checker.truth.up(history.now, &task);
    history.checker.truth.kill_ordered(history.now, "t-0");
    history.checker.check_peace(history.now + hour, hour);
    history.breaks(Violation::KillForgotten("t-0".to_owned()));
}
