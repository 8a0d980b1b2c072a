//! Asks a running job, found by its name or by an address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api::Refusal;
use super::place;
use super::status::JobId;
use crate::access::{self, AccessError, DASHBOARD_TOKEN_VARIABLE};
use crate::args::AddressArgs;
use crate::commands::Failure;
use crate::exit::Exit;

/// How long a job may take to say which one it is. It is on this machine and answers at once; one
/// that is stopped (`SIGSTOP`) does not.
const HELLO_WAIT: Duration = Duration::from_secs(2);

/// How long a job elsewhere may take to be connected to.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

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

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Where {
    /// On this machine, run by this user: by its name, or `NAME@PID` where several have that name.
    /// Without a name, the only one.
    Here(Option<String>),
    /// Anywhere: `host:port` or a URL, and the token that its dashboard wants.
    At { address: String, token: String },
}

impl Where {
    /// As the command line says it.
    ///
    /// # Errors
    /// When there is an address, and no token or none that could be one.
    pub(crate) fn of(job: Option<String>, args: AddressArgs) -> Result<Self, Failure> {
        let Some(address) = args.address else {
            return Ok(Self::Here(job));
        };
        let variable = std::env::var(DASHBOARD_TOKEN_VARIABLE).ok();
        let token = access::dashboard_token(args.token_file.as_deref(), variable);
        let token = token.and_then(|token| {
            let address = address.clone();
            token.ok_or(AccessError::NoDashboardToken { address })
        });
        match token {
            Ok(token) => Ok(Self::At { address, token }),
            Err(error) => {
                let help = error.help();
                Err(Failure::new(Exit::Usage, error).with_help(help))
            }
        }
    }
}

/// All jobs of this user on this machine.
///
/// # Errors
/// When the folder of sockets cannot be read.
pub(crate) async fn jobs() -> Result<Vec<(JobId, JobClient)>, Failure> {
    let folder = place::folder();
    let sockets = place::sockets(&folder)
        .with_context(|| format!("failed to look for jobs in `{}`", folder.display()))
        .map_err(|error| Failure::new(Exit::Failure, error))?;
    let mut jobs = Vec::new();
    for socket in sockets {
        if let Some(job) = hello(&socket).await {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

/// The job whose socket it is. One that nobody answers any more is taken away.
async fn hello(socket: &Path) -> Option<(JobId, JobClient)> {
    let client = JobClient::on_socket(socket.to_owned()).ok()?;
    match tokio::time::timeout(HELLO_WAIT, client.get::<JobId>("/v1/job", &())).await {
        Ok(Ok(id)) => {
            let shown = format!("job `{}`", id.job);
            Some((id, JobClient { shown, ..client }))
        }
        Ok(Err(_)) if is_deserted(socket) => {
            tracing::debug!(socket = %socket.display(), "removed what a job has left behind");
            let _ = std::fs::remove_file(socket);
            None
        }
        Ok(Err(_)) | Err(_) => {
            tracing::warn!("whoever has `{}` does not answer", socket.display());
            None
        }
    }
}

/// Whether no process has the socket any more.
fn is_deserted(socket: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(socket);
    connected.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Finds a job.
///
/// # Errors
/// When there is none, or several could be meant.
pub(crate) async fn find(place: &Where) -> Result<JobClient, Failure> {
    let name = match place {
        Where::At { address, token } => return JobClient::at(address, token),
        Where::Here(name) => name.as_deref(),
    };
    let jobs = jobs().await?;
    let names: Vec<String> = jobs
        .iter()
        .map(|(id, _)| format!("{}@{}", id.job, id.pid))
        .collect();
    let mut found = jobs.into_iter().filter(|(id, _)| match name {
        Some(name) => name == id.job || name == format!("{}@{}", id.job, id.pid),
        None => true,
    });
    let running = format!("running: {}", names.join(", "));
    match (found.next(), found.next(), name) {
        (Some((_, client)), None, _) => Ok(client),
        (Some(_), Some(_), Some(name)) => {
            let error = anyhow!("several jobs are called `{name}`");
            let help = format!("name one of them with its process; {running}");
            Err(Failure::new(Exit::Usage, error).with_help(help))
        }
        (Some(_), Some(_), None) => {
            let error = anyhow!("several jobs run here");
            Err(Failure::new(Exit::Usage, error).with_help(format!("name one; {running}")))
        }
        (None, _, Some(name)) => {
            let error = anyhow!("no job called `{name}` runs here");
            let help = match names.is_empty() {
                true => "no job of this user runs on this machine; for one elsewhere give \
                         `--address` and its token"
                    .to_owned(),
                false => running,
            };
            Err(Failure::new(Exit::Usage, error).with_help(help))
        }
        (None, _, None) => {
            let error = anyhow!("no job of this user runs on this machine");
            let help = "start one with `mesosgot run`; for one elsewhere give `--address` and its \
                        token";
            Err(Failure::new(Exit::Usage, error).with_help(help))
        }
    }
}

impl JobClient {
    fn on_socket(socket: PathBuf) -> Result<Self, Failure> {
        let shown = format!("`{}`", socket.display());
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
    /// When there is none, or it is a refusal.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        let response = self.stream(path, query).await?;
        let bytes = response.bytes().await.map_err(|error| self.broken(error))?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} answers what this version does not know", self.shown))
            .map_err(|error| Failure::new(Exit::Failure, error))
    }

    /// The answer to a question, as it comes.
    ///
    /// # Errors
    /// When there is none, or it is a refusal.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Response, Failure> {
        let request = self.request(Method::GET, path).query(query);
        self.answered(request.send().await).await
    }

    /// Has something done.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize) -> Result<(), Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::new(Exit::Failure, error))?;
        let request = self.request(Method::POST, path);
        let request = request
            .header("content-type", "application/json")
            .body(body);
        self.answered(request.send().await).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn answered(&self, result: reqwest::Result<Response>) -> Result<Response, Failure> {
        let response = result.map_err(|error| self.broken(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.unwrap_or_default();
        let refusal = serde_json::from_slice::<Refusal>(&bytes);
        let text = refusal.map_or_else(|_| status.to_string(), |refusal| refusal.error);
        let failure = Failure::new(
            match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Cluster,
                _ => Exit::Failure,
            },
            anyhow!("{} refuses: {text}", self.shown),
        );
        Err(match status {
            StatusCode::UNAUTHORIZED => failure.with_help(
                "`mesosgot run --dashboard` says the token; give it by `--token-file` or in \
                 `MESOSGOT_DASHBOARD_TOKEN`",
            ),
            _ => failure,
        })
    }

    /// A job that does not answer, or not to the end.
    pub(crate) fn broken(&self, error: reqwest::Error) -> Failure {
        let error = anyhow::Error::from(error.without_url());
        Failure::new(
            Exit::Cluster,
            error.context(format!("{} does not answer", self.shown)),
        )
    }
}

fn http(builder: reqwest::ClientBuilder) -> Result<Client, Failure> {
    // Another part of the program may have done so; it is the same one then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = builder.no_proxy().build();
    client.map_err(|error| Failure::new(Exit::Failure, error))
}
