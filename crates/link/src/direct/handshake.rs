//! Who is there: the first bytes in each direction of a direct path.
//!
//! Both have a fixed length, so nothing that a stranger sends makes us keep more than 52 bytes.

use std::fmt;
use std::io;

use subtle::ConstantTimeEq as _;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::HANDSHAKE_WAIT;

/// What an executor says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Which link: the incarnation of the scheduler's end.
    pub link: u64,
    /// The incarnation of the executor's end.
    pub executor: u64,
    /// What only the two ends know.
    pub secret: Secret,
}

/// What the two ends of a link know and nobody else. It is not printed.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A secret of these bytes, which nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for Secret {
    /// Takes the same time whatever the difference is.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why an executor was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AdmitError {
    /// It is no executor, or one of another version.
    #[error("what connected is not an executor of this version")]
    Stranger,
    /// There is no such link.
    #[error("the link is not known")]
    UnknownLink,
    /// It is another life of the executor, or its secret is wrong.
    #[error("the secret is wrong")]
    Secret,
    /// It said too little in [`HANDSHAKE_WAIT`].
    #[error("nothing came in {} s", HANDSHAKE_WAIT.as_secs())]
    TimedOut,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
}

/// Why a scheduler was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DialError {
    /// It closed the connection: it does not know the link, or the secret is wrong.
    #[error("the scheduler closed the connection instead of a welcome")]
    Refused,
    /// What answers is no scheduler, or one of another version.
    #[error("what answers is not a scheduler of this version")]
    Stranger,
    /// It did not answer in [`HANDSHAKE_WAIT`].
    #[error("no answer in {} s", HANDSHAKE_WAIT.as_secs())]
    TimedOut,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
}

/// The executor's side: says who it is and waits for the welcome.
///
/// # Errors
/// When there is none. The stream is of no use then.
pub async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    hello: &Hello,
) -> Result<(), DialError> {
    let conversation = async {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..12].copy_from_slice(&hello.link.to_be_bytes());
        bytes[12..20].copy_from_slice(&hello.executor.to_be_bytes());
        bytes[20..].copy_from_slice(&hello.secret.0);
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        let mut welcome = [0; MAGIC.len()];
        stream.read_exact(&mut welcome).await?;
        Ok(welcome)
    };
    match timeout(HANDSHAKE_WAIT, conversation).await {
        Ok(Ok(MAGIC)) => Ok(()),
        Ok(Ok(_)) => Err(DialError::Stranger),
        Ok(Err(error)) => Err(dial_error(&error)),
        Err(_) => Err(DialError::TimedOut),
    }
}

/// The scheduler's side: hears who it is, and welcomes whom `find` has something for.
///
/// `find` is given the number of the link and answers what is to be said on it, and something of
/// its own, which is the answer of this function.
///
/// # Errors
/// When the executor is not let in. The stream is to be dropped then, without another word.
pub async fn admit<T>(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    find: impl FnOnce(u64) -> Option<(Hello, T)>,
) -> Result<T, AdmitError> {
    let conversation = async {
        let hello = read_hello(stream).await?;
        let (expected, found) = find(hello.link).ok_or(AdmitError::UnknownLink)?;
        if hello.executor != expected.executor || hello.secret != expected.secret {
            return Err(AdmitError::Secret);
        }
        let welcomed = async {
            stream.write_all(&MAGIC).await?;
            stream.flush().await
        };
        welcomed
            .await
            .map_err(|error| AdmitError::Broken(error.kind()))?;
        Ok(found)
    };
    timeout(HANDSHAKE_WAIT, conversation)
        .await
        .unwrap_or(Err(AdmitError::TimedOut))
}

async fn read_hello(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, AdmitError> {
    let mut bytes = [0; HELLO_BYTES];
    // Whoever speaks another language is told so by the first word, and not waited for.
    let (magic, rest) = bytes.split_at_mut(MAGIC.len());
    let broken = |error: io::Error| AdmitError::Broken(error.kind());
    stream.read_exact(magic).await.map_err(broken)?;
    if magic != MAGIC {
        return Err(AdmitError::Stranger);
    }
    stream.read_exact(rest).await.map_err(broken)?;
    let number = |at: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&rest[at..at + 8]);
        u64::from_be_bytes(number)
    };
    let mut secret = [0; 32];
    secret.copy_from_slice(&rest[16..]);
    Ok(Hello {
        link: number(0),
        executor: number(8),
        secret: Secret(secret),
    })
}

fn dial_error(error: &io::Error) -> DialError {
    match error.kind() {
        // A close with unread bytes arrives as a reset.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => DialError::Refused,
        kind => DialError::Broken(kind),
    }
}

/// The first word of both ends; its last letter is the version.
const MAGIC: [u8; 4] = *b"mgd1";

/// Magic, link, executor, secret.
const HELLO_BYTES: usize = MAGIC.len() + 8 + 8 + 32;
