//! The promises of a link under any schedule: what the applications do and what the network does
//! comes from a seed, and the model is nothing but a queue for each direction of each channel.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use mesosgot_channel::wire::{
    Close, Credit, Data, Frame, Kind, Open, Piece, Record, Stop, VERSION,
};
use mesosgot_channel::{
    ChannelId, Config, FRAMES_IN_FLIGHT_MAX, LinkEnd, Output, Role, SendError, Window,
};
use proptest::prelude::*;
use prost::Message as _;

use crate::pair::{Faults, Pair};

/// One direction of a channel as it should be. Kept under the end that sends.
#[derive(Debug, Default)]
struct Stream {
    /// Sent and not received.
    travelling: VecDeque<Bytes>,
    /// Received and not taken, by their lengths.
    held: VecDeque<usize>,
    /// A message was refused and room not told since.
    full: bool,
    closed: bool,
    close_seen: bool,
    stopped: bool,
}

/// A pair with applications that do random things.
struct World {
    pair: Pair,
    windows: [Window; 2],
    /// By end and name; the names are those of the channels' numbers at both ends.
    ids: [BTreeMap<usize, ChannelId>; 2],
    names: [BTreeMap<ChannelId, usize>; 2],
    streams: [BTreeMap<usize, Stream>; 2],
    largest: usize,
    next_byte: u8,
}

const CHANNELS: usize = 4;

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut config = || Config {
            window: Window {
                messages: rng.u32(1..=8),
                bytes: rng.u64(1..=4000),
            },
            frame_bytes_max: rng.usize(1024..=3000),
            frames_in_flight_max: rng.usize(1..=8),
            direct_only: false,
        };
        let configs = [config(), config()];
        let windows = [configs[0].window, configs[1].window];
        let faults = Faults {
            loss: rng.f64() * 0.5,
            duplication: rng.f64() * 0.5,
            jitter: Duration::from_millis(rng.u64(0..200)),
        };
        let largest = if rng.bool() { 50 } else { 6000 };
        Self {
            pair: Pair::new(configs, faults, seed),
            windows,
            ids: Default::default(),
            names: Default::default(),
            streams: Default::default(),
            largest,
            next_byte: 0,
        }
    }

    /// One random act of one application, then a random while.
    fn step(&mut self) {
        let end = self.pair.rng.usize(0..2);
        let name = self.pair.rng.usize(0..CHANNELS);
        match self.pair.rng.u32(0..100) {
            0..55 => self.send(end, name),
            55..97 => self.take(end, name),
            97..99 => self.close(end, name),
            _ => self.stop(end, name),
        }
        if self.pair.rng.u32(0..4) == 0 {
            let time = Duration::from_micros(self.pair.rng.u64(0..20_000));
            self.pair.advance(time);
        }
        self.check_outputs();
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
            Ok(()) => {
                assert!(!stream.closed, "sent after the close");
                stream.travelling.push_back(message);
            }
            Err(SendError::Full) => stream.full = true,
            Err(SendError::Closed) => assert!(stream.closed || stream.stopped),
            Err(SendError::TooLarge) => panic!("no message is that large"),
        }
        self.check_window(end, name);
    }

    /// No window is ever exceeded by more than the message that reached it.
    fn check_window(&self, sender: usize, name: usize) {
        // Before the link is up, a sender goes by its own window only.
        let (ours, theirs) = (self.windows[sender], self.windows[1 - sender]);
        let messages = ours.messages as usize;
        let bytes = ours.bytes as usize;
        let stream = &self.streams[sender][&name];
        if stream.stopped {
            return;
        }
        let lengths = stream.travelling.iter().map(Bytes::len);
        let lengths: Vec<_> = stream.held.iter().copied().chain(lengths).collect();
        assert!(lengths.len() <= messages, "window of messages exceeded");
        let without_last = &lengths[..lengths.len().saturating_sub(1)];
        assert!(
            lengths.len() < 2 || without_last.iter().sum::<usize>() < bytes,
            "window of bytes exceeded"
        );
        // What has arrived is always within the window of the end that holds it.
        let held = &stream.held;
        assert!(held.len() <= theirs.messages as usize);
        let before_last: usize = held.iter().rev().skip(1).sum();
        assert!(held.len() < 2 || (before_last as u64) < theirs.bytes);
    }

    fn take(&mut self, end: usize, name: usize) {
        let id = self.id(end, name);
        let count = self.pair.rng.usize(0..4);
        let stream = self.streams[1 - end].entry(name).or_default();
        let count = count.min(stream.held.len());
        let bytes: usize = stream.held.drain(..count).sum();
        self.pair.ends[end].take(id, count as u64, bytes as u64);
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
                assert!(!stream.close_seen, "message after the close");
                if stream.stopped {
                    return;
                }
                assert_eq!(stream.travelling.pop_front(), Some(data.clone()));
                stream.held.push_back(data.len());
                self.check_window(1 - end, name);
            }
            Output::Closed { channel } => {
                let name = self.names[end][&channel];
                let stream = self.streams[1 - end].get_mut(&name).unwrap();
                assert!(stream.closed && !stream.close_seen);
                assert!(stream.stopped || stream.travelling.is_empty());
                stream.close_seen = true;
            }
            Output::Stopped { channel, .. } => {
                let name = self.names[end][&channel];
                assert!(self.streams[end][&name].stopped);
            }
            Output::Writable { channel } => {
                let name = self.names[end][&channel];
                let stream = self.streams[end].get_mut(&name).unwrap();
                assert!(stream.full, "room was told that nobody waits for");
                stream.full = false;
            }
            Output::Linked { .. } | Output::Released { .. } => {}
        }
    }

    fn take_all(&mut self) {
        for _ in 0..200 {
            for end in 0..2 {
                for name in 0..CHANNELS {
                    self.take(end, name);
                    self.take(end, name);
                }
            }
            self.pair.advance_ms(2000);
            self.check_outputs();
        }
    }

    /// Everybody takes all there is, closes all, and waits.
    fn finish(&mut self) {
        self.take_all();
        for stream in self.streams.iter().flat_map(BTreeMap::values) {
            let waits = stream.full && !stream.closed && !stream.stopped;
            assert!(!waits, "room was never told");
        }
        for end in 0..2 {
            for name in 0..CHANNELS {
                self.close(end, name);
            }
        }
        self.take_all();
        for (end, streams) in self.streams.iter().enumerate() {
            for (name, stream) in streams {
                let travelling = stream.travelling.len();
                assert!(stream.stopped || travelling == 0, "{travelling} never came");
                assert!(stream.stopped || stream.close_seen, "the close never came");
                let id = self.ids[end][name];
                let counters = self.pair.ends[end].channel_counters(id);
                assert_eq!(counters, None, "a channel is left of {end}");
            }
        }
        for end in &mut self.pair.ends {
            assert!(!end.has_frame());
            assert_eq!(end.poll_timeout(), None, "something is left to do");
            assert_eq!(end.shut(), [], "all was delivered");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

    #[test]
    fn each_message_comes_once_and_in_order_and_windows_hold(seed in any::<u64>()) {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.step();
        }
        world.finish();
    }

    #[test]
    fn no_bytes_make_an_end_panic(frames in prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..60), 0..10,
    )) {
        let mut pair = Pair::faultless(Config::new());
        pair.advance_ms(10);
        for frame in frames {
            let _ = pair.ends[0].handle_frame(pair.now, Bytes::from(frame));
            pair.ends[0].poll_frame(pair.now);
        }
    }

    #[test]
    fn no_frame_makes_an_end_panic_or_say_impossible_things(seed in any::<u64>()) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::faultless(Config {
            window: Window { messages: 3, bytes: 100 },
            ..Config::new()
        });
        let mut end = LinkEnd::new(Role::Executor, 1, Config::new());
        std::mem::swap(&mut end, &mut pair.ends[1]);
        let mut now = pair.now;
        let channels = ["a", "b"].map(|name| end.open(name).unwrap());
        let mut sequence = 1;
        for _ in 0..60 {
            now += Duration::from_millis(rng.u64(0..300));
            let channel = *rng.choice(&channels).unwrap();
            match rng.u32(0..8) {
                0 => drop(end.send(channel, Bytes::from_static(b"hello"))),
                1 => end.take(channel, rng.u64(0..3), rng.u64(0..20)),
                2 if rng.bool() => end.close(channel),
                3 if rng.bool() => end.stop(channel),
                _ => {
                    let frame = random_frame(&mut rng, &mut sequence);
                    let handled = end.handle_frame(now, Bytes::from(frame.encode_to_vec()));
                    let again = end.handle_frame(now, Bytes::from(frame.encode_to_vec()));
                    prop_assert!(handled.is_ok() || again == handled, "{handled:?} {again:?}");
                }
            }
            let frames = std::iter::from_fn(|| end.poll_frame(now)).take(1000).count();
            prop_assert!(frames <= 2 * FRAMES_IN_FLIGHT_MAX);
            while end.poll_output().is_some() {}
        }
        end.shut();
    }
}

