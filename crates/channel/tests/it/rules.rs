//! Each rule that a peer can break, and frames that are not of the link.

use std::time::Instant;

use bytes::Bytes;
use mesosgot_channel::wire::{
    CONTROL, Close, Credit, Data, Frame, Kind, Notice, Open, Piece, Record, Stop, VERSION,
};
use mesosgot_channel::{
    CHANNELS_MAX, ChannelId, Config, FRAME_BYTES_MAX, FRAME_BYTES_MIN, FRAMES_IN_FLIGHT_MAX,
    FrameError, LinkEnd, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, NOTICE_BYTES_MAX, OpenError, Output,
    Role, SendError, TellError, Violation, Window,
};
use prost::Message as _;

/// A scheduler's end, and a peer that says whatever it is told to.
struct Raw {
    end: LinkEnd,
    now: Instant,
    sequence: u64,
}

const HERE: u64 = 0xa;
const PEER: u64 = 0xb;

impl Raw {
    fn new() -> Self {
        let window = Window {
            messages: 2,
            bytes: 100,
        };
        let config = Config {
            window,
            ..Config::new()
        };
        Self {
            end: LinkEnd::new(Role::Scheduler, HERE, config),
            now: Instant::now(),
            sequence: 0,
        }
    }

    /// A frame without records that is in order.
    fn frame(&self) -> Frame {
        Frame {
            version: VERSION,
            from: PEER,
            to: Some(HERE),
            window_messages: 2,
            window_bytes: 100,
            ..Frame::default()
        }
    }

    fn handle(&mut self, frame: &Frame) -> Result<(), FrameError> {
        let bytes = Bytes::from(frame.encode_to_vec());
        self.end.handle_frame(self.now, bytes)
    }

    /// The next frame in order, with these records.
    fn say(&mut self, kinds: impl IntoIterator<Item = Kind>) -> Result<(), FrameError> {
        self.sequence += 1;
        let records = kinds.into_iter().map(Record::from).collect();
        self.handle(&Frame {
            sequence: self.sequence,
            records,
            ..self.frame()
        })
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.end.poll_output()).collect()
    }
}

fn open(channel: u32) -> Kind {
    let name = format!("name-{channel}");
    Kind::Open(Open { channel, name })
}

fn data(channel: u32, lengths: &[usize]) -> Kind {
    let messages = lengths.iter().map(|bytes| Bytes::from(vec![7; *bytes]));
    Kind::Data(Data {
        channel,
        messages: messages.collect(),
    })
}

fn piece(channel: u32, total_bytes: u64, bytes: usize) -> Kind {
    Kind::Piece(Piece {
        channel,
        total_bytes,
        data: Bytes::from(vec![7; bytes]),
    })
}

fn close(channel: u32) -> Kind {
    Kind::Close(Close { channel })
}

/// The records break this rule, and the link is of no use afterwards.
#[track_caller]
fn check_violation(kinds: impl IntoIterator<Item = Kind>, expected: Violation) {
    let mut raw = Raw::new();
    let expected = Err(FrameError::Violation(expected));
    assert_eq!(raw.say(kinds), expected);
    assert_eq!(raw.say([]), expected, "a violation is final");
    assert_eq!(raw.end.poll_frame(raw.now), None);
    let sent = raw.end.send(ChannelId::CONTROL, Bytes::new());
    assert_eq!(sent, Err(SendError::Closed));
}

