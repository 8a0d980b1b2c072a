//! Where agents have the executor and modules from: `executor` and `serve`, and what `channels` has
//! in common with that.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{EXECUTOR_MEM_MIN, Resolver};
use crate::advertise::Advertise;
use crate::file::{ExecutorFile, ServeFile};
use crate::job::{Channels, EXECUTOR_CPUS, EXECUTOR_MEM, Executor, ExecutorBinary, Serve, TlsMode};
use crate::module::{self, ModuleError, PathKind};

/// Endings of what a fetcher would have to unpack (PROTOCOL §11.5).
const ARCHIVES: [&str; 10] = [
    ".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".gz", ".tgz", ".tbz2", ".txz", ".zip", ".tar.zst",
];

/// The longest name of an image with its registry, tag and digest.
const IMAGE_BYTES_MAX: usize = 512;

impl Resolver<'_> {
    pub(super) fn executor(&mut self, file: &ExecutorFile) -> Executor {
        let mem = file.mem.as_deref();
        Executor {
            cpus: self.cpus(&["executor", "cpus"], file.cpus.as_deref(), EXECUTOR_CPUS),
            mem: self.size(&["executor", "mem"], mem, EXECUTOR_MEM, EXECUTOR_MEM_MIN),
            binary: self.binary(file.binary.as_deref()),
            image: self.image(file.image.as_deref()),
        }
    }

    fn binary(&mut self, text: Option<&str>) -> ExecutorBinary {
        let at = ["executor", "binary"];
        match text {
            None | Some("serve") => ExecutorBinary::Serve,
            Some(text) if text.starts_with("serve ") => {
                let file = Path::new(text["serve ".len()..].trim());
                self.served_file(file);
                ExecutorBinary::ServeFile(file.to_owned())
            }
            Some(path) if path.starts_with('/') => ExecutorBinary::Path(path.to_owned()),
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                self.binary_url(url)
            }
            Some(other) => {
                let message = format!("`{other}` does not say where the executor is");
                let is_here = self.lookup.kind(Path::new(other)) == Some(PathKind::File);
                let help = match is_here {
                    true => &format!("write `serve {other}` for agents to fetch this file"),
                    false => {
                        "write `serve`, `serve FILE`, an absolute path on the agents, or a URL"
                    }
                };
                self.wrong_value(&at, &message, Some(help));
                ExecutorBinary::Serve
            }
        }
    }

    fn served_file(&mut self, file: &Path) {
        let (message, help) = match self.lookup.kind(file) {
            Some(PathKind::File) => return,
            Some(PathKind::Folder) => (format!("`{}` is a folder", file.display()), None),
            None => {
                let path = file.display().to_string();
                let near = module::near_path(file, self.lookup);
                let error = ModuleError::Missing { path, near };
                (error.to_string(), error.help())
            }
        };
        self.wrong_value(&["executor", "binary"], &message, help.as_deref());
    }

    fn binary_url(&mut self, text: &str) -> ExecutorBinary {
        let at = ["executor", "binary"];
        let (url, sha256) = match module::parse_digest(text) {
            Ok((url, sha256)) => (url, Some(sha256)),
            Err(ModuleError::NoDigest) => (text, None),
            Err(error) => {
                self.wrong_value(&at, &error, error.help().as_deref());
                (text, None)
            }
        };
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let lower = path.to_ascii_lowercase();
        if let Some(ending) = ARCHIVES.iter().find(|ending| lower.ends_with(*ending)) {
            let message = format!("`{path}` is an archive by its ending `{ending}`");
            let help = "agents start what they fetch as it is: put the program itself there";
            self.wrong_value(&at, &message, Some(help));
        }
        ExecutorBinary::Url {
            url: url.to_owned(),
            sha256,
        }
    }

    fn image(&mut self, text: Option<&str>) -> Option<String> {
        let text = text?;
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
        let begins = text
            .bytes()
            .next()
            .is_some_and(|it| it.is_ascii_alphanumeric());
        if !begins || text.len() > IMAGE_BYTES_MAX || !text.bytes().all(is_known) {
            let message = format!("`{text}` is not the name of a container image");
            let help = "write it like `debian:12` or `registry.example/team/base@sha256:…`";
            self.wrong_value(&["executor", "image"], &message, Some(help));
        }
        Some(text.to_owned())
    }

    /// What `serve` says; the direct path of `channels` listens beside it.
    pub(super) fn serve(&mut self, file: &ServeFile, channels: &Channels) -> Serve {
        let files = [
            ("certificate_file", &file.certificate_file),
            ("key_file", &file.key_file),
        ];
        for (key, text) in files {
            if text.as_deref() == Some("") {
                let help = Some("remove it, or fill it in");
                self.wrong_value(&["serve", key], &format!("`{key}` is empty"), help);
            }
        }
        if file.key_file.is_some() && file.certificate_file.is_none() {
            let help = Some("name it by `serve.certificate_file`");
            let message = "there is a key but no certificate";
            self.wrong_value(&["serve", "key_file"], &message, help);
        }
        let listen = self.listen("serve", file.listen.as_deref());
        if let Some(listen) = listen.filter(|it| it.port() != 0 && channels.listen == Some(*it)) {
            let message = format!("`{listen}` is what `channels.listen` has already");
            let help = Some("modules and channels need a port each");
            self.wrong_value(&["serve", "listen"], &message, help);
        }
        Serve {
            listen,
            advertise: self.advertise("serve", file.advertise.as_deref()),
            tls: self.tls("serve", file.tls.as_deref()),
            certificate_file: file.certificate_file.as_ref().map(PathBuf::from),
            key_file: file.key_file.as_ref().map(PathBuf::from),
        }
    }

    pub(super) fn advertise(&mut self, section: &str, text: Option<&str>) -> Option<Advertise> {
        let text = text?;
        text.parse()
            .map_err(|error| {
                let message = format!("`{text}` is not an address for agents: {error}");
                let help = "write the name or address of this machine, or `host:port`";
                self.wrong_value(&[section, "advertise"], &message, Some(help));
            })
            .ok()
    }

    pub(super) fn listen(&mut self, section: &str, text: Option<&str>) -> Option<SocketAddr> {
        let text = text?;
        text.parse()
            .map_err(|_| {
                let message = format!("`{text}` is not an address and a port to listen on");
                let help = "write as in `0.0.0.0:7070`, with port 0 for any that is free";
                self.wrong_value(&[section, "listen"], &message, Some(help));
            })
            .ok()
    }

    pub(super) fn tls(&mut self, section: &str, text: Option<&str>) -> TlsMode {
        let choices = [
            ("auto", TlsMode::Auto),
            ("on", TlsMode::On),
            ("off", TlsMode::Off),
        ];
        self.choice(&[section, "tls"], text, TlsMode::Auto, &choices)
    }
}
