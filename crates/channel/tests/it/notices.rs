//! Notices, told frame by frame.

use expect_test::expect;
use mesosgot_channel::{Config, Path};

use crate::pair::{EXECUTOR, Pair, SCHEDULER};
use crate::transcripts::{check, linked, text};

#[test]
fn a_notice_waits_for_the_peer_and_for_nothing_else() {
    let mut pair = Pair::faultless(Config::new());
    pair.ends[SCHEDULER].tell(text("here")).unwrap();
    pair.lose_next[EXECUTOR] = 1;
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
            0     executor  ► greeting LOST
            200   executor  ► greeting
            201   scheduler linked to 0xb
            201   scheduler ► ack 0 | notice 1
            202   executor  linked to 0xa
            202   executor  told b"here"
            202   executor  ► ack 0, notice 1 seen
        "#]],
    );
}

#[test]
fn a_notice_passes_a_frame_that_is_missing() {
    let (mut pair, here, _) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 1;
    pair.ends[SCHEDULER].send(here, text("lost")).unwrap();
    pair.advance_ms(1);
    pair.ends[SCHEDULER].tell(text("news")).unwrap();
    pair.advance_ms(50);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► frame 2, ack 1 | data 1 ×1 LOST
            1001  scheduler ► ack 1 | notice 1
            1002  executor  told b"news"
            1002  executor  ► ack 1, notice 1 seen
            1020  scheduler ► frame 2, ack 1 | data 1 ×1
            1021  executor  message b"lost"
            1031  executor  ► ack 2, notice 1 seen
        "#]],
    );
}

#[test]
fn a_notice_is_told_until_it_is_seen_ever_more_rarely() {
    let (mut pair, ..) = linked(Config::new());
    pair.lose_next = [2, 1];
    pair.ends[SCHEDULER].tell(text("news")).unwrap();
    pair.advance_ms(10_000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► ack 1 | notice 1 LOST
            1200  scheduler ► ack 1 | notice 1 LOST
            1600  scheduler ► ack 1 | notice 1
            1601  executor  told b"news"
            1601  executor  ► ack 1, notice 1 seen LOST
            2400  scheduler ► ack 1 | notice 1
            2401  executor  ► ack 1, notice 1 seen
        "#]],
    );
}

#[test]
fn a_newer_notice_takes_the_place_of_one_that_was_not_seen() {
    let (mut pair, ..) = linked(Config::new());
    pair.lose_next[EXECUTOR] = 1;
    pair.ends[EXECUTOR].tell(text("no route")).unwrap();
    pair.advance_ms(100);
    pair.ends[EXECUTOR].tell(text("refused")).unwrap();
    pair.advance_ms(1000);
    check(
        &pair,
        expect![[r#"
        1000  executor  ► ack 1 | notice 1 LOST
        1100  executor  ► ack 1 | notice 2
        1101  scheduler told b"refused"
        1101  scheduler ► ack 1, notice 2 seen
    "#]],
    );
}

#[test]
fn a_notice_that_was_not_seen_is_told_at_once_on_another_path() {
    let (mut pair, ..) = linked(Config::new());
    pair.lose_next[SCHEDULER] = 4;
    pair.ends[SCHEDULER].tell(text("news")).unwrap();
    pair.advance_ms(2000);
    pair.move_to(SCHEDULER, Path::Direct);
    pair.advance_ms(5000);
    check(
        &pair,
        expect![[r#"
            1000  scheduler ► ack 1 | notice 1 LOST
            1200  scheduler ► ack 1 | notice 1 LOST
            1600  scheduler ► ack 1 | notice 1 LOST
            2400  scheduler ► ack 1 | notice 1 LOST
            3000  scheduler moves to Direct
            3000  scheduler ► ack 1 | notice 1
            3001  executor  told b"news"
            3001  executor  ► ack 1, notice 1 seen
        "#]],
    );
}
