//! Who gets what: the token, the headers, and other origins.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use super::devtools::browser;
use super::page::Page;
use super::{patient, patient_at};
use crate::support::Scene;

#[test]
fn whoever_has_the_wrong_token_is_told_so() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = patient(&scene, "");
    let (origin, _) = url.split_once('#').expect("it has a token");
    let mut page = Page::open(browser, origin);
    page.wait("!document.querySelector('#door').hidden");
    assert_eq!(page.eval("document.activeElement.id"), "door-token");
    page.type_text("0123456789abcdef0123456789abcdef");
    page.press("Enter");
    page.wait("document.querySelector('#door-text')?.textContent.startsWith('The job refuses this token.')");
    assert_eq!(page.eval("document.querySelector('#main').hidden"), true);
    // The browser itself says that the answer was 401, and nothing else is wrong.
    let problems = page.problems();
    assert!(
        problems.iter().all(|problem| problem.contains("401")),
        "{problems:?}"
    );
}

#[test]
fn the_files_of_the_page_come_with_strict_headers_and_what_it_asks_for_wants_the_token() {
    let scene = Scene::new();
    scene.file("view.html", "<p>a view");
    let (_job, url) = patient(&scene, "view: view.html");
    let (address, token) = url["http://".len()..]
        .split_once("/#")
        .expect("it has a token");
    let head = |path: &str| ask(address, path, &[]).to_lowercase();
    for path in ["/", "/main.js", "/style.css"] {
        let head = head(path);
        assert!(head.starts_with("http/1.1 200 ok"), "{head}");
        for wanted in [
            "default-src 'none'; script-src 'self'; style-src 'self'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(wanted), "{path} without {wanted}:\n{head}");
        }
        assert!(!head.contains("set-cookie"), "{head}");
    }
    for path in ["/v1/live", "/v1/status", "/view/", "/view/0", "/none"] {
        assert!(head(path).starts_with("http/1.1 401"), "{path}");
    }
    let bearer = format!("Authorization: Bearer {token}");
    let foreign = [bearer.clone(), "Origin: http://example.org".to_owned()];
    assert!(ask(address, "/v1/live", &foreign).starts_with("HTTP/1.1 403"));
    assert!(ask(address, "/v1/job", &[bearer]).starts_with("HTTP/1.1 200"));
}

#[test]
fn on_an_address_for_others_the_token_is_wanted_as_well() {
    let scene = Scene::new();
    let (_job, url) = patient_at(&scene, "", "", "--dashboard=0.0.0.0:0");
    let (address, token) = url["http://".len()..]
        .split_once("/#")
        .expect("it has a token");
    let address = address.replace("0.0.0.0", "127.0.0.1");
    assert!(ask(&address, "/v1/status", &[]).starts_with("HTTP/1.1 401"));
    let bearer = format!("Authorization: Bearer {token}");
    assert!(ask(&address, "/v1/status", &[bearer]).starts_with("HTTP/1.1 200"));
}

/// The head of the answer to a request with these headers.
fn ask(address: &str, path: &str, headers: &[String]) -> String {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    head.join("\n")
}
