//! Bodies that were cut for the file: only how they begin and how long they were is recorded.
//!
//! All of them that were sent are framework messages, whose content says nothing. So what is sent
//! here begins with the same, with our ids, and is filled up to the same length; and of what comes
//! begin and length are compared.

use crate::compare::Difference;
use crate::mapping::Mapping;

/// What is known of such a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// How it began.
    pub begin: Vec<u8>,
    /// How long it was.
    pub length: usize,
}

/// How much is kept of the begin of a record that may have been cut for a file; more than any file
/// has.
pub const BEGIN_BYTES: usize = 256;

impl Cut {
    /// A whole body in its place. JSON is completed as a framework message, to this executor where it
    /// is not said yet; in protobuf the lengths of what is left open are all in the begin.
    ///
    /// `None` when it was another call, or one that cannot have had that length.
    pub fn whole(&self, executor_id: &str, mapping: &mut Mapping) -> Option<Vec<u8>> {
        let mut body = ids_here(&self.begin, mapping);
        let (filler, end) = match std::str::from_utf8(&body) {
            Ok(text) if text.starts_with('{') => {
                if !text.contains(DATA) {
                    let rest = format!(",\"executor_id\":{{\"value\":\"{executor_id}\"}},{DATA}");
                    body.extend_from_slice(rest.as_bytes());
                }
                (b'A', "\"}}")
            }
            _ => (0, ""),
        };
        let end_at = self.length.checked_sub(end.len())?;
        if body.len() > end_at {
            return None;
        }
        body.resize(end_at, filler);
        body.extend_from_slice(end.as_bytes());
        Some(body)
    }

    /// In what a body differs that begins like this and has this length.
    pub fn compare(&self, begin: &[u8], length: usize, mapping: &mut Mapping) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut add = |path: &str, text: String| {
            let path = path.to_owned();
            differences.push(Difference { path, text });
        };
        if length != self.length {
            add("length", format!("recorded {}, here {length}", self.length));
        }
        let recorded = ids_here(&self.begin, mapping);
        let common = recorded.len().min(begin.len());
        if recorded[..common] != begin[..common] {
            let [recorded, here] =
                [&recorded, begin].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            add("begin", format!("recorded `{recorded}`, here `{here}`"));
        }
        differences
    }
}

/// What stands before the content of a message in JSON.
const DATA: &str = "\"data\":\"";

/// The same bytes with our ids, which are as long as the recorded ones, wherever there is text.
fn ids_here(bytes: &[u8], mapping: &mut Mapping) -> Vec<u8> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let pieces = bytes.chunk_by(|one, other| is_text(one) == is_text(other));
    let pieces = pieces.map(|piece| match std::str::from_utf8(piece) {
        Ok(text) => mapping.here(text).into_bytes(),
        Err(_) => piece.to_vec(),
    });
    pieces.collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "339cae45-2ab7-4adb-8363-78e2e8989976";
    const NOW: &str = "00000000-1111-2222-3333-444444444444";

    fn mapping() -> Mapping {
        let mut mapping = Mapping::default();
        assert!(mapping.unify(THEN, NOW));
        mapping
    }

    #[test]
    fn json_is_filled_up_as_a_message() {
        let begin = format!("{{\"message\":{{\"agent_id\":\"{THEN}\"").into_bytes();
        let length = begin.len() + ",\"executor_id\":{\"value\":\"e\"},\"data\":\"AAAA\"}}".len();
        let cut = Cut { begin, length };
        let body = cut.whole("e", &mut mapping()).map(String::from_utf8);
        let expected = format!(
            "{{\"message\":{{\"agent_id\":\"{NOW}\",\"executor_id\":{{\"value\":\"e\"}},\"data\":\"AAAA\"}}}}"
        );
        assert_eq!(body, Some(Ok(expected)));
        let short = Cut { length: 20, ..cut };
        assert_eq!(short.whole("e", &mut mapping()), None);
    }

    #[test]
    fn protobuf_is_filled_up_with_zeros() {
        let begin = [&[0x0a, 0x80], THEN.as_bytes(), &[0x12, 0xff]].concat();
        let cut = Cut {
            length: begin.len() + 2,
            begin,
        };
        let expected = [&[0x0a, 0x80], NOW.as_bytes(), &[0x12, 0xff, 0, 0]].concat();
        assert_eq!(cut.whole("e", &mut mapping()), Some(expected));
    }

    #[test]
    fn begin_and_length_are_compared() {
        let cut = Cut {
            begin: THEN.as_bytes().to_vec(),
            length: 100,
        };
        let paths = |begin: &[u8], length| {
            let differences = cut.compare(begin, length, &mut mapping());
            let paths = differences.into_iter().map(|it| it.path);
            paths.collect::<Vec<_>>()
        };
        let here = format!("{NOW}, and more");
        assert_eq!(paths(here.as_bytes(), 100), [""; 0]);
        assert_eq!(paths(here.as_bytes(), 99), ["length"]);
        assert_eq!(paths(THEN.as_bytes(), 100), ["begin"]);
    }
}
