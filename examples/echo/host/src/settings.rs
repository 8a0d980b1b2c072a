//! What the host's arguments say.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use echo_messages::NUMBER_BYTES;
use mesosgot_sdk::{Args, Error, MESSAGE_BYTES_MAX};

/// How messages are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One message at a time, to one task after the other.
    Ping,
    /// As many as the window allows, to all tasks at once.
    Stream,
    /// As `Stream`, but tasks count instead of answering.
    OneWay,
}

/// The arguments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    /// How many messages go to each task.
    pub(crate) messages: u64,
    /// Of each message.
    pub(crate) bytes: usize,
    /// How many messages to one task may be without an answer.
    pub(crate) window: usize,
    /// How long to wait for an answer. What did not come by then is lost.
    pub(crate) patience: Duration,
}

/// What a channel holds of bytes; the host's (`channels` of the job file cannot change it).
const CHANNEL_BYTES_MAX: usize = 4 << 20;

/// What a channel holds of messages where the job file says nothing.
const CHANNEL_MESSAGES: usize = 256;

impl Settings {
    pub(crate) fn parse(mut args: Args) -> Result<Self, Error> {
        let settings = Self {
            mode: args.flag("--mode").or(Mode::Ping)?,
            messages: args.flag("--messages").or(1000)?,
            bytes: args.flag("--size").or(20)?,
            window: args.flag("--window").or(64)?,
            patience: args.flag("--patience").or(Seconds(30.0))?.duration(),
        };
        let channel: usize = args.flag("--channel-window").or(CHANNEL_MESSAGES)?;
        args.finish()?;
        settings.check(channel)?;
        Ok(settings)
    }

    /// How many messages may be on their way to one task and back, so that no sender ever waits for
    /// one that waits for it: what one channel holds.
    fn check(&self, channel: usize) -> Result<(), Error> {
        let refuse = |text: String| Err(Error::msg(text));
        let Self { bytes, window, .. } = *self;
        if self.messages == 0 {
            return refuse("`--messages` cannot be `0`: there is nothing to check".to_owned());
        }
        if !(NUMBER_BYTES..=MESSAGE_BYTES_MAX).contains(&bytes) {
            return refuse(format!(
                "`--size` cannot be `{bytes}`: expected {NUMBER_BYTES}, which the number of a \
                 message takes, to {MESSAGE_BYTES_MAX}"
            ));
        }
        if window == 0 || window > channel {
            return refuse(format!(
                "`--window` cannot be `{window}`: expected 1 to {channel}, what a channel holds \
                 (`channels.window` in the job file; tell it by `--channel-window`)"
            ));
        }
        if window > 1 && window.saturating_mul(bytes) > CHANNEL_BYTES_MAX {
            return refuse(format!(
                "`--window` cannot be `{window}`: messages of {bytes} bytes fit {} times into a \
                 channel",
                CHANNEL_BYTES_MAX / bytes
            ));
        }
        Ok(())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Ping, Self::Stream, Self::OneWay]
            .into_iter()
            .find(|mode| mode.to_string() == text)
            .ok_or_else(|| "expected `ping`, `stream` or `oneway`".to_owned())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ping => "ping",
            Self::Stream => "stream",
            Self::OneWay => "oneway",
        })
    }
}

/// A time in seconds, as given on the command line.
#[derive(Debug, Clone, Copy)]
struct Seconds(f64);

impl Seconds {
    fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok();
        seconds
            .filter(|seconds| *seconds > 0.0 && *seconds <= SECONDS_MAX)
            .map(Self)
            .ok_or_else(|| format!("expected seconds above 0, {SECONDS_MAX} at most"))
    }
}

/// A day: nobody waits longer for an answer.
const SECONDS_MAX: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Args::new(text.split_whitespace())).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_has_a_default_and_can_be_told() {
        let settings = parse("").expect("nothing is needed");
        assert_eq!((settings.mode, settings.bytes), (Mode::Ping, 20));
        let text = "--mode stream --messages 7 --size 65536 --window 64 --patience 0.5";
        let expected = Settings {
            mode: Mode::Stream,
            messages: 7,
            bytes: 65_536,
            window: 64,
            patience: Duration::from_millis(500),
        };
        assert_eq!(parse(text), Ok(expected));
        assert_eq!(
            parse("--window 1000 --channel-window 1000").map(|settings| settings.window),
            Ok(1000)
        );
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |text| parse(text).expect_err("it is wrong");
        for (text, expected) in [
            (
                "--messages 0",
                "`--messages` cannot be `0`: there is nothing to check",
            ),
            (
                "--messages many",
                "`--messages` cannot be `many`: invalid digit found in string",
            ),
            (
                "--size 7",
                "`--size` cannot be `7`: expected 8, which the number of a message takes, to 16777216",
            ),
            (
                "--window 0",
                "`--window` cannot be `0`: expected 1 to 256, what a channel holds \
                 (`channels.window` in the job file; tell it by `--channel-window`)",
            ),
            (
                "--window 257",
                "`--window` cannot be `257`: expected 1 to 256, what a channel holds \
                 (`channels.window` in the job file; tell it by `--channel-window`)",
            ),
            (
                "--window 65 --size 65536",
                "`--window` cannot be `65`: messages of 65536 bytes fit 64 times into a channel",
            ),
            (
                "--mode pong",
                "`--mode` cannot be `pong`: expected `ping`, `stream` or `oneway`",
            ),
            (
                "--patience -1",
                "`--patience` cannot be `-1`: expected seconds above 0, 86400 at most",
            ),
            (
                "--sise 20",
                "unknown argument `--sise`, known are `--mode`, `--messages`, `--size`, \
                 `--window`, `--patience`, `--channel-window`",
            ),
        ] {
            assert_eq!(refused(text), expected, "{text}");
        }
    }
}
