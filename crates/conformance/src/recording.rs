//! The files: JSON lines, each one happening, in order of time.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use thiserror::Error;

use crate::cut::Cut;

/// A whole recording.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The name of its file, without the extension.
    pub name: String,
    /// How the master was started.
    pub master_flags: Vec<String>,
    /// How the agents were started.
    pub agent_flags: Vec<String>,
    /// What happened.
    pub lines: Vec<Line>,
}

/// One happening.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its line in the file, counted from 1.
    pub number: usize,
    /// When, in milliseconds from the start.
    pub at_ms: f64,
    /// On which connection, or of which executor process.
    pub connection: String,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// A client sent a request.
    Request(Request),
    /// A server answered.
    Head(Head),
    /// A server sent a chunk.
    Chunk(Chunk),
    /// A server ended a stream or a connection.
    End(String),
    /// A client ended a connection, and how.
    Hangup(String),
    /// An executor process was started: its environment, arguments and directory.
    Process(Value),
    /// What is done, or cannot be seen on the wire.
    Note(String),
    /// A frame of ZooKeeper's protocol.
    Frame,
}

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its method; `NONSENSE` for what is no HTTP.
    pub method: String,
    /// Its path, with a query if there was one.
    pub path: String,
    /// Which server: 5050 and up are masters, 5051 and 5052 agents.
    pub port: u16,
    /// In wire order.
    pub headers: Vec<(String, String)>,
    /// As it was sent, before chunks were made of it.
    pub body: Vec<u8>,
    /// The sizes of its chunks, if it was sent in chunks.
    pub chunks: Option<Vec<usize>>,
    /// The length of the body as it was sent.
    pub length: usize,
    /// What is known of the body, if it was cut for the file.
    pub cut: Option<Cut>,
}

/// The head of an answer, with its body if that has a known length.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// In wire order.
    pub headers: Vec<(String, String)>,
    /// Empty when there was none.
    pub body: Vec<u8>,
    /// The message, if it is protobuf.
    pub decoded: Option<Value>,
    /// Whether it came in the middle of a stream, between two chunks.
    pub is_inside_stream: bool,
    /// What is known of the body, if it was cut for the file.
    pub cut: Option<Cut>,
}

/// A chunk of a stream: one record.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// With the length in front.
    pub body: Vec<u8>,
    /// The message, if it is protobuf.
    pub decoded: Option<Value>,
    /// What is known of it, if it was cut for the file.
    pub cut: Option<Cut>,
}

