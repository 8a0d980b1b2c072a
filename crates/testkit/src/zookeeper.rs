//! A real ZooKeeper, where Debian's package `zookeeper` is installed, and sessions with it as
//! masters have them.
//!
//! For tests; whatever is not as it should be ends the test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The library of the package; its manifest names the others.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// How long a server may take to come up. Only a broken one gets here.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A server of ZooKeeper of which sessions live for 4 s at most; it ends, and its files go, when this is dropped.
#[derive(Debug)]
pub struct ZooKeeper {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl ZooKeeper {
    /// Starts one, or says that `test` is skipped because Debian's package is not installed.
    ///
    /// # Panics
    /// When it is installed and does not start.
    pub fn start(test: &str) -> Option<Self> {
        if !Path::new(JAR).exists() {
            // Past the capture of the test runner: a skipped test must not look like a passed one.
            let _ = writeln!(
                io::stderr(),
                "\nSKIPPED: {test}: Debian's package `zookeeper` is not installed"
            );
            return None;
        }
        let folder = tempfile::tempdir().expect("a directory");
        // Another may take the port before the server does: then the next is tried.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
            let address = listener.local_addr().expect("it is bound");
            drop(listener);
            let mut child = launch(folder.path(), address);
            if is_up(address, &mut child) {
                return Some(Self {
                    folder,
                    address,
                    child,
                });
            }
        }
        panic!("ZooKeeper does not start: {}", log(folder.path()));
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A place in it for masters.
    pub fn url(&self) -> String {
        format!("zk://{}/mesos", self.address)
    }

    /// Holds its process, which then hears and says nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a held process go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("it has a number"), signal).expect("it runs");
    }

    /// Kills its process.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    /// Starts it again with all that it knew.
    pub fn restart(&mut self) {
        self.child = launch(self.folder.path(), self.address);
        let is_up = is_up(self.address, &mut self.child);
        assert!(is_up, "{}", log(self.folder.path()));
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path, address: SocketAddr) -> Child {
    let config = folder.join("zoo.cfg");
    // Sessions live for 4 s at most: twenty ticks.
    let text = format!(
        "tickTime=200\ndataDir={}\nclientPort={}\nclientPortAddress={}\nadmin.enableServer=false\n",
        folder.join("data").display(),
        address.port(),
        address.ip(),
    );
    fs::write(&config, text).expect("the directory is there");
    let log = fs::File::create(folder.join("log")).expect("the directory is there");
    Command::new("java")
        // With `UsePerfData` it would leave a folder in the temporary directory.
        .args([
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-cp",
            JAR,
        ])
        .arg("-Dzookeeper.jmx.log4j.disable=true")
        .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file"))
        .stderr(log)
        .spawn()
        .expect("Java is installed")
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn is_up(address: SocketAddr, child: &mut Child) -> bool {
    let started = Instant::now();
    while started.elapsed() < START_TIME_MAX {
        if Session::open(address).is_ok() {
            return true;
        }
        if child.try_wait().expect("it is our child").is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

/// The number of all pings.
const PING_XID: i32 = -2;

/// How often a session shows that it lives: eight times in its 4 s.
const PING_INTERVAL: Duration = Duration::from_millis(500);

/// A session that can write, as a master's. It lives until [`end`](Self::end); dropped, it is a
/// master that died, whose session the server ends when its 4 s have passed.
#[derive(Debug)]
pub struct Session {
    stream: TcpStream,
    /// With this the thread that pings ends.
    _pings: mpsc::Sender<()>,
}

impl Session {
    /// Begins one.
    ///
    /// # Errors
    /// When no server answers.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let (pings, ended) = mpsc::channel();
        let mut session = Self {
            stream,
            _pings: pings,
        };
        let hello = [
            &[0; 12][..],
            &4000_i32.to_be_bytes(),
            &[0; 8],
            &16_i32.to_be_bytes(),
            &[0; 17],
        ];
        session.send(&hello.concat())?;
        session.receive()?;
        let mut stream = session.stream.try_clone()?;
        thread::spawn(move || {
            let ping = bytes(&[PING_XID.to_be_bytes(), 11_i32.to_be_bytes()].concat());
            while ended.recv_timeout(PING_INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                // The server is gone, or was killed by the test.
                if stream.write_all(&ping).is_err() {
                    return;
                }
            }
        });
        Ok(session)
    }

    /// Makes a node; a numbered one goes with the session. Answers its path.
    pub fn create(&mut self, path: &str, data: &[u8], access: Access, kind: NodeKind) -> String {
        let (scheme, permissions) = match access {
            Access::Everybody => (("world", "anyone"), 31_i32),
            Access::OwnersOnly => (("auth", ""), 31),
        };
        let flags = match kind {
            NodeKind::Lasting => 0_i32,
            NodeKind::Numbered => 3,
        };
        let request = [
            text(path),
            bytes(data),
            1_i32.to_be_bytes().to_vec(),
            permissions.to_be_bytes().to_vec(),
            text(scheme.0),
            text(scheme.1),
            flags.to_be_bytes().to_vec(),
        ];
        let answer = self.ask(1, 1, &request.concat());
        String::from_utf8(answer[4..].to_vec()).expect("paths are text")
    }

    /// The names of the nodes below one.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn children(&mut self, path: &str) -> Vec<String> {
        let answer = self.ask(1, 8, &[text(path), vec![0]].concat());
        let mut rest = &answer[4..];
        let mut names = Vec::new();
        while let Some((length, more)) = rest.split_first_chunk() {
            let (name, more) = more.split_at(u32::from_be_bytes(*length) as usize);
            names.push(String::from_utf8(name.to_vec()).expect("names are text"));
            rest = more;
        }
        names
    }

    /// Shows who we are.
    pub fn authenticate(&mut self, credentials: &str) {
        let request = [vec![0; 4], text("digest"), text(credentials)];
        self.ask(-4, 100, &request.concat());
    }

    /// Ends the session at once, and with it what it owns.
    pub fn end(mut self) {
        self.ask(9, -11, &[]);
    }

    fn ask(&mut self, xid: i32, kind: i32, body: &[u8]) -> Vec<u8> {
        let request = [&xid.to_be_bytes()[..], &kind.to_be_bytes(), body].concat();
        self.send(&request).expect("ZooKeeper runs");
        let mut answer = self.receive().expect("ZooKeeper answers");
        while answer[..4] == PING_XID.to_be_bytes() {
            answer = self.receive().expect("ZooKeeper answers");
        }
        assert_eq!(answer[12..16], [0; 4], "it is refused: {answer:?}");
        answer[16..].to_vec()
    }

    fn send(&mut self, body: &[u8]) -> io::Result<()> {
        self.stream.write_all(&bytes(body))
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }
}

/// Who may read and change a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Everybody,
    /// Who knows the credentials of the session that has made it.
    OwnersOnly,
}

/// How long a node stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Until somebody removes it.
    Lasting,
    /// It is numbered, and goes with its session.
    Numbered,
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("frames are short");
    [&length.to_be_bytes()[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}
