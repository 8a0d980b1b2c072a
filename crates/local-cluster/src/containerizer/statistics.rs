//! What the processes of a container use, by what `/proc` says of them.
//!
//! As a real agent with the isolators `posix/cpu` and `posix/mem` it adds up what is there at this
//! moment: what a process has used that has ended meanwhile is in no sum.

use std::fs;
use std::iter::Sum;

use super::session::Processes;

/// What processes use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// How long they have run, in seconds.
    pub(crate) user_secs: f64,
    /// How long the system has worked for them, in seconds.
    pub(crate) system_secs: f64,
    /// The memory that they occupy, in bytes.
    pub(crate) rss_bytes: u64,
}

/// Ticks of the clock that `/proc` counts with. The kernel has other clocks inside; this number is
/// part of its interface and 100 wherever there is a Rust compiler for Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What is used by each of these leaders with everything that belongs to it; nothing of one that is
/// gone, or where there is no `/proc`. Reads some small files for each process of the system.
pub(crate) fn usages(leaders: &[u32]) -> Vec<Option<Usage>> {
    let processes = Processes::read();
    let usage = |leader: &u32| {
        let members = processes.of(i32::try_from(*leader).ok()?);
        let used: Vec<Usage> = members.iter().filter_map(|pid| usage(*pid)).collect();
        (!used.is_empty()).then(|| used.into_iter().sum())
    };
    leaders.iter().map(usage).collect()
}

fn usage(pid: i32) -> Option<Usage> {
    let read = |name| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    parse(&read("stat")?, &read("status")?)
}

/// Reads `/proc/<pid>/stat` and `/proc/<pid>/status`. Of a process that has ended there is no
/// memory.
fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name can contain anything. Behind it the state is the first field, the times the 12th and
    // 13th.
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let mut seconds = || -> Option<f64> {
        let ticks: u64 = fields.next()?.parse().ok()?;
        Some(ticks as f64 / TICKS_PER_SECOND)
    };
    let (user_secs, system_secs) = (seconds()?, seconds()?);
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = rss.and_then(|rss| rss.split_ascii_whitespace().next()?.parse().ok());
    let kilobytes: u64 = kilobytes.unwrap_or_default();
    Some(Usage {
        user_secs,
        system_secs,
        rss_bytes: kilobytes.saturating_mul(1024),
    })
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, usage| Self {
            user_secs: sum.user_secs + usage.user_secs,
            system_secs: sum.system_secs + usage.system_secs,
            rss_bytes: sum.rss_bytes.saturating_add(usage.rss_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "77 (a) b (x) S 12 34 56 0 -1 4194560 500 600 7 8 123 45 67 89 20 0 3 0 99 9 9";
    const STATUS: &str = "Name:\ta) b (x\nVmHWM:\t  9000 kB\nVmRSS:\t  2048 kB\nThreads:\t3\n";

    #[test]
    fn times_stand_behind_the_name_and_memory_in_a_line_of_its_own() {
        let usage = Usage {
            user_secs: 1.23,
            system_secs: 0.45,
            rss_bytes: 2 << 20,
        };
        assert_eq!(parse(STAT, STATUS), Some(usage));
        let both: Usage = [usage, usage].into_iter().sum();
        assert_eq!((both.user_secs, both.rss_bytes), (2.46, 4 << 20));
    }

    #[test]
    fn a_process_that_has_ended_has_times_and_no_memory() {
        let usage = parse(STAT, "Name:\tx\nState:\tZ (zombie)\n").expect("times");
        assert_eq!((usage.user_secs, usage.rss_bytes), (1.23, 0));
    }

    #[test]
    fn what_is_no_stat_line_is_nothing() {
        for stat in [
            "",
            "77 (sh",
            "77 (sh) S 1 2 3",
            "77 (sh) S 1 2 3 4 5 6 7 8 9 10 x y",
        ] {
            assert_eq!(parse(stat, STATUS), None, "{stat}");
        }
        let overflow = parse(STAT, &format!("VmRSS: {} kB", u64::MAX)).expect("times");
        assert_eq!(overflow.rss_bytes, u64::MAX);
        assert_eq!(parse(STAT, "VmRSS: x kB").expect("times").rss_bytes, 0);
    }

    #[test]
    fn this_process_uses_memory_and_one_that_is_not_there_nothing() {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let found = usages(&[own.unsigned_abs(), u32::MAX]);
        assert!(found[0].is_some_and(|usage| usage.rss_bytes > 0));
        assert_eq!(found[1], None);
    }
}
