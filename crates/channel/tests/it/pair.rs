//! Two ends of a link and the network between them, in virtual time.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::wire::{Frame, Kind};
use mesosgot_channel::{Config, LinkEnd, Output, Path, Role};
use prost::Message as _;

/// The ends by index.
pub(crate) const SCHEDULER: usize = 0;
pub(crate) const EXECUTOR: usize = 1;

/// What the network does to frames.
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
    /// How long a frame takes at least.
    pub(crate) latency: Duration,
    /// What happened, line by line; left out when many things happen.
    pub(crate) transcript: String,
    pub(crate) has_transcript: bool,
    pub(crate) rng: fastrand::Rng,
    start: Instant,
    frame_bytes_max: [usize; 2],
    travelling: Vec<Travelling>,
}

struct Travelling {
    due: Instant,
    to: usize,
    frame: Bytes,
}

impl Pair {
    pub(crate) fn new(configs: [Config; 2], faults: Faults, seed: u64) -> Self {
        let start = Instant::now();
        let frame_bytes_max = [0, 1].map(|end| configs[end].frame_bytes_max);
        let [scheduler, executor] = configs;
        Self {
            now: start,
            ends: [
                LinkEnd::new(Role::Scheduler, 0xa, scheduler),
                LinkEnd::new(Role::Executor, 0xb, executor),
            ],
            outputs: [VecDeque::new(), VecDeque::new()],
            faults,
            lose_next: [0, 0],
            latency: Duration::from_millis(1),
            transcript: String::new(),
            has_transcript: true,
            rng: fastrand::Rng::with_seed(seed),
            start,
            frame_bytes_max,
            travelling: Vec::new(),
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
        let next = frames.chain(timeouts).min();
        let Some(next) = next.filter(|next| *next <= until) else {
            self.now = until;
            return false;
        };
        self.now = self.now.max(next);
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
        self.ends[end].move_to(self.now, path);
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
        assert!(frame.len() <= self.frame_bytes_max[from], "frame too large");
        let is_lost = self.lose_next[from] > 0 || self.rng.f64() < self.faults.loss;
        self.lose_next[from] = self.lose_next[from].saturating_sub(1);
        if self.has_transcript {
            let decoded = Frame::decode(frame.clone()).unwrap();
            let lost = if is_lost { " LOST" } else { "" };
            self.note(from, &format!("► {}{lost}", describe_frame(&decoded)));
        }
        if is_lost {
            return;
        }
        let copies = 1 + usize::from(self.rng.f64() < self.faults.duplication);
        for _ in 0..copies {
            let jitter = self.faults.jitter.mul_f64(self.rng.f64());
            self.travelling.push(Travelling {
                due: self.now + self.latency + jitter,
                to: 1 - from,
                frame: frame.clone(),
            });
        }
    }

    fn deliver(&mut self) {
        let due = |frame: &mut Travelling| frame.due <= self.now;
        let mut arrived: Vec<_> = self.travelling.extract_if(.., due).collect();
        arrived.sort_by_key(|frame| frame.due);
        for Travelling { to, frame, .. } in arrived {
            self.ends[to].handle_frame(self.now, frame).unwrap();
        }
    }
}

fn describe_output(output: &Output) -> String {
    match output {
        Output::Linked { peer } => format!("linked to {peer:#x}"),
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
