//! The checker finds what it is there to find: histories made by hand, each with one thing wrong.

use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{ExecutorId, TaskId};
use scheduler::{
    Barrier, Call, Command, ExecutorLaunch, Group, Input, Job, JobEvent, JobEventKind, Offer,
    OnFailure, Outcome, Output, Progress, Source, StatusUpdate, Strategy, TaskLaunch, TaskReport,
    TaskState, Timing, Uuid,
};

use super::{Checker, Direction};
use crate::violation::Violation;

/// Two tasks; a minute for the gang, ten seconds of hold, a minute unreachable.
fn job() -> Job {
    let group = Group {
        name: "t".to_owned(),
        count: 2,
        resources: Resources::parse("cpus:1").unwrap(),
        constraints: Vec::new(),
        colocate: false,
        on_failure: OnFailure::Shutdown,
        kill_grace: Duration::from_secs(5),
    };
    Job {
        name: "job".to_owned(),
        run: "r".to_owned(),
        groups: vec![group],
        executor: Resources::parse("cpus:0.1").unwrap(),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing {
            gang: Duration::from_secs(60),
            ..Timing::default()
        },
    }
}

/// A checker and its clock.
struct History {
    now: Instant,
    checker: Checker,
}

impl History {
    #[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
    fn new() -> Self {
        let now = Instant::now();
        let checker = Checker::new(&job(), now);
        let mut history = Self { now, checker };
        history.step(Input::Subscribed("fw".into()), []);
        history
    }

    /// An input, and all that the machine says about it.
    fn step(&mut self, input: Input, outputs: impl IntoIterator<Item = Output>) {
        self.checker.hear(self.now, &input);
        for output in outputs {
            self.checker.say(self.now, &output);
        }
        self.checker.settle();
    }

    fn advance(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.checker.check_time(self.now);
    }

    /// Both tasks are launched and running, and the app scheduler is started.
    fn up() -> Self {
        let mut history = Self::launched();
        history.update("t-0.r.1", TaskState::Running, 1, []);
        history.update("t-1.r.1", TaskState::Running, 2, [lift(), Output::StartApp]);
        history
    }

    fn launched() -> Self {
        let mut history = Self::new();
        history.step(offer("o1", "cpus:4"), [accept("o1", "e1", 1)]);
        history
    }

    /// An update that is acknowledged, with what else is said about it.
    fn update<const N: usize>(
        &mut self,
        task: &str,
        state: TaskState,
        uuid: u8,
        outputs: [Output; N],
    ) {
        let all = [acknowledge(task, uuid)].into_iter().chain(outputs);
        self.step(update(task, state, uuid), all);
    }

    #[track_caller]
    fn is_fine(&self) {
        assert_eq!(self.checker.violation(), None);
    }

    #[track_caller]
    fn breaks(&self, violation: Violation) {
        assert_eq!(self.checker.violation(), Some(&violation));
    }
}

fn offer(id: &str, offered: &str) -> Input {
    Input::Offers(vec![Offer {
        id: id.into(),
        agent: "a1".into(),
        hostname: "host1".to_owned(),
        attributes: Vec::new(),
        role: "*".to_owned(),
        resources: Resources::parse(offered).unwrap(),
    }])
}

/// Both tasks of this attempt.
fn accept(offer: &str, executor: &str, attempt: u32) -> Output {
    let task = |number| TaskLaunch {
        id: format!("t-{number}.r.{attempt}").as_str().into(),
        name: format!("t-{number}"),
        group: 0,
        resources: Resources::parse("cpus:1").unwrap(),
    };
    Output::Accept {
        offers: vec![offer.into()],
        executor: ExecutorLaunch {
            id: executor.into(),
            agent: "a1".into(),
            resources: Resources::parse("cpus:0.1").unwrap(),
        },
        tasks: vec![task(0), task(1)],
        refuse: Duration::ZERO,
    }
}

fn decline(offer: &str) -> Output {
    Output::Call(Call::Decline {
        offers: vec![offer.into()],
        refuse: Duration::ZERO,
    })
}

fn lift() -> Output {
    Output::LiftBarrier(vec!["e1".into()])
}

fn update(task: &str, state: TaskState, uuid: u8) -> Input {
    Input::Update(StatusUpdate {
        task: task.into(),
        state,
        agent: Some("a1".into()),
        source: Source::Executor,
        reason: None,
        message: None,
        uuid: Some(Uuid([uuid; 16])),
    })
}

fn acknowledge(task: &str, uuid: u8) -> Output {
    Output::Call(Call::Acknowledge {
        agent: "a1".into(),
        task: task.into(),
        uuid: Uuid([uuid; 16]),
    })
}

