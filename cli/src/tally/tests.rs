//! Reports in, counts out.

use std::collections::BTreeMap;
use std::time::Duration;

use framework::{Source, TaskReport, WaveId};
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
    tally.count("t1", &disconnected("one of three masters is down"));
    assert_eq!(tally.lost(), None);
    assert_eq!(tally.disconnected(), Some("one of three masters is down"));
    tally.count(
        "t1",
        &Progress::Subscribed {
            framework: "f".into(),
            first: true,
        },
    );
    assert_eq!(tally.disconnected(), None);
    tally.count("t1", &disconnected("the stream was closed"));
    assert_eq!(tally.lost(), Some("the stream was closed"));
}

#[test]
fn tasks_are_counted_in_their_group() {
    let mut tally = Tally::of_groups([("floor", 2), ("floor-b", 1)]);
    assert_eq!(told(&tally), ["floor: 2 waiting", "floor-b: 1 waiting"]);
    tally.count("t1", &placed(&["floor-0", "floor-1", "floor-b-0"]));
    assert_eq!(told(&tally), ["floor: 2 staging", "floor-b: 1 staging"]);
    tally.count("t1", &is("floor-0", TaskState::Starting));
    tally.count("t1", &is("floor-1", TaskState::Running));
    tally.count("t1", &is("floor-b-0", TaskState::Running));
    assert_eq!(told(&tally), ["floor: 1 starting, 1 up", "floor-b: 1 up"]);
    tally.count("t1", &is("floor-1", TaskState::Finished));
    assert_eq!(
        told(&tally),
        ["floor: 1 starting, 1 finished", "floor-b: 1 up"]
    );
    assert_eq!(tally.total().sum(), 3);
}

#[test]
fn a_task_that_comes_back_is_restarting_until_it_is_heard_of() {
    let mut tally = Tally::of_groups([("worker", 2)]);
    tally.count("t1", &placed(&["worker-0", "worker-1"]));
    tally.count("t1", &is("worker-0", TaskState::Running));
    tally.count("t1", &is("worker-1", TaskState::Running));
    tally.count("t1", &is("worker-1", TaskState::Failed));
    tally.count("t1", &restarting("worker-1"));
    assert_eq!(told(&tally), ["worker: 1 up, 1 restarting"]);
    tally.count("t1", &placed(&["worker-1"]));
    assert_eq!(told(&tally), ["worker: 1 up, 1 restarting"]);
    tally.count("t1", &is("worker-1", TaskState::Starting));
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
    tally.count("t1", &waiting(1, "worker"));
    tally.count("t1", &waiting(2, "helper"));
    // Only some of those that wait are placed.
    tally.count("t1", &placed(&["helper-0"]));
    tally.count("t1", &Progress::WaitOver(WaveId(2)));
    assert_eq!(told(&tally), ["worker: 1 waiting", "helper: 1 staging"]);
    let reason = tally.waits_for().unwrap_or_default();
    assert!(reason.contains("`worker`"), "{reason}");
    // What fails to be spawned is not placed.
    tally.count("t1", &Progress::WaitOver(WaveId(1)));
    assert_eq!(tally.waits_for(), None);
}

