//! The ledger against one that remembers everything.

use std::collections::HashSet;

use mesos::resources::Resources;
use proptest::prelude::{prop, prop_assert_eq, proptest};

use super::*;
use crate::job::{Barrier, Group, OnFailure, Strategy, Timing};
use crate::status::Uuid;
use crate::status::{Reason, Source};

#[expect(clippy::disallowed_methods, reason = "virtual time needs a beginning")]
fn beginning() -> Instant {
    Instant::now()
}

fn job(count: u32) -> Job {
    Job {
        name: "job".to_owned(),
        run: "r".to_owned(),
        groups: vec![Group {
            name: "t".to_owned(),
            count,
            resources: Resources::parse("cpus:1").unwrap(),
            constraints: Vec::new(),
            colocate: false,
            on_failure: OnFailure::Shutdown,
            kill_grace: Duration::from_secs(1),
        }],
        executor: Resources::new(),
        strategy: Strategy::Pack,
        barrier: Barrier::Tasks,
        timing: Timing::default(),
    }
}

fn launched(count: u32) -> Ledger {
    let mut ledger = Ledger::new(&job(count));
    for index in 0..count as usize {
        ledger.launch(index, &"a1".into(), &"e1".into());
    }
    ledger
}

fn update(task: &str, state: TaskState, source: Source, uuid: Option<u8>) -> StatusUpdate {
    StatusUpdate {
        task: task.into(),
        state,
        agent: Some("a1".into()),
        source,
        reason: None,
        message: None,
        uuid: uuid.map(|byte| Uuid([byte; 16])),
    }
}

#[test]
fn a_new_attempt_has_a_new_id_and_late_news_of_the_old_one_are_unknown() {
    let mut ledger = launched(1);
    assert_eq!(
        ledger.places().next(),
        Some(("t-0.r.1".into(), "a1".into()))
    );
    let dropped = update("t-0.r.1", TaskState::Dropped, Source::Master, None);
    assert_eq!(ledger.apply(beginning(), &dropped), Applied::Changed(0));
    ledger.retry(0);
    assert!(!ledger.is_placed());
    assert_eq!(
        ledger.launch(0, &"a2".into(), &"e2".into()),
        "t-0.r.2".into()
    );
    let late = update("t-0.r.1", TaskState::Running, Source::Executor, Some(1));
    assert_eq!(ledger.apply(beginning(), &late), Applied::Unknown);
    assert_eq!(ledger.tasks()[0].state(), Some(TaskState::Staging));
}

#[test]
fn a_launch_error_is_not_the_end_of_a_task_that_an_executor_has() {
    let mut ledger = launched(1);
    let running = update("t-0.r.1", TaskState::Running, Source::Executor, Some(1));
    assert_eq!(ledger.apply(beginning(), &running), Applied::Changed(0));
    let error = update("t-0.r.1", TaskState::Error, Source::Master, None);
    assert_eq!(ledger.apply(beginning(), &error), Applied::Stale);
    let mut lost = update("t-0.r.1", TaskState::Dropped, Source::Master, None);
    lost.reason = Some(Reason::INVALID_OFFERS);
    assert_eq!(ledger.apply(beginning(), &lost), Applied::Stale);
    assert_eq!(ledger.running(), 1);
}

#[test]
fn an_unreachable_task_may_come_back_but_is_lost_after_a_while() {
    let start = beginning();
    let unreachable = update("t-0.r.1", TaskState::Unreachable, Source::Master, None);
    let mut ledger = launched(1);
    ledger.apply(
        start,
        &update("t-0.r.1", TaskState::Running, Source::Executor, Some(1)),
    );
    assert_eq!(ledger.apply(start, &unreachable), Applied::Changed(0));
    assert_eq!((ledger.running(), ledger.live()), (0, 1));
    let back = update("t-0.r.1", TaskState::Running, Source::Master, None);
    assert_eq!(ledger.apply(start, &back), Applied::Changed(0));
    assert_eq!((ledger.running(), ledger.poll_timeout()), (1, None));

    ledger.apply(start, &unreachable);
    let due = start + Timing::default().unreachable;
    assert_eq!(ledger.poll_timeout(), Some(due));
    assert_eq!(ledger.fire(due - Duration::from_millis(1)), None);
    assert_eq!(ledger.fire(due), Some(Fired::Lost(0)));
    assert_eq!((ledger.live(), ledger.poll_timeout()), (0, None));
    assert_eq!(ledger.apply(due, &back), Applied::Stale);
}

