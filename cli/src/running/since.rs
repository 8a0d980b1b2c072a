//! Since when: so long ago, or a time. No clock.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use job::parse_duration;
use thiserror::Error;

/// Since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// For so long.
    Ago(Duration),
    /// Since then.
    At(SystemTime),
}

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "write how long ago, like `10m` or `1h30m`, or a time, like `2026-11-21T18:34`, which is UTC, or `2026-11-21T18:34:00+01:00`"
)]
pub(crate) struct NoTime;

impl Since {
    /// The time that is meant now.
    pub(crate) fn time(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(SystemTime::UNIX_EPOCH),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        if let Ok(duration) = parse_duration(text) {
            return Ok(Self::Ago(duration));
        }
        time(text).map(Self::At).ok_or(NoTime)
    }
}

/// `2026-11-21`, `2026-11-21T18:34`, `2026-11-21 18:34:05.250Z`, `2026-11-21T18:34:05+01:00`.
fn time(text: &str) -> Option<SystemTime> {
    let mut text = Text(text);
    let (year, month, day) = (
        text.number(4, 1970..=9999)?,
        text.after('-')?,
        text.after('-')?,
    );
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let mut seconds = days_until(year, month, day) * 86_400;
    let mut nanos = 0;
    if text.skip(&['T', 't', ' ']) {
        let (hour, minute) = (text.number(2, 0..=23)?, text.after(':')?);
        // A leap second is the first of the next minute.
        let second = if text.skip(&[':']) {
            text.number(2, 0..=60)?
        } else {
            0
        };
        if minute > 59 {
            return None;
        }
        seconds += hour * 3600 + minute * 60 + second;
        if text.skip(&['.']) {
            nanos = text.fraction()?;
        }
        seconds -= text.offset_seconds()?;
    }
    // What is before 1970 in UTC is so by hours only.
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let since = Duration::from_secs(seconds) + Duration::from_nanos(nanos);
    text.0.is_empty().then(|| SystemTime::UNIX_EPOCH + since)
}

/// What is left to read.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn skip(&mut self, any: &[char]) -> bool {
        let rest = self.0.strip_prefix(any);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// A number of so many digits.
    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|number| range.contains(number));
        self.0 = rest;
        number.filter(|_| is_number)
    }

    /// One of two digits after this.
    fn after(&mut self, before: char) -> Option<i64> {
        let is_there = self.skip(&[before]);
        self.number(2, 0..=99).filter(|_| is_there)
    }

    /// Digits of a fraction of a second, as nanoseconds.
    fn fraction(&mut self) -> Option<u64> {
        let end = self.0.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        nine.parse().ok().filter(|_| !digits.is_empty())
    }

    /// How far ahead of UTC it is.
    fn offset_seconds(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.skip(&['Z', 'z']) {
            return Some(0);
        }
        let sign = if self.skip(&['+']) {
            1
        } else if self.skip(&['-']) {
            -1
        } else {
            return None;
        };
        let (hours, minutes) = (self.number(2, 0..=23)?, self.after(':')?);
        (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1970 until that one.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400;
    const LEAP_DAYS_BEFORE_1970: i64 = 477;
    let years = (year - 1970) * 365 + leap_days - LEAP_DAYS_BEFORE_1970;
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use executor_host::output::format_time;
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        match text.parse() {
            Ok(Since::At(time)) => format_time(time),
            Ok(Since::Ago(duration)) => format!("{duration:?} ago"),
            Err(NoTime) => "no time".to_owned(),
        }
    }

    #[test]
    fn durations_and_times_are_understood() {
        assert_eq!(told("10m"), "600s ago");
        assert_eq!(told("1h30m"), "5400s ago");
        assert_eq!(told("2026-11-21"), "2026-11-21T00:00:00.000Z");
        assert_eq!(told("2026-11-21T18:34"), "2026-11-21T18:34:00.000Z");
        assert_eq!(told("2026-11-21 18:34:05"), "2026-11-21T18:34:05.000Z");
        assert_eq!(told("2026-11-21T18:34:05.25Z"), "2026-11-21T18:34:05.250Z");
        assert_eq!(
            told("2026-11-21T18:34:00+01:30"),
            "2026-11-21T17:04:00.000Z"
        );
        assert_eq!(
            told("2024-02-29T23:59:60-00:30"),
            "2024-03-01T00:30:00.000Z"
        );
        assert_eq!(told("1970-01-01T00:00+23:59"), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "10",
            "soon",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21T",
            "2026-11-21T24:00",
            "2026-11-21T18:60",
            "2026-11-21T18:34:05.",
            "2026-11-21T18:34+1",
            "2026-11-21T18:34 ago",
            "+026-11-21",
            "0001-01-01",
            "２026-11-21",
        ] {
            assert_eq!(told(text), "no time", "{text}");
        }
    }

    #[test]
    fn what_is_long_ago_is_so() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let ago = |seconds| Since::Ago(Duration::from_secs(seconds)).time(now);
        assert_eq!(ago(40), SystemTime::UNIX_EPOCH + Duration::from_secs(60));
        assert!(ago(200) <= SystemTime::UNIX_EPOCH);
    }

    proptest! {
        #[test]
        fn every_time_that_is_written_is_read(millis in 0..253_402_300_800_000_u64) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
            prop_assert_eq!(format_time(time).parse(), Ok(Since::At(time)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<Since>();
        }
    }
}
