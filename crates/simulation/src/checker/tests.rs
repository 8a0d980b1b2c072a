//! The checker finds what it is there to find: histories made by hand, each with one thing wrong.

use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::{ExecutorId, TaskId};
use scheduler::{
    Barrier, Call, Command, ExecutorLaunch, Group, Input, Job, JobEvent, JobEventKind, Offer,
    OnFailure, Outcome, Output, Progress, Source, StatusUpdate, Strategy, TaskLaunch, TaskReport,
    TaskState, Timing, Uuid,
};

use super::{Checker, Direction, Streams};
use crate::violation::Violation;

mod calls;
mod ends;
mod functions;
mod messages;
mod spawns;

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
