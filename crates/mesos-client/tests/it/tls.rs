//! Masters and agents behind TLS, with certificates that the tests make.

use std::future::ready;
use std::net::SocketAddr;

use mesos::v1;
use mesos_client::{
    DisconnectReason, ExecutorClient, ExecutorConfig, SchedulerClient, SchedulerConfig, Secret,
    Tls, Unacknowledged,
};
use testkit::pki::{Authority, Clients};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::fake::Fake;
use crate::scheduler::{attempt_failed, config, subscribe};

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
pub(crate) async fn serve(authority: &Authority, clients: Clients) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = TlsAcceptor::from(authority.server(clients));
    Fake::start_on(TlsListener { listener, acceptor }, address)
}

/// Trust in this authority alone.
pub(crate) fn trust(authority: &Authority) -> Tls {
    Tls {
        authorities: vec![authority.pem().into_bytes()],
        identity: None,
    }
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
    let authority = Authority::default();
    for clients in [Clients::Anybody, Clients::Known] {
        let mut master = serve(&authority, clients).await;
        let identity = authority.identity("framework");
        let pem = identity.certificate_pem() + &identity.key_pem();
        let tls = Tls {
            identity: Some(Secret::new(pem)),
            ..trust(&authority)
        };
        let (_handle, mut notices) = SchedulerClient::start(secure(&master, tls)).unwrap();
        subscribe(&mut master, &mut notices).await;
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_or_for_another_name_is_not_trusted() {
    let authority = Authority::default();
    let master = serve(&authority, Clients::Anybody).await;
    let tls = trust(&Authority::default());
    let reason = failure(secure(&master, tls)).await;
    assert!(
        matches!(&reason, DisconnectReason::Untrusted { endpoint, .. }
            if endpoint.contains(&master.address)),
        "{reason:?}"
    );
    let tls = trust(&authority);
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
    let authority = Authority::default();
    let master = serve(&authority, Clients::Known).await;
    let tls = trust(&authority);
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

    let authority = Authority::default();
    let master = serve(&authority, Clients::Anybody).await;
    let reason = failure(config(&master.address)).await;
    assert!(
        matches!(reason, DisconnectReason::NotHttp { .. }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn an_agent_behind_tls_is_reached() {
    let authority = Authority::default();
    let mut agent = serve(&authority, Clients::Anybody).await;
    let address = format!("https://{}", agent.address);
    let mut config = ExecutorConfig::new(&address, "f".into(), "e".into()).unwrap();
    config.tls = trust(&authority);
    let source = || ready(Unacknowledged::default());
    let (_handle, _notices) = ExecutorClient::start(config, source).unwrap();
    let call = agent.next().await.executor_call();
    assert_eq!(call.r#type(), v1::executor::call::Type::Subscribe);
}