/// Why a file is no recording.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A line is not JSON.
    #[error("line {line} is not JSON")]
    Json {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line has a kind that no recording has.
    #[error("line {line} is of the unknown kind `{kind}`")]
    Kind {
        /// Counted from 1.
        line: usize,
        /// What it says.
        kind: String,
    },
    /// There is not even a first line.
    #[error("the recording is empty")]
    Empty,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    /// When `text` is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, ReadError> {
        let mut lines = (1..).zip(text.lines()).map(|(line, text)| {
            serde_json::from_str::<Value>(text)
                .map(|value| (line, value))
                .map_err(|source| ReadError::Json { line, source })
        });
        let (_, head) = lines.next().ok_or(ReadError::Empty)??;
        let lines = lines.map(|line| Line::read(line?));
        Ok(Self {
            name: name.to_owned(),
            master_flags: texts(&head["master_flags"]),
            agent_flags: texts(&head["agent_flags"]),
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// How long after the start the allocator had a run, less than an interval. Offers that nobody
    /// has asked for show it; where there are none it is taken for half of one.
    pub fn allocation(&self, interval: Duration) -> Duration {
        let mut asked_at_ms = f64::NEG_INFINITY;
        for line in &self.lines {
            match &line.what {
                What::Request(request) if request.asks_for_offers(&line.connection) => {
                    asked_at_ms = line.at_ms;
                }
                // An agent may come at any time from here on, and its offers with it.
                What::Note(note) if note.contains("agent") => break,
                What::Chunk(chunk) if chunk.is_offers() && line.at_ms > asked_at_ms + ASKED_MS => {
                    let at = Duration::from_secs_f64(line.at_ms.max(0.0) / 1000.0);
                    let rest = at.as_nanos() % interval.as_nanos().max(1);
                    return Duration::from_nanos(u64::try_from(rest).unwrap_or_default());
                }
                _ => {}
            }
        }
        interval / 2
    }
}

/// So soon offers come that were asked for.
const ASKED_MS: f64 = 20.0;

impl Request {
    /// A subscription, or the end of filters.
    fn asks_for_offers(&self, connection: &str) -> bool {
        let is_revive = self.body.windows(6).any(|part| part == b"REVIVE");
        connection.contains("-stream") || is_revive
    }
}

impl Chunk {
    fn is_offers(&self) -> bool {
        const TYPE: &[u8] = br#""type":"OFFERS""#;
        match &self.decoded {
            Some(decoded) => decoded["type"] == "OFFERS",
            None => self.body.windows(TYPE.len()).any(|part| part == TYPE),
        }
    }
}

impl Line {
    fn read((number, line): (usize, Value)) -> Result<Self, ReadError> {
        let kind = text(&line["kind"]);
        let is_sent = line["dir"] == "send";
        let what = match kind.as_str() {
            "request" => What::Request(request(&line)),
            "response-head" => What::Head(head(&line)),
            "chunk" => What::Chunk(chunk(&line)),
            "eof" if is_sent => What::Hangup(text(&line["how"])),
            "eof" => What::End(text(&line["how"])),
            "env" => What::Process(serde_json::json!({
                "env": line["env"], "argv": line["argv"], "cwd": line["cwd"],
            })),
            "note" => What::Note(text(&line["note"])),
            "frame" => What::Frame,
            _ => return Err(ReadError::Kind { line: number, kind }),
        };
        Ok(Self {
            number,
            at_ms: line["at_ms"].as_f64().unwrap_or_default(),
            connection: text(&line["conn"]),
            what,
        })
    }
}

fn request(line: &Value) -> Request {
    let port = line["port"].as_u64().and_then(|port| port.try_into().ok());
    let chunks = line["body_chunks"].as_array().map(|sizes| {
        let sizes = sizes.iter().filter_map(Value::as_u64);
        sizes.map(|size| size as usize).collect()
    });
    let body = body(line);
    Request {
        method: text(&line["method"]),
        path: text(&line["path"]),
        port: port.unwrap_or(5050),
        headers: headers(line),
        length: body.len(),
        body,
        chunks,
        cut: cut(line),
    }
}

fn head(line: &Value) -> Head {
    let status = line["status"].as_u64();
    Head {
        status: status
            .and_then(|status| status.try_into().ok())
            .unwrap_or_default(),
        headers: headers(line),
        body: body(line),
        decoded: line.get("decoded").cloned(),
        is_inside_stream: line.get("inside_the_chunked_body").is_some(),
        cut: cut(line),
    }
}

fn chunk(line: &Value) -> Chunk {
    Chunk {
        body: body(line),
        decoded: line.get("decoded").cloned(),
        cut: cut(line),
    }
}

/// What is left of a body that was cut. Its real length is that of its text or base64, so that of
/// the bytes is what the wire said: of a chunk, or in a header.
fn cut(line: &Value) -> Option<Cut> {
    let text_length = line["body_length"].as_u64();
    text_length.or_else(|| line["body_b64_length"].as_u64())?;
    let announced = headers(line)
        .into_iter()
        .find_map(|(name, value)| (name == "Content-Length").then(|| value.parse().ok())?);
    let length = text_length
        .or_else(|| line["size"].as_u64())
        .or(announced)?;
    let begin = match (line["body"].as_str(), line["body_b64"].as_str()) {
        (Some(text), _) => text.strip_suffix(ELLIPSIS)?.as_bytes().to_vec(),
        (None, Some(text)) => {
            let text = text.strip_suffix(ELLIPSIS)?;
            let whole = text.len() - text.len() % 4;
            BASE64_STANDARD.decode(&text[..whole]).ok()?
        }
        (None, None) => return None,
    };
    Some(Cut {
        begin,
        length: length as usize,
    })
}

/// What stands where a body was cut.
const ELLIPSIS: &str = "...";

/// Bytes that were cut for the file are not base64, and come to nothing.
fn body(line: &Value) -> Vec<u8> {
    match (line["body"].as_str(), line["body_b64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(text)) => BASE64_STANDARD.decode(text).unwrap_or_default(),
        (None, None) => Vec::new(),
    }
}

fn headers(line: &Value) -> Vec<(String, String)> {
    let pairs = line["headers"].as_array().map_or(&[][..], Vec::as_slice);
    pairs
        .iter()
        .map(|pair| (text(&pair[0]), text(&pair[1])))
        .collect()
}

fn texts(values: &Value) -> Vec<String> {
    let values = values.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_line_by_line() {
        let text = concat!(
            r#"{"scenario":"x","master_flags":["--a=b"],"agent_flags":[]}"#,
            "\n",
            r#"{"at_ms":0.5,"conn":"s","dir":"send","kind":"request","method":"POST","path":"/p","port":5051,"headers":[["A","b"]],"body_b64":"aGk="}"#,
            "\n",
            r#"{"at_ms":1,"conn":"s","dir":"recv","kind":"eof","how":"last chunk (0)"}"#,
            "\n",
        );
        let recording = Recording::parse("x", text).expect("a recording");
        assert_eq!(recording.master_flags, ["--a=b"]);
        let [request, end] = recording.lines.as_slice() else {
            panic!("{} lines", recording.lines.len());
        };
        let What::Request(sent) = &request.what else {
            panic!("{request:?}");
        };
        assert_eq!((request.number, sent.port), (2, 5051));
        assert_eq!(sent.body, b"hi");
        assert_eq!(sent.headers, [("A".to_owned(), "b".to_owned())]);
        assert!(matches!(&end.what, What::End(how) if how == "last chunk (0)"));
    }

    #[test]
    fn of_what_was_cut_begin_and_length_are_known() {
        let text = concat!(
            "{}\n",
            r#"{"kind":"response-head","headers":[["Content-Length","9"]],"body":"ab...","body_length":9}"#,
            "\n",
            r#"{"kind":"chunk","size":7,"body_b64":"aGlhG...","body_b64_length":12}"#,
            "\n",
        );
        let recording = Recording::parse("x", text).expect("a recording");
        let cuts = recording.lines.iter().map(|line| match &line.what {
            What::Head(Head { cut, .. }) | What::Chunk(Chunk { cut, .. }) => cut.clone(),
            _ => None,
        });
        let cut = |begin: &[u8], length| {
            let begin = begin.to_vec();
            Some(Cut { begin, length })
        };
        assert_eq!(cuts.collect::<Vec<_>>(), [cut(b"ab", 9), cut(b"hia", 7)]);
    }

    #[test]
    fn offers_that_nobody_asked_for_show_when_the_allocator_runs() {
        let phase = |lines: &str| {
            let text = format!("{{}}\n{lines}");
            let recording = Recording::parse("x", &text).expect("a recording");
            recording.allocation(Duration::from_secs(1)).as_millis()
        };
        let offers = |at_ms: u32| {
            format!(r#"{{"at_ms":{at_ms},"kind":"chunk","body":"{{\"type\":\"OFFERS\"}}"}}"#)
        };
        let subscribe = r#"{"at_ms":10,"conn":"s-stream","dir":"send","kind":"request"}"#;
        let note = r#"{"at_ms":20,"kind":"note","note":"the agent is started again"}"#;
        assert_eq!(
            phase(&format!("{subscribe}\n{}\n{}", offers(12), offers(1062))),
            62
        );
        assert_eq!(phase(&format!("{subscribe}\n{}", offers(12))), 500);
        assert_eq!(phase(&format!("{note}\n{}", offers(1062))), 500);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        let parse = |text| Recording::parse("x", text).map(drop);
        assert!(matches!(parse(""), Err(ReadError::Empty)));
        assert!(matches!(
            parse("{}\n{"),
            Err(ReadError::Json { line: 2, .. })
        ));
        let unknown = parse("{}\n{\"kind\":\"smoke\"}");
        assert!(matches!(unknown, Err(ReadError::Kind { line: 2, .. })));
    }
}
