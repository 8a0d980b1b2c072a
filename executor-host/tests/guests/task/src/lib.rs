//! A task of the executor's tests: does what its first argument says.

use std::{
    fs, hint,
    io::{self, Read as _},
    mem,
    net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use mesosgot_sdk::{
    Args, Env, Error, Receiver, RecvTimeoutError, Sender, Timer, TryRecvError, TrySendError, select,
};
use wasip2::{
    clocks::monotonic_clock::subscribe_duration,
    filesystem::preopens::get_directories,
    random::random::get_random_bytes,
    sockets::{
        instance_network::instance_network, ip_name_lookup::resolve_addresses, network::ErrorCode,
    },
};

#[mesosgot_sdk::task]
fn task(inbox: Receiver, outbox: Sender, args: Args, env: Env) -> Result<(), Error> {
    let words: Vec<&str> = args.as_slice().iter().map(String::as_str).collect();
    match words[..] {
        ["echo"] => echo(&inbox, &outbox),
        ["return"] => Ok(()),
        ["when-closed", ref rest @ ..] => {
            while inbox.recv().is_some() {}
            end(rest)
        }
        ["fail", text] => Err(Error::msg(text)),
        ["panic"] => open_the_doors(&words),
        ["abort"] => leave_the_shaft(),
        ["spin"] => spin(),
        ["alternate"] => alternate(),
        ["random", bytes] => random(bytes.parse()?),
        ["grab"] => grab(),
        ["recurse"] => Err(Error::msg(descend(1))),
        ["hog"] => hog(),
        ["exit", code] => std::process::exit(code.parse()?),
        ["deaf"] => deaf(),
        ["print"] => print(),
        ["flood"] => flood(),
        ["tell"] => tell(&outbox, &args, &env),
        ["look-around"] => look_around(&outbox),
        ["shout", bytes] => shout(&outbox, bytes.parse()?),
        ["chatter"] => chatter(&outbox),
        ["gush"] => gush(),
        ["escape"] => escape(),
        ["datagram", address] => datagram(&outbox, address),
        ["files"] => files(&outbox),
        ["folder", folder] => in_folder(&outbox, folder),
        ["connect", address] => connect(&outbox, address),
        ["listen", address] => listen(&outbox, address),
        ["hold-files"] => hold(&inbox, &outbox, || fs::File::create("/held")),
        ["hold-folders"] => hold(&inbox, &outbox, || fs::read_dir("/")),
        ["hold-sockets", address] => hold(&inbox, &outbox, || TcpStream::connect(address)),
        ["look-up", name] => look_up(&outbox, name),
        ["look-up-often", name, count] => look_up_often(&outbox, name, count.parse()?),
        ["list-often", count] => list_often(&outbox, count.parse()?),
        ["select"] => wait_for_either(&inbox, &outbox),
        ["receive"] => receive(&inbox, &outbox),
        ["fill"] => fill(&inbox, &outbox),
        _ => Err(Error::msg(format!("no such behaviour: {words:?}"))),
    }
}

/// Ends in that way.
fn end(words: &[&str]) -> Result<(), Error> {
    match *words {
        ["return"] => Ok(()),
        ["fail", text] => Err(Error::msg(text)),
        ["panic"] => open_the_doors(words),
        ["hog"] => hog(),
        ["exit", code] => std::process::exit(code.parse()?),
        _ => Err(Error::msg(format!("no such end: {words:?}"))),
    }
}

fn echo(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    for message in inbox {
        outbox.send(message)?;
    }
    Ok(())
}

#[inline(never)]
fn open_the_doors(words: &[&str]) -> ! {
    panic!("the doors are jammed after {} words", words.len());
}

#[inline(never)]
fn leave_the_shaft() -> ! {
    std::process::abort();
}

#[inline(never)]
fn spin() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = hint::black_box(rounds.wrapping_add(1));
    }
}

