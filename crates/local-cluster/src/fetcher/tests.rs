//! The fetcher on real files, real archives and a real server on loopback.

use futures_util::FutureExt as _;
use rustix::fs::FileType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A source directory with files in it, and an empty sandbox.
struct Fixture {
    source: tempfile::TempDir,
    sandbox: tempfile::TempDir,
    cache: Cache,
}

impl Fixture {
    fn new() -> Self {
        let source = tempfile::tempdir().unwrap();
        Self {
            cache: Cache::with_bytes(source.path().to_owned(), 10),
            source,
            sandbox: tempfile::tempdir().unwrap(),
        }
    }

    /// Puts a file into the source directory and says its path.
    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.source.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn fetch(&self, uri: Uri) -> Result<(), String> {
        let directory = self.sandbox.path().join("box");
        fs::create_dir_all(&directory).unwrap();
        fetch(&uri, &directory, &self.cache)
            .await
            .map_err(|error| crate::error::chain(&error))
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.path().join("box").join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        let path = self.sandbox.path().join("box").join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// Everything in the sandbox and beside it.
    fn list(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut directories = vec![self.sandbox.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let name = path.strip_prefix(self.sandbox.path()).unwrap();
                    found.push(name.to_str().unwrap().to_owned());
                }
            }
        }
        found.sort();
        found
    }
}

fn uri(value: impl Into<String>) -> Uri {
    Uri {
        value: value.into(),
        ..Uri::default()
    }
}

