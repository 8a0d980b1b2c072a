//! What holds whatever happens in whatever order.

use std::collections::{HashMap, HashSet};

use proptest::{collection::vec, option, prelude::*};

use super::*;

/// Something that happens, mostly to one of a few tasks.
#[derive(Debug, Clone)]
enum Step {
    Launch(u8),
    Kill(u8),
    Ready(u8),
    Ended(u8),
    /// A call with an update comes back.
    Answer(u8, Fate),
    /// An update is acknowledged, which its call may still be under way.
    Acknowledge(u8),
    /// An acknowledgement comes once more.
    AcknowledgeAgain(u8),
    Barrier,
    Subscribed,
    /// A SUBSCRIBE is made and fails.
    Refused,
    Disconnected,
    Shutdown,
    AgentLost,
    Advance(u16),
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Taken,
    PutOff,
    Refused,
}

fn step() -> impl Strategy<Value = Step> {
    let task = 0..4_u8;
    let fate = prop_oneof![
        6 => Just(Fate::Taken),
        3 => Just(Fate::PutOff),
        1 => Just(Fate::Refused),
    ];
    prop_oneof![
        12 => task.clone().prop_map(Step::Launch),
        6 => task.clone().prop_map(Step::Kill),
        12 => task.clone().prop_map(Step::Ready),
        12 => task.clone().prop_map(Step::Ended),
        16 => (any::<u8>(), fate).prop_map(|(call, fate)| Step::Answer(call, fate)),
        12 => task.prop_map(Step::Acknowledge),
        3 => any::<u8>().prop_map(Step::AcknowledgeAgain),
        2 => Just(Step::Barrier),
        6 => Just(Step::Subscribed),
        2 => Just(Step::Refused),
        4 => Just(Step::Disconnected),
        1 => Just(Step::Shutdown),
        1 => Just(Step::AgentLost),
        12 => (0..20_000_u16).prop_map(Step::Advance),
    ]
}

/// The machine, and what an onlooker knows of it.
struct Watched {
    core: Core,
    now: Instant,
    expected: Option<u32>,
    is_subscribed: bool,
    is_lifted: bool,
    /// All tasks that were ever launched.
    launched: HashSet<TaskId>,
    /// Tasks that were launched, until they are forgotten; whether their function was begun.
    tasks: HashMap<TaskId, bool>,
    /// Calls under way.
    calls: Vec<Update>,
    /// Updates that went out, oldest first, until they are acknowledged or refused.
    sent: Vec<Update>,
    acknowledged: Vec<(TaskId, Uuid)>,
    /// How often the agent has taken each.
    taken: HashMap<Uuid, u32>,
    /// Tasks of which an end was acknowledged, or refused for good.
    told: HashSet<TaskId>,
    /// The uuid by which each end is told.
    ends: HashMap<TaskId, Uuid>,
    /// Since when no task is here and launches could come.
    waits_since: Instant,
    exited: bool,
}

fn id(task: u8) -> TaskId {
    TaskId::from(task.to_string())
}

fn is_end(update: &Update) -> bool {
    !matches!(
        update.state,
        TaskState::TaskRunning | TaskState::TaskKilling
    )
}

