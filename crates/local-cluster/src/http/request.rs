//! What every v1 endpoint checks of a request, in the order and the words of Mesos (PROTOCOL §1),
//! and the answers that have no content of their own.

use std::io::Read as _;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{ACCEPT, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode, request::Parts};
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::budget::{Budget, Exhausted, Reservation};
use super::{Body, Request, Response};
use crate::codec::{self, DecodeError, Encoding};

/// The largest body that is read, before and after decompression: 256 MiB. Mesos has no limit, and
/// 65 MiB have been seen to pass (PROTOCOL §1).
const BODY_BYTES_MAX: usize = 256 << 20;

/// How long a client may take between two pieces of a body. Mesos waits for ever; here what has
/// come of a body keeps others out, and nobody who still writes pauses for a minute.
const BODY_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The most of a text that says what is wrong. Mesos repeats a body of any size in it.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// An answer that is not 2xx: a status and a text that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
        }
    }

    /// 400: who asked has to change something.
    pub(crate) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let mut text = refusal.text;
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        // It may have room for a whole body, and waits for its client.
        text.shrink_to_fit();
        let mut response = Self::new(text.into());
        *response.status_mut() = refusal.status;
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        if refusal.status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

/// Reads the call in a request: method, media type, then the body.
///
/// Whether the answer can be in an encoding that the client takes is asked later and not for every
/// call, see [`accepted_encoding`].
///
/// What the call takes of the server's memory is given back with the parts: keep them until it is
/// answered.
///
/// # Errors
/// 405, 400, 415, or 400 for a body that is not a call; 413 and 503 where it takes too much.
pub(crate) async fn read_call<T: codec::Body>(request: Request) -> Result<(Parts, T), Refusal> {
    let (mut parts, body) = request.into_parts();
    check_method(&parts.method)?;
    let encoding = content_encoding(&parts.headers)?;
    let budget = parts.extensions.remove::<Budget>();
    let budget = budget.unwrap_or_else(Budget::new);
    let mut reservation = budget.reserve();
    let body = read_body(&parts.headers, body, BODY_BYTES_MAX, &mut reservation).await?;
    match codec::decode_sized(encoding, body) {
        Ok(decoded) => {
            drop(reservation);
            let mut reservation = budget.reserve();
            reservation.grow(decoded.bytes).map_err(exhausted)?;
            parts.extensions.insert(Arc::new(reservation));
            Ok((parts, decoded.message))
        }
        Err(error @ DecodeError::TooLarge) => {
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            Err(Refusal::new(status, error.to_string()))
        }
        Err(error) => Err(Refusal::bad_request(error.to_string())),
    }
}

/// Reads a body of at most `bytes_max` bytes, whatever it is.
///
/// # Errors
/// 400, 408, 413 and 503, as of a call.
pub(super) async fn read_small(request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    let (mut parts, body) = request.into_parts();
    let budget = parts.extensions.remove::<Budget>();
    let mut reservation = budget.unwrap_or_else(Budget::new).reserve();
    read_body(&parts.headers, body, bytes_max, &mut reservation).await
}

fn exhausted(_: Exhausted) -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Other requests take all the memory that there is for them",
    )
}

/// # Errors
/// 405 for everything but POST.
pub(crate) fn check_method(method: &Method) -> Result<(), Refusal> {
    if method == Method::POST {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("405 Method Not Allowed. Expecting one of {{ 'POST' }}, but received '{method}'."),
    ))
}

/// The encoding of the request. The media type is compared as it stands: a charset is a fault.
///
/// # Errors
/// 400 when there is no Content-Type, 415 when it is another one.
pub(crate) fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let Some(media_type) = headers.get(CONTENT_TYPE) else {
        return Err(Refusal::bad_request(
            "Expecting 'Content-Type' to be present",
        ));
    };
    [Encoding::Json, Encoding::Protobuf]
        .into_iter()
        .find(|encoding| media_type.as_bytes() == encoding.media_type().as_bytes())
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Expecting 'Content-Type' of application/json or application/x-protobuf",
            )
        })
}

/// The encoding for the answer. JSON is tried first, so it is what `*/*` and silence mean.
///
/// # Errors
/// 406 when the client takes neither.
pub(crate) fn accepted_encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    [Encoding::Json, Encoding::Protobuf]
        .into_iter()
        .find(|encoding| accepts(headers, encoding.media_type()))
        .ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
            )
        })
}

/// Whether `Accept` allows a media type. Of the type itself, `type/*` and `*/*`, the first that is
/// listed decides, and it says no by a `q` of 0.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let Some(accept) = headers.get(ACCEPT) else {
        return true;
    };
    let accept = String::from_utf8_lossy(accept.as_bytes()).to_ascii_lowercase();
    let family = media_type.split('/').next().unwrap_or_default();
    let candidates = [
        media_type.to_owned(),
        format!("{family}/*"),
        "*/*".to_owned(),
    ];
    candidates
        .iter()
        .find_map(|candidate| {
            accept
                .split(',')
                .map(|listed| listed.split(';').map(str::trim))
                .find_map(|mut listed| {
                    (listed.next()? == candidate).then(|| listed.all(|it| !is_zero_quality(it)))
                })
        })
        .unwrap_or(false)
}

