//! The direct path over streams in memory: who is let in, and that moves lose nothing.

use std::time::Duration;

use bytes::Bytes;
use mesosgot_link::direct::{
    AdmitError, DialError, Ended, HANDSHAKE_WAIT, Hello, Secret, admit, carry, greet, tls,
};
use mesosgot_link::{Link, Path};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::pair::{Pair, message, soon, stays_pending};

/// How much a stream holds: less than a frame, so that writes are cut.
const PIPE_BYTES: usize = 1000;

fn hello() -> Hello {
    Hello {
        link: 1,
        executor: 2,
        secret: Secret::new([7; 32]),
    }
}

/// What each side makes of a hello, when link 1 expects [`hello`].
async fn meet(said: Hello) -> (Result<(), DialError>, Result<&'static str, AdmitError>) {
    let (mut here, mut there) = duplex(PIPE_BYTES);
    let admitted = async {
        let find = |link| (link == 1).then(|| (hello(), "link 1"));
        let admitted = admit(&mut there, find).await;
        drop(there);
        admitted
    };
    tokio::join!(greet(&mut here, &said), admitted)
}

#[tokio::test(start_paused = true)]
async fn only_who_knows_the_secret_of_a_link_is_let_in() {
    assert_eq!(meet(hello()).await, (Ok(()), Ok("link 1")));
    let mut secret = [7; 32];
    secret[31] = 6;
    let wrong_secret = Hello {
        secret: Secret::new(secret),
        ..hello()
    };
    let wrong_link = Hello { link: 3, ..hello() };
    let wrong_life = Hello {
        executor: 3,
        ..hello()
    };
    for (said, error) in [
        (wrong_secret, AdmitError::Secret),
        (wrong_link, AdmitError::UnknownLink),
        (wrong_life, AdmitError::Secret),
    ] {
        assert_eq!(meet(said).await, (Err(DialError::Refused), Err(error)));
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_are_turned_away_at_their_first_word() {
    let (mut here, mut there) = duplex(PIPE_BYTES);
    here.write_all(b"GET ").await.unwrap();
    let admitted = soon(admit(&mut there, |_| Some((hello(), ())))).await;
    assert_eq!(admitted, Err(AdmitError::Stranger));
    drop(there);

    let (mut here, mut there) = duplex(PIPE_BYTES);
    there.write_all(b"HTTP/1.1 400").await.unwrap();
    let greeted = soon(greet(&mut here, &hello())).await;
    assert_eq!(greeted, Err(DialError::Stranger));
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_waited_for_only_so_long() {
    let began = Instant::now();
    let (mut here, mut there) = duplex(PIPE_BYTES);
    here.write_all(b"mgd1 and then nothing").await.unwrap();
    let admitted = admit(&mut there, |_| Some((hello(), ()))).await;
    assert_eq!(admitted, Err(AdmitError::TimedOut));
    assert_eq!(began.elapsed(), HANDSHAKE_WAIT);

    let (mut here, _there) = duplex(PIPE_BYTES);
    assert_eq!(greet(&mut here, &hello()).await, Err(DialError::TimedOut));
    assert_eq!(began.elapsed(), 2 * HANDSHAKE_WAIT);
    assert_eq!(format!("{:?}", hello().secret), "Secret(…)");
}

#[tokio::test]
async fn tls_reaches_only_whom_the_digest_names() {
    let identity = tls::Identity::new().unwrap();
    let other = tls::Identity::new().unwrap();
    let (here, there) = duplex(PIPE_BYTES);
    let (connected, accepted) = tokio::join!(
        tls::connect(here, *identity.fingerprint()),
        identity.accept(there)
    );
    let (mut connected, mut accepted) = (connected.unwrap(), accepted.unwrap());
    let said = hello();
    let find = |_| Some((hello(), ()));
    let (greeted, admitted) =
        tokio::join!(greet(&mut connected, &said), admit(&mut accepted, find));
    assert_eq!((greeted, admitted), (Ok(()), Ok(())));

    let (here, there) = duplex(PIPE_BYTES);
    let (connected, accepted) = tokio::join!(
        tls::connect(here, *other.fingerprint()),
        identity.accept(there)
    );
    assert_eq!(connected.unwrap_err(), tls::TlsError::OtherCertificate);
    assert!(matches!(accepted.unwrap_err(), tls::TlsError::Failed(_)));
}

/// Joins the ends of a link with a direct path. What is answered ends with the stream.
fn join(pair: &Pair) -> [JoinHandle<Ended>; 2] {
    let (here, there) = duplex(PIPE_BYTES);
    [(&pair.scheduler, here), (&pair.executor, there)]
        .map(|(link, stream)| tokio::spawn(carry(link.direct(), stream)))
}

/// Sends numbers from one end to the other while something else goes on.
async fn count(from: &Link, to: &Link, numbers: usize, meanwhile: impl Future<Output = ()>) {
    let (sender, _receiver) = from.open("a").expect("a free name");
    let (_sender, receiver) = to.open("a").expect("a free name");
    let send = async {
        for number in 0..numbers {
            sender.send(message(number)).await.expect("an open channel");
        }
    };
    let receive = async {
        for number in 0..numbers {
            assert_eq!(receiver.recv().await, Some(message(number)));
        }
    };
    soon(async { tokio::join!(send, receive, meanwhile) }).await;
}

#[tokio::test(start_paused = true)]
async fn messages_take_the_direct_path_while_it_is_up() {
    let pair = Pair::new();
    let _carrying = join(&pair);
    assert!(soon(pair.scheduler.on_path(Path::Direct)).await);
    assert!(stays_pending(pair.scheduler.next_frame()).await);
    // A framework message takes a millisecond of the paused clock, the direct path none.
    let began = Instant::now();
    count(&pair.scheduler, &pair.executor, 1000, async {}).await;
    assert!(
        began.elapsed() < Duration::from_millis(1),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn large_messages_pass_whole() {
    let pair = Pair::new();
    let _carrying = join(&pair);
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let (_sender, receiver) = pair.scheduler.open("a").unwrap();
    for bytes in [0, 1, 16 << 10, 100_000, 1 << 20, 5 << 20] {
        let sent = Bytes::from((0..bytes).map(|at| at as u8).collect::<Vec<_>>());
        soon(sender.send(sent.clone())).await.unwrap();
        assert!(soon(receiver.recv()).await == Some(sent), "{bytes} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_when_the_direct_path_breaks_again_and_again() {
    for loss in [0.0, 0.3] {
        let pair = Pair::with_loss(loss);
        let breaking = async {
            for round in 0..20 {
                let ends = join(&pair);
                sleep(Duration::from_millis(round % 7)).await;
                ends[round as usize % 2].abort();
                let [here, there] = ends;
                // The end that was not aborted finds the stream closed.
                for ended in [here.await, there.await].into_iter().flatten() {
                    assert!(matches!(ended, Ended::Closed | Ended::Broken(_)), "{ended}");
                }
                assert_eq!(pair.scheduler.path(), Path::Messages);
                assert_eq!(pair.executor.path(), Path::Messages);
                sleep(Duration::from_millis(5)).await;
            }
        };
        count(&pair.scheduler, &pair.executor, 2000, breaking).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_replaces_an_older_one() {
    let pair = Pair::new();
    let [old_here, old_there] = join(&pair);
    assert!(soon(pair.executor.on_path(Path::Direct)).await);
    let [new_here, new_there] = join(&pair);
    assert_eq!(soon(old_here).await.unwrap(), Ended::Replaced);
    soon(old_there).await.unwrap();
    assert_eq!(pair.scheduler.path(), Path::Direct);
    assert_eq!(pair.executor.path(), Path::Direct);
    count(&pair.scheduler, &pair.executor, 100, async {}).await;
    pair.scheduler.shut();
    assert_eq!(soon(new_here).await.unwrap(), Ended::Shut);
    assert_eq!(soon(new_there).await.unwrap(), Ended::Closed);
}

/// How a direct path ends that is given these bytes after the handshake.
async fn ended_by(bytes: &[u8]) -> Ended {
    let pair = Pair::new();
    let (mut here, there): (DuplexStream, DuplexStream) = duplex(PIPE_BYTES);
    let carrying = tokio::spawn(carry(pair.scheduler.direct(), there));
    here.write_all(bytes).await.expect("a stream in memory");
    let ended = soon(carrying).await.expect("a stream in memory");
    // Whatever was to be said, the connection is closed.
    soon(here.read_to_end(&mut Vec::new()))
        .await
        .expect("a stream in memory");
    ended
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_breaks_the_rules_ends_its_connection() {
    let too_large = Ended::TooLarge { bytes: 0x7fff_ffff };
    assert_eq!(ended_by(&0x7fff_ffff_u32.to_be_bytes()).await, too_large);
    let garbage = ended_by(&[0, 0, 0, 3, 0xff, 0xff, 0xff]).await;
    assert!(matches!(garbage, Ended::Frame(_)), "{garbage:?}");
}
