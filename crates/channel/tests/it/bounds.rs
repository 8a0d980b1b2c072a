//! Each bound that an end keeps to, and what it counts.

use std::time::Duration;

use bytes::Bytes;
use mesosgot_channel::{Config, FrameError, OpenError, Output, SendError, Window};

use crate::pair::{EXECUTOR, Faults, Pair, SCHEDULER};

#[test]
fn a_message_that_fills_a_frame_is_not_held_up_by_small_ones() {
    let mut pair = Pair::faultless(Config {
        frame_bytes_max: 4096,
        ..Config::new()
    });
    let names = ["before", "large", "after"];
    let [before, large, after] = names.map(|name| pair.ends[SCHEDULER].open(name).unwrap());
    pair.advance_ms(1000);
    let end = &mut pair.ends[SCHEDULER];
    let small = Bytes::from(vec![1; 300]);
    end.send(before, small.clone()).unwrap();
    end.send(large, Bytes::from(vec![2; 3900])).unwrap();
    end.send(after, small.clone()).unwrap();
    let mut frames = 0;
    loop {
        frames += 1;
        assert!(frames <= 2, "it waits for ever");
        if end.poll_frame(pair.now).unwrap().len() > 3900 {
            break;
        }
        // There is always something small to send.
        end.send(before, small.clone()).unwrap();
        end.send(after, small.clone()).unwrap();
    }
}

#[test]
fn a_small_message_does_not_keep_its_frame_in_memory() {
    let mut pair = Pair::faultless(Config::new());
    let channel = pair.ends[SCHEDULER].open("a").unwrap();
    for bytes in [10, 10, 100_000, 10] {
        pair.ends[SCHEDULER]
            .send(channel, Bytes::from(vec![7; bytes]))
            .unwrap();
    }
    pair.advance_ms(1000);
    for output in &pair.outputs[EXECUTOR] {
        if let Output::Message { data, .. } = output {
            // The large one points into the frame, which is all but its own.
            assert!(data.is_unique(), "a message of {} bytes", data.len());
        }
    }
}

#[test]
fn no_more_frames_are_in_flight_than_chosen() {
    let config = Config {
        frames_in_flight_max: 3,
        ..Config::new()
    };
    let mut pair = Pair::faultless(config);
    let channel = pair.ends[SCHEDULER].open("a").unwrap();
    pair.advance_ms(100);
    pair.lose_next[SCHEDULER] = 3;
    let before = pair.ends[SCHEDULER].counters().frames_sent;
    for _ in 0..100 {
        pair.ends[SCHEDULER]
            .send(channel, Bytes::from_static(b"hello"))
            .unwrap();
        pair.drain();
    }
    let frames = pair.ends[SCHEDULER].counters().frames_sent - before;
    assert_eq!(frames, 3);
    pair.advance(Duration::from_secs(10));
    let received = pair.ends[EXECUTOR].counters().messages_received;
    assert_eq!(received, 100);
}

#[test]
fn the_smaller_window_of_both_ends_holds_even_for_what_was_sent_before() {
    let window = Window {
        messages: 2,
        bytes: 100,
    };
    let small = Config {
        window,
        ..Config::new()
    };
    let mut pair = Pair::new([Config::new(), small], Faults::NONE, 0);
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    let there = pair.ends[EXECUTOR].open("a").unwrap();
    let hello = Bytes::from_static(b"hello");
    for _ in 0..10 {
        pair.ends[SCHEDULER].send(here, hello.clone()).unwrap();
    }
    for received in [2, 4, 6, 8, 10] {
        pair.advance_ms(1000);
        let counters = pair.ends[EXECUTOR].counters();
        assert_eq!(counters.messages_received, received);
        pair.ends[EXECUTOR].take(there, 2, 10);
    }
    pair.advance_ms(1000);
    // The other direction: the larger window is at the end that receives.
    for _ in 0..10 {
        let end = &mut pair.ends[EXECUTOR];
        end.send(there, hello.clone()).unwrap();
        end.send(there, hello.clone()).unwrap();
        assert_eq!(end.send(there, hello.clone()), Err(SendError::Full));
        pair.advance_ms(1000);
        pair.ends[SCHEDULER].take(here, 2, 10);
        pair.advance_ms(1000);
    }
}

