//! Finds a running job: by its name among the sockets of the user, or by an address.

use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use futures_util::future::join_all;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{JobAddress, JobClient};
use crate::access::{self, AccessError, DASHBOARD_TOKEN_VARIABLE};
use crate::args::{AddressArgs, JobNameArgs, WhichArgs};
use crate::commands::Failure;
use crate::exit::Exit;
use crate::job_file;
use crate::running::place;
use crate::running::status::JobId;

/// How long a job may take to say which one it is. It is on this machine and answers at once; one
/// that is stopped (`SIGSTOP`) does not.
const HELLO_WAIT: Duration = Duration::from_secs(2);

/// A name with one of these at its end is the path of a job file.
const FILE_ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Where {
    /// On this machine, run by this user: by its name, or `NAME@PID` where several have that name.
    /// Without a name, the only one.
    Here(Option<String>),
    /// Anywhere, with the token that its dashboard wants.
    At { address: JobAddress, token: String },
}

impl Where {
    /// As the command line says it by flags.
    ///
    /// # Errors
    /// When there is an address, and no token or none that could be one; or a job file that is
    /// wrong.
    pub(crate) fn of(args: WhichArgs) -> Result<Self, Failure> {
        let AddressArgs {
            address,
            token_file,
        } = args.address;
        let Some(address) = address else {
            let name = args.named.map(named).transpose()?;
            return Ok(Self::Here(name));
        };
        let variable = std::env::var(DASHBOARD_TOKEN_VARIABLE).ok();
        let token = access::dashboard_token(token_file.as_deref(), variable);
        let token = token.and_then(|token| {
            let address = address.to_string();
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

    /// As the command line says it by a word, or by flags.
    ///
    /// # Errors
    /// As of [`Self::of`].
    pub(crate) fn of_word(args: JobNameArgs) -> Result<Self, Failure> {
        let JobNameArgs { job, mut which } = args;
        which.named = job.or(which.named);
        Self::of(which)
    }
}

/// The name of a job that somebody names, maybe by its file.
fn named(name: String) -> Result<String, Failure> {
    match FILE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        true => Ok(job_file::read(Path::new(&name))?.job.name),
        false => Ok(name),
    }
}

/// A job on this machine.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: JobId,
    /// Which of those that have this name and process, each in another container.
    number: u32,
    /// Nothing if its process does not answer.
    pub(crate) client: Option<JobClient>,
}

impl Found {
    fn is_called(&self, name: &str) -> bool {
        name == self.id.job || name == self.name()
    }

    /// A name that no other one has.
    fn name(&self) -> String {
        let process = place::process(self.id.pid, self.number);
        format!("{}@{process}", self.id.job)
    }
}

/// All jobs of this user on this machine.
///
/// # Errors
/// When the folder of sockets cannot be read.
pub(crate) async fn jobs() -> Result<Vec<Found>, Failure> {
    let folder = place::folder();
    let sockets = place::sockets(&folder)
        .with_context(|| format!("failed to look for jobs in `{}`", folder.display()))
        .map_err(|error| {
            Failure::new(Exit::Failure, error)
                .with_help("remove it, or set `XDG_RUNTIME_DIR` to a folder of your own")
        })?;
    let found = join_all(sockets.iter().map(|socket| hello(socket))).await;
    Ok(found.into_iter().flatten().collect())
}

/// The job whose socket it is. One that nobody answers any more is taken away.
async fn hello(socket: &Path) -> Option<Found> {
    let place::Owner { job, pid, number } = place::owner(socket)?;
    let shown = format!("job `{job}` (process {pid})");
    let client = JobClient::on_socket(socket.to_owned(), shown).ok()?;
    match timeout(HELLO_WAIT, client.get::<JobId>("/v1/job", &())).await {
        Ok(Ok(id)) => {
            let shown = format!("job `{}`", id.job);
            let client = Some(JobClient { shown, ..client });
            Some(Found { id, number, client })
        }
        Ok(Err(_)) if place::is_deserted(socket).await => {
            match place::remove_deserted(socket).await {
                Ok(_) => debug!(socket = %socket.display(), "a job has left this behind"),
                // Another command was quicker.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => warn!(%error, "what a job has left behind stays"),
            }
            None
        }
        Ok(Err(_)) | Err(_) => Some(Found {
            id: JobId { job, pid },
            number,
            client: None,
        }),
    }
}

/// Finds a job.
///
/// # Errors
/// When there is none, several could be meant, or it does not answer.
pub(crate) async fn find(place: &Where) -> Result<JobClient, Failure> {
    match place {
        Where::At { address, token } => JobClient::at(address, token),
        Where::Here(name) => only(jobs().await?, name.as_deref()),
    }
}

/// The one of that name, or the only one.
///
/// # Errors
/// As of [`find`].
pub(crate) fn only(jobs: Vec<Found>, name: Option<&str>) -> Result<JobClient, Failure> {
    let names: Vec<String> = jobs.iter().map(Found::name).collect();
    let meant = jobs.into_iter();
    let mut meant = meant.filter(|job| name.is_none_or(|name| job.is_called(name)));
    let running = format!("running: {}", names.join(", "));
    let (error, help) = match (meant.next(), meant.next(), name) {
        (Some(found), None, _) => return found.client.ok_or_else(|| does_not_answer(&found.id)),
        (Some(_), Some(_), Some(name)) => (
            anyhow!("several jobs are called `{name}`"),
            format!("name one of them with its process; {running}"),
        ),
        (Some(_), Some(_), None) => (
            anyhow!("several jobs run here"),
            format!("name one by `--job`; {running}"),
        ),
        (None, _, Some(name)) => (
            anyhow!("no job called `{name}` runs here"),
            match names.is_empty() {
                true => "no job of this user runs on this machine; for one elsewhere give \
                         `--address` and its token"
                    .to_owned(),
                false => running,
            },
        ),
        (None, _, None) => (
            anyhow!("no job of this user runs on this machine"),
            "start one with `mesosgot run`; for one elsewhere give `--address` and its token"
                .to_owned(),
        ),
    };
    Err(Failure::new(Exit::Usage, error).with_help(help))
}

fn does_not_answer(id: &JobId) -> Failure {
    let JobId { job, pid } = id;
    let error = anyhow!("job `{job}` (process {pid}) does not answer");
    Failure::new(Exit::Cluster, error).with_help(format!(
        "its process may be stopped: `kill -CONT {pid}` lets it go on"
    ))
}