/// Waits for a moment and computes for about as long as a guest may, again and again.
fn alternate() -> ! {
    loop {
        thread::sleep(Duration::from_millis(1));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(4) {
            hint::black_box(());
        }
    }
}

/// Asks for so many random bytes at a time, again and again.
fn random(bytes: u64) -> ! {
    loop {
        hint::black_box(get_random_bytes(bytes));
    }
}

/// Keeps one handle more, again and again.
fn grab() -> ! {
    loop {
        mem::forget(subscribe_duration(0));
    }
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    let kept = hint::black_box([depth; 16]);
    match hint::black_box(true) {
        true => descend(depth + 1) + kept[7],
        false => depth,
    }
}

#[inline(never)]
fn hog() -> ! {
    let mut kept = Vec::new();
    loop {
        kept.push(hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn deaf() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is about output"
)]
fn print() -> Result<(), Error> {
    println!("to stdout");
    eprintln!("to stderr");
    print!("without an end");
    Ok(())
}

/// Prints numbered lines without end.
#[expect(clippy::print_stdout, reason = "it is about output")]
fn flood() -> ! {
    let water = "~".repeat(1000);
    for number in 0_u64.. {
        println!("{number} {water}");
    }
    unreachable!("the numbers do not end");
}

/// Sends one message of that size.
fn shout(outbox: &Sender, bytes: usize) -> Result<(), Error> {
    Ok(outbox.send(vec![1; bytes])?)
}

/// Sends as many messages as it can, as small as they can be.
fn chatter(outbox: &Sender) -> Result<(), Error> {
    loop {
        outbox.send("")?;
    }
}

/// Prints without end: a long line, and one that never ends.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is about output"
)]
fn gush() -> ! {
    loop {
        println!("{}", "out".repeat(1000));
        eprint!("{}", "err".repeat(1000));
    }
}

/// Tries all ways to write beyond its folder; fails with those that worked.
fn escape() -> Result<(), Error> {
    fs::create_dir("/inner")?;
    let ways = [
        "../out",
        "/../out",
        "inner/../../out",
        "/inner/../../../out",
        "up/out",
        "up/../out",
        "far/out",
        "file",
        "absolute/out",
        "/proc/self/cwd/out",
        "./././../out",
    ];
    let mut found = Vec::new();
    for way in ways {
        if fs::write(way, "it was here").is_ok() {
            found.push(way);
        }
    }
    // Links that it makes itself, over what is there and what is not.
    for target in [
        "..",
        "../..",
        "/",
        "/proc/self/cwd",
        "../out",
        "inner/../../out",
        "up",
    ] {
        for way in ["/own", "/own/out", "/own/../out"] {
            if link("own", target) && fs::write(way, "it was here").is_ok() {
                found.push(target);
            }
            let _ = fs::remove_file("/own");
        }
    }
    for (from, to) in [
        ("../secret", "/hard"),
        ("up/secret", "/hard"),
        ("absolute/secret", "/hard"),
        ("/inner/../../secret", "/hard"),
        ("/mine", "../mine"),
        ("/mine", "up/mine"),
        ("/mine", "absolute/mine"),
    ] {
        fs::write("/mine", "its own")?;
        if fs::hard_link(from, to).is_ok() {
            found.push(from);
        }
    }
    for (from, to) in [("up", "../moved"), ("inner", "/../moved")] {
        if fs::rename(from, to).is_ok() {
            found.push(to);
        }
    }
    match found.is_empty() {
        true => Ok(()),
        false => Err(Error::msg(format!("ways out: {found:?}"))),
    }
}

/// Opens as many as it can, and tells how many that is and why not more; then it lets go of them and
/// tells whether it can open one again. Each step is taken when a message comes.
fn hold<T>(
    inbox: &Receiver,
    outbox: &Sender,
    open: impl Fn() -> io::Result<T>,
) -> Result<(), Error> {
    let mut held = Vec::new();
    let refused = loop {
        match open() {
            Ok(one) => held.push(one),
            Err(refused) => break refused,
        }
    };
    outbox.send(format!("{}: {refused}", held.len()))?;
    inbox.recv();
    drop(held);
    let opened = open().map_or_else(|error| error.to_string(), |_| "again".to_owned());
    outbox.send(opened)?;
    while inbox.recv().is_some() {}
    Ok(())
}

