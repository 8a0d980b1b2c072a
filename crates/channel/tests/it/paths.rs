//! Moves from one path to another, told frame by frame.

use std::time::Duration;

use bytes::Bytes;
use expect_test::expect;
use mesosgot_channel::{ChannelId, Config, FRAMES_IN_FLIGHT_MAX, Path};

use crate::pair::{EXECUTOR, Pair, SCHEDULER};
use crate::transcripts::{check, linked, text};

#[test]
fn what_is_in_flight_is_sent_again_at_once_on_the_new_path() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 2;
    for word in ["one", "two"] {
        pair.ends[SCHEDULER].send(here, text(word)).unwrap();
        pair.drain();
    }
    pair.advance_ms(5);
    pair.move_to(SCHEDULER, Path::Direct);
    pair.advance_ms(20);
    pair.move_to(EXECUTOR, Path::Direct);
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1000  scheduler ► frame 3, ack 1 | data 1 ×1 LOST
            1005  scheduler moves to Direct
            1005  scheduler ► frame 2, ack 1 | data 1 ×1
            1005  scheduler ► frame 3, ack 1 | data 1 ×1
            1006  executor  message b"one"
            1006  executor  message b"two"
            1016  executor  ► ack 3
            1025  executor  moves to Direct
        "#]],
    );
    assert_eq!(pair.ends[SCHEDULER].path(), Path::Direct);
    assert_eq!(pair.ends[SCHEDULER].counters().moves, 1);
}

#[test]
fn what_has_arrived_is_dropped_when_it_comes_again_after_a_move() {
    let (mut pair, here, _) = linked(Config::new());
    pair.ends[SCHEDULER].send(here, text("one")).unwrap();
    pair.advance_ms(5);
    pair.move_to(SCHEDULER, Path::Direct);
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1
            1001  executor  message b"one"
            1005  scheduler moves to Direct
            1005  scheduler ► frame 2, ack 1 | data 1 ×1
            1006  executor  ► ack 2
        "#]],
    );
}

#[test]
fn the_round_trip_and_the_backoff_begin_anew_with_a_move() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 6;
    pair.ends[SCHEDULER].send(here, text("one")).unwrap();
    pair.advance_ms(1000);
    pair.move_to(SCHEDULER, Path::Messages);
    assert_eq!(pair.ends[SCHEDULER].counters().round_trip, None);
    pair.lose_next[SCHEDULER] = 1;
    pair.advance_ms(1000);
    // An answer to what was sent before and after tells nothing about the new path.
    assert_eq!(pair.ends[SCHEDULER].counters().round_trip, None);
    pair.ends[SCHEDULER].send(here, text("two")).unwrap();
    pair.advance_ms(100);
    let measured = pair.ends[SCHEDULER].counters().round_trip;
    assert_eq!(measured, Some(Duration::from_millis(2)));
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1020  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1060  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1140  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1300  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1620  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            2000  scheduler moves to Messages
            2000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            2200  scheduler ► frame 2, ack 1 | data 1 ×1
            2201  executor  message b"one"
            2211  executor  ► ack 2
            3000  scheduler ► frame 3, ack 1 | data 1 ×1
            3001  executor  message b"two"
            3011  executor  ► ack 3
        "#]],
    );
}

#[test]
fn each_path_bears_its_own_number_of_frames() {
    let (mut pair, here, _) = linked(Config {
        frames_in_flight_max: 3,
        ..Config::new()
    });
    pair.move_to(SCHEDULER, Path::Direct);
    pair.lose_next[SCHEDULER] = FRAMES_IN_FLIGHT_MAX;
    for _ in 0..200 {
        pair.ends[SCHEDULER].send(here, Bytes::new()).unwrap();
        pair.drain();
    }
    assert_eq!(pair.lose_next[SCHEDULER], 0, "as many as are allowed");
    let sent = |pair: &Pair| pair.ends[SCHEDULER].counters().frames_sent;
    let before = sent(&pair);
    // More is in flight than the path below bears: they go three by three.
    pair.move_to(SCHEDULER, Path::Messages);
    pair.drain();
    assert_eq!(sent(&pair) - before, 3);
    pair.advance(Duration::from_secs(10));
    let received = pair.ends[EXECUTOR].counters().messages_received;
    assert_eq!(received, 200);
    let resent = pair.ends[SCHEDULER].counters().frames_resent;
    assert_eq!(resent, FRAMES_IN_FLIGHT_MAX as u64, "none twice");
}

#[test]
fn a_move_before_the_peer_is_known_greets_at_once() {
    let mut pair = Pair::faultless(Config::new());
    pair.lose_next[EXECUTOR] = 1;
    pair.advance_ms(100);
    pair.move_to(SCHEDULER, Path::Direct);
    pair.move_to(EXECUTOR, Path::Direct);
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            0     executor  ► greeting LOST
            100   scheduler moves to Direct
            100   executor  moves to Direct
            100   executor  ► greeting
            101   scheduler linked to 0xb
            101   scheduler ► ack 0
            102   executor  linked to 0xa
        "#]],
    );
}

