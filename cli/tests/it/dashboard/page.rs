//! A page in a browser, as somebody uses it who has a keyboard, a pointer and eyes.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::devtools::{Browser, WAIT_MAX};

/// What was written in it by script that the page itself has no need of: waiting for something.
const WAIT: &str = "
new Promise((done, fail) => {
  const end = performance.now() + 30000;
  const look = () => {
    let seen;
    try { seen = (CONDITION); } catch { seen = false; }
    if (seen) done(seen);
    else if (performance.now() > end) fail(new Error('never: ' + document.body.innerText.slice(0, 400)));
    else setTimeout(look, 20);
  };
  look();
})";

/// So many elements take the focus on the way to any other.
const TABS_MAX: usize = 60;

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    browser: Browser,
    session: String,
    /// The sessions of all its tabs.
    tabs: Vec<String>,
    /// What it asked for.
    requests: Vec<String>,
    /// What went wrong in it.
    problems: Vec<String>,
}

impl Page {
    /// Opens an address.
    pub(super) fn open(mut browser: Browser, url: &str) -> Self {
        let session = browser.page();
        let mut page = Self {
            browser,
            tabs: vec![session.clone()],
            session,
            requests: Vec::new(),
            problems: Vec::new(),
        };
        page.size(1280, 900);
        page.call("Page.navigate", json!({ "url": url }));
        page
    }

    /// Opens an address in one more tab, which is in front from now on.
    pub(super) fn open_tab(&mut self, url: &str) {
        self.session = self.browser.page();
        self.tabs.push(self.session.clone());
        self.call("Page.bringToFront", json!({}));
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// Looks into a tab, in front or not; the first is 0.
    pub(super) fn use_tab(&mut self, tab: usize) {
        self.session = self.tabs[tab].clone();
    }

    /// Brings a tab to the front; the first is 0.
    pub(super) fn show_tab(&mut self, tab: usize) {
        self.use_tab(tab);
        self.call("Page.bringToFront", json!({}));
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// The value of an expression; that of a promise is waited for.
    #[track_caller]
    pub(super) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", params);
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        answer["result"]["value"].take()
    }

    /// The value of an expression in the first frame of the page. A sandboxed one has a process of
    /// its own, and with it a session.
    #[track_caller]
    pub(super) fn eval_in_frame(&mut self, expression: &str) -> Value {
        let session = loop {
            if let Some(session) = self.browser.frame() {
                break session;
            }
            // Until the browser has told of it, which it does before it answers.
            self.wait("document.querySelector('iframe')?.src");
        };
        let own = std::mem::replace(&mut self.session, session);
        let value = self.eval(expression);
        self.session = own;
        value
    }

    /// Waits until an expression is true in the first frame of the page.
    #[track_caller]
    pub(super) fn wait_in_frame(&mut self, condition: &str) -> Value {
        self.eval_in_frame(&WAIT.replace("CONDITION", condition))
    }

    /// Waits until an expression is true, and answers its value.
    #[track_caller]
    pub(super) fn wait(&mut self, condition: &str) -> Value {
        self.eval(&WAIT.replace("CONDITION", condition))
    }

    /// The text of the first element that a selector finds.
    #[track_caller]
    pub(super) fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!(
            "document.querySelector({}).textContent",
            json!(selector)
        ));
        text.as_str().expect("text is text").to_owned()
    }

    /// Presses the pointer on the first element that a selector finds.
    #[track_caller]
    pub(super) fn click(&mut self, selector: &str) {
        let place = self.wait(&format!(
            "(() => {{
               const node = document.querySelector({});
               node.scrollIntoView({{ block: 'nearest' }});
               const box = node.getBoundingClientRect();
               return box.width && [box.x + box.width / 2, box.y + box.height / 2];
             }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let params = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Presses a key by its name in the DOM, or several: `Enter`, `/`, `Shift+Tab`, `Ctrl+Enter`.
    pub(super) fn press(&mut self, keys: &str) {
        let (held, key) = keys.rsplit_once('+').unwrap_or(("", keys));
        let modifiers: u32 = held.split('+').map(modifier).sum();
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "PageUp" => (33, ""),
            "PageDown" => (34, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            "/" => (191, "/"),
            other => panic!("no such key: {other}"),
        };
        let down = json!({
            "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "text": text,
            "modifiers": modifiers,
        });
        self.call("Input.dispatchKeyEvent", down);
        let up = json!({
            "type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers,
        });
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Presses Tab until the element that a selector finds has the focus.
    #[track_caller]
    pub(super) fn tab_to(&mut self, selector: &str) {
        let is_there = format!("document.activeElement.matches({})", json!(selector));
        for _ in 0..TABS_MAX {
            self.press("Tab");
            if self.eval(&is_there) == true {
                return;
            }
        }
        panic!("Tab does not come to {selector}");
    }

    /// Types text where the focus is.
    pub(super) fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Types text into what a selector finds.
    pub(super) fn type_into(&mut self, selector: &str, text: &str) {
        self.eval(&format!(
            "document.querySelector({}).focus()",
            json!(selector)
        ));
        self.type_text(text);
    }

    /// Makes the window so large.
    pub(super) fn size(&mut self, width: u32, height: u32) {
        let params = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    /// Says which colours the user prefers: `light` or `dark`.
    pub(super) fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        let media = json!({ "features": [feature] });
        self.call("Emulation.setEmulatedMedia", media.clone());
        // A frame with a process of its own does not hear of it.
        if let Some(frame) = self.browser.frame() {
            let method = "Emulation.setEmulatedMedia";
            self.browser.call(Some(&frame), method, media);
        }
    }

    /// What is to be seen, as PNG.
    pub(super) fn screenshot(&mut self) -> Vec<u8> {
        let params = json!({ "format": "png", "optimizeForSpeed": false });
        let shot = self.call("Page.captureScreenshot", params);
        let data = shot["data"].as_str().expect("a picture is text here");
        STANDARD.decode(data).expect("it is base64")
    }

    /// What the page and its frames have asked for so far.
    pub(super) fn requests(&mut self) -> &[String] {
        self.sort();
        &self.requests
    }

    /// What went wrong so far, and forgotten here.
    pub(super) fn problems(&mut self) -> Vec<String> {
        self.sort();
        std::mem::take(&mut self.problems)
    }

    /// Waits until something has gone wrong, and been told, that is described so.
    #[track_caller]
    pub(super) fn wait_for_problem(&mut self, text: &str) {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let problems = self.problems();
            if problems.iter().any(|problem| problem.contains(text)) {
                return;
            }
            assert!(Instant::now() < deadline, "no {text}: {problems:?}");
        }
    }

    fn sort(&mut self) {
        // Answered after all that has happened before.
        self.eval("0");
        for event in self.browser.told() {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = params["request"]["url"].as_str().unwrap_or_default();
                    self.requests.push(url.to_owned());
                }
                "Runtime.exceptionThrown" | "Page.javascriptDialogOpening" => {
                    self.problems.push(params.to_string())
                }
                "Runtime.consoleAPICalled" if params["type"] != "log" => {
                    self.problems.push(params.to_string());
                }
                "Log.entryAdded" => self.problems.push(params["entry"].to_string()),
                _ => {}
            }
        }
    }
}

/// What the protocol has for a key that is held.
fn modifier(name: &str) -> u32 {
    match name {
        "" => 0,
        "Alt" => 1,
        "Ctrl" => 2,
        "Shift" => 8,
        other => panic!("no such modifier: {other}"),
    }
}
