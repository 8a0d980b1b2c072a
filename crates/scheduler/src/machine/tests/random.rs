//! Whatever happens in whatever order: no panic, every offer answered once, nothing launched twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::Resources;
use mesos::{AgentId, OfferId, TaskId};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::super::*;
use super::play::{beginning, job, offer};
use crate::io::{Call, CallFault, FailedCall, Failure, SpawnId, Stop};
use crate::job::Barrier;
use crate::record::Recorded;
use crate::status::{Reason, Source, StatusUpdate, Uuid};

#[derive(Debug, Clone)]
enum Step {
    Subscribe,
    Disconnect,
    /// Offers of so many cpus on these agents.
    Offers(Vec<(u8, u8)>),
    /// Rescinds an outstanding offer, or one that is not.
    Rescind(u8),
    /// An update about the n-th launch ever made.
    Update {
        launch: u8,
        state: u8,
        source: u8,
        reason: u8,
        uuid: u8,
    },
    Failure {
        agent: u8,
        executor: Option<u8>,
    },
    AcceptFails {
        launch: u8,
        unknown: bool,
    },
    InterestFails,
    App(bool),
    Stop(bool),
    Kill(u8),
    Restart(u8),
    Spawn(u8),
    Abandon(u8),
    Connected(u8),
    Unconnected(u8),
    Advance(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Subscribe),
        1 => Just(Step::Disconnect),
        6 => prop::collection::vec((0u8..4, 0u8..6), 0..4).prop_map(Step::Offers),
        1 => any::<u8>().prop_map(Step::Rescind),
        10 => (0u8..8, 0u8..14, 0u8..3, 0u8..4, 0u8..6).prop_map(
            |(launch, state, source, reason, uuid)| Step::Update {
                launch, state, source, reason, uuid
            }
        ),
        // Most often the state that lets a gang come up.
        10 => (0u8..8, any::<u8>()).prop_map(|(launch, uuid)| Step::Update {
            launch, state: 2, source: 2, reason: 3, uuid
        }),
        1 => (0u8..4, prop::option::of(0u8..4))
            .prop_map(|(agent, executor)| Step::Failure { agent, executor }),
        1 => (0u8..8, any::<bool>())
            .prop_map(|(launch, unknown)| Step::AcceptFails { launch, unknown }),
        1 => Just(Step::InterestFails),
        1 => any::<bool>().prop_map(Step::App),
        1 => any::<bool>().prop_map(Step::Stop),
        1 => (0u8..4).prop_map(Step::Kill),
        2 => (0u8..4).prop_map(Step::Restart),
        1 => (0u8..3).prop_map(Step::Spawn),
        1 => (0u8..4).prop_map(Step::Abandon),
        2 => (0u8..4).prop_map(Step::Connected),
        1 => (0u8..4).prop_map(Step::Unconnected),
        4 => any::<u8>().prop_map(Step::Advance),
    ]
}

/// What a master knows.
#[derive(Default)]
struct Master {
    is_connected: bool,
    outstanding: BTreeMap<OfferId, (AgentId, Resources)>,
    offers: u32,
    launches: Vec<TaskId>,
    acknowledged: usize,
    started: usize,
    /// Those that wait for their answer.
    spawns: BTreeSet<SpawnId>,
    is_torn_down: bool,
    is_finished: bool,
    /// What a store would know.
    recorded: Recorded,
}

impl Master {
    fn offers(&mut self, agents: &[(u8, u8)]) -> Vec<crate::offers::Offer> {
        agents
            .iter()
            .map(|(agent, cpus)| {
                self.offers += 1;
                let made = offer(
                    &format!("o{}", self.offers),
                    &format!("a{agent}"),
                    &format!("cpus:{cpus}.2"),
                );
                self.outstanding.insert(
                    made.id.clone(),
                    (made.agent.clone(), made.resources.clone()),
                );
                made
            })
            .collect()
    }

