//! Where the dashboard of a job elsewhere is. The token goes there and nowhere else.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

/// The address of a dashboard, `HOST:PORT` or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobAddress {
    /// As it was given.
    text: String,
    url: Url,
}

/// A text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NoAddress {
    #[error("write it like `HOST:PORT`, or as a URL like `https://HOST/PATH`")]
    Form,
    #[error("it names no host; write it like `http://HOST:PORT`")]
    NoHost,
    #[error("the URL of a dashboard begins with `http://` or `https://`")]
    Scheme,
    #[error("leave out the user before `@`: a dashboard wants a token")]
    User,
    #[error(
        "leave out what begins with `#` or `?`; the token is given by `--token-file` or in `MESOSGOT_DASHBOARD_TOKEN`"
    )]
    More,
}

impl JobAddress {
    /// The URL of something that is served there; `path` begins with a slash.
    pub(super) fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let top = self.url.path().trim_end_matches('/');
        url.set_path(&format!("{top}{path}"));
        url
    }
}

impl fmt::Display for JobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for JobAddress {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        // URLs lose these without a word.
        if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(NoAddress::Form);
        }
        let url = match text.split_once("://") {
            Some(("http" | "https", rest)) => {
                // What stands behind more slashes would be taken for the host.
                if rest.is_empty() || rest.starts_with(['/', '\\', ':', '?', '#', '@']) {
                    return Err(NoAddress::NoHost);
                }
                parse(text)?
            }
            Some(_) => return Err(NoAddress::Scheme),
            None => {
                if text.is_empty() || text.contains(['/', '\\', '?', '#', '@']) {
                    return Err(NoAddress::Form);
                }
                let Some((_, port)) = text.rsplit_once(':') else {
                    return Err(NoAddress::Form);
                };
                if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(NoAddress::Form);
                }
                parse(&format!("http://{text}"))?
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NoAddress::User);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(NoAddress::More);
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }
}

fn parse(text: &str) -> Result<Url, NoAddress> {
    let url = Url::parse(text).map_err(|_| NoAddress::Form)?;
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err(NoAddress::NoHost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_that_is_asked_is_the_one_that_is_written() {
        for (text, asked) in [
            ("127.0.0.1:9464", "http://127.0.0.1:9464/v1/job"),
            ("localhost:9464", "http://localhost:9464/v1/job"),
            ("[::1]:9464", "http://[::1]:9464/v1/job"),
            ("http://a:1", "http://a:1/v1/job"),
            ("http://a:1/", "http://a:1/v1/job"),
            ("http://a", "http://a/v1/job"),
            ("https://a:1/jobs/one/", "https://a:1/jobs/one/v1/job"),
            ("https://a/jobs//", "https://a/jobs/v1/job"),
        ] {
            let address: JobAddress = text.parse().expect(text);
            assert_eq!(address.at("/v1/job").as_str(), asked, "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_names_no_host_or_another_one_is_refused() {
        for (text, error) in [
            ("", NoAddress::Form),
            ("http://", NoAddress::NoHost),
            ("https://", NoAddress::NoHost),
            ("http:///v1", NoAddress::NoHost),
            ("http:////host:80", NoAddress::NoHost),
            (r"http://\host:80", NoAddress::NoHost),
            ("http://:80", NoAddress::NoHost),
            ("http://?host", NoAddress::NoHost),
            ("http://@host:80", NoAddress::NoHost),
            ("http:/host:80", NoAddress::Form),
            ("http:host:80", NoAddress::Form),
            ("http:", NoAddress::Form),
            (":80", NoAddress::Form),
            ("host", NoAddress::Form),
            ("host:port", NoAddress::Form),
            ("host:80000", NoAddress::Form),
            ("host:80/", NoAddress::Form),
            ("host:80#sesame", NoAddress::Form),
            ("me@host:80", NoAddress::Form),
            ("::1:80", NoAddress::Form),
            ("http://host\n:80", NoAddress::Form),
            (" http://host:80", NoAddress::Form),
            ("ftp://host:80", NoAddress::Scheme),
            ("file:///etc", NoAddress::Scheme),
            ("http://me@host:80", NoAddress::User),
            ("http://me:sesame@host:80", NoAddress::User),
            ("http://:sesame@host:80", NoAddress::NoHost),
            ("http://127.0.0.1:9464/#sesame", NoAddress::More),
            ("http://127.0.0.1:9464/?token=sesame", NoAddress::More),
        ] {
            assert_eq!(text.parse::<JobAddress>(), Err(error), "{text}");
        }
    }
}