#[test]
fn a_kill_is_repeated_ever_more_slowly_until_the_task_has_ended() {
    let start = beginning();
    let mut ledger = launched(1);
    ledger.order_kill(0, start, None);
    let mut waits = Vec::new();
    let mut now = start;
    for _ in 0..6 {
        assert!(matches!(ledger.fire(now), Some(Fired::Kill { .. })));
        assert_eq!(ledger.fire(now), None);
        let next = ledger.poll_timeout().unwrap();
        waits.push((next - now).as_secs());
        now = next;
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 60]);
    ledger.apply(
        now,
        &update("t-0.r.1", TaskState::Killed, Source::Executor, Some(1)),
    );
    assert!(ledger.tasks()[0].ended().unwrap().kill_ordered);
    assert_eq!(ledger.poll_timeout(), None);
}

#[test]
fn only_a_launch_that_nobody_has_heard_of_is_undone() {
    let mut ledger = launched(2);
    ledger.apply(
        beginning(),
        &update("t-0.r.1", TaskState::Starting, Source::Executor, Some(1)),
    );
    assert!(!ledger.undo_launch(&"t-0.r.1".into()));
    assert!(ledger.undo_launch(&"t-1.r.1".into()));
    assert!(!ledger.undo_launch(&"t-1.r.1".into()));
    assert_eq!(ledger.pending().collect::<Vec<_>>(), [1]);
    assert_eq!(ledger.executors().count(), 1);
}

/// What one executor says of one task, in its order; the last may be an end.
const LIVES: [&[TaskState]; 4] = [
    &[TaskState::Starting, TaskState::Running, TaskState::Finished],
    &[TaskState::Running, TaskState::Killing, TaskState::Killed],
    &[TaskState::Starting, TaskState::Failed],
    &[TaskState::Running],
];

/// The obvious ledger: it remembers everything.
#[derive(Default)]
struct Naive {
    seen: HashSet<Uuid>,
    /// The furthest step of the task's life that was heard of.
    step: Option<usize>,
}

proptest! {
    /// Deliveries come doubled, late and in any order, and some never: the ledger knows at any
    /// time the furthest that it was told, and counts right.
    #[test]
    fn the_ledger_agrees_with_one_that_remembers_everything(
        lives in prop::collection::vec(0..LIVES.len(), 1..4),
        deliveries in prop::collection::vec((0usize..4, 0usize..3), 0..60),
    ) {
        let now = beginning();
        let mut ledger = launched(u32::try_from(lives.len()).unwrap());
        let mut naive: Vec<Naive> = lives.iter().map(|_| Naive::default()).collect();
        for (task, step) in deliveries {
            let Some((index, &state)) = lives
                .get(task)
                .and_then(|life| Some((task, LIVES[*life].get(step)?)))
            else {
                continue;
            };
            let uuid = u8::try_from(index * 16 + step).unwrap();
            let update = update(&format!("t-{index}.r.1"), state, Source::Executor, Some(uuid));
            let applied = ledger.apply(now, &update);

            let model = &mut naive[index];
            let expected = if !model.seen.insert(Uuid([uuid; 16])) {
                Applied::Duplicate
            } else if model.step.is_none_or(|furthest| step > furthest) {
                model.step = Some(step);
                Applied::Changed(index)
            } else {
                Applied::Stale
            };
            prop_assert_eq!(applied, expected);
        }
        let states: Vec<TaskState> = naive
            .iter()
            .zip(&lives)
            .map(|(model, life)| model.step.map_or(TaskState::Staging, |step| LIVES[*life][step]))
            .collect();
        let known: Vec<_> = ledger.tasks().iter().filter_map(Task::state).collect();
        prop_assert_eq!(&known, &states);
        let count = |wanted: fn(&TaskState) -> bool| states.iter().filter(|s| wanted(s)).count();
        prop_assert_eq!(ledger.running(), count(|state| *state == TaskState::Running));
        prop_assert_eq!(ledger.live(), count(|state| !state.is_end()));
        prop_assert_eq!(ledger.places().count(), ledger.live());
        prop_assert_eq!(ledger.executors().count(), usize::from(ledger.live() > 0));
    }
}
