//! Job files in, jobs or diagnostics out.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read the examples; the crate itself does no I/O"
)]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod any;
mod bad;
mod good;
mod pages;
mod reference;
mod schema;

use std::collections::BTreeMap;
use std::path::Path;

use mesosgot_job::{Diagnostics, Job, Lookup, PathKind, parse};

/// The folder of a job: paths with what is there.
struct Folder(BTreeMap<&'static str, PathKind>);

impl Folder {
    /// Two guest projects, an app scheduler, a module, and things that are none of these.
    fn new() -> Self {
        use PathKind::{File, Folder};

        Self(BTreeMap::from([
            (".", Folder),
            ("tasks", Folder),
            ("tasks/dispatcher", Folder),
            ("tasks/dispatcher/Cargo.toml", File),
            ("tasks/elevator", Folder),
            ("tasks/elevator/Cargo.toml", File),
            ("tasks/floor", Folder),
            ("tasks/floor/Cargo.toml", File),
            ("tasks/notes", Folder),
            ("tasks/readme.md", File),
            ("floor.wasm", File),
            ("view.html", File),
            ("folder.wasm", Folder),
        ]))
    }
}

impl Lookup for Folder {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        self.0.get(path.to_str().unwrap()).copied()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let prefix = match folder.to_str().unwrap() {
            "." => String::new(),
            folder => format!("{folder}/"),
        };
        let below = self.0.keys().filter_map(|path| path.strip_prefix(&prefix));
        below
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }
}

fn read(text: &str) -> Result<Job, Diagnostics> {
    parse("job.yaml", text, &Folder::new())
}

/// A job file with the least that must be there, and then `rest`.
fn minimal(rest: &str) -> String {
    format!("job: j\nscheduler: {{ module: tasks/dispatcher }}\n{rest}")
}