#[test]
fn spawned_tasks_make_their_group_larger() {
    let mut tally = Tally::of_groups([("worker", 1)]);
    tally.count("t1", &placed(&["worker-0"]));
    tally.count("t1", &is("worker-0", TaskState::Running));
    tally.count("t1", &placed(&["worker-1"]));
    assert_eq!(told(&tally), ["worker: 1 staging, 1 up"]);
    tally.count("t1", &is("worker-1", TaskState::Starting));
    assert_eq!(told(&tally), ["worker: 1 starting, 1 up"]);
    // A name that no group has, as a master could make one up, is counted all the same.
    tally.count("t1", &is("nobody", TaskState::Lost));
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
        (subscribed.clone(), Phase::Waiting),
        (placed(&["worker-0"]), Phase::Launching),
        (Progress::AppStarted, Phase::Running),
        (placed(&["worker-1"]), Phase::Running),
        (subscribed, Phase::Running),
        (Progress::Stopping(Outcome::Succeeded), Phase::Stopping),
        (Progress::AppReturned(Ok(())), Phase::Stopping),
    ];
    assert_eq!(tally.phase(), Phase::Subscribing);
    for (progress, phase) in steps {
        tally.count("t1", &progress);
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
    let agent = proptest::option::of(proptest::sample::select(vec!["a1", "a2"]));
    (task, state, agent, 0..7_u8).prop_map(|(task, state, agent, kind)| {
        let report = TaskReport {
            agent: agent.map(AgentId::from),
            ..report(&task, state)
        };
        match kind {
            0 => placed(&[&task, "a-0"]),
            1 => restarting(&task),
            2 => Progress::PlacedAgain(report),
            3 => Progress::RestartingByRequest { task },
            _ => Progress::Task(report),
        }
    })
}

fn state(task: &TaskTally) -> Option<&'static str> {
    task.told.as_ref().map(|told| told.state.name())
}

fn counted<K: Ord>(all: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

proptest! {
    /// What is kept up to date step by step is what counting anew finds.
    #[test]
    fn counts_are_those_of_the_tasks(all in proptest::collection::vec(progress(), 0..60)) {
        let mut tally = Tally::of_groups([("a", 3), ("b", 1)]);
        for progress in &all {
            tally.count("t1", progress);
            for standing in Standing::ALL {
                let stand_so = || tally.now.tasks.iter().filter(|it| it.standing == standing);
                prop_assert_eq!(tally.total().of(standing) as usize, stand_so().count());
                for (index, group) in tally.groups().iter().enumerate() {
                    let of_group = stand_so().filter(|it| it.group == index);
                    prop_assert_eq!(group.counts.of(standing) as usize, of_group.count());
                }
            }
            for (index, group) in tally.groups().iter().enumerate() {
                let of_group = tally.now.tasks.iter().filter(|it| it.group == index);
                prop_assert_eq!(&group.states, &counted(of_group.filter_map(|it| state(it))));
            }
            let agents = tally.now.tasks.iter().filter_map(|it| it.lives_on().cloned());
            prop_assert_eq!(&tally.now.agents, &counted(agents));
        }
        prop_assert!(tally.total().sum() >= 4);
    }
}

#[test]
fn a_copy_stays_as_it_was_and_has_the_tasks_in_order() {
    let mut tally = Tally::of_groups([("lift", 1), ("floor", 2)]);
    tally.count("t1", &placed(&["floor-10", "floor-9", "lift-1"]));
    let before = tally.snapshot();
    tally.count("t2", &is("floor-9", TaskState::Running));
    assert_eq!(tally.state("floor-9"), Some(TaskState::Running));
    let tasks = before.into_tasks();
    let names: Vec<&str> = tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(
        names,
        [
            "lift-0", "lift-1", "floor-0", "floor-1", "floor-9", "floor-10"
        ]
    );
    assert!(tasks.iter().all(|task| task.told.is_none()));
}

#[test]
fn a_task_keeps_the_time_of_its_state_and_counts_its_restarts() {
    let mut tally = Tally::of_groups([("lift", 1)]);
    let told = |tally: &Tally| {
        let task = &tally.now.tasks[0];
        let since = task.told.as_ref().map(|told| told.since.clone());
        (since.unwrap_or_default(), task.restarts)
    };
    let running = is("lift-0", TaskState::Running);
    tally.count("t1", &running);
    tally.count("t2", &running);
    assert_eq!(told(&tally), ("t1".to_owned(), 0));
    tally.count("t3", &restarting("lift-0"));
    assert_eq!(told(&tally), ("t3".to_owned(), 1));
    tally.count("t4", &running);
    assert_eq!(told(&tally), ("t4".to_owned(), 1));
}
