//! Why a job does not answer: the fact that matters, and what to try.

use std::error::Error;
use std::io;

/// What went wrong with a request, by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody listens there.
    Refused,
    /// The name of the host is not known.
    Lookup,
    /// Nobody has answered in time.
    Timeout,
    /// Who answers does not speak TLS.
    NotTls,
    /// Who answers has a certificate that is not trusted.
    Untrusted,
    /// They do not come to terms about TLS.
    Tls,
    /// Who answers does not speak HTTP.
    NotHttp,
    /// It broke off, or the system says something else.
    Other,
}

impl Trouble {
    /// What an error is about.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        match cause_of_type::<rustls::Error>(error) {
            Some(rustls::Error::InvalidMessage(_)) => Self::NotTls,
            Some(rustls::Error::InvalidCertificate(_)) => Self::Untrusted,
            Some(_) => Self::Tls,
            None if error.is_dns() => Self::Lookup,
            None if error.is_timeout() => Self::Timeout,
            None if cause_of_type(error).is_some_and(refused) => Self::Refused,
            None if cause_of_type(error).is_some_and(hyper::Error::is_parse) => Self::NotHttp,
            None => Self::Other,
        }
    }

    /// What to try, of a job that is asked at an address.
    pub(super) fn help_elsewhere(self) -> &'static str {
        match self {
            Self::Refused => {
                "is it run with `--dashboard` there, and is this the port that it printed?"
            }
            Self::Lookup => "is the name right? the address comes from `--address`",
            Self::Timeout => {
                "is the address right, and can it be reached from here? something between may \
                 drop connections"
            }
            Self::NotTls => {
                "write the address with `http://`: a dashboard speaks no TLS but behind a proxy"
            }
            Self::Untrusted => {
                "name the host as its certificate does; the authority of that must be one which \
                 this machine trusts"
            }
            Self::Tls => {
                "what answers there refuses our TLS; a proxy that asks for a certificate lets \
                 nobody pass from here"
            }
            Self::NotHttp => {
                "is this the port of a dashboard? behind a proxy with TLS its address begins with \
                 `https://`"
            }
            Self::Other => {
                "is the address right, and does something between here and there cut connections?"
            }
        }
    }
}

/// What to try, of a job on this machine, which was found just before.
pub(super) const HELP_HERE: &str = "it may have ended meanwhile; `mesosgot status` shows what runs";

/// The innermost cause, which is the one that names the fact (`Connection refused`). A timeout of
/// ours has none.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// What a layer below has to say of an error, wherever in its chain that is.
fn cause_of_type<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    if let Some(cause) = error.downcast_ref() {
        return Some(cause);
    }
    // An I/O error names as its source not what it wraps, but the source of that.
    let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => cause_of_type(wrapped),
        None => cause_of_type(error.source()?),
    }
}
