//! What may keep a job from running, found before it is run: from [`Facts`], which [`gather`]
//! brings, [`judge`] makes findings, each with how it is repaired. Only the former does anything.

mod cluster;
mod date;
mod facts;
pub(crate) mod gather;
mod machine;
mod reach;

pub(crate) use self::facts::{ExecutorFact, Facts};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// It is as it should be.
    Ok,
    /// The job may run, but something is not as it should be.
    Warning,
    /// The job will not run.
    Problem,
}

impl Level {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What it is about, in a word.
    pub(crate) area: &'static str,
    pub(crate) level: Level,
    pub(crate) text: String,
    /// What to do about it.
    pub(crate) repair: Option<String>,
}

impl Finding {
    fn ok(area: &'static str, text: impl Into<String>) -> Self {
        Self {
            area,
            level: Level::Ok,
            text: text.into(),
            repair: None,
        }
    }

    fn warning(area: &'static str, text: impl Into<String>, repair: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            repair: Some(repair.into()),
            ..Self::ok(area, text)
        }
    }

    fn problem(area: &'static str, text: impl Into<String>, repair: impl Into<String>) -> Self {
        Self {
            level: Level::Problem,
            ..Self::warning(area, text, repair)
        }
    }
}

/// All that is to be said of these facts, in the order in which a run comes to it.
pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(machine::job(&facts.job));
    findings.extend(machine::toolchain(facts.toolchain.as_ref()));
    findings.extend(facts.modules.iter().map(machine::module));
    findings.push(machine::cache(&facts.cache));
    findings.push(machine::executor(&facts.executor, facts.is_embedded));
    findings.extend(machine::limits(facts.limits.as_ref()));
    findings.extend(cluster::findings(&facts.cluster));
    findings.extend(reach::findings(facts));
    // The same file in two places is told once.
    findings.dedup();
    findings
}

/// The number of bytes in a unit in which it is short.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

#[cfg(test)]
mod tests;
