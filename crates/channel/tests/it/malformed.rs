//! Bytes and frames that no end of ours would send.

use std::time::Duration;

use bytes::Bytes;
use mesosgot_channel::wire::{
    Close, Credit, Data, Frame, Kind, Open, Piece, Record, Stop, VERSION,
};
use mesosgot_channel::{Config, FRAMES_IN_FLIGHT_MAX, LinkEnd, Role, Window};
use proptest::prelude::*;
use prost::Message as _;

use crate::pair::Pair;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    })]

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
