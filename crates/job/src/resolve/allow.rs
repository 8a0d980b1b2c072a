//! What a task may use.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Resolver;
use crate::allow::{
    self, Allow, DESTINATIONS_MAX, DestinationError, FOLDERS_MAX, FolderAccess, HttpError,
};
use crate::file::AllowFile;

/// Variables that executors pass on to nobody.
const SECRETS: [&str; 1] = ["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"];

impl Resolver<'_> {
    pub(super) fn allow(
        &mut self,
        at: &[&str],
        file: Option<&AllowFile>,
        defaults: &Allow,
    ) -> Allow {
        let Some(file) = file else {
            return defaults.clone();
        };
        let path = |key| [at, &[key]].concat();
        let accesses = [
            ("none", None),
            ("ro", Some(FolderAccess::ReadOnly)),
            ("rw", Some(FolderAccess::ReadWrite)),
        ];
        let yes_no = [("true", true), ("false", false)];
        Allow {
            sandbox: self.choice(
                &path("sandbox"),
                file.sandbox.as_deref(),
                defaults.sandbox,
                &accesses,
            ),
            folders: match &file.folders {
                Some(folders) => self.folders(&path("folders"), folders),
                None => defaults.folders.clone(),
            },
            env: match &file.env {
                Some(names) => self.passed_on(&path("env"), names),
                None => defaults.env.clone(),
            },
            connect: match &file.connect {
                Some(texts) => {
                    let help = DestinationError::HELP;
                    self.destinations(&path("connect"), texts, allow::parse, help)
                }
                None => defaults.connect.clone(),
            },
            dns: self.choice(&path("dns"), file.dns.as_deref(), defaults.dns, &yes_no),
            http: match &file.http {
                Some(texts) => {
                    let help = HttpError::HELP;
                    self.destinations(&path("http"), texts, allow::parse_http, help)
                }
                None => defaults.http.clone(),
            },
        }
    }

    fn folders(
        &mut self,
        at: &[&str],
        folders: &BTreeMap<String, String>,
    ) -> BTreeMap<String, FolderAccess> {
        let accesses = [
            ("ro", FolderAccess::ReadOnly),
            ("rw", FolderAccess::ReadWrite),
        ];
        if folders.len() > FOLDERS_MAX {
            let message = format!(
                "there are {} folders, more than {FOLDERS_MAX}",
                folders.len()
            );
            let help = "ask the operator for one that holds them";
            self.report_at_key(at, message, Some("too many"), Some(help));
        }
        let mut known = BTreeMap::new();
        for (name, access) in folders {
            let at = [at, &[name.as_str()]].concat();
            if !allow::is_folder_name(name) {
                let message = format!("`{name}` is not a name of a folder");
                let help = "it is the name that the operator of an agent gives to a folder, of \
                            letters, digits, `-`, `_` and `.`; a task finds it at `/NAME`";
                self.report_at_key(&at, message, None, Some(help));
            }
            let read = FolderAccess::ReadOnly;
            let access = self.choice(&at, Some(access), read, &accesses);
            known.insert(name.clone(), access);
        }
        known
    }

    fn passed_on(&mut self, at: &[&str], names: &[String]) -> Vec<String> {
        for (number, name) in names.iter().enumerate() {
            if name.is_empty() || name.contains(['=', '\0']) {
                let number = number.to_string();
                let message = format!("`{name}` is not a name of an environment variable");
                let help = "what it is to be is said by the group's own `env`";
                self.wrong_value(&[at, &[number.as_str()]].concat(), &message, Some(help));
            }
            if SECRETS.contains(&name.as_str()) {
                let number = number.to_string();
                let message = format!("`{name}` is a secret of the executor, which no task gets");
                let help = "with it a task could speak to the agent in the executor's name";
                self.wrong_value(&[at, &[number.as_str()]].concat(), &message, Some(help));
            }
        }
        names.to_vec()
    }

    fn destinations<T, E: Display>(
        &mut self,
        at: &[&str],
        texts: &[String],
        parse: impl Fn(&str) -> Result<T, E>,
        help: &str,
    ) -> Vec<T> {
        if texts.len() > DESTINATIONS_MAX {
            let message = format!(
                "there are {} destinations, more than {DESTINATIONS_MAX}",
                texts.len()
            );
            let help = "name networks and ranges of ports instead";
            self.report_at_key(at, message, Some("too many"), Some(help));
        }
        let mut destinations = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            match parse(text) {
                Ok(destination) => destinations.push(destination),
                Err(error) => {
                    let number = number.to_string();
                    let at = [at, &[number.as_str()]].concat();
                    self.wrong_value(&at, &error, Some(help));
                }
            }
        }
        destinations
    }
}
