//! What the link machine itself costs: messages from one end to the other without any I/O.
//!
//! `cargo bench -p mesosgot-channel`. The numbers are kept in `docs/performance.md`.

#![expect(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]

use std::time::Instant;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use mesosgot_channel::{ChannelId, Config, LinkEnd, Output, Path, Role, Window};

fn main() {
    divan::main();
}

/// Two ends that know each other and so many channels. Time stands still.
struct Ends {
    now: Instant,
    ends: [LinkEnd; 2],
    channels: Vec<ChannelId>,
}

impl Ends {
    fn new(channels: usize, window: Window) -> Self {
        let config = Config {
            window,
            ..Config::new()
        };
        let mut ends = [
            LinkEnd::new(Role::Scheduler, 1, config.clone()),
            LinkEnd::new(Role::Executor, 2, config),
        ];
        let mut open = |number: usize| {
            let name = format!("task-{number}");
            let opened = ends.each_mut().map(|end| end.open(&name));
            opened[0].clone().expect("the name is new")
        };
        let channels = (0..channels).map(&mut open).collect();
        let now = Instant::now();
        // Time stands still, so frames must not wait for it.
        ends.iter_mut()
            .for_each(|end| end.move_to(now, Path::Direct));
        let mut ends = Self {
            now,
            ends,
            channels,
        };
        ends.carry();
        ends
    }

    /// Carries frames to and fro until there are none, and takes what arrives.
    fn carry(&mut self) -> u64 {
        let mut received = 0;
        loop {
            let mut is_quiet = true;
            for from in [0, 1] {
                while let Some(frame) = self.ends[from].poll_frame(self.now) {
                    is_quiet = false;
                    let to = &mut self.ends[1 - from];
                    to.handle_frame(self.now, frame).expect("it is ours");
                    while let Some(output) = to.poll_output() {
                        if let Output::Message { channel, data } = output {
                            received += 1;
                            to.take(channel, 1, data.len() as u64);
                        }
                    }
                }
                while self.ends[from].poll_output().is_some() {}
            }
            if is_quiet {
                return received;
            }
        }
    }

    /// Sends a window of messages on each channel, and waits for all.
    fn stream(&mut self, message: &Bytes, window: u64) -> u64 {
        for channel in &self.channels {
            for _ in 0..window {
                let sent = self.ends[0].send(*channel, message.clone());
                sent.expect("the window is empty");
            }
        }
        self.carry()
    }
}

/// Small messages, a window of each channel at a time.
#[divan::bench(args = [(1, 256), (16, 256), (1, 8192)])]
fn messages_of_20_bytes(bencher: Bencher<'_, '_>, (channels, window): (usize, u32)) {
    let mut ends = Ends::new(
        channels,
        Window {
            messages: window,
            bytes: 64 << 20,
        },
    );
    let message = Bytes::from_static(b"twenty bytes or so..");
    let count = channels as u64 * u64::from(window);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| assert_eq!(ends.stream(&message, window.into()), count));
}

#[divan::bench]
fn messages_of_64_kib(bencher: Bencher<'_, '_>) {
    let mut ends = Ends::new(
        1,
        Window {
            messages: 256,
            bytes: 64 << 20,
        },
    );
    let message = Bytes::from(vec![7; 64 << 10]);
    bencher
        .counter(BytesCount::new(64_u64 * message.len() as u64))
        .bench_local(|| assert_eq!(ends.stream(&message, 64), 64));
}

/// One message there and one back.
#[divan::bench]
fn a_question_and_its_answer(bencher: Bencher<'_, '_>) {
    let mut ends = Ends::new(1, Config::new().window);
    let message = Bytes::from_static(b"twenty bytes or so..");
    let channel = ends.channels[0];
    bencher.bench_local(|| {
        for end in [0, 1] {
            let sent = ends.ends[end].send(channel, message.clone());
            sent.expect("the window is empty");
            assert_eq!(ends.carry(), 1);
        }
    });
}
