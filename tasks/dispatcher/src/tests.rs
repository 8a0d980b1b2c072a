//! The whole job without WebAssembly: the functions of all tasks, each on a thread of its own.

use std::thread;

use elevator_messages::{Rider, RiderId};
use mesosgot_sdk::testing::{self, JobHandle, TaskEnds};
use mesosgot_sdk::{Codec, Event, EventKind, Postcard};

use super::*;

/// Runs a dispatcher with `args` in a job with so many cars and floors, whose tasks do `task`.
fn job<T: Send + 'static>(
    args: &[&str],
    cars: u16,
    floors: u16,
    mut task: impl FnMut(&JobHandle, TaskEnds) -> T,
) -> Result<Vec<T>, String> {
    let (inbox, outbox, events, job) = testing::scheduler();
    let ends: Vec<TaskEnds> = (0..cars)
        .map(|_| job.add_task(CARS))
        .chain((0..floors).map(|_| job.add_task(FLOORS)))
        .collect();
    let tasks = ends.into_iter().map(|ends| task(&job, ends)).collect();
    let args = Args::new(args.iter().copied());
    dispatcher(inbox, outbox, events, args, Env::default()).map_err(|error| error.to_string())?;
    Ok(tasks)
}

/// The real task.
fn real(_job: &JobHandle, ends: TaskEnds) -> thread::JoinHandle<Result<(), String>> {
    thread::spawn(move || {
        let TaskEnds {
            name,
            inbox,
            outbox,
        } = ends;
        let function = if name.starts_with(CARS) {
            elevator::elevator
        } else {
            floor::floor
        };
        function(inbox, outbox, Args::default(), Env::default()).map_err(|error| error.to_string())
    })
}

fn report(ends: &TaskEnds, report: &Report) {
    let message = Postcard::encode(report).expect("reports are plain");
    ends.outbox.send(message).expect("the dispatcher lives");
}

fn hello(ends: &TaskEnds) {
    let role = if ends.name.starts_with(CARS) {
        Role::Car
    } else {
        Role::Floor
    };
    report(ends, &Report::Hello(role));
}

#[test]
fn twelve_tasks_deliver_everybody_and_say_goodbye() {
    for policy in ["scan", "nearest"] {
        let args = [
            "--seconds",
            "10",
            "--seed",
            "7",
            "--speed",
            "100",
            "--policy",
            policy,
        ];
        let tasks = job(&args, 4, 8, real).expect("everybody is delivered");
        for task in tasks {
            assert_eq!(task.join().expect("it does not panic"), Ok(()));
        }
    }
}

#[test]
fn the_arguments_must_agree_with_the_job() {
    let outcome = job(&["--floors", "9"], 4, 8, |_, ends| ends.name);
    assert_eq!(
        outcome,
        Err(
            "`--floors` is 9, but the job has 8 tasks in its group `floor`: they must be as many"
                .to_owned()
        )
    );
}

#[test]
fn a_task_that_begins_wrongly_is_named() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |_, ends| {
        if ends.name == "floor-1" {
            report(&ends, &Report::NoMoreRiders { riders: 0 });
        } else {
            hello(&ends);
        }
        ends
    });
    assert_eq!(
        outcome.map(drop),
        Err("`floor-1` began with NoMoreRiders { riders: 0 }, not with a hello".to_owned())
    );
}

#[test]
fn a_task_that_is_lost_ends_the_job_with_what_is_known() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |job, ends| {
        hello(&ends);
        if ends.name == "elevator-0" {
            job.push_event(Event {
                state: Some("TASK_LOST".into()),
                message: Some("the agent is gone".into()),
                ..Event::of_task(EventKind::TaskLost, "elevator-0")
            });
        }
        ends
    });
    assert_eq!(
        outcome.map(drop),
        Err("`elevator-0` ended without a goodbye: TASK_LOST, the agent is gone".to_owned())
    );
}

#[test]
fn a_task_may_end_after_its_goodbye() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |job, ends| {
        hello(&ends);
        let job = job.clone();
        thread::spawn(move || {
            while let Some(order) = ends.inbox.recv() {
                match Postcard::decode(&order).expect("the dispatcher sends orders") {
                    Order::StartFloor(_) => {
                        report(&ends, &Report::NoMoreRiders { riders: 0 });
                    }
                    Order::Stop => {
                        report(&ends, &Report::Goodbye { floor_moves: 0 });
                        job.push_event(Event::of_task(EventKind::TaskFinished, &ends.name));
                    }
                    _ => {}
                }
            }
        })
    });
    for task in outcome.expect("nothing is to be done") {
        task.join().expect("it does not panic");
    }
}

#[test]
fn a_shutdown_ends_the_dispatcher() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |job, ends| {
        hello(&ends);
        job.push_event(Event::new(EventKind::Shutdown));
        ends
    });
    assert_eq!(
        outcome.map(drop),
        Err("the job is being shut down".to_owned())
    );
}

#[test]
fn a_report_that_cannot_be_ends_the_job() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |_, ends| {
        hello(&ends);
        if ends.name == "floor-1" {
            let id = RiderId {
                floor: 0,
                number: 0,
            };
            report(
                &ends,
                &Report::Request(Rider {
                    id,
                    to: 1,
                    requested: Duration::ZERO,
                }),
            );
        }
        ends
    });
    let error = outcome.map(drop).expect_err("it is another floor's rider");
    assert!(
        error.starts_with("`floor-1` cannot have reported Request("),
        "{error}"
    );
}

#[test]
fn a_stranger_is_not_listened_to() {
    let outcome = job(&["--floors", "2", "--elevators", "1"], 1, 2, |job, ends| {
        hello(&ends);
        let stranger = job.add_task("roof");
        report(&stranger, &Report::Hello(Role::Floor));
        (ends, stranger)
    });
    assert_eq!(
        outcome.map(drop),
        Err("`roof-0` is neither a car nor a floor of this house".to_owned())
    );
}
