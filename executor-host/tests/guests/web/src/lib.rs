//! A task of the executor's tests: sends the HTTP requests that its arguments say.

use std::time::Duration;

use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};
use wasip2::http::{
    outgoing_handler::handle,
    types::{
        ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
        OutgoingRequest, RequestOptions, Scheme, http_error_code,
    },
};
use wasip2::io::streams::StreamError;

#[mesosgot_sdk::task]
fn web(inbox: Receiver, outbox: Sender, args: Args, _env: Env) -> Result<(), Error> {
    let words: Vec<&str> = args.as_slice().iter().map(String::as_str).collect();
    match words[..] {
        ["get", ref urls @ ..] => get(&outbox, urls),
        ["answer", url] => {
            inbox.recv();
            get(&outbox, &[url])
        }
        ["post", url, text] => post(&outbox, url, text),
        ["hurry", wait, url] => hurry(&outbox, wait, url),
        ["hold", url, count] => hold(&inbox, &outbox, url, count.parse()?),
        ["long-texts"] => long_texts(&outbox),
        ["make-requests"] => make_requests(&outbox),
        _ => Err(Error::msg(format!("no such behaviour: {words:?}"))),
    }
}

/// A request for a URL, in the one way that the tests write them.
fn request(url: &str) -> OutgoingRequest {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let request = OutgoingRequest::new(Fields::new());
    let scheme = match scheme {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    let is_set = request.set_scheme(Some(&scheme)).is_ok()
        && request.set_authority(Some(authority)).is_ok()
        && request.set_path_with_query(Some(path)).is_ok();
    assert!(is_set, "{url}");
    request
}

fn answer(pending: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    pending.subscribe().block();
    let answer = pending.get().expect("it is ready");
    answer.expect("it was not taken yet")
}

/// The status and the body, or what went wrong.
fn told(pending: Result<FutureIncomingResponse, ErrorCode>) -> Result<String, ErrorCode> {
    let answer = answer(&pending?)?;
    let body = answer.consume().expect("nobody took it yet");
    let stream = body.stream().expect("nobody took it yet");
    let mut text = Vec::new();
    let end = loop {
        match stream.blocking_read(1 << 20) {
            Ok(part) => text.extend(part),
            Err(StreamError::Closed) => break String::new(),
            Err(StreamError::LastOperationFailed(error)) => {
                break format!(", then {:?}", http_error_code(&error));
            }
        }
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(format!("{} {text}{end}", answer.status()))
}

fn tell(outbox: &Sender, told: Result<String, ErrorCode>) -> Result<(), Error> {
    outbox.send(told.unwrap_or_else(|code| format!("{code:?}")))?;
    Ok(())
}

fn get(outbox: &Sender, urls: &[&str]) -> Result<(), Error> {
    for url in urls {
        tell(outbox, told(handle(request(url), None)))?;
    }
    Ok(())
}

fn post(outbox: &Sender, url: &str, text: &str) -> Result<(), Error> {
    let request = request(url);
    request.set_method(&Method::Post).expect("it is a method");
    let body = request.body().expect("nobody took it yet");
    let pending = handle(request, None);
    let stream = body.write().expect("nobody took it yet");
    stream.blocking_write_and_flush(text.as_bytes())?;
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| Error::msg(format!("{code:?}")))?;
    tell(outbox, told(pending))
}

/// Waits only shortly, for the head of the answer or for each part of its body.
fn hurry(outbox: &Sender, what: &str, url: &str) -> Result<(), Error> {
    let options = RequestOptions::new();
    let wait = Some(Duration::from_millis(50).as_nanos() as u64);
    let set = match what {
        "head" => options.set_first_byte_timeout(wait),
        _ => options.set_between_bytes_timeout(wait),
    };
    set.expect("it can be set");
    tell(outbox, told(handle(request(url), Some(options))))
}

/// Sends so many requests, reads none of the answers, and takes one more when it is told to.
fn hold(inbox: &Receiver, outbox: &Sender, url: &str, count: usize) -> Result<(), Error> {
    let send = |wait: Option<Duration>| {
        let options = RequestOptions::new();
        let wait = wait.map(|wait| wait.as_nanos() as u64);
        options.set_connect_timeout(wait).expect("it can be set");
        handle(request(url), Some(options))
    };
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(send(None).and_then(|pending| answer(&pending)));
    }
    let answered = held.iter().filter(|answer| answer.is_ok()).count();
    outbox.send(format!("{answered} answers"))?;
    tell(outbox, told(send(Some(Duration::from_millis(50)))))?;
    held.pop();
    tell(outbox, told(send(None)))?;
    inbox.recv();
    Ok(())
}

/// Tries to make the host keep what is long.
fn long_texts(outbox: &Sender) -> Result<(), Error> {
    let request = OutgoingRequest::new(Fields::new());
    for length in [512, 513, 1 << 20] {
        let text = "a".repeat(length);
        let authority = request.set_authority(Some(&text)).is_ok();
        let method = request.set_method(&Method::Other(text)).is_ok();
        outbox.send(format!("{length}: {authority} {method}"))?;
    }
    Ok(())
}

/// Makes more requests than a guest can have.
fn make_requests(outbox: &Sender) -> Result<(), Error> {
    let made: Vec<_> = (0..10_000).map(|_| request("http://a")).collect();
    outbox.send(format!("{} requests", made.len()))?;
    Ok(())
}
