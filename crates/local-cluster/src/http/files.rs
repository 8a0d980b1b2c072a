//! `/files/browse`, `/files/read`, `/files/download` and `/files/debug` (PROTOCOL §12).

use std::borrow::Cow;

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{StatusCode, Uri};
use mesos::v1;

use super::file::FileBody;
use super::request::{Refusal, json, not_found};
use super::{Body, Response};
use crate::codec::{Object, array};
use crate::files::{Files, FilesError};

/// Answers a request for one of the routes.
pub(crate) async fn answer(files: &Files, route: &str, uri: &Uri) -> Response {
    let query = Query::of(uri);
    let answered = match (route, query.text("path")) {
        ("/files/debug", _) => debug(files).await,
        (_, None) => Err(Refusal::bad_request("Expecting 'path=value' in query.\n")),
        ("/files/browse", Some(path)) => browse(files, path).await,
        ("/files/read", Some(path)) => read(files, path, &query).await,
        (_, Some(path)) => download(files, path).await,
    };
    answered.unwrap_or_else(Response::from)
}

/// Does what blocks where nobody waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    files: &Files,
    act: impl FnOnce(&Files) -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    let files = files.clone();
    let done = tokio::task::spawn_blocking(move || act(&files)).await;
    done.unwrap_or_else(|error| Err(FilesError::Io(error.into())))
}

/// How a failure to list or read is answered.
pub(crate) fn refusal(error: FilesError) -> Refusal {
    match error {
        FilesError::NotFound => Refusal::new(StatusCode::NOT_FOUND, ""),
        FilesError::Inaccessible(_) => Refusal::bad_request(error.to_string()),
        FilesError::Directory => Refusal::bad_request("Cannot read a directory.\n"),
        FilesError::Io(_) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

async fn browse(files: &Files, path: String) -> Result<Response, Refusal> {
    let listed = blocking(files, move |files| files.list(&path)).await;
    let listed = listed.map_err(refusal)?;
    Ok(json(array(listed.iter().map(entry))))
}

fn entry(file: &v1::FileInfo) -> String {
    let mtime = file.mtime.unwrap_or_default().nanoseconds;
    Object::new()
        .text("gid", file.gid())
        .text("mode", &mode(file.mode()))
        .number("mtime", (mtime / 1_000_000_000) as f64)
        .integer("nlink", file.nlink().into())
        .text("path", &file.path)
        .integer("size", i64::try_from(file.size()).unwrap_or(i64::MAX))
        .text("uid", file.uid())
        .finish()
}

/// A mode as `ls` writes it.
fn mode(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o010_000 => 'p',
        0o140_000 => 's',
        0o060_000 => 'b',
        0o020_000 => 'c',
        _ => '-',
    };
    let letters = ['r', 'w', 'x'].into_iter().cycle().take(9).enumerate();
    let letters = letters.map(|(bit, letter)| {
        let is_set = mode & (0o400 >> bit) != 0;
        if is_set { letter } else { '-' }
    });
    std::iter::once(kind).chain(letters).collect()
}

async fn read(files: &Files, path: String, query: &Query) -> Result<Response, Refusal> {
    let offset = query.number("offset")?;
    let length = query.number("length")?;
    // Without an offset it is only the size that is asked for.
    let (wanted, length) = match offset {
        Some(offset) => (offset, length),
        None => (0, Some(0)),
    };
    let part = blocking(files, move |files| files.read(&path, wanted, length)).await;
    let part = part.map_err(refusal)?;
    let shown = offset.unwrap_or(part.size);
    Ok(json(
        Object::new()
            .text("data", &String::from_utf8_lossy(&part.data))
            .integer("offset", i64::try_from(shown).unwrap_or(i64::MAX))
            .finish(),
    ))
}

async fn download(files: &Files, path: String) -> Result<Response, Refusal> {
    let name = path.trim_end_matches('/').rsplit('/').next();
    let disposition = format!("attachment; filename={}", name.unwrap_or_default());
    let opened = blocking(files, move |files| files.open(&path)).await;
    let (file, size) = match opened {
        Ok(opened) => opened,
        Err(FilesError::NotFound) => return Ok(not_found()),
        Err(FilesError::Directory) => {
            return Err(Refusal::bad_request("Cannot download a directory.\n"));
        }
        Err(error) => return Err(refusal(error)),
    };
    let mut response = Response::new(Body::File(FileBody::new(file, size)));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, media_type);
    // A name that no header can hold is left out.
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

async fn debug(files: &Files) -> Result<Response, Refusal> {
    let all = blocking(files, |files| Ok(files.all())).await;
    let all = all.map_err(refusal)?.into_iter();
    let object = all.fold(Object::new(), |object, (name, path)| {
        object.text(&name, &path.to_string_lossy())
    });
    Ok(json(object.finish()))
}

/// The query of a URI.
struct Query(Vec<(String, String)>);

impl Query {
    fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&');
        let pairs = pairs.filter_map(|pair| pair.split_once('='));
        Self(
            pairs
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        )
    }

    fn text(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        Some(found.1.clone())
    }

    /// A number that may be left out; -1 is the same as that.
    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse::<i64>() {
            Ok(-1) => Ok(None),
            Ok(number) => u64::try_from(number).map(Some).map_err(|_| {
                Refusal::bad_request(format!("Negative {name} provided: {number}.\n"))
            }),
            Err(_) => Err(Refusal::bad_request(format!(
                "Failed to parse {name}: Failed to convert '{text}' to number.\n"
            ))),
        }
    }
}

/// Text without its percent signs and plus signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let escaped = || {
            let digits = std::str::from_utf8(others.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        match (first, escaped()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &others[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
        rest = others;
    }
    match String::from_utf8_lossy(&bytes) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_half_ones_stay() {
        assert_eq!(decoded("a%20b+c%2Fd"), "a b c/d");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }

    #[test]
    fn modes_look_as_in_ls() {
        assert_eq!(mode(0o100_644), "-rw-r--r--");
        assert_eq!(mode(0o040_755), "drwxr-xr-x");
    }
}
