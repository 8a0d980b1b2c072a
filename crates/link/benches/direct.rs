//! The direct path over loopback, from queue to queue, beside a bare connection in the same run.
//!
//! `cargo bench -p mesosgot-link --bench direct`. Both ends are in one process. It prints a table
//! of its own: what counts is percentiles of round trips, which no harness for functions gives.
//! The numbers are kept in `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(
    clippy::unwrap_used,
    reason = "a bench ends where something does not hold"
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use mesosgot_link::direct::{carry, tls, tune};
use mesosgot_link::{Link, LinkConfig, Path, Receiver, Role, Sender};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ROUND_TRIPS: usize = 20_000;
const WARM_UP: usize = 2_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bare = tokio::spawn(bare_round_trips()).await.unwrap();
        print_round_trips("bare connection", &bare);
        for encrypted in [false, true] {
            let name = if encrypted { "link, TLS" } else { "link" };
            let trips = tokio::spawn(link_round_trips(encrypted)).await.unwrap();
            print_round_trips(name, &trips);
            for (bytes, messages) in [(20, 3_000_000), (1024, 500_000), (64 << 10, 30_000)] {
                let taken = tokio::spawn(stream(encrypted, bytes, messages))
                    .await
                    .unwrap();
                print_stream(name, bytes, messages, taken);
            }
        }
    });
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (here, there) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (here, there) = (here.unwrap(), there.unwrap().0);
    tune(&here).unwrap();
    tune(&there).unwrap();
    (here, there)
}

async fn bare_round_trips() -> Vec<Duration> {
    let (mut here, mut there) = connection().await;
    tokio::spawn(async move {
        let mut message = [0; 20];
        while there.read_exact(&mut message).await.is_ok() {
            there.write_all(&message).await.unwrap();
        }
    });
    let mut trips = Vec::with_capacity(ROUND_TRIPS);
    let mut message = [0; 20];
    for _ in 0..WARM_UP + ROUND_TRIPS {
        let began = Instant::now();
        here.write_all(&message).await.unwrap();
        here.read_exact(&mut message).await.unwrap();
        trips.push(began.elapsed());
    }
    trips.split_off(WARM_UP)
}

/// A link whose frames take a connection, and a channel at each end.
async fn link(encrypted: bool) -> [(Link, Sender, Receiver); 2] {
    let (here, there) = connection().await;
    let ends = [(Role::Scheduler, 1), (Role::Executor, 2)].map(|(role, incarnation)| {
        let link = Link::new(role, incarnation, LinkConfig::new());
        let (sender, receiver) = link.open("task-0").unwrap();
        (link, sender, receiver)
    });
    let paths = ends.each_ref().map(|(link, _, _)| link.direct());
    let [scheduler, executor] = paths;
    if encrypted {
        let identity = tls::Identity::new().unwrap();
        let (here, there) = tokio::join!(
            identity.accept(here),
            tls::connect(there, *identity.fingerprint())
        );
        tokio::spawn(carry(scheduler, here.unwrap()));
        tokio::spawn(carry(executor, there.unwrap()));
    } else {
        tokio::spawn(carry(scheduler, here));
        tokio::spawn(carry(executor, there));
    }
    assert!(ends[0].0.on_path(Path::Direct).await);
    ends
}

async fn link_round_trips(encrypted: bool) -> Vec<Duration> {
    let [(_here, outbox, inbox), (_there, sender, receiver)] = link(encrypted).await;
    tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
    let mut trips = Vec::with_capacity(ROUND_TRIPS);
    let message = Bytes::from_static(&[7; 20]);
    for _ in 0..WARM_UP + ROUND_TRIPS {
        let began = Instant::now();
        outbox.send(message.clone()).await.unwrap();
        inbox.recv().await.unwrap();
        trips.push(began.elapsed());
    }
    trips.split_off(WARM_UP)
}

async fn stream(encrypted: bool, bytes: usize, messages: usize) -> Duration {
    let [(_here, outbox, _inbox), (_there, _sender, receiver)] = link(encrypted).await;
    let message = Bytes::from(vec![7; bytes]);
    let began = Instant::now();
    tokio::spawn(async move {
        for _ in 0..messages {
            outbox.send(message.clone()).await.unwrap();
        }
        // The channel must not close before it is empty.
        std::future::pending::<()>().await;
    });
    let mut received = 0;
    while received < messages {
        received += receiver.recv_many(256).await.len();
    }
    began.elapsed()
}

fn print_round_trips(name: &str, trips: &[Duration]) {
    let mut trips = trips.to_vec();
    trips.sort_unstable();
    let micros = |percent: usize| trips[trips.len() * percent / 100].as_secs_f64() * 1e6;
    let (half, most) = (micros(50), micros(99));
    println!("{name:16} round trip of 20 bytes    p50 {half:7.1} us   p99 {most:7.1} us");
}

fn print_stream(name: &str, bytes: usize, messages: usize, taken: Duration) {
    let rate = messages as f64 / taken.as_secs_f64();
    let megabytes = rate * bytes as f64 / 1e6;
    println!("{name:16} one way, {bytes:6} bytes {rate:12.0} messages/s {megabytes:8.1} MB/s");
}
