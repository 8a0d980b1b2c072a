//! What DESIGN promises of channels between two living ends, promise by promise.

use std::time::Duration;

use bytes::Bytes;
use mesosgot_channel::{ChannelId, Config, MESSAGE_BYTES_MAX, Output, Path, SendError, Window};

use crate::pair::{EXECUTOR, Faults, Pair, SCHEDULER};

/// Numbered messages through one channel of a pair, taken as they come.
struct Stream {
    pair: Pair,
    here: ChannelId,
    there: ChannelId,
    sent: u64,
    received: Vec<u64>,
    closed: bool,
}

impl Stream {
    fn new(config: Config, faults: Faults, seed: u64) -> Self {
        let mut pair = Pair::new([config.clone(), config], faults, seed);
        pair.has_transcript = false;
        let here = pair.ends[SCHEDULER].open("a").unwrap();
        let there = pair.ends[EXECUTOR].open("a").unwrap();
        Self {
            pair,
            here,
            there,
            sent: 0,
            received: Vec::new(),
            closed: false,
        }
    }

    /// Sends as much as there is room for, up to `count` in all.
    fn send_up_to(&mut self, count: u64) {
        let end = &mut self.pair.ends[SCHEDULER];
        while self.sent < count {
            let message = Bytes::from(self.sent.to_le_bytes().to_vec());
            match end.send(self.here, message) {
                Ok(()) => self.sent += 1,
                Err(error) => return assert_eq!(error, SendError::Full),
            }
        }
    }

    fn take(&mut self) {
        for output in std::mem::take(&mut self.pair.outputs[EXECUTOR]) {
            match output {
                Output::Message { data, .. } => {
                    assert!(!self.closed, "a message after the close");
                    let number = <[u8; 8]>::try_from(&data[..]).unwrap();
                    self.received.push(u64::from_le_bytes(number));
                    self.pair.ends[EXECUTOR].take(self.there, 1, 8);
                }
                Output::Closed { .. } => self.closed = true,
                _ => {}
            }
        }
    }

    /// Sends and takes until so many have come; `disturb` does its worst meanwhile.
    fn run(&mut self, count: u64, mut disturb: impl FnMut(&mut Pair, u32)) {
        for round in 0..100_000 {
            if self.received.len() as u64 == count {
                break;
            }
            self.send_up_to(count);
            disturb(&mut self.pair, round);
            self.pair.advance_ms(20);
            self.take();
        }
        // Nothing comes late, either.
        self.pair.advance(Duration::from_secs(60));
        self.take();
        assert!(
            self.received.iter().copied().eq(0..count),
            "lost, doubled or reordered"
        );
    }
}

const LOSSY: Faults = Faults {
    loss: 0.3,
    duplication: 0.2,
    jitter: Duration::from_millis(40),
};

fn small() -> Config {
    Config {
        window: Window {
            messages: 16,
            bytes: 1000,
        },
        ..Config::new()
    }
}

#[test]
fn promise_1_first_in_first_out_no_loss_no_duplicate_across_dropped_framework_messages() {
    for seed in 0..20 {
        Stream::new(small(), LOSSY, seed).run(2000, |_, _| {});
    }
}

#[test]
fn promise_1_no_loss_no_duplicate_across_broken_streams_and_failovers() {
    // Nothing passes for up to 75 s, as long as a master waits for its agents.
    for seed in 0..20 {
        Stream::new(small(), LOSSY, seed).run(500, |pair, _| {
            let is_back = pair.now > pair.away_until + Duration::from_secs(1);
            if is_back && pair.rng.u32(0..200) == 0 {
                pair.away_until = pair.now + Duration::from_secs(pair.rng.u64(1..75));
            }
        });
    }
}

#[test]
fn promise_1_no_loss_no_duplicate_across_moves_and_cuts_in_mid_stream() {
    for seed in 0..20 {
        let mut stream = Stream::new(small(), LOSSY, seed);
        stream.run(2000, |pair, _| {
            let notice = [0, 1].map(|_| Duration::from_millis(pair.rng.u64(0..100)));
            match pair.rng.u32(0..10) {
                0 => pair.connect(notice),
                1 => pair.cut(notice),
                _ => {}
            }
        });
        let moves = stream.pair.ends.iter().map(|end| end.counters().moves);
        assert!(moves.sum::<u64>() > 10, "it was hardly moved");
    }
}