#[test]
fn records_that_break_a_rule_end_the_link() {
    check_violation([data(1, &[1])], Violation::UnknownChannel(1));
    check_violation([piece(1, 10, 1)], Violation::UnknownChannel(1));
    check_violation([close(1)], Violation::UnknownChannel(1));
    check_violation(
        [open(1), close(1), data(1, &[1])],
        Violation::UnknownChannel(1),
    );
    check_violation([close(CONTROL)], Violation::UnknownChannel(CONTROL));
    check_violation([open(1), open(1)], Violation::OpenedTwice(1));
    check_violation([open(CONTROL)], Violation::OpenedTwice(CONTROL));
    let stop = |channel, messages| Kind::Stop(Stop { channel, messages });
    check_violation([stop(1, 0)], Violation::UnknownChannel(1));
    check_violation([stop(CONTROL, 0)], Violation::UnknownChannel(CONTROL));
    // The channel that the peer opens is number 1 here too.
    check_violation([open(9), stop(1, 1)], Violation::CreditUnsent(1));
    let credit = |channel, messages, bytes| {
        Kind::Credit(Credit {
            channel,
            messages,
            bytes,
        })
    };
    check_violation([credit(1, 0, 0)], Violation::UnknownChannel(1));
    check_violation([credit(CONTROL, 1, 0)], Violation::CreditUnsent(CONTROL));
    check_violation([credit(CONTROL, 0, 1)], Violation::CreditUnsent(CONTROL));
}

#[test]
fn pieces_that_do_not_fit_together_end_the_link() {
    check_violation([open(1), piece(1, 0, 5)], Violation::Pieces(1));
    check_violation([open(1), piece(1, 9, 0)], Violation::Pieces(1));
    check_violation([open(1), piece(1, 9, 10)], Violation::Pieces(1));
    check_violation(
        [open(1), piece(1, 9, 5), piece(1, 0, 5)],
        Violation::Pieces(1),
    );
    check_violation(
        [open(1), piece(1, 9, 5), piece(1, 9, 4)],
        Violation::Pieces(1),
    );
    check_violation(
        [open(1), piece(1, 9, 5), data(1, &[1])],
        Violation::Pieces(1),
    );
    check_violation([open(1), piece(1, 9, 5), close(1)], Violation::Pieces(1));
    let bytes = MESSAGE_BYTES_MAX as u64 + 1;
    check_violation(
        [open(1), piece(1, bytes, 5)],
        Violation::MessageTooLarge { channel: 1, bytes },
    );
}

#[test]
fn a_window_that_is_exceeded_ends_the_link() {
    check_violation([open(1), data(1, &[1; 3])], Violation::WindowExceeded(1));
    check_violation([open(1), data(1, &[100, 1])], Violation::WindowExceeded(1));
    check_violation(
        [open(1), data(1, &[100]), piece(1, 9, 5)],
        Violation::WindowExceeded(1),
    );
    // The message that fills the window may go beyond it.
    let mut raw = Raw::new();
    raw.say([open(1), data(1, &[99, 500])]).unwrap();
    let is_message = |output: &Output| matches!(output, Output::Message { .. });
    assert_eq!(raw.outputs().into_iter().filter(is_message).count(), 2);
}

#[test]
fn a_stopped_channel_holds_its_window_too() {
    let mut raw = Raw::new();
    let channel = raw.end.open("name-1").unwrap();
    raw.end.stop(channel);
    raw.say([open(1), data(1, &[1, 1])]).unwrap();
    let only_linked = matches!(raw.outputs()[..], [Output::Linked { .. }]);
    assert!(only_linked, "what nobody takes is not given");
    let expected = FrameError::Violation(Violation::WindowExceeded(1));
    assert_eq!(raw.say([data(1, &[1])]), Err(expected));
}

#[test]
fn a_record_of_no_known_kind_ends_the_link() {
    let mut raw = Raw::new();
    let frame = Frame {
        sequence: 1,
        records: vec![Record { kind: None }],
        ..raw.frame()
    };
    let expected = FrameError::Violation(Violation::UnknownRecord);
    assert_eq!(raw.handle(&frame), Err(expected));
}

#[test]
fn names_have_a_length() {
    let named = |name: String| Kind::Open(Open { channel: 1, name });
    check_violation([named(String::new())], Violation::Name { bytes: 0 });
    let bytes = NAME_BYTES_MAX + 1;
    check_violation([named("x".repeat(bytes))], Violation::Name { bytes });
    let mut raw = Raw::new();
    raw.say([named("x".repeat(NAME_BYTES_MAX))]).unwrap();
    assert_eq!(raw.end.open(""), Err(OpenError::Name { bytes: 0 }));
    let too_long = raw.end.open(&"x".repeat(bytes));
    assert_eq!(too_long, Err(OpenError::Name { bytes }));
}

