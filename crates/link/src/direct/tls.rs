//! TLS without configuration: a certificate for one run, known by its digest.
//!
//! Who may connect is decided by the handshake of the link afterwards; this keeps others from
//! listening, and tells the executor that it speaks to whoever announced the digest. TLS 1.3 only.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme, version,
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
}

/// A certificate of its own with its key, made for one run.
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
        let certificate = made.cert.der().clone();
        let fingerprint = fingerprint(&certificate);
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(|error| failed(&error))?;
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
    let name = ServerName::try_from(NAME).expect("it is a name as DNS knows them");
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(HANDSHAKE_WAIT, connecting).await {
        Ok(done) => done.map_err(|error| tls_error(&error)),
        Err(_) => Err(TlsError::TimedOut),
    }
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
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        )) => TlsError::OtherCertificate,
        _ => TlsError::Failed(error.to_string()),
    }
}

/// What certificates are made out to; the digest is what counts.
const NAME: &str = "mesosgot";