fn told(kind: JobEventKind, state: TaskState) -> Output {
    Output::Event(JobEvent {
        task: Some("t-0".to_owned()),
        state: Some(state),
        executor: Some(ExecutorId::new("e1")),
        ..JobEvent::new(kind)
    })
}

fn failed() -> Output {
    told(JobEventKind::TaskFailed, TaskState::Failed)
}

fn stopping(outcome: Outcome) -> Output {
    Output::Report(Progress::Stopping(outcome))
}

fn returned() -> Input {
    Input::Command(Command::AppReturned(Ok(())))
}

fn teardown() -> Output {
    Output::Call(Call::Teardown)
}

#[test]
fn a_history_as_it_should_be_breaks_nothing() {
    let mut history = History::up();
    history.advance(100);
    history.step(offer("o2", "cpus:1"), [decline("o2")]);
    history.step(returned(), [stopping(Outcome::Succeeded)]);
    history.update(
        "t-0.r.1",
        TaskState::Finished,
        3,
        [told(JobEventKind::TaskFinished, TaskState::Finished)],
    );
    history.advance(20);
    history.step(
        Input::Tick,
        [teardown(), Output::Finished(Outcome::Succeeded)],
    );
    history.is_fine();
}

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
        Output::Report(Progress::NotTornDown),
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
}

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

#[test]
fn functions_begin_with_the_whole_gang_or_not_at_all() {
    let tasks = ["t-0.r.1", "t-1.r.1"].map(TaskId::new);
    let mut history = History::launched();
    history.checker.truth.up(history.now, &tasks[0]);
    history.checker.truth.began(history.now, &tasks[0]);
    history.breaks(Violation::BeganEarly(tasks[0].clone()));

    let mut history = History::up();
    let now = history.now;
    for task in &tasks {
        history.checker.truth.up(now, task);
    }
    history.checker.truth.began(now, &tasks[0]);
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
    let start = [lift(), Output::StartApp];
    history.update("t-1.r.2", TaskState::Running, 4, start);
    let tasks = ["t-0.r.1", "t-0.r.2", "t-1.r.2"].map(TaskId::new);
    let truth = &mut history.checker.truth;
    for task in &tasks {
        truth.up(history.now, task);
    }
    let [first, second, _] = tasks;
    truth.began(history.now, &second);
    assert_eq!(history.checker.violation(), None);
    (history, first, second)
}

#[test]
fn two_attempts_of_a_task_never_run_at_once() {
    let (mut history, first, _) = launched_twice();
    history.checker.truth.began(history.now, &first);
    history.breaks(Violation::RanTwice("t-0".to_owned()));
}

#[test]
fn an_attempt_that_was_given_up_may_run_beside_another() {
    let (mut history, first, second) = launched_twice();
    history.checker.truth.given_up(&second);
    history.checker.truth.began(history.now, &first);
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
    history.breaks(Violation::Revenant(task));

    let mut history = History::up();
    history.checker.truth.kill_ordered(history.now, "t-0");
    history.checker.check_peace(history.now + hour, hour);
    history.breaks(Violation::KillForgotten("t-0".to_owned()));
}

#[test]
fn messages_come_once_in_order_and_are_counted_when_they_do_not() {
    let executor = ExecutorId::new("e1");
    let to = Direction::Out;
    // Sends two messages, and then does what is wrong.
    let broken = |wrong: &dyn Fn(&mut super::Streams)| {
        let mut history = History::up();
        let streams = &mut history.checker.streams;
        streams.sent(&executor, "t-0", to);
        streams.sent(&executor, "t-0", to);
        wrong(streams);
        history.checker.violation().cloned()
    };
    let message = |found, expected| {
        Some(Violation::Message {
            executor: executor.clone(),
            channel: "t-0".to_owned(),
            found,
            expected,
        })
    };
    let lost = broken(&|streams| streams.received_one(&executor, "t-0", to, 1));
    assert_eq!(lost, message(1, 0));
    let doubled = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.received_one(&executor, "t-0", to, 0);
    });
    assert_eq!(doubled, message(0, 1));
    let closed = broken(&|streams| {
        streams.closed(&executor, "t-0", to);
        streams.close_seen(&executor, "t-0", to);
    });
    assert!(matches!(closed, Some(Violation::Closed { .. })));
    let dropped = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.shut(&executor, "t-0", to, 0);
    });
    assert!(matches!(dropped, Some(Violation::Uncounted { .. })));
    let early = broken(&|streams| streams.end_told(&executor, "t-0"));
    assert_eq!(early, Some(Violation::EndBeforeMessage("t-0".to_owned())));
    let counted = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.shut(&executor, "t-0", to, 1);
    });
    assert_eq!(counted, None);
}
