//! The scheduler's client: finds the leading master, stays subscribed, posts calls.

use std::fmt;
use std::future::ready;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use mesos::master::ZooKeeperUrl;
use mesos::{FrameworkId, v1};
use tokio::sync::mpsc;
use v1::scheduler::call::Type as CallType;
use v1::scheduler::event::Type as EventType;

use crate::calls::{Call, CallQueue, Session};
use crate::core::answer::Server;
use crate::core::backoff::Backoff;
use crate::core::endpoint::{Endpoint, InvalidEndpoint};
use crate::core::subscription::{End, Rules, Targets};
use crate::core::zookeeper::DetectorRules;
use crate::core::zookeeper::leader::Scheme;
use crate::driver::{self, Api, BoxFuture, Plan, Record};
use crate::encoding::Encoding;
use crate::error::{CallError, DisconnectReason, RefusedError, StartError};
use crate::transport::{Credentials, Http, HttpOptions, Tls};

mod calls;
pub(crate) mod event;

/// Where masters answer schedulers.
const PATH: &str = "/api/v1/scheduler";

/// The port of a master that is given without one.
const DEFAULT_PORT: u16 = 5050;

/// The heartbeat of a master that names no usable interval; the only one that Mesos has.
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(15);

/// Starts the client; there is no value of it, only its two ends.
#[derive(Debug)]
pub struct SchedulerClient;

impl SchedulerClient {
    /// Starts to subscribe, on a task of its own.
    ///
    /// The task ends, and the receiver answers `None`, after [`SchedulerHandle::stop`], after
    /// [`SchedulerNotice::Refused`], after a TEARDOWN call was taken, when the last handle is
    /// dropped, and when the receiver is dropped. The master may close the stream before it answers
    /// TEARDOWN, so a [`SchedulerNotice::Disconnected`] may come in between.
    ///
    /// The queue of notices is bounded: while it is full the stream is not read.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(
        config: SchedulerConfig,
    ) -> Result<(SchedulerHandle, mpsc::Receiver<SchedulerNotice>), StartError> {
        let http = Http::new(HttpOptions {
            connect_timeout: config.connect_timeout,
            encoding: config.encoding,
            credentials: config.credentials.as_ref(),
            tls: config.tls(),
            domain_socket: None,
        })?;
        let backoff = Backoff {
            first: config.backoff_first,
            max: config.backoff_max,
        };
        let scheme = if config.tls == Tls::default() {
            Scheme::Http
        } else {
            Scheme::Https
        };
        let (targets, detector) = match config.masters.0 {
            Place::Addresses(endpoints) => (Targets::Fixed(endpoints), None),
            Place::ZooKeeper(url) => {
                let rules = DetectorRules {
                    url,
                    scheme,
                    path: PATH,
                    backoff,
                };
                (Targets::Detected(None), Some(rules))
            }
        };
        let rules = Rules {
            targets,
            backoff,
            answer_timeout: config.answer_timeout,
            first_patience: None,
            patience: None,
            untold_heartbeat: None,
        };
        let api = SchedulerApi {
            encoding: config.encoding,
            framework_info: config.framework_info,
            suppressed_roles: config.suppressed_roles,
            subscribed_before: false,
        };
        let plan = Plan {
            rules,
            detector,
            call_timeout: config.call_timeout,
            heartbeat: None,
            seed: config.seed,
        };
        let (queue, notices) = driver::start(http, plan, |_| api);
        Ok((SchedulerHandle { queue }, notices))
    }
}

