//! Channels of values instead of bytes: any type of serde, through a codec.
//!
//! A message that is not what was expected is an error, never dropped: the caller decides.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::select::{Readiness, Sealed, Selectable};
use crate::{
    Receiver, RecvTimeoutError, SendError, Sender, TaskMessage, TaskReceiver, TaskSender,
    TryRecvError, TrySendError, Writable,
};

/// How values become messages and messages values.
pub trait Codec {
    /// The message of a value.
    ///
    /// # Errors
    ///
    /// When the format cannot express it.
    fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError>;

    /// The value of a message.
    ///
    /// # Errors
    ///
    /// When the message is no such value.
    fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, CodecError>;
}

/// The codec [postcard](https://docs.rs/postcard): small and fast. Both ends must have the same
/// types.
#[derive(Clone, Copy, Debug)]
pub enum Postcard {}

impl Codec for Postcard {
    fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
        Ok(postcard::to_allocvec(value)?)
    }

    fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, CodecError> {
        match postcard::take_from_bytes(message)? {
            (value, []) => Ok(value),
            (_, rest) => Err(CodecError::Trailing { bytes: rest.len() }),
        }
    }
}

/// The codec JSON: readable, and spoken by everyone.
#[derive(Clone, Copy, Debug)]
pub enum Json {}

impl Codec for Json {
    fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
        Ok(serde_json::to_vec(value)?)
    }

    fn decode<T: DeserializeOwned>(message: &[u8]) -> Result<T, CodecError> {
        Ok(serde_json::from_slice(message)?)
    }
}

/// Why a value is no message or a message no value.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The message is no postcard of that type, or the value cannot be one.
    #[error("not a postcard of the expected type")]
    Postcard(#[from] postcard::Error),
    /// The message is longer than the value in it.
    #[error("the value ends {bytes} bytes before the message")]
    Trailing {
        /// So many bytes are left.
        bytes: usize,
    },
    /// The message is no JSON of that type, or the value cannot be one.
    #[error("not JSON of the expected type")]
    Json(#[from] serde_json::Error),
}

/// A message that is not of the expected type.
#[derive(Debug, Error)]
#[error("a message{} is not what was expected", sender(task.as_deref()))]
pub struct DecodeError {
    /// The task that sent it, on the side of the app scheduler.
    pub task: Option<String>,
    /// The message.
    pub message: Vec<u8>,
    /// What is wrong with it.
    pub source: CodecError,
}

fn sender(task: Option<&str>) -> String {
    task.map(|task| format!(" of `{task}`")).unwrap_or_default()
}

/// Why a typed end did not do what was asked: the reason `E` of the plain end, or the message.
#[derive(Debug, Error)]
pub enum TypedError<E> {
    /// What the plain end answered.
    #[error(transparent)]
    Channel(E),
    /// A message was received that is not of the expected type.
    #[error(transparent)]
    Decode(DecodeError),
    /// The value to send cannot be a message.
    #[error("the value cannot be sent")]
    Encode(#[source] CodecError),
}

impl<E> From<DecodeError> for TypedError<E> {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<E> From<CodecError> for TypedError<E> {
    fn from(error: CodecError) -> Self {
        Self::Encode(error)
    }
}

fn decoded<T: DeserializeOwned, C: Codec>(message: Vec<u8>) -> Result<T, DecodeError> {
    C::decode(&message).map_err(|source| DecodeError {
        task: None,
        message,
        source,
    })
}

/// The `in` channel of a task, as values.
///
/// ```
/// use mesosgot_sdk::{Error, Json, Receiver, TypedReceiver};
///
/// fn sum(inbox: Receiver) -> Result<u64, Error> {
///     let inbox: TypedReceiver<u64, Json> = TypedReceiver::new(inbox);
///     let mut sum = 0;
///     while let Some(number) = inbox.recv()? {
///         sum += number;
///     }
///     Ok(sum)
/// }
///
/// # let (inbox, _outbox, handle) = mesosgot_sdk::testing::task();
/// # handle.send("3").unwrap();
/// # handle.send("4").unwrap();
/// # handle.close();
/// # assert_eq!(sum(inbox).unwrap(), 7);
/// ```
pub struct TypedReceiver<T, C = Postcard> {
    inbox: Receiver,
    kind: PhantomData<fn() -> (T, C)>,
}

impl<T: DeserializeOwned, C: Codec> TypedReceiver<T, C> {
    /// Values instead of bytes from here on.
    pub fn new(inbox: Receiver) -> Self {
        Self {
            inbox,
            kind: PhantomData,
        }
    }

    /// Waits for a value. `None`: the channel is closed.
    ///
    /// # Errors
    ///
    /// When a message is no such value; the next call goes on behind it.
    pub fn recv(&self) -> Result<Option<T>, DecodeError> {
        self.inbox.recv().map(decoded::<T, C>).transpose()
    }

    /// A value that is there already.
    ///
    /// # Errors
    ///
    /// As [`Receiver::try_recv`], and when a message is no such value.
    pub fn try_recv(&self) -> Result<T, TypedError<TryRecvError>> {
        Ok(decoded::<T, C>(
            self.inbox.try_recv().map_err(TypedError::Channel)?,
        )?)
    }

    /// Waits for a value, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_timeout`], and when a message is no such value.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, TypedError<RecvTimeoutError>> {
        Ok(decoded::<T, C>(
            self.inbox
                .recv_timeout(timeout)
                .map_err(TypedError::Channel)?,
        )?)
    }

    /// Waits for a value and takes up to `max` that are there, as [`Receiver::recv_many`]. Each
    /// message that is no such value is told in its place.
    pub fn recv_many(&self, max: usize) -> Vec<Result<T, DecodeError>> {
        let messages = self.inbox.recv_many(max).into_iter();
        messages.map(decoded::<T, C>).collect()
    }

    /// The values up to the close, waiting for each.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, DecodeError>> {
        self.inbox.iter().map(decoded::<T, C>)
    }
}

/// The `out` channel of a task, as values.
pub struct TypedSender<T, C = Postcard> {
    outbox: Sender,
    kind: PhantomData<fn() -> (T, C)>,
}

impl<T: Serialize, C: Codec> TypedSender<T, C> {
    /// Values instead of bytes from here on.
    pub fn new(outbox: Sender) -> Self {
        Self {
            outbox,
            kind: PhantomData,
        }
    }

    /// Sends a value; waits while the channel is full.
    ///
    /// # Errors
    ///
    /// As [`Sender::send`], and when the value cannot be a message.
    pub fn send(&self, value: &T) -> Result<(), TypedError<SendError>> {
        self.outbox
            .send(C::encode(value)?)
            .map_err(TypedError::Channel)
    }

    /// Sends a value unless the channel is full.
    ///
    /// # Errors
    ///
    /// As [`Sender::try_send`], and when the value cannot be a message.
    pub fn try_send(&self, value: &T) -> Result<(), TypedError<TrySendError>> {
        self.outbox
            .try_send(C::encode(value)?)
            .map_err(TypedError::Channel)
    }

    /// Sends values in order; waits while the channel is full. Cheaper than one
    /// [`send`](Self::send) each.
    ///
    /// # Errors
    ///
    /// As [`Sender::send_many`], and when a value cannot be a message: then none was sent.
    pub fn send_many(&self, values: &[T]) -> Result<(), TypedError<SendError>> {
        let messages: Result<Vec<_>, _> = values.iter().map(C::encode).collect();
        self.outbox
            .send_many(&messages?)
            .map_err(TypedError::Channel)
    }
}

/// A value of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedTaskMessage<T> {
    /// The task that sent it.
    pub task: String,
    /// The value.
    pub value: T,
}