/// A link with a channel `a` that is only carried on the direct path.
fn direct_only() -> (Pair, ChannelId) {
    let mut pair = Pair::faultless(Config {
        direct_only: true,
        ..Config::new()
    });
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    pair.ends[EXECUTOR].open("a").unwrap();
    (pair, here)
}

#[test]
fn without_a_direct_path_nothing_is_carried_but_notices_if_so_chosen() {
    let (mut pair, here) = direct_only();
    pair.ends[SCHEDULER].send(here, text("data")).unwrap();
    let control = ChannelId::CONTROL;
    pair.ends[SCHEDULER].send(control, text("start")).unwrap();
    pair.ends[SCHEDULER].tell(text("come")).unwrap();
    pair.advance_ms(1000);
    assert!(!pair.ends[SCHEDULER].has_frame());
    assert_eq!(pair.ends[SCHEDULER].poll_timeout(), None, "nothing to do");
    assert!(!pair.ends[SCHEDULER].is_flushed(), "the data waits");
    pair.move_to(SCHEDULER, Path::Direct);
    pair.move_to(EXECUTOR, Path::Direct);
    pair.advance_ms(1000);
    assert!(pair.ends[SCHEDULER].is_flushed());
    check(
        &pair,
        expect![[r#"
        0     executor  ► greeting
        1     scheduler linked to 0xb
        1     scheduler ► ack 0 | notice 1
        2     executor  linked to 0xa
        2     executor  told b"come"
        2     executor  ► ack 0, notice 1 seen
        1000  scheduler moves to Direct
        1000  executor  moves to Direct
        1000  scheduler ► frame 1, ack 0 | data 0 ×1 | open 1 `a` | data 1 ×1
        1000  executor  ► frame 1, ack 0 | open 1 `a`
        1001  executor  message b"start"
        1001  executor  message b"data"
        1011  scheduler ► ack 1
        1011  executor  ► ack 1, notice 1 seen
    "#]],
    );
}

#[test]
fn what_was_in_flight_on_the_only_path_waits_for_the_next_one_and_a_notice_does_not() {
    let (mut pair, here) = direct_only();
    pair.advance_ms(1000);
    pair.connect([Duration::ZERO; 2]);
    pair.advance_ms(1000);
    pair.transcript.clear();
    // The path breaks under a frame, of which the ends know at different times.
    pair.cut([Duration::from_millis(300), Duration::from_millis(20)]);
    pair.ends[SCHEDULER].send(here, text("one")).unwrap();
    pair.advance_ms(500);
    pair.ends[SCHEDULER].send(here, text("two")).unwrap();
    pair.ends[EXECUTOR].tell(text("no route")).unwrap();
    pair.advance(Duration::from_secs(100));
    for end in &pair.ends {
        assert!(!end.has_frame());
        assert_eq!(end.poll_timeout(), None, "nothing to do");
    }
    pair.connect([Duration::ZERO; 2]);
    pair.advance_ms(500);
    assert!(pair.ends[SCHEDULER].is_flushed());
    check(
        &pair,
        expect![[r#"
        2000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
        2020  executor  moves to Messages
        2100  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
        2300  scheduler moves to Messages
        2500  executor  ► ack 1 | notice 1
        2501  scheduler told b"no route"
        2501  scheduler ► ack 1, notice 1 seen
        102500 scheduler moves to Direct
        102500 executor  moves to Direct
        102500 scheduler ► frame 2, ack 1 | data 1 ×1
        102500 scheduler ► frame 3, ack 1 | data 1 ×1
        102501 executor  message b"one"
        102501 executor  message b"two"
        102511 executor  ► ack 3
    "#]],
    );
}

#[test]
fn acknowledgements_are_taken_on_the_path_that_carries_nothing_else() {
    let (mut pair, here) = direct_only();
    pair.advance_ms(1000);
    pair.connect([Duration::ZERO; 2]);
    pair.advance_ms(1000);
    pair.transcript.clear();
    pair.ends[SCHEDULER].send(here, text("one")).unwrap();
    pair.advance_ms(5);
    pair.cut([Duration::ZERO; 2]);
    pair.advance_ms(500);
    assert!(pair.ends[SCHEDULER].is_flushed());
    check(
        &pair,
        expect![[r#"
        2000  scheduler ► frame 2, ack 1 | data 1 ×1
        2001  executor  message b"one"
        2005  scheduler moves to Messages
        2005  executor  moves to Messages
        2011  executor  ► ack 2
    "#]],
    );
}

#[test]
fn control_goes_before_what_waits_on_other_channels() {
    let (mut pair, here, _) = linked(Config::new());
    pair.ends[SCHEDULER].send(here, text("data")).unwrap();
    let control = ChannelId::CONTROL;
    pair.ends[SCHEDULER].send(control, text("stop")).unwrap();
    pair.drain();
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 0 ×1 | data 1 ×1
        "#]],
    );
}
