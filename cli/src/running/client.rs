//! Asks a running job, found by its name or by an address.
//!
//! What comes from there is [made fit](reading) to be shown before anything is done with it: who
//! answers may be anybody.

mod address;
mod finding;
mod reading;
mod trouble;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub(crate) use self::address::JobAddress;
pub(crate) use self::finding::{Found, Where, find, jobs, only};
pub(crate) use self::reading::Lines;
use self::reading::NotWhole;
use self::trouble::Trouble;
use super::api::Refusal;
use crate::commands::Failure;
use crate::exit::Exit;

/// How long a job elsewhere may take to be connected to: less than for an answer, so that it is told
/// which of them has not come.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long a job may take to answer, unless it was asked to wait for something. It answers at once
/// when it is not stopped (`SIGSTOP`) and its machine not drowning.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// What to do where two do not understand each other.
const HELP_VERSION: &str = "take the version of `mesosgot` that runs the job";

/// The largest answer that is read: how 100,000 tasks are.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A job that runs, and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct JobClient {
    http: Client,
    place: Place,
    /// For people.
    shown: String,
}

/// Where a job is asked.
#[derive(Debug, Clone)]
enum Place {
    /// On the socket that the HTTP client has.
    Socket,
    /// There, with the token.
    Address { address: JobAddress, token: String },
}

impl JobClient {
    fn on_socket(socket: PathBuf, shown: String) -> Result<Self, Failure> {
        Ok(Self {
            http: http(Client::builder().unix_socket(socket))?,
            place: Place::Socket,
            shown,
        })
    }

    fn at(address: &JobAddress, token: &str) -> Result<Self, Failure> {
        Ok(Self {
            http: http(Client::builder().connect_timeout(CONNECT_WAIT))?,
            place: Place::Address {
                address: address.clone(),
                token: token.to_owned(),
            },
            shown: format!("the job at `{address}`"),
        })
    }