fn decoded_of_task<T: DeserializeOwned, C: Codec>(
    TaskMessage { task, data }: TaskMessage,
) -> Result<TypedTaskMessage<T>, DecodeError> {
    match decoded::<T, C>(data) {
        Ok(value) => Ok(TypedTaskMessage { task, value }),
        Err(error) => Err(DecodeError {
            task: Some(task),
            ..error
        }),
    }
}

/// The `out` channels of all tasks, as values.
pub struct TypedTaskReceiver<T, C = Postcard> {
    inbox: TaskReceiver,
    kind: PhantomData<fn() -> (T, C)>,
}

impl<T: DeserializeOwned, C: Codec> TypedTaskReceiver<T, C> {
    /// Values instead of bytes from here on.
    pub fn new(inbox: TaskReceiver) -> Self {
        Self {
            inbox,
            kind: PhantomData,
        }
    }

    /// Waits for a value. `None`: no task is left that could send one.
    ///
    /// # Errors
    ///
    /// When a message is no such value, with the task that sent it; the next call goes on behind
    /// it.
    pub fn recv(&self) -> Result<Option<TypedTaskMessage<T>>, DecodeError> {
        self.inbox.recv().map(decoded_of_task::<T, C>).transpose()
    }

    /// A value that is there already.
    ///
    /// # Errors
    ///
    /// As [`TaskReceiver::try_recv`], and when a message is no such value.
    pub fn try_recv(&self) -> Result<TypedTaskMessage<T>, TypedError<TryRecvError>> {
        Ok(decoded_of_task::<T, C>(
            self.inbox.try_recv().map_err(TypedError::Channel)?,
        )?)
    }

