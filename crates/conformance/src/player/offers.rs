//! Offers that have no counterpart in the recording, or another one than they seem to have.
//!
//! A recording may leave offers out and use them all the same; and where the timer of the allocator
//! runs against something else ([`CHANCES`](crate::known::CHANCES)), what came in one offer may come
//! in two, or the other way round. A request that uses such offers is given those that there are.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::Player;
use crate::recording::Request;

/// How long offers may take: two runs of the allocator.
const PATIENCE: Duration = Duration::from_millis(2500);

impl Player<'_> {
    /// The request with offers that there are, in the place of those that there were.
    pub(super) async fn with_offers(&mut self, connection: &str, request: &Request) -> Request {
        let mut request = request.clone();
        if !self.has_loose_offers() {
            return request;
        }
        let recorded = offer_ids(&request.body);
        if recorded.is_empty() {
            return request;
        }
        let is_known = recorded.iter().all(|id| self.is_there(id));
        let scheduler = connection.split_once('-').map_or("", |(name, _)| name);
        let stream = format!("{scheduler}-stream");
        let deadline = match is_known {
            true => Instant::now(),
            false => Instant::now() + PATIENCE,
        };
        let peers = self.peers.iter_mut();
        let mut peers = peers.filter(|(name, _)| name.starts_with(&stream));
        let Some((_, peer)) = peers.next_back() else {
            return request;
        };
        let mut here = peer.offers(recorded.len(), deadline).await;
        // The newest is the last of those that are named, too.
        for recorded in recorded.iter().rev() {
            if !is_known && let Some(here) = here.pop().or_else(|| peer.last_offer.clone()) {
                self.mapping.alias(recorded, &here);
            }
        }
        if self.is_left_to_chance || !is_known {
            for id in here {
                add_offer(&mut request.body, &id);
                self.used_offers.insert(id);
            }
        }
        for id in recorded {
            self.used_offers.insert(self.mapping.here(&id));
        }
        request
    }

    /// Whether an offer of the recording has a counterpart, which was not used yet if it is chance
    /// which one it is.
    fn is_there(&mut self, recorded: &str) -> bool {
        self.mapping.knows(recorded) && {
            let here = self.mapping.here(recorded);
            !self.is_left_to_chance || !self.used_offers.contains(&here)
        }
    }

    pub(super) fn has_loose_offers(&self) -> bool {
        self.is_left_to_chance || self.leaves_out_offers
    }
}

/// The offers that an ACCEPT or DECLINE names.
pub(super) fn offer_ids(body: &[u8]) -> Vec<String> {
    let call: Value = serde_json::from_slice(body).unwrap_or_default();
    let lists = [&call["accept"]["offer_ids"], &call["decline"]["offer_ids"]];
    let ids = lists.iter().filter_map(|list| list.as_array()).flatten();
    ids.filter_map(|id| id["value"].as_str().map(str::to_owned))
        .collect()
}

/// Names one offer more.
fn add_offer(body: &mut Vec<u8>, id: &str) {
    const LIST: &str = "\"offer_ids\":[";
    let Ok(text) = std::str::from_utf8(body) else {
        return;
    };
    if let Some(at) = text.find(LIST) {
        let entry = format!("{{\"value\":\"{id}\"}},");
        let mut text = text.to_owned();
        text.insert_str(at + LIST.len(), &entry);
        *body = text.into_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_found_and_added() {
        let mut body = br#"{"accept":{"offer_ids":[{"value":"a"}]}}"#.to_vec();
        assert_eq!(offer_ids(&body), ["a"]);
        add_offer(&mut body, "b");
        assert_eq!(offer_ids(&body), ["b", "a"]);
        assert_eq!(offer_ids(b"{"), [""; 0]);
    }
}
