//! Single values: each is read from its text, and reported at its place if that cannot be.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::module::{self, Module, Named, Objection};
use crate::near::nearest;
use crate::units::{Size, UnitError, parse_duration};
use crate::view;

/// The most processors that a task or an executor can ask for; no agent has more.
const CPUS_MAX: f64 = 1024.0;

/// The least that is not nothing: Mesos computes with three decimals.
const CPUS_MIN: f64 = 0.001;

/// Single values. Each reports what it cannot read and answers the default instead.
impl Resolver<'_> {
    pub(super) fn module(
        &mut self,
        at: &[&str],
        whose: &str,
        text: Option<&str>,
    ) -> Option<Module> {
        let Some(text) = text else {
            let message = format!("{whose} has no module");
            self.missing(at, &message, "write `module: PATH`");
            return None;
        };
        let place = [at, &["module"]].concat();
        let module = module::parse(text, self.lookup)
            .inspect_err(|error| self.wrong_value(&place, error, error.help().as_deref()))
            .ok()?;
        let named = match at {
            ["tasks", group] => Named::Task {
                group,
                module: &module,
            },
            _ => Named::AppScheduler(&module),
        };
        self.objection(&place, &named);
        Some(module)
    }

    pub(super) fn view(&mut self, text: Option<&str>) -> Option<PathBuf> {
        let view = view::parse(text?, self.lookup)
            .inspect_err(|error| self.wrong_value(&["view"], error, Some(&error.help())))
            .ok()?;
        self.objection(&["view"], &Named::View(&view));
        Some(view)
    }

    /// Reports what the caller has against something that is there.
    fn objection(&mut self, at: &[&str], named: &Named<'_>) {
        if let Some(Objection { message, help }) = self.lookup.objection(named) {
            self.wrong_value(at, &message, help.as_deref());
        }
    }

    pub(super) fn duration(
        &mut self,
        at: &[&str],
        text: Option<&str>,
        default: Duration,
        range: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(text) = text else { return default };
        let key = key(at);
        let (message, help) = match parse_duration(text) {
            Ok(duration) if range.contains(&duration) => return duration,
            Ok(duration) if duration < *range.start() => {
                let least = range.start();
                (format!("`{key}` is {text}, less than {least:?}"), None)
            }
            Ok(_) => {
                let most = range.end().as_secs() / 60;
                let help = (key == "kill_grace").then_some("the end of the whole job waits for it");
                let help = help.map(str::to_owned);
                (format!("`{key}` is {text}, more than {most}m"), help)
            }
            Err(error) => {
                let help = match &error {
                    UnitError::NoUnit(number) => format!("write `{number}s` for seconds"),
                    UnitError::TooLarge(_) => "a year is the most".to_owned(),
                    UnitError::NoNumber(_) | UnitError::UnknownUnit(_) => {
                        "a time is written like `500ms`, `5s`, `10m`, `1h30m`".to_owned()
                    }
                };
                (format!("`{key}` is no time: {error}"), Some(help))
            }
        };
        self.wrong_value(at, &message, help.as_deref());
        default
    }

    pub(super) fn size(
        &mut self,
        at: &[&str],
        text: Option<&str>,
        default: Size,
        least: Size,
    ) -> Size {
        let Some(text) = text else { return default };
        let key = key(at);
        let (message, help) = match Size::parse(text) {
            Ok(size) if size >= least => return size,
            Ok(_) => (format!("`{key}` is {text}, less than {least}"), None),
            Err(error) => {
                let help = size_help(&error);
                (format!("`{key}` is no size: {error}"), Some(help))
            }
        };
        self.wrong_value(at, &message, help.as_deref());
        default
    }

    pub(super) fn cpus(&mut self, at: &[&str], text: Option<&str>, default: f64) -> f64 {
        let Some(text) = text else { return default };
        let fault = match text.parse::<f64>() {
            Ok(cpus) if cpus == 0.0 || (CPUS_MIN..=CPUS_MAX).contains(&cpus) => return cpus,
            Ok(cpus) if cpus < 0.0 => "which is negative".to_owned(),
            Ok(cpus) if cpus < CPUS_MIN => "which is nothing to Mesos".to_owned(),
            Ok(cpus) if cpus > CPUS_MAX => format!("more than {CPUS_MAX}"),
            Ok(_) | Err(_) => "not a number".to_owned(),
        };
        let help = format!("`cpus` is 0, or from {CPUS_MIN} to {CPUS_MAX}");
        self.wrong_value(at, &format!("`cpus` is {text}, {fault}"), Some(&help));
        default
    }

    pub(super) fn whole(
        &mut self,
        at: &[&str],
        text: Option<&str>,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let Some(text) = text else { return default };
        let (least, most) = (range.start(), range.end());
        let fault = match text.parse::<i128>() {
            Ok(number) => match u32::try_from(number) {
                Ok(number) if range.contains(&number) => return number,
                _ if number < 0 => "which is negative".to_owned(),
                _ if number < i128::from(*least) => format!("less than {least}"),
                _ => format!("more than {most}"),
            },
            Err(_) => "not a whole number".to_owned(),
        };
        let key = key(at);
        let help = format!("`{key}` is from {least} to {most}");
        self.wrong_value(at, &format!("`{key}` is {text}, {fault}"), Some(&help));
        default
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        at: &[&str],
        text: Option<&str>,
        default: T,
        choices: &[(&str, T)],
    ) -> T {
        let Some(text) = text else { return default };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return *choice;
        }
        let key = key(at);
        let help = match nearest(text, choices.iter().map(|(name, _)| *name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let all: Vec<_> = choices
                    .iter()
                    .map(|(name, _)| format!("`{name}`"))
                    .collect();
                format!("`{key}` is {}", all.join(" or "))
            }
        };
        self.wrong_value(
            at,
            &format!("`{text}` is not a value of `{key}`"),
            Some(&help),
        );
        default
    }

    pub(super) fn env(&mut self, at: &[&str], env: &BTreeMap<String, String>) {
        for (name, value) in env {
            let at = [at, &[name]].concat();
            if name.is_empty() || name.contains(['=', '\0']) {
                let message = format!("`{name}` is not a name of an environment variable");
                self.report_at_key(&at, message, None, None);
            }
            if value.contains('\0') {
                self.wrong_value(&at, "the value has a zero byte", None);
            }
        }
    }
}

