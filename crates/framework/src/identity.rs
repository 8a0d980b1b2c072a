//! The certificate by which agents and executors know this run: given, or made when it is first
//! wanted.

use std::sync::OnceLock;

use link::direct::tls::{Identity, TlsError};
use mesos_client::Secret;

use crate::address::is_loopback;
use crate::config::TlsMode;

/// One certificate for all that a run listens with.
pub(crate) struct RunIdentity {
    is_given: bool,
    identity: OnceLock<Identity>,
}

impl RunIdentity {
    /// That of the PEM text, if there is one.
    ///
    /// # Errors
    /// When it is no certificate with its key.
    pub(crate) fn new(pem: Option<&Secret>) -> Result<Self, TlsError> {
        let given = pem.map(|pem| Identity::from_pem(pem.expose().as_bytes()));
        Ok(Self {
            is_given: given.is_some(),
            identity: match given.transpose()? {
                Some(identity) => identity.into(),
                None => OnceLock::new(),
            },
        })
    }

    /// Whether somebody else may vouch for it.
    pub(crate) fn is_given(&self) -> bool {
        self.is_given
    }

    /// The certificate for what is advertised at this address, if that is to have TLS.
    ///
    /// # Errors
    /// When none can be made.
    pub(crate) fn at(&self, address: &str, mode: TlsMode) -> Result<Option<Identity>, TlsError> {
        let has_tls = match mode {
            TlsMode::Auto => !is_loopback(address),
            TlsMode::On => true,
            TlsMode::Off => false,
        };
        if !has_tls {
            return Ok(None);
        }
        if let Some(identity) = self.identity.get() {
            return Ok(Some(identity.clone()));
        }
        let made = Identity::new()?;
        Ok(Some(self.identity.get_or_init(|| made).clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_only_where_it_is_wanted() {
        let run = RunIdentity::new(None).unwrap();
        let fingerprint = |address, mode| {
            let identity = run.at(address, mode).unwrap();
            identity.map(|identity| *identity.fingerprint())
        };
        assert_eq!(fingerprint("127.0.0.1:1", TlsMode::Auto), None);
        assert_eq!(fingerprint("10.0.0.1:1", TlsMode::Off), None);
        assert!(run.identity.get().is_none());
        let made = fingerprint("10.0.0.1:1", TlsMode::Auto);
        assert!(made.is_some());
        assert_eq!(fingerprint("127.0.0.1:2", TlsMode::On), made);
    }

    #[test]
    fn what_is_given_must_be_a_certificate_with_its_key() {
        let authority = testkit::pki::Authority::default();
        let (one, other) = (authority.identity("here"), authority.identity("there"));
        let both = Secret::new(one.certificate_pem() + &one.key_pem());
        let run = RunIdentity::new(Some(&both)).unwrap();
        assert!(run.is_given() && run.at("here:1", TlsMode::Auto).unwrap().is_some());
        for (pem, text) in [
            (one.key_pem(), "there is no certificate"),
            (one.certificate_pem(), "there is no key"),
            (one.certificate_pem() + &other.key_pem(), "keys may not be"),
        ] {
            let error = RunIdentity::new(Some(&Secret::new(pem))).err().unwrap();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
