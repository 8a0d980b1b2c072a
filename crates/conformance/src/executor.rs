//! Executor processes that do what the player says.
//!
//! The agent starts a small program as it would start any executor; the process finds the player by
//! a file above its sandbox or its program, says what it was started with, and waits to be told to
//! end. The calls of the recorded executor are sent by the player itself.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};

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
    /// Makes ready for executors that are started from a name of `program` below `top`, or in
    /// sandboxes below it.
    ///
    /// # Errors
    /// When there is no port, or nothing can be written below `top`.
    pub async fn listen(top: &Path, program: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        fs::write(top.join(ADDRESS_FILE), listener.local_addr()?.to_string())?;
        let folder = top.join("bin");
        fs::create_dir_all(&folder)?;
        let name = folder.join("executor");
        // A copy where a second name is not possible.
        if fs::hard_link(program, &name).is_err() {
            fs::copy(program, &name)?;
        }
        Ok(Self {
            listener,
            program: name,
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
