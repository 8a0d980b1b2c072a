//! The way from text to job, in three steps: where everything is, what its shape is, what it means.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file::JobFile;
use crate::shape::Read;
use crate::spans::Spans;
use crate::tree::Node;
use crate::{Job, Lookup, resolve, shape, yaml};

/// The largest job file, in bytes. A job of a thousand groups has a tenth of it; what is larger was
/// meant to be something else, and would be read whole into memory.
pub const JOB_BYTES_MAX: usize = 1 << 20;

/// Reads a job file, YAML or JSON.
///
/// `file_name` is only for the diagnostics; `lookup` is asked about modules.
///
/// # Errors
/// All that is wrong: keys that are unknown or come twice, shapes, and the meaning of the rest. Of a
/// text that is no YAML, where it ends to be.
///
/// ```
/// use std::path::Path;
///
/// struct Wasm;
///
/// impl mesosgot_job::Lookup for Wasm {
///     fn kind(&self, _path: &Path) -> Option<mesosgot_job::PathKind> {
///         Some(mesosgot_job::PathKind::File)
///     }
///
///     fn names(&self, _folder: &Path) -> Vec<String> {
///         Vec::new()
///     }
/// }
///
/// let text = "
/// job: hello
/// scheduler: { module: greeter.wasm }
/// tasks:
///   guest: { module: guest.wasm, count: 3 }
/// ";
/// let job = mesosgot_job::parse("hello.yaml", text, &Wasm)?;
/// assert_eq!(job.groups[0].count, 3);
/// assert_eq!(job.groups[0].mem, mesosgot_job::MEM);
/// # Ok::<(), mesosgot_job::Diagnostics>(())
/// ```
pub fn parse(file_name: &str, text: &str, lookup: &dyn Lookup) -> Result<Job, Diagnostics> {
    parse_list(text, lookup).map_err(|mut list| {
        list.sort_by_key(|diagnostic| diagnostic.span.start);
        Diagnostics {
            file_name: file_name.to_owned(),
            text: text.to_owned(),
            list,
        }
    })
}

fn parse_list(text: &str, lookup: &dyn Lookup) -> Result<Job, Vec<Diagnostic>> {
    if text.len() > JOB_BYTES_MAX {
        let message = format!("the file is larger than {JOB_BYTES_MAX} bytes");
        return Err(vec![Diagnostic::new(text, 0..0, message)]);
    }
    let spans = Spans::index(text);
    let duplicates: Vec<_> = spans
        .duplicates()
        .map(|(path, place)| {
            let key = path.last().map_or("", String::as_str);
            let message = match path.first().map(String::as_str) {
                Some("tasks") if path.len() == 2 => format!("the group `{key}` comes twice"),
                _ => format!("the key `{key}` comes twice"),
            };
            Diagnostic::new(text, place.clone(), message)
                .with_label("the second one")
                .with_help(Some("keep one of them"))
        })
        .collect();
    if spans.is_empty() && Node::is_none(text) {
        let help = "`mesosgot new NAME` makes a job that runs";
        let place = 0..text.lines().next().map_or(0, str::len);
        let empty = Diagnostic::new(text, place, "the file has no job in it");
        return Err(vec![empty.with_help(Some(help))]);
    }
    let strictly: Result<JobFile, _> = yaml::read(text, &spans);
    let first = match strictly {
        Ok(file) if duplicates.is_empty() => return resolve::resolve(file, text, &spans, lookup),
        Ok(_) => None,
        Err(first) => Some(*first),
    };
    let mended = shape::mend(text);
    let is_told = match &mended {
        // What is no YAML has no tree, and its first fault is all that is known of it.
        None => false,
        Some(mended) => !(mended.faults.is_empty() && duplicates.is_empty()),
    };
    let mut all = duplicates;
    all.extend(first.filter(|_| !is_told));
    if let Some(mended) = mended {
        all.extend(mended.faults);
        let found = mended.read.map(|read| meaning(read, text, lookup));
        all.extend(found.into_iter().flatten());
    }
    Err(all)
}

/// What is wrong with the meaning of a file whose faults are replaced, where they are not.
fn meaning(read: Read<JobFile>, text: &str, lookup: &dyn Lookup) -> Vec<Diagnostic> {
    let Read {
        file,
        tree,
        replaced,
    } = read;
    let found = resolve::resolve(file, text, &Spans::of(&tree), lookup);
    let mut found = found.err().unwrap_or_default();
    found.retain(|diagnostic| {
        let start = diagnostic.span.start;
        replaced.iter().all(|place| !place.contains(&start))
    });
    found
}