/// How a [`SchedulerClient`] behaves.
#[derive(Debug, Clone)]
pub struct SchedulerConfig {
    /// The masters, tried in turn, of which any may redirect to the leader; or who knows them.
    pub masters: Masters,
    /// Sent with every SUBSCRIBE. With an id set, that framework is taken over; else the id comes
    /// with the first subscription.
    pub framework_info: v1::FrameworkInfo,
    /// The roles without offers after every SUBSCRIBE, whatever SUPPRESS and REVIVE have said.
    pub suppressed_roles: Vec<String>,
    /// For masters that authenticate frameworks. They are sent to the master that a redirect leads
    /// to as well, but never from `https` to `http`. Default: none.
    pub credentials: Option<Credentials>,
    /// For masters behind `https`. Default: the authorities of the system, no identity.
    ///
    /// With the default, and no `https` among the [`masters`](Self::masters), a redirect to `https`
    /// fails: the authorities of the system are not read for masters that have no use for them.
    pub tls: Tls,
    /// How calls and events are written. Default: protobuf.
    pub encoding: Encoding,
    /// For how long a connection may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// For how long SUBSCRIBE may wait for its first event. Default: 15 s, a heartbeat's interval.
    pub answer_timeout: Duration,
    /// For how long any other call may wait for its answer. Default: 10 s.
    pub call_timeout: Duration,
    /// The most that is waited before the second try. Default: 500 ms.
    pub backoff_first: Duration,
    /// The most that is ever waited between tries. Default: 15 s.
    pub backoff_max: Duration,
    /// Seed of the random part of delays. Default: a random one.
    pub seed: u64,
}

impl SchedulerConfig {
    /// The defaults that are given at each field.
    pub fn new(masters: Masters, framework_info: v1::FrameworkInfo) -> Self {
        Self {
            masters,
            framework_info,
            suppressed_roles: Vec::new(),
            credentials: None,
            tls: Tls::default(),
            encoding: Encoding::default(),
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_secs(10),
            backoff_first: Duration::from_millis(500),
            backoff_max: Duration::from_secs(15),
            seed: fastrand::u64(..),
        }
    }

    /// What TLS is configured with, if there may be any: settings that were made are for a master
    /// that is only known from a redirect. Without them such a master is not trusted.
    fn tls(&self) -> Option<&Tls> {
        let is_wanted = self.masters.is_any_secure() || self.tls != Tls::default();
        is_wanted.then_some(&self.tls)
    }
}

/// How the masters of one cluster are found.
///
/// Read from `host:port,host:port,...`; the scheme is `http` and the port 5050 unless given. Or
/// from `zk://host:port,host:port/path`, with `user:password@` before the hosts if the path is not
/// for everybody to read: then ZooKeeper is asked who leads, and says so whenever that changes.
///
/// ZooKeeper does not tell whether masters want TLS: they are taken to want it exactly if
/// [`SchedulerConfig`] has settings of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masters(pub(crate) Place);

/// Where masters are, or where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// At least one.
    Addresses(Vec<Endpoint>),
    /// The group where they register.
    ZooKeeper(ZooKeeperUrl),
}

impl Masters {
    fn is_any_secure(&self) -> bool {
        match &self.0 {
            Place::Addresses(endpoints) => endpoints.iter().any(Endpoint::is_secure),
            Place::ZooKeeper(_) => false,
        }
    }
}

impl fmt::Display for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Addresses(endpoints) => {
                let shown: Vec<String> = endpoints.iter().map(ToString::to_string).collect();
                f.write_str(&shown.join(", "))
            }
            Place::ZooKeeper(url) => url.fmt(f),
        }
    }
}

impl FromStr for Masters {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        if text.starts_with(ZooKeeperUrl::SCHEME) {
            return Ok(Self(Place::ZooKeeper(text.parse()?)));
        }
        text.split(',')
            .map(|address| Endpoint::parse(address.trim(), DEFAULT_PORT, PATH))
            .collect::<Result<_, _>>()
            .map(|endpoints| Self(Place::Addresses(endpoints)))
    }
}

/// What the owner of a [`SchedulerClient`] is told.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every notice is an event, and those are moved, never stored"
)]
pub enum SchedulerNotice {
    /// There is a subscription. Every earlier offer is void, every role but
    /// [`SchedulerConfig::suppressed_roles`] gets offers, and updates that were not acknowledged
    /// come again.
    Subscribed {
        /// The id of the framework.
        framework_id: FrameworkId,
        /// The master that accepted.
        master_info: Option<v1::MasterInfo>,
        /// Whether it is this client's first subscription.
        first: bool,
    },
    /// An event other than SUBSCRIBED, HEARTBEAT and ERROR, of a known type.
    Event(v1::scheduler::Event),
    /// The subscription is lost. Sent once for each [`Self::Subscribed`]; the client goes on.
    Disconnected {
        /// How it was lost.
        reason: DisconnectReason,
    },
    /// An attempt to subscribe failed; the client goes on. Comes any number of times before each
    /// [`Self::Subscribed`].
    AttemptFailed {
        /// Why.
        reason: DisconnectReason,
        /// When the next attempt follows.
        retry_in: Duration,
    },
    /// The master will not have this framework. The last notice.
    Refused(RefusedError),
}

