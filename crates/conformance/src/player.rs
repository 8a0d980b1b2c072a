//! One recording from start to end.
//!
//! The lines are followed one after the other. What was sent is sent, after the pause that was
//! recorded; what came has to come. So events are waited for before what was done after them is
//! done, and nothing has to be known about why.

mod accounts;
mod answer;
mod note;
mod offers;
mod peer;
mod request;
pub(crate) mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use local_cluster::{LocalCluster, StartError};
use tokio::time::Instant;

use crate::compare::{Difference, compare};
use crate::event::Event;
use crate::executor::Executor;
use crate::known::CHANCES;
use crate::mapping::Mapping;
use crate::protobuf;
use crate::recording::{Chunk, Head, Line, Recording, Request, What};
use crate::target::Target;
use crate::wire::{Connection, End};
use accounts::{Accounts, Amounts};
use note::Action;
use peer::Peer;
use scene::Cast;

/// What came of a recording.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What differs, in the order of the recording.
    pub differences: Vec<Found>,
    /// How many lines were followed.
    pub lines: usize,
    /// Why the rest was not, if it was not.
    pub stopped: Option<String>,
}

/// A difference, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The line of the recording; 0 for what came and was not recorded.
    pub line: usize,
    /// The field, or what else differs.
    pub path: String,
    /// What was recorded, and what is here.
    pub text: String,
}

/// How long what was recorded may take, beyond the time that it took then. The machine may be
/// busy; what takes this long does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two attempts, as recorded.
const ATTEMPTS_EVERY: Duration = Duration::from_millis(5);

/// What comes this long after the last line is no more looked at.
const AFTERMATH: Duration = Duration::from_millis(200);

/// With so many differences the rest follows from them.
const DIFFERENCES_MAX: usize = 200;

/// Plays a recording to a cluster; `work_dir` is the one of a real agent.
pub async fn play(
    recording: &Recording,
    target: &mut Target,
    work_dir: Option<&PathBuf>,
) -> Outcome {
    let mut player = Player {
        mapping: target.mapping(work_dir),
        target,
        peers: BTreeMap::new(),
        processes: BTreeMap::new(),
        cast: None,
        sandbox: scene::sandbox(recording),
        left_out: Vec::new(),
        used_offers: BTreeSet::new(),
        recorded_offers: BTreeMap::new(),
        total: None,
        leaves_out_offers: note::leaves_out_offers(&recording.lines),
        leaves_out_requests: note::leaves_out_requests(&recording.lines),
        repeats: false,
        is_left_to_chance: CHANCES.iter().any(|name| recording.name.starts_with(name)),
        outcome: Outcome::default(),
        last: Instant::now(),
        last_at_ms: 0.0,
    };
    for flag in player.target.lacking.clone() {
        player.add(1, "flag", format!("`{flag}` is not understood"));
    }
    for (index, line) in recording.lines.iter().enumerate() {
        player
            .play_scene(&recording.name, line.number, line.at_ms)
            .await;
        if player.outcome.stopped.is_some() {
            return player.outcome;
        }
        player.follow(line, &recording.lines[index + 1..]).await;
        if player.outcome.differences.len() >= DIFFERENCES_MAX {
            player.outcome.stopped = Some("too many differences".to_owned());
        }
        if player.outcome.stopped.is_some() {
            return player.outcome;
        }
        player.outcome.lines += 1;
        player.last = Instant::now();
        player.last_at_ms = line.at_ms;
    }
    player.finish().await;
    player.outcome
}

struct Player<'a> {
    target: &'a mut Target,
    mapping: Mapping,
    peers: BTreeMap<String, Peer>,
    /// Executor processes by their name in the recording.
    processes: BTreeMap<String, Executor>,
    /// The framework and its executor, where the recording does not show them.
    cast: Option<Cast>,
    /// The sandbox of their executor, as the recording names it.
    sandbox: Option<String>,
    /// Kinds of records that were left out of the recording, with their connection.
    left_out: Vec<(String, String)>,
    /// Offers of here that were accepted or declined where it is chance which they are.
    used_offers: BTreeSet<String>,
    /// What is out in offers in the recording, by stream.
    recorded_offers: BTreeMap<String, Accounts>,
    /// What the first of them held, which is all that there is.
    total: Option<Amounts>,
    leaves_out_offers: bool,
    leaves_out_requests: bool,
    /// Whether requests are made again until they are answered as recorded: how long a process
    /// takes to come up is its own matter.
    repeats: bool,
    /// Whether it is chance what offers hold.
    is_left_to_chance: bool,
    outcome: Outcome,
    /// When the last line was done, here and then.
    last: Instant,
    last_at_ms: f64,
}

