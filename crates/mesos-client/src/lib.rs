//! HTTP clients of the Mesos v1 scheduler and executor APIs.
//!
//! A client keeps one event stream alive and posts calls beside it: it finds the leading master,
//! subscribes again after every loss, and says what happened in a bounded queue of notices. What
//! it must never do is to guess: a call whose outcome is unknown is reported as such and not sent
//! again, save for an executor's UPDATE, which Mesos takes any number of times.
//!
//! ```no_run
//! use mesos::v1;
//! use mesos_client::{SchedulerClient, SchedulerConfig, SchedulerNotice};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let framework_info = v1::FrameworkInfo {
//!     user: "nobody".to_owned(),
//!     name: "example".to_owned(),
//!     ..v1::FrameworkInfo::default()
//! };
//! let config = SchedulerConfig::new("10.0.0.1:5050,10.0.0.2:5050".parse()?, framework_info);
//! let (handle, mut notices) = SchedulerClient::start(config)?;
//! while let Some(notice) = notices.recv().await {
//!     match notice {
//!         SchedulerNotice::Subscribed { framework_id, .. } => println!("we are {framework_id}"),
//!         SchedulerNotice::Event(event) => println!("{event:?}"),
//!         other => println!("{other:?}"),
//!     }
//! }
//! handle.stop();
//! # Ok(())
//! # }
//! ```
//!
//! - [`SchedulerClient`]: masters, redirects, heartbeats, stream ids.
//! - [`ExecutorClient`]: one agent, its environment variables, its recovery.
//! - [`CallError`] and [`DisconnectReason`]: what can go wrong, by who must act.
//!
//! Inside, `core` decides (no clock, no socket), `driver` and `calls` act.

mod calls;
mod core;
mod driver;
mod error;
mod executor;
mod scheduler;
mod transport;
mod zookeeper;

pub use crate::core::endpoint::{Endpoint, InvalidEndpoint};
pub use crate::error::{CallError, DisconnectReason, GaveUpReason, RefusedError, StartError};
pub use crate::executor::environment::{Checkpoint, EnvironmentError, ExecutorConfig};
pub use crate::executor::{ExecutorClient, ExecutorHandle, ExecutorNotice, Unacknowledged};
pub use crate::scheduler::{
    Masters, SchedulerClient, SchedulerConfig, SchedulerHandle, SchedulerNotice,
};
pub use crate::transport::{Credentials, Secret, Tls};
