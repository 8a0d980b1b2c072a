//! What one guest may take of the executor's memory.
//!
//! It owns the counting and the refusal. A guest that wants more memory than its limit traps where
//! it asked, so the report names the place; tables and instances are refused by wasmtime.

use std::time::Duration;

use wasmtime::ResourceLimiter;

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
    memory_bytes_peak: u64,
    table_elements: usize,
}

/// A guest wanted more memory than it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("memory limit: {wanted} bytes were wanted, {limit} bytes are allowed")]
pub struct MemoryLimitReached {
    /// What all its memories together would have taken.
    pub wanted: u64,
    /// What they may take.
    pub limit: u64,
}

/// Entries of all tables together: a pointer each. Real programs have as many as functions whose
/// address is taken; this is far above the largest and costs at most 2 MiB.
const TABLE_ELEMENTS_MAX: usize = 256 * 1024;

/// Core instances in one component. A component of one language has under ten; one composed of
/// many has some for each part.
const INSTANCES_MAX: usize = 256;

/// Tables in one component; adapters bring one or two each.
const TABLES_MAX: usize = 256;

/// Memories in one component. Each reserves gigabytes of address space, so they are few.
const MEMORIES_MAX: usize = 16;

impl Limits {
    pub(crate) fn new(memory_bytes_max: u64) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            memory_bytes_peak: 0,
            table_elements: 0,
        }
    }

    /// The linear memory that the guest has.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// The most linear memory the guest has had.
    pub(crate) fn memory_bytes_peak(&self) -> u64 {
        self.memory_bytes_peak
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
        self.memory_bytes_peak = self.memory_bytes_peak.max(wanted);
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
            return Ok(false);
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 65_536;

    #[test]
    fn all_memories_of_a_guest_count_together() {
        let mut limits = Limits::new(3 * PAGE as u64);
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
        assert_eq!(limits.memory_bytes_peak(), 3 * 65_536);
    }

    #[test]
    fn a_modules_own_maximum_fails_the_growth_without_a_trap() {
        let mut limits = Limits::new(u64::MAX);
        assert!(
            !limits
                .memory_growing(PAGE, 3 * PAGE, Some(2 * PAGE))
                .unwrap()
        );
    }

    #[test]
    fn a_table_beyond_the_bound_is_refused() {
        let mut limits = Limits::new(0);
        let beyond = TABLE_ELEMENTS_MAX + 1;
        assert!(!limits.table_growing(0, beyond, None).unwrap());
        assert!(limits.table_growing(0, TABLE_ELEMENTS_MAX, None).unwrap());
    }

    #[test]
    fn all_tables_of_a_guest_count_together() {
        let mut limits = Limits::new(0);
        let half = TABLE_ELEMENTS_MAX / 2;
        assert!(limits.table_growing(0, half, None).unwrap());
        assert!(limits.table_growing(0, half - 1, None).unwrap());
        assert!(!limits.table_growing(half, half + 2, None).unwrap());
        assert!(limits.table_growing(half, half + 1, None).unwrap());
        assert!(!limits.table_growing(0, 1, None).unwrap());
    }
}
