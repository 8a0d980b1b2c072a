//! What is said between a client and a server of ZooKeeper, as far as a reader needs it.
//!
//! Every frame has its length before it, in four bytes. Numbers are big-endian; text and bytes
//! have their length before them, -1 for none. The recording `14-zookeeper-three-masters` has all
//! of these frames but those of authentication.

use bytes::{Buf as _, Bytes, BytesMut};

/// The largest frame that is read. Servers take and give no more than this unless told otherwise
/// (`jute.maxbuffer`), and a list of masters is some hundred bytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// The numbers of requests that are not counted up.
const XID_EVENT: i32 = -1;
const XID_PING: i32 = -2;
const XID_AUTH: i32 = -4;

const TYPE_EXISTS: i32 = 3;
const TYPE_GET_DATA: i32 = 4;
const TYPE_GET_CHILDREN: i32 = 8;
const TYPE_PING: i32 = 11;
const TYPE_AUTH: i32 = 100;

/// What a server refuses a request with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such node.
    NoNode,
    /// The node is not for us to read.
    NotAllowed,
    /// The server does not take our credentials.
    NotAuthenticated,
    /// Any other code of ZooKeeper.
    Other(i32),
}

/// What a server says once it has greeted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Something that was watched has changed.
    Changed,
    /// An answer to a ping or to credentials that were taken.
    Heard,
    /// The answer to the request with this number.
    Answer {
        xid: i32,
        result: Result<Bytes, Refusal>,
    },
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    /// The first of a connection: begins a session that the server may forget after so long.
    Hello { timeout_ms: i32 },
    /// `user:password`, for nodes that not everybody may read.
    Auth { credentials: &'a str },
    /// Keeps the session.
    Ping,
    /// Whether there is a node, and a watch of that.
    Exists { xid: i32, path: &'a str },
    /// The names of what is below a node, and a watch of that.
    Children { xid: i32, path: &'a str },
    /// What is in a node.
    Data { xid: i32, path: &'a str },
}

impl Request<'_> {
    /// The frame, with its length.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut out = vec![0; 4];
        let text = |out: &mut Vec<u8>, text: &str| {
            out.extend(length(text.len()).to_be_bytes());
            out.extend(text.as_bytes());
        };
        let header = |out: &mut Vec<u8>, xid: i32, kind: i32| {
            out.extend(xid.to_be_bytes());
            out.extend(kind.to_be_bytes());
        };
        match *self {
            Self::Hello { timeout_ms } => {
                // Version 0, nothing seen yet, no session to go on with.
                out.extend([0; 4 + 8]);
                out.extend(timeout_ms.to_be_bytes());
                out.extend([0; 8]);
                out.extend(16_i32.to_be_bytes());
                out.extend([0; 16]);
                // Not from a server that is cut off from the others.
                out.push(0);
            }
            Self::Auth { credentials } => {
                header(&mut out, XID_AUTH, TYPE_AUTH);
                out.extend([0; 4]);
                text(&mut out, "digest");
                text(&mut out, credentials);
            }
            Self::Ping => header(&mut out, XID_PING, TYPE_PING),
            Self::Exists { xid, path } => {
                header(&mut out, xid, TYPE_EXISTS);
                text(&mut out, path);
                out.push(1);
            }
            Self::Children { xid, path } => {
                header(&mut out, xid, TYPE_GET_CHILDREN);
                text(&mut out, path);
                out.push(1);
            }
            Self::Data { xid, path } => {
                header(&mut out, xid, TYPE_GET_DATA);
                text(&mut out, path);
                out.push(0);
            }
        }
        let body = length(out.len() - 4);
        out[..4].copy_from_slice(&body.to_be_bytes());
        out
    }
}

fn length(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("paths and credentials are short: they stood in one URL")
}

/// Cuts what arrives into frames.
#[derive(Debug, Default)]
pub(crate) struct Frames(BytesMut);

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame, without its length; the error is the length of one that is too long.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, i32> {
        let Some(prefix) = self.0.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = i32::from_be_bytes(*prefix);
        let bytes = usize::try_from(length).map_err(|_| length)?;
        if bytes > FRAME_BYTES_MAX {
            return Err(length);
        }
        if self.0.len() - 4 < bytes {
            return Ok(None);
        }
        self.0.advance(4);
        Ok(Some(self.0.split_to(bytes).freeze()))
    }
}

/// The session's timeout in milliseconds from a server's greeting; `None` for a greeting that
/// makes no sense, or that ends the session it should begin.
pub(crate) fn greeting(mut frame: Bytes) -> Option<u32> {
    let _version = frame.try_get_i32().ok()?;
    let timeout_ms = frame.try_get_i32().ok()?;
    u32::try_from(timeout_ms)
        .ok()
        .filter(|timeout| *timeout > 0)
}

/// Reads any later frame.
pub(crate) fn message(mut frame: Bytes) -> Option<Message> {
    let xid = frame.try_get_i32().ok()?;
    let _zxid = frame.try_get_i64().ok()?;
    let code = frame.try_get_i32().ok()?;
    let result = match code {
        0 => Ok(frame),
        -101 => Err(Refusal::NoNode),
        -102 => Err(Refusal::NotAllowed),
        -115 => Err(Refusal::NotAuthenticated),
        code => Err(Refusal::Other(code)),
    };
    Some(match (xid, result) {
        (XID_EVENT, _) => Message::Changed,
        (XID_PING, _) | (XID_AUTH, Ok(_)) => Message::Heard,
        (xid, result) => Message::Answer { xid, result },
    })
}

/// The names in an answer to [`Request::Children`].
pub(crate) fn children(mut body: Bytes) -> Option<Vec<String>> {
    let count = body.try_get_i32().ok()?.max(0);
    (0..count)
        .map(|_| String::from_utf8(buffer(&mut body)?.into()).ok())
        .collect()
}

/// The bytes in an answer to [`Request::Data`].
pub(crate) fn data(mut body: Bytes) -> Option<Bytes> {
    buffer(&mut body)
}

fn buffer(body: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(body.try_get_i32().ok()?.max(0)).ok()?;
    (length <= body.len()).then(|| body.split_to(length))
}
