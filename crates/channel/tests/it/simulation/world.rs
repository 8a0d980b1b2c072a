//! Two ends with applications, a network and accidents, all by one seed.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::{ChannelId, Config, Output, SendError, Window};

use super::Happened;
use super::model::{Notices, Stream};
use crate::pair::{EXECUTOR, Faults, Pair, SCHEDULER};

/// A pair with applications that do random things.
pub(super) struct World {
    pair: Pair,
    windows: [Window; 2],
    /// By end and name; the names are those of the channels' numbers at both ends.
    ids: [BTreeMap<usize, ChannelId>; 2],
    names: [BTreeMap<ChannelId, usize>; 2],
    /// Channels that an end knows nothing of any more.
    released: [HashSet<ChannelId>; 2],
    streams: [BTreeMap<usize, Stream>; 2],
    notices: [Notices; 2],
    largest: usize,
    next_byte: u8,
    /// The executor that the scheduler is linked to.
    peer: Option<u64>,
    /// When the scheduler notices that the executor has restarted; until then the executor's
    /// applications do nothing.
    notices_at: Option<Instant>,
    /// Only the direct path carries messages; that is checked frame by frame, where they are
    /// transmitted.
    direct_only: bool,
    happened: Happened,
}

const CHANNELS: usize = 3;