    /// Waits for a value, but not longer than `timeout`.
    ///
    /// # Errors
    ///
    /// As [`TaskReceiver::recv_timeout`], and when a message is no such value.
    pub fn recv_timeout(
        &self,
        timeout: Duration,
    ) -> Result<TypedTaskMessage<T>, TypedError<RecvTimeoutError>> {
        let message = self
            .inbox
            .recv_timeout(timeout)
            .map_err(TypedError::Channel)?;
        Ok(decoded_of_task::<T, C>(message)?)
    }

    /// Waits for a value and takes up to `max` that are there, as [`TaskReceiver::recv_many`]. Each
    /// message that is no such value is told in its place, with the task that sent it.
    pub fn recv_many(&self, max: usize) -> Vec<Result<TypedTaskMessage<T>, DecodeError>> {
        let messages = self.inbox.recv_many(max).into_iter();
        messages.map(decoded_of_task::<T, C>).collect()
    }

    /// The values for as long as there are tasks, waiting for each.
    pub fn iter(&self) -> impl Iterator<Item = Result<TypedTaskMessage<T>, DecodeError>> {
        self.inbox.iter().map(decoded_of_task::<T, C>)
    }
}

/// The `in` channels of all tasks, as values.
pub struct TypedTaskSender<T, C = Postcard> {
    outbox: TaskSender,
    kind: PhantomData<fn() -> (T, C)>,
}

impl<T: Serialize, C: Codec> TypedTaskSender<T, C> {
    /// Values instead of bytes from here on.
    pub fn new(outbox: TaskSender) -> Self {
        Self {
            outbox,
            kind: PhantomData,
        }
    }

    /// Sends a value to a task; waits while that task's channel is full.
    ///
    /// # Errors
    ///
    /// As [`TaskSender::send`], and when the value cannot be a message.
    pub fn send(&self, task: &str, value: &T) -> Result<(), TypedError<SendError>> {
        self.outbox
            .send(task, C::encode(value)?)
            .map_err(TypedError::Channel)
    }

    /// Sends a value to a task unless its channel is full.
    ///
    /// # Errors
    ///
    /// As [`TaskSender::try_send`], and when the value cannot be a message.
    pub fn try_send(&self, task: &str, value: &T) -> Result<(), TypedError<TrySendError>> {
        self.outbox
            .try_send(task, C::encode(value)?)
            .map_err(TypedError::Channel)
    }

    /// Sends values to their tasks in order; waits while a channel is full. Cheaper than one
    /// [`send`](Self::send) each.
    ///
    /// # Errors
    ///
    /// As [`TaskSender::send_many`], and when a value cannot be a message: then none was sent.
    pub fn send_many(&self, values: Vec<TypedTaskMessage<T>>) -> Result<(), TypedError<SendError>> {
        let encoded = |TypedTaskMessage { task, value }| {
            C::encode::<T>(&value).map(|data| TaskMessage { task, data })
        };
        let messages: Result<Vec<_>, _> = values.into_iter().map(encoded).collect();
        self.outbox
            .send_many(messages?)
            .map_err(TypedError::Channel)
    }

    /// Closes a task's `in` channel: tells the task to exit. Values sent before come first.
    ///
    /// # Errors
    ///
    /// As [`TaskSender::close`].
    pub fn close(&self, task: &str) -> Result<(), SendError> {
        self.outbox.close(task)
    }

    /// The room in a task's channel, to [`select`](crate::select) on.
    pub fn writable<'a>(&'a self, task: &'a str) -> Writable<'a> {
        self.outbox.writable(task)
    }
}

/// What all typed ends have in common with the plain end in their field.
macro_rules! over_plain_end {
    ($($name:ident, $end:ident: $plain:ident;)*) => { $(
        impl<T, C> $name<T, C> {
            /// The plain end again.
            pub fn into_plain(self) -> $plain {
                self.$end
            }
        }

        impl<T, C> fmt::Debug for $name<T, C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )* };
}

over_plain_end! {
    TypedReceiver, inbox: Receiver;
    TypedSender, outbox: Sender;
    TypedTaskReceiver, inbox: TaskReceiver;
    TypedTaskSender, outbox: TaskSender;
}

/// Typed ends become ready when their plain ends do.
macro_rules! selectable {
    ($($name:ident, $end:ident;)*) => { $(
        impl<T, C> Sealed for $name<T, C> {
            fn readiness(&self) -> Readiness {
                self.$end.readiness()
            }
        }

        impl<T, C> Selectable for $name<T, C> {}
    )* };
}

selectable! {
    TypedReceiver, inbox;
    TypedSender, outbox;
    TypedTaskReceiver, inbox;
}

#[cfg(test)]
mod tests;
