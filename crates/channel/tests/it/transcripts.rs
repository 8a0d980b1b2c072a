//! Small scenarios, told frame by frame. A `►` is a frame given to the network.

use bytes::Bytes;
use expect_test::{Expect, expect};
use mesosgot_channel::{ChannelId, Config, SendError, Window};

use crate::pair::{EXECUTOR, Pair, SCHEDULER};

pub(crate) fn check(pair: &Pair, expected: Expect) {
    expected.assert_eq(&pair.transcript);
}

pub(crate) fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A link that is up, with a channel `a` that both ends have opened, and nothing on its way.
pub(crate) fn linked(config: Config) -> (Pair, ChannelId, ChannelId) {
    let mut pair = Pair::faultless(config);
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    let there = pair.ends[EXECUTOR].open("a").unwrap();
    pair.advance_ms(1000);
    pair.transcript.clear();
    (pair, here, there)
}

#[test]
fn the_executor_greets_until_it_is_answered() {
    let mut pair = Pair::faultless(Config::new());
    let channel = pair.ends[SCHEDULER].open("a").unwrap();
    pair.ends[SCHEDULER].send(channel, text("early")).unwrap();
    pair.lose_next[EXECUTOR] = 2;
    pair.advance_ms(3000);
    check(
        &pair,
        expect![[r#"
            0     executor  ► greeting LOST
            200   executor  ► greeting LOST
            600   executor  ► greeting
            601   scheduler linked to 0xb
            601   scheduler ► frame 1, ack 0 | open 1 `a` | data 1 ×1
            602   executor  linked to 0xa
            602   executor  offered `a`
            602   executor  message b"early"
            612   executor  ► ack 1
        "#]],
    );
}

#[test]
fn an_answer_that_is_lost_is_given_again() {
    let mut pair = Pair::faultless(Config::new());
    pair.lose_next[SCHEDULER] = 1;
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
            0     executor  ► greeting
            1     scheduler linked to 0xb
            1     scheduler ► ack 0 LOST
            200   executor  ► greeting
            201   scheduler ► ack 0
            202   executor  linked to 0xa
        "#]],
    );
}

#[test]
fn a_lone_message_goes_at_once_and_its_acknowledgement_waits_a_little() {
    let (mut pair, here, _) = linked(Config::new());
    pair.ends[SCHEDULER].send(here, text("hello")).unwrap();
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1
            1001  executor  message b"hello"
            1011  executor  ► ack 2
        "#]],
    );
}

#[test]
fn messages_that_gather_go_in_one_frame() {
    let (mut pair, here, _) = linked(Config::new());
    let other = pair.ends[SCHEDULER].open("b").unwrap();
    for _ in 0..100 {
        pair.ends[SCHEDULER].send(here, text("hello")).unwrap();
        pair.ends[SCHEDULER].send(other, text("hello")).unwrap();
    }
    pair.drain();
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | open 2 `b` | data 2 ×100 | data 1 ×100
        "#]],
    );
}

#[test]
fn a_gap_is_told_at_once_and_filled_when_three_later_frames_have_come() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 1;
    for word in ["one", "two", "three", "four", "five"] {
        pair.ends[SCHEDULER].send(here, text(word)).unwrap();
        pair.drain();
    }
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1000  scheduler ► frame 3, ack 1 | data 1 ×1
            1000  scheduler ► frame 4, ack 1 | data 1 ×1
            1000  scheduler ► frame 5, ack 1 | data 1 ×1
            1000  scheduler ► frame 6, ack 1 | data 1 ×1
            1001  executor  ► ack 1 holding 1111
            1002  scheduler ► frame 2, ack 1 | data 1 ×1
            1003  executor  message b"one"
            1003  executor  message b"two"
            1003  executor  message b"three"
            1003  executor  message b"four"
            1003  executor  message b"five"
            1003  executor  ► ack 6
        "#]],
    );
}

#[test]
fn a_frame_that_is_overtaken_by_two_is_not_yet_lost() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 1;
    for word in ["one", "two", "three"] {
        pair.ends[SCHEDULER].send(here, text(word)).unwrap();
        pair.drain();
    }
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
        1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
        1000  scheduler ► frame 3, ack 1 | data 1 ×1
        1000  scheduler ► frame 4, ack 1 | data 1 ×1
        1001  executor  ► ack 1 holding 11
        1102  scheduler ► frame 2, ack 1 | data 1 ×1
        1103  executor  message b"one"
        1103  executor  message b"two"
        1103  executor  message b"three"
        1103  executor  ► ack 4
    "#]],
    );
}

