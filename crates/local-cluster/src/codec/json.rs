//! JSON text to values, with the error texts of the parser that Mesos uses.
//!
//! Numbers keep the difference between integers and others, and the members of an object come in
//! the order of their names, because that is the order in which Mesos finds faults.

use std::collections::BTreeMap;

use thiserror::Error;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    /// An integer that is larger than any of those.
    Unsigned(u64),
    Number(f64),
    String(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// How deep arrays and objects may nest. The deepest call is some 15 levels deep; without a bound
/// a body of brackets would end the process with a stack overflow.
const DEPTH_MAX: usize = 100;

/// What values take in memory besides their texts, at most: 512 MiB. Two bytes of text can be an
/// element, eight an object in a node of its own.
const VALUES_BYTES_MAX: usize = 512 << 20;

/// An element or a member, in a vector that has grown or a node that is half full.
const VALUE_BYTES: usize = 2 * (size_of::<String>() + size_of::<Json>());

/// The first node of an object, which has room for eleven members.
const OBJECT_BYTES: usize = 12 * (size_of::<String>() + size_of::<Json>());

/// Why a text is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ParseError {
    /// It is not JSON; the text after `Failed to parse body into JSON: `.
    #[error("{0}")]
    Syntax(String),
    /// Its values would take too much memory.
    #[error("it has too many values")]
    TooLarge,
}

impl Json {
    /// Parses a text that is one JSON value and white space around it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        parse(text).map_err(|error| error.to_string())
    }

    /// The members, if it is an object.
    pub(crate) fn members(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// A member, if it is an object that has it.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        self.members()?.get(name)
    }

    /// The elements, if it is an array.
    pub(crate) fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is an integer.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// Parses a text that is one JSON value and white space around it.
///
/// # Errors
/// When it is something else, or has too many values.
pub(super) fn parse(text: &[u8]) -> Result<Json, ParseError> {
    let mut parser = Parser {
        text,
        at: 0,
        bytes: 0,
    };
    let Some(value) = parser.value(0) else {
        return Err(match parser.bytes > VALUES_BYTES_MAX {
            true => ParseError::TooLarge,
            false => ParseError::Syntax(parser.syntax_error()),
        });
    };
    parser.skip_white_space();
    if parser.at < text.len() {
        let rest = String::from_utf8_lossy(&text[parser.at..]);
        return Err(ParseError::Syntax(format!(
            "Parsed JSON included non-whitespace trailing characters: {rest}"
        )));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// What the values so far take.
    bytes: usize,
}

impl Parser<'_> {
    /// The next value, or `None` with the position at the character that is wrong, or with too many
    /// bytes.
    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_white_space();
        self.count(VALUE_BYTES)?;
        match self.peek()? {
            b'n' => self.word(b"null").map(|()| Json::Null),
            b't' => self.word(b"true").map(|()| Json::Bool(true)),
            b'f' => self.word(b"false").map(|()| Json::Bool(false)),
            b'"' => self.string().map(Json::String),
            b'[' if depth < DEPTH_MAX => self.array(depth),
            b'{' if depth < DEPTH_MAX => self.object(depth),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut elements = Vec::new();
        if self.next_is(b']') {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.next_is(b']') {
                return Some(Json::Array(elements));
            }
            self.next_is(b',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if self.next_is(b'}') {
            return Some(Json::Object(members));
        }
        self.count(OBJECT_BYTES)?;
        loop {
            self.skip_white_space();
            (self.peek()? == b'"').then_some(())?;
            let name = self.string()?;
            self.next_is(b':').then_some(())?;
            members.insert(name, self.value(depth + 1)?);
            if self.next_is(b'}') {
                return Some(Json::Object(members));
            }
            self.next_is(b',').then_some(())?;
        }
    }

    /// Counts what a value takes; `None` when it is too much.
    fn count(&mut self, bytes: usize) -> Option<()> {
        self.bytes += bytes;
        (self.bytes <= VALUES_BYTES_MAX).then_some(())
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'0'..=b'9' | b'-' | b'+' | b'e' | b'E' | b'.')
        ) {
            self.at += 1;
        }
        let text = str::from_utf8(&self.text[start..self.at]).ok()?;
        let integer = text.parse().map(Json::Integer);
        let integer = integer.or_else(|_| text.parse().map(Json::Unsigned));
        integer.or_else(|_| text.parse().map(Json::Number)).ok()
    }

    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut string = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return String::from_utf8(string).ok();
                }
                b'\\' => {
                    self.at += 1;
                    let character = self.escaped()?;
                    string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..b' ' => return None,
                byte => {
                    self.at += 1;
                    string.push(byte);
                }
            }
        }
    }

    /// The character of an escape, whose backslash has been read.
    fn escaped(&mut self) -> Option<char> {
        let escape = self.peek()?;
        self.at += 1;
        Some(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.code_unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.word(b"\\u")?;
                let second = self.code_unit()?;
                let low = second.checked_sub(0xdc00)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low);
            }
            _ => return None,
        })
    }

    fn code_unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let unit = digits.iter().try_fold(0, |unit, digit| {
            Some(unit * 16 + char::from(*digit).to_digit(16)?)
        })?;
        self.at += 4;
        Some(unit)
    }

    /// Reads `word` and stops at the first byte that differs.
    fn word(&mut self, word: &[u8]) -> Option<()> {
        for byte in word {
            (self.peek()? == *byte).then_some(())?;
            self.at += 1;
        }
        Some(())
    }

    /// Whether the next character after white space is this one, which is then read.
    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn syntax_error(&self) -> String {
        let (read, rest) = self.text.split_at(self.at);
        let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
        let near: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(|byte| *byte != b'\n')
            .filter(|byte| *byte >= b' ')
            .collect();
        let near = String::from_utf8_lossy(&near);
        format!("syntax error at line {line} near: {near}")
    }
}
