//! What is shown to masters, and whom we trust: flags, environment and job file in one, and the
//! files that they name.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use framework::{Credentials, Secret, Tls};
use local_cluster::ParseCredentialsError;
use thiserror::Error;

use crate::args::AccessArgs;

/// A secret that is in no file: for machines that hand secrets over in the environment.
pub(crate) const SECRET_VARIABLE: &str = "MESOSGOT_SECRET";

/// A token that is in no file.
pub(crate) const TOKEN_VARIABLE: &str = "MESOSGOT_TOKEN";

/// The largest file that is read. The authorities of a whole system are some 250 kB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A token for dashboards that is in no file.
pub(crate) const DASHBOARD_TOKEN_VARIABLE: &str = "MESOSGOT_DASHBOARD_TOKEN";

/// The fewest characters of a token that somebody has chosen.
const TOKEN_CHARS_MIN: usize = 16;

/// What the framework needs of it. Secrets are not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) principal: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tls: Tls,
}

/// Why that cannot be had.
#[derive(Debug, Error)]
pub(crate) enum AccessError {
    #[error("failed to read {what} `{}`", path.display())]
    Read {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{what} `{}` is empty", path.display())]
    Empty { what: &'static str, path: PathBuf },
    #[error("{what} `{}` has no `-----BEGIN` of PEM", path.display())]
    NotPem { what: &'static str, path: PathBuf },
    #[error("{what} `{}` is not understood", path.display())]
    Accepted {
        what: &'static str,
        path: PathBuf,
        source: ParseCredentialsError,
    },
    #[error("there is a secret but no principal")]
    NoPrincipal,
    #[error("there are both a secret and a token for masters")]
    SecretAndToken,
    #[error("there is a key but no certificate")]
    KeyAlone,
    #[error("there is no token for the dashboard at `{address}`")]
    NoDashboardToken { address: String },
    #[error(
        "the token for the dashboard is too easy to guess, or has other characters than letters, digits and `-._~`"
    )]
    BadDashboardToken,
}

impl AccessError {
    /// What the user can do about it.
    pub(crate) fn help(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "paths of flags are relative to the current folder, those of the job file to its \
                 folder"
            }
            Self::Empty { .. } => "fill it in, or do not name it",
            Self::NotPem { .. } => "it must hold text that begins with `-----BEGIN`",
            Self::Accepted { .. } => {
                r#"write it like `{"credentials": [{"principal": "me", "secret": "sesame"}]}`"#
            }
            Self::NoPrincipal => "name it by `--principal` or `cluster.principal`",
            Self::SecretAndToken => "leave out one of them",
            Self::NoDashboardToken { .. } => {
                "`mesosgot run --dashboard` says it; give it by `--token-file` or in the variable \
                 `MESOSGOT_DASHBOARD_TOKEN`"
            }
            Self::BadDashboardToken => {
                "write 16 characters or more, as `openssl rand -hex 32` makes them"
            }
            Self::KeyAlone => "name it by `--certificate-file` or `cluster.certificate_file`",
        }
    }
}

/// Where secret and token come from, on one level.
enum Proof<'a> {
    File(&'a Path),
    Text(String),
}

/// Flags win over the environment, and that over the job file, whose paths are relative to
/// `folder`.
///
/// # Errors
/// When a file cannot be read, or things do not go together.
pub(crate) fn read(
    args: &AccessArgs,
    variable: impl Fn(&str) -> Option<String>,
    job: &job::Access,
    folder: &Path,
) -> Result<Access, AccessError> {
    let in_job = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path));
    let (job_secret, job_token) = (in_job(&job.secret_file), in_job(&job.token_file));
    let file = |path: &'_ Option<PathBuf>| path.clone();
    let flags = (file(&args.secret_file), file(&args.token_file));
    let set = |name| variable(name).filter(|text| !text.is_empty());
    let levels = [
        (
            flags.0.as_deref().map(Proof::File),
            flags.1.as_deref().map(Proof::File),
        ),
        (
            set(SECRET_VARIABLE).map(Proof::Text),
            set(TOKEN_VARIABLE).map(Proof::Text),
        ),
        (
            job_secret.as_deref().map(Proof::File),
            job_token.as_deref().map(Proof::File),
        ),
    ];
    let principal = args.principal.clone().or_else(|| job.principal.clone());
    let given = levels
        .into_iter()
        .find(|(secret, token)| secret.is_some() || token.is_some());
    let credentials = match given {
        None | Some((None, None)) => None,
        Some((Some(_), Some(_))) => return Err(AccessError::SecretAndToken),
        Some((Some(secret), None)) => Some(Credentials::Basic {
            principal: principal.clone().ok_or(AccessError::NoPrincipal)?,
            secret: proof("the file of the secret", secret)?,
        }),
        Some((None, Some(token))) => {
            Some(Credentials::Bearer(proof("the file of the token", token)?))
        }
    };
    let ca_file = args.ca_file.clone().or_else(|| in_job(&job.ca_file));
    let (certificate_file, key_file) = match &args.certificate_file {
        Some(path) => (Some(path.clone()), args.key_file.clone()),
        None => (
            in_job(&job.certificate_file),
            args.key_file.clone().or_else(|| in_job(&job.key_file)),
        ),
    };
    Ok(Access {
        principal,
        credentials,
        tls: Tls {
            authorities: match ca_file {
                Some(path) => vec![pem("the file of authorities", &path)?.into_bytes()],
                None => Vec::new(),
            },
            identity: identity(certificate_file.as_deref(), key_file.as_deref())?,
        },
    })
}

