//! What guests print, from their writes to the files: lines, bounds, rotation, order.

use std::thread;

use super::*;

/// A writer that keeps each write apart.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<String>>>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap()
            .push(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn each_line_is_one_write_however_the_guest_cut_it() {
    let writes = Writes::default();
    let guest = Output::new(writes.clone(), io::sink()).guest("floor-3");
    for piece in ["do", "ors op", "en\nliftoff", "\n\nlast"] {
        guest.stdout.print(piece.as_bytes());
    }
    drop(guest);
    let writes = writes.0.lock().unwrap();
    let lines = writes
        .iter()
        .map(|line| parse_line(line.strip_suffix('\n').unwrap()).unwrap());
    let lines: Vec<_> = lines.map(|line| (line.name, line.text)).collect();
    let expected = ["doors open", "liftoff", "", "last"];
    assert_eq!(lines, expected.map(|text| ("floor-3", text)));
}

#[test]
fn lines_of_guests_that_print_at_once_stay_whole() {
    let writes = Writes::default();
    let output = Output::new(writes.clone(), io::sink());
    thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let guest = output.guest(name);
            scope.spawn(move || (0..200).for_each(|_| guest.stdout.print(b"one\ntwo\n")));
        }
    });
    let writes = writes.0.lock().unwrap();
    assert_eq!(writes.len(), 3 * 400);
    for line in writes.iter() {
        let read = parse_line(line.trim_end_matches('\n')).unwrap();
        assert!(
            ["a", "b", "c"].contains(&read.name) && ["one", "two"].contains(&read.text),
            "{line}"
        );
    }
}

#[test]
fn the_text_of_a_panic_is_remembered() {
    let guest = Output::new(io::sink(), io::sink()).guest("a");
    assert_eq!(guest.stderr.panic_text(), None);
    guest.stderr.print(
        b"fine\n\nthread '<unnamed>' panicked at src/lib.rs:4:5:\nno lift\nnote: run with x\nafter\n",
    );
    assert_eq!(
        guest.stderr.panic_text().unwrap(),
        "panicked at src/lib.rs:4:5:\nno lift"
    );
}

#[test]
fn a_writer_that_fails_does_not_fail_the_guest() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut guest = Output::new(Full, Full).guest("a");
    assert!(guest.stdout.write(Bytes::from_static(b"lost\n")).is_ok());
}

/// An output whose stdout is a pipe that nobody reads yet.
fn piped() -> (tempfile::TempDir, Output, io::PipeReader) {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let stderr = std::fs::File::create(folder.path().join("stderr")).unwrap();
    let bounds = OutputBounds::default();
    let output = Output::sandbox(folder.path(), writer, stderr, bounds).unwrap();
    (folder, output, reader)
}

#[tokio::test]
async fn a_guest_waits_for_what_takes_nothing_more_and_others_do_not() {
    let (_folder, output, mut reader) = piped();
    let (guest, other) = (output.guest("a"), output.guest("b"));
    let line = [b"x".repeat(1000), b"\n".to_vec()].concat();
    let mut printed = 0;
    while guest.stdout.permitted() > 0 {
        guest.stdout.print(&line);
        printed += 1;
    }
    assert!(other.stdout.permitted() > 0);
    let flushed = output.flushed();
    let lines = thread::spawn(move || {
        let mut text = String::new();
        io::Read::read_to_string(&mut reader, &mut text).unwrap();
        text.lines().count()
    });
    guest.stdout.room().await;
    flushed.await;
    assert!(output.is_flushed());
    drop((guest, other));
    output.close(Duration::from_secs(60));
    drop(output);
    assert_eq!(lines.join().unwrap(), printed);
}

#[test]
fn a_guest_that_prints_without_asking_is_stopped() {
    let (_folder, output, _reader) = piped();
    let guest = output.guest("a");
    let mut stream = guest.stdout.clone();
    assert!(
        stream
            .write(vec![b'\n'; WRITE_BYTES_MAX + 1].into())
            .is_err()
    );
    assert!(stream.write_zeroes(usize::MAX).is_err());
    let lines = Bytes::from(vec![b'\n'; WRITE_BYTES_MAX]);
    let taken = (0..100).take_while(|_| stream.write(lines.clone()).is_ok());
    assert!((2..100).contains(&taken.count()));
}

#[test]
fn what_was_printed_last_is_written_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let create = |name| std::fs::File::create(folder.path().join(name)).unwrap();
    let (stdout, stderr) = (create("stdout"), create("stderr"));
    let bounds = OutputBounds::default();
    let output = Output::sandbox(folder.path(), stdout, stderr, bounds).unwrap();
    let guest = output.guest("a");
    guest.stdout.print(b"half a line");
    output.log().write_all(b"a line of the log\n").unwrap();
    drop(guest);
    output.close(Duration::from_secs(60));
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("stdout").ends_with(" [a] half a line\n"));
    assert_eq!(read("stderr"), "a line of the log\n");
    // What comes later goes nowhere, and nobody waits.
    let late = output.guest("b");
    late.stdout.print(b"late\n");
    assert!(late.stdout.permitted() > 0 && output.is_flushed());
    assert!(!read("stdout").contains("late"));
}