#[test]
fn channels_have_a_greatest_number() {
    let mut raw = Raw::new();
    for number in 1..CHANNELS_MAX / 2 {
        raw.end.open(&number.to_string()).unwrap();
    }
    let rest = CHANNELS_MAX / 2..CHANNELS_MAX;
    for numbers in rest.collect::<Vec<_>>().chunks(1000) {
        let opened = numbers.iter().map(|number| open(*number as u32));
        raw.say(opened).unwrap();
    }
    assert_eq!(raw.end.open("one more"), Err(OpenError::TooMany));
    let expected = FrameError::Violation(Violation::TooManyChannels);
    assert_eq!(raw.say([open(u32::MAX)]), Err(expected));
}

#[test]
fn frames_of_others_change_nothing() {
    let mut raw = Raw::new();
    let for_another = Frame {
        to: Some(0xc),
        ..raw.frame()
    };
    let expected = Err(FrameError::OtherIncarnation {
        found: 0xc,
        expected: HERE,
    });
    assert_eq!(raw.handle(&for_another), expected);
    raw.say([]).unwrap();
    let from_another = Frame {
        from: 0xc,
        sequence: 2,
        ..raw.frame()
    };
    let expected = Err(FrameError::OtherIncarnation {
        found: 0xc,
        expected: PEER,
    });
    assert_eq!(raw.handle(&from_another), expected);
    for found in [VERSION - 1, VERSION + 1] {
        let version = Frame {
            version: found,
            ..raw.frame()
        };
        assert_eq!(raw.handle(&version), Err(FrameError::Version { found }));
    }
    let malformed = raw.end.handle_frame(raw.now, Bytes::from_static(b"\xff"));
    assert!(matches!(malformed, Err(FrameError::Malformed(_))));
    let bytes = FRAME_BYTES_MAX + 1;
    let too_large = raw.end.handle_frame(raw.now, Bytes::from(vec![0; bytes]));
    assert_eq!(too_large, Err(FrameError::TooLarge { bytes }));
    raw.say([open(1)]).unwrap();
}

#[test]
fn a_greeting_must_grant_a_window_and_carry_nothing() {
    for (window_messages, window_bytes) in [(0, 1), (1, 0)] {
        let mut raw = Raw::new();
        let frame = Frame {
            to: None,
            window_messages,
            window_bytes,
            ..raw.frame()
        };
        let expected = FrameError::Violation(Violation::ZeroWindow);
        assert_eq!(raw.handle(&frame), Err(expected));
    }
    let mut raw = Raw::new();
    let frame = Frame {
        to: None,
        sequence: 1,
        ..raw.frame()
    };
    let expected = FrameError::Violation(Violation::SequencedGreeting(1));
    assert_eq!(raw.handle(&frame), Err(expected));
}

#[test]
fn a_frame_may_be_so_far_ahead_and_no_further() {
    let mut raw = Raw::new();
    let furthest = FRAMES_IN_FLIGHT_MAX as u64;
    raw.handle(&Frame {
        sequence: furthest,
        ..raw.frame()
    })
    .unwrap();
    let found = furthest + 1;
    let beyond = Frame {
        sequence: found,
        ..raw.frame()
    };
    let expected = FrameError::Violation(Violation::TooFarAhead { found, missing: 1 });
    assert_eq!(raw.handle(&beyond), Err(expected));
}

#[test]
fn only_what_was_sent_can_be_acknowledged() {
    for (acknowledged, held, found) in [(2, 0, 2), (u64::MAX, 0, u64::MAX), (0, 1, 2), (1, 2, 4)] {
        let mut raw = Raw::new();
        raw.say([]).unwrap();
        raw.end.send(ChannelId::CONTROL, Bytes::new()).unwrap();
        raw.end.poll_frame(raw.now).unwrap();
        let frame = Frame {
            acknowledged,
            held,
            ..raw.frame()
        };
        let violation = Violation::AcknowledgedUnsent { found, last: 1 };
        assert_eq!(raw.handle(&frame), Err(FrameError::Violation(violation)));
    }
}

