//! Reports in, counts out.

use std::time::Duration;

use framework::{Source, TaskReport};
use proptest::prelude::*;
use scheduler::Outcome;

use super::*;

fn report(task: &str, state: TaskState) -> TaskReport {
    TaskReport {
        task: task.to_owned(),
        state,
        source: Source::Executor,
        reason: None,
        message: None,
        agent: None,
    }
}

fn is(task: &str, state: TaskState) -> Progress {
    Progress::Task(report(task, state))
}

fn restarting(task: &str) -> Progress {
    Progress::Restarting {
        task: report(task, TaskState::Failed),
        number: 1,
        max: 5,
        wait: Duration::from_secs(1),
    }
}

fn placed(tasks: &[&str]) -> Progress {
    Progress::Placed {
        tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        agents: 1,
    }
}

/// `floor: 1 up, 2 waiting` for each group.
fn told(tally: &Tally) -> Vec<String> {
    let words = |counts: Counts| {
        let some = Standing::ALL.iter().filter(|it| counts.of(**it) > 0);
        let words = some.map(|it| format!("{} {}", counts.of(*it), it.word()));
        words.collect::<Vec<_>>().join(", ")
    };
    let groups = tally.groups().iter();
    let told = groups.map(|group| format!("{}: {}", group.name, words(group.counts)));
    told.collect()
}

#[test]
fn a_lost_connection_is_one_that_there_was() {
    let mut tally = Tally::of_groups([]);
    let disconnected = |reason: &str| Progress::Disconnected {
        reason: reason.to_owned(),
    };
    tally.count(&disconnected("one of three masters is down"));
    assert_eq!(tally.lost(), None);
    assert_eq!(tally.disconnected(), Some("one of three masters is down"));
    tally.count(&Progress::Subscribed {
        framework: "f".into(),
        first: true,
    });
    assert_eq!(tally.disconnected(), None);
    tally.count(&disconnected("the stream was closed"));
    assert_eq!(tally.lost(), Some("the stream was closed"));
}

#[test]
fn tasks_are_counted_in_their_group() {
    let mut tally = Tally::of_groups([("floor", 2), ("floor-b", 1)]);
    assert_eq!(told(&tally), ["floor: 2 waiting", "floor-b: 1 waiting"]);
    tally.count(&placed(&["floor-0", "floor-1", "floor-b-0"]));
    assert_eq!(told(&tally), ["floor: 2 staging", "floor-b: 1 staging"]);
    tally.count(&is("floor-0", TaskState::Starting));
    tally.count(&is("floor-1", TaskState::Running));
    tally.count(&is("floor-b-0", TaskState::Running));
    assert_eq!(told(&tally), ["floor: 1 starting, 1 up", "floor-b: 1 up"]);
    tally.count(&is("floor-1", TaskState::Finished));
    assert_eq!(
        told(&tally),
        ["floor: 1 starting, 1 finished", "floor-b: 1 up"]
    );
    assert_eq!(tally.total().sum(), 3);
}

#[test]
fn a_task_that_comes_back_is_restarting_until_it_is_heard_of() {
    let mut tally = Tally::of_groups([("worker", 2)]);
    tally.count(&placed(&["worker-0", "worker-1"]));
    tally.count(&is("worker-0", TaskState::Running));
    tally.count(&is("worker-1", TaskState::Running));
    tally.count(&is("worker-1", TaskState::Failed));
    tally.count(&restarting("worker-1"));
    assert_eq!(told(&tally), ["worker: 1 up, 1 restarting"]);
    tally.count(&placed(&["worker-1"]));
    assert_eq!(told(&tally), ["worker: 1 up, 1 restarting"]);
    tally.count(&is("worker-1", TaskState::Starting));
    assert_eq!(told(&tally), ["worker: 1 starting, 1 up"]);
}

fn waiting(wave: u64, group: &str) -> Progress {
    Progress::Waiting {
        wave: WaveId(wave),
        shortfall: framework::Shortfall {
            agents: 1,
            leftovers: vec![framework::Leftover {
                group: group.to_owned(),
                tasks: 1,
                count: 1,
                obstacle: framework::Obstacle::Scattered,
                stops: Vec::new(),
            }],
            certainty: framework::Certainty::Impossible,
            remedies: Vec::new(),
        },
    }
}

