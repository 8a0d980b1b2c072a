//! Ends of tasks, of gangs and of jobs.

use super::*;

#[test]
fn an_end_is_told_once_and_decides_the_outcome() {
    let mut history = History::up();
    history.update("t-0.r.1", TaskState::Failed, 3, []);
    history.breaks(Violation::Untold("t-0.r.1".into()));

    let mut history = History::up();
    history.update("t-0.r.1", TaskState::Failed, 3, [failed(), failed()]);
    history.breaks(Violation::ToldTwice("t-0".to_owned()));

    let mut history = History::up();
    history.update("t-0.r.1", TaskState::Failed, 3, [failed()]);
    let end = [teardown(), Output::Finished(Outcome::Succeeded)];
    history.step(returned(), end);
    history.breaks(Violation::WrongOutcome("Succeeded".to_owned()));
}

#[test]
fn an_unreachable_task_is_given_up_with_an_end_and_in_time() {
    let unreachable = |history: &mut History| {
        let news = told(JobEventKind::TaskLost, TaskState::Unreachable);
        history.update("t-0.r.1", TaskState::Unreachable, 3, [news]);
        history.advance(60);
    };
    let mut history = History::up();
    unreachable(&mut history);
    let lost = told(JobEventKind::TaskLost, TaskState::Lost);
    history.step(Input::Tick, [lost]);
    history.advance(1);
    history.is_fine();

    let mut history = History::up();
    unreachable(&mut history);
    let news = told(JobEventKind::TaskLost, TaskState::Unreachable);
    history.step(Input::Tick, [news]);
    history.advance(1);
    history.breaks(Violation::Untold("t-0.r.1".into()));

    // Nobody could say that it is back.
    let mut history = History::up();
    unreachable(&mut history);
    let reason = "broken pipe".to_owned();
    history.step(Input::Disconnected { reason }, []);
    history.advance(1000);
    history.step(Input::Subscribed("fw".into()), []);
    history.advance(60);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::Untold("t-0.r.1".into()));
}

#[test]
fn a_gang_is_up_or_undone_in_time_and_a_job_ends() {
    let mut history = History::launched();
    history.advance(60);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::GangTimeout);

    let mut history = History::up();
    history.step(Input::Tick, [stopping(Outcome::Interrupted)]);
    history.advance(45);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::NoEnd);
}

#[test]
fn the_end_is_the_end_and_is_told_to_the_master_or_not_kept_secret() {
    let mut history = History::new();
    let end = || Output::Finished(Outcome::Interrupted);
    history.step(Input::Tick, [end()]);
    history.breaks(Violation::LeftInSilence);

    let mut history = History::new();
    history.step(Input::Tick, [teardown(), end(), teardown()]);
    history.breaks(Violation::AfterEnd);

    let mut history = History::new();
    history.step(Input::Tick, [teardown(), end()]);
    let left = [ExecutorId::new("e1")].into();
    history.checker.check_end(&left, false);
    history.is_fine();
    history.checker.check_end(&left, true);
    history.breaks(Violation::LeftRunning("e1".into()));
}
