//! Requests over TLS, to servers on loopback with certificates of their own.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use testkit::pki::{Authority, Clients};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::OnceCell,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::grants::{HttpHost, Scheme};

/// A server with a certificate of its own for that name, and the certificate.
async fn server(name: &str) -> (u16, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    (serve(Arc::new(config)).await, certificate)
}

/// Answers one request after the other with 200.
async fn serve(config: Arc<ServerConfig>) -> u16 {
    let acceptor = TlsAcceptor::from(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret";
            let _ = stream.write_all(answer).await;
        }
    });
    port
}

/// Trusts that certificate and no other.
fn authorities(certificate: CertificateDer<'static>) -> Authorities {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    Authorities::new(Box::leak(Box::new(OnceCell::new_with(Some(connector)))))
}

async fn ask(port: u16, authorities: Authorities) -> Result<Bytes, Error> {
    let allowed = vec![HttpDestination {
        scheme: Some(Scheme::Https),
        host: HttpHost::Name("localhost".to_owned()),
        ports: port..=port,
    }];
    let client = Client::new("task-0", allowed, authorities, &Room::of_process());
    let request = http::Request::builder()
        .uri(format!("https://localhost:{port}/"))
        .header("host", "localhost")
        .body(Empty::new().map_err(Error::from).boxed_unsync())
        .unwrap();
    let (answer, _driven) = send::send(&client, request, RequestOptions::default()).await?;
    answer
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
}

#[tokio::test]
async fn a_server_whose_certificate_is_trusted_is_asked() {
    let (port, certificate) = server("localhost").await;
    let answer = ask(port, authorities(certificate)).await.unwrap();
    assert_eq!(&answer[..], b"secret");
}

#[tokio::test]
async fn a_server_with_another_certificate_or_name_is_not_asked() {
    let (port, _) = server("localhost").await;
    let (_, other) = server("localhost").await;
    let (elsewhere, certificate) = server("elsewhere").await;
    for (port, certificate) in [(port, other), (elsewhere, certificate)] {
        let refused = ask(port, authorities(certificate)).await;
        assert!(
            matches!(refused, Err(Error::TlsCertificateError)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let mut head = [0; 1024];
        while stream.read(&mut head).await.is_ok_and(|length| length > 0) {}
    });
    let (_, certificate) = server("localhost").await;
    let refused = ask(port, authorities(certificate)).await;
    assert!(
        matches!(refused, Err(Error::TlsProtocolError)),
        "{refused:?}"
    );
}

/// Which server the test below asks when it is started by itself.
const PORT_VARIABLE: &str = "MESOSGOT_TEST_HTTPS_PORT";

/// What the system trusts is named by a variable of the process, so it takes processes of their own.
#[tokio::test]
async fn the_authorities_of_the_system_are_trusted_and_no_others() {
    if let Ok(port) = std::env::var(PORT_VARIABLE) {
        let answer = ask(port.parse().unwrap(), Authorities::of_agent()).await;
        assert_eq!(&answer.unwrap()[..], b"secret");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (authority, other) = (Authority::default(), Authority::default());
    let port = serve(authority.server(Clients::Anybody)).await;
    for (trusted, is_answered) in [(&authority, true), (&other, false)] {
        let file = folder.path().join("authorities.pem");
        std::fs::write(&file, trusted.pem()).unwrap();
        let name = "http::tests::the_authorities_of_the_system_are_trusted_and_no_others";
        let asked = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(PORT_VARIABLE, port.to_string())
            .env("SSL_CERT_FILE", &file)
            .env_remove("SSL_CERT_DIR")
            .output()
            .await
            .unwrap();
        let told = String::from_utf8_lossy(&asked.stdout) + String::from_utf8_lossy(&asked.stderr);
        assert!(told.contains("running 1 test"), "{told}");
        assert_eq!(asked.status.success(), is_answered, "{told}");
        assert_eq!(told.contains("TlsCertificateError"), !is_answered, "{told}");
    }
}
