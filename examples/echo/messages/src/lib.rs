//! What the two functions of the echo job say to each other.
//!
//! First an [`Order`] for the task, then numbered messages ([`write()`], [`read`]). Whoever takes
//! messages counts them in a [`Tally`], which tells what is missing, doubled or out of order.

mod message;
mod order;
mod tally;

pub use message::{NUMBER_BYTES, read, write};
pub use order::{Order, OrderError};
pub use tally::{Tally, TallyError};
