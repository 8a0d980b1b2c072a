//! Very many connections, and requests that never come to their end.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;

use super::meter::{MIB, Metered, connect};

/// The most idle connections that are tried.
const IDLE_MAX: usize = 10_000;

/// Handles that are needed for other things: the cluster, its processes, the test itself.
const HANDLES_SPARE: usize = 200;

/// What a connection on which nothing was said may cost, with this side's end of it.
const IDLE_BYTES_MAX: usize = 24 << 10;

/// How many connections this process can have both ends of. The limit of handles is raised as far
/// as it may be.
fn pairs() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // What cannot be raised is used as it is.
    let _ = setrlimit(Resource::Nofile, raised);
    let handles = getrlimit(Resource::Nofile).current;
    let handles = handles.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
    (handles.saturating_sub(HANDLES_SPARE) / 2).min(IDLE_MAX)
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "how many there were depends on the machine"
)]
async fn ten_thousand_idle_connections_cost_little_and_keep_nobody_out() {
    let metered = Metered::start().await;
    let pairs = pairs();
    eprintln!("{pairs} idle connections");
    assert!(
        pairs >= 100,
        "the limit of handles is too low to tell anything"
    );
    let mut idle = Vec::with_capacity(pairs);
    for number in 0..pairs {
        let address = [metered.master(), metered.agent()][number % 2];
        idle.push(connect(address).await);
    }
    // Served after all of them, which have been accepted therefore.
    metered.check(usize::MAX).await;
    eprintln!("{} bytes for each", metered.peak() / pairs);
    metered.check(pairs * IDLE_BYTES_MAX + MIB).await;
    drop(idle);
    metered.stop(4 * MIB).await;
}

#[tokio::test]
async fn requests_that_never_end_cost_what_was_sent_of_them() {
    let metered = Metered::start().await;
    let count = pairs().min(500);
    let mut stuck = Vec::new();
    let large = [b'x'; 100 << 10];
    for number in 0..count {
        let mut stream = connect([metered.master(), metered.agent()][number % 2]).await;
        let head: &[u8] = match number % 3 {
            0 => b"GET /",
            1 => b"GET / HTTP/1.1\r\nX-Header: ",
            _ => {
                b"POST /api/v1 HTTP/1.1\r\nContent-Type: application/json\r\n\
                  Content-Length: 200000\r\n\r\n"
            }
        };
        stream.write_all(head).await.expect("it is open");
        // Heads may be too large for the server, which then closes it.
        let _ = stream.write_all(&large).await;
        stuck.push(stream);
    }
    metered.check(count * (256 << 10) + MIB).await;
    drop(stuck);
    metered.stop(4 * MIB).await;
}
