//! What a request for a file is answered.

use std::ops::Range;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ALLOW, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use super::{Catalogue, Entry};

/// How a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Over TLS, or where there is none.
    Trusted,
    /// Without TLS, though there is some.
    Plain,
}

/// What of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<usize>),
    /// What it does not have.
    Beyond,
}

impl Catalogue {
    /// The answer to a request. Files are shared with it, not copied.
    pub(super) fn answer<B>(&self, request: &Request<B>, way: Way) -> Response<Full<Bytes>> {
        let path = request.uri().path().trim_start_matches('/');
        let Some(entry) = self.0.get(path) else {
            return text(StatusCode::NOT_FOUND, "there is no such file\n");
        };
        if way == Way::Plain && !entry.is_public {
            return text(StatusCode::FORBIDDEN, "modules are served over TLS only\n");
        }
        match *request.method() {
            Method::GET => entry.answer(request, Bytes::clone),
            // With the head that GET would have.
            Method::HEAD => entry.answer(request, |_| Bytes::new()),
            _ => {
                let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "files can be read only\n");
                let methods = HeaderValue::from_static("GET, HEAD");
                answer.headers_mut().insert(ALLOW, methods);
                answer
            }
        }
    }
}

impl Entry {
    fn answer<B>(
        &self,
        request: &Request<B>,
        body: impl FnOnce(&Bytes) -> Bytes,
    ) -> Response<Full<Bytes>> {
        let header = |name| {
            let value = request.headers().get(name)?;
            value.to_str().ok()
        };
        let total = self.bytes.len();
        // Files have no mark by which a part could be asked for on a condition.
        let range = header(RANGE).filter(|_| header(IF_RANGE).is_none());
        let (status, part) = match wanted(range, total) {
            Wanted::Whole => (StatusCode::OK, 0..total),
            Wanted::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Wanted::Beyond => {
                let mut answer = text(StatusCode::RANGE_NOT_SATISFIABLE, "");
                set(&mut answer, CONTENT_RANGE, &format!("bytes */{total}"));
                return answer;
            }
        };
        let mut answer = Response::new(Full::new(body(&self.bytes.slice(part.clone()))));
        *answer.status_mut() = status;
        if status == StatusCode::PARTIAL_CONTENT {
            let (first, last) = (part.start, part.end - 1);
            let range = format!("bytes {first}-{last}/{total}");
            set(&mut answer, CONTENT_RANGE, &range);
        }
        set(&mut answer, CONTENT_TYPE, self.content_type);
        set(&mut answer, CONTENT_LENGTH, &part.len().to_string());
        set(&mut answer, ACCEPT_RANGES, "bytes");
        answer
    }
}

/// What a `Range` header means for a file of this length. One that is not understood, and a list
/// of parts, means all of it (RFC 9110, section 14.2).
fn wanted(header: Option<&str>, total: usize) -> Wanted {
    let range = header
        .and_then(|header| header.strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let Some((first, last)) = range else {
        return Wanted::Whole;
    };
    let part = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..total.min(last.saturating_add(1)),
        (Ok(first), Err(_)) if last.is_empty() => first..total,
        // So many bytes at the end.
        (Err(_), Ok(count)) if first.is_empty() => total.saturating_sub(count)..total,
        _ => return Wanted::Whole,
    };
    if part.is_empty() {
        return Wanted::Beyond;
    }
    Wanted::Part(part)
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

fn set(answer: &mut Response<Full<Bytes>>, name: http::HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("numbers and types are values of headers");
    answer.headers_mut().insert(name, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_files() {
        for (header, expected) in [
            ("bytes=0-3", Wanted::Part(0..4)),
            ("bytes=4-", Wanted::Part(4..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=9-100", Wanted::Part(9..10)),
            ("bytes=5-18446744073709551615", Wanted::Part(5..10)),
            ("bytes=10-", Wanted::Beyond),
            ("bytes=10-12", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=3-1", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=x-3", Wanted::Whole),
            ("lines=0-3", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Beyond);
    }
}
