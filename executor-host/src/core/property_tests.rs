//! What holds whatever happens in whatever order.

use std::collections::{HashMap, HashSet};

use proptest::{collection::vec, prelude::*};

use super::*;

/// Something that happens to one of a few tasks.
#[derive(Debug, Clone)]
enum Step {
    Launch(u8),
    Kill(u8),
    Ready(u8),
    Ended(u8),
    Acknowledge(u8),
    Barrier,
    Subscribed,
    Disconnected,
    Shutdown,
    AgentLost,
    Advance(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let task = 0..4_u8;
    prop_oneof![
        6 => task.clone().prop_map(Step::Launch),
        3 => task.clone().prop_map(Step::Kill),
        6 => task.clone().prop_map(Step::Ready),
        6 => task.clone().prop_map(Step::Ended),
        6 => task.prop_map(Step::Acknowledge),
        1 => Just(Step::Barrier),
        2 => Just(Step::Subscribed),
        1 => Just(Step::Disconnected),
        1 => Just(Step::Shutdown),
        1 => Just(Step::AgentLost),
        6 => (0..20_000_u16).prop_map(Step::Advance),
    ]
}

/// The machine, and what an onlooker knows of it.
struct Watched {
    core: Core,
    now: Instant,
    is_subscribed: bool,
    is_lifted: bool,
    /// Tasks that were launched, until they are forgotten; whether their function was begun.
    tasks: HashMap<TaskId, bool>,
    /// Updates that went out, oldest first, until they are acknowledged.
    sent: Vec<(TaskId, Uuid)>,
    /// The last state of each task, told once.
    ends: HashMap<TaskId, Uuid>,
    exited: bool,
}

impl Watched {
    fn new() -> Self {
        Self {
            core: Core::new(fastrand::Rng::with_seed(1)),
            now: Instant::now(),
            is_subscribed: false,
            is_lifted: false,
            tasks: HashMap::new(),
            sent: Vec::new(),
            ends: HashMap::new(),
            exited: false,
        }
    }

    fn step(&mut self, step: &Step) {
        let id = |task: &u8| TaskId::from(task.to_string());
        match step {
            Step::Launch(task) => {
                self.tasks.entry(id(task)).or_insert(false);
                let kill_grace = Duration::from_secs(3);
                self.tell(Input::Launch {
                    task: id(task),
                    kill_grace,
                });
            }
            Step::Kill(task) => self.tell(Input::Kill {
                task: id(task),
                grace: None,
            }),
            Step::Ready(task) => self.tell(Input::Ready { task: id(task) }),
            Step::Ended(task) => {
                self.tell(Input::Ended {
                    task: id(task),
                    outcome: Outcome::Stopped,
                });
            }
            Step::Acknowledge(task) => self.acknowledge(&id(task)),
            Step::Barrier => {
                self.is_lifted = true;
                self.tell(Input::BarrierLifted);
            }
            Step::Subscribed => {
                self.is_subscribed = true;
                self.tell(Input::Subscribed {
                    killing_state: KillingState::Known,
                });
            }
            Step::Disconnected => {
                self.is_subscribed = false;
                self.tell(Input::Disconnected);
            }
            Step::Shutdown => self.tell(Input::Shutdown {
                within: Duration::from_secs(5),
            }),
            Step::AgentLost => {
                self.is_subscribed = false;
                self.tell(Input::AgentLost);
            }
            Step::Advance(milliseconds) => {
                self.advance(Duration::from_millis(u64::from(*milliseconds)));
            }
        }
    }

    fn acknowledge(&mut self, task: &TaskId) {
        if let Some(index) = self.sent.iter().position(|(sent, _)| sent == task) {
            let (task, uuid) = self.sent.remove(index);
            self.tell(Input::Acknowledged { task, uuid });
        }
    }

    fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        while let Some(deadline) = self.core.poll_timeout().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    fn tell(&mut self, input: Input) {
        self.core.handle(self.now, input);
        let mut updated = HashSet::new();
        while let Some(output) = self.core.poll_output() {
            assert!(!self.exited, "{output:?} after the exit");
            match output {
                Output::Prepare(task) => assert!(!self.tasks[&task]),
                Output::Run(task) => {
                    assert!(self.is_lifted, "{task} began before the barrier was lifted");
                    let begun = self.tasks.insert(task, true);
                    assert_eq!(begun, Some(false), "a function is begun once");
                }
                Output::CloseInbox { task, at } => assert!(self.tasks[&task] && at >= self.now),
                Output::Stop(task) => assert!(self.tasks.contains_key(&task)),
                Output::Update(update) => {
                    assert!(self.is_subscribed, "{update:?} while the agent is away");
                    assert!(updated.insert(update.uuid), "{update:?} twice at once");
                    self.observe(update);
                }
                Output::Forget(task) => {
                    assert!(self.tasks.remove(&task).is_some());
                    self.ends.remove(&task);
                }
                Output::Exit(_) => self.exited = true,
            }
        }
        let deadline = self.core.poll_timeout();
        assert!(
            deadline.is_none_or(|deadline| deadline > self.now),
            "the driver would spin"
        );
    }

    /// Of each task one update is in flight, and one tells its end.
    fn observe(&mut self, update: Update) {
        if !matches!(
            update.state,
            TaskState::TaskRunning | TaskState::TaskKilling
        ) {
            let told = *self.ends.entry(update.task.clone()).or_insert(update.uuid);
            assert_eq!(told, update.uuid, "an end is told once");
        }
        let in_flight = self.sent.iter().find(|(task, _)| *task == update.task);
        match in_flight {
            Some((_, uuid)) => assert_eq!(*uuid, update.uuid, "one after the other"),
            None => self.sent.push((update.task, update.uuid)),
        }
    }
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_a_promise_and_the_executor_always_comes_to_its_end(
        steps in vec(step(), 0..80),
    ) {
        let mut watched = Watched::new();
        for step in &steps {
            watched.step(step);
        }
        // All that lives ends and is acknowledged.
        watched.step(&Step::Subscribed);
        for task in 0..4 {
            watched.step(&Step::Ended(task));
            for _ in 0..4 {
                watched.step(&Step::Acknowledge(task));
            }
        }
        let launched = steps.iter().any(|step| matches!(step, Step::Launch(_)));
        watched.advance(Duration::from_secs(10));
        prop_assert!(watched.exited || !launched, "{:?}", watched.core);
    }
}
