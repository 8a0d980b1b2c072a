//! TLS without configuration: a certificate for one run, known by its digest.
//!
//! Who may connect is decided by the handshake of the link afterwards; this keeps others from
//! listening, and tells the executor that it speaks to whoever announced the digest. Executors
//! speak TLS 1.3 only.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme,
    SupportedProtocolVersion, version,
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::HANDSHAKE_WAIT;

/// The digest of a certificate, by which an executor knows its scheduler.
pub type Fingerprint = [u8; 32];

/// Why there is no TLS on a connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// The certificate is not the announced one: something else answers at that address.
    #[error("the certificate is not the one that was announced")]
    OtherCertificate,
    /// It took longer than [`HANDSHAKE_WAIT`].
    #[error("no TLS in {} s", HANDSHAKE_WAIT.as_secs())]
    TimedOut,
    /// The other end does not speak TLS, or not as we do, or the connection broke.
    #[error("TLS failed: {0}")]
    Failed(String),
    /// What was given is no certificate with its key.
    #[error("{0}")]
    Pem(String),
}

/// A certificate with its key: made for one run, or given.
#[derive(Clone)]
pub struct Identity {
    acceptor: TlsAcceptor,
    fingerprint: Fingerprint,
}

impl Identity {
    /// Makes a new one.
    ///
    /// # Errors
    /// When no key can be made, as without a source of chance.
    pub fn new() -> Result<Self, TlsError> {
        let failed = |error: &dyn std::error::Error| TlsError::Failed(error.to_string());
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]);
        let made = made.map_err(|error| failed(&error))?;
        let chain = vec![made.cert.der().clone()];
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        Self::of(chain, key, &[&version::TLS13]).map_err(|error| failed(&error))
    }

    /// That of a PEM text: a certificate, those that vouch for it, and its key, in any order but
    /// the certificate before the others. Others than executors may speak TLS 1.2 to it.
    ///
    /// # Errors
    /// When one of them is missing, or they do not belong together.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TlsError> {
        let bad = |error: &dyn std::fmt::Display| TlsError::Pem(error.to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let chain = chain.map_err(|error| bad(&format!("a certificate is not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(bad(&"there is no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| bad(&format!("there is no key: {error}")))?;
        Self::of(chain, key, &[&version::TLS13, &version::TLS12]).map_err(|error| bad(&error))
    }

    fn of(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Self, rustls::Error> {
        let fingerprint = fingerprint(&chain[0]);
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            fingerprint,
        })
    }

    /// What executors are to be told.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The scheduler's side of a connection.
    ///
    /// # Errors
    /// When the other end does not do its part, or not in time.
    pub async fn accept<S>(&self, stream: S) -> Result<server::TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match timeout(HANDSHAKE_WAIT, self.acceptor.accept(stream)).await {
            Ok(done) => done.map_err(|error| tls_error(&error)),
            Err(_) => Err(TlsError::TimedOut),
        }
    }
}

/// The executor's side of a connection to whoever has this certificate.
///
/// # Errors
/// When the other end has another one, does not do its part, or not in time.
pub async fn connect<S>(
    stream: S,
    fingerprint: Fingerprint,
) -> Result<client::TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = client_config(fingerprint)?;
    let name = ServerName::try_from(NAME).expect("it is a name as DNS knows them");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(HANDSHAKE_WAIT, connecting).await {
        Ok(done) => done.map_err(|error| tls_error(&error)),
        Err(_) => Err(TlsError::TimedOut),
    }
}

/// For connections to whoever has this certificate, whatever its host is called.
///
/// # Errors
/// Never with the libraries that are linked; they could lack TLS 1.3.
pub fn client_config(fingerprint: Fingerprint) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let pinned = Pinned {
        fingerprint,
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&version::TLS13])
        .map_err(|error| TlsError::Failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth();
    Ok(config)
}

/// Whether this is how a connection by [`client_config`] fails whose other end shows another
/// certificate.
pub fn is_other_certificate(error: &rustls::Error) -> bool {
    let other = CertificateError::ApplicationVerificationFailure;
    *error == rustls::Error::InvalidCertificate(other)
}

/// Trusts one certificate, whatever stands in it.
#[derive(Debug)]
struct Pinned {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if fingerprint(end_entity) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            let error = CertificateError::ApplicationVerificationFailure;
            Err(rustls::Error::InvalidCertificate(error))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

fn tls_error(error: &io::Error) -> TlsError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) if is_other_certificate(error) => TlsError::OtherCertificate,
        _ => TlsError::Failed(error.to_string()),
    }
}

/// What certificates are made out to; the digest is what counts.
const NAME: &str = "mesosgot";