fn is_zero_quality(parameter: &str) -> bool {
    parameter.strip_prefix("q=").is_some_and(|quality| {
        quality
            .trim()
            .parse::<f64>()
            .is_ok_and(|quality| quality <= 0.0)
    })
}

/// The body as a whole, decompressed if it came with `Content-Encoding: gzip`; neither form may be
/// larger than `bytes_max`. All of it is reserved.
async fn read_body<B>(
    headers: &HeaderMap,
    body: B,
    bytes_max: usize,
    reservation: &mut Reservation,
) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes>,
{
    let body = collect(body, bytes_max, reservation).await?;
    if headers
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding != "gzip")
    {
        return Ok(body);
    }
    let mut decompressed = Vec::new();
    let mut gzip = GzDecoder::new(body.as_ref());
    loop {
        let before = decompressed.len();
        let mut piece = gzip.by_ref().take(DECOMPRESSED_PIECE_BYTES);
        piece
            .read_to_end(&mut decompressed)
            .map_err(|_| Refusal::bad_request("Failed to decompress body"))?;
        if decompressed.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        match decompressed.len() - before {
            0 => return Ok(decompressed.into()),
            more => reservation.grow(more).map_err(exhausted)?,
        }
    }
}

/// How much is decompressed before it is reserved.
const DECOMPRESSED_PIECE_BYTES: u64 = 64 << 10;

/// What a client sends, until it has sent all.
async fn collect<B>(
    body: B,
    bytes_max: usize,
    reservation: &mut Reservation,
) -> Result<Bytes, Refusal>
where
    B: http_body::Body<Data = Bytes>,
{
    let announced = body.size_hint().upper();
    let announced = announced.and_then(|bytes| usize::try_from(bytes).ok());
    let mut body = pin!(body);
    let mut whole = Vec::new();
    loop {
        let frame = timeout(BODY_PAUSE_MAX, body.frame()).await;
        let frame = frame.map_err(|_| {
            let text = "The rest of the body did not come in time";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, text)
        })?;
        let Some(frame) = frame else {
            return Ok(whole.into());
        };
        let frame = frame.map_err(|_| Refusal::bad_request("Failed to read the body"))?;
        // Trailers say nothing here.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        if whole.len() + data.len() > whole.capacity() {
            let room = room(whole.len(), data.len(), announced.unwrap_or(bytes_max));
            let more = room - whole.capacity();
            reservation.grow(more).map_err(exhausted)?;
            whole.reserve_exact(room - whole.len());
        }
        whole.extend_from_slice(&data);
    }
}

/// How much room a body gets that has outgrown what it had: twice of what it needs, so that it is
/// seldom moved, but no more than it can come to need. What is announced is not believed before
/// half of it has come.
fn room(read: usize, more: usize, announced: usize) -> usize {
    let needed = read + more;
    needed.saturating_mul(2).min(announced).max(needed)
}

fn too_large(bytes_max: usize) -> Refusal {
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("The body is larger than {bytes_max} bytes"),
    )
}

/// 202, the answer to a call that was taken: no body, no media type.
pub(crate) fn accepted() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// 404 for a path that leads nowhere.
pub(crate) fn not_found() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "404 Not Found.").into()
}

