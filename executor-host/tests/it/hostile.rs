//! Guests that mean harm: each ends only itself, and a neighbour goes on all the while.
//!
//! All are tasks of whole executors, on one thread as in the program. While one is there, an echo
//! task beside it is spoken to again and again; each round trip may take [`BOUND`] at most, and half
//! of them [`TYPICAL`], which is far above what they take on any machine, so that only a neighbour
//! that is held up misses it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{MetadataExt as _, symlink},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use executor_host::modules::CompiledCache;
use link::spec;
use mesos::v1::{TaskState, TaskStatus, task_status::Reason};
use tokio::{net::TcpListener, time::timeout};

use crate::{agent::Agent, components, guests, running::Executor};

/// The longest round trip of the neighbour, on a machine that is busy with all other tests.
const BOUND: Duration = Duration::from_secs(10);

/// The median of many. On an idle machine they take a fraction of a millisecond, and beside a guest
/// that computes some milliseconds.
const TYPICAL: Duration = Duration::from_millis(250);

/// Round trips beside many guests that compute: a quarter of what they are when each of those has its
/// turn on the thread of all others. Of some attempts the best counts, as other programs hold up the
/// neighbour as well.
const BESIDE_MANY: Duration = Duration::from_millis(250);
const ATTEMPTS: usize = 5;

/// Round trips while a guest does its worst, before it is killed.
const ROUND_TRIPS: usize = 50;

/// Messages that a guest sends without end, before it is killed.
const TINY_MESSAGES: u64 = 1_000_000;

/// An executor with a good task in it.
struct Yard {
    agent: Agent,
    executor: Executor,
    outbox: link::Sender,
    inbox: link::Receiver,
}

/// What becomes of a guest.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// It comes to its end by itself.
    Ends,
    /// It is killed after some round trips of its neighbour.
    IsKilled,
}

impl Yard {
    async fn open() -> Self {
        Self::open_with(Agent::start().await).await
    }

    async fn open_with(agent: Agent) -> Self {
        let yard = Self::open_before_begin(agent).await;
        yard.agent.begin().await;
        yard
    }

    /// The neighbour and all that is launched wait for their begin.
    async fn open_before_begin(mut agent: Agent) -> Self {
        let executor = agent.executor().await;
        let (outbox, inbox) = agent.link.open("neighbour").unwrap();
        agent.run(&agent.task("neighbour", &["echo"])).await;
        Self {
            agent,
            executor,
            outbox,
            inbox,
        }
    }

    /// One round trip of the neighbour: how long it took.
    async fn ping(&self) -> Duration {
        let began = Instant::now();
        let round_trip = async {
            self.outbox.send("ping".into()).await.unwrap();
            assert_eq!(self.inbox.recv().await.as_deref(), Some(&b"ping"[..]));
        };
        let done = timeout(BOUND, round_trip).await;
        assert!(done.is_ok(), "the neighbour is held up");
        began.elapsed()
    }

    /// Runs a guest to its end while the neighbour makes round trips.
    async fn run(&mut self, spec: &spec::TaskSpec, fate: Fate) -> TaskStatus {
        self.agent.launch(spec);
        let (mut round_trips, mut times) = (None, Vec::new());
        let status = loop {
            times.push(self.ping().await);
            if let Some(count) = &mut round_trips {
                *count += 1;
                if fate == Fate::IsKilled && *count == ROUND_TRIPS {
                    self.agent.kill(&spec.name);
                }
            }
            match self.agent.try_next() {
                Some(status) if status.state() == TaskState::TaskRunning => round_trips = Some(0),
                Some(status) => break status,
                None => {}
            }
        };
        assert_eq!(
            status.task_id.value, spec.name,
            "another one ended: {status:?}"
        );
        times.sort();
        let typical = times[times.len() / 2];
        // Of a few, one alone may be the machine's doing.
        let is_held_up = times.len() >= ROUND_TRIPS && typical > TYPICAL;
        assert!(!is_held_up, "the neighbour is held up: {typical:?}");
        // And it goes on afterwards.
        self.ping().await;
        status
    }

