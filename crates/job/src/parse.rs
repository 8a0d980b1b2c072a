//! The way from text to job, in three steps: where everything is, what its shape is, what it means.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::file::JobFile;
use crate::spans::Spans;
use crate::{Job, Lookup, resolve, yaml};

/// The largest job file, in bytes. A job of a thousand groups has a tenth of it; what is larger was
/// meant to be something else, and would be read whole into memory.
pub const JOB_BYTES_MAX: usize = 1 << 20;

/// Reads a job file, YAML or JSON.
///
/// `file_name` is only for the diagnostics; `lookup` is asked about modules.
///
/// # Errors
/// All that is wrong with the meaning; or the keys that come twice; or, when the text is no YAML
/// or has a key or a shape that does not belong there, the first of these.
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
            Diagnostic::new(text, place.clone(), message).with_label("the second one")
        })
        .collect();
    if !duplicates.is_empty() {
        return Err(duplicates);
    }
    let file: JobFile = yaml::read(text, &spans).map_err(|diagnostic| vec![*diagnostic])?;
    resolve::resolve(file, text, &spans, lookup)
}
