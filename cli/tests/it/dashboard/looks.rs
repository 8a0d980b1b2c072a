//! How the page looks: in the documentation, on small and large screens.

use super::devtools::browser;
use super::page::Page;
use super::{patient, picture};
use crate::support::Scene;

/// The most that a picture in the documentation has.
const PICTURE_BYTES_MAX: usize = 200 * 1024;

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
