//! Who may speak to masters and agents: the credentials of frameworks and operators, the key of
//! executors' tokens, and what a header proves (PROTOCOL §11.4).
//!
//! Owns no connection and no answer; those are the HTTP layer's.

mod basic;
pub(crate) mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ring::digest;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::codec::Json;
use crate::core::principal::Principal;

/// Whom a cluster lets in. With it, every call of a framework and of an operator needs a principal
/// and its secret (HTTP Basic), as with `--authenticate_http_frameworks`,
/// `--authenticate_http_readonly` and `--authenticate_http_readwrite` of Mesos; only `/version`,
/// `/health` and `/redirect` never ask.
#[derive(Debug, Clone)]
pub struct Authentication {
    /// Principals and their secrets, the same for frameworks and operators.
    pub credentials: Credentials,
    /// The key with which agents sign the tokens of their executors, which then have to show them
    /// (`--authenticate_http_executors`). `None`, the default: executors need none.
    pub executor_key: Option<ExecutorKey>,
}

impl Authentication {
    /// Frameworks and operators need one of these; executors need nothing.
    pub fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            executor_key: None,
        }
    }
}

/// Principals and their secrets. Only digests of the secrets are kept.
///
/// A principal or a secret with a colon is taken and lets nobody in: HTTP Basic joins the two by a
/// colon, and Mesos splits at each (PROTOCOL §11.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    digests: BTreeMap<String, Vec<u8>>,
}

/// Why a text is no list of credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseCredentialsError {
    /// It is not JSON at all.
    #[error("expected JSON like {EXAMPLE}: {fault}")]
    NotJson {
        /// What is wrong, and where.
        fault: String,
    },
    /// It is something else in JSON.
    #[error("expected an object with the list `credentials`, like {EXAMPLE}")]
    NoList,
    /// Somebody is missing a field, or it is no text.
    #[error("credential {number} of the list has no text `{field}`; expected {EXAMPLE}")]
    NoField {
        /// Which of the list; the first is 1.
        number: usize,
        /// `principal` or `secret`.
        field: &'static str,
    },
    /// Two secrets for one principal.
    #[error("principal `{principal}` is in the list twice")]
    Duplicate {
        /// Whose.
        principal: String,
    },
    /// With nobody in it nobody could speak to the cluster.
    #[error("the list `credentials` is empty; it must name at least one principal")]
    Empty,
}

const EXAMPLE: &str = r#"`{"credentials": [{"principal": "p", "secret": "s"}]}`"#;

impl Credentials {
    /// Reads the content of a file as for `--credentials` of Mesos, in its JSON form:
    /// `{"credentials": [{"principal": "p", "secret": "s"}]}`. Other fields mean nothing.
    ///
    /// # Errors
    /// When it has another form, names a principal twice, or names none.
    pub fn parse(text: &str) -> Result<Self, ParseCredentialsError> {
        let json = Json::parse(text.as_bytes());
        let json = json.map_err(|fault| ParseCredentialsError::NotJson {
            fault: without_secrets(&fault).to_owned(),
        })?;
        let list = json.member("credentials").and_then(Json::elements);
        let list = list.ok_or(ParseCredentialsError::NoList)?;
        let mut pairs = Vec::new();
        for (index, credential) in list.iter().enumerate() {
            let field = |field: &'static str| {
                let text = credential.member(field).and_then(Json::text);
                text.ok_or(ParseCredentialsError::NoField {
                    number: index + 1,
                    field,
                })
            };
            pairs.push((field("principal")?, field("secret")?));
        }
        Self::new(pairs)
    }

    /// These principals with their secrets.
    ///
    /// # Errors
    /// When a principal is named twice, or none is.
    pub fn new<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ParseCredentialsError> {
        let mut digests = BTreeMap::new();
        for (principal, secret) in pairs {
            let digest = digest_of(secret.as_bytes());
            if digests.insert(principal.to_owned(), digest).is_some() {
                return Err(ParseCredentialsError::Duplicate {
                    principal: principal.to_owned(),
                });
            }
        }
        if digests.is_empty() {
            return Err(ParseCredentialsError::Empty);
        }
        Ok(Self { digests })
    }

    /// Whether this is the secret of the principal. It takes as long for every secret, and for
    /// unknown principals, too.
    fn matches(&self, principal: &str, secret: &[u8]) -> bool {
        let nobody = vec![0; digest::SHA256_OUTPUT_LEN];
        let known = self.digests.get(principal).unwrap_or(&nobody);
        digest_of(secret).ct_eq(known).into()
    }
}

