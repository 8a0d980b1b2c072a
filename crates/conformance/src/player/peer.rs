//! One connection of the player: what has come over it, sorted by what it is.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::accounts::{Accounts, Amounts};
use crate::compare::{self, Difference};
use crate::cut::Cut;
use crate::event::{Event, Subject};
use crate::mapping::Mapping;
use crate::wire::{self, Connection, End, Head, Item};

/// A connection, and what came over it that no line of the recording has asked for yet.
pub(super) struct Peer {
    pub(super) connection: Connection,
    /// The name of the messages on its stream, by the last API that was called on it.
    pub(super) message: &'static str,
    /// The name of what its answers are in protobuf.
    pub(super) response: &'static str,
    heads: VecDeque<Head>,
    ends: VecDeque<End>,
    /// In the order in which they came, numbered by it.
    events: Vec<(usize, Result<Event, String>)>,
    /// What was asked for already, in the order of the recording.
    matched: Vec<(usize, Subject)>,
    is_protobuf: bool,
    last_number: usize,
    /// The last request, and its method.
    last: (String, Vec<u8>),
    /// How many requests have no answer yet.
    unanswered: usize,
    /// The id of the last offer that came.
    pub(super) last_offer: Option<String>,
    /// What is out in offers.
    pub(super) accounts: Accounts,
}

/// How long a better match may take when there is one that differs in some field only: long enough
/// for what is on its way, and for an allocation.
const PATIENCE: Duration = Duration::from_millis(300);
const PATIENCE_WITH_OFFERS: Duration = Duration::from_millis(1500);