impl Player<'_> {
    async fn follow(&mut self, line: &Line, following: &[Line]) {
        let differences = match &line.what {
            What::Request(request) => {
                // The recorded time between attempts is how long that process took to start.
                if !self.repeats {
                    self.pause(line).await;
                }
                self.send(line, request).await
            }
            What::Head(head) => self.compare_head(line, head).await,
            What::Chunk(chunk) => self.compare_chunk(line, chunk).await,
            What::End(how) => self.compare_end(line, how).await,
            What::Hangup(how) => {
                self.pause(line).await;
                self.hang_up(&line.connection, how).await
            }
            What::Process(process) => self.compare_process(line, process).await,
            What::Note(note) => self.obey(line, note, following).await,
            // Masters of the embedded cluster elect among themselves here.
            What::Frame => Vec::new(),
        };
        for Difference { path, text } in differences {
            self.add(line.number, &path, text);
        }
    }

    /// Waits as long as the recorded client did.
    async fn pause(&self, line: &Line) {
        tokio::time::sleep_until(self.last + self.gap(line)).await;
    }

    fn gap(&self, line: &Line) -> Duration {
        Duration::from_secs_f64((line.at_ms - self.last_at_ms).max(0.0) / 1000.0)
    }

    fn deadline(&self, line: &Line) -> Instant {
        self.last + self.gap(line) + PATIENCE
    }

    async fn send(&mut self, line: &Line, request: &Request) -> Vec<Difference> {
        let name = &line.connection;
        if !self.peers.contains_key(name) {
            let Some(address) = self.target.address(request.port) else {
                return self.stop(&format!("no server at port {}", request.port));
            };
            let connection = match self.target.domain_socket(request) {
                Some(path) => Connection::open_unix(&path).await,
                None => Connection::open(address).await,
            };
            match connection {
                Ok(connection) => drop(self.peers.insert(name.clone(), Peer::new(connection))),
                Err(error) => return one("connection", error.to_string()),
            }
        }
        let recorded = offers::offer_ids(&request.body);
        let request = &self.with_offers(name, request).await;
        let whole = match &request.cut {
            Some(cut) => match cut.whole(&self.executor_of(&cut.begin), &mut self.mapping) {
                Some(whole) => Some(whole),
                None => return self.stop("a body that was cut"),
            },
            None => None,
        };
        let here = offers::offer_ids(&request.body).into_iter();
        let here: Vec<_> = here.map(|id| self.mapping.here(&id)).collect();
        let accounts = self.recorded_offers.values_mut();
        accounts.for_each(|accounts| accounts.remove(&recorded));
        let peers = self.peers.values_mut();
        peers.for_each(|peer| peer.accounts.remove(&here));
        // A length that was right is right for what was added, too.
        let bytes = request::bytes(request, whole, &mut self.mapping);
        let Some(peer) = self.peers.get_mut(name) else {
            return Vec::new();
        };
        if let Some(api) = request::api(request) {
            peer.message = api.event;
            peer.response = api.response;
        }
        match peer.send(&request.method, &bytes).await {
            Ok(()) => Vec::new(),
            Err(error) => one("connection", error.to_string()),
        }
    }

    /// The id of the executor that runs for the framework which a body names.
    fn executor_of(&mut self, body: &[u8]) -> String {
        let body = self.mapping.here(&String::from_utf8_lossy(body));
        let variable = |executor: &Executor, name: &str| {
            let value = executor.process["env"][name].as_str();
            value.unwrap_or_default().to_owned()
        };
        let mut executors = self.processes.values();
        let own = executors.find(|it| body.contains(&variable(it, "MESOS_FRAMEWORK_ID")));
        own.map(|it| variable(it, "MESOS_EXECUTOR_ID"))
            .unwrap_or_default()
    }

    async fn compare_head(&mut self, line: &Line, recorded: &Head) -> Vec<Difference> {
        let deadline = self.deadline(line);
        let Some(peer) = self.peers.get_mut(&line.connection) else {
            return one("connection", "none".to_owned());
        };
        if self.leaves_out_requests && !peer.is_waiting() && !peer.has_head() {
            return Vec::new();
        }
        loop {
            let Some(head) = peer.head(deadline).await else {
                return one("answer", "none".to_owned());
            };
            // 404 comes in the first milliseconds of a process, or not at all.
            let is_awaited = self.repeats && recorded.status != 404;
            if !is_awaited || head.status == recorded.status || Instant::now() >= deadline {
                let (response, mapping) = (peer.response, &mut self.mapping);
                return answer::compare_heads(recorded, &head, response, mapping);
            }
            tokio::time::sleep(ATTEMPTS_EVERY).await;
            if let Err(error) = peer.send_again().await {
                return one("connection", error.to_string());
            }
        }
    }

    async fn compare_chunk(&mut self, line: &Line, recorded: &Chunk) -> Vec<Difference> {
        let deadline = self.deadline(line);
        let Some(peer) = self.peers.get_mut(&line.connection) else {
            return one("connection", "none".to_owned());
        };
        if let Some(cut) = &recorded.cut {
            return match peer.large(deadline).await {
                Some(here) => cut.compare(&here.begin, here.length, &mut self.mapping),
                None => one("missing", format!("a record of {} bytes", cut.length)),
            };
        }
        let event = match &recorded.decoded {
            Some(decoded) => Ok(Event::new(protobuf::with_doubles(decoded))),
            None => Event::read(&recorded.body, "", false),
        };
        match event {
            Ok(event) => {
                let accounts = self.recorded_offers.entry(line.connection.clone());
                let accounts = accounts.or_default();
                accounts.note(&event);
                if self.is_left_to_chance && event.subject.kind == "OFFERS" {
                    let sum = accounts.sum();
                    let total = self.total.get_or_insert_with(|| sum.clone());
                    return peer
                        .offers_left_to_chance(&event, &sum, total, &mut self.mapping, deadline)
                        .await;
                }
                peer.event(&event, &mut self.mapping, deadline).await
            }
            Err(fault) => one("recording", fault),
        }
    }

    async fn compare_end(&mut self, line: &Line, how: &str) -> Vec<Difference> {
        let deadline = self.deadline(line);
        let recorded = match how {
            "last chunk (0)" => End::LastChunk,
            "connection reset" => End::Reset,
            _ => End::Closed,
        };
        let Some(peer) = self.peers.get_mut(&line.connection) else {
            return one("connection", "none".to_owned());
        };
        let here = peer.end(deadline).await;
        if matches!(here, Some(End::Closed | End::Reset)) {
            // The next request opens another.
            let rest = peer.rest(Instant::now()).await;
            self.peers.remove(&line.connection);
            self.extra(&line.connection, rest);
        }
        match here {
            Some(here) if here == recorded => Vec::new(),
            here => one("end", format!("recorded {recorded:?}, here {here:?}")),
        }
    }

    async fn hang_up(&mut self, name: &str, how: &str) -> Vec<Difference> {
        if how.starts_with("client half-close") {
            if let Some(peer) = self.peers.get_mut(name)
                && let Err(error) = peer.connection.half_close().await
            {
                return one("connection", error.to_string());
            }
            return Vec::new();
        }
        let Some(mut peer) = self.peers.remove(name) else {
            return Vec::new();
        };
        let rest = peer.rest(Instant::now()).await;
        self.extra(name, rest);
        if how.contains("RST")
            && let Err(error) = peer.connection.reset()
        {
            return one("connection", error.to_string());
        }
        Vec::new()
    }

    async fn compare_process(
        &mut self,
        line: &Line,
        recorded: &serde_json::Value,
    ) -> Vec<Difference> {
        let executor_id = recorded["env"]["MESOS_EXECUTOR_ID"].as_str();
        let next = self
            .target
            .executors
            .next(executor_id.unwrap_or_default(), self.deadline(line));
        let Some(executor) = next.await else {
            return one("process", "not started".to_owned());
        };
        let differences = compare(recorded, &executor.process, &mut self.mapping);
        self.processes.insert(line.connection.clone(), executor);
        differences
    }

    async fn obey(&mut self, line: &Line, note: &str, following: &[Line]) -> Vec<Difference> {
        self.repeats &= note.starts_with("attempt: ");
        match note::action(note) {
            Action::Nothing => {}
            Action::LeftOut(kind) => self.left_out.push((line.connection.clone(), kind)),
            Action::End(ending) => {
                self.pause(line).await;
                let name = note::next_to_end(following).unwrap_or_default();
                let Some(process) = self.processes.get_mut(name) else {
                    return one("process", format!("`{name}` was not started"));
                };
                if let Err(error) = process.end(ending).await {
                    return one("process", error.to_string());
                }
            }
            Action::Ended => return self.compare_ended(line).await,
            action @ (Action::StopAgent
            | Action::StartAgent
            | Action::StartAgentAnew
            | Action::FreezeAgent
            | Action::ThawAgent
            | Action::RemoveAgent
            | Action::KillMaster
            | Action::StartMaster) => {
                self.pause(line).await;
                let Some(cluster) = self.target.cluster() else {
                    return self.stop("the agent of a real cluster is left alone");
                };
                if let Err(error) = obey_for_agent(&action, cluster).await {
                    return one("agent", error.to_string());
                }
            }
            Action::Repeat => self.repeats = true,
            Action::AddAgent => {
                self.pause(line).await;
                match self.target.add_agent().await {
                    Ok(true) => {}
                    Ok(false) => return self.stop("a real cluster is given no other agent"),
                    Err(error) => return one("agent", error.to_string()),
                }
            }
            Action::Impossible => return self.stop(note),
        }
        Vec::new()
    }

    /// An executor process has ended, and with it its connections.
    async fn compare_ended(&mut self, line: &Line) -> Vec<Difference> {
        let deadline = self.deadline(line);
        let name = &line.connection;
        let Some(mut process) = self.processes.remove(name) else {
            return one("process", format!("`{name}` was not started"));
        };
        if !process.has_ended(deadline).await {
            return one("process", "has not ended".to_owned());
        }
        let of_process = format!("{name}-");
        self.peers.retain(|name, _| !name.starts_with(&of_process));
        Vec::new()
    }

    async fn finish(&mut self) {
        let deadline = Instant::now() + AFTERMATH;
        for (name, mut peer) in std::mem::take(&mut self.peers) {
            let rest = peer.rest(deadline).await;
            self.extra(&name, rest);
        }
    }

    /// Notes what came and was not recorded.
    fn extra(&mut self, connection: &str, kinds: Vec<String>) {
        for kind in kinds {
            let is_of_offers = matches!(kind.as_str(), "OFFERS" | "RESCIND");
            let is_answer = kind.starts_with("answer");
            if is_of_offers && self.has_loose_offers() || is_answer && self.leaves_out_requests {
                continue;
            }
            let is_left_out =
                |(name, known): &(String, String)| name == connection && *known == kind;
            if !self.left_out.iter().any(is_left_out) {
                self.add(
                    0,
                    &format!("{connection} {kind}"),
                    "not recorded".to_owned(),
                );
            }
        }
    }

    fn stop(&mut self, reason: &str) -> Vec<Difference> {
        self.outcome.stopped = Some(reason.to_owned());
        one("stopped", reason.to_owned())
    }

    fn add(&mut self, line: usize, path: &str, text: String) {
        self.outcome.differences.push(Found {
            line,
            path: path.to_owned(),
            text,
        });
    }
}

/// Does to the agent what a note says.
async fn obey_for_agent(action: &Action, cluster: &mut LocalCluster) -> Result<(), StartError> {
    match action {
        Action::StopAgent => cluster.stop_agent(0).await,
        Action::StartAgent => cluster.start_agent(0).await?,
        Action::StartAgentAnew => cluster.start_agent_anew(0).await?,
        Action::FreezeAgent => cluster.freeze_agent(0).await,
        Action::ThawAgent => cluster.thaw_agent(0).await,
        Action::RemoveAgent => cluster.remove_agent(0).await,
        Action::KillMaster => cluster.kill_master(0).await,
        Action::StartMaster => cluster.start_master(0).await?,
        _ => {}
    }
    Ok(())
}

fn one(path: &str, text: String) -> Vec<Difference> {
    let path = path.to_owned();
    vec![Difference { path, text }]
}
