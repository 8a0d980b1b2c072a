//! Two ends of a link and the network between them, in virtual time.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::wire::{Frame, Kind};
use mesosgot_channel::{Config, FrameError, LinkEnd, Output, Path, Role};
use prost::Message as _;

/// The ends by index.
pub(crate) const SCHEDULER: usize = 0;
pub(crate) const EXECUTOR: usize = 1;

/// What the network does to framework messages. A direct path loses nothing until it is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faults {
    /// The part that is lost.
    pub(crate) loss: f64,
    /// The part that arrives twice.
    pub(crate) duplication: f64,
    /// A frame takes up to so much more than the latency. Frames overtake each other by it.
    pub(crate) jitter: Duration,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        loss: 0.0,
        duplication: 0.0,
        jitter: Duration::ZERO,
    };
}

/// Two ends of a link and the network between them.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) ends: [LinkEnd; 2],
    pub(crate) outputs: [VecDeque<Output>; 2],
    pub(crate) faults: Faults,
    /// So many of the next frames of an end are lost.
    pub(crate) lose_next: [usize; 2],
    /// Framework messages are lost until then, all of them.
    pub(crate) away_until: Instant,
    /// How long a frame takes at least.
    pub(crate) latency: Duration,
    /// What happened, line by line; left out when many things happen.
    pub(crate) transcript: String,
    pub(crate) has_transcript: bool,
    pub(crate) rng: fastrand::Rng,
    start: Instant,
    configs: [Config; 2],
    incarnations: [u64; 2],
    travelling: Vec<Travelling>,
    /// The number of the direct connection, and whether it is up.
    connection: (u64, bool),
    /// The connection that each end knows.
    connected: [u64; 2],
    /// Who is to move, when, and to which path.
    moves: [Option<(Instant, Path)>; 2],
}

struct Travelling {
    due: Instant,
    to: usize,
    path: Path,
    frame: Bytes,
}

impl Pair {
    pub(crate) fn new(configs: [Config; 2], faults: Faults, seed: u64) -> Self {
        let start = Instant::now();
        let [scheduler, executor] = configs.clone();
        Self {
            now: start,
            ends: [
                LinkEnd::new(Role::Scheduler, 0xa, scheduler),
                LinkEnd::new(Role::Executor, 0xb, executor),
            ],
            outputs: [VecDeque::new(), VecDeque::new()],
            faults,
            lose_next: [0, 0],
            away_until: start,
            latency: Duration::from_millis(1),
            transcript: String::new(),
            has_transcript: true,
            rng: fastrand::Rng::with_seed(seed),
            start,
            configs,
            incarnations: [0xa, 0xb],
            travelling: Vec::new(),
            connection: (0, true),
            connected: [0, 0],
            moves: [None, None],
        }
    }

    /// A link with the same configuration at both ends and a network without faults.
    pub(crate) fn faultless(config: Config) -> Self {
        Self::new([config.clone(), config], Faults::NONE, 0)
    }

