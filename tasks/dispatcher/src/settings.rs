//! The arguments of the dispatcher, checked against each other and against the job.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use elevator_messages::{Clock, Floor, Role};
use mesosgot_sdk::{Args, Error, TaskSummary};

use crate::desk::Task;
use crate::group;
use crate::policy::PolicyName;

/// What the dispatcher was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `--floors`, default 8.
    pub floors: Floor,
    /// `--elevators`, default 4.
    pub elevators: u16,
    /// `--seconds`, default 30: riders ask so long, in simulated time.
    pub time: Duration,
    /// `--seed`, default 1: decides who asks where and when.
    pub seed: u64,
    /// `--speed`, default 1: so many simulated seconds in a real one.
    pub speed: f64,
    /// `--policy`, default `nearest`.
    pub policy: PolicyName,
}

/// A house of one floor has no riders; more than so many would be a job of more tasks than anyone
/// wants to watch.
const FLOORS: RangeInclusive<Floor> = 2..=1000;
const ELEVATORS: RangeInclusive<u16> = 1..=1000;
/// A day.
const SECONDS: RangeInclusive<u64> = 1..=86_400;
const SPEED: RangeInclusive<f64> = Clock::SPEED_MIN..=Clock::SPEED_MAX;

impl Settings {
    /// Reads the arguments.
    ///
    /// # Errors
    ///
    /// When one is unknown, given twice, no number, or out of its bounds.
    pub fn parse(mut args: Args) -> Result<Self, Error> {
        let seconds = args.flag("--seconds").or(30)?;
        let settings = Self {
            floors: args.flag("--floors").or(8)?,
            elevators: args.flag("--elevators").or(4)?,
            time: Duration::from_secs(seconds),
            seed: args.flag("--seed").or(1)?,
            speed: args.flag("--speed").or(1.0)?,
            policy: args.flag("--policy").or(PolicyName::Nearest)?,
        };
        args.finish()?;
        within("--floors", settings.floors, FLOORS)?;
        within("--elevators", settings.elevators, ELEVATORS)?;
        within("--seconds", seconds, SECONDS)?;
        within("--speed", settings.speed, SPEED)?;
        Ok(settings)
    }

    /// Whether the job has the tasks that the arguments speak of.
    ///
    /// # Errors
    ///
    /// When it has more or fewer of a group.
    pub fn check_against(&self, tasks: &[TaskSummary]) -> Result<(), Error> {
        let wanted = [
            (Role::Car, "--elevators", self.elevators),
            (Role::Floor, "--floors", self.floors),
        ];
        for (role, flag, wanted) in wanted {
            let group = group(role);
            let found = tasks.iter().filter(|task| task.group == group).count();
            if found != usize::from(wanted) {
                return Err(Error::msg(format!(
                    "`{flag}` is {wanted}, but the job has {found} tasks in its group `{group}`: \
                     they must be as many"
                )));
            }
        }
        Ok(())
    }

    /// The tasks that the job must have.
    pub fn names(&self) -> Vec<Task> {
        let cars = (0..self.elevators).map(|number| Task {
            role: Role::Car,
            number,
        });
        let floors = (0..self.floors).map(|number| Task {
            role: Role::Floor,
            number,
        });
        cars.chain(floors).collect()
    }
}

fn within<T: PartialOrd + fmt::Display>(
    flag: &str,
    value: T,
    bounds: RangeInclusive<T>,
) -> Result<(), Error> {
    if bounds.contains(&value) {
        return Ok(());
    }
    let (min, max) = bounds.into_inner();
    Err(Error::msg(format!(
        "`{flag}` is {value}, it must be from {min} to {max}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(args: &[&str]) -> String {
        Settings::parse(Args::new(args.iter().copied()))
            .expect_err("they are wrong")
            .to_string()
    }

    #[test]
    fn every_argument_has_its_default() {
        let settings = Settings::parse(Args::default()).expect("nothing is needed");
        let expected = Settings {
            floors: 8,
            elevators: 4,
            time: Duration::from_secs(30),
            seed: 1,
            speed: 1.0,
            policy: PolicyName::Nearest,
        };
        assert_eq!(settings, expected);
    }

    #[test]
    fn wrong_arguments_are_told_with_what_would_be_right() {
        assert_eq!(
            refused(&["--floors", "1"]),
            "`--floors` is 1, it must be from 2 to 1000"
        );
        assert_eq!(
            refused(&["--speed", "0"]),
            "`--speed` is 0, it must be from 0.01 to 1000"
        );
        assert_eq!(
            refused(&["--speed", "NaN"]),
            "`--speed` is NaN, it must be from 0.01 to 1000"
        );
        assert_eq!(
            refused(&["--policy", "luck"]),
            "`--policy` cannot be `luck`: expected `scan` or `nearest`"
        );
        assert_eq!(
            refused(&["--second", "3"]),
            "unknown argument `--second`, known are `--seconds`, `--floors`, `--elevators`, \
             `--seed`, `--speed`, `--policy`"
        );
    }

    #[test]
    fn the_job_must_have_the_tasks_that_the_arguments_speak_of() {
        let settings = Settings::parse(Args::new(["--floors", "2", "--elevators", "1"]));
        let settings = settings.expect("they are right");
        let names = ["elevator-0", "floor-0", "floor-1"];
        assert_eq!(
            settings
                .names()
                .iter()
                .map(Task::to_string)
                .collect::<Vec<_>>(),
            names
        );

        let task = |name: &str, group: &str| TaskSummary {
            name: name.into(),
            group: group.into(),
            state: "TASK_RUNNING".into(),
            agent: None,
        };
        let mut tasks = vec![
            task("elevator-0", "elevator"),
            task("floor-0", "floor"),
            task("cook-0", "cook"),
        ];
        let error = settings
            .check_against(&tasks)
            .expect_err("a floor is missing");
        assert_eq!(
            error.to_string(),
            "`--floors` is 2, but the job has 1 tasks in its group `floor`: they must be as many"
        );
        tasks.push(task("floor-1", "floor"));
        settings.check_against(&tasks).expect("all are there");
    }
}