    /// What it is called, for people.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// When there is none in time, or it is a refusal.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        let request = self.request(Method::GET, path)?.query(query);
        let answer = async {
            let response = self.answered(request.send().await).await?;
            let whole = reading::whole(response, ANSWER_BYTES_MAX).await;
            whole.map_err(|error| match error {
                NotWhole::Broken(error) => self.broken(error),
                NotWhole::TooLarge => self.too_much("the answer", ANSWER_BYTES_MAX),
            })
        };
        let answer = self.in_time(answer).await??;
        reading::parse(&answer)
            .with_context(|| format!("{} answers what this version does not know", self.shown))
            .map_err(|error| Failure::new(Exit::Failure, error).with_help(HELP_VERSION))
    }

    /// The answer to a question, a line for each thing, as they come.
    ///
    /// # Errors
    /// When there is none, or it is a refusal.
    pub(crate) async fn lines(&self, path: &str, query: &impl Serialize) -> Result<Lines, Failure> {
        let request = self.request(Method::GET, path)?.query(query);
        let response = self.in_time(request.send()).await?;
        let response = self.answered(response).await?;
        Ok(Lines::of(response, self.clone()))
    }

    /// Has something done.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::new(Exit::Failure, error))?;
        let request = self.request(Method::POST, path)?;
        let request = request
            .header("content-type", "application/json")
            .body(body);
        let response = self.in_time(request.send()).await?;
        self.answered(response).await.map(drop)
    }

    /// Has something done with a task. What the job refuses is for the caller to judge.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn act(&self, act: Act<'_>) -> Result<Result<(), Refused>, Failure> {
        let mut url = self.url("/v1/tasks")?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend([act.task, act.verb]);
        }
        let request = self.http.post(url).query(&[("wait", act.wait)]);
        let request = self.authorized(request.body(act.body));
        let response = match act.wait {
            true => request.send().await,
            false => self.in_time(request.send()).await?,
        };
        let response = response.map_err(|error| self.broken(error))?;
        match response.status().is_success() {
            true => Ok(Ok(())),
            false => Ok(Err(Refused::of(response).await)),
        }
    }

    /// The failure of a command that was refused.
    pub(crate) fn refused(&self, refused: Refused) -> Failure {
        let Refused { status, refusal } = refused;
        let exit = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Cluster,
            StatusCode::NOT_FOUND => Exit::Usage,
            _ => Exit::Failure,
        };
        let error = match refusal.kind {
            // Whoever knows the kinds says what it is about as well.
            Some(_) => anyhow!("{}", refusal.error),
            None => anyhow!("{} refuses: {}", self.shown, refusal.error),
        };
        let help = match status {
            StatusCode::UNAUTHORIZED => Some(
                "`mesosgot run --dashboard` says the token; give it by `--token-file` or in \
                 `MESOSGOT_DASHBOARD_TOKEN`"
                    .to_owned(),
            ),
            _ if refusal.kind.is_none() && refusal.help.is_none() => match self.place {
                Place::Address { .. } => Some("is that the address of a dashboard?".to_owned()),
                Place::Socket => None,
            },
            _ => refusal.help,
        };
        Failure::new(exit, error).with_help_if(help)
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        match &self.place {
            Place::Address { address, .. } => Ok(address.at(path)),
            Place::Socket => Url::parse(&format!("http://localhost{path}"))
                .map_err(|error| Failure::new(Exit::Failure, error)),
        }
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let request = self.http.request(method, self.url(path)?);
        Ok(self.authorized(request))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.place {
            Place::Address { token, .. } => request.bearer_auth(token),
            Place::Socket => request,
        }
    }

    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, Failure> {
        timeout(ANSWER_WAIT, answer)
            .await
            .map_err(|_| self.silent())
    }

    async fn answered(&self, result: reqwest::Result<Response>) -> Result<Response, Failure> {
        let response = result.map_err(|error| self.broken(error))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(self.refused(Refused::of(response).await)),
        }
    }

    /// A job that does not answer in time.
    fn silent(&self) -> Failure {
        let error = anyhow!("{} does not answer", self.shown);
        Failure::new(Exit::Cluster, error).with_help("its process may be stopped, or too busy")
    }

    /// A job that does not answer, or not to the end.
    fn broken(&self, error: reqwest::Error) -> Failure {
        let what = match error.is_body() || error.is_decode() {
            true => "has broken off its answer",
            false => "does not answer",
        };
        let help = match self.place {
            Place::Address { .. } => Trouble::of(&error).help_elsewhere(),
            Place::Socket => trouble::HELP_HERE,
        };
        let cause = anyhow!(trouble::root_cause(&error));
        let error = cause.context(format!("{} {what}", self.shown));
        Failure::new(Exit::Cluster, error).with_help(help)
    }

    /// A job that answers more than is read.
    fn too_much(&self, what: &str, bytes_max: usize) -> Failure {
        let error = anyhow!("{what} of {} has more than {bytes_max} bytes", self.shown);
        let help = match self.place {
            Place::Address { .. } => Some("is that the address of a dashboard?".to_owned()),
            Place::Socket => None,
        };
        Failure::new(Exit::Cluster, error).with_help_if(help)
    }
}

/// Something that is to be done with a task.
#[derive(Debug)]
pub(crate) struct Act<'a> {
    pub(crate) task: &'a str,
    /// `send`, `kill` or `restart`.
    pub(crate) verb: &'a str,
    pub(crate) body: Vec<u8>,
    /// For as long as it takes.
    pub(crate) wait: bool,
}

/// A job's no.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    pub(crate) refusal: Refusal,
}

impl Refused {
    /// The most that is read of an explanation.
    const BYTES_MAX: usize = 64 << 10;

    async fn of(response: Response) -> Self {
        let status = response.status();
        let said = reading::whole(response, Self::BYTES_MAX).await;
        let refusal = said
            .ok()
            .and_then(|said| reading::parse::<Refusal>(&said).ok());
        Self {
            status,
            refusal: refusal.unwrap_or_else(|| Refusal::new(status.to_string())),
        }
    }
}

fn http(builder: reqwest::ClientBuilder) -> Result<Client, Failure> {
    // Another part of the program may have done so; it is the same one then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The token is for the address that was given: a job sends nobody elsewhere.
    let client = builder.no_proxy().redirect(Policy::none()).build();
    client.map_err(|error| Failure::new(Exit::Failure, error))
}
