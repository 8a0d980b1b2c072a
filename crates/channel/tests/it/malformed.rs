//! Bytes and frames that no end of ours would send.

use std::collections::HashSet;
use std::panic::catch_unwind;
use std::time::Duration;

use bytes::Bytes;
use mesosgot_channel::wire::{
    Close, Credit, Data, Frame, Kind, Notice, Open, Piece, Record, Stop, VERSION,
};
use mesosgot_channel::{Config, FRAMES_IN_FLIGHT_MAX, LinkEnd, NOTICE_BYTES_MAX, Role, Window};
use proptest::prelude::*;
use prost::Message as _;

use crate::pair::Pair;

#[path = "../../fuzz/check.rs"]
mod check;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

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

/// Inputs of one run of the test below.
const INPUTS: usize = 100_000;

/// What the fuzz target does without end, for a while: mutations of valid frames, those first
/// that made an end do something new.
#[test]
fn no_mutation_of_frames_makes_an_end_panic_or_grow() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut corpus: Vec<Vec<u8>> = Vec::new();
    let mut seen = HashSet::new();
    let mut kinds = [0; 7];
    for number in 0..INPUTS {
        let mut input = match rng.usize(0..4) {
            0 => valid(&mut rng),
            _ if corpus.is_empty() => valid(&mut rng),
            _ => rng.choice(&corpus).unwrap().clone(),
        };
        for _ in 0..rng.usize(0..4) {
            mutate(&mut rng, &mut input, &corpus);
        }
        let run = catch_unwind(|| check::check(&input));
        let answers = run.unwrap_or_else(|_| panic!("input {number}: {input:02x?}"));
        for answer in answers.iter().filter(|answer| **answer < 7) {
            kinds[usize::from(*answer)] += 1;
        }
        if corpus.len() < 2000 && seen.insert(answers) {
            corpus.push(input);
        }
    }
    // No frame is too large here, and no link is shut.
    let [taken, malformed, _, version, other, _, violation] = kinds;
    for kind in [taken, malformed, version, other, violation] {
        assert!(kind > INPUTS / 100, "{kinds:?}");
    }
    assert!(corpus.len() > 500, "only {} behaviours", corpus.len());
}

/// Some frames as the check takes them, each after its length.
fn valid(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut sequence = 1;
    let mut input = Vec::new();
    for _ in 0..rng.usize(1..8) {
        let frame = random_frame(rng, &mut sequence).encode_to_vec();
        input.extend((frame.len() as u16).to_le_bytes());
        input.extend(frame);
    }
    input
}

fn mutate(rng: &mut fastrand::Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = rng.usize(0..=input.len());
    let byte = *rng
        .choice(&[0, 1, 0x7f, 0x80, 0xff, rng.clone().u8(..)])
        .unwrap();
    match rng.u32(0..6) {
        0 if at < input.len() => input[at] ^= 1 << rng.u32(0..8),
        1 if at < input.len() => input[at] = byte,
        2 if at < input.len() => drop(input.remove(at)),
        3 => input.insert(at, byte),
        4 if rng.u32(0..4) == 0 => input.truncate(at),
        _ => {
            if let Some(other) = rng.choice(corpus) {
                let from = rng.usize(0..=other.len());
                input.truncate(at);
                input.extend(&other[from..]);
                // Longer ones are slow, and say nothing new.
                input.truncate(4000);
            }
        }
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
        from: check::PEER,
        to: if odd { None } else { Some(check::HERE) },
        window_messages: 5,
        window_bytes: 100,
        acknowledged: rng.u64(0..3),
        held: if odd { rng.u64(..) } else { rng.u64(0..2) },
        ack_delay_us: rng.u32(..),
        sequence: *sequence + if odd { rng.u64(0..70) } else { 0 },
        ack_wanted: rng.bool(),
        records,
        notice: (rng.u32(0..8) == 0).then(|| random_notice(rng)),
        notice_seen: if odd { rng.u64(0..3) } else { 0 },
    };
    *sequence += u64::from(!odd);
    frame
}

fn random_notice(rng: &mut fastrand::Rng) -> Notice {
    let bytes = *rng
        .choice(&[0, 5, 5, 5, NOTICE_BYTES_MAX, NOTICE_BYTES_MAX + 1])
        .unwrap();
    Notice {
        number: rng.u64(0..4),
        data: Bytes::from(vec![2; bytes]),
    }
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