impl Peer {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            message: "",
            response: "",
            heads: VecDeque::new(),
            ends: VecDeque::new(),
            events: Vec::new(),
            matched: Vec::new(),
            is_protobuf: false,
            last_number: 0,
            last: Default::default(),
            unanswered: 0,
            last_offer: None,
            accounts: Accounts::default(),
        }
    }

    /// Sends a request.
    pub(super) async fn send(&mut self, method: &str, bytes: &[u8]) -> std::io::Result<()> {
        self.unanswered += 1;
        self.last = (method.to_owned(), bytes.to_owned());
        self.connection.send(method, bytes).await
    }

    /// Sends the last request once more.
    pub(super) async fn send_again(&mut self) -> std::io::Result<()> {
        let (method, bytes) = self.last.clone();
        self.send(&method, &bytes).await
    }

    /// Whether a request has no answer yet.
    pub(super) fn is_waiting(&self) -> bool {
        self.unanswered > 0
    }

    /// Whether an answer has come that was not asked for.
    pub(super) fn has_head(&self) -> bool {
        !self.heads.is_empty()
    }

    /// The ids of the offers that have come and were not asked for, or come before `deadline` if
    /// they are of fewer agents than `wanted`. The last ones are of that many agents, in the order
    /// of those, the others of any of them.
    pub(super) async fn offers(&mut self, wanted: usize, deadline: Instant) -> Vec<String> {
        let mut offers: Vec<(String, String)> = Vec::new();
        loop {
            self.events.retain(|(_, event)| match event {
                Ok(event) if event.subject.kind == "OFFERS" => {
                    offers.extend(event.offers());
                    false
                }
                _ => true,
            });
            let agents: BTreeSet<_> = offers.iter().map(|(_, agent)| agent).collect();
            if agents.len() >= wanted || self.receive(deadline).await.is_none() {
                break;
            }
        }
        let mut seen = BTreeSet::new();
        let (mut newest, mut ids): (Vec<_>, Vec<_>) = offers
            .into_iter()
            .rev()
            .partition(|(_, agent)| seen.insert(agent.clone()));
        ids.reverse();
        newest.sort_by(|(_, agent), (_, other)| agent.cmp(other));
        ids.extend(newest);
        ids.into_iter().map(|(id, _)| id).collect()
    }

    /// The next answer.
    pub(super) async fn head(&mut self, deadline: Instant) -> Option<Head> {
        loop {
            if let Some(head) = self.heads.pop_front() {
                return Some(head);
            }
            self.receive(deadline).await?;
        }
    }

    /// The next end of the stream or the connection.
    pub(super) async fn end(&mut self, deadline: Instant) -> Option<End> {
        loop {
            if let Some(end) = self.ends.pop_front() {
                return Some(end);
            }
            self.receive(deadline).await?;
        }
    }

    /// Finds the event that is like a recorded one, waits for it if need be, and takes it; or else
    /// the one that is nearest to it. Counterparts are learned from it.
    pub(super) async fn event(
        &mut self,
        recorded: &Event,
        mapping: &mut Mapping,
        deadline: Instant,
    ) -> Vec<Difference> {
        let started = Instant::now();
        loop {
            let equal = self.events.iter().position(|(_, event)| {
                event.as_ref().is_ok_and(|event| {
                    event.subject.kind == recorded.subject.kind
                        && compare_events(recorded, event, &mut mapping.clone()).is_empty()
                })
            });
            if let Some(index) = equal {
                return self.take(index, recorded, mapping);
            }
            let near = self.nearest(recorded, |here, recorded| here == recorded);
            let patience = match recorded.subject.kind.as_str() {
                "OFFERS" => PATIENCE_WITH_OFFERS,
                _ => PATIENCE,
            };
            let until = match near {
                Some(_) => deadline.min(started + patience),
                None => deadline,
            };
            if self.receive(until).await.is_none() {
                let kind = |here: &Subject, recorded: &Subject| {
                    here.kind == recorded.kind && here.task == recorded.task
                };
                return match near.or_else(|| self.nearest(recorded, kind)) {
                    Some(index) => self.take(index, recorded, mapping),
                    None => vec![self.missing(recorded)],
                };
            }
        }
    }

    /// Takes the next large record, which may come until then.
    pub(super) async fn large(&mut self, deadline: Instant) -> Option<Cut> {
        loop {
            let found = self
                .events
                .iter()
                .position(|(_, event)| event.as_ref().is_ok_and(|event| event.cut().is_some()));
            if let Some(index) = found {
                return self.events.remove(index).1.ok()?.cut();
            }
            self.receive(deadline).await?;
        }
    }

    /// A recorded OFFERS where it is chance what it holds. All offers that are out have to hold at
    /// least what they held then, and no more than there is; the one that came in its place may differ
    /// in resources and executors.
    pub(super) async fn offers_left_to_chance(
        &mut self,
        recorded: &Event,
        sum: &Amounts,
        total: &Amounts,
        mapping: &mut Mapping,
        deadline: Instant,
    ) -> Vec<Difference> {
        while !self.accounts.sum().covers(sum) && self.receive(deadline).await.is_some() {}
        let here = self.accounts.sum();
        let mut differences = Vec::new();
        if !here.covers(sum) || !total.covers(&here) {
            differences.push(Difference {
                path: "offers together".to_owned(),
                text: format!("recorded {sum:?} of {total:?}, here {here:?}"),
            });
        }
        let is_offers = |event: &Event| event.subject.kind == recorded.subject.kind;
        let mut events = self.events.iter();
        if events.any(|(_, event)| event.as_ref().is_ok_and(is_offers)) {
            let found = self.event(recorded, mapping, Instant::now()).await;
            let is_chance = |path: &str| {
                path == "order" || path.contains(".resources") || path.contains(".executor_ids")
            };
            differences.extend(found.into_iter().filter(|found| !is_chance(&found.path)));
        }
        differences
    }

    /// What has come and was not asked for, heartbeats apart, which have a timer of their own.
    pub(super) async fn rest(&mut self, deadline: Instant) -> Vec<String> {
        while self.receive(deadline).await.is_some() {}
        let events = self.events.drain(..).map(|(_, event)| match event {
            Ok(event) => event.subject.kind,
            Err(fault) => fault,
        });
        let heads = self.heads.drain(..);
        let heads = heads.map(|head| format!("answer {}", head.status));
        let rest = events.chain(heads);
        rest.filter(|kind| kind != "HEARTBEAT").collect()
    }

    async fn receive(&mut self, deadline: Instant) -> Option<()> {
        match self.connection.next(deadline).await? {
            Item::Head(head) => {
                if !head.is_inside_stream {
                    let media_type = wire::header(&head, "content-type");
                    self.is_protobuf = media_type == Some("application/x-protobuf");
                }
                self.unanswered = self.unanswered.saturating_sub(1);
                self.heads.push_back(head);
            }
            Item::End(end) => self.ends.push_back(end),
            Item::Chunk(chunk) => {
                self.last_number += 1;
                let event = Event::read(&chunk, self.message, self.is_protobuf);
                if let Ok(event) = &event {
                    let newest = event.offers().pop().map(|(id, _)| id);
                    self.last_offer = newest.or_else(|| self.last_offer.take());
                    self.accounts.note(event);
                }
                self.events.push((self.last_number, event));
            }
        }
        Some(())
    }

    fn nearest(
        &self,
        recorded: &Event,
        is_like: impl Fn(&Subject, &Subject) -> bool,
    ) -> Option<usize> {
        self.events.iter().position(|(_, event)| {
            event
                .as_ref()
                .is_ok_and(|event| is_like(&event.subject, &recorded.subject))
        })
    }

    fn take(&mut self, index: usize, recorded: &Event, mapping: &mut Mapping) -> Vec<Difference> {
        let (number, event) = self.events.remove(index);
        let Ok(event) = event else {
            return Vec::new();
        };
        let mut differences = compare_events(recorded, &event, mapping);
        let overtaken = self
            .matched
            .iter()
            .find(|(other, subject)| *other > number && !subject.may_swap_with(&event.subject));
        if let Some((_, subject)) = overtaken {
            differences.push(Difference {
                path: "order".to_owned(),
                text: format!("{:?} came before {subject:?}", event.subject),
            });
        }
        self.matched.push((number, event.subject));
        differences
    }

    fn missing(&self, recorded: &Event) -> Difference {
        let here: Vec<_> = self
            .events
            .iter()
            .map(|(_, event)| match event {
                Ok(event) => event.value.to_string(),
                Err(fault) => fault.clone(),
            })
            .collect();
        Difference {
            path: "missing".to_owned(),
            text: format!("recorded {}, here {here:?}", recorded.value),
        }
    }
}

fn compare_events(recorded: &Event, here: &Event, mapping: &mut Mapping) -> Vec<Difference> {
    compare::compare(&recorded.value, &here.value, mapping)
}
