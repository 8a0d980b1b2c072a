//! What can go wrong, by who must act.

use std::time::Duration;

use thiserror::Error;

/// Why a client could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StartError {
    /// The certificates, or the identity, are of no use.
    #[error("cannot use the TLS configuration: {0}")]
    Tls(String),
    /// The secret has a character that no header can carry.
    #[error("the credentials cannot be sent in a header")]
    Credentials,
}

/// What became of a call that was not taken.
///
/// The subscription goes on, whatever the class.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// It was not sent: the call is one that this client does not send. The caller is at fault.
    #[error("call is not sent: {0}")]
    Malformed(&'static str),
    /// It has had no effect, because there is no subscription; call again once there is one.
    #[error("call was not taken, there is no subscription")]
    NotSubscribed,
    /// It has had no effect: the master or the agent refuses what it says.
    #[error("call was refused with status {status}: {text}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the server says, cut to a few kilobytes.
        text: String,
    },
    /// Nobody can tell whether it has had its effect: no answer came back.
    #[error("call has an unknown outcome: {0}")]
    Transport(String),
}

/// Why there is no subscription: how the last one ended, or why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DisconnectReason {
    /// The server ended the stream between two events.
    #[error("the stream was closed")]
    Closed,
    /// The connection broke, or the stream ended within an event.
    #[error("the stream broke off: {0}")]
    Broken(String),
    /// What came is not an event stream.
    #[error("the stream is malformed: {0}")]
    Malformed(String),
    /// Nothing came for so long, although heartbeats were promised.
    #[error("nothing was heard for {0:?}")]
    Silent(Duration),
    /// A call was told that there is no such subscription.
    #[error("a call was told that there is no subscription")]
    NotSubscribed,
    /// No connection could be made, or it broke before an answer.
    #[error("cannot reach `{endpoint}`: {detail}")]
    Unreachable {
        /// What was tried.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// The certificate of the server is not one that we trust.
    #[error("the certificate of `{endpoint}` is not trusted: {detail}")]
    Untrusted {
        /// What was tried.
        endpoint: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The server wants a certificate of ours, or does not take the one that it got.
    #[error("`{endpoint}` does not take our certificate: {detail}")]
    CertificateRefused {
        /// What was tried.
        endpoint: String,
        /// What the server says.
        detail: String,
    },
    /// The address begins with `https`, but the server does not speak TLS.
    #[error("`{endpoint}` does not speak TLS: {detail}")]
    NotTls {
        /// What was tried.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// The address begins with `http`, but what the server answers is not HTTP: one that wants TLS
    /// answers in that.
    #[error("`{endpoint}` does not answer in HTTP: {detail}")]
    NotHttp {
        /// What was tried.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// The server answers, but not as Mesos does.
    #[error("`{endpoint}` does not answer as Mesos does: {detail}")]
    NotMesos {
        /// What was tried.
        endpoint: String,
        /// What is different.
        detail: String,
    },
    /// The server did not answer in time.
    #[error("`{endpoint}` has not answered within {waited:?}")]
    Unanswered {
        /// What was tried.
        endpoint: String,
        /// How long it had.
        waited: Duration,
    },
    /// The server answered that it cannot serve now.
    #[error("`{endpoint}` does not serve now, status {status}: {text}")]
    Unavailable {
        /// What was tried.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// What the server says, cut to a few kilobytes.
        text: String,
    },
    /// ZooKeeper names another master than the one that we were subscribed with.
    #[error("another master leads: `{endpoint}`")]
    LeaderChanged {
        /// The one that leads.
        endpoint: String,
    },
    /// ZooKeeper names no master that leads, or cannot be asked.
    #[error("no leading master is known from `{place}`: {detail}")]
    NoLeader {
        /// The `zk://` address, without credentials.
        place: String,
        /// What there is instead, or which server cannot be asked, and why.
        detail: String,
    },
    /// The server that another one sent us to, because it leads, could not be subscribed with.
    #[error("`{sent_by}` says that another master leads: {reason}")]
    AtLeader {
        /// Who redirected us.
        sent_by: String,
        /// What is wrong with the one that leads; not a source, because it is told here.
        reason: Box<Self>,
    },
    /// A redirect that leads nowhere, or the last of too many.
    #[error("redirected to `{location}`, which is not followed")]
    Redirected {
        /// The `Location` header.
        location: String,
    },
}

/// Why the master will not have this framework; the client has ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RefusedError {
    /// Another scheduler has subscribed with this framework id and has taken over.
    #[error("another scheduler has taken over this framework")]
    FailedOver,
    /// The framework was torn down, or its failover timeout is over: its tasks are gone, and only
    /// a new framework id will do.
    #[error("the framework has been removed")]
    Removed,
    /// The master refuses the FrameworkInfo (role, user, timeout, ...): the user must change it.
    #[error("the master refuses the framework: {0}")]
    Invalid(String),
    /// The master wants (other) credentials, or does not allow what these ask for.
    #[error("the master does not let us in, status {status}: {text}")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// What the master says.
        text: String,
    },
    /// The server refuses the request: it is no Mesos master, or not of a version that we know.
    #[error("the SUBSCRIBE call was refused with status {status}: {text}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the server says.
        text: String,
    },
}

/// Why an executor has no agent any more; the client has ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GaveUpReason {
    /// The agent did not come back in the time that it may take.
    #[error("the agent is lost: {0}")]
    AgentLost(DisconnectReason),
    /// The agent does not know this executor, or refuses its token.
    #[error("the agent refuses this executor, status {status}: {text}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the agent says.
        text: String,
    },
    /// The agent sent an ERROR event.
    #[error("the agent reports an error: {0}")]
    Error(String),
}
