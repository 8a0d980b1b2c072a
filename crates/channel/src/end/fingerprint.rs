//! What makes two ends the same for the exploration in `tests/explore.rs`.

use std::hash::{Hash, Hasher};

use super::{LinkEnd, State};

impl LinkEnd {
    pub(crate) fn is_linked(&self) -> bool {
        matches!(self.state, State::Linked { .. })
    }
}

/// Without times and counters.
impl Hash for LinkEnd {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            incarnation,
            config: _,
            state: link_state,
            path,
            pace,
            flight,
            arrivals,
            notices,
            table,
            ready,
            outputs,
            counters: _,
        } = self;
        assert!(outputs.is_empty(), "outputs are drained before");
        std::mem::discriminant(link_state).hash(state);
        if let State::Greeting { next_at, .. } = link_state {
            next_at.is_some().hash(state);
        }
        if let State::Linked { peer, .. } = link_state {
            peer.hash(state);
        }
        (
            incarnation,
            path,
            pace.is_open(),
            flight,
            arrivals,
            notices,
            table,
            ready,
        )
            .hash(state);
    }
}