#[test]
fn promise_2_a_channel_holds_its_window_in_messages_and_in_bytes_and_no_more() {
    let mut stream = Stream::new(small(), Faults::NONE, 0);
    for path in [Path::Messages, Path::Direct] {
        stream.send_up_to(u64::MAX);
        assert_eq!(stream.sent, 16, "by messages");
        stream.pair.advance_ms(1000);
        for end in [SCHEDULER, EXECUTOR] {
            stream.pair.move_to(end, path);
        }
    }
    stream.pair.advance_ms(1000);
    stream.take();
    stream.pair.advance_ms(1000);
    // A message is taken while fewer bytes than the window are on their way.
    let end = &mut stream.pair.ends[SCHEDULER];
    let large = Bytes::from(vec![0; 999]);
    assert_eq!(end.send(stream.here, large.clone()), Ok(()));
    assert_eq!(end.send(stream.here, large.clone()), Ok(()));
    assert_eq!(end.send(stream.here, large), Err(SendError::Full));
}

#[test]
fn promise_2_a_full_channel_blocks_its_own_sender_only() {
    for path in [Path::Messages, Path::Direct] {
        let mut stream = Stream::new(small(), Faults::NONE, 0);
        let slow = stream.pair.ends[SCHEDULER].open("slow").unwrap();
        stream.pair.ends[EXECUTOR].open("slow").unwrap();
        for end in [SCHEDULER, EXECUTOR] {
            stream.pair.move_to(end, path);
        }
        let end = &mut stream.pair.ends[SCHEDULER];
        while end.send(slow, Bytes::from_static(b"12345678")).is_ok() {}
        stream.pair.advance_ms(1000);
        // Nobody takes what is in the full one.
        stream.pair.outputs[EXECUTOR].clear();
        stream.run(1000, |_, _| {});
        let sent = stream.pair.ends[SCHEDULER].send(slow, Bytes::new());
        assert_eq!(sent, Err(SendError::Full));
    }
}

#[test]
fn promise_3_a_close_comes_after_the_data() {
    for seed in 0..50 {
        let mut stream = Stream::new(small(), LOSSY, seed);
        stream.send_up_to(10);
        stream.pair.ends[SCHEDULER].close(stream.here);
        stream.run(10, |pair, round| {
            if round % 3 == 1 {
                pair.connect([Duration::from_millis(10), Duration::from_millis(30)]);
            }
        });
        assert!(stream.closed, "the close came too");
    }
}

#[test]
fn promise_4_what_was_not_delivered_when_an_end_died_is_counted() {
    let mut exact = 0;
    for seed in 0..50 {
        let mut stream = Stream::new(small(), LOSSY, seed);
        for _ in 0..50 {
            stream.send_up_to(u64::MAX);
            stream.pair.advance_ms(20);
            stream.take();
        }
        let counts = stream.pair.ends[SCHEDULER].shut();
        let counted: u64 = counts.iter().map(|count| count.messages).sum();
        let taken = stream.received.len() as u64;
        // What was taken without word of it coming back may be counted, nothing left out.
        assert!(counted + taken >= stream.sent, "dropped in silence");
        assert!(counted <= 16, "no more than the window");
        exact += u32::from(counted + taken == stream.sent);
    }
    assert!(exact > 0, "it is not always too much");
}

#[test]
fn promise_5_a_message_of_16_mib_is_carried_and_a_larger_one_refused() {
    for path in [Path::Messages, Path::Direct] {
        let mut pair = Pair::faultless(Config::new());
        let channel = pair.ends[SCHEDULER].open("a").unwrap();
        for end in [SCHEDULER, EXECUTOR] {
            pair.move_to(end, path);
        }
        let largest = Bytes::from(vec![7; MESSAGE_BYTES_MAX]);
        let larger = Bytes::from(vec![7; MESSAGE_BYTES_MAX + 1]);
        let refused = pair.ends[SCHEDULER].send(channel, larger);
        assert_eq!(refused, Err(SendError::TooLarge));
        pair.ends[SCHEDULER].send(channel, largest.clone()).unwrap();
        pair.advance(Duration::from_secs(10));
        let is_it =
            |output: &Output| matches!(output, Output::Message { data, .. } if *data == largest);
        assert!(pair.outputs[EXECUTOR].iter().any(is_it));
    }
}