/// A notice to that end.
fn notice(number: u64, bytes: usize) -> Option<Notice> {
    let data = Bytes::from(vec![7; bytes]);
    Some(Notice { number, data })
}

#[test]
fn a_notice_may_be_so_large_and_no_larger() {
    let mut raw = Raw::new();
    let bytes = NOTICE_BYTES_MAX + 1;
    let refused = raw.end.tell(Bytes::from(vec![0; bytes]));
    assert_eq!(refused, Err(TellError::TooLarge { bytes }));
    let largest = Bytes::from(vec![0; NOTICE_BYTES_MAX]);
    assert_eq!(raw.end.tell(largest), Ok(()));
    let frame = Frame {
        notice: notice(1, NOTICE_BYTES_MAX),
        ..raw.frame()
    };
    raw.handle(&frame).unwrap();
    assert!(raw.end.poll_frame(raw.now).unwrap().len() <= FRAME_BYTES_MIN);
    let frame = Frame {
        notice: notice(2, bytes),
        ..raw.frame()
    };
    let violation = FrameError::Violation(Violation::NoticeTooLarge { bytes });
    assert_eq!(raw.handle(&frame), Err(violation));
    let refused = raw.end.tell(Bytes::new());
    assert_eq!(refused, Err(TellError::Shut));
}

#[test]
fn only_what_was_told_can_be_seen() {
    for told in [0, 1] {
        let mut raw = Raw::new();
        for _ in 0..told {
            raw.end.tell(Bytes::new()).unwrap();
        }
        // It may see what is still waiting to be told: whoever does that fools only itself.
        for notice_seen in 0..=told {
            let frame = Frame {
                notice_seen,
                ..raw.frame()
            };
            raw.handle(&frame).unwrap();
        }
        let found = told + 1;
        let frame = Frame {
            notice_seen: found,
            ..raw.frame()
        };
        let violation = Violation::SawUntold { found, last: told };
        assert_eq!(raw.handle(&frame), Err(FrameError::Violation(violation)));
    }
}

#[test]
fn of_notices_only_news_is_given_and_each_is_answered_at_once() {
    let mut raw = Raw::new();
    raw.say([]).unwrap();
    raw.outputs();
    while raw.end.poll_frame(raw.now).is_some() {}
    // The first two are overtaken by the third. A number 0 is none that an end of ours gives.
    for (number, is_news) in [
        (3, true),
        (3, false),
        (1, false),
        (2, false),
        (0, false),
        (9, true),
    ] {
        let frame = Frame {
            notice: notice(number, 1),
            ..raw.frame()
        };
        raw.handle(&frame).unwrap();
        assert_eq!(raw.outputs().len(), usize::from(is_news), "notice {number}");
        let answer = raw.end.poll_frame(raw.now).expect("an answer");
        let answer = Frame::decode(answer).unwrap();
        assert_eq!((answer.sequence, answer.notice), (0, None));
        assert_eq!(answer.notice_seen, if number == 9 { 9 } else { 3 });
        assert_eq!(raw.end.poll_frame(raw.now), None);
    }
}

#[test]
fn a_frame_that_comes_again_is_acknowledged_at_once_and_changes_nothing() {
    let mut raw = Raw::new();
    let numbered = |raw: &Raw, sequence| Frame {
        sequence,
        records: match sequence {
            1 => vec![Record::from(open(1)), Record::from(data(1, &[1]))],
            _ => vec![Record::from(data(1, &[1]))],
        },
        ..raw.frame()
    };
    // The second comes before the first, and both come twice.
    for (sequence, duplicated, outputs) in [(2, 0, 1), (2, 1, 0), (1, 1, 3), (1, 2, 0), (2, 3, 0)] {
        let frame = numbered(&raw, sequence);
        raw.handle(&frame).unwrap();
        assert_eq!(raw.end.counters().frames_duplicated, duplicated);
        assert_eq!(raw.outputs().len(), outputs, "after frame {sequence}");
        assert!(raw.end.poll_frame(raw.now).is_some(), "no acknowledgement");
        assert_eq!(raw.end.poll_frame(raw.now), None);
    }
}
