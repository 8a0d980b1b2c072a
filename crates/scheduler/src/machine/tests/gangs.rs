//! Several gangs on one cluster that holds only one of them at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mesos::OfferId;

use super::super::*;
use super::play::{beginning, job, offer};
use crate::io::Call;
use crate::job::Timing;
use crate::offers::Offer;
use crate::status::{Source, StatusUpdate, Uuid};

/// Between two allocation runs, as Mesos does it.
const ALLOCATION_INTERVAL: Duration = Duration::from_secs(1);

/// The longest way between a framework and the master.
const LATENCY_MAX_MS: u64 = 50;

/// How long each gang runs once it is up.
const RUN: Duration = Duration::from_secs(20);

/// What the rest of the world does.
enum Happening {
    /// The master offers what is free.
    Allocation,
    /// An agent is there.
    Joined(usize),
    /// A framework subscribes.
    Start(usize),
    /// Something reaches a framework.
    Heard(usize, Input),
    /// A call or an ACCEPT reaches the master.
    Asked(usize, Output),
}

/// Who has an agent. Agents are used as a whole: each has room for one task.
#[derive(Clone, PartialEq, Eq)]
enum Holder {
    /// It belongs to somebody else.
    Away,
    Nobody,
    Offered(usize, OfferId),
    Used(usize),
}

struct Framework {
    scheduler: Scheduler,
    is_active: bool,
    is_suppressed: bool,
    /// Agents that are not offered before that time.
    filters: BTreeMap<usize, Instant>,
    /// When the last thing sent each way arrives: nothing overtakes.
    last: [Instant; 2],
    up: Option<Instant>,
    outcome: Option<Outcome>,
}

/// A master as far as offers go, and some frameworks (PROTOCOL §6).
struct World {
    now: Instant,
    rng: fastrand::Rng,
    /// When the last agent is there.
    complete_at: Instant,
    agents: Vec<Holder>,
    frameworks: Vec<Framework>,
    happenings: BTreeMap<(Instant, u64), Happening>,
    numbers: u64,
}

impl World {
    /// Gangs of so many tasks, with these holds. They all come to the cluster before its agents, so
    /// that none finds it empty.
    fn new(seed: u64, agents: usize, gangs: &[(u32, Duration)]) -> Self {
        let start = beginning();
        let mut rng = fastrand::Rng::with_seed(seed);
        let frameworks = gangs.iter().map(|(tasks, hold)| {
            let timing = Timing {
                hold: *hold,
                gang: Duration::from_secs(3600),
                ..Timing::default()
            };
            let job = Job {
                timing,
                ..job(&[&format!("t*{tasks} cpus:1")])
            };
            Framework {
                scheduler: Scheduler::new(job, start, rng.u64(..)).unwrap(),
                is_active: false,
                is_suppressed: false,
                filters: BTreeMap::new(),
                last: [start; 2],
                up: None,
                outcome: None,
            }
        });
        let frameworks: Vec<_> = frameworks.collect();
        let mut world = Self {
            now: start,
            complete_at: start,
            agents: vec![Holder::Away; agents],
            happenings: BTreeMap::new(),
            numbers: 0,
            frameworks,
            rng,
        };
        // In half of the worlds all come in one moment.
        let spread_ms = if world.rng.bool() { 5000 } else { 1 };
        for index in 0..gangs.len() {
            let after = Duration::from_millis(world.rng.u64(0..spread_ms));
            world.at(start + after, Happening::Start(index));
        }
        for agent in 0..agents {
            let after = 6000 + world.rng.u64(0..spread_ms);
            let at = start + Duration::from_millis(after);
            world.complete_at = world.complete_at.max(at);
            world.at(at, Happening::Joined(agent));
        }
        let first = Duration::from_millis(world.rng.u64(1..1000));
        world.at(start + first, Happening::Allocation);
        world
    }