/// Sends calls. Clones send through the same queue.
#[derive(Debug, Clone)]
pub struct SchedulerHandle {
    queue: CallQueue<v1::scheduler::Call>,
}

impl SchedulerHandle {
    /// Sends a call and waits until the master has taken it; `framework_id` is filled in.
    ///
    /// Calls go out in the order in which their futures are first polled, one at a time. That a
    /// call was taken says nothing of its success (PROTOCOL §3, §5). A future that is dropped
    /// does not take its call back. No call is ever sent twice. One that still waits for its turn
    /// when the subscription is replaced goes out under the new one, where the offers of an ACCEPT
    /// are void (its tasks come back as dropped).
    ///
    /// UPDATE_FRAMEWORK does not change what this client sends with its next SUBSCRIBE.
    ///
    /// # Errors
    /// By class, see [`CallError`]. Only [`CallError::Transport`] leaves open what happened.
    pub async fn call(&self, call: v1::scheduler::Call) -> Result<(), CallError> {
        self.queue.call(call).await
    }

    /// Ends the client, without TEARDOWN: the master waits for the framework's failover timeout.
    pub fn stop(&self) {
        self.queue.stop();
    }
}

struct SchedulerApi {
    encoding: Encoding,
    framework_info: v1::FrameworkInfo,
    suppressed_roles: Vec<String>,
    subscribed_before: bool,
}

impl Api for SchedulerApi {
    type Event = v1::scheduler::Event;
    type Notice = SchedulerNotice;

    const HAS_STREAM_ID: bool = true;

    fn subscribe(&mut self) -> BoxFuture<Bytes> {
        let call = v1::scheduler::Call {
            // Both places, or the master refuses (PROTOCOL §3).
            framework_id: self.framework_info.id.clone(),
            r#type: Some(CallType::Subscribe.into()),
            subscribe: Some(v1::scheduler::call::Subscribe {
                framework_info: self.framework_info.clone(),
                suppressed_roles: self.suppressed_roles.clone(),
                offer_constraints: None,
            }),
            ..v1::scheduler::Call::default()
        };
        Box::pin(ready(self.encoding.encode(&call)))
    }

    fn read(&mut self, event: v1::scheduler::Event) -> Record<SchedulerNotice> {
        match (event.r#type(), event.subscribed, event.error) {
            (EventType::Subscribed, Some(subscribed), _) => {
                let framework_id = subscribed.framework_id;
                self.framework_info.id = Some(framework_id.clone());
                let first = !std::mem::replace(&mut self.subscribed_before, true);
                Record::Subscribed {
                    heartbeat: Some(heartbeat(subscribed.heartbeat_interval_seconds)),
                    framework_id: framework_id.clone(),
                    notice: SchedulerNotice::Subscribed {
                        framework_id: framework_id.into(),
                        master_info: subscribed.master_info,
                        first,
                    },
                }
            }
            (EventType::Error, _, error) => Record::Error {
                message: error.unwrap_or_default().message,
            },
            (EventType::Heartbeat, ..) => Record::Heartbeat,
            (EventType::Unknown | EventType::Subscribed, ..) => Record::Unknown,
            (_, subscribed, error) => Record::Event(SchedulerNotice::Event(v1::scheduler::Event {
                subscribed,
                error,
                ..event
            })),
        }
    }

    fn lost(reason: DisconnectReason) -> SchedulerNotice {
        SchedulerNotice::Disconnected { reason }
    }

    fn attempt_failed(reason: DisconnectReason, retry_in: Duration) -> SchedulerNotice {
        SchedulerNotice::AttemptFailed { reason, retry_in }
    }

