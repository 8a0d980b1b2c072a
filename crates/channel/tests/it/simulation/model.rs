//! What a link should do, as nothing but two queues for each direction of each channel, and one
//! number for the notices of each end.

use std::collections::VecDeque;

use bytes::Bytes;
use mesosgot_channel::Window;

/// One direction of a channel as it should be. Kept under the end that sends.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Sent and not received.
    pub(super) travelling: VecDeque<Bytes>,
    /// Received and not taken, by their lengths.
    held: VecDeque<usize>,
    /// Messages sent in all.
    pub(super) sent: u64,
    /// Messages received in all.
    pub(super) received: u64,
    /// A message was refused and room not told since.
    pub(super) full: bool,
    pub(super) closed: bool,
    pub(super) close_seen: bool,
    /// The application took nothing more from then on, and the close was not seen.
    pub(super) stopped: bool,
    /// The application took nothing more from then on.
    pub(super) left: bool,
    /// The end that sends was told so, and how many messages were never taken.
    stop_told: bool,
}

impl Stream {
    pub(super) fn send(&mut self, message: Bytes) {
        assert!(!self.closed, "sent after the close");
        self.travelling.push_back(message);
        self.sent += 1;
    }

    pub(super) fn receive(&mut self, message: &Bytes) {
        assert!(!self.close_seen, "message after the close");
        if self.stopped {
            return;
        }
        let expected = self.travelling.pop_front();
        assert_eq!(
            expected.as_ref(),
            Some(message),
            "lost, doubled or reordered"
        );
        self.held.push_back(message.len());
        self.received += 1;
    }

    /// Takes up to so many messages; answers how many it were, and their bytes.
    pub(super) fn take(&mut self, count: usize) -> (u64, u64) {
        let count = count.min(self.held.len());
        let bytes: usize = self.held.drain(..count).sum();
        (count as u64, bytes as u64)
    }

    pub(super) fn see_close(&mut self) {
        assert!(
            self.closed && !self.close_seen,
            "closed by nobody, or twice"
        );
        assert!(
            self.stopped || self.travelling.is_empty(),
            "closed before the data"
        );
        self.close_seen = true;
    }

    /// The end that sends is told how many messages the application never took.
    pub(super) fn tell_stop(&mut self, untaken: u64) {
        assert!(self.left, "nobody has stopped");
        assert!(untaken <= self.sent, "more than was sent");
        assert!(self.taken() + untaken >= self.sent, "dropped in silence");
        self.stop_told = true;
    }

    fn taken(&self) -> u64 {
        self.received - self.held.len() as u64
    }

    /// Another end sends from now on, of which nothing has come yet.
    pub(super) fn restart_sender(&mut self) {
        *self = Self {
            stopped: self.stopped,
            left: self.left,
            ..Self::default()
        };
    }

    /// No window is ever exceeded by more than the message that reached it. `ours` is that of the
    /// end that sends: before the link is up, it goes by its own.
    pub(super) fn check_windows(&self, ours: Window, theirs: Window) {
        if self.stopped {
            return;
        }
        let travelling = self.travelling.iter().map(Bytes::len);
        check_window(ours, self.held.iter().copied().chain(travelling));
        check_window(theirs, self.held.iter().copied());
    }

    /// Nothing more will come. Everything that was sent has been received, or the application
    /// there wanted no more.
    pub(super) fn check_complete(&self) {
        let travelling = self.travelling.len();
        assert!(self.stopped || travelling == 0, "{travelling} never came");
        let waits = self.full && !self.closed && !self.stopped;
        assert!(!waits, "room was never told");
    }

    /// The link was shut at the end that sends, which counts so many messages as undelivered. It
    /// still knows of the channel, or not any more if that `is_released`.
    pub(super) fn check_undelivered(&self, undelivered: u64, window: Window, is_released: bool) {
        assert!(undelivered <= self.sent, "more than was sent");
        assert!(
            undelivered <= u64::from(window.messages),
            "a window at most"
        );
        if self.stop_told || is_released {
            assert_eq!(undelivered, 0, "counted twice");
        } else {
            let is_counted = self.taken() + undelivered >= self.sent;
            assert!(is_counted, "messages were dropped in silence");
        }
    }
}

/// The notices of one end as they should be, each a number larger than those before. Kept under
/// the end that tells.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// The newest of any life of the end.
    told: u64,
    /// The newest of this life, if there is one.
    current: Option<u64>,
    heard: u64,
}

impl Notices {
    pub(super) fn tell(&mut self) -> Bytes {
        self.told += 1;
        self.current = Some(self.told);
        Bytes::copy_from_slice(&self.told.to_le_bytes())
    }

    pub(super) fn hear(&mut self, notice: &Bytes) {
        let number = u64::from_le_bytes(notice[..].try_into().unwrap());
        assert!(number <= self.told, "never told");
        assert!(
            number > self.heard,
            "an older notice after a newer, or twice"
        );
        self.heard = number;
    }

    /// Another end tells from now on.
    pub(super) fn restart_sender(&mut self) {
        self.current = None;
    }

    /// The newest has come, whatever became of those before it.
    pub(super) fn check_complete(&self) {
        let is_heard = self.current.is_none_or(|current| current == self.heard);
        assert!(is_heard, "the newest notice never came");
    }
}

fn check_window(window: Window, lengths: impl Iterator<Item = usize>) {
    let (mut messages, mut bytes, mut last) = (0, 0, 0);
    for length in lengths {
        messages += 1;
        bytes += length as u64;
        last = length as u64;
    }
    assert!(messages <= window.messages, "window of messages exceeded");
    let is_within = messages < 2 || bytes - last < window.bytes;
    assert!(is_within, "window of bytes exceeded");
}
