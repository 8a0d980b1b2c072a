//! Answers in gzip for those who take it (PROTOCOL §1).

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::{Body, Response};

/// Shorter bodies are sent as they are, as by Mesos.
const COMPRESSED_BYTES_MIN: u64 = 1024;

/// Whether `Accept-Encoding` allows gzip. Silence does not.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).into_iter();
    let listed = listed.filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_meant = matches!(parts.next(), Some("gzip" | "*"));
        let is_refused = |parameter: &str| {
            let quality = parameter.strip_prefix("q=");
            quality.is_some_and(|it| it.trim().parse::<f64>().is_ok_and(|it| it <= 0.0))
        };
        is_meant && !parts.any(is_refused)
    })
}

/// Compresses the body of an answer if it is long enough. Streams are never compressed.
pub(crate) async fn compress(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let is_long = body
        .size_hint()
        .exact()
        .is_some_and(|length| length >= COMPRESSED_BYTES_MIN);
    let Body::Whole(whole) = body else {
        return Response::from_parts(parts, body);
    };
    if !is_long {
        return Response::from_parts(parts, Body::Whole(whole));
    }
    let Ok(collected) = whole.collect().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let written = gzip.write_all(&collected.to_bytes());
    let compressed = written.and_then(|()| gzip.finish());
    let compressed = compressed.expect("writing to memory never fails");
    let gzip = HeaderValue::from_static("gzip");
    parts.headers.insert(CONTENT_ENCODING, gzip);
    Response::from_parts(parts, Body::from(bytes::Bytes::from(compressed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_ask_for_it() {
        let check = |accepted: &'static str, expected: bool| {
            let value = HeaderValue::from_static(accepted);
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(accepts_gzip(&headers), expected, "{accepted}");
        };
        check("gzip, deflate", true);
        check("deflate, gzip;q=0.5", true);
        check("*", true);
        check("gzip;q=0", false);
        check("deflate", false);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn what_is_short_is_sent_as_it_is() {
        let length = async |bytes: usize| {
            let response = compress(Response::new(Body::from("a".repeat(bytes)))).await;
            let encoding = response.headers().get(CONTENT_ENCODING).cloned();
            (response.into_body().size_hint().exact(), encoding)
        };
        assert_eq!(length(1023).await, (Some(1023), None));
        let (bytes, encoding) = length(1024).await;
        assert!(bytes.is_some_and(|bytes| bytes < 100));
        assert_eq!(encoding, Some(HeaderValue::from_static("gzip")));
    }
}