/// Makes a symbolic link in its folder.
fn link(name: &str, target: &str) -> bool {
    let folders = get_directories();
    let own = folders.iter().find(|(_, name)| name == "/");
    own.is_some_and(|(folder, _)| folder.symlink_at(target, name).is_ok())
}

fn datagram(outbox: &Sender, address: &str) -> Result<(), Error> {
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"x", address));
    outbox.send(sent.map_or_else(
        |refused| format!("{:?}", refused.kind()),
        |_| "sent".to_owned(),
    ))?;
    Ok(())
}

/// Sends the arguments, then the environment, then what WASI has of both.
fn tell(outbox: &Sender, args: &Args, env: &Env) -> Result<(), Error> {
    outbox.send(args.as_slice().join(" "))?;
    let pairs: Vec<_> = env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    outbox.send(pairs.join(" "))?;
    let (args, env) = (std::env::args().count(), std::env::vars().count());
    outbox.send(format!("{args} {env}"))?;
    Ok(())
}

/// Tries what is not granted and what is.
fn look_around(outbox: &Sender) -> Result<(), Error> {
    let listed = fs::read_dir("/").is_ok();
    let connected = TcpStream::connect("127.0.0.1:1").map_err(|error| error.kind());
    outbox.send(format!("files {listed}"))?;
    let answer = connected.map_or_else(|refused| format!("{refused:?}"), |_| "granted".to_owned());
    outbox.send(format!("sockets {answer}"))?;
    let clock = std::time::SystemTime::now() > std::time::UNIX_EPOCH;
    outbox.send(format!("clock {clock}"))?;
    Ok(())
}

/// Tries what can be done with files, within its folder and beyond.
fn files(outbox: &Sender) -> Result<(), Error> {
    let tell = |what: &str, done: io::Result<String>| {
        let told = done.unwrap_or_else(|error| format!("{:?}", error.kind()));
        outbox.send(format!("{what}: {told}"))
    };
    let done = |result: io::Result<()>| result.map(|()| "done".to_owned());
    tell("write", done(fs::write("/note", "mine")))?;
    tell("read", fs::read_to_string("/note"))?;
    tell("there", fs::read_to_string("/there"))?;
    tell("above", fs::read_to_string("/../secret"))?;
    tell("linked", fs::read_to_string("/link"))?;
    tell("make a link", done(fs::hard_link("/there", "/other")))?;
    tell("remove", done(fs::remove_file("/there")))?;
    Ok(())
}

/// Tries what can be done in a folder of the agent, and by ways out of it.
fn in_folder(outbox: &Sender, folder: &str) -> Result<(), Error> {
    let tell = |what: &str, done: io::Result<String>| {
        let told = done.unwrap_or_else(|error| format!("{:?}", error.kind()));
        outbox.send(format!("{what}: {told}"))
    };
    let done = |result: io::Result<()>| result.map(|()| "done".to_owned());
    let path = |name: &str| format!("{folder}/{name}");
    tell("there", fs::read_to_string(path("there")))?;
    tell("inside", fs::read_to_string(path("inside")))?;
    for out in ["../secret", "x/../../secret", "link", "absolute"] {
        tell(out, fs::read_to_string(path(out)))?;
    }
    tell("write", done(fs::write(path("note"), "mine")))?;
    tell("write out", done(fs::write(path("../note"), "mine")))?;
    tell("over a link", done(fs::write(path("link"), "mine")))?;
    tell("make a folder", done(fs::create_dir(path("new"))))?;
    tell("rename", done(fs::rename(path("there"), path("../note"))))?;
    tell("remove", done(fs::remove_file(path("there"))))?;
    tell("own", done(fs::write("/note", "mine")))?;
    Ok(())
}

