//! Durations as Mesos writes them: a number and a unit, `5secs`, `1500ms`, `1mins`.

use std::time::Duration;

/// The text of a duration: in the largest unit that it reaches, or in the next smaller one when
/// it is not a whole number of those (PROTOCOL §9.2).
pub(crate) fn to_text(duration: Duration) -> String {
    const UNITS: [(u128, &str); 8] = [
        (1, "ns"),
        (1_000, "us"),
        (1_000_000, "ms"),
        (1_000_000_000, "secs"),
        (60 * 1_000_000_000, "mins"),
        (3_600 * 1_000_000_000, "hrs"),
        (86_400 * 1_000_000_000, "days"),
        (604_800 * 1_000_000_000, "weeks"),
    ];
    let nanoseconds = duration.as_nanos();
    let reached = UNITS
        .iter()
        .rposition(|(unit, _)| nanoseconds >= *unit)
        .unwrap_or(0);
    let whole = nanoseconds.is_multiple_of(UNITS[reached].0);
    let (unit, name) = UNITS[if whole {
        reached
    } else {
        reached.saturating_sub(1)
    }];
    format!("{}{name}", nanoseconds as f64 / unit as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_in_the_largest_unit_that_fits() {
        let texts = [
            (Duration::ZERO, "0ns"),
            (Duration::from_nanos(15), "15ns"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::from_secs(5), "5secs"),
            (Duration::from_mins(1), "1mins"),
            (Duration::from_secs(90), "90secs"),
            (Duration::from_mins(15), "15mins"),
            (Duration::from_hours(24 * 10), "10days"),
            (Duration::from_micros(1_000_500), "1000.5ms"),
        ];
        for (duration, text) in texts {
            assert_eq!(to_text(duration), text);
        }
    }
}
