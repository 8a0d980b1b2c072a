//! Executor processes that do what the player says.
//!
//! The agent starts the program of the suite as it would start any executor; the process finds the
//! player by a file above its sandbox or its program, says what it was started with, and waits to
//! be told to end. The calls of the recorded executor are sent by the player itself.

use std::io::{self, BufRead as _, Write as _};
use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

/// What every executor has in its environment, and nobody else.
const SIGN: &str = "MESOS_AGENT_ENDPOINT";

/// The file that holds the address of the player.
const ADDRESS_FILE: &str = "conformance-player";

/// The player's side of all executors of a cluster.
#[derive(Debug)]
pub struct Executors {
    listener: TcpListener,
    program: PathBuf,
    /// Those that have come and that nobody has asked for.
    waiting: Vec<Executor>,
}

/// One executor process.
#[derive(Debug)]
pub struct Executor {
    /// Its environment, arguments and directory, as recordings have them.
    pub process: Value,
    stream: BufReader<TcpStream>,
}

/// How a process is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Executors {
    /// Makes ready for executors that are started from a program below `top`, or in sandboxes
    /// below it.
    ///
    /// # Errors
    /// When there is no port, or nothing can be written below `top`.
    pub async fn listen(top: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        fs::write(top.join(ADDRESS_FILE), listener.local_addr()?.to_string())?;
        let folder = top.join("bin");
        fs::create_dir_all(&folder)?;
        let program = folder.join("executor");
        let this = env::current_exe()?;
        // A copy where a second name is not possible.
        if fs::hard_link(&this, &program).is_err() {
            fs::copy(&this, &program)?;
        }
        Ok(Self {
            listener,
            program,
            waiting: Vec::new(),
        })
    }

    /// The program that agents have to start.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The next process of the executor with this id that was started, or is before `deadline`.
    pub async fn next(&mut self, executor_id: &str, deadline: Instant) -> Option<Executor> {
        loop {
            let found = self
                .waiting
                .iter()
                .position(|executor| executor.process["env"]["MESOS_EXECUTOR_ID"] == executor_id);
            if let Some(index) = found {
                return Some(self.waiting.remove(index));
            }
            let accepted = timeout_at(deadline, self.listener.accept()).await;
            let (stream, _) = accepted.ok()?.ok()?;
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            let read = timeout_at(deadline, stream.read_line(&mut line)).await;
            // One that was killed while it spoke is none.
            if let (Ok(Ok(_)), Ok(process)) = (read, serde_json::from_str(&line)) {
                self.waiting.push(Executor { process, stream });
            }
        }
    }
}

impl Executor {
    /// Tells the process to end.
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn end(&mut self, ending: Ending) -> io::Result<()> {
        let line = match ending {
            Ending::Exit(status) => format!("exit {status}\n"),
            Ending::Signal(signal) => format!("signal {signal}\n"),
        };
        self.stream.write_all(line.as_bytes()).await
    }

    /// Whether the process has ended, or does before `deadline`.
    pub async fn has_ended(&mut self, deadline: Instant) -> bool {
        let mut line = String::new();
        timeout_at(deadline, self.stream.read_line(&mut line))
            .await
            .is_ok()
    }
}

/// The life of an executor process; returns at once in every other one.
///
/// To be called first by the program of the suite.
pub fn run_if_started_by_an_agent() {
    if env::var_os(SIGN).is_none() {
        return;
    }
    // Nobody reads what it could say.
    let status = obey().unwrap_or(120);
    std::process::exit(status);
}

fn obey() -> io::Result<i32> {
    let program = env::current_exe()?;
    let directory = env::current_dir()?;
    let address = address_above(&program).or_else(|| address_above(&directory));
    let address = address.ok_or(io::ErrorKind::NotFound)?;
    let mut player = BlockingStream::connect_timeout(&address, Duration::from_secs(10))?;
    writeln!(player, "{}", process(&program, &directory))?;
    for line in io::BufReader::new(player).lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("exit", status)) => return Ok(status.parse().unwrap_or(121)),
            Some(("signal", signal)) => raise(signal)?,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    // The player has gone.
    Ok(0)
}

/// What this process was started with, in the form of recordings.
fn process(program: &Path, directory: &Path) -> Value {
    let text = |text: std::ffi::OsString| Value::from(text.to_string_lossy().into_owned());
    let variables = env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), text(value)))
        .collect::<Map<_, _>>();
    let mut arguments: Vec<_> = env::args_os().map(text).collect();
    // The recorded executors were scripts, which are told their path and not their name.
    if let Some(name) = arguments.first_mut()
        && !name.as_str().is_some_and(|name| name.contains('/'))
    {
        *name = program.to_string_lossy().into();
    }
    json!({"env": variables, "argv": arguments, "cwd": directory.to_string_lossy()})
}

fn raise(signal: &str) -> io::Result<()> {
    let number = signal.parse().ok();
    let signal = number.and_then(rustix::process::Signal::from_named_raw);
    let signal = signal.ok_or(io::ErrorKind::InvalidData)?;
    rustix::process::kill_process(rustix::process::getpid(), signal)?;
    Ok(())
}

fn address_above(path: &Path) -> Option<SocketAddr> {
    path.ancestors()
        .find_map(|folder| fs::read_to_string(folder.join(ADDRESS_FILE)).ok())?
        .parse()
        .ok()
}
