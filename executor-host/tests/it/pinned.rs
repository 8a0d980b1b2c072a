//! Modules from a server that is known by its certificate.

use executor_host::modules::{Digest, ModuleError, ModuleRef, Modules};
use link::direct::tls::Identity;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{guests, hosted::engine};

/// A server that shows this certificate and answers every request with the guest of tests; how its
/// addresses begin.
async fn serve(identity: Identity) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever trusts another certificate goes away.
            let Ok(mut stream) = identity.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let body = guests::task();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body).await;
            let _ = stream.shutdown().await;
        }
    });
    base
}

#[tokio::test]
async fn a_module_comes_from_whoever_has_the_certificate_and_from_nobody_else() {
    let (identity, other) = (Identity::new().unwrap(), Identity::new().unwrap());
    let expected = *identity.fingerprint();
    let base = serve(identity).await;
    let module = ModuleRef {
        sha256: Digest::of(guests::task()),
        size: guests::task().len() as u64,
        urls: vec![format!("{base}module.wasm")],
        is_over_link: false,
    };
    for (pinned, is_trusted) in [(expected, true), (*other.fingerprint(), false)] {
        let modules = Modules::new(engine().clone(), None).unwrap();
        modules.pin(&base, pinned).unwrap();
        match modules.get(&module).await {
            Ok(_) => assert!(is_trusted, "a stranger was trusted"),
            Err(ModuleError::Fetch { attempts, .. }) => {
                let text = ": the certificate is not the one that was announced";
                assert!(!is_trusted && attempts.ends_with(text), "{attempts}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
