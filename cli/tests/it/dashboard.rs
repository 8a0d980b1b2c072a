//! The dashboard in a real browser: Chromium, without a window. Where none is installed these tests
//! are skipped and say so; with `MESOSGOT_TEST_CHROMIUM` set there must be one.

mod devtools;
mod feed;
mod page;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use self::devtools::browser;
use self::feed::Feed;
use self::page::Page;
use crate::support::{Running, Scene};

/// How many tasks the large job has.
const MANY: usize = 1000;

/// The most that a picture in the documentation has.
const PICTURE_BYTES_MAX: usize = 200 * 1024;

/// Half of the updates are on the screen within so many milliseconds, also on a machine that builds
/// other things meanwhile; how long the slowest take then says more of those than of the page.
const UPDATE_MAX_MS: f64 = 100.0;

/// Text that would run if it were taken for HTML, and escapes for terminals.
const HOSTILE: &str =
    "<script>document.title='bad'</script><img src=x onerror=alert(1)> &amp; \u{1b}[31mred";

/// A job of a thousand tasks on four agents, with its dashboard; its address.
fn large(scene: &Scene) -> (Running, String) {
    let text = serde_json::to_string(HOSTILE).expect("text is JSON");
    let job = scene.job(&format!(
        "job: large
scheduler: {{ module: guests/director, args: [wait] }}
defaults: {{ cpus: 0.01, mem: 8MiB }}
tasks:
  ear:  {{ module: guests/actor, count: 4, args: [hear, {text}] }}
  echo: {{ module: guests/actor, count: {} }}
  fall: {{ module: guests/actor, count: 1, args: [fail, {text}], on_failure: ignore }}
",
        MANY - 5
    ));
    let job = job.display().to_string();
    let resources = "cpus:4;mem:16384";
    let mut running = scene.start(&[
        "run",
        &job,
        "--agents",
        "4",
        "--resources",
        resources,
        "--dashboard",
    ]);
    let url = running.wait_for_log("dashboard on http://");
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    (running, format!("http://{}", url.trim()))
}

#[test]
fn a_thousand_tasks_are_filtered_sent_to_killed_and_read() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = large(&scene);
    let origin = url.split_once("/#").unwrap().0.to_owned();
    let mut page = Page::open(browser, &url);

    page.wait("document.querySelector('#figures dd')?.textContent === '1,000 of 1,000'");
    assert_eq!(page.text("#tasks-count"), "1,000");
    assert_eq!(page.text("#job"), "large");
    let rows = page.eval("document.querySelectorAll('#table tbody tr').length");
    assert!(
        rows.as_u64().unwrap() < 60,
        "only rows in sight are there: {rows}"
    );
    assert_eq!(page.eval("location.hash"), "");

    // Filter, by keyboard alone.
    page.press("/");
    page.type_text("echo-77");
    page.wait("document.querySelector('#tasks-count').textContent === '11 of 1,000'");
    page.press("Escape");
    page.wait("document.querySelector('#tasks-count').textContent === '1,000'");

    // Send, to the task that the keyboard opens.
    page.type_text("ear-2");
    page.press("Enter");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'ear-2'");
    page.click("#send-text");
    page.type_text("hello <b>ear</b>");
    page.click("#send-form button");
    page.wait("document.querySelector('#detail-answer').textContent === 'Sent.'");
    page.wait("document.querySelector('#logs').textContent.includes('heard hello <b>ear</b>')");

    // Its log, with what it printed before the page was there.
    page.click("#detail-logs");
    page.wait(
        "[...document.querySelectorAll('#logs .who')].every((who) => who.textContent === 'ear-2')",
    );
    page.wait("document.querySelector('#logs').textContent.includes('<script>document.title')");

    // Kill.
    page.click("#detail-kill");
    page.wait("document.querySelector('#confirm').open");
    page.click("#confirm .danger");
    // Killing goes on until it has ended.
    page.wait("document.querySelector('#detail-state').textContent.startsWith('killed')");
    page.press("Escape");

    assert_eq!(
        page.eval("document.querySelectorAll('img, #logs script').length"),
        0
    );
    assert_eq!(page.eval("document.title"), "large · mesosgot");
    assert_eq!(page.problems(), [""; 0]);
    let elsewhere = |url: &&String| !url.starts_with(&origin);
    assert_eq!(page.requests().iter().find(elsewhere), None);
}

