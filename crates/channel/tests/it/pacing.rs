//! How many frames streams and answers cost, in virtual time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::{ChannelId, Config, Output, Path, Window};

use crate::pair::{EXECUTOR, Pair, SCHEDULER};

/// About what a framework message takes from end to end on one machine.
const LATENCY: Duration = Duration::from_micros(300);

fn pair(channels: usize, window: u32) -> (Pair, Vec<[ChannelId; 2]>) {
    let mut pair = Pair::faultless(Config {
        window: Window {
            messages: window,
            bytes: 4 << 20,
        },
        ..Config::new()
    });
    pair.has_transcript = false;
    pair.latency = LATENCY;
    let mut open = |name: String| [0, 1].map(|end| pair.ends[end].open(&name).unwrap());
    let ids = (0..channels)
        .map(|number| open(number.to_string()))
        .collect();
    pair.advance_ms(1000);
    pair.outputs = Default::default();
    (pair, ids)
}

fn frames(pair: &Pair) -> u64 {
    let [here, there] = [0, 1].map(|end| pair.ends[end].counters().frames_sent);
    here + there
}

/// Messages and frames a second, all directions together, while the given ends send as much as
/// their windows take and everybody takes at once what arrives.
fn rates(channels: usize, window: u32, senders: &[usize], path: Path) -> (u64, u64) {
    let (mut pair, ids) = pair(channels, window);
    for end in 0..2 {
        pair.move_to(end, path);
    }
    let message = Bytes::from_static(b"twenty bytes or so..");
    let mut received = 0;
    let until = pair.now + Duration::from_millis(250);
    let frames_before = frames(&pair);
    loop {
        for end in 0..2 {
            while let Some(output) = pair.outputs[end].pop_front() {
                if let Output::Message { channel, data } = output {
                    received += 1;
                    pair.ends[end].take(channel, 1, data.len() as u64);
                }
            }
        }
        for (id, end) in ids
            .iter()
            .flat_map(|id| senders.iter().map(move |end| (id, *end)))
        {
            while pair.ends[end].send(id[end], message.clone()).is_ok() {}
        }
        if !pair.step(until) {
            break;
        }
    }
    (received * 4, (frames(&pair) - frames_before) * 4)
}

#[test]
fn streams_of_small_messages_take_less_than_a_thousand_frames_a_second() {
    for (channels, window) in [(16, 256), (1, 8192)] {
        for senders in [&[SCHEDULER][..], &[EXECUTOR], &[SCHEDULER, EXECUTOR]] {
            let (messages, frames) = rates(channels, window, senders, Path::Messages);
            let what = format!("{channels} channels, {senders:?}: {messages} in {frames}");
            assert!(messages >= 300_000 * senders.len() as u64, "{what}");
            assert!(frames <= 1000, "{what}");
        }
    }
    // One channel with the default window gets what the frames allow.
    let (messages, frames) = rates(1, 256, &[SCHEDULER], Path::Messages);
    assert!(
        messages >= 100_000 && frames <= 1000,
        "{messages} in {frames}"
    );
}

#[test]
fn on_a_direct_path_nothing_waits() {
    let (messages, frames) = rates(1, 256, &[SCHEDULER], Path::Direct);
    // A window in each round trip.
    assert!(messages > 256 * 1600, "{messages}");
    assert!(frames > 3200, "{frames}");
}

/// Sends a message there and back again and again; the longest that it took.
fn longest_round_trip(pair: &mut Pair, id: [ChannelId; 2], times: u32) -> Duration {
    let mut longest = Duration::ZERO;
    let question = Bytes::from_static(b"question");
    for _ in 0..times {
        let asked_at = pair.now;
        pair.ends[SCHEDULER]
            .send(id[SCHEDULER], question.clone())
            .unwrap();
        while !is_answered(pair, id) {
            assert!(pair.step(asked_at + Duration::from_secs(60)), "no answer");
        }
        longest = longest.max(pair.now - asked_at);
    }
    longest
}

/// Answers what was asked; whether an answer has come.
fn is_answered(pair: &mut Pair, id: [ChannelId; 2]) -> bool {
    let mut answered = false;
    for end in [SCHEDULER, EXECUTOR] {
        while let Some(output) = pair.outputs[end].pop_front() {
            if let Output::Message { channel, data } = output
                && channel == id[end]
            {
                pair.ends[end].take(channel, 1, data.len() as u64);
                match end {
                    SCHEDULER => answered = true,
                    _ => pair.ends[end].send(channel, data).unwrap(),
                }
            }
        }
    }
    answered
}

#[test]
fn a_lone_question_is_answered_in_two_latencies() {
    let (mut pair, ids) = pair(1, 256);
    let longest = longest_round_trip(&mut pair, ids[0], 2000);
    assert_eq!(longest, LATENCY * 2);
    // No frame but those with questions and answers.
    let (mut pair, ids) = self::pair(1, 256);
    let before = frames(&pair);
    longest_round_trip(&mut pair, ids[0], 1000);
    assert_eq!(frames(&pair) - before, 2000);
}

#[test]
fn a_question_among_streams_waits_for_one_pause_each_way() {
    let (mut pair, ids) = pair(2, 8192);
    let message = Bytes::from_static(b"twenty bytes or so..");
    let start = pair.now;
    let mut asked: Option<Instant> = None;
    let mut longest = Duration::ZERO;
    while pair.now < start + Duration::from_millis(300) {
        while let Some(output) = pair.outputs[EXECUTOR].pop_front() {
            if let Output::Message { channel, data } = output {
                pair.ends[EXECUTOR].take(channel, 1, data.len() as u64);
                if channel == ids[1][EXECUTOR] {
                    longest = longest.max(pair.now - asked.take().unwrap());
                }
            }
        }
        while pair.ends[SCHEDULER]
            .send(ids[0][SCHEDULER], message.clone())
            .is_ok()
        {}
        if asked.is_none() {
            let question = Bytes::from_static(b"question");
            pair.ends[SCHEDULER]
                .send(ids[1][SCHEDULER], question)
                .unwrap();
            asked = Some(pair.now);
        }
        pair.step(start + Duration::from_secs(1));
    }
    assert!(longest <= Duration::from_millis(3), "{longest:?}");
}

#[test]
fn a_lone_question_that_may_be_lost_is_answered_soon_and_costs_few_frames() {
    let (mut pair, ids) = pair(1, 256);
    pair.faults.loss = 0.2;
    let frames_before = frames(&pair);
    let start = pair.now;
    let questions = 5000;
    longest_round_trip(&mut pair, ids[0], questions);
    // Two frames if nothing is lost. A third of the questions is not answered at once, and waits
    // for some tens of milliseconds.
    let mean = (pair.now - start) / questions;
    assert!(mean < Duration::from_millis(20), "{mean:?}");
    let frames = frames(&pair) - frames_before;
    assert!(frames < 4 * u64::from(questions), "{frames} frames");
}
