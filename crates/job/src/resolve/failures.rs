//! What follows from a failure.

use std::time::Duration;

use super::Resolver;
use crate::file::{GroupFile, RestartFile};
use crate::job::{
    BACKOFF, BACKOFF_MAX, BACKOFF_MAX_MAX, BACKOFF_MIN, OnFailure, RESTART_WINDOW, RESTARTS,
    RESTARTS_MAX, Restart,
};

/// The word and the numbers, which may come from different places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failures {
    policy: Policy,
    restart: Restart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Shutdown,
    Restart,
    Ignore,
}

impl Failures {
    /// The defaults.
    pub(super) fn built_in() -> Self {
        Self {
            policy: Policy::Shutdown,
            restart: Restart {
                backoff: BACKOFF,
                backoff_max: BACKOFF_MAX,
                max: RESTARTS,
                window: RESTART_WINDOW,
            },
        }
    }

    pub(super) fn meant(&self) -> OnFailure {
        match self.policy {
            Policy::Shutdown => OnFailure::Shutdown,
            Policy::Restart => OnFailure::Restart(self.restart),
            Policy::Ignore => OnFailure::Ignore,
        }
    }
}

impl Resolver<'_> {
    pub(super) fn failures(
        &mut self,
        at: &[&str],
        file: &GroupFile,
        defaults: &Failures,
    ) -> Failures {
        let policies = [
            ("shutdown", Policy::Shutdown),
            ("restart", Policy::Restart),
            ("ignore", Policy::Ignore),
        ];
        let policy = self.choice(
            &[at, &["on_failure"]].concat(),
            file.on_failure.as_deref(),
            defaults.policy,
            &policies,
        );
        let restart_at = [at, &["restart"]].concat();
        let restart = match &file.restart {
            Some(restart) => self.restart(&restart_at, restart, &defaults.restart),
            None => defaults.restart,
        };
        // In `defaults` it may be meant for the groups that say `restart` themselves.
        if file.restart.is_some() && policy != Policy::Restart && at != ["defaults"] {
            let message = "`restart` is for groups with `on_failure: restart`".to_owned();
            let help = "add `on_failure: restart`, or remove this";
            self.report_at_key(&restart_at, message, None, Some(help));
        }
        Failures { policy, restart }
    }

    fn restart(&mut self, at: &[&str], file: &RestartFile, defaults: &Restart) -> Restart {
        let path = |key| [at, &[key]].concat();
        let backoff = self.duration(
            &path("backoff"),
            file.backoff.as_deref(),
            defaults.backoff,
            BACKOFF_MIN..=BACKOFF_MAX_MAX,
        );
        let backoff_max = self.duration(
            &path("backoff_max"),
            file.backoff_max.as_deref(),
            defaults.backoff_max.max(backoff),
            backoff..=BACKOFF_MAX_MAX,
        );
        Restart {
            backoff,
            backoff_max,
            max: self.whole(
                &path("max"),
                file.max.as_deref(),
                defaults.max,
                1..=RESTARTS_MAX,
            ),
            window: self.duration(
                &path("window"),
                file.window.as_deref(),
                defaults.window,
                Duration::from_secs(1)..=Duration::MAX,
            ),
        }
    }
}
