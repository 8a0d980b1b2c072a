//! Ports, and resources that only their agents know.

use std::collections::{BTreeMap, BTreeSet};

use super::Resolver;
use crate::file::PortsFile;
use crate::job::{AMOUNT_MAX, PORTS_BY_NUMBER_MAX, PORTS_MAX, Ports};

/// Resources with a key of their own, and how that is written.
const WITH_KEYS: [(&str, &str); 5] = [
    ("cpus", "cpus: 0.5"),
    ("mem", "mem: 64MiB"),
    ("disk", "disk: 1GiB"),
    ("gpus", "gpus: 1"),
    ("ports", "ports: 1"),
];

/// The least amount that is not nothing: Mesos computes with three decimals.
const AMOUNT_MIN: f64 = 0.001;

impl Resolver<'_> {
    pub(super) fn ports(
        &mut self,
        at: &[&str],
        file: Option<&PortsFile>,
        default: &Ports,
    ) -> Ports {
        match file {
            None => default.clone(),
            Some(PortsFile::Count(count)) => {
                Ports::Any(self.whole(at, Some(count), 0, 0..=PORTS_MAX))
            }
            Some(PortsFile::List(list)) => self.ports_by_number(at, list),
        }
    }

    fn ports_by_number(&mut self, at: &[&str], list: &[String]) -> Ports {
        let mut ports = BTreeSet::new();
        for (index, text) in list.iter().enumerate() {
            let index = index.to_string();
            let at = [at, &[index.as_str()]].concat();
            match text.parse::<u16>() {
                Ok(port) if port > 0 => {
                    if !ports.insert(port) {
                        let message = format!("port {port} comes twice");
                        self.wrong_value(&at, &message, Some("a task has each port once"));
                    }
                }
                Ok(_) | Err(_) => {
                    let message = format!("`{text}` is not a port");
                    let help = "a port is from 1 to 65535; for any that are free write how many, \
                                like `ports: 2`";
                    self.wrong_value(&at, &message, Some(help));
                }
            }
        }
        if list.len() > PORTS_BY_NUMBER_MAX {
            let message = format!(
                "{} ports by number, more than {PORTS_BY_NUMBER_MAX}",
                list.len()
            );
            self.report_at_key(at, message, None, Some("write how many, like `ports: 100`"));
        }
        Ports::These(ports)
    }

    /// Amounts by name, those of `defaults` among them; 0 takes one out.
    pub(super) fn resources(
        &mut self,
        at: &[&str],
        file: &BTreeMap<String, String>,
        defaults: &BTreeMap<String, f64>,
    ) -> BTreeMap<String, f64> {
        let mut resources = defaults.clone();
        for (name, text) in file {
            let at = [at, &[name.as_str()]].concat();
            self.resource_name(&at, name);
            let fault = match text.parse::<f64>() {
                Ok(0.0) => {
                    resources.remove(name);
                    continue;
                }
                Ok(amount) if (AMOUNT_MIN..=AMOUNT_MAX).contains(&amount) => {
                    resources.insert(name.clone(), amount);
                    continue;
                }
                Ok(amount) if amount < 0.0 => "which is negative".to_owned(),
                Ok(amount) if amount < AMOUNT_MIN => "which is nothing to Mesos".to_owned(),
                Ok(amount) if amount > AMOUNT_MAX => format!("more than {AMOUNT_MAX}"),
                Ok(_) | Err(_) => "not a number".to_owned(),
            };
            let help = "an amount is a number without a unit, as agents offer it";
            self.wrong_value(&at, &format!("`{name}` is {text}, {fault}"), Some(help));
        }
        resources
    }

    fn resource_name(&mut self, at: &[&str], name: &str) {
        let own = WITH_KEYS
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((key, written)) = own {
            let message = format!("`{key}` has a key of its own");
            let help = format!("write `{written}` beside `resources`");
            self.report_at_key(at, message, Some("not here"), Some(&help));
        } else if !is_resource_name(name) {
            let message = format!("`{name}` is not a name of a resource");
            let help = "it is what agents call it: letters, digits, `-`, `_`, `.` and `/`";
            self.report_at_key(at, message, None, Some(help));
        }
    }
}

/// Whether an agent's `--resources` could have it.
fn is_resource_name(name: &str) -> bool {
    let is_fine = |char: char| char.is_ascii_alphanumeric() || "-_./".contains(char);
    !name.is_empty() && name.chars().all(is_fine)
}