/// Random acts of a run: enough for several moves and restarts among some hundred messages.
const ACTS: usize = 150;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let direct_only = rng.u32(0..6) == 0;
        let mut config = || Config {
            window: Window {
                messages: rng.u32(1..=8),
                bytes: rng.u64(1..=4000),
            },
            frame_bytes_max: rng.usize(1024..=3000),
            frames_in_flight_max: rng.usize(1..=8),
            direct_only,
        };
        let configs = [config(), config()];
        let windows = [configs[0].window, configs[1].window];
        let faults = Faults {
            loss: rng.f64() * 0.5,
            duplication: rng.f64() * 0.5,
            jitter: Duration::from_millis(rng.u64(0..200)),
        };
        let mut pair = Pair::new(configs, faults, rng.u64(..));
        pair.has_transcript = false;
        Self {
            pair,
            windows,
            ids: Default::default(),
            names: Default::default(),
            released: Default::default(),
            streams: Default::default(),
            notices: Default::default(),
            largest: if rng.bool() { 50 } else { 6000 },
            next_byte: 0,
            peer: None,
            notices_at: None,
            direct_only,
            happened: Happened::default(),
        }
    }

    pub(super) fn run(mut self) -> Happened {
        for _ in 0..ACTS {
            match self.pair.rng.u32(0..100) {
                0..4 => self.change_paths(),
                5..10 => self.tell(),
                4 if self.pair.rng.u32(0..3) == 0 => self.restart(),
                _ => self.act(),
            }
            if self.pair.rng.u32(0..4) == 0 {
                let micros = self.pair.rng.u64(0..20_000);
                self.advance(Duration::from_micros(micros));
            }
            self.check_outputs();
        }
        self.finish();
        self.happened
    }

    /// One random act of one application.
    fn act(&mut self) {
        let end = self.pair.rng.usize(0..2);
        let name = self.pair.rng.usize(0..CHANNELS);
        if end == EXECUTOR && self.notices_at.is_some() {
            return;
        }
        match self.pair.rng.u32(0..100) {
            0..55 => self.send(end, name),
            55..97 => {
                let count = self.pair.rng.usize(0..4);
                self.take(end, name, count);
            }
            97..99 => self.close(end, name),
            _ => self.stop(end, name),
        }
    }

    fn tell(&mut self) {
        let end = self.pair.rng.usize(0..2);
        let notice = self.notices[end].tell();
        self.pair.ends[end].tell(notice).unwrap();
    }

    fn change_paths(&mut self) {
        let notice = [0, 1].map(|_| Duration::from_millis(self.pair.rng.u64(0..400)));
        match self.pair.rng.u32(0..5) {
            0 | 1 => self.pair.connect(notice),
            2 | 3 => self.pair.cut(notice),
            _ => self.pair.away_until = self.pair.now + notice[0] * 5,
        }
    }

    /// An executor ends for good, and another takes its place. The scheduler's end does so too,
    /// at once as when the scheduler itself restarts, or when it notices.
    fn restart(&mut self) {
        self.check_outputs();
        if self.notices_at.is_some() {
            return;
        }
        let was_linked = self.peer == Some(self.pair.incarnation(EXECUTOR));
        self.shut(EXECUTOR);
        self.happened.restarts += 1;
        self.pair.restart(EXECUTOR);
        self.notices[EXECUTOR].restart_sender();
        self.ids[EXECUTOR].clear();
        self.names[EXECUTOR].clear();
        self.released[EXECUTOR].clear();
        if self.pair.rng.bool() {
            self.replace_scheduler();
        } else if was_linked {
            let notice = Duration::from_millis(self.pair.rng.u64(0..300));
            self.notices_at = Some(self.pair.now + notice);
        } else {
            // It never met the earlier one, and goes on with the later.
            for stream in self.streams[EXECUTOR].values_mut() {
                stream.restart_sender();
            }
            for stream in self.streams[SCHEDULER].values_mut() {
                stream.stopped = false;
                stream.left = false;
            }
        }
    }

    fn replace_scheduler(&mut self) {
        self.notices_at = None;
        self.shut(SCHEDULER);
        self.pair.restart(SCHEDULER);
        self.notices[SCHEDULER].restart_sender();
        self.peer = None;
        self.ids[SCHEDULER].clear();
        self.names[SCHEDULER].clear();
        self.released[SCHEDULER].clear();
        self.streams = Default::default();
    }

    fn shut(&mut self, end: usize) {
        let undelivered = self.pair.ends[end].shut();
        self.note_counters(end);
        let counts = undelivered.iter().map(|it| it.messages);
        self.happened.undelivered += counts.sum::<u64>();
        for (name, stream) in &self.streams[end] {
            let id = self.ids[end].get(name);
            let found = undelivered.iter().find(|it| Some(&it.channel) == id);
            let messages = found.map_or(0, |it| it.messages);
            let is_released = id.is_some_and(|id| self.released[end].contains(id));
            stream.check_undelivered(messages, self.windows[end], is_released);
        }
    }

    /// The life of an end is over.
    fn note_counters(&mut self, end: usize) {
        let counters = self.pair.ends[end].counters();
        self.happened.received += counters.messages_received;
        self.happened.resent += counters.frames_resent;
        self.happened.moves += counters.moves;
    }

    fn advance(&mut self, time: Duration) {
        let until = self.pair.now + time;
        if let Some(notices_at) = self.notices_at.filter(|it| *it <= until) {
            self.pair.advance(notices_at - self.pair.now);
            self.check_outputs();
            self.replace_scheduler();
        }
        self.pair.advance(until - self.pair.now);
    }

    fn id(&mut self, end: usize, name: usize) -> ChannelId {
        if let Some(id) = self.ids[end].get(&name) {
            return *id;
        }
        let id = self.pair.ends[end].open(&name.to_string()).unwrap();
        self.ids[end].insert(name, id);
        self.names[end].insert(id, name);
        id
    }

    fn send(&mut self, end: usize, name: usize) {
        let id = self.id(end, name);
        let bytes = self.pair.rng.usize(0..=self.largest);
        self.next_byte = self.next_byte.wrapping_add(1);
        let message = Bytes::from(vec![self.next_byte; bytes]);
        let sent = self.pair.ends[end].send(id, message.clone());
        let stream = self.streams[end].entry(name).or_default();
        match sent {
            Ok(()) => stream.send(message),
            Err(SendError::Full) => stream.full = true,
            Err(SendError::Closed) => assert!(stream.closed || stream.stopped),
            Err(SendError::TooLarge) => panic!("no message is that large"),
        }
        stream.check_windows(self.windows[end], self.windows[1 - end]);
    }

    fn take(&mut self, end: usize, name: usize, count: usize) {
        let id = self.id(end, name);
        let stream = self.streams[1 - end].entry(name).or_default();
        let (messages, bytes) = stream.take(count);
        self.pair.ends[end].take(id, messages, bytes);
    }

    fn close(&mut self, end: usize, name: usize) {
        let id = self.id(end, name);
        self.pair.ends[end].close(id);
        self.streams[end].entry(name).or_default().closed = true;
    }

    fn stop(&mut self, end: usize, name: usize) {
        let id = self.id(end, name);
        self.pair.ends[end].stop(id);
        let stream = self.streams[1 - end].entry(name).or_default();
        stream.stopped |= !stream.close_seen;
        stream.left = true;
    }

    fn check_outputs(&mut self) {
        for end in 0..2 {
            while let Some(output) = self.pair.outputs[end].pop_front() {
                self.check_output(end, output);
            }
        }
    }

    fn check_output(&mut self, end: usize, output: Output) {
        match output {
            Output::Linked { peer } if end == SCHEDULER => self.peer = Some(peer),
            Output::Linked { .. } => {}
            Output::Released { channel, .. } => {
                assert!(self.released[end].insert(channel), "released twice");
            }
            Output::Told { notice } => {
                self.notices[1 - end].hear(&notice);
                self.happened.told += 1;
            }
            Output::Offered { channel, name } => {
                let name = name.parse().unwrap();
                assert!(!self.ids[end].contains_key(&name), "offered though open");
                assert_eq!(self.pair.ends[end].open(&name.to_string()), Ok(channel));
                self.ids[end].insert(name, channel);
                self.names[end].insert(channel, name);
            }
            Output::Message { channel, data } => {
                let name = self.names[end][&channel];
                let stream = self.streams[1 - end].get_mut(&name).unwrap();
                stream.receive(&data);
                stream.check_windows(self.windows[1 - end], self.windows[end]);
            }
            Output::Closed { channel } => {
                let name = self.names[end][&channel];
                self.streams[1 - end].get_mut(&name).unwrap().see_close();
            }
            Output::Stopped { channel, untaken } => {
                let name = self.names[end][&channel];
                let stream = self.streams[end].get_mut(&name).unwrap();
                stream.tell_stop(untaken);
            }
            Output::Writable { channel } => {
                let name = self.names[end][&channel];
                let stream = self.streams[end].get_mut(&name).unwrap();
                assert!(stream.full, "room was told that nobody waits for");
                stream.full = false;
            }
        }
    }

    /// The channels of these names are emptied until nothing more comes.
    fn empty(&mut self, names: std::ops::Range<usize>) {
        let mut calm = 0;
        for _ in 0..1000 {
            for end in 0..2 {
                for name in names.clone() {
                    self.take(end, name, usize::MAX);
                }
            }
            let before: u64 = self.received();
            // Longer than any pause between two attempts.
            self.advance(Duration::from_secs(6));
            self.check_outputs();
            let is_idle = self
                .pair
                .ends
                .iter()
                .all(|end| end.poll_timeout().is_none());
            calm = match before == self.received() && is_idle {
                true => calm + 1,
                false => 0,
            };
            if calm == 2 {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn received(&self) -> u64 {
        let streams = self.streams.iter().flat_map(BTreeMap::values);
        streams.map(|stream| stream.received).sum()
    }

    /// Everybody takes all there is, closes all, and waits.
    fn finish(&mut self) {
        // A restart is noticed.
        self.advance(Duration::from_secs(1));
        self.check_outputs();
        if self.direct_only {
            self.pair.connect([Duration::ZERO; 2]);
        }
        // A channel that nobody empties does not hold up the others.
        self.empty(1..CHANNELS);
        for streams in &self.streams {
            for (_, stream) in streams.range(1..) {
                stream.check_complete();
            }
        }
        self.empty(0..CHANNELS);
        for stream in self.streams.iter().flat_map(BTreeMap::values) {
            stream.check_complete();
        }
        for end in 0..2 {
            for name in 0..CHANNELS {
                self.close(end, name);
            }
        }
        self.empty(0..CHANNELS);
        self.notices.iter().for_each(Notices::check_complete);
        for (end, streams) in self.streams.iter().enumerate() {
            for (name, stream) in streams {
                stream.check_complete();
                assert!(stream.stopped || stream.close_seen, "the close never came");
                let id = self.ids[end][name];
                let counters = self.pair.ends[end].channel_counters(id);
                assert_eq!(counters, None, "a channel is left of {end}");
            }
        }
        for end in &mut self.pair.ends {
            assert!(!end.has_frame());
            assert_eq!(end.poll_timeout(), None, "something is left to do");
            assert!(end.is_flushed());
            assert_eq!(end.shut(), [], "all was delivered");
        }
        self.note_counters(SCHEDULER);
        self.note_counters(EXECUTOR);
    }
}
