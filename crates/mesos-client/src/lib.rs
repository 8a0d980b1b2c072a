//! HTTP clients of the Mesos v1 scheduler, executor and operator APIs.
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
//! - [`SchedulerClient`]: masters, ZooKeeper, redirects, heartbeats, stream ids; a function for each
//!   call ([`SchedulerHandle`]), a variant for each event ([`SchedulerEvent`]).
//! - [`ExecutorClient`]: one agent, its environment variables, its recovery; likewise.
//! - [`MasterOperator`], [`AgentOperator`]: what goes on in a cluster, and changes to it.
//! - [`probe()`]: what one server says to a plain question, to find out what is wrong.
//! - [`Encoding`]: all of them speak protobuf, or JSON with the feature `json`.
//! - [`CallError`] and [`DisconnectReason`]: what can go wrong, by who must act.
//!
//! `examples/framework.rs` is a whole framework and `examples/shell.rs` a whole executor, each in a
//! hundred lines.
//!
//! Inside, `core` decides (no clock, no socket), `driver` and `calls` act.

mod calls;
mod core;
mod driver;
mod encoding;
mod error;
mod executor;
mod operator;
mod probe;
mod scheduler;
mod transport;
mod zookeeper;

pub use crate::core::endpoint::{Endpoint, InvalidEndpoint};
pub use crate::encoding::Encoding;
pub use crate::error::{CallError, DisconnectReason, GaveUpReason, RefusedError, StartError};
pub use crate::executor::calls::ExecutorEvent;
pub use crate::executor::environment::{Checkpoint, EnvironmentError, ExecutorConfig};
pub use crate::executor::{
    ExecutorClient, ExecutorHandle, ExecutorNotice, UPDATES_UNDER_WAY_MAX, Unacknowledged,
};
pub use crate::operator::{
    AgentAddressError, AgentOperator, ContainerInput, ContainerOutput, InputClosed, MasterEvents,
    MasterOperator, OperatorConfig, OperatorError,
};
pub use crate::probe::{ProbeError, Probed, probe};
pub use crate::scheduler::event::SchedulerEvent;
pub use crate::scheduler::{
    Masters, SchedulerClient, SchedulerConfig, SchedulerHandle, SchedulerNotice,
};
pub use crate::transport::{Credentials, Secret, Tls};
