//! A browser without a window, driven by its DevTools protocol.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// Names the browser; with it set, there must be one.
const BROWSER_VARIABLE: &str = "MESOSGOT_TEST_CHROMIUM";

/// What Chromium is called where it is installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// How long the browser may take for anything. Only a hang gets here.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

/// A browser with nothing of the user's in it. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    next_id: u64,
    /// What it told without being asked, oldest first.
    events: VecDeque<Value>,
    /// The session of the first frame that has a process of its own.
    frame: Option<String>,
    _profile: TempDir,
}

/// The browser to test with, if there is one. Says so if there is none, past the capture of the test
/// runner: a skipped test must not look like a passed one.
///
/// # Panics
/// When there must be one.
pub(super) fn browser() -> Option<Browser> {
    let wanted = std::env::var_os(BROWSER_VARIABLE).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let find = |name: &Path| {
        let found = folders.iter().map(|folder| folder.join(name));
        found.into_iter().find(|path| path.is_file())
    };
    let found = match &wanted {
        Some(wanted) => {
            Some(find(wanted).unwrap_or_else(|| panic!("no browser `{}`", wanted.display())))
        }
        None => NAMES.iter().find_map(|name| find(Path::new(name))),
    };
    if found.is_none() {
        let thread = thread::current();
        let test = thread.name().unwrap_or("a test of the dashboard");
        // A closed stderr is no reason to fail.
        let _ = writeln!(
            io::stderr(),
            "\nSKIPPED: {test}: no Chromium is installed; name one in `{BROWSER_VARIABLE}`"
        );
    }
    found.map(|program| Browser::start(&program))
}

impl Browser {
    fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new(program);
        command
            .args([
                "--headless=new",
                "--remote-debugging-port=0",
                "--disable-gpu",
            ])
            .args([
                "--no-first-run",
                "--no-default-browser-check",
                "--mute-audio",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args([
                "--disable-sync",
                "--disable-extensions",
                "--hide-scrollbars",
            ])
            // A key that is pressed while another still scrolls may be lost.
            .arg("--disable-smooth-scrolling")
            .args(["--disable-dev-shm-usage", "--password-store=basic"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", profile.path())
            // It makes folders there, and leaves them when it is killed.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if rustix::process::geteuid().is_root() {
            // Its own sandbox does not work for root; it opens our pages only.
            command.arg("--no-sandbox");
        }
        let process = command.spawn().expect("the browser starts");
        let (port, path) = address(profile.path());
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the browser listens");
        stream
            .set_read_timeout(Some(WAIT_MAX))
            .expect("a socket has timeouts");
        let url = format!("ws://127.0.0.1:{port}{path}");
        let (socket, _) = tungstenite::client(url, stream).expect("the browser speaks");
        Self {
            process,
            socket,
            next_id: 0,
            events: VecDeque::new(),
            frame: None,
            _profile: profile,
        }
    }

    /// Has something done, in a page or, without a session, in the browser.
    #[track_caller]
    pub(super) fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.try_call(session, method, params);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Value> {
        let id = self.post(session, method, params);
        loop {
            let mut message = self.read();
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].take()),
                };
            }
            self.note(message);
        }
    }

    fn post(&mut self, session: Option<&str>, method: &str, params: Value) -> u64 {
        self.next_id += 1;
        let mut call = json!({ "id": self.next_id, "method": method, "params": params });
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        let text = Message::text(call.to_string());
        self.socket.send(text).expect("the browser reads");
        self.next_id
    }

    fn read(&mut self) -> Value {
        loop {
            let message = self.socket.read().expect("the browser answers");
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).expect("it speaks JSON");
            }
        }
    }

    /// Keeps what was told, and looks into frames that have a process of their own.
    fn note(&mut self, message: Value) {
        if message["method"] == "Target.attachedToTarget" {
            let session = message["params"]["sessionId"].as_str().map(str::to_owned);
            self.watch(session.as_deref());
            self.post(
                session.as_deref(),
                "Runtime.runIfWaitingForDebugger",
                json!({}),
            );
            if message["params"]["targetInfo"]["type"] == "iframe" {
                self.frame = self.frame.take().or(session);
            }
        }
        if message["method"] == "Page.javascriptDialogOpening" {
            // Until then the page stands still.
            let session = message["sessionId"].as_str().map(str::to_owned);
            let close = json!({ "accept": true });
            self.post(session.as_deref(), "Page.handleJavaScriptDialog", close);
        }
        if message.get("method").is_some() {
            self.events.push_back(message);
        }
    }

    /// Has a page tell what it asks for and what goes wrong, and the same of its frames.
    fn watch(&mut self, session: Option<&str>) {
        for domain in ["Network", "Runtime", "Log", "Page"] {
            self.post(session, &format!("{domain}.enable"), json!({}));
        }
        let frames = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true });
        self.post(session, "Target.setAutoAttach", frames);
    }

    /// Opens an empty page; answers its session.
    pub(super) fn page(&mut self) -> String {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", target);
        let session = attached["sessionId"]
            .as_str()
            .expect("it has one")
            .to_owned();
        self.watch(Some(&session));
        // Answered after what was asked for before.
        self.call(
            Some(&session),
            "Runtime.evaluate",
            json!({ "expression": "0" }),
        );
        session
    }

    /// The session of the first frame that has a process of its own, once there is one.
    pub(super) fn frame(&self) -> Option<String> {
        self.frame.clone()
    }

    /// What was told so far, and forgotten here.
    pub(super) fn told(&mut self) -> Vec<Value> {
        self.events.drain(..).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its helpers end with it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Where the browser listens, as it writes into its profile once it does.
fn address(profile: &Path) -> (u16, String) {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let text = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = text.split_once('\n')
            && let Ok(port) = port.parse()
            && path.starts_with('/')
        {
            return (port, path.trim().to_owned());
        }
        assert!(Instant::now() < deadline, "the browser does not listen");
        thread::yield_now();
    }
}
