//! What is said between a client and a server of ZooKeeper, as far as masters and those who look
//! for them need it.
//!
//! Every frame has its length before it, in four bytes. Numbers are big-endian; text and bytes
//! have their length before them, -1 for none. The recording `14-zookeeper-three-masters` has all
//! of these frames but those of authentication and those that write.

use bytes::{Buf as _, Bytes, BytesMut};
use thiserror::Error;

/// The largest frame that is read. Servers take and give no more than this unless told otherwise
/// (`jute.maxbuffer`), and a list of masters is some hundred bytes.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// The numbers of requests that are not counted up.
const XID_EVENT: i32 = -1;
const XID_PING: i32 = -2;
const XID_AUTH: i32 = -4;

const TYPE_CREATE: i32 = 1;
const TYPE_EXISTS: i32 = 3;
const TYPE_GET_DATA: i32 = 4;
const TYPE_GET_CHILDREN: i32 = 8;
const TYPE_PING: i32 = 11;
const TYPE_AUTH: i32 = 100;
const TYPE_CLOSE: i32 = -11;

/// The bits of what may be done to a node.
const PERMISSION_READ: i32 = 1;
const PERMISSIONS_ALL: i32 = 31;

/// The bits of a node that goes with its session, and of one that is numbered.
const FLAG_EPHEMERAL: i32 = 1;
const FLAG_SEQUENCE: i32 = 2;

/// What a server refuses a request with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is no such node.
    #[error("the node is gone")]
    NoNode,
    /// The node is not for us to read, or to put others below.
    #[error("it does not let us read the path; give `user:password@` behind `zk://`")]
    NotAllowed,
    /// There is such a node already.
    #[error("there is such a node already")]
    NodeExists,
    /// The server does not take our credentials.
    #[error("it does not take the credentials of the URL")]
    NotAuthenticated,
    /// Any other code of ZooKeeper.
    #[error("it refuses with code {0}")]
    Other(i32),
}

/// What a server says once it has greeted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Something that was watched has changed.
    Changed,
    /// An answer to a ping or to credentials that were taken.
    Heard,
    /// The answer to a request.
    Answer {
        /// The number of the request.
        xid: i32,
        /// What it holds.
        result: Result<Bytes, Refusal>,
    },
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request<'a> {
    /// The first of a connection.
    Hello {
        /// How long without a word the session shall live.
        timeout_ms: i32,
        /// The session to go on with; without one another begins.
        kept: Option<&'a Ticket>,
    },
    /// For nodes that are not for everybody.
    Auth {
        /// `user:password`.
        credentials: &'a str,
    },
    /// Keeps the session.
    Ping,
    /// Whether there is a node, and a watch of that.
    Exists {
        /// The number of the request.
        xid: i32,
        /// The node.
        path: &'a str,
    },
    /// The names of what is below a node, and a watch of that.
    Children {
        /// The number of the request.
        xid: i32,
        /// The node.
        path: &'a str,
    },
    /// What is in a node.
    Data {
        /// The number of the request.
        xid: i32,
        /// The node.
        path: &'a str,
    },
    /// A new node.
    Create {
        /// The number of the request.
        xid: i32,
        /// The node; a candidate's gets a number behind it.
        path: &'a str,
        /// What is to be in it.
        data: &'a [u8],
        /// How long it stays.
        kind: NodeKind,
        /// Who may change it.
        access: Access,
    },
    /// Ends the session at once, with all nodes that go with it.
    Close {
        /// The number of the request.
        xid: i32,
    },
}

/// How long a node stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// Until somebody removes it.
    Lasting,
    /// It is numbered, and goes with the session that has made it.
    Candidate,
}

/// Who may change a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Everybody,
    /// Who has made it, by the credentials of the session; all others may read.
    Creator,
}

/// What a session is known by, for connections that go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    id: i64,
    password: Bytes,
}

/// How a server begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// How long without a word the session lives.
    pub timeout_ms: u32,
    /// What it is known by.
    pub ticket: Ticket,
}