fn proof(what: &'static str, proof: Proof<'_>) -> Result<Secret, AccessError> {
    match proof {
        Proof::Text(text) => Ok(Secret::new(text)),
        Proof::File(path) => {
            let text = read_text(what, path)?;
            // The end of the line is the editor's.
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                let path = path.to_owned();
                return Err(AccessError::Empty { what, path });
            }
            Ok(Secret::new(text))
        }
    }
}

/// The token of a dashboard: of the file, or else of the variable.
///
/// # Errors
/// When it cannot be read, or could be guessed or not be written in a URL.
pub(crate) fn dashboard_token(
    file: Option<&Path>,
    variable: Option<String>,
) -> Result<Option<String>, AccessError> {
    let variable = variable.filter(|text| !text.is_empty());
    let token = match (file, variable) {
        (Some(path), _) => proof("the file of the token", Proof::File(path))?,
        (None, Some(text)) => Secret::new(text),
        (None, None) => return Ok(None),
    };
    let token = token.expose().to_owned();
    let fits = |char: char| char.is_ascii_alphanumeric() || "-._~".contains(char);
    if token.len() < TOKEN_CHARS_MIN || !token.chars().all(fits) {
        return Err(AccessError::BadDashboardToken);
    }
    Ok(Some(token))
}

/// A certificate with its key, as PEM.
///
/// # Errors
/// When there is a key alone, or a file cannot be read.
pub(crate) fn identity(
    certificate_file: Option<&Path>,
    key_file: Option<&Path>,
) -> Result<Option<Secret>, AccessError> {
    match (certificate_file, key_file) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(AccessError::KeyAlone),
        (Some(certificate), key) => {
            let mut both = pem("the file of the certificate", certificate)?;
            if let Some(key) = key {
                both.push('\n');
                both.push_str(&pem("the file of the key", key)?);
            }
            Ok(Some(Secret::new(both)))
        }
    }
}

fn pem(what: &'static str, path: &Path) -> Result<String, AccessError> {
    let text = read_text(what, path)?;
    if text.contains("-----BEGIN") {
        Ok(text)
    } else {
        let path = path.to_owned();
        Err(AccessError::NotPem { what, path })
    }
}

/// Whom an embedded cluster is to let in, from the file of `--credentials`. What stands there is not
/// shown.
///
/// # Errors
/// When it cannot be read, or names nobody.
pub(crate) fn read_accepted(path: &Path) -> Result<local_cluster::Credentials, AccessError> {
    let what = "the file of `--credentials`";
    let text = read_text(what, path)?;
    local_cluster::Credentials::parse(&text).map_err(|source| AccessError::Accepted {
        what,
        path: path.to_owned(),
        source,
    })
}

