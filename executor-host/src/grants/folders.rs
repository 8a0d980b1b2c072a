//! Folders of the agent, which its operator lists for the tasks of all jobs.
//!
//! The list is a file at one place, [`PATH`], and nothing else: no variable names another one. An
//! executor's environment comes from the agent, but from the framework as well, whose
//! `CommandInfo.environment` wins, and its arguments and working directory are the framework's
//! too; so nothing of these can say what an operator grants. What can is a file that only root
//! could have written, so it is read only if it and all folders above it are root's and nobody
//! else may write there. A framework cannot make such a file on the agent: its commands run as its
//! user.
//!
//! This guards agents against job files and modules. Who may launch frameworks as a user that can
//! read a folder needs no grant for it, as Mesos runs any command for him.
//!
//! ```text
//! # name           folder         what tasks may do there
//! folder models    /data/models   ro
//! folder scratch   /scratch       rw
//! ```

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Component, Path, PathBuf},
};

/// Where an operator lists the folders of an agent.
pub const PATH: &str = "/etc/mesosgot/executor.conf";

/// A folder that a job file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FolderWish {
    /// The name under which it is listed.
    pub(crate) name: String,
    pub(crate) is_writable: bool,
}

/// A folder of the agent that a task has at `/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name.
    pub name: String,
    /// Where it is on the agent.
    pub path: PathBuf,
    /// Whether the task may write there.
    pub is_writable: bool,
}

/// The operator's list.
#[derive(Debug, Clone)]
pub(crate) struct OperatorFile {
    path: PathBuf,
    /// To whom it must belong.
    owner: u32,
    /// What this agent is called in texts.
    agent: String,
}

/// A folder that a task cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FolderError {
    /// It is not in the list, or there is none.
    #[error(
        "the task wants the folder `{name}`, which the operator of agent {agent} has not listed; \
         a line `folder {name} /PATH {access}` in {file} there would"
    )]
    Unlisted {
        name: String,
        access: &'static str,
        agent: String,
        file: String,
    },
    /// It is to be read only.
    #[error(
        "the task wants to write to the folder `{name}`, which the operator of agent {agent} \
         lists as `ro` in line {line} of {file}: ask for `{name}: ro`, or have it listed as `rw`"
    )]
    ReadOnly {
        name: String,
        agent: String,
        file: String,
        line: usize,
    },
    /// The list cannot be used.
    #[error(
        "the task wants the folder `{name}`, but what the operator of agent {agent} lists cannot \
         be used: {fault}"
    )]
    List {
        name: String,
        agent: String,
        fault: ListError,
    },
}

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    #[error("{file} cannot be read: {text}")]
    Unreadable { file: String, text: String },
    #[error("{0} is no regular file")]
    NoFile(String),
    #[error("{0} has more than {FILE_BYTES_MAX} bytes")]
    TooLong(String),
    #[error("{path} belongs to user {found}, not to {owner}; `chown {owner} {path}` makes it so")]
    Owner {
        path: String,
        found: u32,
        owner: u32,
    },
    #[error("others than its owner may write to {0}; `chmod go-w {0}` ends that")]
    Writable(String),
    #[error("line {line} of {file}: {fault}")]
    Line {
        file: String,
        line: usize,
        fault: LineError,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("it is not `folder NAME /PATH ro` or `folder NAME /PATH rw`")]
    Form,
    #[error("`{0}` is not a name: letters, digits, `-`, `_` and `.`, which is not the first")]
    Name(String),
    #[error("`{0}` is not an absolute path without `..`")]
    Path(String),
    #[error(
        "`{0}` lies in the folder of line {1}, where tasks may write: they could put something \
         else in its place"
    )]
    Within(String, usize),
    #[error("`{0}` is listed in line {1} already")]
    Twice(String, usize),
}

/// The longest list. A line takes a hundred bytes, and nobody has a thousand folders.
const FILE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    path: PathBuf,
    is_writable: bool,
    line: usize,
}