#[test]
fn pictures_of_the_elevator_job_are_small_enough_to_be_in_the_documentation() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let arguments = ["run", "elevator.yaml", "--agents", "3", "--dashboard", "--"];
    let mut job = scene.start(&[&arguments[..], &["--seconds", "600", "--seed", "7"]].concat());
    let url = format!("http://{}", job.wait_for_log("dashboard on http://").trim());
    let mut page = Page::open(browser, &url);
    page.size(1360, 850);
    page.wait("document.querySelector('#figures dd')?.textContent === '12 of 12'");
    // Until riders have arrived.
    page.wait("document.querySelector('#logs').textContent.includes(' out')");
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        let bytes = picture(&mut page, &format!("dashboard-{scheme}"));
        assert!(bytes <= PICTURE_BYTES_MAX, "{bytes} bytes");
    }
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn updates_of_ten_thousand_tasks_are_shown_without_delay() {
    let Some(browser) = browser() else { return };
    let feed = Feed {
        tasks: 10_000,
        changes: 2_000,
        length: Duration::from_secs(15),
        text: HOSTILE,
        name: "<img src=x onerror=alert(1)>-9999",
    };
    let mut page = Page::open(browser, &feed::serve(feed));
    page.size(1600, 1000);
    page.eval(
        "window.seen = [];
         new PerformanceObserver((list) => {
           for (const entry of list.getEntriesByName('update')) window.seen.push(entry.duration);
         }).observe({ entryTypes: ['measure'] }); 0",
    );
    page.wait("document.querySelector('#tasks-count').textContent === '10,000'");
    // In the midst of it, the table is used.
    page.press("/");
    page.type_text("work-99");
    page.wait("document.querySelector('#tasks-count').textContent === '110 of 10,000'");
    page.press("Escape");
    page.wait("document.querySelector('#connection').textContent === 'the job has ended'");
    let seen = page.eval("window.seen.sort((a, b) => a - b)");
    let seen: Vec<f64> = serde_json::from_value(seen).expect("they are numbers");
    assert!(seen.len() > 20, "only {} updates were shown", seen.len());
    let share = |share: f64| seen[((seen.len() - 1) as f64 * share) as usize];
    let figures = format!(
        "{} updates: p50 {:.0} ms, p99 {:.0} ms, at most {:.0} ms",
        seen.len(),
        share(0.5),
        share(0.99),
        share(1.0)
    );
    say(&figures);
    assert!(share(0.5) < UPDATE_MAX_MS, "{figures}");

    // What tasks are called, print and are told with is text.
    page.press("End");
    page.eval("document.querySelector('#table table').focus()");
    page.press("End");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent.startsWith('<img')");
    assert_eq!(page.text("#detail-message"), HOSTILE);
    assert_eq!(
        page.eval("document.querySelectorAll('img, main script').length"),
        0
    );
    assert_eq!(page.eval("document.title"), "simulated · mesosgot");
    assert_eq!(page.problems(), [""; 0]);
}

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
fn everything_is_reached_and_done_by_keyboard() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = patient(&scene, "");
    let mut page = Page::open(browser, &url);
    page.wait("document.querySelector('#figures dd')?.textContent === '2 of 2'");
    let mut reached = Vec::new();
    for _ in 0..40 {
        page.press("Tab");
        let at = page.eval(
            "(() => {
               const node = document.activeElement;
               const outline = getComputedStyle(node);
               const shown = outline.outlineStyle !== 'none' && outline.outlineWidth !== '0px';
               return `${node.id || node.textContent} ${shown || node === document.body}`;
             })()",
        );
        reached.push(at.as_str().expect("it is text").to_owned());
    }
    let hidden: Vec<_> = reached.iter().filter(|at| at.ends_with("false")).collect();
    assert!(hidden.is_empty(), "the focus is not shown at {hidden:?}");
    for id in [
        "stop",
        "tab-tasks",
        "tasks-filter",
        "tasks-group",
        "tasks-state",
        "logs-filter",
        "logs-follow",
        "logs",
        "events-filter",
        "events-kind",
        "events",
        "agent-0",
    ] {
        assert!(
            reached.contains(&format!("{id} true")),
            "{id} is not in {reached:?}"
        );
    }

    // A task is opened, and closing it brings the focus back.
    page.eval("document.activeElement.blur()");
    page.press("/");
    page.press("ArrowDown");
    page.press("ArrowDown");
    page.press("Enter");
    page.wait("document.querySelector('#detail-name').textContent === 'echo-1'");
    page.press("Escape");
    page.wait("document.querySelector('#detail').hidden");
    assert_eq!(page.eval("document.activeElement.tagName"), "TABLE");

    // The job is stopped.
    page.eval("document.querySelector('#stop').focus()");
    page.press("Enter");
    page.wait("document.querySelector('#confirm').open");
    assert_eq!(page.eval("document.activeElement.textContent"), "Cancel");
    page.press("Tab");
    page.press("Enter");
    page.wait("document.querySelector('#connection').textContent === 'the job has ended'");
    assert_eq!(page.text("#phase"), "interrupted");
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn the_page_fits_a_telephone_and_a_wide_window() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let (_job, url) = patient(&scene, "");
    let mut page = Page::open(browser, &url);
    page.wait("document.querySelector('#figures dd')?.textContent === '2 of 2'");
    for (width, height) in [(360, 740), (800, 600), (1100, 700), (1600, 1000)] {
        page.size(width, height);
        page.wait(&format!("innerWidth === {width}"));
        let wide = page.eval("document.documentElement.scrollWidth");
        assert!(wide.as_u64() <= Some(width.into()), "{wide} at {width}");
        for scheme in ["light", "dark"] {
            page.prefer(scheme);
            picture(&mut page, &format!("patient-{width}-{scheme}"));
        }
    }
}