#[test]
fn the_last_frame_is_sent_again_ever_more_rarely_until_something_comes_back() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 4;
    pair.ends[SCHEDULER].send(here, text("one")).unwrap();
    pair.drain();
    pair.ends[SCHEDULER].send(here, text("two")).unwrap();
    pair.advance_ms(5000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1000  scheduler ► frame 3, ack 1 | data 1 ×1 LOST
            1100  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1300  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1700  scheduler ► frame 2, ack 1 | data 1 ×1
            1701  executor  message b"one"
            1711  executor  ► ack 2
            1712  scheduler ► frame 3, ack 1 | data 1 ×1
            1713  executor  message b"two"
            1723  executor  ► ack 3
        "#]],
    );
}

#[test]
fn a_full_window_blocks_until_half_of_it_is_taken() {
    let window = Window {
        messages: 4,
        bytes: 1000,
    };
    let (mut pair, here, there) = linked(Config {
        window,
        ..Config::new()
    });
    for _ in 0..4 {
        pair.ends[SCHEDULER].send(here, text("hello")).unwrap();
    }
    let full = pair.ends[SCHEDULER].send(here, text("more"));
    assert_eq!(full, Err(SendError::Full));
    pair.advance_ms(100);
    pair.ends[EXECUTOR].take(there, 1, 5);
    pair.note(EXECUTOR, "takes one");
    pair.advance_ms(100);
    pair.ends[EXECUTOR].take(there, 1, 5);
    pair.note(EXECUTOR, "takes another");
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×4
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1011  executor  ► ack 2
            1100  executor  takes one
            1200  executor  takes another
            1200  executor  ► frame 2, ack 2 | credit 1 2/10
            1201  scheduler writable
            1211  scheduler ► ack 2
        "#]],
    );
}

#[test]
fn a_close_comes_after_the_data_and_each_direction_closes_by_itself() {
    let (mut pair, here, there) = linked(Config::new());
    pair.ends[SCHEDULER].send(here, text("last")).unwrap();
    pair.ends[SCHEDULER].close(here);
    let closed = pair.ends[SCHEDULER].send(here, text("late"));
    assert_eq!(closed, Err(SendError::Closed));
    pair.advance_ms(100);
    pair.ends[EXECUTOR].send(there, text("answer")).unwrap();
    pair.ends[EXECUTOR].close(there);
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 | close 1
            1001  executor  message b"last"
            1001  executor  closed
            1011  executor  ► ack 2
            1100  executor  ► frame 2, ack 2 | data 1 ×1 | close 1
            1101  scheduler message b"answer"
            1101  scheduler closed
            1101  scheduler released
            1111  scheduler ► ack 2
            1112  executor  released
        "#]],
    );
}

#[test]
fn a_stop_ends_the_sender_over_there_and_counts_what_was_not_taken() {
    let window = Window {
        messages: 4,
        bytes: 1000,
    };
    let (mut pair, here, there) = linked(Config {
        window,
        ..Config::new()
    });
    for _ in 0..4 {
        pair.ends[SCHEDULER].send(here, text("hello")).unwrap();
    }
    pair.advance_ms(100);
    pair.ends[EXECUTOR].take(there, 1, 5);
    pair.ends[EXECUTOR].stop(there);
    pair.ends[EXECUTOR].close(there);
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×4
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1001  executor  message b"hello"
            1011  executor  ► ack 2
            1100  executor  ► frame 2, ack 2 | stop 1 after 1 | close 1
            1101  scheduler stopped, 3 untaken
            1101  scheduler closed
            1101  scheduler ► frame 3, ack 2 | close 1
            1101  scheduler released
            1102  executor  released
            1112  executor  ► ack 3
        "#]],
    );
}

#[test]
fn what_was_not_taken_is_counted_for_a_sender_that_has_closed_as_well() {
    let (mut pair, here, there) = linked(Config::new());
    for _ in 0..4 {
        pair.ends[SCHEDULER].send(here, text("hello")).unwrap();
    }
    pair.ends[SCHEDULER].close(here);
    pair.advance_ms(100);
    pair.ends[EXECUTOR].take(there, 1, 5);
    pair.ends[EXECUTOR].stop(there);
    pair.ends[EXECUTOR].close(there);
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
        1000  scheduler ► frame 2, ack 1 | data 1 ×4 | close 1
        1001  executor  message b"hello"
        1001  executor  message b"hello"
        1001  executor  message b"hello"
        1001  executor  message b"hello"
        1001  executor  closed
        1011  executor  ► ack 2
        1100  executor  ► frame 2, ack 2 | stop 1 after 1 | close 1
        1100  executor  released
        1101  scheduler stopped, 3 untaken
        1101  scheduler closed
        1101  scheduler released
        1111  scheduler ► ack 2
    "#]],
    );
}

