//! Which id, address or path of the recording is which one here.
//!
//! Ids are learned from answers: where the recording has an id that was not seen before, what
//! stands in its place here is its counterpart from then on, and the other way round. So an id
//! that comes back as another one is found, although no id is the same.

use std::collections::BTreeMap;

/// What was learned so far. Cheap enough to be copied for a comparison that may come to nothing.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    /// Addresses and paths, which are known from the start; the longest comes first.
    literals: Vec<(String, String)>,
    /// Numbers of ports.
    ports: BTreeMap<u64, u64>,
    /// Ids of the recording and ours.
    ids: BTreeMap<String, String>,
    /// The same the other way round.
    back: BTreeMap<String, String>,
}

impl Mapping {
    /// Makes a server of the recording known.
    pub fn add_port(&mut self, recorded: u16, here: u16) {
        self.ports.insert(recorded.into(), here.into());
        self.add_literal(
            &format!("127.0.0.1:{recorded}"),
            &format!("127.0.0.1:{here}"),
        );
        self.add_literal(
            &format!("localhost:{recorded}"),
            &format!("localhost:{here}"),
        );
    }

    /// Makes a path of the recording known.
    pub fn add_literal(&mut self, recorded: &str, here: &str) {
        self.literals.retain(|(known, _)| known != recorded);
        self.literals.push((recorded.to_owned(), here.to_owned()));
        self.literals
            .sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
    }

    /// A port of the recording as it is here.
    pub fn port(&self, recorded: u64) -> u64 {
        self.ports.get(&recorded).copied().unwrap_or(recorded)
    }

    /// A text of the recording as it has to be sent here. Ids that nobody has been told yet are
    /// the client's own, and stay what they are.
    pub fn here(&mut self, recorded: &str) -> String {
        let mut text = String::new();
        for piece in pieces(&self.with_literals(recorded)) {
            match piece {
                Piece::Plain(plain) => text += plain,
                Piece::Id(id) => text += &self.id_to_send(id),
            }
        }
        text
    }

    /// A text of the recording as it is here, if all ids in it are known.
    pub fn known(&self, recorded: &str) -> Option<String> {
        let mut text = String::new();
        for piece in pieces(&self.with_literals(recorded)) {
            match piece {
                Piece::Plain(plain) => text += plain,
                Piece::Id(id) => text += self.ids.get(id)?,
            }
        }
        Some(text)
    }

    /// A body of the recording as it has to be sent here: UUIDs in JSON fields, too.
    pub fn body_here(&mut self, recorded: &str) -> String {
        let text = self.here(recorded);
        let mut body = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(UUID_KEY) {
            let value = at + UUID_KEY.len();
            let start = rest[value..]
                .find(|character: char| !matches!(character, ' ' | ':' | '"'))
                .map_or(rest.len(), |start| value + start);
            let end = rest[start..].find('"').map_or(start, |end| start + end);
            body += &rest[..start];
            // What is no UUID is a case of its own, and nobody's counterpart.
            if end - start == UUID_BASE64_CHARS {
                body += &self.uuid_here(&rest[start..end]);
            } else {
                body += &rest[start..end];
            }
            rest = &rest[end..];
        }
        body + rest
    }

    /// Bytes of a UUID in base64 as they have to be sent here.
    pub fn uuid_here(&mut self, recorded: &str) -> String {
        if !self.ids.contains_key(recorded) {
            self.learn(recorded, recorded);
        }
        self.ids[recorded].clone()
    }

    /// Whether a text of the recording and one of here mean the same; ids are learned from it.
    pub fn unify(&mut self, recorded: &str, here: &str) -> bool {
        let recorded = self.with_literals(recorded);
        let (recorded, here) = (pieces(&recorded), pieces(here));
        recorded.len() == here.len()
            && recorded.iter().zip(here).all(|pair| match pair {
                (Piece::Plain(recorded), Piece::Plain(here)) => *recorded == here,
                (Piece::Id(recorded), Piece::Id(here)) => self.unify_id(recorded, here),
                _ => false,
            })
    }

    /// Whether two ids are each other's counterparts; learned if neither has one.
    pub fn unify_id(&mut self, recorded: &str, here: &str) -> bool {
        match (self.ids.get(recorded), self.back.get(here)) {
            (Some(known), _) => known == here,
            (None, Some(_)) => false,
            (None, None) => {
                let (suffix, other) = (suffix(recorded), suffix(here));
                // The kind of an id is seen at its end.
                if suffix.map(kind) != other.map(kind) {
                    return false;
                }
                self.learn(recorded, here);
                if let (Some(suffix), Some(other)) = (suffix, other) {
                    let recorded = &recorded[..recorded.len() - suffix.len()];
                    let here = &here[..here.len() - other.len()];
                    if !self.ids.contains_key(recorded) && !self.back.contains_key(here) {
                        self.learn(recorded, here);
                    }
                }
                true
            }
        }
    }

    /// Whether an id of the recording has a counterpart.
    pub fn knows(&self, recorded: &str) -> bool {
        self.ids.contains_key(recorded)
    }

    /// Gives an id of the recording a counterpart, which may be another one's, too.
    pub fn alias(&mut self, recorded: &str, here: &str) {
        self.ids.insert(recorded.to_owned(), here.to_owned());
        self.back
            .entry(here.to_owned())
            .or_insert_with(|| recorded.to_owned());
    }

    fn learn(&mut self, recorded: &str, here: &str) {
        self.ids.insert(recorded.to_owned(), here.to_owned());
        self.back.insert(here.to_owned(), recorded.to_owned());
    }

    fn with_literals(&self, recorded: &str) -> String {
        let mut text = recorded.to_owned();
        for (recorded, here) in &self.literals {
            if text.contains(recorded.as_str()) {
                text = text.replace(recorded, here);
            }
        }
        text
    }

