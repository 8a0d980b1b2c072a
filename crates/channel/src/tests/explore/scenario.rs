//! What is tried, and what can happen meanwhile.

/// What is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    /// Messages that each end sends on each channel before it closes it.
    pub(super) messages: [u8; 2],
    pub(super) channels: usize,
    /// In messages.
    pub(super) window: u32,
    /// Moves of each end, up and down in turn.
    pub(super) moves: u8,
    /// Restarts of the executor.
    pub(super) restarts: u8,
    /// So many of the newest frames to each end can arrive.
    pub(super) frames: usize,
    /// Notices that each end tells.
    pub(super) notices: u8,
    /// Only the direct path carries channels.
    pub(super) direct_only: bool,
    /// It begins when both ends know each other and the channels.
    pub(super) is_open: bool,
}

impl Scenario {
    pub(super) const SMALLEST: Self = Self {
        messages: [1, 0],
        channels: 1,
        window: 1,
        moves: 0,
        restarts: 0,
        frames: 2,
        notices: 0,
        direct_only: false,
        is_open: false,
    };
}

/// One thing that happens; ends and channels by their index.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    Send {
        end: usize,
        channel: usize,
    },
    Take {
        end: usize,
        channel: usize,
    },
    Close {
        end: usize,
        channel: usize,
    },
    Tell {
        end: usize,
    },
    /// A frame is made.
    Make {
        end: usize,
    },
    /// The time of an end's next deadline comes.
    Tick {
        end: usize,
    },
    /// A frame arrives, and may arrive again.
    Arrive {
        end: usize,
        frame: usize,
    },
    Move {
        end: usize,
    },
    Restart,
    Notice,
}