    fn ended(end: End) -> SchedulerNotice {
        SchedulerNotice::Refused(match end {
            End::Error { message } => match message.as_str() {
                "Framework failed over" => RefusedError::FailedOver,
                "Framework has been removed" => RefusedError::Removed,
                _ => RefusedError::Invalid(message),
            },
            End::Rejected {
                status: status @ (401 | 403),
                text,
            } => RefusedError::Unauthorized { status, text },
            End::Rejected { status, text } => RefusedError::Rejected { status, text },
            End::OutOfPatience(reason) => {
                unreachable!("the patience of a scheduler has no end: {reason}")
            }
        })
    }
}

impl Call for v1::scheduler::Call {
    const SERVER: Server = Server::Master;

    fn check(&self) -> Result<(), CallError> {
        match self.r#type() {
            // An explicit UNKNOWN ends the process of a real master (PROTOCOL §1).
            CallType::Unknown => Err(CallError::Malformed("it has no type")),
            CallType::Subscribe => Err(CallError::Malformed("SUBSCRIBE is the client's own")),
            _ => Ok(()),
        }
    }

    fn encode(&mut self, session: &Session, encoding: Encoding) -> Bytes {
        self.framework_id = Some(session.framework_id.clone());
        encoding.encode(self)
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    fn is_last(&self) -> bool {
        self.r#type() == CallType::Teardown
    }
}

/// The interval that SUBSCRIBED promises, or the usual one if it makes no sense.
fn heartbeat(seconds: Option<f64>) -> Duration {
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|interval| !interval.is_zero() && *interval < Duration::from_secs(24 * 60 * 60))
        .unwrap_or(HEARTBEAT_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_masters_is_read() {
        let masters: Masters = "a, b:5051,https://c".parse().unwrap();
        assert_eq!(
            masters.to_string(),
            "http://a:5050/api/v1/scheduler, http://b:5051/api/v1/scheduler, \
             https://c:5050/api/v1/scheduler"
        );
        assert!(masters.is_any_secure());
        assert_eq!("a,".parse::<Masters>(), Err(InvalidEndpoint::Empty));
        assert_eq!("".parse::<Masters>(), Err(InvalidEndpoint::Empty));
        let masters: Masters = "zk://u:p@a,b/mesos".parse().unwrap();
        assert_eq!(masters.to_string(), "zk://a:2181,b:2181/mesos");
        assert!(!masters.is_any_secure());
        assert_eq!(
            "a,zk://b/mesos".parse::<Masters>(),
            Err(InvalidEndpoint::ZooKeeperInList)
        );
    }

    #[test]
    fn tls_is_configured_for_a_secure_master_and_for_one_that_a_redirect_may_lead_to() {
        let config = |masters: &str, tls: Tls| SchedulerConfig {
            tls,
            ..SchedulerConfig::new(masters.parse().unwrap(), v1::FrameworkInfo::default())
        };
        let own = Tls {
            authorities: vec![b"pem".to_vec()],
            identity: None,
        };
        assert_eq!(config("a", Tls::default()).tls(), None);
        assert_eq!(
            config("a,https://b", Tls::default()).tls(),
            Some(&Tls::default())
        );
        assert_eq!(config("a", own.clone()).tls(), Some(&own));
    }

    #[test]
    fn an_interval_that_makes_no_sense_is_the_usual_one() {
        assert_eq!(heartbeat(Some(0.5)), Duration::from_millis(500));
        for seconds in [None, Some(0.0), Some(-1.0), Some(f64::NAN), Some(1e9)] {
            assert_eq!(heartbeat(seconds), HEARTBEAT_DEFAULT, "{seconds:?}");
        }
    }

    #[test]
    fn calls_that_would_do_harm_are_not_sent() {
        let unknown = v1::scheduler::Call::default();
        assert_eq!(unknown.check(), Err(CallError::Malformed("it has no type")));
        let subscribe = v1::scheduler::Call {
            r#type: Some(CallType::Subscribe.into()),
            ..v1::scheduler::Call::default()
        };
        assert!(matches!(subscribe.check(), Err(CallError::Malformed(_))));
    }
}
