//! The job's own page, which the dashboard shows beside.

use std::io::Read as _;
use std::net::TcpListener;

use serde_json::json;

use super::devtools::browser;
use super::page::Page;
use super::patient;
use crate::support::Scene;

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
fn the_view_of_the_elevator_job_shows_cars_that_move_and_riders_that_arrive() {
    let Some(browser) = browser() else { return };
    let scene = Scene::new();
    let arguments = ["run", "elevator.yaml", "--agents", "3", "--dashboard", "--"];
    let mut job = scene.start(&[&arguments[..], &["--seconds", "600", "--seed", "7"]].concat());
    let url = format!("http://{}", job.wait_for_log("dashboard on http://").trim());
    let mut page = Page::open(browser, &url);
    page.wait("document.querySelector('#figures dd')?.textContent === '12 of 12'");
    let places =
        "[...document.querySelectorAll('.car')].map((it) => it.getBoundingClientRect().top)";
    let before = page.wait_in_frame(&format!("{places}.length === 4 && {places}"));
    page.wait_in_frame(&format!(
        "{places}.some((top, car) => Math.abs(top - {before}[car]) > 10)"
    ));
    // Of waiting, riding, delivered.
    page.wait_in_frame("Number(document.querySelectorAll('#told b')[2].textContent) > 0");
    assert_eq!(
        page.eval_in_frame("document.querySelectorAll('.floor').length"),
        8
    );
    assert_eq!(page.problems(), [""; 0]);
}
