//! Pieces of job files that the README and the docs show: each is right, with what it leaves out
//! filled in.

use std::fs;
use std::path::Path;

use mesosgot_job::{Lookup, PathKind, parse};

/// Guest projects, wherever a page says that there is one.
struct Projects;

impl Lookup for Projects {
    fn kind(&self, path: &Path) -> Option<PathKind> {
        Some(match path.extension().is_some() {
            true => PathKind::File,
            false => PathKind::Folder,
        })
    }

    fn names(&self, _folder: &Path) -> Vec<String> {
        Vec::new()
    }
}

/// Blocks of YAML that are no job files begin so.
const OTHERS: [&str; 1] = ["scrape_configs:"];

#[test]
fn what_pages_show_of_job_files_is_right() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = fs::read_dir(top.join("docs")).expect("the folder can be read");
    let docs = entries.map(|entry| entry.expect("the entry can be read").path());
    let mut count = 0;
    for path in docs.chain([top.join("README.md")]) {
        let is_page = path.extension().is_some_and(|extension| extension == "md");
        if !is_page {
            continue;
        }
        let page = fs::read_to_string(&path).expect("the page can be read");
        for block in blocks(&page) {
            count += 1;
            let job = completed(&block);
            if let Err(diagnostics) = parse("shown.yaml", &job, &Projects) {
                panic!("{}: {diagnostics}\n{job}", path.display());
            }
        }
    }
    assert!(count > 10, "only {count} blocks were found");
}

/// The blocks of YAML that are of job files.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```yaml";
            if is_inside {
                blocks.push(String::new());
            }
        } else if is_inside && let Some(block) = blocks.last_mut() {
            *block += &format!("{line}\n");
        }
    }
    blocks.retain(|block| !OTHERS.iter().any(|other| block.starts_with(other)));
    blocks
}

/// The piece with what a job needs beside it. One that is indented is of a group.
fn completed(block: &str) -> String {
    let mut job = match block.starts_with("    ") {
        true => format!("tasks:\n  shown:\n    module: shown\n{block}"),
        false => block.to_owned(),
    };
    let keys = [
        ("job:", "job: shown\n"),
        ("scheduler:", "scheduler: { module: shown }\n"),
        ("tasks:", "tasks:\n  shown: { module: shown }\n"),
    ];
    for (key, text) in keys {
        if !job.lines().any(|line| line.starts_with(key)) {
            job += text;
        }
    }
    job
}
