//! Where a request wants to go, out of its URI.

use std::{fmt, net::IpAddr};

use http::{Method, Request, Uri, uri};
use wasmtime_wasi_http::Error;

use crate::grants::{
    Scheme,
    http::{Host, Target},
};

/// Reads it.
pub(super) fn of<B>(request: &Request<B>) -> Result<Target, Error> {
    // What follows would be for another host, by way of this one.
    if request.method() == Method::CONNECT {
        return Err(Error::HttpRequestMethodInvalid);
    }
    let uri = request.uri();
    let scheme = match uri.scheme() {
        Some(scheme) if *scheme == uri::Scheme::HTTP => Scheme::Http,
        Some(scheme) if *scheme == uri::Scheme::HTTPS => Scheme::Https,
        _ => return Err(Error::HttpProtocolError),
    };
    let authority = uri.authority().ok_or(Error::HttpRequestUriInvalid)?;
    // A user before the host is no part of it, and would be sent as one.
    if authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    let host = host(authority.host()).ok_or(Error::HttpRequestUriInvalid)?;
    let port = match (authority.port(), scheme) {
        (Some(port), _) => port.as_u16(),
        (None, Scheme::Http) => 80,
        (None, Scheme::Https) => 443,
    };
    Ok(Target { scheme, host, port })
}

/// The URI as a server wants it: without itself.
pub(super) fn origin_form(uri: &Uri) -> Option<Uri> {
    let path = uri.path_and_query().map_or("/", uri::PathAndQuery::as_str);
    // One that is only a query has no path.
    let path = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("/{path}"),
    };
    path.parse().ok()
}

fn host(text: &str) -> Option<Host> {
    if let Some(inner) = text.strip_prefix('[') {
        let address = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Host::Address(IpAddr::V6(address)));
    }
    // Other ways to write an IPv4 address are names to us, and looked up as such.
    if let Ok(address) = text.parse() {
        return Some(Host::Address(IpAddr::V4(address)));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    (!name.is_empty()).then(|| Host::Name(name.to_ascii_lowercase()))
}

impl fmt::Display for Target {
    /// As it would be written in a job file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let port = self.port;
        match &self.host {
            Host::Name(name) => write!(f, "{scheme}://{name}:{port}"),
            Host::Address(IpAddr::V4(address)) => write!(f, "{scheme}://{address}:{port}"),
            Host::Address(IpAddr::V6(address)) => write!(f, "{scheme}://[{address}]:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Result<String, String> {
        let request = Request::builder().uri(uri).body(()).unwrap();
        of(&request)
            .map(|target| target.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_target_is_read_in_one_form_however_it_is_written() {
        for (uri, target) in [
            ("http://a.example/x", "http://a.example:80"),
            ("https://A.Example./x", "https://a.example:443"),
            ("https://a:8443", "https://a:8443"),
            ("http://10.0.0.7:1/", "http://10.0.0.7:1"),
            ("http://[::1]/", "http://[::1]:80"),
            ("http://127.1/", "http://127.1:80"),
        ] {
            assert_eq!(read(uri), Ok(target.to_owned()));
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for uri in [
            "/x",
            "ftp://a/",
            "http://me@a/",
            "http://me:b@a:80/",
            "http://./",
        ] {
            assert!(read(uri).is_err(), "{uri}");
        }
        let connect = Request::connect("http://a:80").body(()).unwrap();
        assert!(matches!(of(&connect), Err(Error::HttpRequestMethodInvalid)));
    }

    #[test]
    fn a_server_gets_the_path_and_never_the_host() {
        for (uri, form) in [
            ("http://a", "/"),
            ("http://a/b?c", "/b?c"),
            ("http://a?c", "/?c"),
        ] {
            assert_eq!(origin_form(&uri.parse().unwrap()).unwrap(), form);
        }
    }
}
