//! Modules: fetched, verified, compiled once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use executor_host::modules::{
    CompiledCache, Digest, MODULE_BYTES_MAX, ModuleError, ModuleRef, Modules, TaskModule,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{guests, hosted::engine};

/// A server that answers every request with these bytes, and counts them.
async fn serve(status: &'static str, body: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/module", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body).await;
        }
    });
    (url, requests)
}

fn module(body: &[u8], urls: &[&str]) -> ModuleRef {
    let urls = urls.iter().copied().map(str::to_owned).collect();
    ModuleRef {
        sha256: Digest::of(body),
        size: body.len() as u64,
        urls,
        is_over_link: false,
    }
}

fn modules() -> Modules {
    Modules::new(engine().clone(), None).unwrap()
}

fn attempts(error: ModuleError) -> String {
    let ModuleError::Fetch { attempts, .. } = error else {
        panic!("{error}")
    };
    attempts
}

#[tokio::test]
async fn tasks_of_one_digest_share_one_fetch_and_one_compilation() {
    let (url, requests) = serve("200 OK", guests::task()).await;
    let (modules, module) = (modules(), module(guests::task(), &[&url]));
    let (one, two) = tokio::join!(modules.get(&module), modules.get(&module));
    let (one, two, three) = (
        one.unwrap(),
        two.unwrap(),
        modules.get(&module).await.unwrap(),
    );
    assert!(Arc::ptr_eq(&one, &two) && Arc::ptr_eq(&two, &three));
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn other_bytes_than_named_are_refused_and_tried_again_by_the_next() {
    let (url, requests) = serve("200 OK", b"other bytes").await;
    let modules = modules();
    let wanted = ModuleRef {
        sha256: Digest::of(b"these bytes"),
        size: 11,
        urls: vec![url.clone()],
        is_over_link: false,
    };
    for round in 1..=2 {
        let text = attempts(modules.get(&wanted).await.unwrap_err());
        let (found, expected) = (Digest::of(b"other bytes"), Digest::of(b"these bytes"));
        assert_eq!(
            text,
            format!("`{url}` gave other bytes: their digest is {found}, {expected} was expected")
        );
        assert_eq!(requests.load(Ordering::Relaxed), round);
    }
}

#[tokio::test]
async fn more_bytes_than_named_are_not_read() {
    let (url, _) = serve("200 OK", guests::task()).await;
    let wanted = ModuleRef {
        size: 100,
        ..module(guests::task(), &[&url])
    };
    let text = attempts(modules().get(&wanted).await.unwrap_err());
    assert!(text.ends_with("bytes, 100 were expected"), "{text}");
    let wanted = ModuleRef {
        size: MODULE_BYTES_MAX + 1,
        ..wanted
    };
    let error = modules().get(&wanted).await.unwrap_err();
    assert_eq!(
        error,
        ModuleError::TooLarge {
            size: MODULE_BYTES_MAX + 1
        }
    );
}

#[tokio::test]
async fn the_next_address_is_tried_and_all_failures_are_told() {
    let (missing, _) = serve("404 Not Found", b"").await;
    let (good, _) = serve("200 OK", guests::task()).await;
    let modules = modules();
    let wanted = module(guests::task(), &[&missing, "ftp://a/b", &good]);
    assert!(modules.get(&wanted).await.is_ok());
    let wanted = module(b"nowhere", &[&missing, "ftp://a/b"]);
    assert_eq!(
        attempts(modules.get(&wanted).await.unwrap_err()),
        format!(
            "`{missing}` answered 404; `ftp://a/b` is not an address of `http`, `https` or `file`"
        )
    );
    let text = attempts(modules.get(&module(b"nowhere", &[])).await.unwrap_err());
    assert_eq!(text, "no address was given");
}

#[test]
fn what_is_no_component_of_a_task_is_refused_with_its_reason() {
    let compile = |bytes: &[u8]| {
        TaskModule::compile(engine(), bytes)
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(compile(b""), ModuleError::NotWasm);
    assert_eq!(compile(b"#!/bin/sh\nexit 0"), ModuleError::NotWasm);
    assert_eq!(compile(b"\0asm\x01\0\0\0"), ModuleError::CoreModule);
    let empty = compile(b"\0asm\x0d\0\x01\0");
    assert!(
        matches!(
            empty,
            ModuleError::Export {
                export: "run-task",
                ..
            }
        ),
        "{empty}"
    );
    let mut truncated = guests::task().to_vec();
    truncated.truncate(truncated.len() / 2);
    let truncated = compile(&truncated);
    assert!(matches!(truncated, ModuleError::Compile(_)), "{truncated}");
    // An app scheduler imports what tasks are not given.
    let scheduler = compile(guests::scheduler());
    assert!(matches!(scheduler, ModuleError::Import(_)), "{scheduler}");
}

#[tokio::test]
async fn what_was_compiled_here_before_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let (url, requests) = serve("200 OK", guests::task()).await;
    let module = module(guests::task(), &[&url]);
    for _ in 0..2 {
        let cache = CompiledCache::open(folder.path(), u64::MAX).unwrap();
        let modules = Modules::new(engine().clone(), Some(cache)).unwrap();
        modules.get(&module).await.unwrap();
    }
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

/// A server that sends this and then nothing, and keeps the connection or closes it.
async fn serve_raw(answer: &'static [u8], is_kept: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/module", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            if is_kept {
                kept.push(stream);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_breaks_off_is_told_with_what_helps() {
    let url = serve_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nabc", false).await;
    let error = modules()
        .get(&module(b"abcdefg", &[&url]))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("`{url}`: ")), "{text}");
    assert!(text.ends_with("`modules: link` in the job file sends modules over the cluster)"));
    // Without a length, the end of the connection is the end of the body.
    let url = serve_raw(b"HTTP/1.1 200 OK\r\n\r\nabc", false).await;
    let error = modules().get(&module(b"abcdefg", &[&url])).await;
    let expected = format!("`{url}` gave 3 bytes, 7 were expected");
    assert_eq!(attempts(error.unwrap_err()), expected);
}

#[tokio::test]
async fn an_address_where_nobody_is_is_told() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/module", unused.local_addr().unwrap());
    drop(unused);
    let text = attempts(modules().get(&module(b"a", &[&url])).await.unwrap_err());
    assert!(text.contains("Connection refused"), "{text}");
}

