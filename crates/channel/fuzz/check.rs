//! What must hold of an end whatever its peer sends. Shared by the fuzz target and by the test
//! that tries mutations of valid frames on every run.

use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_channel::{Config, FRAMES_IN_FLIGHT_MAX, FrameError, LinkEnd, Output, Role, Window};

/// The end that gets the frames, and the peer that it is to believe in.
pub(crate) const HERE: u64 = 0xb;
/// Frames from others are refused at once.
pub(crate) const PEER: u64 = 0xa;

/// Gives an end the frames of an input, each after its length in two bytes (little-endian), and
/// answers what came of them, frame by frame: a number for the kind of each answer.
///
/// Nothing may panic. Nothing that the peer claims may cost memory: what is kept or answered is
/// bounded by what was sent. A frame is answered with a value, twice with the same one if it is a
/// violation.
pub(crate) fn check(input: &[u8]) -> Vec<u8> {
    let config = Config {
        window: Window {
            messages: 4,
            bytes: 200,
        },
        ..Config::new()
    };
    let mut now = start();
    let mut end = LinkEnd::new(Role::Executor, HERE, config);
    let channels = ["a", "b"].map(|name| end.open(name).expect("it is a name"));
    end.tell(Bytes::from_static(b"here"))
        .expect("it is short, and the link is not shut");
    let mut answers = Vec::new();
    let mut received = 0;
    let mut rest = input;
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        now += Duration::from_millis(7);
        let frame = Bytes::copy_from_slice(frame);
        let handled = end.handle_frame(now, frame.clone());
        answers.push(kind(&handled));
        if let Err(FrameError::Violation(_)) = handled {
            assert_eq!(
                end.handle_frame(now, frame),
                handled,
                "a violation is final"
            );
            assert_eq!(end.poll_frame(now), None);
        }
        // A record with its framing is larger than what it makes the end say.
        let mut outputs = 0;
        while let Some(output) = end.poll_output() {
            outputs += 1;
            match output {
                Output::Message { channel, data } => {
                    received += data.len();
                    answers.push(10);
                    end.take(channel, 1, data.len() as u64);
                }
                Output::Told { notice } => {
                    received += notice.len();
                    answers.push(15);
                }
                Output::Offered { .. } => answers.push(11),
                Output::Closed { .. } => answers.push(12),
                Output::Stopped { .. } => answers.push(13),
                _ => answers.push(14),
            }
        }
        assert!(outputs <= length + 2, "{outputs} outputs of {length} bytes");
        assert!(received <= input.len(), "more was received than sent");
        let _ = end.send(channels[0], Bytes::from_static(b"hello"));
        let frames = std::iter::from_fn(|| end.poll_frame(now)).take(1000);
        let bytes: usize = frames.map(|frame| frame.len()).sum();
        assert!(bytes <= FRAMES_IN_FLIGHT_MAX * (1000 + 16 * input.len()));
    }
    end.stop(channels[1]);
    end.close(channels[0]);
    while end.poll_frame(now).is_some() {}
    end.shut();
    answers
}

fn kind(handled: &Result<(), FrameError>) -> u8 {
    match handled {
        Ok(()) => 0,
        Err(FrameError::Malformed(_)) => 1,
        Err(FrameError::TooLarge { .. }) => 2,
        Err(FrameError::Version { .. }) => 3,
        Err(FrameError::OtherIncarnation { .. }) => 4,
        Err(FrameError::Shut) => 5,
        Err(FrameError::Violation(_)) => 6,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]
fn start() -> Instant {
    Instant::now()
}
