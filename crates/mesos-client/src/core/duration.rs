//! Durations as Mesos writes them into environment variables: `5secs`, `1.5mins` (PROTOCOL §9.2).

use std::time::Duration;

/// The units of Mesos, in seconds; a unit that ends like another stands before it.
const UNITS: [(&str, f64); 8] = [
    ("weeks", 604_800.0),
    ("days", 86_400.0),
    ("hrs", 3600.0),
    ("mins", 60.0),
    ("secs", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("ns", 1e-9),
];

/// Reads a duration, a number with its unit behind it; `None` if it is none, or a negative one.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, seconds) = UNITS
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    // `inf` and `nan` are numbers to Rust and durations to nobody.
    if !number.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_mesos_is_read() {
        let cases = [
            ("100ns", Duration::from_nanos(100)),
            ("7us", Duration::from_micros(7)),
            ("250ms", Duration::from_millis(250)),
            ("5secs", Duration::from_secs(5)),
            ("1.5mins", Duration::from_secs(90)),
            ("15mins", Duration::from_secs(900)),
            ("2hrs", Duration::from_secs(7200)),
            ("1days", Duration::from_secs(86_400)),
            ("1weeks", Duration::from_secs(604_800)),
            ("0secs", Duration::ZERO),
            (" 2secs ", Duration::from_secs(2)),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "",
            "5",
            "secs",
            "5 min",
            "-5secs",
            "infsecs",
            "nansecs",
            "5s",
            "1e300weeks",
            "5,5secs",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