impl OperatorFile {
    /// That of this agent, by the name that it has in texts.
    pub(crate) fn of_agent(agent: String) -> Self {
        Self {
            path: PATH.into(),
            owner: 0,
            agent,
        }
    }

    /// The folders that are asked for. The list is read anew: operators change it while executors
    /// run, and few tasks ask.
    pub(crate) fn folders(&self, wishes: &[FolderWish]) -> Result<Vec<Folder>, FolderError> {
        let Some(first) = wishes.first() else {
            return Ok(Vec::new());
        };
        let listed = self.read().map_err(|fault| FolderError::List {
            name: first.name.clone(),
            agent: self.agent.clone(),
            fault,
        })?;
        wishes
            .iter()
            .map(|wish| self.folder(wish, &listed))
            .collect()
    }

    fn folder(
        &self,
        wish: &FolderWish,
        listed: &BTreeMap<String, Listed>,
    ) -> Result<Folder, FolderError> {
        let (name, agent, file) = (wish.name.clone(), self.agent.clone(), self.name());
        match listed.get(&name) {
            None => Err(FolderError::Unlisted {
                name,
                access: if wish.is_writable { "rw" } else { "ro" },
                agent,
                file,
            }),
            Some(Listed {
                is_writable: false,
                line,
                ..
            }) if wish.is_writable => Err(FolderError::ReadOnly {
                name,
                agent,
                file,
                line: *line,
            }),
            Some(Listed { path, .. }) => Ok(Folder {
                name,
                path: path.clone(),
                is_writable: wish.is_writable,
            }),
        }
    }

    fn read(&self) -> Result<BTreeMap<String, Listed>, ListError> {
        let unreadable = |error: io::Error| ListError::Unreadable {
            file: self.name(),
            text: error.to_string(),
        };
        let path = match fs::canonicalize(&self.path) {
            Ok(path) => path,
            // Nothing is listed then.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(unreadable(error)),
        };
        // A folder above that others may write to would let them put another file there.
        for folder in path.ancestors().skip(1) {
            self.check(folder, &fs::metadata(folder).map_err(unreadable)?)?;
        }
        let file = fs::File::open(&path).map_err(unreadable)?;
        // What was opened, whatever the name stands for by now.
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(ListError::NoFile(self.name()));
        }
        self.check(&self.path, &metadata)?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(unreadable)?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(ListError::TooLong(self.name()));
        }
        parse(&text).map_err(|(line, fault)| ListError::Line {
            file: self.name(),
            line,
            fault,
        })
    }

    fn check(&self, path: &Path, metadata: &fs::Metadata) -> Result<(), ListError> {
        let path = path.display().to_string();
        let (found, owner) = (metadata.uid(), self.owner);
        if found != owner && found != 0 {
            return Err(ListError::Owner { path, found, owner });
        }
        // In a folder where everybody may write but remove only what is his, a name stays whose it
        // is.
        let is_sticky = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
        match metadata.mode() & 0o022 != 0 && !is_sticky {
            true => Err(ListError::Writable(path)),
            false => Ok(()),
        }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Reads the lines, or says which one is wrong.
fn parse(text: &str) -> Result<BTreeMap<String, Listed>, (usize, LineError)> {
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, folder) = parse_line(line, number).map_err(|fault| (number, fault))?;
        if let Some(other) = all.get(&name) {
            return Err((number, LineError::Twice(name, other.line)));
        }
        all.insert(name, folder);
    }
    for (name, inner) in &all {
        let is_around = |outer: &&Listed| {
            outer.is_writable && outer.path != inner.path && inner.path.starts_with(&outer.path)
        };
        if let Some(outer) = all.values().find(is_around) {
            return Err((inner.line, LineError::Within(name.clone(), outer.line)));
        }
    }
    Ok(all)
}

