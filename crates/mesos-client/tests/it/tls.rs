//! Masters and agents behind TLS, with certificates that the tests make.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mesos::v1;
use mesos_client::{
    DisconnectReason, ExecutorClient, ExecutorConfig, SchedulerClient, SchedulerConfig, Secret,
    Tls, Unacknowledged,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::fake::Fake;
use crate::scheduler::{attempt_failed, config, subscribe};

/// An authority of the test's own.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What somebody shows: a certificate, and the key to it in DER.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
        }
    }

    fn pem(&self) -> Vec<u8> {
        pem("CERTIFICATE", &self.certificate).into_bytes()
    }
}

impl Identity {
    fn pem(&self) -> Secret {
        let key = pem("PRIVATE KEY", &self.key);
        Secret::new(pem("CERTIFICATE", &self.certificate) + &key)
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}

/// Whether a server asks who its clients are.
enum Clients {
    Anybody,
    Known,
}

struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.unwrap();
            // A client that does not trust us, or that we do not, goes away.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A server at `localhost` whose certificate is by `authority`.
async fn serve(authority: &Authority, clients: Clients) -> Fake {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        Clients::Anybody => builder.with_no_client_auth(),
        Clients::Known => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let Identity { certificate, key } = authority.identity("localhost");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = builder.with_single_cert(vec![certificate], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Fake::start_on(TlsListener { listener, acceptor }, address)
}

fn secure(master: &Fake, tls: Tls) -> SchedulerConfig {
    SchedulerConfig {
        tls,
        ..config(&format!("https://{}", master.address))
    }
}

/// Why the first attempt fails.
async fn failure(config: SchedulerConfig) -> DisconnectReason {
    let (_handle, mut notices) = SchedulerClient::start(config).unwrap();
    attempt_failed(&mut notices).await
}

#[tokio::test]
async fn a_master_behind_tls_is_trusted_by_its_authority_and_shown_our_certificate() {
    let authority = Authority::new();
    for clients in [Clients::Anybody, Clients::Known] {
        let mut master = serve(&authority, clients).await;
        let tls = Tls {
            authorities: vec![authority.pem()],
            identity: Some(authority.identity("framework").pem()),
        };
        let (_handle, mut notices) = SchedulerClient::start(secure(&master, tls)).unwrap();
        subscribe(&mut master, &mut notices).await;
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_or_for_another_name_is_not_trusted() {
    let authority = Authority::new();
    let master = serve(&authority, Clients::Anybody).await;
    let tls = Tls {
        authorities: vec![Authority::new().pem()],
        identity: None,
    };
    let reason = failure(secure(&master, tls)).await;
    assert!(
        matches!(&reason, DisconnectReason::Untrusted { endpoint, .. }
            if endpoint.contains(&master.address)),
        "{reason:?}"
    );
    let tls = Tls {
        authorities: vec![authority.pem()],
        identity: None,
    };
    let mut config = secure(&master, tls);
    let by_number = master.address.replace("localhost", "https://127.0.0.1");
    config.masters = by_number.parse().unwrap();
    let reason = failure(config).await;
    assert!(
        matches!(&reason, DisconnectReason::Untrusted { detail, .. } if detail.contains("127.0.0.1")),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_master_that_wants_to_know_us_says_so() {
    let authority = Authority::new();
    let master = serve(&authority, Clients::Known).await;
    let tls = Tls {
        authorities: vec![authority.pem()],
        identity: None,
    };
    let reason = failure(secure(&master, tls)).await;
    assert!(
        matches!(reason, DisconnectReason::CertificateRefused { .. }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_wrong_scheme_is_told_in_both_directions() {
    let plain = Fake::start().await;
    let reason = failure(secure(&plain, Tls::default())).await;
    assert!(
        matches!(reason, DisconnectReason::NotTls { .. }),
        "{reason:?}"
    );

    let authority = Authority::new();
    let master = serve(&authority, Clients::Anybody).await;
    let reason = failure(config(&master.address)).await;
    assert!(
        matches!(reason, DisconnectReason::Unreachable { .. }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn an_agent_behind_tls_is_reached() {
    let authority = Authority::new();
    let mut agent = serve(&authority, Clients::Anybody).await;
    let address = format!("https://{}", agent.address);
    let mut config = ExecutorConfig::new(&address, "f".into(), "e".into()).unwrap();
    config.tls.authorities = vec![authority.pem()];
    let source = || ready(Unacknowledged::default());
    let (_handle, _notices) = ExecutorClient::start(config, source).unwrap();
    let call = agent.next().await.executor_call();
    assert_eq!(call.r#type(), v1::executor::call::Type::Subscribe);
}