/// What a parser says without the text that it repeats.
fn without_secrets(fault: &str) -> &str {
    let said = fault.split(':').next().unwrap_or_default();
    said.strip_suffix(" near").unwrap_or(said)
}

fn digest_of(secret: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret).as_ref().to_vec()
}

/// A key for the tokens of executors.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecutorKey(Vec<u8>);

impl ExecutorKey {
    /// The whole content of a file as for `--jwt_secret_key` of Mesos.
    pub fn new(content: impl Into<Vec<u8>>) -> Self {
        Self(content.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ExecutorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExecutorKey(..)")
    }
}

/// What asks for a principal before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Realm {
    /// The scheduler API of masters.
    Scheduler,
    /// What only shows something.
    ReadOnly,
    /// The operator APIs.
    ReadWrite,
    /// The executor API of agents.
    Executor,
}

/// The doorkeeper of one server; without authentication everybody is let in.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    authentication: Option<Arc<Authentication>>,
    is_agent: bool,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unauthorized {
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: String,
    pub(crate) text: String,
}

impl Guard {
    pub(crate) fn of_master(authentication: Option<Arc<Authentication>>) -> Self {
        Self {
            authentication,
            is_agent: false,
        }
    }

    pub(crate) fn of_agent(authentication: Option<Arc<Authentication>>) -> Self {
        Self {
            authentication,
            is_agent: true,
        }
    }

    /// Who asks, as far as the realm wants to know. `authorization` is the header of that name,
    /// `now` the seconds since the Unix epoch.
    ///
    /// # Errors
    /// When it wants to know and the header does not say.
    pub(crate) fn check(
        &self,
        realm: Realm,
        authorization: Option<&[u8]>,
        now: u64,
    ) -> Result<Option<Principal>, Unauthorized> {
        let Some(authentication) = &self.authentication else {
            return Ok(None);
        };
        let key = authentication.executor_key.as_ref();
        let key = key.filter(|_| self.is_agent);
        if realm == Realm::Executor && key.is_none() {
            return Ok(None);
        }
        let principal = basic::principal(authorization)
            .filter(|(principal, secret)| authentication.credentials.matches(principal, secret));
        if let Some((principal, _)) = principal {
            return Ok(Some(Principal::named(principal)));
        }
        let realm = self.name(realm);
        let text = "401 Unauthorized.";
        let mut challenge = format!("Basic realm=\"{realm}\"");
        let Some(key) = key else {
            let text = text.to_owned();
            return Err(Unauthorized { challenge, text });
        };
        match token::bearer(authorization, key, now) {
            Ok(Some(claims)) => return Ok(Some(Principal::with_claims(claims))),
            Ok(None) => challenge += &format!(",Bearer realm=\"{realm}\""),
            Err(error) => {
                challenge += &format!(
                    ",Bearer realm=\"{realm}\", error=\"invalid_token\", \
                     error_description=\"{error}\""
                );
            }
        }
        let text = format!(
            "\"Basic\" authenticator returned:\n{text}\n\n\"Bearer\" authenticator returned:\n{text}"
        );
        Err(Unauthorized { challenge, text })
    }

    fn name(&self, realm: Realm) -> String {
        let process = if self.is_agent { "agent" } else { "master" };
        let what = match realm {
            Realm::Scheduler => "scheduler",
            Realm::ReadOnly => "readonly",
            Realm::ReadWrite => "readwrite",
            Realm::Executor => "executor",
        };
        format!("mesos-{process}-{what}")
    }
}

#[cfg(test)]
mod tests;
