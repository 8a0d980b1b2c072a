//! What one guest may take of the executor's memory.
//!
//! It owns the counting and the refusal. A guest that wants more memory than its limit, or more
//! entries of tables, traps where it asked, so the report names the place. How many tables,
//! memories and instances there are is decided by its component, which does not start then:
//! wasmtime counts those.

use std::{fmt, time::Duration};

use wasmtime::{ResourceLimiter, component::ResourceTableError};

use crate::meter::Meter;

/// What ends a task by force: then it has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskLimits {
    /// The most linear memory, in bytes.
    pub memory_bytes_max: u64,
    /// The most processor time that its function may take, if there is a limit.
    pub cpu_time_max: Option<Duration>,
    /// The longest that its function may wait for anything, if there is a limit.
    pub idle_max: Option<Duration>,
}

/// The limits of one guest and what it has taken.
#[derive(Debug)]
pub(crate) struct Limits {
    memory_bytes_max: u64,
    memory_bytes: u64,
    table_elements: usize,
    meter: Meter,
}

/// A guest wanted more memory than it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("memory limit: {} were wanted, {} are allowed", size(*wanted), size_down(*limit))]
pub struct MemoryLimitReached {
    /// What all its memories together would have taken.
    pub wanted: u64,
    /// What they may take.
    pub limit: u64,
}

/// A guest wanted more of something than any guest may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixedLimitReached {
    /// Of what its component is made of.
    #[error("{parts} limit: {wanted} were wanted, {limit} are allowed, and no setting raises that")]
    Parts {
        /// Of what.
        parts: Parts,
        /// How many there would have been.
        wanted: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Resources that the host keeps for it.
    #[error(
        "resource limit: all channels, pollables and streams that a task may have are in use; \
         let it drop those that it no longer wants"
    )]
    Resources,
    /// What one call makes the host copy.
    #[error(
        "copy limit: one call makes the host copy {} at most; let it give less to each call",
        size(HOSTCALL_BYTES_MAX as u64)
    )]
    Copied,
    /// Random bytes of one call.
    #[error(
        "random limit: one call gives {} at most; let it ask for less in each call",
        size(RANDOM_BYTES_MAX)
    )]
    Random,
}

/// What a component is made of and is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// Entries of all its tables together.
    TableEntries,
    /// Its tables.
    Tables,
    /// Its core instances.
    Instances,
    /// Its memories.
    Memories,
}

/// Entries of all tables together: a pointer each. Real programs have as many as functions whose
/// address is taken; this is far above the largest and costs at most 2 MiB.
const TABLE_ELEMENTS_MAX: usize = 256 * 1024;

/// Core instances in one component. A component of one language has under ten; one composed of
/// many has some for each part.
const INSTANCES_MAX: usize = 256;

/// Tables in one component; adapters bring one or two each.
const TABLES_MAX: usize = 256;

/// What one call of a guest may make the host copy: a list can name the same bytes many times, so
/// the guest's own memory limit does not bound it. Four of the largest messages.
pub(crate) const HOSTCALL_BYTES_MAX: usize = 64 << 20;

/// Random bytes of one call, which is not interrupted: some 50 µs. More than any key needs, and who
/// wants more asks again.
pub(crate) const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// Memories in one component. Each reserves gigabytes of address space, so they are few.
const MEMORIES_MAX: usize = 16;