    /// Lets time pass, and everything happen that is due meanwhile.
    pub(crate) fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.drain();
    }

    /// Lets time pass until the next thing happens; answers false if that is later than `until`.
    /// What comes of it is in `outputs`; frames are asked for with the next step.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        self.drain();
        let frames = self.travelling.iter().map(|frame| frame.due);
        let timeouts = self.ends.iter().filter_map(LinkEnd::poll_timeout);
        let moves = self.moves.iter().flatten().map(|(due, _)| *due);
        let next = frames.chain(timeouts).chain(moves).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
        for end in 0..2 {
            if let Some((_, path)) = self.moves[end].take_if(|(due, _)| *due <= self.now) {
                self.move_to(end, path);
            }
        }
        self.deliver();
        for end in 0..2 {
            self.drain_outputs(end);
        }
        true
    }

    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.advance(Duration::from_millis(ms));
    }

    /// An end moves to another path. What is on its way still arrives.
    pub(crate) fn move_to(&mut self, end: usize, path: Path) {
        self.note(end, &format!("moves to {path:?}"));
        self.connected[end] = self.connection.0;
        self.ends[end].move_to(self.now, path);
    }

    /// The direct connection breaks, and what is on it is lost. The ends notice it some time later,
    /// each at its own.
    pub(crate) fn cut(&mut self, notice: [Duration; 2]) {
        self.connection.1 = false;
        self.travelling.retain(|frame| frame.path != Path::Direct);
        self.moves = notice.map(|after| Some((self.now + after, Path::Messages)));
    }

    /// There is a new direct connection, and each end moves to it some time later.
    pub(crate) fn connect(&mut self, notice: [Duration; 2]) {
        self.cut([Duration::ZERO; 2]);
        self.connection = (self.connection.0 + 1, true);
        self.moves = notice.map(|after| Some((self.now + after, Path::Direct)));
    }

    /// An end begins another life. Its old frames are still on their way, but no greetings: those
    /// of an earlier executor never reach the link of a later one, for they are told apart by
    /// their ids.
    pub(crate) fn restart(&mut self, end: usize) {
        self.incarnations[end] += 0x10;
        let role = [Role::Scheduler, Role::Executor][end];
        let config = self.configs[end].clone();
        self.ends[end] = LinkEnd::new(role, self.incarnations[end], config);
        self.outputs[end].clear();
        self.moves[end] = None;
        let executor = self.incarnations[EXECUTOR];
        self.travelling.retain(|travelling| {
            let frame = Frame::decode(travelling.frame.clone()).unwrap();
            frame.to.is_some() || frame.from == executor
        });
    }

    pub(crate) fn incarnation(&self, end: usize) -> u64 {
        self.incarnations[end]
    }

    /// Gives all that is due to the applications and to the network.
    pub(crate) fn drain(&mut self) {
        for end in 0..2 {
            loop {
                self.drain_outputs(end);
                let promised = self.ends[end].has_frame();
                match self.ends[end].poll_frame(self.now) {
                    Some(frame) => self.transmit(end, frame),
                    None => {
                        assert!(!promised || !self.ends[end].has_frame(), "no progress");
                        break;
                    }
                }
            }
        }
    }

    fn drain_outputs(&mut self, end: usize) {
        while let Some(output) = self.ends[end].poll_output() {
            if self.has_transcript {
                self.note(end, &describe_output(&output));
            }
            self.outputs[end].push_back(output);
        }
    }

    /// Notes a line of the transcript.
    pub(crate) fn note(&mut self, end: usize, text: &str) {
        let ms = (self.now - self.start).as_millis();
        let name = ["scheduler", "executor"][end];
        writeln!(self.transcript, "{ms:<5} {name:<9} {text}").unwrap();
    }

    fn transmit(&mut self, from: usize, frame: Bytes) {
        let frame_bytes_max = self.configs[from].frame_bytes_max;
        assert!(frame.len() <= frame_bytes_max, "frame too large");
        let path = self.ends[from].path();
        if path == Path::Messages && self.configs[from].direct_only {
            let frame = Frame::decode(frame.clone()).unwrap();
            assert_eq!(
                (frame.sequence, frame.records),
                (0, vec![]),
                "data by message"
            );
        }
        let is_lost = self.is_lost(from, path);
        if self.has_transcript {
            let decoded = Frame::decode(frame.clone()).unwrap();
            let lost = if is_lost { " LOST" } else { "" };
            self.note(from, &format!("► {}{lost}", describe_frame(&decoded)));
        }
        if is_lost {
            return;
        }
        let (copies, jitter) = match path {
            Path::Messages => {
                let is_double = self.rng.f64() < self.faults.duplication;
                (1 + usize::from(is_double), self.faults.jitter)
            }
            Path::Direct => (1, Duration::ZERO),
        };
        for _ in 0..copies {
            let jitter = jitter.mul_f64(self.rng.f64());
            self.travelling.push(Travelling {
                due: self.now + self.latency + jitter,
                to: 1 - from,
                path,
                frame: frame.clone(),
            });
        }
    }

    fn is_lost(&mut self, from: usize, path: Path) -> bool {
        if self.lose_next[from] > 0 {
            self.lose_next[from] -= 1;
            return true;
        }
        match path {
            Path::Messages => self.now < self.away_until || self.rng.f64() < self.faults.loss,
            Path::Direct => self.connection != (self.connected[from], true),
        }
    }

    fn deliver(&mut self) {
        let due = |frame: &mut Travelling| frame.due <= self.now;
        let mut arrived: Vec<_> = self.travelling.extract_if(.., due).collect();
        arrived.sort_by_key(|frame| frame.due);
        for Travelling { to, frame, .. } in arrived {
            match self.ends[to].handle_frame(self.now, frame) {
                Ok(()) => {}
                // From before a restart, or from one of which this end does not know yet.
                Err(FrameError::OtherIncarnation { .. }) if self.incarnations != [0xa, 0xb] => {}
                Err(error) => panic!("frame refused: {error:?}"),
            }
        }
    }
}

fn describe_output(output: &Output) -> String {
    match output {
        Output::Linked { peer } => format!("linked to {peer:#x}"),
        Output::Told { notice } => format!("told {notice:?}"),
        Output::Offered { name, .. } => format!("offered `{name}`"),
        Output::Message { data, .. } if data.len() > 20 => format!("message of {}", data.len()),
        Output::Message { data, .. } => format!("message {data:?}"),
        Output::Closed { .. } => "closed".to_owned(),
        Output::Stopped { untaken, .. } => format!("stopped, {untaken} untaken"),
        Output::Writable { .. } => "writable".to_owned(),
        Output::Released { .. } => "released".to_owned(),
    }
}

fn describe_frame(frame: &Frame) -> String {
    let mut text = match (frame.to, frame.sequence) {
        (None, _) => "greeting".to_owned(),
        (_, 0) => format!("ack {}", frame.acknowledged),
        (_, sequence) => format!("frame {sequence}, ack {}", frame.acknowledged),
    };
    if frame.held > 0 {
        write!(text, " holding {:b}", frame.held).unwrap();
    }
    if frame.ack_wanted {
        text.push_str(", ack wanted");
    }
    if frame.notice_seen > 0 && frame.sequence == 0 {
        write!(text, ", notice {} seen", frame.notice_seen).unwrap();
    }
    if let Some(notice) = &frame.notice {
        write!(text, " | notice {}", notice.number).unwrap();
    }
    for record in &frame.records {
        text.push_str(" | ");
        text.push_str(&describe_record(record.kind.as_ref().unwrap()));
    }
    text
}

fn describe_record(kind: &Kind) -> String {
    match kind {
        Kind::Open(open) => format!("open {} `{}`", open.channel, open.name),
        Kind::Data(data) => format!("data {} ×{}", data.channel, data.messages.len()),
        Kind::Piece(piece) => match piece.total_bytes {
            0 => format!("piece {} {}", piece.channel, piece.data.len()),
            total => format!("piece {} {} of {total}", piece.channel, piece.data.len()),
        },
        Kind::Close(close) => format!("close {}", close.channel),
        Kind::Credit(credit) => {
            format!(
                "credit {} {}/{}",
                credit.channel, credit.messages, credit.bytes
            )
        }
        Kind::Stop(stop) => format!("stop {} after {}", stop.channel, stop.messages),
    }
}
