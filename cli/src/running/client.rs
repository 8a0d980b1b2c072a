//! Asks a running job, found by its name or by an address.
//!
//! What comes from there is [made fit](reading) to be shown before anything is done with it: who
//! answers may be anybody.

mod finding;
mod reading;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub(crate) use self::finding::{Found, Where, find, jobs, only};
pub(crate) use self::reading::Lines;
use super::api::Refusal;
use crate::commands::Failure;
use crate::exit::Exit;

/// How long a job elsewhere may take to be connected to.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// How long a job may take to answer, unless it was asked to wait for something. It answers at once
/// when it is not stopped (`SIGSTOP`) and its machine not drowning.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// The largest answer that is read: how 100,000 tasks are.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A job that runs, and the way to it.
#[derive(Debug, Clone)]
pub(crate) struct JobClient {
    http: Client,
    /// Without a slash at its end.
    base: String,
    token: Option<String>,
    /// For people.
    shown: String,
}

impl JobClient {
    fn on_socket(socket: PathBuf, shown: String) -> Result<Self, Failure> {
        Ok(Self {
            http: http(Client::builder().unix_socket(socket))?,
            base: "http://localhost".to_owned(),
            token: None,
            shown,
        })
    }

    fn at(address: &str, token: &str) -> Result<Self, Failure> {
        let base = match address.contains("://") {
            true => address.trim_end_matches('/').to_owned(),
            false => format!("http://{address}"),
        };
        Ok(Self {
            http: http(Client::builder().connect_timeout(CONNECT_WAIT))?,
            base,
            token: Some(token.to_owned()),
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
            reading::whole(response, ANSWER_BYTES_MAX)
                .await
                .map_err(|error| self.failed(error))
        };
        let answer = self.in_time(answer).await??;
        reading::parse(&answer)
            .with_context(|| format!("{} answers what this version does not know", self.shown))
            .map_err(|error| Failure::new(Exit::Failure, error))
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
            _ => refusal.help,
        };
        Failure::new(exit, error).with_help_if(help)
    }

    fn url(&self, path: &str) -> Result<Url, Failure> {
        Url::parse(&format!("{}{path}", self.base))
            .with_context(|| format!("`{}` is not an address", self.base))
            .map_err(|error| {
                Failure::new(Exit::Usage, error).with_help("write it like `HOST:PORT` or as a URL")
            })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let request = self.http.request(method, self.url(path)?);
        Ok(self.authorized(request))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
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
        self.failed(error.without_url().into())
    }

    fn failed(&self, error: anyhow::Error) -> Failure {
        Failure::new(
            Exit::Cluster,
            error.context(format!("{} does not answer", self.shown)),
        )
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
        let refusal = said.and_then(|said| reading::parse::<Refusal>(&said));
        Self {
            status,
            refusal: refusal.unwrap_or_else(|_| Refusal::new(status.to_string())),
        }
    }
}

fn http(builder: reqwest::ClientBuilder) -> Result<Client, Failure> {
    // Another part of the program may have done so; it is the same one then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = builder.no_proxy().build();
    client.map_err(|error| Failure::new(Exit::Failure, error))
}