impl Limits {
    /// Limits of a guest that has nothing yet. The meter is told what it has.
    pub(crate) fn new(memory_bytes_max: u64, meter: Meter) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            table_elements: 0,
            meter,
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // The module's own maximum is the module's business: the growth fails and it goes on.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = desired.saturating_sub(current) as u64;
        let wanted = self.memory_bytes.saturating_add(growth);
        if wanted > self.memory_bytes_max {
            let limit = self.memory_bytes_max;
            return Err(MemoryLimitReached { wanted, limit }.into());
        }
        self.memory_bytes = wanted;
        self.meter.memory(wanted);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // A growth that fails by the module's own maximum takes nothing.
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let growth = desired.saturating_sub(current);
        let wanted = self.table_elements.saturating_add(growth);
        if wanted > TABLE_ELEMENTS_MAX {
            return Err(FixedLimitReached::parts(Parts::TableEntries, wanted as u64).into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

impl FixedLimitReached {
    fn parts(parts: Parts, wanted: u64) -> Self {
        let limit = parts.max() as u64;
        Self::Parts {
            parts,
            wanted,
            limit,
        }
    }

    /// The limit that an error tells of, which is wasmtime's own, and of some a text only.
    pub(crate) fn of(error: &wasmtime::Error) -> Option<Self> {
        if let Some(reached) = error.downcast_ref::<Self>() {
            return Some(reached.clone());
        }
        if let Some(ResourceTableError::Full) = error.downcast_ref() {
            return Some(Self::Resources);
        }
        Self::of_text(&error.root_cause().to_string())
    }

    fn of_text(text: &str) -> Option<Self> {
        if text.ends_with("fuel allocated for hostcalls has been exhausted") {
            return Some(Self::Copied);
        }
        if text.starts_with("requested len ") && text.contains(" exceeds limit ") {
            return Some(Self::Random);
        }
        let (what, wanted) = text
            .strip_prefix("resource limit exceeded: ")?
            .split_once(" count too high at ")?;
        let parts = match what {
            "instance" => Parts::Instances,
            "memory" => Parts::Memories,
            "table" => Parts::Tables,
            _ => return None,
        };
        Some(Self::parts(parts, wanted.parse().ok()?))
    }
}

/// So much memory, rounded up to tenths, so that what is just too much shows: `4.1 MiB`.
fn size(bytes: u64) -> String {
    let (unit, name) = unit(bytes);
    in_tenths((u128::from(bytes) * 10).div_ceil(unit), name)
}

/// So much memory, rounded down to tenths, so that more than that shows: `95.3 MiB` of `100MB`.
fn size_down(bytes: u64) -> String {
    let (unit, name) = unit(bytes);
    in_tenths(u128::from(bytes) * 10 / unit, name)
}

fn unit(bytes: u64) -> (u128, &'static str) {
    match bytes {
        ..0x10_0000 => (1 << 10, "KiB"),
        _ => (1 << 20, "MiB"),
    }
}

fn in_tenths(tenths: u128, name: &str) -> String {
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

impl Parts {
    fn max(self) -> usize {
        match self {
            Self::TableEntries => TABLE_ELEMENTS_MAX,
            Self::Tables => TABLES_MAX,
            Self::Instances => INSTANCES_MAX,
            Self::Memories => MEMORIES_MAX,
        }
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TableEntries => "table entry",
            Self::Tables => "table",
            Self::Instances => "instance",
            Self::Memories => "memory count",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 65_536;

    fn limits(memory_bytes_max: u64) -> Limits {
        Limits::new(memory_bytes_max, Meter::new(None))
    }

    #[test]
    fn all_memories_of_a_guest_count_together() {
        let mut limits = limits(3 * PAGE as u64);
        assert!(limits.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(limits.memory_growing(0, PAGE, None).unwrap());
        let error = limits.memory_growing(PAGE, 2 * PAGE, None).unwrap_err();
        let reached = error.downcast_ref::<MemoryLimitReached>().unwrap();
        assert_eq!(
            reached,
            &MemoryLimitReached {
                wanted: 4 * 65_536,
                limit: 3 * 65_536
            }
        );
        assert_eq!(limits.meter.usage().memory_bytes_peak, 3 * 65_536);
    }

    #[test]
    fn a_modules_own_maximum_fails_the_growth_without_a_trap() {
        let mut limits = limits(u64::MAX);
        assert!(
            !limits
                .memory_growing(PAGE, 3 * PAGE, Some(2 * PAGE))
                .unwrap()
        );
    }

    #[test]
    fn a_table_beyond_the_bound_is_refused() {
        let mut limits = limits(0);
        let beyond = TABLE_ELEMENTS_MAX + 1;
        let error = limits.table_growing(0, beyond, None).unwrap_err();
        let reached = FixedLimitReached::of(&error).unwrap();
        assert_eq!(
            reached.to_string(),
            "table entry limit: 262145 were wanted, 262144 are allowed, and no setting raises that"
        );
        assert!(limits.table_growing(0, TABLE_ELEMENTS_MAX, None).unwrap());
    }

    #[test]
    fn what_is_just_too_much_shows() {
        for (bytes, text) in [
            (0, "0 KiB"),
            (1, "0.1 KiB"),
            (65_536, "64 KiB"),
            (4 << 20, "4 MiB"),
            ((4 << 20) + 65_536, "4.1 MiB"),
            (1536 << 20, "1536 MiB"),
            ((4 << 30) + 1, "4096.1 MiB"),
            (u64::MAX, "17592186044416 MiB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn what_is_wanted_is_more_than_what_is_allowed() {
        let limit = 100_000_000;
        let wanted = limit / 65_536 * 65_536 + 65_536;
        let reached = MemoryLimitReached { wanted, limit };
        assert_eq!(
            reached.to_string(),
            "memory limit: 95.4 MiB were wanted, 95.3 MiB are allowed"
        );
    }

    #[test]
    fn all_tables_of_a_guest_count_together() {
        let mut limits = limits(0);
        let half = TABLE_ELEMENTS_MAX / 2;
        assert!(limits.table_growing(0, half, None).unwrap());
        assert!(limits.table_growing(0, half - 1, None).unwrap());
        assert!(limits.table_growing(half, half + 2, None).is_err());
        assert!(limits.table_growing(half, half + 1, None).unwrap());
        assert!(limits.table_growing(0, 1, None).is_err());
    }
}
