//! The executor of the suite: a process that does what the player says.
//!
//! It links nothing of the suite, so that it is small: a recording lets it be fetched, and what is
//! copied while the machine is busy takes its time.

use std::io::{self, BufRead as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use serde_json::{Map, Value, json};

/// The file that holds the address of the player, as it is called there.
const ADDRESS_FILE: &str = "conformance-player";

fn main() {
    // Nobody reads what it could say.
    let status = obey().unwrap_or(120);
    std::process::exit(status);
}

fn obey() -> io::Result<i32> {
    let program = env::current_exe()?;
    let directory = env::current_dir()?;
    let address = address_above(&program).or_else(|| address_above(&directory));
    let address = address.ok_or(io::ErrorKind::NotFound)?;
    let mut player = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
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