    /// A guest that is killed and does not listen.
    fn deaf(&self, name: &str, args: &[&str]) -> spec::TaskSpec {
        spec::TaskSpec {
            kill_grace_ms: 20,
            ..self.agent.task(name, args)
        }
    }
}

#[track_caller]
fn check(status: &TaskStatus, state: TaskState, text: &str) {
    let message = status.message.as_deref().unwrap_or_default();
    assert_eq!(status.state(), state, "{message}");
    assert!(message.contains(text), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_endless_loop() {
    let mut yard = Yard::open().await;
    let spin = yard.deaf("spins", &["spin"]);
    let status = yard.run(&spin, Fate::IsKilled).await;
    check(&status, TaskState::TaskKilled, "stopped by force");
    // Before its function begins: a start function.
    let bytes = components::simple("(func $loop (loop (br 0))) (start $loop)", "");
    let early = yard.agent.task_of("spins-early", &bytes);
    yard.agent.launch(&early);
    for _ in 0..ROUND_TRIPS {
        yard.ping().await;
    }
    yard.agent.kill("spins-early");
    let (_, state, status) = yard.agent.next().await;
    assert_eq!(state, TaskState::TaskKilled);
    assert_eq!(status.reason(), Reason::TaskKilledDuringLaunch);
    yard.ping().await;
}

/// Makes round trips beside so many of these, which begin together with the neighbour, and looks at
/// one of them, from the shortest at 0 to the longest. The first turn is not measured.
async fn beside_many(count: usize, how: &[&str], trips: usize, which: usize) {
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let mut yard = Yard::open_before_begin(Agent::start_of(count as u32 + 1).await).await;
        for number in 0..count {
            let name = format!("other-{number}");
            yard.agent.launch(&yard.deaf(&name, how));
        }
        for _ in 0..count {
            let (name, state, status) = yard.agent.next().await;
            assert_eq!(state, TaskState::TaskRunning, "{name}: {status:?}");
        }
        yard.agent.begin().await;
        // Its first turn waits behind those of the others that began before it.
        yard.ping().await;
        let mut times = Vec::new();
        for _ in 0..trips {
            times.push(yard.ping().await);
        }
        // The next attempt is not to be beside those of this one.
        yard.executor.stop();
        yard.executor.exit().await.unwrap();
        times.sort();
        best = best.min(times[which]);
        if best <= BESIDE_MANY {
            return;
        }
    }
    panic!("the neighbour is held up: {best:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn hundreds_that_begin_to_compute_together() {
    beside_many(200, &["spin"], 5, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn guests_that_compute_at_every_second_turn() {
    beside_many(16, &["alternate"], 100, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn all_of_its_memory_filled_at_one_go() {
    let mut yard = Yard::open().await;
    // 128 MiB again and again, by one instruction.
    let fill = components::simple(
        "",
        "(drop (memory.grow (i32.const 2048)))
        (loop $again
            (memory.fill (i32.const 65536) (i32.const 1) (i32.const 134217728))
            (br $again))",
    );
    let spec = spec::TaskSpec {
        memory_bytes_max: 256 << 20,
        kill_grace_ms: 20,
        ..yard.agent.task_of("fills", &fill)
    };
    let status = yard.run(&spec, Fate::IsKilled).await;
    check(&status, TaskState::TaskKilled, "stopped by force");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn random_bytes_without_end() {
    let mut yard = Yard::open().await;
    let random = yard.deaf("random", &["random", "65536"]);
    let status = yard.run(&random, Fate::IsKilled).await;
    check(&status, TaskState::TaskKilled, "stopped by force");
    let beyond = yard.deaf("random-beyond", &["random", "65537"]);
    let status = yard.run(&beyond, Fate::Ends).await;
    check(
        &status,
        TaskState::TaskFailed,
        "random limit: one call gives 64 KiB at most",
    );
}

/// More of them than come to a turn within what one may rest; each ends by what it has computed.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn guests_that_wait_for_their_turn_are_not_idle() {
    const COUNT: usize = 100;
    let mut yard = Yard::open_before_begin(Agent::start_of(COUNT as u32 + 1).await).await;
    for number in 0..COUNT {
        let spec = spec::TaskSpec {
            cpu_time_max_ms: 12,
            idle_max_ms: 50,
            ..yard.agent.task(&format!("spins-{number}"), &["spin"])
        };
        yard.agent.launch(&spec);
    }
    let mut left = COUNT;
    let mut has_begun = false;
    let mut up = 0;
    while left > 0 {
        let (_, state, status) = yard.agent.next().await;
        match state {
            TaskState::TaskRunning => up += 1,
            _ => {
                check(&status, TaskState::TaskFailed, "CPU limit: ");
                left -= 1;
            }
        }
        if up == COUNT && !has_begun {
            yard.agent.begin().await;
            has_begun = true;
        }
    }
    yard.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn memory_without_end_again_and_again() {
    let mut yard = Yard::open().await;
    for round in 0..3 {
        let hogs: BTreeSet<_> = (0..5).map(|hog| format!("hog-{round}-{hog}")).collect();
        for hog in &hogs {
            yard.agent.launch(&yard.agent.task(hog, &["hog"]));
        }
        let mut left = hogs;
        while !left.is_empty() {
            yard.ping().await;
            match yard.agent.try_next() {
                Some(status) if status.state() == TaskState::TaskRunning => {}
                Some(status) => {
                    check(&status, TaskState::TaskFailed, "memory limit: ");
                    assert!(left.remove(&status.task_id.value), "{status:?}");
                }
                None => {}
            }
        }
    }
    let fork = components::simple("", "(loop (drop (memory.grow (i32.const 1))) (br 0))");
    let status = yard
        .run(&yard.agent.task_of("grows", &fork), Fate::Ends)
        .await;
    check(
        &status,
        TaskState::TaskFailed,
        "memory limit: 16.1 MiB were wanted, 16 MiB are allowed",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn deep_recursion() {
    let mut yard = Yard::open().await;
    let recurse = yard.agent.task("recurses", &["recurse"]);
    let status = yard.run(&recurse, Fate::Ends).await;
    check(&status, TaskState::TaskFailed, "descend");
    let bare = components::simple("(func $deeper (call $deeper))", "(call $deeper)");
    let status = yard
        .run(&yard.agent.task_of("recurses-bare", &bare), Fate::Ends)
        .await;
    check(&status, TaskState::TaskFailed, "call stack exhausted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_huge_message() {
    let mut yard = Yard::open().await;
    let shout = |yard: &Yard, bytes: usize| spec::TaskSpec {
        memory_bytes_max: 256 << 20,
        ..yard
            .agent
            .task(&format!("shouts-{bytes}"), &["shout", &bytes.to_string()])
    };
    let beyond = shout(&yard, (16 << 20) + 1);
    let status = yard.run(&beyond, Fate::Ends).await;
    check(
        &status,
        TaskState::TaskFailed,
        "larger than a channel carries",
    );
    // More than a call may make the host copy.
    let far_beyond = shout(&yard, 65 << 20);
    let status = yard.run(&far_beyond, Fate::Ends).await;
    check(
        &status,
        TaskState::TaskFailed,
        "copy limit: one call makes the host copy 64 MiB at most",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn resources_without_end() {
    let mut yard = Yard::open().await;
    let grab = yard.agent.task("grabs", &["grab"]);
    let status = yard.run(&grab, Fate::Ends).await;
    check(&status, TaskState::TaskFailed, "resource limit: ");
    assert_eq!(status.reason(), Reason::ContainerLimitation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_million_tiny_messages() {
    let mut yard = Yard::open().await;
    let (_outbox, inbox) = yard.agent.link.open("chatters").unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let drain = tokio::spawn(async move {
        loop {
            match inbox.recv_many(1024).await.len() {
                0 => return,
                some => counted.fetch_add(some as u64, Ordering::Relaxed),
            };
        }
    });
    let chatter = yard.deaf("chatters", &["chatter"]);
    yard.agent.launch(&chatter);
    let (_, state, _) = yard.agent.next().await;
    assert_eq!(state, TaskState::TaskRunning);
    while count.load(Ordering::Relaxed) < TINY_MESSAGES {
        yard.ping().await;
        assert_eq!(yard.agent.try_next(), None, "it goes on");
    }
    yard.agent.kill("chatters");
    let (_, state, status) = yard.agent.next().await;
    assert_eq!(state, TaskState::TaskKilled, "{status:?}");
    drain.await.unwrap();
    yard.ping().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_flood_of_output() {
    let mut yard = Yard::open().await;
    for how in [["flood"], ["gush"]] {
        let flood = yard.deaf(how[0], &how);
        let status = yard.run(&flood, Fate::IsKilled).await;
        check(&status, TaskState::TaskKilled, "stopped by force");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ways_out_of_its_folder() {
    let mut yard = Yard::open().await;
    let allow = spec::Allow {
        sandbox: true,
        sandbox_write: true,
        ..spec::Allow::default()
    };
    let escape = spec::TaskSpec {
        allow: Some(allow),
        ..yard.agent.task("escapes", &["escape"])
    };
    // Links that somebody has put there.
    let sandbox = yard.agent.sandbox().to_owned();
    let own = sandbox.join("tasks/escapes");
    fs::create_dir_all(&own).unwrap();
    for (target, link) in [("..", "up"), ("../..", "far"), ("../out", "file")] {
        symlink(target, own.join(link)).unwrap();
    }
    symlink(&sandbox, own.join("absolute")).unwrap();
    let secrets = ["tasks/secret", "secret"].map(|secret| sandbox.join(secret));
    for secret in &secrets {
        fs::write(secret, "not the guest's").unwrap();
    }
    let status = yard.run(&escape, Fate::Ends).await;
    check(&status, TaskState::TaskFinished, "");
    let names = |folder: std::path::PathBuf| {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<BTreeSet<_>>()
    };
    let expected = ["escapes", "secret"].map(str::to_owned);
    assert_eq!(names(sandbox.join("tasks")), expected.into());
    for name in ["out", "moved", "mine"] {
        assert!(!names(sandbox.clone()).contains(name), "{name}");
    }
    for secret in &secrets {
        assert_eq!(fs::metadata(secret).unwrap().nlink(), 1, "{secret:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sockets_that_are_not_granted() {
    let mut yard = Yard::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ways = [
        ("connects", ["connect", &address]),
        ("listens", ["listen", "127.0.0.1:0"]),
        ("sends", ["datagram", &address]),
    ];
    for (name, args) in ways {
        let (_outbox, inbox) = yard.agent.link.open(name).unwrap();
        let status = yard.run(&yard.agent.task(name, &args), Fate::Ends).await;
        check(&status, TaskState::TaskFinished, "");
        let told = inbox.recv().await.unwrap();
        assert_eq!(told, "PermissionDenied", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn components_of_thousands_of_instances() {
    let mut yard = Yard::open().await;
    for (name, bytes, text) in [
        (
            "many",
            components::of_instances(900),
            "instance limit: 257 were wanted, 256 are allowed",
        ),
        (
            "too-many",
            components::of_instances(1100),
            "instances count exceeds limit of 1000",
        ),
        // A thousand bytes that ask for 10^30 instances.
        (
            "nested",
            components::nested(30, 10),
            "parts of components, at most 200000 are compiled",
        ),
        (
            "deep",
            components::nested(40, 1),
            "components within each other",
        ),
    ] {
        let status = yard
            .run(&yard.agent.task_of(name, &bytes), Fate::Ends)
            .await;
        check(&status, TaskState::TaskFailed, text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn modules_that_take_long_to_compile() {
    let mut yard = Yard::open().await;
    let dear = components::dear(200, 2000);
    let status = yard
        .run(&yard.agent.task_of("dear", &dear), Fate::Ends)
        .await;
    check(&status, TaskState::TaskFinished, "");
    let too_dear = components::dear(1000, 10_000);
    let status = yard
        .run(&yard.agent.task_of("too-dear", &too_dear), Fate::Ends)
        .await;
    let text = "branches times variables in one function, at most 4194304 are compiled";
    check(&status, TaskState::TaskFailed, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn modules_that_are_truncated_or_have_bits_flipped() {
    let mut yard = Yard::open().await;
    let whole = components::simple("(data (i32.const 0) \"doors\")", "(drop (i32.const 7))");
    let mut random = fastrand::Rng::with_seed(6);
    let mut damaged: Vec<Vec<u8>> = (0..16)
        .map(|part| whole[..whole.len() * part / 16].to_vec())
        .collect();
    for _ in 0..48 {
        let mut bytes = whole.clone();
        let at = random.usize(..bytes.len());
        bytes[at] ^= 1 << random.u8(..8);
        damaged.push(bytes);
    }
    let mut large = guests::task().to_vec();
    let at = random.usize(8..large.len());
    large[at] ^= 1;
    damaged.push(large);
    for (number, bytes) in damaged.iter().enumerate() {
        let spec = spec::TaskSpec {
            cpu_time_max_ms: 100,
            idle_max_ms: 1000,
            ..yard.agent.task_of(&format!("damaged-{number}"), bytes)
        };
        let status = yard.run(&spec, Fate::Ends).await;
        let is_fault = status.message().contains("the executor failed");
        assert!(!is_fault, "{number}: {status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_of_compiled_code_that_were_tampered_with() {
    let folder = tempfile::tempdir().unwrap();
    let good = components::simple("", "(drop (i32.const 7))");
    let mut random = fastrand::Rng::with_seed(6);
    let mut changed = BTreeMap::new();
    for round in 0..6 {
        let mut agent = Agent::start().await;
        agent.keeps(CompiledCache::open(folder.path(), u64::MAX).unwrap());
        let mut yard = Yard::open_with(agent).await;
        let status = yard
            .run(&yard.agent.task_of("kept", &good), Fate::Ends)
            .await;
        check(&status, TaskState::TaskFinished, "");
        for file in files(folder.path()) {
            let mut bytes = fs::read(&file).unwrap();
            // What was changed was not loaded: else it would be there still. Any key is one.
            let is_as_changed = changed.get(&file) == Some(&bytes);
            let is_module = !bytes.is_empty() && !file.ends_with("key");
            assert!(!is_module || !is_as_changed, "{round}: {file:?}");
            match round {
                0 => bytes.truncate(bytes.len() / 2),
                1 => bytes.clear(),
                // Such as those that are only locked.
                _ if bytes.is_empty() => {}
                _ => {
                    let at = random.usize(..bytes.len());
                    bytes[at] ^= 1 << random.u8(..8);
                }
            }
            fs::write(&file, &bytes).unwrap();
            changed.insert(file, bytes);
        }
        assert!(changed.len() > 1, "a key and a module are kept");
    }
}

/// All files below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// What a guest gives to the host is not what it says it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_that_point_to_nowhere() {
    let mut yard = Yard::open().await;
    for (name, body) in [
        ("far", "(return (i32.const 0xfffffff0))"),
        ("crooked", "(return (i32.const 3))"),
        (
            "huge",
            "(i32.store (i32.const 0) (i32.const 1)) (i32.store (i32.const 8) (i32.const -1))",
        ),
        ("case", "(i32.store (i32.const 0) (i32.const 9))"),
    ] {
        let bytes = components::simple("", body);
        let status = yard
            .run(&yard.agent.task_of(name, &bytes), Fate::Ends)
            .await;
        assert_eq!(status.state(), TaskState::TaskFailed, "{name}: {status:?}");
        assert!(status.message().len() > 10, "{name}: {status:?}");
    }
}