    fn id_to_send(&mut self, id: &str) -> String {
        if let Some(here) = self.ids.get(id) {
            return here.clone();
        }
        let lower = id.to_lowercase();
        if let Some(here) = self.ids.get(&lower).filter(|_| lower != id) {
            return here.to_uppercase();
        }
        // An offer or agent that never was: of the master that is.
        if let Some(suffix) = suffix(id) {
            let master = &id[..id.len() - suffix.len()];
            if let Some(here) = self.ids.get(master) {
                return format!("{here}{suffix}");
            }
        }
        self.learn(id, id);
        id.to_owned()
    }
}

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    /// A UUID, with what Mesos makes of it: `-0000`, `-S0`, `-O0`.
    Id(&'a str),
}

/// How a UUID in base64 is announced in JSON, and how long it is.
const UUID_KEY: &str = "\"uuid\"";
const UUID_BASE64_CHARS: usize = 24;

/// The length of a UUID as text.
const UUID_CHARS: usize = 36;

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while at + UUID_CHARS <= text.len() {
        let Some(length) = id_length(&text.as_bytes()[at..]) else {
            at += 1;
            continue;
        };
        if plain < at {
            pieces.push(Piece::Plain(&text[plain..at]));
        }
        pieces.push(Piece::Id(&text[at..at + length]));
        at += length;
        plain = at;
    }
    if plain < text.len() {
        pieces.push(Piece::Plain(&text[plain..]));
    }
    pieces
}

/// How long the id is that stands at the beginning, if one does.
fn id_length(bytes: &[u8]) -> Option<usize> {
    let uuid = bytes.get(..UUID_CHARS)?;
    let is_uuid = uuid.iter().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    if !is_uuid {
        return None;
    }
    let rest = &bytes[UUID_CHARS..];
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let suffix = match rest {
        [b'-', b'S' | b'O', number @ ..] if digits(number) > 0 => 2 + digits(number),
        [b'-', number @ ..] if digits(number) == 4 => 5,
        _ => 0,
    };
    Some(UUID_CHARS + suffix)
}

/// What follows the UUID in an id.
fn suffix(id: &str) -> Option<&str> {
    id.get(UUID_CHARS..).filter(|suffix| !suffix.is_empty())
}

fn kind(suffix: &str) -> Option<char> {
    suffix.chars().nth(1).filter(|kind| !kind.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "339cae45-2ab7-4adb-8363-78e2e8989976";
    const NOW: &str = "00000000-1111-2222-3333-444444444444";
    const OTHER: &str = "aaaaaaaa-1111-2222-3333-444444444444";

    #[test]
    fn an_id_is_learned_from_its_first_answer_and_then_held_to() {
        let mut mapping = Mapping::default();
        assert!(mapping.unify(&format!("{THEN}-S0"), &format!("{NOW}-S7")));
        assert!(mapping.unify(
            &format!("Agent {THEN}-S0 is gone"),
            &format!("Agent {NOW}-S7 is gone")
        ));
        assert!(!mapping.unify(&format!("{THEN}-S0"), &format!("{NOW}-S8")));
        assert!(
            !mapping.unify(&format!("{THEN}-S1"), &format!("{NOW}-S7")),
            "taken"
        );
        assert!(
            !mapping.unify(&format!("{THEN}-O1"), &format!("{NOW}-S1")),
            "a kind"
        );
        assert!(
            !mapping.unify(THEN, OTHER),
            "the master is known by its agent"
        );
    }

    #[test]
    fn what_is_sent_has_our_ids_in_it() {
        let mut mapping = Mapping::default();
        assert!(mapping.unify(THEN, NOW));
        assert_eq!(
            mapping.here(&format!("x {THEN}-O9!")),
            format!("x {NOW}-O9!")
        );
        assert_eq!(mapping.here(&THEN.to_uppercase()), NOW.to_uppercase());
        assert_eq!(mapping.here(OTHER), OTHER, "the client's own");
        assert!(mapping.unify(OTHER, OTHER));
        assert!(!mapping.unify(OTHER, "bbbbbbbb-1111-2222-3333-444444444444"));
    }

    #[test]
    fn uuids_in_a_body_are_those_that_were_given_out_here() {
        const RECORDED: &str = "qJydCtyRSjyb3FYnuiyRmw==";
        const HERE: &str = "SEz8dOGzSnW0km4VqOiA8w==";
        let mut mapping = Mapping::default();
        assert!(mapping.unify_id(RECORDED, HERE));
        let body = |uuid: &str| format!(r#"{{"a":{{"uuid": "{uuid}"}},"uuid":"x"}}"#);
        assert_eq!(mapping.body_here(&body(RECORDED)), body(HERE));
        assert_eq!(mapping.body_here("\"uuid\""), "\"uuid\"");
    }

    #[test]
    fn addresses_and_paths_are_known_from_the_start() {
        let mut mapping = Mapping::default();
        mapping.add_port(5051, 40_000);
        mapping.add_literal("/var/lib/mesos/agent", "/tmp/a");
        assert_eq!(
            mapping.here("slave(1)@127.0.0.1:5051"),
            "slave(1)@127.0.0.1:40000"
        );
        assert!(mapping.unify("/var/lib/mesos/agent/x", "/tmp/a/x"));
        assert_eq!((mapping.port(5051), mapping.port(1)), (40_000, 1));
    }

    #[test]
    fn texts_without_ids_are_what_they_are() {
        let mut mapping = Mapping::default();
        assert!(mapping.unify("", ""));
        assert!(!mapping.unify("", "a"));
        assert!(!mapping.unify("ä", "b"));
        assert!(!mapping.unify(THEN, "plain"));
    }
}
