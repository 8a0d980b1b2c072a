//! Guest library: tasks and app schedulers for mesosgot in Rust.
//!
//! A **task** is a function with an `in` channel, an `out` channel, arguments and an environment.
//! An **app scheduler** is a function that holds the other ends of all those channels and hears
//! what happens to every task. Both are compiled to WebAssembly; one crate holds one of them.
//!
//! ```
//! use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};
//!
//! /// Sends back what it receives until it is told to exit.
//! #[mesosgot_sdk::task]
//! fn echo(inbox: Receiver, outbox: Sender, _args: Args, _env: Env) -> Result<(), Error> {
//!     for message in &inbox {
//!         outbox.send(message)?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! The crate's `Cargo.toml` says `crate-type = ["cdylib", "rlib"]`, and
//! `cargo build --target wasm32-wasip2` makes the component; `wasm32-wasip1` works too.
//!
//! # How a task ends
//!
//! The task's `in` closes when it is told to exit: [`Receiver::recv`] then answers `None`, after
//! every message that was sent before. Returning `Ok` is `TASK_FINISHED`, returning an [`Error`]
//! is `TASK_FAILED` with the error's text and causes. A panic prints its message and place to
//! stderr and then traps, which is `TASK_FAILED` with the WebAssembly backtrace.
//!
//! # Tests without WebAssembly
//!
//! Off WebAssembly the same types run on channels in memory with the same rules, and the attribute
//! leaves the function as it is, so that a test calls it like any other:
//!
//! ```
//! # use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};
//! # #[mesosgot_sdk::task]
//! # fn echo(inbox: Receiver, outbox: Sender, _args: Args, _env: Env) -> Result<(), Error> {
//! #     for message in &inbox {
//! #         outbox.send(message)?;
//! #     }
//! #     Ok(())
//! # }
//! # fn main() -> Result<(), Error> {
//! let (inbox, outbox, handle) = mesosgot_sdk::testing::task();
//! handle.send("ping")?;
//! handle.close();
//! echo(inbox, outbox, Args::default(), Env::default())?;
//! assert_eq!(handle.recv().as_deref(), Some("ping".as_bytes()));
//! assert_eq!(handle.recv(), None);
//! # Ok(())
//! # }
//! ```

// The macros name this crate by its name, in its own tests too.
extern crate self as mesosgot_sdk;

mod channel;
mod error;
mod job;
mod select;
mod typed;

mod args;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings;
mod guest;
mod sys;

pub use args::{ArgError, Args, Env, Flag};
pub use channel::{MESSAGE_BYTES_MAX, Receiver, ReceiverIter, Sender};
pub use error::{Error, RecvTimeoutError, RequestError, SendError, TryRecvError, TrySendError};
pub use job::{
    Control, Event, EventKind, Events, TaskMessage, TaskReceiver, TaskReceiverIter, TaskSender,
    TaskSummary, Writable,
};
pub use mesosgot_sdk_macros::{scheduler, task};
pub use select::{Selectable, Selected, Timer, select};
pub use typed::{
    Codec, CodecError, DecodeError, Json, Postcard, TypedError, TypedReceiver, TypedSender,
    TypedTaskMessage, TypedTaskReceiver, TypedTaskSender,
};

/// What the attribute macros expand to. Not for use by hand; may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use crate::guest::Outcome;
    #[cfg(target_family = "wasm")]
    pub use crate::guest::{run_scheduler, run_task};
    #[cfg(target_family = "wasm")]
    pub use wit_bindgen;
}