/// A frame to the executor that is often right, so that it gets far.
fn random_frame(rng: &mut fastrand::Rng, sequence: &mut u64) -> Frame {
    let records = (0..rng.usize(0..4)).map(|_| Record {
        kind: (rng.u32(0..100) > 0).then(|| random_kind(rng)),
    });
    let records = records.collect();
    let odd = rng.u32(0..20) == 0;
    let frame = Frame {
        version: VERSION,
        from: 0xa,
        to: if odd { None } else { Some(0xb) },
        window_messages: 5,
        window_bytes: 100,
        acknowledged: rng.u64(0..3),
        held: if odd { rng.u64(..) } else { rng.u64(0..2) },
        ack_delay_us: rng.u32(..),
        sequence: *sequence + if odd { rng.u64(0..70) } else { 0 },
        ack_wanted: rng.bool(),
        records,
    };
    *sequence += u64::from(!odd);
    frame
}

fn random_kind(rng: &mut fastrand::Rng) -> Kind {
    let channel = rng.u32(0..4);
    match rng.u32(0..12) {
        0..4 => Kind::Open(Open {
            channel,
            name: rng.choice(["a", "b", "c", ""]).unwrap().to_string(),
        }),
        4..7 => Kind::Data(Data {
            channel,
            messages: vec![Bytes::from_static(b"message"); rng.usize(0..3)],
        }),
        7 | 8 => Kind::Piece(Piece {
            channel,
            total_bytes: *rng.choice(&[0, 0, 5, 20, u64::MAX]).unwrap(),
            data: Bytes::from(vec![1; rng.usize(0..10)]),
        }),
        9 => Kind::Close(Close { channel }),
        10 => Kind::Credit(Credit {
            channel,
            messages: rng.u64(0..3),
            bytes: rng.u64(0..10),
        }),
        _ => Kind::Stop(Stop {
            channel,
            messages: rng.u64(0..3),
        }),
    }
}
