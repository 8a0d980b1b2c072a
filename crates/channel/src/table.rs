//! The channels of one end, found by either number or by name.
//!
//! A name can be used again once its channel is closed here, while the peer may still be busy with
//! the earlier one. So a name stands for a short list of channels, oldest first, and the n-th
//! opening of a name at one end belongs to the n-th at the other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::channel::Channel;
use crate::config::CHANNELS_MAX;
use crate::wire::CONTROL;

/// The channels of one end.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Table {
    /// Boxed, because a map keeps room for up to twice as many as there are.
    channels: HashMap<u32, Box<Channel>, BuildHasherDefault<NumberHasher>>,
    names: HashMap<Arc<str>, Vec<u32>>,
    /// The peer's numbers of channels that it has opened and not closed, and our numbers.
    peers: HashMap<u32, u32>,
    next: u32,
}

impl Table {
    /// A table with the control channel.
    pub(crate) fn new() -> Self {
        Self {
            channels: HashMap::from_iter([(CONTROL, Box::new(Channel::control(CONTROL)))]),
            names: HashMap::new(),
            peers: HashMap::from([(CONTROL, CONTROL)]),
            next: CONTROL + 1,
        }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Channel> {
        self.channels.get(&number).map(Box::as_ref)
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Channel> {
        self.channels.get_mut(&number).map(Box::as_mut)
    }

    /// Whether a channel ever had this number here.
    pub(crate) fn was_given(&self, number: u32) -> bool {
        number < self.next
    }

    /// Our number of the channel that the peer knows by `peer`.
    pub(crate) fn number_of_peer(&self, peer: u32) -> Option<u32> {
        self.peers.get(&peer).copied()
    }

    /// The channels of a name, oldest first.
    pub(crate) fn named(&self, name: &str) -> &[u32] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Adds a channel; `None` if there are too many.
    pub(crate) fn insert(&mut self, name: &str) -> Option<u32> {
        if self.channels.len() >= CHANNELS_MAX || self.next == u32::MAX {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let name: Arc<str> = Arc::from(name);
        let channel = Channel::new(Arc::clone(&name));
        self.channels.insert(number, Box::new(channel));
        self.names.entry(name).or_default().push(number);
        Some(number)
    }

    /// The peer calls our channel `number` by the number `peer`.
    pub(crate) fn bind(&mut self, number: u32, peer: u32) {
        let channel = self.channels.get_mut(&number);
        channel.expect("bound when found").receiving.peer = Some(peer);
        self.peers.insert(peer, number);
    }

    /// The peer says nothing more under its number.
    pub(crate) fn unbind(&mut self, peer: u32) {
        self.peers.remove(&peer);
    }

    pub(crate) fn remove(&mut self, number: u32) {
        let Some(channel) = self.channels.remove(&number) else {
            return;
        };
        if let Some(named) = self.names.get_mut(&channel.name) {
            named.retain(|other| *other != number);
            if named.is_empty() {
                self.names.remove(&channel.name);
            }
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Channel)> {
        self.channels
            .iter_mut()
            .map(|(number, channel)| (*number, channel.as_mut()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Channel)> {
        self.channels
            .iter()
            .map(|(number, channel)| (*number, channel.as_ref()))
    }
}

/// Hashes numbers that this end gives itself, one after the other: nobody can choose them so that
/// they collide, and every message looks for its channel.
#[derive(Debug, Clone, Copy, Default)]
struct NumberHasher(u64);

/// An odd number with bits everywhere (2^64 divided by the golden ratio): what is multiplied by it
/// differs in the high bits, which a map looks at, as in the low ones.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(SPREAD);
    }
}

#[cfg(test)]
impl std::hash::Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            channels,
            names,
            peers,
            next,
        } = self;
        let mut channels: Vec<_> = channels.iter().collect();
        channels.sort_unstable_by_key(|(number, _)| **number);
        channels.hash(state);
        let mut names: Vec<_> = names.iter().collect();
        names.sort_unstable();
        names.hash(state);
        let mut peers: Vec<_> = peers.iter().collect();
        peers.sort_unstable();
        peers.hash(state);
        next.hash(state);
    }
}
