//! Tasks as people name them: one by its name, all of a group by the group's, or those that fit a
//! pattern. No I/O.

use std::collections::HashSet;

use job::nearest;
use thiserror::Error;

use crate::tally::{Snapshot, group_of};

/// So many groups are listed to those who name none of them.
const GROUPS_LISTED_MAX: usize = 8;

/// Some tasks of a job. Without a word, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    words: Vec<String>,
    /// Those that are names, for a quick look.
    names: HashSet<String>,
    patterns: Vec<String>,
}

/// A word that means no task.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no task of job `{job}` is called `{word}`")]
pub(crate) struct UnknownTask {
    job: String,
    word: String,
    help: String,
}

impl UnknownTask {
    /// What could be meant instead.
    pub(crate) fn help(&self) -> &str {
        &self.help
    }
}

/// The names that there are in a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) job: String,
    pub(crate) groups: Vec<String>,
    /// Of all tasks, those that are not launched yet among them.
    pub(crate) tasks: Vec<String>,
}

impl Names {
    /// The names of what was known of a job at one moment.
    pub(super) fn of(job: &str, known: Snapshot) -> Self {
        let groups = known.groups.iter().map(|group| group.name.clone());
        Self {
            job: job.to_owned(),
            groups: groups.collect(),
            tasks: known
                .into_tasks()
                .iter()
                .map(|task| task.name.clone())
                .collect(),
        }
    }
}

impl Selection {
    /// Reads words with commas between.
    pub(crate) fn parse(text: &str) -> Self {
        let words = text.split(',').map(str::trim);
        let words = words.filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(str::to_owned).collect();
        let (patterns, names): (Vec<_>, Vec<_>) =
            words.iter().cloned().partition(|word| is_pattern(word));
        Self {
            words,
            names: names.into_iter().collect(),
            patterns,
        }
    }

    /// The task of that name, whatever is in it.
    pub(crate) fn exactly(task: &str) -> Self {
        Self {
            words: vec![task.to_owned()],
            names: [task.to_owned()].into(),
            patterns: Vec::new(),
        }
    }

    /// Whether a task is among them.
    pub(crate) fn has(&self, task: &str) -> bool {
        let mut patterns = self.patterns.iter();
        self.words.is_empty()
            || self.names.contains(task)
            || self.names.contains(group_of(task))
            || patterns.any(|pattern| fits(pattern.as_bytes(), task.as_bytes()))
    }

    /// The tasks among these names that are meant, in their order.
    ///
    /// # Errors
    /// When a word means none of them.
    pub(crate) fn among(&self, names: &Names) -> Result<Vec<String>, UnknownTask> {
        for word in &self.words {
            let is_known = names.groups.contains(word);
            if !is_known && !names.tasks.iter().any(|task| means(word, task)) {
                return Err(unknown(word, names));
            }
        }
        let chosen = names.tasks.iter().filter(|task| self.has(task));
        Ok(chosen.cloned().collect())
    }
}

/// Whether somebody who says `word` means this task.
fn means(word: &str, task: &str) -> bool {
    word == task
        || word == group_of(task)
        || is_pattern(word) && fits(word.as_bytes(), task.as_bytes())
}

fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?'])
}

/// Whether the text fits the pattern: `*` stands for anything, `?` for one byte. Names are ASCII.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    // Where the last `*` is, and how far it reached when it was tried last.
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star_at, reached)) = star else {
                    return false;
                };
                star = Some((star_at, reached + 1));
                at = star_at + 1;
                in_text = reached + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

fn unknown(word: &str, names: &Names) -> UnknownTask {
    let groups = names.groups.iter().map(String::as_str);
    let tasks = names.tasks.iter().map(String::as_str);
    let mut parts = Vec::new();
    if let Some(near) = nearest(word, groups.chain(tasks)) {
        parts.push(format!("did you mean `{near}`?"));
    }
    let listed = names.groups.iter().take(GROUPS_LISTED_MAX);
    let mut listed: Vec<String> = listed.map(|group| format!("`{group}`")).collect();
    if names.groups.len() > GROUPS_LISTED_MAX {
        listed.push("…".to_owned());
    }
    parts.push(match &*listed {
        [] => "it has no tasks yet".to_owned(),
        [only] => format!("its only group is {only}"),
        several => format!("its groups are {}", several.join(", ")),
    });
    UnknownTask {
        job: names.job.clone(),
        word: word.to_owned(),
        help: parts.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let groups = ["lift", "floor-b"];
        let tasks = ["lift-0", "lift-1", "floor-b-0", "scheduler"];
        Names {
            job: "elevator".to_owned(),
            groups: groups.map(str::to_owned).into(),
            tasks: tasks.map(str::to_owned).into(),
        }
    }

    fn chosen(words: &str) -> Result<Vec<String>, UnknownTask> {
        Selection::parse(words).among(&names())
    }

    #[test]
    fn tasks_are_named_by_name_group_or_pattern() {
        assert_eq!(chosen("lift-1").unwrap(), ["lift-1"]);
        assert_eq!(chosen("lift").unwrap(), ["lift-0", "lift-1"]);
        assert_eq!(chosen("floor-b").unwrap(), ["floor-b-0"]);
        assert_eq!(chosen("l*-?").unwrap(), ["lift-0", "lift-1"]);
        assert_eq!(
            chosen("*-0,lift-1").unwrap(),
            ["lift-0", "lift-1", "floor-b-0"]
        );
        assert_eq!(chosen("scheduler").unwrap(), ["scheduler"]);
        assert_eq!(chosen("").unwrap().len(), 4);
    }

    #[test]
    fn whoever_means_no_task_is_told_what_there_is() {
        let error = chosen("lift,lft-1").unwrap_err();
        assert_eq!(
            format!("{error}; {}", error.help()),
            "no task of job `elevator` is called `lft-1`; \
             did you mean `lift-1`? its groups are `lift`, `floor-b`"
        );
        assert_eq!(
            chosen("door-*").unwrap_err().help(),
            "its groups are `lift`, `floor-b`"
        );
        assert_eq!(
            Selection::parse("a")
                .among(&Names::default())
                .unwrap_err()
                .help(),
            "it has no tasks yet"
        );
        // No task of it yet, but there may be.
        let with_empty = Names {
            groups: vec!["spare".to_owned()],
            ..names()
        };
        assert_eq!(
            Selection::parse("spare").among(&with_empty).unwrap(),
            [""; 0]
        );
    }

    #[test]
    fn patterns_stand_for_whole_names() {
        let fits = |pattern: &str, text: &str| fits(pattern.as_bytes(), text.as_bytes());
        for (pattern, text) in [
            ("*", ""),
            ("lift-*", "lift-"),
            ("*-1*", "lift-0-12"),
            ("a*b*c", "aXbYbZc"),
            ("?", "a"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("lift-*", "lift"),
            ("?", ""),
            ("a*b", "abc"),
            ("l?", "lift"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