    fn take(&mut self, output: Output) {
        assert!(!self.is_finished, "{output:?} after the end");
        match output {
            Output::Accept {
                offers,
                executor,
                tasks,
                ..
            } => {
                assert!(self.is_connected && !offers.is_empty() && !tasks.is_empty());
                let mut free = Resources::new();
                for offer in offers {
                    let (agent, resources) = self.outstanding.remove(&offer).expect("it is open");
                    assert_eq!(agent, executor.agent);
                    free += resources;
                }
                let used = tasks
                    .iter()
                    .fold(executor.resources, |sum, task| sum + &task.resources);
                assert!(free.contains(&used), "{used} of {free}");
                for task in tasks {
                    assert!(self.recorded.tasks.contains_key(&task.id), "not recorded");
                    assert!(!self.launches.contains(&task.id), "{} again", task.id);
                    self.launches.push(task.id);
                }
            }
            Output::Call(Call::Decline { offers, .. }) => {
                assert!(self.is_connected && !offers.is_empty());
                for offer in offers {
                    assert!(
                        self.outstanding.remove(&offer).is_some(),
                        "{offer} is not open"
                    );
                }
            }
            Output::Call(Call::Suppress)
            | Output::Call(Call::Revive)
            | Output::Call(Call::Reconcile(_))
            | Output::Call(Call::Kill { .. })
            | Output::Call(Call::ShutdownExecutor { .. }) => assert!(self.is_connected),
            Output::Call(Call::Acknowledge { .. }) => self.acknowledged += 1,
            Output::Spawned { spawn, .. } => {
                assert!(self.spawns.remove(&spawn), "{spawn:?} is answered once");
            }
            Output::Remember(record) => self.recorded.add(record),
            Output::StartApp => self.started += 1,
            Output::Call(Call::Teardown) => self.is_torn_down = true,
            Output::Finished(_) => self.is_finished = true,
            Output::AbortApp
            | Output::LiftBarrier(_)
            | Output::CloseInputs(_)
            | Output::CloseInputForNow(_)
            | Output::TaskReturns(_)
            | Output::EndEvents
            | Output::ExecutorGone(_)
            | Output::TaskOver(_)
            | Output::Event(_)
            | Output::Report(_) => {}
        }
    }

    fn update(&self, step: &Step) -> Option<StatusUpdate> {
        let &Step::Update {
            launch,
            state,
            source,
            reason,
            uuid,
        } = step
        else {
            return None;
        };
        let source = [Source::Master, Source::Agent, Source::Executor][usize::from(source)];
        let reasons = [
            Reason::INVALID_OFFERS,
            Reason::RECONCILIATION,
            Reason::EXECUTOR_TERMINATED,
        ];
        let launched = self.launches.get(usize::from(launch)).cloned();
        Some(StatusUpdate {
            task: launched.unwrap_or_else(|| "stranger".into()),
            state: TaskState::ALL[usize::from(state)],
            agent: Some("a1".into()),
            source,
            reason: reasons.get(usize::from(reason)).cloned(),
            message: None,
            uuid: (source != Source::Master).then_some(Uuid([uuid; 16])),
        })
    }
}

impl Master {
    /// What was recorded is what the ledger knows.
    fn check_records(&self, scheduler: &Scheduler) {
        if self.is_torn_down {
            return assert_eq!(self.recorded, Recorded::default());
        }
        let known: BTreeMap<_, _> = scheduler
            .ledger
            .tasks()
            .iter()
            .filter_map(|task| {
                Some((
                    task.name(),
                    (task.state()?, task.agent()?, task.executor()?),
                ))
            })
            .collect();
        let recorded = self.recorded.tasks.values();
        let recorded: BTreeMap<_, _> = recorded
            .map(|task| (&*task.name, (task.state, &task.agent, &task.executor)))
            .collect();
        assert_eq!(
            (recorded.len(), &recorded),
            (self.recorded.tasks.len(), &known)
        );
        let ended = scheduler
            .ledger
            .tasks()
            .iter()
            .filter(|task| task.ended().is_some());
        let recorded = self.recorded.tasks.values().filter(|task| task.has_ended);
        assert_eq!(ended.count(), recorded.count());
    }
}

