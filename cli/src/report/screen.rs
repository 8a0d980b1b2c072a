//! What a terminal is sent so that lines go by above an area that stays: bytes, and nothing that
//! writes them.
//!
//! The cursor rests at the beginning of the area. So nothing has to be known of what is above it,
//! not even how often a line there was wrapped, and whatever happens to the area itself, such as a
//! terminal that becomes narrower and wraps its lines, it is drawn anew from there.

/// Erases the rest of the line.
const ERASE_LINE: &str = "\x1b[K";

/// Erases the rest of the line and all that is below.
const ERASE_BELOW: &str = "\x1b[J";

/// Erases the area, at whose beginning the cursor rests.
pub(super) const ERASE_AREA: &str = "\r\x1b[J";

/// A terminal that has become narrower a moment ago must not wrap the lines of the area.
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";

/// What is on a terminal, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The lines of the area; none: there is none.
    drawn: Vec<String>,
    /// The terminal has made something else of them.
    is_stale: bool,
}

impl Screen {
    /// Prints `text`, whole lines each with its end, and has this area below. Nothing is sent if
    /// nothing changes.
    pub(super) fn update(&mut self, text: &str, area: &[String]) -> String {
        if text.is_empty() && self.drawn == area && !self.is_stale {
            return String::new();
        }
        // Nothing is erased before something else takes its place, so that nothing flickers.
        let is_over = text.is_empty() && self.has_area() && !area.is_empty() && !self.is_stale;
        let mut bytes = match is_over {
            true => String::new(),
            false => self.clear(),
        };
        bytes.push_str(text);
        draw(area, is_over, &mut bytes);
        self.drawn = area.to_vec();
        bytes
    }

    /// Takes the area away.
    pub(super) fn clear(&mut self) -> String {
        self.is_stale = false;
        match std::mem::take(&mut self.drawn).is_empty() {
            true => String::new(),
            false => ERASE_AREA.to_owned(),
        }
    }

    /// The terminal has another size: whatever it has made of the area is drawn anew.
    pub(super) fn resize(&mut self) {
        self.is_stale = self.has_area();
    }

    /// Forgets the area: the terminal is somebody else's by now.
    pub(super) fn forget(&mut self) {
        self.drawn.clear();
        self.is_stale = false;
    }

    /// Whether there is an area.
    pub(super) fn has_area(&self) -> bool {
        !self.drawn.is_empty()
    }
}

/// Draws the area from the cursor on, over another one or not, and goes back to its beginning.
fn draw(area: &[String], is_over: bool, bytes: &mut String) {
    let Some(last) = area.len().checked_sub(1) else {
        return;
    };
    bytes.push_str(WRAP_OFF);
    for (index, line) in area.iter().enumerate() {
        // The bottom line of a terminal scrolls with this.
        bytes.push_str(if index == 0 { "\r" } else { "\r\n" });
        bytes.push_str(line);
        match (is_over, index == last) {
            (true, true) => bytes.push_str(ERASE_BELOW),
            (true, false) => bytes.push_str(ERASE_LINE),
            (false, _) => {}
        }
    }
    bytes.push_str(WRAP_ON);
    bytes.push('\r');
    if last > 0 {
        bytes.push_str(&format!("\x1b[{last}A"));
    }
}

#[cfg(test)]
mod tests;