#[test]
fn what_was_not_taken_is_counted_when_the_link_is_shut() {
    let window = Window {
        messages: 8,
        bytes: 1000,
    };
    let mut pair = Pair::faultless(Config {
        window,
        ..Config::new()
    });
    let names = ["taken", "waiting", "doubtful", "lost"];
    let here = names.map(|name| pair.ends[SCHEDULER].open(name).unwrap());
    let there = names.map(|name| pair.ends[EXECUTOR].open(name).unwrap());
    let send = |pair: &mut Pair, channel: usize, messages: usize| {
        for _ in 0..messages {
            let sent = pair.ends[SCHEDULER].send(here[channel], Bytes::from_static(b"hello"));
            assert_eq!(sent, Ok(()));
        }
    };
    send(&mut pair, 0, 4);
    send(&mut pair, 1, 8);
    send(&mut pair, 2, 7);
    pair.advance_ms(1000);
    // Half a window is worth a word; three more are taken in silence.
    pair.ends[EXECUTOR].take(there[0], 4, 20);
    pair.ends[EXECUTOR].take(there[2], 4, 20);
    pair.advance_ms(1000);
    pair.ends[EXECUTOR].take(there[2], 3, 15);
    pair.advance_ms(1000);
    pair.lose_next[SCHEDULER] = 1;
    send(&mut pair, 3, 2);
    pair.drain();
    assert!(!pair.ends[SCHEDULER].is_flushed(), "that is on its way");
    let counts = pair.ends[SCHEDULER].shut().into_iter();
    let counts: Vec<_> = counts.map(|it| (it.channel, it.messages)).collect();
    assert_eq!(counts, [(here[1], 8), (here[2], 3), (here[3], 2)]);
    assert_eq!(pair.ends[SCHEDULER].shut(), []);
    assert_eq!(pair.ends[SCHEDULER].open("d"), Err(OpenError::Shut));
    let late = pair.ends[SCHEDULER].handle_frame(pair.now, Bytes::new());
    assert_eq!(late, Err(FrameError::Shut));
}

#[test]
fn a_link_is_flushed_when_all_is_acknowledged_the_close_too() {
    let mut pair = Pair::faultless(Config {
        window: Window {
            messages: 1,
            bytes: 100,
        },
        ..Config::new()
    });
    assert!(pair.ends[SCHEDULER].is_flushed(), "nothing was sent");
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    assert!(
        !pair.ends[SCHEDULER].is_flushed(),
        "the opening is not sent"
    );
    let there = pair.ends[EXECUTOR].open("a").unwrap();
    pair.advance_ms(1000);
    assert!(pair.ends[SCHEDULER].is_flushed());
    pair.ends[SCHEDULER].send(here, Bytes::new()).unwrap();
    pair.advance_ms(1);
    assert!(
        !pair.ends[SCHEDULER].is_flushed(),
        "a message is on its way"
    );
    pair.advance_ms(100);
    assert!(pair.ends[SCHEDULER].is_flushed());
    pair.ends[EXECUTOR].take(there, 1, 0);
    pair.advance_ms(100);
    pair.lose_next[SCHEDULER] = 1;
    pair.ends[SCHEDULER].close(here);
    pair.advance_ms(10);
    assert!(!pair.ends[SCHEDULER].is_flushed(), "the close was lost");
    pair.advance_ms(1000);
    assert!(pair.ends[SCHEDULER].is_flushed());
}

#[test]
fn what_goes_through_is_counted() {
    let mut pair = Pair::faultless(Config {
        window: Window {
            messages: 2,
            bytes: 100,
        },
        ..Config::new()
    });
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    pair.advance_ms(1000);
    for _ in 0..3 {
        let _ = pair.ends[SCHEDULER].send(here, Bytes::from_static(b"hello"));
    }
    pair.advance_ms(1000);
    let sent = pair.ends[SCHEDULER].counters();
    assert_eq!(
        (sent.messages_sent, sent.bytes_sent, sent.stalls),
        (2, 10, 1)
    );
    assert_eq!(sent.round_trip, Some(Duration::from_millis(2)));
    let of_channel = pair.ends[SCHEDULER].channel_counters(here).unwrap();
    assert_eq!((of_channel.messages_sent, of_channel.stalls), (2, 1));
    let received = pair.ends[EXECUTOR].counters();
    assert_eq!(
        (received.messages_received, received.bytes_received),
        (2, 10)
    );
}

#[test]
fn a_channel_tells_how_full_it_is_at_both_ends() {
    let window = Window {
        messages: 4,
        bytes: 100,
    };
    let mut pair = Pair::faultless(Config {
        window,
        ..Config::new()
    });
    let here = pair.ends[SCHEDULER].open("a").unwrap();
    let there = pair.ends[EXECUTOR].open("a").unwrap();
    pair.advance_ms(1000);
    let state = |pair: &Pair| {
        let here = pair.ends[SCHEDULER].channel_state(here);
        let there = pair.ends[EXECUTOR].channel_state(there);
        assert_eq!((here.window, there.undelivered), (window, 0));
        (here.undelivered, here.is_full, there.is_peer_full)
    };
    for sent in 1..=4 {
        pair.ends[SCHEDULER].send(here, Bytes::new()).unwrap();
        assert_eq!(state(&pair), (sent, sent == 4, false));
    }
    pair.advance_ms(1000);
    assert_eq!(state(&pair), (4, true, true));
    // It is known there at once, and here when half of the window is free.
    pair.ends[EXECUTOR].take(there, 1, 0);
    pair.advance_ms(1000);
    assert_eq!(state(&pair), (4, true, false));
    pair.ends[EXECUTOR].take(there, 2, 0);
    pair.advance_ms(1000);
    assert_eq!(state(&pair), (1, false, false));

    pair.ends[SCHEDULER].close(here);
    let closed = pair.ends[SCHEDULER].channel_state(here);
    assert!(closed.is_closed && !closed.is_full, "{closed:?}");
    pair.ends[EXECUTOR].shut();
    let shut = pair.ends[EXECUTOR].channel_state(there);
    assert!(shut.is_closed && !shut.is_peer_full, "{shut:?}");
    assert_eq!(shut.undelivered, 0);
}
