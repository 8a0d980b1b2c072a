//! The direct path, with the scheduler's end of it played by the test.

use executor_host::Exit;
use link::{
    Path,
    direct::{Ended, Hello, Secret, admit, carry, tls::Identity},
    spec,
};
use mesos::v1::TaskState;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::agent::Agent;

const SECRET: [u8; 32] = [7; 32];

/// What an executor is told.
fn announcement(address: String, identity: Option<&Identity>) -> spec::Notice {
    spec::Notice::direct(spec::Direct {
        address,
        secret: SECRET.to_vec(),
        certificate_sha256: identity.map_or_else(Vec::new, |it| it.fingerprint().to_vec()),
        link: 1,
    })
}

/// Lets the next executor in that connects, and carries frames for it.
async fn accept(
    listener: &TcpListener,
    identity: Option<&Identity>,
    agent: &Agent,
) -> JoinHandle<Ended> {
    let (mut stream, _) = listener.accept().await.unwrap();
    let hello = Hello {
        link: 1,
        executor: 2,
        secret: Secret::new(SECRET),
    };
    let find = |link| (link == 1).then_some((hello, ()));
    match identity {
        Some(identity) => {
            let mut stream = identity.accept(stream).await.unwrap();
            admit(&mut stream, find).await.unwrap();
            tokio::spawn(carry(agent.link.direct(), stream))
        }
        None => {
            admit(&mut stream, find).await.unwrap();
            tokio::spawn(carry(agent.link.direct(), stream))
        }
    }
}

/// Starts the task `a`, which echoes.
async fn start_echo(agent: &mut Agent) -> (link::Sender, link::Receiver) {
    let ends = agent.link.open("a").unwrap();
    agent.run(&agent.task("a", &["echo"])).await;
    agent.begin().await;
    ends
}

async fn assert_echoes((outbox, inbox): &(link::Sender, link::Receiver), text: &'static str) {
    outbox.send(text.into()).await.unwrap();
    assert_eq!(inbox.recv().await.as_deref(), Some(text.as_bytes()));
}

#[tokio::test]
async fn a_direct_path_is_used_and_made_anew_when_it_breaks() {
    for identity in [None, Some(Identity::new().unwrap())] {
        let identity = identity.as_ref();
        let mut agent = Agent::start().await;
        let executor = agent.executor().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let told = announcement(address, identity);
        agent.link.tell(&told).unwrap();
        let carrying = accept(&listener, identity, &agent).await;
        let echo = start_echo(&mut agent).await;
        assert_echoes(&echo, "direct").await;
        carrying.abort();
        assert!(agent.link.on_path(Path::Messages).await);
        assert_echoes(&echo, "by message").await;
        let carrying = accept(&listener, identity, &agent).await;
        assert_echoes(&echo, "direct again").await;
        assert_eq!(agent.link.path(), Path::Direct);
        echo.0.close();
        assert_eq!(agent.next().await.1, TaskState::TaskFinished);
        assert_eq!(executor.exit().await, Ok(Exit::Done));
        let ended = carrying.await.unwrap();
        assert!(matches!(ended, Ended::Closed | Ended::Broken(_)), "{ended}");
    }
}

#[tokio::test]
async fn an_executor_that_cannot_connect_says_why_and_goes_on_without() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let identity = Identity::new().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = identity.accept(stream).await;
        }
    });
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = unused.local_addr().unwrap().to_string();
    drop(unused);
    for (address, reason) in [
        (address, "the certificate is not the one that was announced"),
        (
            nobody,
            "failed to connect: Connection refused (os error 111)",
        ),
    ] {
        let mut agent = Agent::start().await;
        let executor = agent.executor().await;
        let other = Identity::new().unwrap();
        let told = announcement(address, Some(&other));
        agent.link.tell(&told).unwrap();
        let notice = agent.link.told().await.unwrap();
        assert_eq!(notice.direct_failed.unwrap().reason, reason);
        let echo = start_echo(&mut agent).await;
        assert_echoes(&echo, "by message").await;
        echo.0.close();
        assert_eq!(agent.next().await.1, TaskState::TaskFinished);
        assert_eq!(executor.exit().await, Ok(Exit::Done));
    }
    serving.abort();
}