impl Request<'_> {
    /// The frame, with its length.
    pub fn frame(&self) -> Vec<u8> {
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
            Self::Hello { timeout_ms, kept } => {
                let (id, password) = match kept {
                    Some(Ticket { id, password }) => (*id, &password[..]),
                    None => (0, &[0; PASSWORD_BYTES][..]),
                };
                // Version 0, nothing seen yet.
                out.extend([0; 4 + 8]);
                out.extend(timeout_ms.to_be_bytes());
                out.extend(id.to_be_bytes());
                out.extend(length(password.len()).to_be_bytes());
                out.extend(password);
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
            Self::Create {
                xid,
                path,
                data,
                kind,
                access,
            } => {
                header(&mut out, xid, TYPE_CREATE);
                text(&mut out, path);
                out.extend(length(data.len()).to_be_bytes());
                out.extend(data);
                let anyone = ("world", "anyone");
                let rules: &[_] = match access {
                    Access::Everybody => &[(PERMISSIONS_ALL, anyone)],
                    Access::Creator => {
                        &[(PERMISSION_READ, anyone), (PERMISSIONS_ALL, ("auth", ""))]
                    }
                };
                out.extend(length(rules.len()).to_be_bytes());
                for (permissions, (scheme, who)) in rules {
                    out.extend(permissions.to_be_bytes());
                    text(&mut out, scheme);
                    text(&mut out, who);
                }
                let flags = match kind {
                    NodeKind::Lasting => 0,
                    NodeKind::Candidate => FLAG_EPHEMERAL | FLAG_SEQUENCE,
                };
                out.extend(flags.to_be_bytes());
            }
            Self::Close { xid } => header(&mut out, xid, TYPE_CLOSE),
        }
        let body = length(out.len() - 4);
        out[..4].copy_from_slice(&body.to_be_bytes());
        out
    }
}

fn length(bytes: usize) -> i32 {
    i32::try_from(bytes)
        .expect("what is sent is short: parts of a URL, and what a master says of itself")
}

/// What servers take for a password where there is no session yet.
const PASSWORD_BYTES: usize = 16;

/// Cuts what arrives into frames.
#[derive(Debug, Default)]
pub struct Frames(BytesMut);

impl Frames {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole frame, without its length; the error is the length of one that is too long.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, i32> {
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

/// Reads a server's first frame; `None` for one that makes no sense, or that ends the session which
/// it should begin or go on with.
pub fn greeting(mut frame: Bytes) -> Option<Greeting> {
    let _version = frame.try_get_i32().ok()?;
    let timeout_ms = u32::try_from(frame.try_get_i32().ok()?).ok()?;
    let id = frame.try_get_i64().ok()?;
    let password = buffer(&mut frame)?;
    (timeout_ms > 0).then_some(Greeting {
        timeout_ms,
        ticket: Ticket { id, password },
    })
}

/// Reads any later frame.
pub fn message(mut frame: Bytes) -> Option<Message> {
    let xid = frame.try_get_i32().ok()?;
    let _zxid = frame.try_get_i64().ok()?;
    let code = frame.try_get_i32().ok()?;
    let result = match code {
        0 => Ok(frame),
        -101 => Err(Refusal::NoNode),
        -102 => Err(Refusal::NotAllowed),
        -110 => Err(Refusal::NodeExists),
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
pub fn children(mut body: Bytes) -> Option<Vec<String>> {
    let count = body.try_get_i32().ok()?.max(0);
    (0..count)
        .map(|_| String::from_utf8(buffer(&mut body)?.into()).ok())
        .collect()
}

/// The bytes in an answer to [`Request::Data`].
pub fn data(mut body: Bytes) -> Option<Bytes> {
    buffer(&mut body)
}

/// The path in an answer to [`Request::Create`].
pub fn created(mut body: Bytes) -> Option<String> {
    String::from_utf8(buffer(&mut body)?.into()).ok()
}

fn buffer(body: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(body.try_get_i32().ok()?.max(0)).ok()?;
    (length <= body.len()).then(|| body.split_to(length))
}