fn tar(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // `set_path` would refuse the names that are wanted here.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A server that answers one request with these bytes; its address.
async fn serve(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_path_is_copied_under_its_own_name_or_the_one_asked_for() {
    let fixture = Fixture::new();
    let path = fixture.file("program", b"code");
    fixture.fetch(uri(&path)).await.unwrap();
    fixture.fetch(uri(format!("file://{path}"))).await.unwrap();
    let renamed = Uri {
        output_file: Some("bin/here".to_owned()),
        ..uri(&path)
    };
    fixture
        .fetch(Uri {
            executable: Some(true),
            ..renamed
        })
        .await
        .unwrap();
    assert_eq!(fixture.list(), ["box/bin/here", "box/program"]);
    assert_eq!(fixture.read("program"), "code");
    assert_eq!(fixture.mode("bin/here"), 0o755);
    assert_eq!(fixture.mode("program") & 0o111, 0);
}

#[tokio::test]
async fn archives_are_unpacked_unless_told_otherwise() {
    let fixture = Fixture::new();
    let archive = tar(&[("a", "1"), ("d/b", "2")]);
    let plain = fixture.file("one.tar", &archive);
    let packed = fixture.file("two.tgz", &gzip(&archive));
    let single = fixture.file("three.gz", &gzip(b"3"));
    fixture.fetch(uri(plain.as_str())).await.unwrap();
    fixture
        .fetch(Uri {
            extract: Some(false),
            ..uri(packed)
        })
        .await
        .unwrap();
    fixture.fetch(uri(single)).await.unwrap();
    assert_eq!(
        fixture.list(),
        [
            "box/a",
            "box/d/b",
            "box/one.tar",
            "box/three",
            "box/three.gz",
            "box/two.tgz"
        ]
    );
    assert_eq!(fixture.read("d/b"), "2");
    assert_eq!(fixture.read("three"), "3");
}

#[tokio::test]
async fn an_executable_archive_stays_packed() {
    let fixture = Fixture::new();
    let path = fixture.file("one.tar", &tar(&[("a", "1")]));
    fixture
        .fetch(Uri {
            executable: Some(true),
            ..uri(path)
        })
        .await
        .unwrap();
    assert_eq!(fixture.list(), ["box/one.tar"]);
}

#[tokio::test]
async fn nothing_is_written_outside_the_sandbox() {
    let fixture = Fixture::new();
    let path = fixture.file("program", b"code");
    for name in ["../out", "/tmp/out", "a/../../out", "..", "."] {
        let escaping = Uri {
            output_file: Some(name.to_owned()),
            ..uri(&path)
        };
        assert_eq!(
            fixture.fetch(escaping).await,
            Err(format!(
                "the output file `{name}` does not stay in the sandbox"
            ))
        );
    }
    let archive = fixture.file("bad.tar", &tar(&[("../out", "1")]));
    assert_eq!(
        fixture.fetch(uri(archive)).await,
        Err("failed to unpack `bad.tar`: the entry `../out` would leave the sandbox".to_owned())
    );
    assert_eq!(fixture.list(), ["box/bad.tar"]);
}

#[tokio::test]
async fn an_artifact_does_not_write_through_a_link_of_an_earlier_one() {
    let fixture = Fixture::new();
    let path = fixture.file("program", b"code");
    let victim = fixture.file("victim", b"safe");
    fs::create_dir_all(fixture.sandbox.path().join("box")).unwrap();
    std::os::unix::fs::symlink(&victim, fixture.sandbox.path().join("box/program")).unwrap();
    fixture.fetch(uri(path)).await.unwrap();
    assert_eq!(fs::read_to_string(victim).unwrap(), "safe");
    assert_eq!(fixture.read("program"), "code");
}

#[tokio::test]
async fn no_output_file_leaves_the_sandbox_through_a_link_of_an_earlier_artifact() {
    let fixture = Fixture::new();
    let path = fixture.file("program", b"code");
    let sandbox = fixture.sandbox.path().join("box");
    fs::create_dir_all(sandbox.join("inside")).unwrap();
    std::os::unix::fs::symlink(fixture.source.path(), sandbox.join("out")).unwrap();
    std::os::unix::fs::symlink("inside", sandbox.join("in")).unwrap();
    let fetch = async |name: &str| {
        let output_file = Some(name.to_owned());
        fixture
            .fetch(Uri {
                output_file,
                ..uri(&path)
            })
            .await
    };
    for name in ["out/stolen", "out/new/stolen"] {
        assert_eq!(
            fetch(name).await,
            Err(format!(
                "the output file `{name}` does not stay in the sandbox"
            ))
        );
    }
    assert_eq!(fs::read_dir(fixture.source.path()).unwrap().count(), 1);
    fetch("in/program").await.unwrap();
    assert_eq!(fixture.read("inside/program"), "code");
}

#[tokio::test]
async fn what_cannot_be_fetched_is_refused_by_name() {
    let fixture = Fixture::new();
    let xz = fixture.file("x.tar.xz", b"");
    let broken = fixture.file("x.tar.gz", b"no archive");
    let cases = [
        (
            uri("/no/such/file"),
            "failed to copy `/no/such/file`: No such file or directory (os error 2)",
        ),
        (
            uri("hdfs://h/x"),
            "the scheme of the URI `hdfs://h/x` is not supported; use a path, `file`, `http` or `https`",
        ),
        (
            uri("x/y"),
            "the URI `x/y` is a relative path, and this agent has no `frameworks_home`",
        ),
        (uri("http://host"), "the URI `http://host` has no file name"),
        (uri("/tmp/"), "the URI `/tmp/` has no file name"),
        (uri("/tmp"), "failed to copy `/tmp`: is a directory"),
        (
            uri("/dev/null"),
            "failed to copy `/dev/null`: it is not a regular file",
        ),
        (
            uri(xz),
            "`x.tar.xz` is an archive of a kind that this agent does not unpack; use tar, tar.gz or zip, or set `extract` to false",
        ),
        (
            uri(broken),
            "failed to unpack `x.tar.gz`: invalid gzip header",
        ),
    ];
    for (uri, text) in cases {
        assert_eq!(fixture.fetch(uri).await, Err(text.to_owned()));
    }
}

#[tokio::test]
async fn a_fifo_is_refused_without_waiting_for_its_writer() {
    let fixture = Fixture::new();
    let path = fixture.source.path().join("fifo");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, mode, 0).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(
        fixture.fetch(uri(path)).await,
        Err(format!("failed to copy `{path}`: it is not a regular file"))
    );
}

#[tokio::test]
async fn the_copy_of_a_large_file_can_be_given_up() {
    let fixture = Fixture::new();
    let path = fixture.file("large", b"");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(2 * CHUNK_BYTES).unwrap();
    assert_eq!(fixture.fetch(uri(&path)).now_or_never(), None);
    fixture.fetch(uri(&path)).await.unwrap();
    let copied = fs::metadata(fixture.sandbox.path().join("box/large")).unwrap();
    assert_eq!(copied.len(), 2 * CHUNK_BYTES);
}

#[tokio::test]
async fn a_url_is_downloaded() {
    let fixture = Fixture::new();
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ncode").await;
    fixture
        .fetch(uri(format!("{server}/some/program")))
        .await
        .unwrap();
    assert_eq!(fixture.read("program"), "code");
}

#[tokio::test]
async fn a_download_that_fails_or_breaks_is_a_failure() {
    let fixture = Fixture::new();
    let server = serve("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let url = format!("{server}/x");
    assert_eq!(
        fixture.fetch(uri(&url)).await,
        Err(format!(
            "failed to download `{url}`: the server answered 404 Not Found where 200 was expected"
        ))
    );
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\ncode").await;
    let error = fixture.fetch(uri(format!("{server}/x"))).await.unwrap_err();
    assert!(error.starts_with("failed to download"), "{error}");
}

/// An archive with entries of these names, contents and modes.
fn zip(entries: &[(&str, &str, u32)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, content, mode) in entries {
        let options = zip::write::SimpleFileOptions::default();
        if *mode == LINK {
            writer.add_symlink(*name, *content, options).unwrap();
        } else {
            let options = options.unix_permissions(*mode);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

const LINK: u32 = 0;

#[tokio::test]
async fn a_zip_is_unpacked_with_modes_and_links_inside() {
    let fixture = Fixture::new();
    let archive = zip(&[
        ("bin/run", "code", 0o755),
        ("text", "1", 0o600),
        ("link", "bin/run", LINK),
    ]);
    let path = fixture.file("x.zip", &archive);
    fixture.fetch(uri(path)).await.unwrap();
    assert_eq!(
        fixture.list(),
        ["box/bin/run", "box/link", "box/text", "box/x.zip"]
    );
    assert_eq!(fixture.read("link"), "code");
    assert_eq!(
        (fixture.mode("bin/run"), fixture.mode("text")),
        (0o755, 0o600)
    );
}

#[tokio::test]
async fn no_zip_leaves_the_sandbox() {
    let fixture = Fixture::new();
    let up = fixture.file("up.zip", &zip(&[("../out", "1", 0o644)]));
    let text = "failed to unpack `up.zip`: the entry `../out` would leave the sandbox";
    assert_eq!(fixture.fetch(uri(up)).await, Err(text.to_owned()));
    let linked = zip(&[("way", "..", LINK), ("way/out", "1", 0o644)]);
    let linked = fixture.file("linked.zip", &linked);
    let text = "failed to unpack `linked.zip`: the entry `way/out` would leave the sandbox";
    assert_eq!(fixture.fetch(uri(linked)).await, Err(text.to_owned()));
    // A link of an earlier archive is replaced, and not written through.
    let link = fixture.file("link.zip", &zip(&[("over", "../out", LINK)]));
    let over = fixture.file("over.zip", &zip(&[("over", "1", 0o644)]));
    fixture.fetch(uri(link)).await.unwrap();
    fixture.fetch(uri(over)).await.unwrap();
    assert_eq!(fixture.read("over"), "1");
    assert!(!fixture.sandbox.path().join("out").exists());
    let broken = fixture.file("broken.zip", b"PK no archive");
    let error = fixture.fetch(uri(broken)).await.unwrap_err();
    assert!(
        error.starts_with("failed to unpack `broken.zip`: "),
        "{error}"
    );
}

fn cached(value: impl Into<String>) -> Uri {
    Uri {
        cache: Some(true),
        ..uri(value)
    }
}

#[tokio::test]
async fn what_is_cached_is_fetched_once_even_by_two_at_once() {
    let fixture = Fixture::new();
    // It answers once.
    let server = serve("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ncode").await;
    let named = |name: &str| Uri {
        output_file: Some(name.to_owned()),
        ..cached(format!("{server}/x"))
    };
    let (one, two) = tokio::join!(fixture.fetch(named("one")), fixture.fetch(named("two")));
    assert_eq!((one, two), (Ok(()), Ok(())));
    fixture.fetch(named("three")).await.unwrap();
    for name in ["one", "two", "three"] {
        assert_eq!(fixture.read(name), "code");
    }
    assert_eq!(fixture.cache.bytes(), 4);
}

#[tokio::test]
async fn what_was_not_wanted_for_longest_goes_first_when_the_cache_is_full() {
    let fixture = Fixture::new();
    let files = ["a", "b", "c"].map(|name| fixture.file(name, b"1234"));
    for index in [0, 1, 0, 2] {
        fixture.fetch(cached(&files[index])).await.unwrap();
    }
    assert_eq!(fixture.cache.bytes(), 8);
    for file in &files {
        fs::write(file, b"new").unwrap();
    }
    // The last one comes last: it takes the place of another.
    for (index, name, expected) in [(0, "a", "1234"), (2, "c", "1234"), (1, "b", "new")] {
        fixture.fetch(cached(&files[index])).await.unwrap();
        assert_eq!(fixture.read(name), expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_too_large_for_the_cache_is_fetched_and_not_kept() {
    let fixture = Fixture::new();
    let path = fixture.file("large", b"more than ten bytes");
    fixture.fetch(cached(&path)).await.unwrap();
    assert_eq!(fixture.read("large"), "more than ten bytes");
    assert_eq!(fixture.cache.bytes(), 0);
}

#[tokio::test]
async fn what_could_not_be_fetched_is_tried_again() {
    let fixture = Fixture::new();
    let path = fixture.source.path().join("late");
    let path = path.to_str().unwrap();
    assert!(fixture.fetch(cached(path)).await.is_err());
    fixture.file("late", b"1");
    fixture.fetch(cached(path)).await.unwrap();
    assert_eq!(fixture.read("late"), "1");
}
