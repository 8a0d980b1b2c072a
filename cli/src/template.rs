//! The files of a new job: `cli/template`, and the guest library beside them.
//!
//! The library goes along because guests must be written with the one that this program is made
//! for, and because a folder that has all it needs can be moved, committed and built anywhere.

/// The name of the job file of a job.
pub(crate) fn job_file(name: &str) -> String {
    format!("{name}.yaml")
}

/// All files of a job of that name, by their path in its folder.
pub(crate) fn files(name: &str) -> impl Iterator<Item = (String, String)> {
    let named = |text: &str| text.replace("{{name}}", name);
    let job = [
        (job_file(name), named(include_str!("../template/job.yaml"))),
        (
            "README.md".to_owned(),
            named(include_str!("../template/README.md")),
        ),
    ];
    let rest = FILES.iter().chain(SDK);
    let rest = rest.map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    job.into_iter().chain(rest)
}

/// Files that are the same in every job.
const FILES: &[(&str, &str)] = &[
    (".gitignore", include_str!("../template/gitignore")),
    ("Cargo.toml", include_str!("../template/workspace.toml")),
    (
        "scheduler/Cargo.toml",
        include_str!("../template/scheduler.toml"),
    ),
    (
        "scheduler/src/lib.rs",
        include_str!("../template/scheduler.rs"),
    ),
    ("worker/Cargo.toml", include_str!("../template/worker.toml")),
    ("worker/src/lib.rs", include_str!("../template/worker.rs")),
];

/// Pairs of a path in a job's folder and the text of the same file of this workspace.
macro_rules! own_files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

/// The guest library.
const SDK: &[(&str, &str)] = own_files![
    "sdk/Cargo.toml",
    "sdk/macros/Cargo.toml",
    "sdk/macros/src/lib.rs",
    "sdk/macros/src/tests.rs",
    "sdk/src/args.rs",
    "sdk/src/bindings.rs",
    "sdk/src/channel.rs",
    "sdk/src/error.rs",
    "sdk/src/guest.rs",
    "sdk/src/job.rs",
    "sdk/src/lib.rs",
    "sdk/src/select.rs",
    "sdk/src/sys.rs",
    "sdk/src/sys/memory.rs",
    "sdk/src/sys/memory/state.rs",
    "sdk/src/sys/wasm.rs",
    "sdk/src/testing.rs",
    "sdk/src/testing/tests.rs",
    "sdk/src/typed.rs",
    "sdk/src/typed/tests.rs",
    "sdk/wit/deps/clocks/monotonic-clock.wit",
    "sdk/wit/deps/io/poll.wit",
    "sdk/wit/scheduler.wit",
    "sdk/wit/task.wit",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The files below a folder of the workspace.
    fn files_below(folder: &str) -> BTreeSet<String> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let entries = std::fs::read_dir(workspace.join(folder)).expect("the folder can be read");
        entries
            .flat_map(|entry| {
                let entry = entry.expect("the entry can be read");
                let name = entry.file_name().into_string().expect("the name is UTF-8");
                let path = format!("{folder}/{name}");
                match entry.file_type().expect("it has a type").is_dir() {
                    true => files_below(&path),
                    false => BTreeSet::from([path]),
                }
            })
            .collect()
    }

    #[test]
    fn the_whole_guest_library_goes_along() {
        let all = files_below("sdk");
        let taken = SDK.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(all, taken);
    }

    #[test]
    fn the_guest_library_is_built_with_what_it_is_built_with_here() {
        let workspace: BTreeSet<_> = include_str!("../../Cargo.toml").lines().collect();
        let template = include_str!("../template/workspace.toml");
        let (_, library) = template
            .split_once("guest library needs.\n")
            .expect("there is such a comment");
        let library = library.lines().filter(|line| line.contains(" = "));
        // Paths and the table of lints are the job's own.
        for line in library.filter(|line| !line.contains("path = ")) {
            assert!(workspace.contains(line), "{line}");
        }
    }

    #[test]
    fn the_docs_show_what_is_made() {
        let pages = concat!(
            include_str!("../../docs/first-job.md"),
            include_str!("../../docs/sdk.md")
        );
        let made = [
            include_str!("../template/worker.rs"),
            include_str!("../template/scheduler.rs"),
        ];
        let lines = made.iter().flat_map(|file| file.lines());
        // Pages say in their text what comments say.
        let made: String = lines
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        let blocks = pages.split("```rust\n").skip(1);
        let blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0));
        let mut count = 0;
        for block in blocks {
            let begin: String = block.split_inclusive('\n').take(2).collect();
            if made.contains(&begin) {
                assert!(made.contains(block), "{block}");
                count += 1;
            }
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn nothing_is_left_to_be_filled_in() {
        for (path, text) in files("demo") {
            assert!(!text.contains("{{"), "{path}");
        }
    }
}