#[tokio::test]
async fn a_server_that_sends_nothing_does_not_hold_up_another_module() {
    let stuck = serve_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", true).await;
    let (good, _) = serve("200 OK", guests::task()).await;
    let modules = modules();
    let stuck = module(b"abcdefg", &[&stuck]);
    let good = module(guests::task(), &[&good]);
    tokio::select! {
        loaded = modules.get(&good) => assert!(loaded.is_ok()),
        loaded = modules.get(&stuck) => panic!("{loaded:?}"),
    }
}

#[tokio::test]
async fn what_one_task_began_is_not_lost_when_it_is_killed() {
    let (url, requests) = serve("200 OK", guests::task()).await;
    let (modules, module) = (modules(), module(guests::task(), &[&url]));
    tokio::select! {
        biased;
        loaded = modules.get(&module) => panic!("nobody has answered yet: {loaded:?}"),
        () = std::future::ready(()) => {}
    }
    modules.get(&module).await.unwrap();
    assert_eq!(requests.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_file_of_the_agent_is_read_if_it_is_the_one_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let address = |name: &str| format!("file://{}", folder.path().join(name).display());
    let path = folder.path().join("good.wasm");
    std::fs::write(&path, guests::task()).unwrap();
    // Nobody who launches it knows its size.
    let named = |address: &str| ModuleRef {
        size: 0,
        ..module(guests::task(), &[address])
    };
    assert!(modules().get(&named(&address("good.wasm"))).await.is_ok());

    std::fs::write(folder.path().join("other.wasm"), "other").unwrap();
    let other = modules().get(&named(&address("other.wasm"))).await;
    let (found, expected) = (Digest::of(b"other"), Digest::of(guests::task()));
    assert_eq!(
        attempts(other.clone().unwrap_err()),
        format!(
            "`{}` gave other bytes: their digest is {found}, {expected} was expected",
            address("other.wasm")
        )
    );
    let text = other.unwrap_err().to_string();
    assert!(
        text.contains("name its new digest in the job file"),
        "{text}"
    );

    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    for (name, reason) in [
        ("missing.wasm", "No such file or directory (os error 2)"),
        ("", "it is not a regular file"),
        ("fifo", "it is not a regular file"),
    ] {
        let error = modules().get(&named(&address(name))).await.unwrap_err();
        let text = error.to_string();
        let expected = format!("`{}` on the agent: {reason}", address(name));
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("must be on every agent"), "{text}");
    }
}
