//! Bodies that are large, or become so.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::meter::{MIB, Metered, Sent};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// The two routes that take calls of any kind, of a master and an agent.
const PATHS: [&str; 2] = ["/api/v1/scheduler", "/api/v1/executor"];

/// Some 64 MiB, in three shapes.
fn large(path: &str) -> [Sent<'_>; 3] {
    let filler = (b' ', 64 * MIB);
    let of = |content_type, beginning, filler, end| Sent {
        path,
        content_type,
        more_headers: "",
        beginning,
        filler,
        end,
        withheld: 0,
    };
    [
        // White space, a text of a field that nobody knows, and one field of protobuf.
        of(JSON, b"{", filler, b"}"),
        of(JSON, b"{\"x\":\"", filler, b"\"}"),
        of(PROTOBUF, b"\xfa\x7f\x80\x80\x80\x20", filler, b""),
    ]
}

#[tokio::test]
async fn a_body_of_64_mib_takes_a_few_times_its_size_and_gives_it_back() {
    let metered = Metered::start().await;
    for (address, path) in [metered.master(), metered.agent()].into_iter().zip(PATHS) {
        for sent in large(path) {
            assert_eq!(sent.to(address).await, Some(400));
            metered.check(4 * 64 * MIB).await;
        }
    }
    metered.stop(MIB).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_whole() {
    let metered = Metered::start().await;
    for (address, path) in [metered.master(), metered.agent()].into_iter().zip(PATHS) {
        let [_, _, sent] = large(path);
        let sent = Sent {
            filler: (0, 300 * MIB),
            ..sent
        };
        assert_eq!(sent.to(address).await, Some(413));
    }
    metered.check(3 * 256 * MIB).await;
    metered.stop(MIB).await;
}

#[tokio::test]
async fn many_large_bodies_at_once_take_what_there_is_for_them_and_no_more() {
    let metered = Metered::start().await;
    let [_, _, sent] = large(PATHS[0]);
    let sent = Sent {
        withheld: 1,
        ..sent
    };
    let mut all: FuturesUnordered<_> = (0..24).map(|_| sent.to(metered.master())).collect();
    // None of them ends, and not all of them fit.
    assert_eq!(all.next().await, Some(Some(503)));
    metered.check(1100 * MIB).await;
    drop(all);
    metered.stop(MIB).await;
}

#[tokio::test]
async fn what_becomes_large_when_it_is_unpacked_is_refused() {
    let metered = Metered::start().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..300 {
        gzip.write_all(&[0; MIB]).expect("writing to memory");
    }
    let packed = gzip.finish().expect("writing to memory");
    for (address, path) in [metered.master(), metered.agent()].into_iter().zip(PATHS) {
        let sent = Sent {
            path,
            content_type: PROTOBUF,
            more_headers: "Content-Encoding: gzip\r\n",
            beginning: &packed,
            filler: (0, 0),
            end: b"",
            withheld: 0,
        };
        assert_eq!(sent.to(address).await, Some(413));
    }
    metered.check(800 * MIB).await;
    drop(packed);
    metered.stop(MIB).await;
}

#[tokio::test]
async fn values_in_values_take_no_more_than_their_text() {
    let metered = Metered::start().await;
    for (address, path) in [metered.master(), metered.agent()].into_iter().zip(PATHS) {
        for (content_type, byte) in [(JSON, b'['), (JSON, b'{'), (PROTOBUF, 0x0b)] {
            let sent = Sent {
                path,
                content_type,
                more_headers: "",
                beginning: b"",
                filler: (byte, 8 * MIB),
                end: b"",
                withheld: 0,
            };
            assert_eq!(sent.to(address).await, Some(400));
        }
    }
    metered.check(6 * 8 * MIB).await;
    metered.stop(MIB).await;
}
