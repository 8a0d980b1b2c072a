//! A TCP proxy that breaks its connections on command.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

/// A proxy on a port of loopback. Dropped, it breaks all connections and takes no more.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Where connections go, once that is known; until then they wait.
    target: OnceLock<SocketAddr>,
    /// Both ends of every connection that was not cut.
    connections: Mutex<Vec<[TcpStream; 2]>>,
    accepted: AtomicU64,
    /// Bytes of both directions.
    carried: AtomicU64,
    is_over: AtomicBool,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says where connections go.
    pub(crate) fn set_target(&self, target: SocketAddr) {
        self.shared.target.set(target).expect("it is told once");
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How many bytes it has carried.
    pub(crate) fn carried(&self) -> u64 {
        self.shared.carried.load(Ordering::Relaxed)
    }

    /// Breaks all connections; what is on its way is lost.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }
}

impl Shared {
    fn cut(&self) {
        let mut connections = self.connections.lock().expect("nobody panics with it");
        for stream in connections.drain(..).flatten() {
            // One that its peer has closed already is as good as cut.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // A connection wakes it. It may wait for a target that nobody has told.
        let _ = self.shared.target.set(self.address);
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        self.shared.cut();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let target = shared.target.wait();
        if shared.is_over.load(Ordering::Relaxed) {
            return;
        }
        let streams = stream.and_then(|stream| {
            let onward = TcpStream::connect(target)?;
            stream.set_nodelay(true)?;
            onward.set_nodelay(true)?;
            Ok([stream, onward])
        });
        // The program under test has ended: whoever connects finds that out.
        let Ok([here, there]) = streams else { continue };
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let clone = |stream: &TcpStream| stream.try_clone().expect("streams can be cloned");
        for (from, to) in [(&here, &there), (&there, &here)] {
            let (from, to, shared) = (clone(from), clone(to), Arc::clone(shared));
            thread::spawn(move || carry(from, to, &shared));
        }
        let mut connections = shared.connections.lock().expect("nobody panics with it");
        connections.push([here, there]);
    }
}

/// Carries bytes one way until either end is closed.
fn carry(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
        shared.carried.fetch_add(read as u64, Ordering::Relaxed);
    }
    let _ = to.shutdown(Shutdown::Both);
}