fn play(barrier: Barrier, groups: &[&str], steps: Vec<Step>) {
    let mut now = beginning();
    let job = Job {
        barrier,
        ..job(groups)
    };
    let mut scheduler = Scheduler::new(job, now, 3).unwrap();
    let mut master = Master::default();
    for step in steps {
        let input = match &step {
            Step::Subscribe => {
                master.is_connected = true;
                master.outstanding.clear();
                Input::Subscribed("fw".into())
            }
            Step::Disconnect => {
                master.is_connected = false;
                master.outstanding.clear();
                Input::Disconnected {
                    reason: String::new(),
                }
            }
            Step::Offers(agents) if master.is_connected && !master.is_finished => {
                Input::Offers(master.offers(agents))
            }
            Step::Offers(_) => Input::Tick,
            Step::Rescind(pick) => {
                let offer = master
                    .outstanding
                    .keys()
                    .nth(usize::from(*pick) % 4)
                    .cloned();
                let offer = offer.unwrap_or_else(|| "o999".into());
                master.outstanding.remove(&offer);
                Input::Rescind(offer)
            }
            Step::Update { .. } => Input::Update(master.update(&step).unwrap()),
            Step::Failure { agent, executor } => Input::Failure(Failure {
                agent: format!("a{agent}").into(),
                executor: executor.map(|number| format!("job.r.{number}").into()),
                status: None,
            }),
            Step::AcceptFails { launch, unknown } => Input::CallFailed {
                call: FailedCall::Accept(
                    master
                        .launches
                        .get(usize::from(*launch))
                        .cloned()
                        .into_iter()
                        .collect(),
                ),
                fault: if *unknown {
                    CallFault::Unknown
                } else {
                    CallFault::NoEffect
                },
            },
            Step::InterestFails => Input::CallFailed {
                call: FailedCall::Interest,
                fault: CallFault::Unknown,
            },
            Step::App(ok) => Input::Command(Command::AppReturned(if *ok {
                Ok(())
            } else {
                Err("trap".to_owned())
            })),
            Step::Stop(now) => {
                Input::Command(Command::Stop(if *now { Stop::Now } else { Stop::Graceful }))
            }
            Step::Kill(task) => {
                let _ = scheduler.kill(now, &format!("t-{task}"));
                Input::Tick
            }
            Step::Restart(task) => {
                let _ = scheduler.restart(now, &format!("t-{task}"));
                Input::Tick
            }
            Step::Spawn(count) => {
                if let Ok(spawn) = scheduler.spawn(now, "u", (*count).into()) {
                    master.spawns.insert(spawn);
                }
                Input::Tick
            }
            Step::Abandon(number) => {
                Input::Command(Command::Abandon(format!("job.r.{number}").into()))
            }
            Step::Connected(number) => {
                Input::Command(Command::Connected(format!("job.r.{number}").into()))
            }
            Step::Unconnected(number) => Input::Command(Command::Unconnected {
                executor: format!("job.r.{number}").into(),
                reason: "no route".to_owned(),
            }),
            Step::Advance(tenths) => {
                now += Duration::from_millis(u64::from(*tenths) * 100);
                Input::Tick
            }
        };
        let owed = match &input {
            Input::Update(update) if update.uuid.is_some() && !master.is_finished => 1,
            _ => 0,
        };
        let acknowledged = master.acknowledged;
        scheduler.handle(now, input);
        while let Some(output) = scheduler.poll_output() {
            master.take(output);
        }
        assert_eq!(master.acknowledged - acknowledged, owed);
        master.check_records(&scheduler);
        assert!(master.started <= 1);
        if let Some(at) = scheduler.poll_timeout() {
            assert!(at > now, "nothing that is due is left for later");
        }
        let held: BTreeSet<_> = scheduler
            .pool
            .sites()
            .into_iter()
            .flat_map(|site| site.offers)
            .collect();
        let open: BTreeSet<_> = master.outstanding.keys().cloned().collect();
        assert!(
            master.is_finished || held == open,
            "held {held:?}, open {open:?}"
        );
    }
    // Left alone, the job ends or waits for its app, and every spawn has been answered.
    for _ in 0..10_000 {
        let Some(at) = scheduler.poll_timeout() else {
            break;
        };
        if matches!(scheduler.state, State::Running) && is_up_or_may_wait(&scheduler) {
            break;
        }
        now = at;
        scheduler.handle(now, Input::Tick);
        while let Some(output) = scheduler.poll_output() {
            master.take(output);
        }
    }
    assert!(
        matches!(scheduler.state, State::Running | State::Ended) && is_up_or_may_wait(&scheduler),
        "{:?}",
        scheduler.state
    );
    assert_eq!(master.spawns, BTreeSet::new());
}

/// Whether there is nothing that must be up or given up in time.
fn is_up_or_may_wait(scheduler: &Scheduler) -> bool {
    (0..scheduler.waves.len()).all(|wave| scheduler.may_wait_on(wave))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_order_of_happenings_breaks_the_rules(
        barrier in prop_oneof![Just(Barrier::Tasks), Just(Barrier::Connections)],
        policies in (0usize..3, 0usize..3),
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let policy = |at: usize| ["", " | ignore", " | restart 2"][at];
        let groups = [
            format!("t*2 cpus:1{}", policy(policies.0)),
            format!("u*1 cpus:2{}", policy(policies.1)),
        ];
        let mut all = vec![Step::Subscribe];
        all.extend(steps);
        play(barrier, &groups.each_ref().map(String::as_str), all);
    }
}
