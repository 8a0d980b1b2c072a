//! What a task may use.

use super::Resolver;
use crate::allow::{self, Allow, DESTINATIONS_MAX, DestinationError, SandboxAccess};
use crate::file::AllowFile;

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
            ("ro", Some(SandboxAccess::ReadOnly)),
            ("rw", Some(SandboxAccess::ReadWrite)),
        ];
        let yes_no = [("true", true), ("false", false)];
        Allow {
            sandbox: self.choice(
                &path("sandbox"),
                file.sandbox.as_deref(),
                defaults.sandbox,
                &accesses,
            ),
            env: match &file.env {
                Some(names) => self.passed_on(&path("env"), names),
                None => defaults.env.clone(),
            },
            connect: match &file.connect {
                Some(texts) => self.destinations(&path("connect"), texts),
                None => defaults.connect.clone(),
            },
            dns: self.choice(&path("dns"), file.dns.as_deref(), defaults.dns, &yes_no),
        }
    }

    fn passed_on(&mut self, at: &[&str], names: &[String]) -> Vec<String> {
        for (number, name) in names.iter().enumerate() {
            if name.is_empty() || name.contains(['=', '\0']) {
                let number = number.to_string();
                let message = format!("`{name}` is not a name of an environment variable");
                let help = "what it is to be is said by the group's own `env`";
                self.wrong_value(&[at, &[number.as_str()]].concat(), &message, Some(help));
            }
        }
        names.to_vec()
    }

    fn destinations(&mut self, at: &[&str], texts: &[String]) -> Vec<allow::Destination> {
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
            match allow::parse(text) {
                Ok(destination) => destinations.push(destination),
                Err(error) => {
                    let number = number.to_string();
                    let at = [at, &[number.as_str()]].concat();
                    self.wrong_value(&at, &error, Some(DestinationError::HELP));
                }
            }
        }
        destinations
    }
}
