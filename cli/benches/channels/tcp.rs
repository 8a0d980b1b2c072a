//! The least that a round trip between two threads costs: bytes over a loopback connection.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Enough for a median that is the same in the next run.
const ROUND_TRIPS: usize = 20_000;

/// The median time of a round trip of `bytes` bytes, one after the other.
pub(crate) fn round_trip_us(bytes: u64) -> f64 {
    let bytes = usize::try_from(bytes).expect("messages fit into memory");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the client comes");
        stream.set_nodelay(true).expect("it is a TCP stream");
        let mut message = vec![0; bytes];
        while stream.read_exact(&mut message).is_ok() {
            stream.write_all(&message).expect("the client reads");
        }
    });
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_nodelay(true).expect("it is a TCP stream");
    let mut message = vec![1; bytes];
    let mut times: Vec<Duration> = (0..ROUND_TRIPS)
        .map(|_| {
            let start = Instant::now();
            stream.write_all(&message).expect("the server reads");
            stream.read_exact(&mut message).expect("the server answers");
            start.elapsed()
        })
        .collect();
    drop(stream);
    server.join().expect("the server does not panic");
    super::median_us(&mut times)
}