/// Connects by TCP and says what comes.
fn connect(outbox: &Sender, address: &str) -> Result<(), Error> {
    let mut text = String::new();
    let connected = TcpStream::connect(address);
    let told = connected.and_then(|mut stream| stream.read_to_string(&mut text).map(|_| text));
    outbox.send(told.unwrap_or_else(|error| format!("{:?}", error.kind())))?;
    Ok(())
}

/// Listens, says so, and says what comes by the first connection.
fn listen(outbox: &Sender, address: &str) -> Result<(), Error> {
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => return Ok(outbox.send(format!("{:?}", error.kind()))?),
    };
    outbox.send("listening")?;
    let mut text = String::new();
    let (mut stream, _) = listener.accept()?;
    stream.read_to_string(&mut text)?;
    outbox.send(text)?;
    Ok(())
}

fn look_up(outbox: &Sender, name: &str) -> Result<(), Error> {
    let found = (name, 80).to_socket_addrs();
    let told = found.map_or_else(|_| "refused".to_owned(), |_| "found".to_owned());
    outbox.send(told)?;
    Ok(())
}

/// Begins so many lookups at once, ten times, and lets go of every other one.
fn look_up_often(outbox: &Sender, name: &str, count: usize) -> Result<(), Error> {
    let network = instance_network();
    let mut found = 0;
    for _ in 0..10 {
        let mut kept = Vec::new();
        for number in 0..count {
            match resolve_addresses(&network, name) {
                Ok(stream) if number % 2 == 0 => kept.push(stream),
                Ok(_) | Err(ErrorCode::TemporaryResolverFailure) => {}
                Err(code) => return Err(Error::msg(code.to_string())),
            }
        }
        for stream in kept {
            stream.subscribe().block();
            let address = stream.resolve_next_address();
            let address = address.map_err(|code| Error::msg(code.to_string()))?;
            found += usize::from(address.is_some());
        }
    }
    outbox.send(found.to_string())?;
    Ok(())
}

/// Lists its folder so often, and says how many entries it saw.
fn list_often(outbox: &Sender, count: usize) -> Result<(), Error> {
    let mut seen = 0;
    for _ in 0..count {
        seen += fs::read_dir("/")?.count();
    }
    outbox.send(seen.to_string())?;
    Ok(())
}

/// Says `tick` until a message comes, then says it and leaves.
fn wait_for_either(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    let mut timer = Timer::every(Duration::from_millis(1));
    loop {
        let selected = select(&[inbox, &timer], None);
        if selected.is_ready(0) {
            outbox.send(inbox.recv().unwrap_or_else(|| b"closed".to_vec()))?;
            return Ok(());
        }
        if timer.fire() {
            outbox.send("tick")?;
        }
    }
}

/// Receives in all the ways there are.
fn receive(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    if inbox.try_recv() == Err(TryRecvError::Empty) {
        outbox.send("empty")?;
    }
    if inbox.recv_timeout(Duration::from_millis(1)) == Err(RecvTimeoutError::Timeout) {
        outbox.send("timeout")?;
    }
    let mut received = 0;
    loop {
        let messages = inbox.recv_many(usize::MAX);
        if messages.is_empty() {
            break;
        }
        received += messages.len();
    }
    outbox.send(format!("received {received}"))?;
    if inbox.try_recv() == Err(TryRecvError::Closed) && inbox.recv().is_none() {
        outbox.send("closed")?;
    }
    Ok(())
}

/// Sends until the channel is full, then tells how many it took.
fn fill(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    let mut sent = 0_u64;
    loop {
        match outbox.try_send("x") {
            Ok(()) => sent += 1,
            Err(TrySendError::Full) => break,
            Err(error) => return Err(error.into()),
        }
    }
    inbox.recv();
    outbox.send(format!("full after {sent}"))?;
    Ok(())
}