impl Watched {
    fn new(expected: Option<u32>) -> Self {
        let now = Instant::now();
        Self {
            core: Core::new(expected, fastrand::Rng::with_seed(1)),
            now,
            expected,
            is_subscribed: false,
            is_lifted: false,
            launched: HashSet::new(),
            tasks: HashMap::new(),
            calls: Vec::new(),
            sent: Vec::new(),
            acknowledged: Vec::new(),
            taken: HashMap::new(),
            told: HashSet::new(),
            ends: HashMap::new(),
            waits_since: now,
            exited: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Launch(task) => self.launch(id(task)),
            Step::Kill(task) => self.tell(Input::Kill {
                task: id(task),
                grace: None,
            }),
            Step::Ready(task) => self.tell(Input::Ready { task: id(task) }),
            Step::Ended(task) => self.tell(Input::Ended {
                task: id(task),
                outcome: Outcome::Failed("of itself".to_owned()),
            }),
            Step::Answer(call, fate) => self.answer(usize::from(call), fate),
            Step::Acknowledge(task) => self.acknowledge(&id(task)),
            Step::AcknowledgeAgain(which) => {
                let count = self.acknowledged.len().max(1);
                let again = self.acknowledged.get(usize::from(which) % count).cloned();
                if let Some((task, uuid)) = again {
                    self.tell(Input::Acknowledged { task, uuid });
                }
            }
            Step::Barrier => {
                self.is_lifted = true;
                self.tell(Input::BarrierLifted);
            }
            Step::Subscribed => self.subscribe(),
            Step::Refused => drop(self.core.unacknowledged()),
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
                self.advance(Duration::from_millis(u64::from(milliseconds)));
            }
        }
    }

    fn launch(&mut self, task: TaskId) {
        let known = self.core.knows(&task);
        assert_eq!(known, self.launched.contains(&task));
        if !known && !self.exited {
            self.launched.insert(task.clone());
            self.tasks.insert(task.clone(), false);
        }
        let kill_grace = Duration::from_secs(3);
        self.tell(Input::Launch { task, kill_grace });
    }

    fn subscribe(&mut self) {
        let carried = self.core.unacknowledged();
        for update in carried.updates {
            *self.taken.entry(update.uuid).or_default() += 1;
            if self.sent.iter().all(|sent| sent.uuid != update.uuid) {
                self.sent.push(update);
            }
        }
        self.is_subscribed = true;
        self.waits_since = self.now;
        self.tell(Input::Subscribed {
            killing_state: KillingState::Known,
        });
    }

    fn answer(&mut self, call: usize, fate: Fate) {
        if self.calls.is_empty() {
            return;
        }
        let update = self.calls.remove(call % self.calls.len());
        let (task, uuid) = (update.task.clone(), update.uuid);
        let input = match fate {
            Fate::Taken => {
                *self.taken.entry(uuid).or_default() += 1;
                Input::UpdateTaken { task, uuid }
            }
            Fate::PutOff => Input::UpdatePutOff { task, uuid },
            Fate::Refused => {
                self.sent.retain(|sent| sent.uuid != uuid);
                if is_end(&update) {
                    self.ends.remove(&task);
                    if update.message.is_none() && update.reason.is_none() {
                        self.told.insert(task.clone());
                    }
                }
                Input::UpdateRefused { task, uuid }
            }
        };
        self.tell(input);
    }

    fn acknowledge(&mut self, task: &TaskId) {
        let of_task = |sent: &Update| sent.task == *task;
        if let Some(index) = self.sent.iter().position(of_task) {
            let update = self.sent.remove(index);
            if is_end(&update) {
                self.told.insert(update.task.clone());
            }
            let (task, uuid) = (update.task, update.uuid);
            self.acknowledged.push((task.clone(), uuid));
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
                Output::Update(update) => self.observe(update),
                Output::Forget(task) => self.forget(&task),
                Output::Exit(exit) => self.exit(exit),
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
        assert!(self.is_subscribed, "{update:?} while the agent is away");
        let is_known = |call: &Update| {
            let (task, uuid) = (call.task.clone(), call.uuid);
            self.acknowledged.contains(&(task, uuid))
        };
        let mut under_way = self.calls.iter().filter(|call| call.task == update.task);
        assert!(
            under_way.all(is_known),
            "{update:?} beside {:?}",
            self.calls
        );
        if is_end(&update) {
            let told = *self.ends.entry(update.task.clone()).or_insert(update.uuid);
            assert_eq!(told, update.uuid, "an end is told once");
        }
        let mut of_task = self.sent.iter().filter(|sent| sent.task == update.task);
        let before = of_task.find(|sent| sent.uuid != update.uuid);
        if let Some(before) = before {
            let is_later = self.sent.iter().position(|sent| sent.uuid == before.uuid)
                > self.sent.iter().position(|sent| sent.uuid == update.uuid);
            let was_passed = self.taken.get(&before.uuid) >= Some(&3);
            let is_sent = self.sent.iter().any(|sent| sent.uuid == update.uuid);
            assert!(
                (is_sent && is_later) || was_passed,
                "{update:?} before {before:?} was acknowledged"
            );
        }
        if self.sent.iter().all(|sent| sent.uuid != update.uuid) {
            self.sent.push(update.clone());
        }
        self.calls.push(update);
    }

    /// Its end is known to the agent, or was taken so often that it must be.
    fn forget(&mut self, task: &TaskId) {
        assert!(self.tasks.remove(task).is_some());
        let taken = self.ends.get(task).and_then(|uuid| self.taken.get(uuid));
        let carried = self.sent.iter().any(|sent| {
            sent.task == *task && is_end(sent) && self.taken.get(&sent.uuid) >= Some(&9)
        });
        assert!(
            self.told.contains(task) || taken >= Some(&9) || carried,
            "the end of {task} was not told"
        );
        self.waits_since = self.now;
    }

    /// The work is done when all tasks are over and no more can come.
    fn exit(&mut self, exit: Exit) {
        self.exited = true;
        if exit != Exit::Done {
            return;
        }
        assert!(self.tasks.is_empty(), "{:?} are here", self.tasks);
        let launched = u32::try_from(self.launched.len()).expect("a few");
        let wait = match self.expected {
            Some(expected) if launched >= expected => return,
            None if launched > 0 => LINGER,
            _ => LAUNCH_WAIT,
        };
        assert!(self.is_subscribed, "no launch could have come");
        assert!(self.now >= self.waits_since + wait, "a launch could come");
    }
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_a_promise_and_the_executor_always_comes_to_its_end(
        expected in option::of(1..5_u32),
        steps in vec(step(), 0..120),
    ) {
        let mut watched = Watched::new(expected);
        for step in &steps {
            watched.step(step);
        }
        // All that lives ends and is acknowledged.
        watched.step(&Step::Subscribed);
        for task in 0..4 {
            watched.step(&Step::Ended(task));
        }
        for _ in 0..8 {
            watched.step(&Step::Answer(0, Fate::Taken));
            for task in 0..4 {
                watched.step(&Step::Acknowledge(task));
            }
            watched.advance(Duration::from_secs(1));
        }
        watched.advance(LAUNCH_WAIT);
        prop_assert!(watched.exited, "{:?}", watched.core);
    }
}
