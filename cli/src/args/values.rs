//! Values of flags, with words for what is wrong with them.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::ops::RangeInclusive;

/// A whole number within these bounds.
pub(super) fn whole<N: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static {
    move |text| {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("write a whole number".to_owned());
        }
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| format!("{text} is not in {}..={}", range.start(), range.end()))
    }
}

/// Where to listen: `HOST:PORT`, of which the host may be a name that is known here.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let form = || "write it like `HOST:PORT`, such as `127.0.0.1:9464` or `[::1]:9464`".to_owned();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
    let is_name = !host.is_empty() && !host.contains([':', '/', '@', '[', ']']);
    let port = port.parse::<u16>().ok().filter(|_| is_name);
    let port = port.ok_or_else(form)?;
    let found = (host, port).to_socket_addrs();
    let found: Vec<_> = found
        .map_err(|error| format!("`{host}` is not known here: {error}"))?
        .collect();
    // Mostly a name has one of IPv4 where it has both, and all machines have that.
    let first = found.iter().find(|address| address.is_ipv4());
    let first = first.or_else(|| found.first()).copied();
    first.ok_or_else(|| format!("`{host}` has no address"))
}

/// Whether a word can only be meant as an address to listen on.
pub(super) fn is_like_address(word: &str) -> bool {
    let Some((host, port)) = word.rsplit_once(':') else {
        return false;
    };
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_port && !host.is_empty() && !host.starts_with('-') && !host.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_what_is_wrong_with_it() {
        let agents = whole::<u16>(1..=100);
        assert_eq!(agents("100"), Ok(100));
        for text in ["", "x", "-1", "+1", "1.5", "1k"] {
            assert_eq!(agents(text), Err("write a whole number".to_owned()));
        }
        for text in ["0", "101", "65537", "99999999999999999999"] {
            assert_eq!(agents(text), Err(format!("{text} is not in 1..=100")));
        }
    }

    #[test]
    fn an_address_to_listen_on_may_have_a_name() {
        for text in ["127.0.0.1:9464", "0.0.0.0:0", "[::1]:80"] {
            assert_eq!(listen_address(text), Ok(text.parse().unwrap()));
        }
        let local = listen_address("localhost:80").unwrap();
        assert!(local.ip().is_loopback() && local.port() == 80, "{local}");
        for text in [
            "",
            "localhost",
            "9464",
            ":80",
            "::1:80",
            "a/b:80",
            "a:x",
            "a:70000",
        ] {
            let error = listen_address(text).unwrap_err();
            assert!(
                error.starts_with("write it like `HOST:PORT`"),
                "{text}: {error}"
            );
        }
        // A label of a name has 63 characters at most, so that no server is asked for it.
        let unknown = "x".repeat(64);
        let error = listen_address(&format!("{unknown}:80")).unwrap_err();
        assert!(
            error.starts_with(&format!("`{unknown}` is not known here: ")),
            "{error}"
        );
    }

    #[test]
    fn a_word_is_like_an_address_by_its_port() {
        for word in ["127.0.0.1:9464", "[::1]:0", "localhost:80"] {
            assert!(is_like_address(word), "{word}");
        }
        for word in [
            "job.yaml",
            "job:demo",
            "./job:80",
            ":80",
            "localhost",
            "--x:80",
            "80",
        ] {
            assert!(!is_like_address(word), "{word}");
        }
    }
}
