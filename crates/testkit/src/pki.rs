//! Certificates that tests make: an authority, and who it vouches for.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// An authority of the test's own.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What somebody shows: a certificate, and the key to it.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

/// Whether a server asks who its clients are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// It does not.
    Anybody,
    /// They show a certificate of the server's own authority.
    Known,
}

impl Default for Authority {
    /// One that nobody has heard of.
    ///
    /// # Panics
    /// When no key can be made, as in all of this module.
    fn default() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("there are no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params.self_signed(&key).expect("a key signs");
        Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }
}

impl Authority {
    /// A certificate for this name, of a host or of anybody.
    ///
    /// # Panics
    /// When it is no name.
    pub fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        let certificate = params.signed_by(&key, &self.issuer);
        Identity {
            certificate: certificate.expect("an authority signs").der().clone(),
            key: key.serialize_der(),
        }
    }

    /// What others need to trust it.
    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// For a server at `localhost` whose certificate is by this authority.
    ///
    /// # Panics
    /// Never for what this module makes.
    pub fn server(&self, clients: Clients) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider knows them");
        let builder = match clients {
            Clients::Anybody => builder.with_no_client_auth(),
            Clients::Known => {
                let mut roots = RootCertStore::empty();
                let added = roots.add(self.certificate.clone());
                added.expect("it is an authority");
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("there is an authority"))
            }
        };
        let Identity { certificate, key } = self.identity("localhost");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let config = builder.with_single_cert(vec![certificate], key);
        Arc::new(config.expect("the key is that of the certificate"))
    }
}

impl Identity {
    /// The certificate.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// The key.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}
