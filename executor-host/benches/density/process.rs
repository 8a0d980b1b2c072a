//! What the system knows of a process.

use std::{fmt, fs, time::Duration};

/// What a process takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Memory in KiB, shared pages divided among those who share them.
    pub(crate) pss: f64,
    /// Page tables in KiB.
    page_tables: f64,
    maps: f64,
    threads: f64,
    handles: f64,
    /// In user mode and in the kernel.
    pub(crate) processor: Duration,
}

/// A tick of the processor times in `/proc`.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let read = |name: &str| {
            fs::read_to_string(format!("/proc/{pid}/{name}")).expect("the process is there")
        };
        let number = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.expect("the kernel tells it")
        };
        let (rollup, status) = (read("smaps_rollup"), read("status"));
        let stat = read("stat");
        // The name in parentheses may contain anything.
        let (_, after_name) = stat.rsplit_once(')').expect("it has a name");
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u32 = ticks.filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
        let handles = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process is there");
        Self {
            pss: number(&rollup, "Pss:"),
            page_tables: number(&status, "VmPTE:"),
            maps: read("maps").lines().count() as f64,
            threads: number(&status, "Threads:"),
            handles: handles.count() as f64,
            processor: TICK * ticks,
        }
    }

    pub(crate) fn less(&self, other: &Self) -> Self {
        Self {
            pss: self.pss - other.pss,
            page_tables: self.page_tables - other.page_tables,
            maps: self.maps - other.maps,
            threads: self.threads - other.threads,
            handles: self.handles - other.handles,
            processor: self.processor.saturating_sub(other.processor),
        }
    }

    pub(crate) fn per(&self, tasks: u64) -> Self {
        let tasks = tasks as f64;
        Self {
            pss: self.pss / tasks,
            page_tables: self.page_tables / tasks,
            maps: self.maps / tasks,
            threads: self.threads / tasks,
            handles: self.handles / tasks,
            processor: self.processor.div_f64(tasks),
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} KiB and {:.1} KiB of page tables, {:.2} maps, {:.2} threads, {:.2} handles, {:.1?} of a processor",
            self.pss, self.page_tables, self.maps, self.threads, self.handles, self.processor
        )
    }
}