/// 200 with a JSON text.
pub(crate) fn json(text: String) -> Response {
    let mut response = Response::new(text.into());
    let media_type = HeaderValue::from_static(Encoding::Json.media_type());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// The routes of a path from the longest to the shortest, each of which may have a handler:
/// `/api/v1/scheduler/x` is handled by `/api/v1/scheduler` (PROTOCOL §1). The process name in front
/// (`/master`, `/slave(1)`) is taken off. Nothing comes of a path with `/..` in it.
pub(crate) fn routes<'a>(path: &'a str, process: &str) -> impl Iterator<Item = &'a str> {
    let climbs = path.contains("/..");
    let path = path.trim_end_matches('/');
    let path = match path.strip_prefix(process) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    };
    let first = (!climbs && !path.is_empty()).then_some(path);
    std::iter::successors(first, |route| {
        route
            .rsplit_once('/')
            .map(|(shorter, _)| shorter)
            .filter(|shorter| !shorter.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    name.parse().expect("a name"),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[track_caller]
    fn check_accept(accept: &'static str, expected: Option<Encoding>) {
        let accepted = accepted_encoding(&headers(&[("accept", accept)])).ok();
        assert_eq!(accepted, expected, "Accept: {accept}");
    }

    #[test]
    fn json_is_preferred_and_protobuf_taken_when_it_alone_is_allowed() {
        assert_eq!(accepted_encoding(&HeaderMap::new()), Ok(Encoding::Json));
        check_accept("*/*", Some(Encoding::Json));
        check_accept(
            "application/x-protobuf, application/json",
            Some(Encoding::Json),
        );
        check_accept("application/x-protobuf", Some(Encoding::Protobuf));
        check_accept("Application/X-Protobuf ; q=0.5", Some(Encoding::Protobuf));
        check_accept(
            "application/json;q=0, application/*",
            Some(Encoding::Protobuf),
        );
        check_accept("application/json;q=0", None);
        check_accept("text/html", None);
        check_accept("", None);
    }

    #[test]
    fn a_media_type_with_a_charset_is_another_media_type() {
        let refused = content_encoding(&headers(&[(
            "content-type",
            "application/json; charset=utf-8",
        )]));
        assert_eq!(
            refused.map_err(|refusal| refusal.status),
            Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
    }

    #[test]
    fn the_longest_route_comes_first() {
        let all = |path| routes(path, "/master").collect::<Vec<_>>();
        assert_eq!(
            all("/master/api/v1/scheduler/xyz"),
            [
                "/api/v1/scheduler/xyz",
                "/api/v1/scheduler",
                "/api/v1",
                "/api"
            ]
        );
        assert_eq!(all("/api/v1/"), ["/api/v1", "/api"]);
        assert_eq!(all("/masters/x"), ["/masters/x", "/masters"]);
        assert!(all("/api/v1/../x").is_empty());
        assert!(all("/").is_empty());
    }

    fn gzip(content: &[u8]) -> Bytes {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(content).expect("writing to memory");
        gzip.finish().expect("writing to memory").into()
    }

    #[tokio::test]
    async fn a_compressed_body_is_decompressed() {
        let body = Body::from(gzip(b"hello"));
        let headers = headers(&[("content-encoding", "gzip")]);
        let mut reservation = Budget::with_bytes(100).reserve();
        let read = read_body(&headers, body, BODY_BYTES_MAX, &mut reservation).await;
        assert_eq!(read, Ok(Bytes::from_static(b"hello")));
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused_packed_and_unpacked() {
        let too_large = Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is larger than 100 bytes",
        );
        let read = async |length: usize| {
            let plain = vec![0; length];
            let packed = gzip(&plain);
            assert!(packed.len() < 100);
            let gzipped = headers(&[("content-encoding", "gzip")]);
            let mut reservation = Budget::new().reserve();
            let plain = Body::from(Bytes::from(plain));
            [
                read_body(&HeaderMap::new(), plain, 100, &mut reservation).await,
                read_body(&gzipped, Body::from(packed), 100, &mut reservation).await,
            ]
        };
        let largest = Bytes::from(vec![0; 100]);
        assert_eq!(read(100).await, [Ok(largest.clone()), Ok(largest)]);
        assert_eq!(read(101).await, [Err(too_large.clone()), Err(too_large)]);
    }

    #[tokio::test]
    async fn a_body_is_refused_when_others_take_all_memory_packed_and_unpacked() {
        let budget = Budget::with_bytes(300_000);
        let mut others = budget.reserve();
        assert_eq!(others.grow(100_000), Ok(()));
        let plain = vec![0; 200_001];
        let gzipped = headers(&[("content-encoding", "gzip")]);
        for (headers, body) in [
            (gzipped, gzip(&plain)),
            (HeaderMap::new(), Bytes::from(plain)),
        ] {
            let mut reservation = budget.reserve();
            let body = Body::from(body);
            let read = read_body(&headers, body, BODY_BYTES_MAX, &mut reservation).await;
            let status = read.map_err(|refusal| refusal.status);
            assert_eq!(status, Err(StatusCode::SERVICE_UNAVAILABLE));
        }
    }

    /// A body of which no more comes.
    struct Stuck;

    impl http_body::Body for Stuck {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            std::task::Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let began = tokio::time::Instant::now();
        let mut reservation = Budget::new().reserve();
        let read = read_body(&HeaderMap::new(), Stuck, BODY_BYTES_MAX, &mut reservation).await;
        let status = read.map_err(|refusal| refusal.status);
        assert_eq!(status, Err(StatusCode::REQUEST_TIMEOUT));
        assert_eq!(began.elapsed(), BODY_PAUSE_MAX);
    }

    #[tokio::test]
    async fn a_refusal_repeats_no_more_of_a_body_than_anybody_reads() {
        let refusal = Refusal::bad_request("ä".repeat(1_000_000));
        let response = Response::from(refusal);
        let body = response.into_body().collect().await.expect("a whole body");
        assert_eq!(body.to_bytes().len(), TEXT_BYTES_MAX);
    }

    #[tokio::test]
    async fn a_refusal_is_plain_text_and_says_which_method_is_right() {
        let refusal = check_method(&Method::GET).expect_err("GET is refused");
        let response = Response::from(refusal);
        assert_eq!(response.headers()[ALLOW], "POST");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
        let body = response.into_body().collect().await.expect("a whole body");
        assert_eq!(
            body.to_bytes(),
            "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."
        );
    }
}
