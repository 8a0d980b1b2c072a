//! Tasks that are spawned, and those that are restarted.

use scheduler::{NeverPlaced, NotUp, Scheduler, SpawnFailed, SpawnId};

use super::*;

/// The gang is up, and `t-2` and `t-3` are wanted beside it.
fn wanted() -> (History, SpawnId) {
    let mut history = History::up();
    let spawn = spawn_id(history.now);
    history.checker.spawn(history.now, spawn, "t", 2);
    (history, spawn)
}

/// Only a machine has such numbers: one that has its gang of nothing but `t-0` and `t-1` up.
fn spawn_id(now: Instant) -> SpawnId {
    let mut machine = Scheduler::new(job(), now, 1).unwrap();
    machine.handle(now, Input::Subscribed("fw".into()));
    machine.handle(now, offer("o1", "cpus:4"));
    machine.handle(now, update("t-0.r.1", TaskState::Running, 1));
    machine.handle(now, update("t-1.r.1", TaskState::Running, 2));
    machine.spawn(now, "t", 2).unwrap()
}

fn answer(spawn: SpawnId, names: &[&str]) -> Output {
    let result = Ok(names.iter().map(|&name| name.to_owned()).collect());
    Output::Spawned { spawn, result }
}

fn failure(spawn: SpawnId, why: SpawnFailed) -> Output {
    let result = Err(why);
    Output::Spawned { spawn, result }
}

fn never_up() -> SpawnFailed {
    SpawnFailed::NeverPlaced(NeverPlaced::NotUp {
        up: 0,
        tasks: 2,
        first: ("t-2".to_owned(), NotUp::NoPlace),
    })
}

/// An ACCEPT of only these tasks.
fn accept_of(offer: &str, executor: &str, names: &[&str]) -> Output {
    let Output::Accept {
        offers,
        executor,
        mut tasks,
        refuse,
    } = accept(offer, executor, 1)
    else {
        unreachable!("it is an ACCEPT");
    };
    tasks.truncate(names.len());
    for (task, name) in tasks.iter_mut().zip(names) {
        task.name = (*name).to_owned();
        task.id = format!("{name}.r.1").as_str().into();
    }
    Output::Accept {
        offers,
        executor,
        tasks,
        refuse,
    }
}

#[test]
fn a_spawn_as_it_should_be_breaks_nothing() {
    let (mut history, spawn) = wanted();
    history.step(
        offer("o2", "cpus:4"),
        [accept_of("o2", "e2", &["t-2", "t-3"])],
    );
    history.update("t-2.r.1", TaskState::Running, 3, []);
    let lift = Output::LiftBarrier(vec!["e2".into()]);
    let up = [lift, answer(spawn, &["t-2", "t-3"])];
    history.update("t-3.r.1", TaskState::Running, 4, up);
    history.advance(1000);
    history.is_fine();
}

#[test]
fn a_spawn_is_launched_as_a_whole_and_begins_as_a_whole() {
    let (mut history, _) = wanted();
    history.step(offer("o2", "cpus:4"), [accept_of("o2", "e2", &["t-2"])]);
    history.breaks(Violation::PartLaunched("t-3".to_owned()));

    let (mut history, _) = wanted();
    history.step(
        offer("o2", "cpus:4"),
        [accept_of("o2", "e2", &["t-2", "t-3"])],
    );
    let lift = Output::LiftBarrier(vec!["e2".into()]);
    history.update("t-2.r.1", TaskState::Running, 3, [lift]);
    history.breaks(Violation::LiftedEarly("e2".into()));

    let (mut history, _) = wanted();
    history.step(
        offer("o2", "cpus:4"),
        [accept_of("o2", "e2", &["t-4", "t-5"])],
    );
    history.breaks(Violation::LaunchedUnasked("t-4".to_owned()));
}

#[test]
fn a_spawn_is_answered_once_in_time_and_with_what_is_so() {
    let (mut history, _) = wanted();
    history.advance(60);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::SpawnTimeout);

    let (mut history, spawn) = wanted();
    history.step(Input::Tick, [answer(spawn, &["t-2", "t-3"])]);
    history.breaks(Violation::SpawnAnswered);

    let (mut history, spawn) = wanted();
    history.step(Input::Tick, [failure(spawn, never_up())]);
    history.breaks(Violation::SpawnAnswered);

    let (mut history, spawn) = wanted();
    history.advance(60);
    history.step(Input::Tick, [failure(spawn, never_up())]);
    history.is_fine();
    history.step(Input::Tick, [failure(spawn, never_up())]);
    history.breaks(Violation::SpawnAnswered);

    let (mut history, _) = wanted();
    history.step(Input::Tick, [stopping(Outcome::Interrupted)]);
    history.breaks(Violation::SpawnUnanswered);

    let mut history = History::up();
    history.checker.refuse_spawn();
    history.breaks(Violation::SpawnAnswered);
}