/// Reports.
impl Resolver<'_> {
    pub(super) fn missing(&mut self, at: &[&str], message: &str, help: &str) {
        self.report_at_key(at, message.to_owned(), None, Some(help));
    }

    pub(super) fn report_at_key(
        &mut self,
        at: &[&str],
        message: String,
        label: Option<&str>,
        help: Option<&str>,
    ) {
        let mut span = self.spans.key(at);
        // What is missing at the top has the whole file as its place: its first line will do.
        let first_line = self.text[span.clone()].lines().next().unwrap_or_default();
        span.end = span.start + first_line.len();
        let mut diagnostic = Diagnostic::new(self.text, span, message).with_help(help);
        diagnostic.label = label.map(str::to_owned);
        self.found.push(diagnostic);
    }

    pub(super) fn wrong_value(
        &mut self,
        at: &[&str],
        message: &(impl Display + ?Sized),
        help: Option<&str>,
    ) {
        let span = self.spans.value(at);
        let diagnostic = Diagnostic::new(self.text, span, message.to_string()).with_help(help);
        self.found.push(diagnostic);
    }
}

/// What a path leads to.
fn key<'a>(at: &[&'a str]) -> &'a str {
    at.last().copied().unwrap_or_default()
}

fn size_help(error: &UnitError) -> String {
    let units = ["kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"];
    match error {
        UnitError::NoUnit(number) => format!("write `{number}MiB` if that is meant"),
        UnitError::UnknownUnit(unit) => match nearest(unit, units) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("units are {}", units.join(", ")),
        },
        UnitError::TooLarge(_) => "1024TiB is the most".to_owned(),
        UnitError::NoNumber(_) => "a size is written like `32MiB`, `1.5GB`".to_owned(),
    }
}
