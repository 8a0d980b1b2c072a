//! What an idle link keeps in memory. A binary of its own, because it counts all allocations.

#![expect(clippy::unwrap_used, reason = "what fails in a helper fails its test")]
#![expect(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::{ChannelId, Config, LinkEnd, Output, Role};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CHANNELS: usize = 1000;

/// Of the mebibyte that an end may keep for as many channels, what the machine may take; the rest
/// is for the queues and wake-ups of the shell around it.
const BYTES_MAX: usize = 512 << 10;

#[test]
fn an_idle_link_with_a_thousand_channels_keeps_less_than_half_a_mebibyte_at_each_end() {
    let before = ALLOCATOR.current_usage();
    let mut ends = [
        LinkEnd::new(Role::Scheduler, 1, Config::new()),
        LinkEnd::new(Role::Executor, 2, Config::new()),
    ];
    let mut channels = Vec::new();
    for number in 0..CHANNELS {
        let name = format!("elevator-{number}");
        channels.push(ends.each_mut().map(|end| end.open(&name).unwrap()));
    }
    let mut now = Instant::now();
    carry(&mut ends, &mut now);
    let opened = (ALLOCATOR.current_usage() - before) / 2;
    assert!(opened < BYTES_MAX, "{opened} bytes after the opening");

    // A burst through every channel leaves nothing behind.
    for [here, there] in &channels {
        for (end, channel) in [(0, here), (1, there)] {
            for _ in 0..256 {
                let sent = ends[end].send(*channel, Bytes::from_static(b"hello"));
                sent.unwrap();
            }
        }
    }
    let received = carry(&mut ends, &mut now);
    assert_eq!(received, 2 * 256 * CHANNELS);
    let used = (ALLOCATOR.current_usage() - before) / 2;
    assert!(used < BYTES_MAX + (64 << 10), "{used} bytes after a burst");
}

/// Lets time pass until nothing is left to do; answers how many messages came.
fn carry(ends: &mut [LinkEnd; 2], now: &mut Instant) -> usize {
    let mut received = 0;
    loop {
        for from in [0, 1] {
            while let Some(frame) = ends[from].poll_frame(*now) {
                ends[1 - from].handle_frame(*now, frame).unwrap();
                received += take(&mut ends[1 - from]);
            }
            take(&mut ends[from]);
        }
        let timeouts = ends.iter().filter_map(LinkEnd::poll_timeout);
        let Some(next) = timeouts.min() else {
            return received;
        };
        *now = (*now).max(next) + Duration::from_micros(1);
    }
}

fn take(end: &mut LinkEnd) -> usize {
    let mut taken: Vec<(ChannelId, usize)> = Vec::new();
    while let Some(output) = end.poll_output() {
        if let Output::Message { channel, data } = output {
            taken.push((channel, data.len()));
        }
    }
    for (channel, bytes) in &taken {
        end.take(*channel, 1, *bytes as u64);
    }
    taken.len()
}