    fn at(&mut self, at: Instant, happening: Happening) {
        self.numbers += 1;
        self.happenings.insert((at, self.numbers), happening);
    }

    /// Sends something to a framework (0) or from it to the master (1).
    fn send(&mut self, index: usize, way: usize, happening: Happening) {
        let latency = Duration::from_millis(self.rng.u64(0..LATENCY_MAX_MS));
        let last = &mut self.frameworks[index].last[way];
        *last = (*last).max(self.now + latency);
        let at = *last;
        self.at(at, happening);
    }

    /// Goes on until all jobs have ended, or so long.
    fn run(&mut self, max: Duration) {
        let until = self.now + max;
        while self.frameworks.iter().any(|one| one.outcome.is_none()) {
            let timers = self.frameworks.iter().enumerate();
            let timer = timers
                .filter(|(_, one)| one.is_active)
                .filter_map(|(index, one)| Some((one.scheduler.poll_timeout()?, index)))
                .min();
            let next = self.happenings.first_key_value().map(|((at, _), _)| *at);
            let next = next.expect("there is always a next allocation");
            if let Some((at, index)) = timer.filter(|(at, _)| *at <= next) {
                self.now = self.now.max(at);
                self.tell(index, Input::Tick);
            } else {
                let ((at, _), happening) = self.happenings.pop_first().unwrap();
                self.now = at;
                self.happen(happening);
            }
            if self.now > until {
                return;
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Allocation => {
                self.allocate();
                self.at(self.now + ALLOCATION_INTERVAL, Happening::Allocation);
            }
            Happening::Start(index) => {
                self.frameworks[index].is_active = true;
                self.send(
                    index,
                    0,
                    Happening::Heard(index, Input::Subscribed("fw".into())),
                );
                self.allocate();
            }
            Happening::Joined(agent) => {
                self.agents[agent] = Holder::Nobody;
                self.allocate();
            }
            Happening::Heard(index, input) => self.tell(index, input),
            Happening::Asked(index, output) => self.take(index, output),
        }
    }

    fn tell(&mut self, index: usize, input: Input) {
        let now = self.now;
        self.frameworks[index].scheduler.handle(now, input);
        while let Some(output) = self.frameworks[index].scheduler.poll_output() {
            match output {
                Output::Accept { .. } | Output::Call(_) => {
                    self.send(index, 1, Happening::Asked(index, output));
                }
                Output::StartApp => {
                    self.frameworks[index].up = Some(now);
                    let returned = Input::Command(Command::AppReturned(Ok(())));
                    self.at(now + RUN, Happening::Heard(index, returned));
                }
                Output::Finished(outcome) => self.frameworks[index].outcome = Some(outcome),
                _ => {}
            }
        }
    }

    fn take(&mut self, index: usize, output: Output) {
        match output {
            Output::Accept {
                offers,
                tasks,
                executor,
                refuse,
            } => {
                let agent = self.held(index, &offers[0]).expect("nothing is rescinded");
                assert_eq!((offers.len(), tasks.len()), (1, 1));
                self.agents[agent] = Holder::Used(index);
                let until = self.now + refuse;
                self.frameworks[index].filters.insert(agent, until);
                let task = tasks[0].id.clone();
                let agent = executor.agent;
                self.update(index, task, TaskState::Running, agent);
            }
            Output::Call(Call::Decline { offers, refuse }) => {
                for offer in offers {
                    let agent = self.held(index, &offer).expect("nothing is rescinded");
                    self.agents[agent] = Holder::Nobody;
                    let until = self.now + refuse;
                    self.frameworks[index].filters.insert(agent, until);
                }
            }
            Output::Call(Call::Suppress) => self.frameworks[index].is_suppressed = true,
            Output::Call(Call::Revive) => {
                self.frameworks[index].is_suppressed = false;
                self.frameworks[index].filters.clear();
                self.allocate();
            }
            Output::Call(Call::Kill { task, agent, .. }) => {
                self.update(index, task, TaskState::Killed, agent.expect("it is known"));
            }
            Output::Call(Call::Teardown) => {
                self.frameworks[index].is_active = false;
                for holder in &mut self.agents {
                    if matches!(holder, Holder::Used(by) | Holder::Offered(by, _) if *by == index) {
                        *holder = Holder::Nobody;
                    }
                }
            }
            _ => {}
        }
    }

    fn update(&mut self, index: usize, task: TaskId, state: TaskState, agent: AgentId) {
        self.numbers += 1;
        let update = Input::Update(StatusUpdate {
            task,
            state,
            agent: Some(agent),
            source: Source::Executor,
            reason: None,
            message: None,
            uuid: Some(Uuid(u128::from(self.numbers).to_be_bytes())),
        });
        self.send(index, 0, Happening::Heard(index, update));
    }

    fn held(&self, index: usize, offer: &OfferId) -> Option<usize> {
        let wanted = Holder::Offered(index, offer.clone());
        self.agents.iter().position(|holder| *holder == wanted)
    }

    /// Each free agent goes to the framework that has least, unless it does not want it.
    fn allocate(&mut self) {
        let mut order: Vec<usize> = (0..self.agents.len()).collect();
        self.rng.shuffle(&mut order);
        let mut made: BTreeMap<usize, Vec<Offer>> = BTreeMap::new();
        for agent in order {
            if self.agents[agent] != Holder::Nobody {
                continue;
            }
            let wants = |one: &Framework| {
                let is_open = one
                    .filters
                    .get(&agent)
                    .is_none_or(|until| *until <= self.now);
                one.is_active && !one.is_suppressed && is_open
            };
            let has = |index: usize| {
                let is_his = |holder: &&Holder| matches!(holder, Holder::Used(by) | Holder::Offered(by, _) if *by == index);
                self.agents.iter().filter(is_his).count()
            };
            let takers = (0..self.frameworks.len()).filter(|index| wants(&self.frameworks[*index]));
            let Some(taker) = takers.min_by_key(|index| (has(*index), *index)) else {
                continue;
            };
            self.numbers += 1;
            let one = offer(
                &format!("o{}", self.numbers),
                &format!("a{agent}"),
                "cpus:1.2",
            );
            self.agents[agent] = Holder::Offered(taker, one.id.clone());
            made.entry(taker).or_default().push(one);
        }
        for (index, offers) in made {
            self.send(index, 0, Happening::Heard(index, Input::Offers(offers)));
        }
    }
}

/// Runs gangs of which no two have room at the same time, under many seeds: all succeed, one after
/// the other, and the first is up within `first_max` of the moment in which all agents are there.
#[track_caller]
fn check(gangs: usize, hold: Duration, first_max: Duration) {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let agents = rng.usize(2..9);
        let sizes = (0..gangs).map(|_| rng.usize(agents / 2 + 1..=agents));
        let gangs: Vec<_> = sizes
            .map(|tasks| (u32::try_from(tasks).unwrap(), hold))
            .collect();
        let mut world = World::new(seed, agents, &gangs);
        world.run(Duration::from_secs(3600));
        for one in &world.frameworks {
            assert_eq!(one.outcome, Some(Outcome::Succeeded), "seed {seed}");
        }
        let first = world.frameworks.iter().filter_map(|one| one.up).min();
        let first = first.unwrap() - world.complete_at;
        assert!(first <= first_max, "seed {seed}: {first:?}");
    }
}

#[test]
fn of_two_gangs_that_need_more_than_half_one_is_up_in_half_a_minute_and_three_holds() {
    for hold in [1, 10, 60].map(Duration::from_secs) {
        check(2, hold, Duration::from_secs(30) + 3 * hold);
    }
}

#[test]
fn of_several_gangs_that_need_more_than_half_one_is_up_in_ten_holds() {
    for gangs in [3, 4] {
        check(gangs, Duration::from_secs(10), Duration::from_secs(100));
    }
}