fn read_text(what: &'static str, path: &Path) -> Result<String, AccessError> {
    let mut text = String::new();
    let read = || {
        let mut file = File::open(path)?.take(FILE_BYTES_MAX + 1);
        if file.read_to_string(&mut text)? as u64 > FILE_BYTES_MAX {
            let fault = format!("it has more than {FILE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, fault));
        }
        Ok(())
    };
    let mut read = read;
    read().map_err(|source| AccessError::Read {
        what,
        path: path.to_owned(),
        source,
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with files, and a job that names them.
    struct Scene {
        folder: tempfile::TempDir,
        args: AccessArgs,
        job: job::Access,
        variables: Vec<(&'static str, &'static str)>,
    }

    impl Scene {
        fn new(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().expect("a temporary directory can be made");
            for (name, text) in files {
                fs::write(folder.path().join(name), text).expect("a file can be written");
            }
            Self {
                folder,
                args: AccessArgs::default(),
                job: job::Access::default(),
                variables: Vec::new(),
            }
        }

        fn path(&self, name: &str) -> Option<PathBuf> {
            Some(self.folder.path().join(name))
        }

        fn read(&self) -> Result<Access, String> {
            let variable = |name: &str| {
                let found = self
                    .variables
                    .iter()
                    .find(|(variable, _)| *variable == name);
                found.map(|(_, text)| (*text).to_owned())
            };
            let folder = self.folder.path();
            read(&self.args, variable, &self.job, folder)
                .map_err(|error| error.to_string().replace(&*folder.to_string_lossy(), ""))
        }
    }

    fn basic(principal: &str, secret: &str) -> Option<Credentials> {
        Some(Credentials::Basic {
            principal: principal.to_owned(),
            secret: Secret::new(secret),
        })
    }

    #[test]
    fn a_job_file_names_principal_and_secret() {
        let mut scene = Scene::new(&[("s", "sesame\n")]);
        assert_eq!(scene.read(), Ok(Access::default()));
        scene.job.principal = Some("me".to_owned());
        let access = scene.read().expect("a principal may stand alone");
        assert_eq!(
            (access.principal.as_deref(), access.credentials),
            (Some("me"), None)
        );
        scene.job.secret_file = Some("s".into());
        let access = scene.read().expect("the file is there");
        assert_eq!(access.credentials, basic("me", "sesame"));
        assert!(!format!("{access:?}").contains("sesame"));
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_job_file() {
        let mut scene = Scene::new(&[("s", "of the job"), ("f", "of the flag")]);
        scene.job.principal = Some("me".to_owned());
        scene.job.secret_file = Some("s".into());
        scene.variables = vec![
            (TOKEN_VARIABLE, "of the environment"),
            (SECRET_VARIABLE, ""),
        ];
        let credentials = scene.read().expect("it goes together").credentials;
        let token = Credentials::Bearer(Secret::new("of the environment"));
        assert_eq!(credentials, Some(token));
        scene.args.secret_file = scene.path("f");
        scene.args.principal = Some("you".to_owned());
        let credentials = scene.read().expect("it goes together").credentials;
        assert_eq!(credentials, basic("you", "of the flag"));
    }

    #[test]
    fn certificate_and_key_may_be_in_two_files() {
        let mut scene = Scene::new(&[
            ("c", "-----BEGIN C"),
            ("k", "-----BEGIN K"),
            ("ca", "-----BEGIN A"),
        ]);
        scene.job.certificate_file = Some("c".into());
        scene.job.key_file = Some("k".into());
        scene.job.ca_file = Some("ca".into());
        let tls = scene.read().expect("all files are there").tls;
        assert_eq!(
            tls.identity,
            Some(Secret::new("-----BEGIN C\n-----BEGIN K"))
        );
        assert_eq!(tls.authorities, [b"-----BEGIN A".to_vec()]);
        // A certificate of another place has not the key of this one.
        scene.args.certificate_file = scene.path("ca");
        let tls = scene.read().expect("all files are there").tls;
        assert_eq!(tls.identity, Some(Secret::new("-----BEGIN A")));
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let with = |change: &dyn Fn(&mut job::Access)| {
            let mut scene = Scene::new(&[("s", "sesame"), ("empty", "\n")]);
            scene.job.principal = Some("me".to_owned());
            change(&mut scene.job);
            scene.read().expect_err("it does not go together")
        };
        assert_eq!(
            with(&|job| job.secret_file = Some("none".into())),
            "failed to read the file of the secret `/none`"
        );
        assert_eq!(
            with(&|job| job.secret_file = Some("empty".into())),
            "the file of the secret `/empty` is empty"
        );
        assert_eq!(
            with(&|job| {
                job.secret_file = Some("s".into());
                job.principal = None;
            }),
            "there is a secret but no principal"
        );
        assert_eq!(
            with(&|job| {
                job.secret_file = Some("s".into());
                job.token_file = Some("s".into());
            }),
            "there are both a secret and a token for masters"
        );
        assert_eq!(
            with(&|job| job.key_file = Some("s".into())),
            "there is a key but no certificate"
        );
        assert_eq!(
            with(&|job| job.ca_file = Some("s".into())),
            "the file of authorities `/s` has no `-----BEGIN` of PEM"
        );
    }
}