#[test]
fn a_view_sees_the_job_and_reaches_nothing_else() {
    let Some(browser) = browser() else { return };
    // Who would hear of it if a view reached anybody.
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    elsewhere.set_nonblocking(true).expect("a socket can be so");
    let port = elsewhere.local_addr().expect("it is bound").port();
    let scene = Scene::new();
    scene.file(
        "view.html",
        &"<!doctype html><p id=seen></p><script>
           const seen = document.getElementById('seen');
           addEventListener('message', ({ data }) => {
             if (data.status) seen.textContent = `${data.type} ${data.status.job}`;
             seen.dataset.told = JSON.stringify(data);
           });
           const note = (what) => () => { seen.dataset[what] = 'reached'; };
           try { parent.document.title = 'taken'; note('parent')(); } catch { }
           try { sessionStorage.length; note('storage')(); } catch { }
           fetch('/v1/status').then(note('fetch'), () => {});
           fetch('http://127.0.0.1:PORT/').then(note('fetch'), () => {});
           new Image().src = 'http://127.0.0.1:PORT/image';
           try { open('http://127.0.0.1:PORT/window'); } catch { }
           try { top.location = 'http://127.0.0.1:PORT/top'; } catch { }
         </script>"
            .replace("PORT", &port.to_string()),
    );
    let (mut job, url) = patient(&scene, "view: view.html");
    let mut page = Page::open(browser, &url);
    page.wait("!document.querySelector('#view').hidden");
    page.wait_in_frame("document.getElementById('seen').textContent.endsWith(' patient')");
    let reached = page.eval_in_frame("Object.keys(document.getElementById('seen').dataset)");
    assert_eq!(reached, json!(["told"]));
    let told = page.eval_in_frame("document.getElementById('seen').dataset.told");
    let token = url.split_once("/#").expect("it has a token").1;
    assert!(
        !told.to_string().contains(token),
        "the token is not for views"
    );
    page.eval_in_frame(&format!("location = 'http://127.0.0.1:{port}/frame'; 0"));
    // The page says that it has kept the frame where it is.
    page.wait_for_problem("frame-src 'self'");
    assert_eq!(page.text("#job"), "patient");
    assert!(!job.has_ended());
    drop(page);
    // The browser may connect ahead of a navigation, which then it does not do: nothing is said.
    while let Ok((mut stream, _)) = elsewhere.accept() {
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert_eq!(String::from_utf8_lossy(&said), "");
    }
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
    let (_job, url) = patient_at(&scene, "", "--dashboard=0.0.0.0:0");
    let (address, token) = url["http://".len()..]
        .split_once("/#")
        .expect("it has a token");
    let address = address.replace("0.0.0.0", "127.0.0.1");
    assert!(ask(&address, "/v1/status", &[]).starts_with("HTTP/1.1 401"));
    let bearer = format!("Authorization: Bearer {token}");
    assert!(ask(&address, "/v1/status", &[bearer]).starts_with("HTTP/1.1 200"));
}

/// A job of two tasks that runs until it is ended; its address.
fn patient(scene: &Scene, line: &str) -> (Running, String) {
    patient_at(scene, line, "--dashboard")
}

fn patient_at(scene: &Scene, line: &str, dashboard: &str) -> (Running, String) {
    let job = scene.job(&format!(
        "job: patient
scheduler: {{ module: guests/director, args: [wait] }}
{line}
tasks:
  echo: {{ module: guests/actor, count: 2, cpus: 0.1, mem: 32MiB }}
"
    ));
    let mut running = scene.start(&["run", &job.display().to_string(), dashboard]);
    let url = format!(
        "http://{}",
        running.wait_for_log("dashboard on http://").trim()
    );
    running.wait_for("the app scheduler", |line| line.contains("director is up"));
    (running, url)
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

/// Keeps a picture of the page, if somebody wants pictures.
fn picture(page: &mut Page, name: &str) -> usize {
    let picture = page.screenshot();
    if let Some(folder) = std::env::var_os("MESOSGOT_PICTURES") {
        let path = Path::new(&folder).join(format!("{name}.png"));
        fs::write(path, &picture).expect("the picture can be written");
    }
    picture.len()
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever runs it")]
fn say(text: &str) {
    eprintln!("{text}");
}