#[test]
fn a_large_message_goes_in_pieces_and_its_neighbour_between_them() {
    let (mut pair, here, _) = linked(Config {
        frame_bytes_max: 100 << 10,
        ..Config::new()
    });
    let other = pair.ends[SCHEDULER].open("b").unwrap();
    pair.advance_ms(1000);
    pair.transcript.clear();
    let large = Bytes::from(vec![7; 300 << 10]);
    pair.ends[SCHEDULER].send(here, large).unwrap();
    pair.ends[SCHEDULER].send(other, text("small")).unwrap();
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            2000  scheduler ► frame 3, ack 1 | piece 1 65536 of 307200 | data 2 ×1 | piece 1 36613
            2000  scheduler ► frame 4, ack 1 | piece 1 65536 | piece 1 36663
            2000  scheduler ► frame 5, ack 1 | piece 1 65536 | piece 1 36663
            2000  scheduler ► frame 6, ack 1 | piece 1 653
            2001  executor  message b"small"
            2001  executor  message of 307200
            2011  executor  ► ack 6
        "#]],
    );
}

#[test]
fn a_channel_is_offered_to_the_end_that_has_not_opened_it() {
    let (mut pair, ..) = linked(Config::new());
    let channel = pair.ends[EXECUTOR].open("new").unwrap();
    pair.ends[EXECUTOR].send(channel, text("early")).unwrap();
    pair.advance_ms(100);
    let there = pair.ends[SCHEDULER].open("new").unwrap();
    pair.ends[SCHEDULER].send(there, text("answer")).unwrap();
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  executor  ► frame 2, ack 1 | open 2 `new` | data 2 ×1
            1001  scheduler offered `new`
            1001  scheduler message b"early"
            1011  scheduler ► ack 2
            1100  scheduler ► frame 2, ack 2 | open 2 `new` | data 2 ×1
            1101  executor  message b"answer"
            1111  executor  ► ack 2
        "#]],
    );
}

#[test]
fn a_name_serves_a_second_channel_when_the_first_is_closed_here() {
    let (mut pair, here, there) = linked(Config::new());
    pair.ends[EXECUTOR].stop(there);
    pair.ends[EXECUTOR].close(there);
    let second = pair.ends[EXECUTOR].open("a").unwrap();
    pair.ends[EXECUTOR].send(second, text("again")).unwrap();
    pair.advance_ms(100);
    pair.ends[SCHEDULER].close(here);
    let second = pair.ends[SCHEDULER].open("a").unwrap();
    pair.ends[SCHEDULER].send(second, text("answer")).unwrap();
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  executor  ► frame 2, ack 1 | stop 1 after 0 | close 1 | open 2 `a` | data 2 ×1
            1001  scheduler stopped, 0 untaken
            1001  scheduler closed
            1001  scheduler offered `a`
            1001  scheduler message b"again"
            1001  scheduler ► frame 2, ack 2 | close 1
            1001  scheduler released
            1002  executor  released
            1012  executor  ► ack 2
            1100  scheduler ► frame 3, ack 2 | open 2 `a` | data 2 ×1
            1101  executor  message b"answer"
            1111  executor  ► ack 3
        "#]],
    );
}

#[test]
fn control_needs_no_opening() {
    let (mut pair, ..) = linked(Config::new());
    pair.ends[SCHEDULER]
        .send(ChannelId::CONTROL, text("start"))
        .unwrap();
    // It cannot be closed or stopped.
    pair.ends[SCHEDULER].close(ChannelId::CONTROL);
    pair.ends[EXECUTOR].stop(ChannelId::CONTROL);
    pair.advance_ms(100);
    pair.ends[SCHEDULER]
        .send(ChannelId::CONTROL, text("again"))
        .unwrap();
    pair.advance_ms(100);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 0 ×1
            1001  executor  message b"start"
            1011  executor  ► ack 2
            1100  scheduler ► frame 3, ack 1 | data 0 ×1
            1101  executor  message b"again"
            1111  executor  ► ack 3
        "#]],
    );
}