fn parse_line(line: &str, number: usize) -> Result<(String, Listed), LineError> {
    let rest = line.strip_prefix("folder").ok_or(LineError::Form)?;
    let rest = rest.strip_prefix([' ', '\t']).ok_or(LineError::Form)?;
    // A path may have spaces in it; the words before and after it have none.
    let (name, rest) = rest.trim().split_once([' ', '\t']).ok_or(LineError::Form)?;
    let (path, access) = rest
        .trim()
        .rsplit_once([' ', '\t'])
        .ok_or(LineError::Form)?;
    let is_writable = match access {
        "ro" => false,
        "rw" => true,
        _ => return Err(LineError::Form),
    };
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !name.bytes().all(is_fine) || name.starts_with('.') {
        return Err(LineError::Name(name.to_owned()));
    }
    let path = PathBuf::from(path.trim());
    let leads_up = path.components().any(|part| part == Component::ParentDir);
    if !path.is_absolute() || leads_up {
        return Err(LineError::Path(path.display().to_string()));
    }
    let line = number;
    Ok((
        name.to_owned(),
        Listed {
            path,
            is_writable,
            line,
        },
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use expect_test::{Expect, expect};

    use super::*;

    /// A list that belongs to whoever runs the test.
    fn list(text: &str) -> (tempfile::TempDir, OperatorFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("executor.conf");
        fs::write(&path, text).unwrap();
        chmod(&path, 0o644);
        let owner = fs::metadata(&path).unwrap().uid();
        let agent = "a1.example:5051".to_owned();
        (folder, OperatorFile { path, owner, agent })
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn ask(file: &OperatorFile, name: &str, is_writable: bool) -> Result<Vec<Folder>, FolderError> {
        let name = name.to_owned();
        file.folders(&[FolderWish { name, is_writable }])
    }

    #[track_caller]
    fn check_refused(file: &OperatorFile, name: &str, is_writable: bool, expected: Expect) {
        let refused = ask(file, name, is_writable).expect_err("it is not to be had");
        let folder = file.path.parent().unwrap().display().to_string();
        expected.assert_eq(&refused.to_string().replace(&folder, "FOLDER"));
    }

    const LIST: &str = "# what tasks may have\n\nfolder models\t/data/my models  ro\n  folder scratch /scratch rw\nfolder big /data ro\n";

    #[test]
    fn what_is_listed_can_be_had_and_never_more() {
        let (_folder, file) = list(LIST);
        let folder = |name: &str, path: &str, is_writable| Folder {
            name: name.to_owned(),
            path: path.into(),
            is_writable,
        };
        let models = folder("models", "/data/my models", false);
        assert_eq!(ask(&file, "models", false), Ok(vec![models]));
        for is_writable in [false, true] {
            let scratch = folder("scratch", "/scratch", is_writable);
            assert_eq!(ask(&file, "scratch", is_writable), Ok(vec![scratch]));
        }
        check_refused(
            &file,
            "models",
            true,
            expect![
                "the task wants to write to the folder `models`, which the operator of agent a1.example:5051 lists as `ro` in line 3 of FOLDER/executor.conf: ask for `models: ro`, or have it listed as `rw`"
            ],
        );
        check_refused(
            &file,
            "data",
            false,
            expect![
                "the task wants the folder `data`, which the operator of agent a1.example:5051 has not listed; a line `folder data /PATH ro` in FOLDER/executor.conf there would"
            ],
        );
    }

    #[test]
    fn without_a_list_nothing_is_listed_and_nobody_asks_for_it_in_vain() {
        let (folder, mut file) = list("");
        file.path = folder.path().join("none/executor.conf");
        assert_eq!(file.folders(&[]), Ok(Vec::new()));
        check_refused(
            &file,
            "a",
            true,
            expect![
                "the task wants the folder `a`, which the operator of agent a1.example:5051 has not listed; a line `folder a /PATH rw` in FOLDER/executor.conf there would"
            ],
        );
    }

    #[test]
    fn a_list_that_somebody_else_could_have_written_is_not_believed() {
        let (folder, file) = list(LIST);
        chmod(&file.path, 0o664);
        check_refused(
            &file,
            "models",
            false,
            expect![
                "the task wants the folder `models`, but what the operator of agent a1.example:5051 lists cannot be used: others than its owner may write to FOLDER/executor.conf; `chmod go-w FOLDER/executor.conf` ends that"
            ],
        );
        chmod(&file.path, 0o644);
        chmod(folder.path(), 0o777);
        check_refused(
            &file,
            "models",
            false,
            expect![
                "the task wants the folder `models`, but what the operator of agent a1.example:5051 lists cannot be used: others than its owner may write to FOLDER; `chmod go-w FOLDER` ends that"
            ],
        );
        chmod(folder.path(), 0o755);
        assert!(ask(&file, "models", false).is_ok());
        // Root's own is believed, whoever is asked for; so it takes a root to try the rest.
        let is_root = file.owner == 0;
        if is_root {
            std::os::unix::fs::chown(&file.path, Some(65_534), None).unwrap();
            check_refused(
                &file,
                "models",
                false,
                expect![
                    "the task wants the folder `models`, but what the operator of agent a1.example:5051 lists cannot be used: FOLDER/executor.conf belongs to user 65534, not to 0; `chown 0 FOLDER/executor.conf` makes it so"
                ],
            );
        }
    }

    #[test]
    fn a_list_that_is_no_list_is_told_with_its_line() {
        for (text, expected) in [
            (
                "models /data ro",
                "line 1 of F: it is not `folder NAME /PATH ro` or `folder NAME /PATH rw`",
            ),
            (
                "\nfolder models ro",
                "line 2 of F: it is not `folder NAME /PATH ro` or `folder NAME /PATH rw`",
            ),
            (
                "folder models /data r",
                "line 1 of F: it is not `folder NAME /PATH ro` or `folder NAME /PATH rw`",
            ),
            (
                "folders models /data ro",
                "line 1 of F: it is not `folder NAME /PATH ro` or `folder NAME /PATH rw`",
            ),
            (
                "folder a data ro",
                "line 1 of F: `data` is not an absolute path without `..`",
            ),
            (
                "folder a /data/../etc ro",
                "line 1 of F: `/data/../etc` is not an absolute path without `..`",
            ),
            (
                "folder a /data/a ro\nfolder b /data rw",
                "line 1 of F: `a` lies in the folder of line 2, where tasks may write: they could put something else in its place",
            ),
            (
                "folder ../a /data ro",
                "line 1 of F: `../a` is not a name: letters, digits, `-`, `_` and `.`, which is not the first",
            ),
            (
                "folder a /a ro\nfolder a /b rw",
                "line 2 of F: `a` is listed in line 1 already",
            ),
        ] {
            let (_folder, file) = list(text);
            let FolderError::List { fault, .. } = ask(&file, "a", false).unwrap_err() else {
                panic!("it is a list: {text}");
            };
            assert_eq!(fault.to_string().replace(&file.name(), "F"), expected);
        }
        let (_folder, file) = list(&"#".repeat(FILE_BYTES_MAX as usize + 1));
        let refused = ask(&file, "a", false).unwrap_err().to_string();
        assert!(refused.ends_with("has more than 65536 bytes"), "{refused}");
        let (folder, mut file) = list("");
        file.path = folder.path().to_owned();
        let refused = ask(&file, "a", false).unwrap_err().to_string();
        assert!(refused.ends_with("is no regular file"), "{refused}");
    }

    #[test]
    fn the_list_in_the_docs_can_be_read() {
        let page = include_str!("../../../docs/grants.md");
        let (_, block) = page.split_once("```text\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        let listed = parse(block).unwrap();
        let listed: Vec<_> = listed.keys().map(String::as_str).collect();
        assert_eq!(listed, ["models", "scratch"]);
    }
}