#[test]
fn a_reason_for_waiting_goes_with_those_who_wait_and_with_them_alone() {
    let mut tally = Tally::of_groups([("worker", 1), ("helper", 1)]);
    tally.count(&waiting(1, "worker"));
    tally.count(&waiting(2, "helper"));
    // Only some of those that wait are placed.
    tally.count(&placed(&["helper-0"]));
    tally.count(&Progress::WaitOver(WaveId(2)));
    assert_eq!(told(&tally), ["worker: 1 waiting", "helper: 1 staging"]);
    let reason = tally.waits_for().unwrap_or_default();
    assert!(reason.contains("`worker`"), "{reason}");
    // What fails to be spawned is not placed.
    tally.count(&Progress::WaitOver(WaveId(1)));
    assert_eq!(tally.waits_for(), None);
}

#[test]
fn spawned_tasks_make_their_group_larger() {
    let mut tally = Tally::of_groups([("worker", 1)]);
    tally.count(&placed(&["worker-0"]));
    tally.count(&is("worker-0", TaskState::Running));
    tally.count(&placed(&["worker-1"]));
    assert_eq!(told(&tally), ["worker: 1 staging, 1 up"]);
    tally.count(&is("worker-1", TaskState::Starting));
    assert_eq!(told(&tally), ["worker: 1 starting, 1 up"]);
    // A name that no group has, as a master could make one up, is counted all the same.
    tally.count(&is("nobody", TaskState::Lost));
    assert_eq!(told(&tally), ["worker: 1 starting, 1 up"]);
    assert_eq!(tally.total().sum(), 3);
}

#[test]
fn phases_come_one_after_the_other_and_never_back() {
    let mut tally = Tally::of_groups([("worker", 1)]);
    let subscribed = Progress::Subscribed {
        framework: "f".into(),
        first: true,
    };
    let steps = [
        (subscribed.clone(), Phase::Placing),
        (placed(&["worker-0"]), Phase::Launching),
        (Progress::AppStarted, Phase::Running),
        (placed(&["worker-1"]), Phase::Running),
        (subscribed, Phase::Running),
        (Progress::Stopping(Outcome::Succeeded), Phase::Stopping),
        (Progress::AppReturned(Ok(())), Phase::Stopping),
    ];
    assert_eq!(tally.phase(), Phase::Connecting);
    for (progress, phase) in steps {
        tally.count(&progress);
        assert_eq!(tally.phase(), phase, "{progress:?}");
    }
}

/// Reports of six tasks, of which two are no initial ones.
fn progress() -> impl Strategy<Value = Progress> {
    let task = (0..6_u32).prop_map(|number| match number {
        0..4 => format!("a-{number}"),
        4 => "b-0".to_owned(),
        _ => "c".to_owned(),
    });
    let state = proptest::sample::select(TaskState::ALL.to_vec());
    (task, state, 0..6_u8).prop_map(|(task, state, kind)| match kind {
        0 => placed(&[&task, "a-0"]),
        1 => restarting(&task),
        2 => Progress::PlacedAgain(report(&task, state)),
        _ => is(&task, state),
    })
}

proptest! {
    /// What is kept up to date step by step is what counting anew finds.
    #[test]
    fn counts_are_those_of_the_tasks(all in proptest::collection::vec(progress(), 0..60)) {
        let mut tally = Tally::of_groups([("a", 3), ("b", 1)]);
        for progress in &all {
            tally.count(progress);
            for standing in Standing::ALL {
                let stand_so = || tally.tasks.values().filter(|it| it.standing == standing);
                prop_assert_eq!(tally.total().of(standing) as usize, stand_so().count());
                for (index, group) in tally.groups().iter().enumerate() {
                    let of_group = stand_so().filter(|it| it.group == Some(index));
                    prop_assert_eq!(group.counts.of(standing) as usize, of_group.count());
                }
            }
        }
        prop_assert!(tally.total().sum() >= 4);
    }
}
