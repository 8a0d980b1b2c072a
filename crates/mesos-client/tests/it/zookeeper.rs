//! Masters that are found by a real ZooKeeper, where Debian's package `zookeeper` is installed.
//!
//! The masters are played by the tests, which register them as masters do: by sessions of their
//! own that own a node each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use mesos::v1;
use mesos::v1::scheduler::call::Type as CallType;
use mesos_client::{
    CallError, DisconnectReason, MasterOperator, OperatorConfig, OperatorError, SchedulerClient,
    SchedulerNotice,
};
use prost::Message as _;
use tempfile::TempDir;
use testkit::pki::{Authority, Clients};

use crate::fake::{Fake, next, nobody};
use crate::scheduler::{attempt_failed, call, config, disconnected, subscribe};
use crate::tls::{serve, trust};

/// The library of the package; its manifest names the others.
const JAR: &str = "/usr/share/java/zookeeper.jar";

/// How long a server may take to come up. Only a broken one gets here.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A server of ZooKeeper; it ends, and its files go, when this is dropped.
struct ZooKeeper {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl ZooKeeper {
    /// Starts one, or says that `test` is skipped because there is none.
    fn start(test: &str) -> Option<Self> {
        if !Path::new(JAR).exists() {
            // Past the capture of the test runner: a skipped test must not look like a passed one.
            let _ = writeln!(
                io::stderr(),
                "\nSKIPPED: {test}: Debian's package `zookeeper` is not installed"
            );
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Another may take the port before the server does: then the next is tried.
        for _ in 0..5 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
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

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again with all that it knew.
    fn restart(&mut self) {
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
    fs::write(&config, text).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
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
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
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
        if child.try_wait().unwrap().is_some() {
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
struct Session {
    stream: TcpStream,
    /// With this the thread that pings ends.
    _pings: mpsc::Sender<()>,
}

impl Session {
    fn open(address: SocketAddr) -> io::Result<Self> {
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
    fn create(&mut self, path: &str, data: &[u8], access: Access, kind: NodeKind) -> String {
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
        String::from_utf8(answer[4..].to_vec()).unwrap()
    }

    /// Shows who we are.
    fn authenticate(&mut self, credentials: &str) {
        let request = [vec![0; 4], text("digest"), text(credentials)];
        self.ask(-4, 100, &request.concat());
    }

    /// Ends the session at once, and with it what it owns.
    fn end(mut self) {
        self.ask(9, -11, &[]);
    }

    fn ask(&mut self, xid: i32, kind: i32, body: &[u8]) -> Vec<u8> {
        let request = [&xid.to_be_bytes()[..], &kind.to_be_bytes(), body].concat();
        self.send(&request).unwrap();
        let mut answer = self.receive().unwrap();
        while answer[..4] == PING_XID.to_be_bytes() {
            answer = self.receive().unwrap();
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

enum Access {
    Everybody,
    OwnersOnly,
}

enum NodeKind {
    Lasting,
    Numbered,
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes()[..], bytes].concat()
}

fn text(text: &str) -> Vec<u8> {
    bytes(text.as_bytes())
}

/// Registers a master in a session of its own, in the form that masters write now.
fn register(zookeeper: &ZooKeeper, master: &Fake) -> Session {
    let mut session = Session::open(zookeeper.address).unwrap();
    let (ip, port) = master.address.split_once(':').unwrap();
    let info = format!(
        r#"{{"address":{{"hostname":"localhost","ip":"{ip}","port":{port}}},"id":"x","ip":16777343,"port":{port}}}"#
    );
    session.create(
        "/mesos/json.info_",
        info.as_bytes(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    session
}

/// Registers a master in the form that masters wrote before.
fn register_old(zookeeper: &ZooKeeper, master: &Fake) -> Session {
    let mut session = Session::open(zookeeper.address).unwrap();
    let (_, port) = master.address.split_once(':').unwrap();
    let info = v1::MasterInfo {
        id: "x".to_owned(),
        ip: u32::from_le_bytes([127, 0, 0, 1]),
        port: port.parse().unwrap(),
        ..v1::MasterInfo::default()
    };
    session.create(
        "/mesos/info_",
        &info.encode_to_vec(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    session
}

#[tokio::test]
async fn the_leader_is_followed_through_changes_and_the_loss_of_zookeeper() {
    let test = "the_leader_is_followed_through_changes_and_the_loss_of_zookeeper";
    let Some(mut zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let (mut first, mut second) = (Fake::start().await, Fake::start().await);
    // The server that is not there is passed over.
    let masters = format!("zk://{},{}/mesos", nobody().await, zookeeper.address);
    let (handle, mut notices) = SchedulerClient::start(config(&masters)).unwrap();

    // Nobody has ever registered.
    loop {
        let reason = attempt_failed(&mut notices).await.to_string();
        assert!(reason.contains("zk://127.0.0.1:"), "{reason}");
        if reason.contains("there is no such path") {
            break;
        }
    }
    let mut root = Session::open(zookeeper.address).unwrap();
    root.create("/mesos", b"", Access::Everybody, NodeKind::Lasting);
    root.create(
        "/mesos/log_replicas",
        b"",
        Access::Everybody,
        NodeKind::Lasting,
    );
    let first_session = register(&zookeeper, &first);
    let second_session = register_old(&zookeeper, &second);
    let stream = loop {
        tokio::select! {
            biased;
            request = first.next() => break request,
            Some(notice) = notices.recv() => {
                let is_failed = matches!(notice, SchedulerNotice::AttemptFailed { .. });
                assert!(is_failed, "{notice:?}");
            }
        }
    }
    .stream(Some("s"));
    stream.event(&crate::scheduler::subscribed(15.0)).await;
    while !matches!(
        next(&mut notices).await,
        Some(SchedulerNotice::Subscribed { .. })
    ) {}

    // The leader goes: the other leads, and all calls follow.
    first_session.end();
    let reason = disconnected(&mut notices).await;
    let is_changed = matches!(&reason, DisconnectReason::LeaderChanged { endpoint }
        if endpoint.contains(&second.address));
    assert!(is_changed, "{reason}");
    stream.closed().await;
    let stream = subscribe(&mut second, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        second.next().await.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));

    // Without ZooKeeper the subscription goes on, and so do calls.
    zookeeper.kill();
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        second.next().await.answer(400, "no");
    });
    assert!(
        matches!(outcome, Err(CallError::Rejected { .. })),
        "{outcome:?}"
    );

    // When it is back it is asked anew. The second master's session ends now, another master is
    // there already: no news is missed.
    zookeeper.restart();
    let _third_session = register(&zookeeper, &first);
    drop(second_session);
    let reason = disconnected(&mut notices).await;
    assert!(
        matches!(reason, DisconnectReason::LeaderChanged { .. }),
        "{reason}"
    );
    stream.closed().await;
    subscribe(&mut first, &mut notices).await;
    assert!(second.is_idle());
}

#[tokio::test]
async fn a_leader_behind_tls_is_reached_by_the_name_of_its_host() {
    let test = "a_leader_behind_tls_is_reached_by_the_name_of_its_host";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let authority = Authority::default();
    // Its certificate is for `localhost`, not for the number that stands beside it.
    let mut master = serve(&authority, Clients::Anybody).await;
    let (_, port) = master.address.split_once(':').unwrap();
    let info = format!(
        r#"{{"address":{{"hostname":"localhost","ip":"127.0.0.1","port":{port}}},"id":"x"}}"#
    );
    let mut session = Session::open(zookeeper.address).unwrap();
    session.create("/mesos", b"", Access::Everybody, NodeKind::Lasting);
    session.create(
        "/mesos/json.info_",
        info.as_bytes(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    let masters = format!("zk://{}/mesos", zookeeper.address);
    let mut secure = config(&masters);
    secure.tls = trust(&authority);
    let (_handle, mut notices) = SchedulerClient::start(secure).unwrap();
    let request = master.next().await;
    assert_eq!(request.header("host"), Some(&*master.address));
    let stream = request.stream(Some("s"));
    stream.event(&crate::scheduler::subscribed(15.0)).await;
    let notice = next(&mut notices).await;
    assert!(
        matches!(notice, Some(SchedulerNotice::Subscribed { .. })),
        "{notice:?}"
    );

    // An operator finds it by the same rules.
    let operator = OperatorConfig {
        tls: trust(&authority),
        ..OperatorConfig::default()
    };
    let operator = MasterOperator::new(masters.parse().unwrap(), operator).unwrap();
    let (health, ()) = tokio::join!(operator.get_health(), async {
        master.next().await.answer(401, "401 Unauthorized.");
    });
    let is_asked = matches!(health, Err(OperatorError::Unauthorized { .. }));
    assert!(is_asked, "{health:?}");

    // The default is no TLS: the leader's answer is none.
    let (_handle, mut notices) = SchedulerClient::start(config(&masters)).unwrap();
    let reason = attempt_failed(&mut notices).await;
    assert!(
        matches!(reason, DisconnectReason::NotHttp { .. }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_path_that_is_not_for_everybody_wants_the_credentials() {
    let test = "a_path_that_is_not_for_everybody_wants_the_credentials";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let mut master = Fake::start().await;
    let mut session = Session::open(zookeeper.address).unwrap();
    session.authenticate("mesos:sesame");
    session.create("/mesos", b"", Access::OwnersOnly, NodeKind::Lasting);
    let (_, port) = master.address.split_once(':').unwrap();
    session.create(
        "/mesos/json.info_",
        format!(r#"{{"hostname":"127.0.0.1","port":{port}}}"#).as_bytes(),
        Access::OwnersOnly,
        NodeKind::Numbered,
    );

    let address = zookeeper.address;
    for url in [
        format!("zk://{address}/mesos"),
        format!("zk://mesos:wrong@{address}/mesos"),
    ] {
        let (_handle, mut notices) = SchedulerClient::start(config(&url)).unwrap();
        let reason = attempt_failed(&mut notices).await.to_string();
        let expected = format!(
            "no leading master is known from `zk://{address}/mesos`: `{address}`: it does not let \
             us read the path; give `user:password@` behind `zk://`"
        );
        assert_eq!(reason, expected);
    }
    let url = format!("zk://mesos:sesame@{address}/mesos");
    let (_handle, mut notices) = SchedulerClient::start(config(&url)).unwrap();
    subscribe(&mut master, &mut notices).await;
}
