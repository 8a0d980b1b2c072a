//! The options of a connection's socket.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Makes a connection fit for a direct path: small frames go at once, and it ends by itself within
/// about ten seconds when the other machine has vanished, whether or not anything is on its way.
///
/// # Errors
/// When the system refuses an option.
pub fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_INTERVAL)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Probes are not sent while data waits to be acknowledged; this is for that case.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(VANISHED_AFTER))?;
    Ok(())
}

/// How long nothing may be heard of a machine: longer than a switch or a busy host takes, short
/// beside the grace periods of a job. Frames take framework messages then, or wait for the next
/// connection, so little depends on it.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: Duration = Duration::from_secs(10);

/// A silent machine is asked so often; two bytes a second would be too many for a thousand links.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// So many questions without an answer mean that it is gone: 3 s of silence and 3 × 3 s.
const KEEPALIVE_RETRIES: u32 = 3;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    /// That the system then does what it is told cannot be seen on loopback, where the other end of
    /// a connection never vanishes: it always answers, if only that the process is gone.
    #[tokio::test]
    async fn the_system_is_told_to_notice_a_vanished_machine_within_twelve_seconds() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await;
        let stream = stream.unwrap();
        tune(&stream).unwrap();
        let socket = SockRef::from(&stream);
        assert!(stream.nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        let silence = socket.tcp_keepalive_time().unwrap();
        let interval = socket.tcp_keepalive_interval().unwrap();
        let retries = socket.tcp_keepalive_retries().unwrap();
        let noticed = silence + interval * retries;
        assert_eq!((retries, noticed), (3, Duration::from_secs(12)));
        let unacknowledged = socket.tcp_user_timeout().unwrap();
        assert_eq!(unacknowledged, Some(Duration::from_secs(10)));
    }
}
