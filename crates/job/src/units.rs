//! Lengths of time and sizes, which are numbers with a unit: `1h30m`, `32MiB`.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// The largest size: 1 PiB. It is far beyond any agent, and still exact in a double.
const SIZE_BYTES_MAX: f64 = (1_u64 << 50) as f64;

/// The longest time: 365 days, the longest that Mesos takes anywhere (PROTOCOL §6).
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// An amount of memory or disk, in bytes.
///
/// Mesos counts both in MB, of which each is a [mebibyte](Self::mebibytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

/// Why a text is not a length of time or a size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitError {
    /// It does not start with a number.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// The number has no unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// The unit is not known.
    #[error("`{0}` is not a unit")]
    UnknownUnit(String),
    /// It is too much.
    #[error("`{0}` is too much")]
    TooLarge(String),
}

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many mebibytes.
    pub const fn from_mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The size as Mesos counts it.
    pub fn mebibytes(self) -> f64 {
        self.0 as f64 / f64::from(1 << 20)
    }

    /// Reads `32MiB`, `64 MB` or `1.5GiB`.
    ///
    /// # Errors
    /// When it is not a number with a unit of size.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text)?;
        let factor: u64 = match unit {
            "" => return Err(UnitError::NoUnit(text.to_owned())),
            "B" => 1,
            "kB" | "KB" => 1000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(UnitError::UnknownUnit(unit.to_owned())),
        };
        let bytes = number * factor as f64;
        if bytes > SIZE_BYTES_MAX {
            return Err(UnitError::TooLarge(text.to_owned()));
        }
        Ok(Self(bytes.round() as u64))
    }
}

impl fmt::Display for Size {
    /// In the largest binary unit that gives a whole number: `32MiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole = units
            .into_iter()
            .find(|(shift, _)| self.0 != 0 && self.0.is_multiple_of(1 << shift));
        match whole {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// Reads `500ms`, `5s`, `10m` or `1h30m`.
///
/// # Errors
/// When it is not numbers with units of time.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    loop {
        let after_number = rest.trim_start_matches(is_number);
        let unit_end = after_number.find(is_number).unwrap_or(after_number.len());
        let part = &rest[..rest.len() - after_number.len() + unit_end];
        let not_a_time = |_| UnitError::NoNumber(text.to_owned());
        let (number, unit) = split(part).map_err(not_a_time)?;
        let factor = match unit {
            "" => return Err(UnitError::NoUnit(text.to_owned())),
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return Err(UnitError::UnknownUnit(unit.to_owned())),
        };
        seconds += number * factor;
        rest = after_number[unit_end..].trim_start();
        if rest.is_empty() {
            break;
        }
    }
    match Duration::try_from_secs_f64(seconds) {
        // Nobody means nanoseconds, and a tenth of a second should not have a tail of nines.
        Ok(duration) if duration <= DURATION_MAX => {
            Ok(Duration::from_millis((seconds * 1000.0).round() as u64))
        }
        Ok(_) | Err(_) => Err(UnitError::TooLarge(text.to_owned())),
    }
}

fn is_number(char: char) -> bool {
    char.is_ascii_digit() || char == '.'
}

/// The number at the start, and what follows it.
fn split(text: &str) -> Result<(f64, &str), UnitError> {
    let text = text.trim();
    let unit = text.trim_start_matches(is_number);
    let number = text[..text.len() - unit.len()].parse();
    let number = number.map_err(|_| UnitError::NoNumber(text.to_owned()))?;
    Ok((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("32MiB", 32 << 20),
            ("64 MB", 64_000_000),
            ("1.5GiB", 3 << 29),
            ("0B", 0),
            ("7KB", 7000),
        ] {
            assert_eq!(Size::parse(text), Ok(Size(bytes)), "{text}");
        }
        assert_eq!(Size::parse("32"), Err(UnitError::NoUnit("32".to_owned())));
        assert_eq!(
            Size::parse("32mb"),
            Err(UnitError::UnknownUnit("mb".to_owned()))
        );
        assert_eq!(
            Size::parse("MiB"),
            Err(UnitError::NoNumber("MiB".to_owned()))
        );
        assert_eq!(
            Size::parse("-1MiB"),
            Err(UnitError::NoNumber("-1MiB".to_owned()))
        );
        assert_eq!(
            Size::parse("1.2.3B"),
            Err(UnitError::NoNumber("1.2.3B".to_owned()))
        );
        assert_eq!(
            Size::parse("9999TiB"),
            Err(UnitError::TooLarge("9999TiB".to_owned()))
        );
    }

    #[test]
    fn sizes_are_printed_short_and_read_again() {
        for (text, printed) in [
            ("32MiB", "32MiB"),
            ("1024KiB", "1MiB"),
            ("1kB", "1000B"),
            ("0B", "0B"),
        ] {
            let size = Size::parse(text).unwrap();
            assert_eq!(size.to_string(), printed);
            assert_eq!(Size::parse(printed), Ok(size));
        }
        assert_eq!(Size::from_mebibytes(96).mebibytes(), 96.0);
    }

    #[test]
    fn durations_are_read() {
        for (text, millis) in [
            ("5s", 5000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("500ms", 500),
            ("0.1s", 100),
            ("2d", 172_800_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("5"), Err(UnitError::NoUnit("5".to_owned())));
        assert_eq!(
            parse_duration("1h30"),
            Err(UnitError::NoUnit("1h30".to_owned()))
        );
        assert_eq!(
            parse_duration("5sec"),
            Err(UnitError::UnknownUnit("sec".to_owned()))
        );
        assert_eq!(parse_duration(""), Err(UnitError::NoNumber(String::new())));
        assert_eq!(
            parse_duration("-5s"),
            Err(UnitError::NoNumber("-5s".to_owned()))
        );
        assert_eq!(
            parse_duration("999d"),
            Err(UnitError::TooLarge("999d".to_owned()))
        );
    }
}