#[test]
fn what_is_undone_of_a_spawn_is_not_launched_and_its_end_is_no_failure() {
    let (mut history, spawn) = wanted();
    history.advance(60);
    history.step(Input::Tick, [failure(spawn, never_up())]);
    history.step(
        offer("o2", "cpus:4"),
        [accept_of("o2", "e2", &["t-2", "t-3"])],
    );
    history.breaks(Violation::LaunchedUnasked("t-2".to_owned()));

    let (mut history, spawn) = wanted();
    history.step(
        offer("o2", "cpus:4"),
        [accept_of("o2", "e2", &["t-2", "t-3"])],
    );
    let told = |task: &str| {
        Output::Event(JobEvent {
            task: Some(task.to_owned()),
            state: Some(TaskState::Failed),
            executor: Some(ExecutorId::new("e2")),
            ..JobEvent::new(JobEventKind::TaskFailed)
        })
    };
    let why = SpawnFailed::TaskFailed(TaskReport {
        task: "t-2".to_owned(),
        state: TaskState::Failed,
        source: Source::Executor,
        reason: None,
        message: None,
        agent: None,
    });
    let end = [told("t-2"), failure(spawn, why)];
    history.update("t-2.r.1", TaskState::Failed, 3, end);
    history.update("t-3.r.1", TaskState::Failed, 4, [told("t-3")]);
    history.step(returned(), [stopping(Outcome::Succeeded)]);
    history.step(
        Input::Tick,
        [teardown(), Output::Finished(Outcome::Succeeded)],
    );
    history.is_fine();
}

#[test]
fn a_task_is_up_again_in_time_or_the_job_ends() {
    let restarted = || {
        let mut history = History::up();
        let again = Output::Report(Progress::Restarting {
            task: TaskReport {
                task: "t-0".to_owned(),
                state: TaskState::Failed,
                source: Source::Executor,
                reason: None,
                message: None,
                agent: None,
            },
            number: 1,
            max: 3,
            wait: Duration::from_secs(5),
        });
        history.update("t-0.r.1", TaskState::Failed, 3, [failed(), again]);
        history.advance(65);
        history.is_fine();
        history
    };
    let mut history = restarted();
    history.advance(1);
    history.breaks(Violation::RestartTimeout("t-0".to_owned()));

    let mut history = restarted();
    let over = || Output::TaskOver("t-0".to_owned());
    let killed = Output::Event(JobEvent {
        task: Some("t-0".to_owned()),
        state: Some(TaskState::Killed),
        ..JobEvent::new(JobEventKind::TaskKilled)
    });
    history.step(Input::Tick, [over(), killed]);
    history.advance(100);
    history.is_fine();
    history.step(Input::Tick, [over()]);
    history.breaks(Violation::ToldTwice("t-0".to_owned()));
}

#[test]
fn a_task_is_restarted_as_it_was_asked_for_and_not_otherwise() {
    let asked = || {
        let mut history = History::up();
        assert!(history.checker.restart("t-0"), "it lives");
        history.step(Input::Tick, [Output::TaskReturns("t-0".to_owned())]);
        history.is_fine();
        history
    };
    let again = || {
        let task = "t-0".to_owned();
        Output::Report(Progress::RestartingByRequest { task })
    };
    let mut history = asked();
    // How it ends is no failure.
    history.update("t-0.r.1", TaskState::Failed, 3, [failed(), again()]);
    history.advance(60);
    history.is_fine();
    history.advance(1);
    history.breaks(Violation::RestartTimeout("t-0".to_owned()));

    let not_restarted = || Violation::NotRestarted("t-0".to_owned());
    let mut history = asked();
    history.update("t-0.r.1", TaskState::Failed, 3, [failed()]);
    history.breaks(not_restarted());

    let mut history = asked();
    history.checker.kill("t-0");
    history.update("t-0.r.1", TaskState::Failed, 3, [failed()]);
    history.is_fine();
    history.step(Input::Tick, [again()]);
    history.breaks(not_restarted());
}
