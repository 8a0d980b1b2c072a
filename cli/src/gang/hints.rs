//! What the user can do when the cluster cannot be reached or refuses us, or starts no executor.

use framework::{Credentials, DisconnectReason, FrameworkError, RefusedError, Source, TaskReport};

/// The remedy, if there is one that is worth a line, for who has shown these credentials.
pub(crate) fn hint(
    error: &FrameworkError,
    credentials: Option<&Credentials>,
) -> Option<&'static str> {
    match error {
        FrameworkError::Unreachable { reason } => reason.as_ref().map(for_disconnect),
        FrameworkError::Refused(refused) => Some(for_refusal(refused, credentials)),
        FrameworkError::Start(_) => Some(
            "look at the files that `cluster.ca_file`, `cluster.certificate_file` and \
             `cluster.key_file` name, or the flags of these names",
        ),
        FrameworkError::LaunchTooLarge { .. } => {
            Some("let fewer tasks share an agent by `max-per`, or shorten their `args` and `env`")
        }
        _ => None,
    }
}

/// The remedy for a task that failed with its executor. One that can say so itself was started, and
/// says in its own words what was wrong, under the same reasons.
pub(super) fn of_executor(failed: &TaskReport) -> Option<&'static str> {
    if failed.source == Source::Executor {
        return None;
    }
    match failed.reason.as_ref()?.name() {
        "REASON_CONTAINER_LAUNCH_FAILED" => Some(
            "the agent could not bring or start the executor: `stderr` in its sandbox says why; \
             docs/deploying.md says what agents need",
        ),
        "REASON_EXECUTOR_TERMINATED" | "REASON_EXECUTOR_REGISTRATION_TIMEOUT" => Some(
            "the executor could not be started, or has ended: `stderr` in its sandbox says why; \
             docs/deploying.md says what agents need",
        ),
        _ => None,
    }
}

/// The remedy for a server that cannot be asked.
pub(crate) fn for_disconnect(reason: &DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::Unreachable { .. } | DisconnectReason::Unanswered { .. } => {
            "does a master run there? the address comes from `--master`, `MESOS_MASTER` or \
             `cluster.master`; one behind TLS begins with `https://`"
        }
        DisconnectReason::Untrusted { .. } => {
            "name the authority of the master's certificate by `--ca-file` or `cluster.ca_file`, \
             and the master as its certificate does"
        }
        DisconnectReason::CertificateRefused { .. } => {
            "name a certificate that the master trusts by `--certificate-file` and `--key-file`, \
             or by `cluster.certificate_file` and `cluster.key_file`"
        }
        DisconnectReason::NotTls { .. } => {
            "write the address with `http://` in place of `https://`"
        }
        DisconnectReason::NotHttp { .. } => {
            "if the master is behind TLS, write its address with `https://`; for one found by `zk://` \
             name the authority of its certificate by `--ca-file` or `cluster.ca_file`"
        }
        DisconnectReason::Unavailable { status: 503, .. } => {
            "the masters have no leader, or it is about to begin; if that does not pass, their \
             logs say why"
        }
        DisconnectReason::NotMesos { .. }
        | DisconnectReason::Malformed(_)
        | DisconnectReason::Unavailable { .. }
        | DisconnectReason::Redirected { .. } => {
            "is that the address of a Mesos master? its port is 5050 unless it was told another"
        }
        DisconnectReason::NoLeader { .. } | DisconnectReason::LeaderChanged { .. } => {
            "does ZooKeeper run there, and are servers and path of `zk://` those which the masters \
             were given by `--zk`?"
        }
        DisconnectReason::AtLeader { reason, .. } => match **reason {
            DisconnectReason::Unreachable { .. } | DisconnectReason::Unanswered { .. } => {
                "the leader must be reachable from here under the name that it gives itself, which \
                 its operator sets by `--hostname` or `--advertise_ip`"
            }
            ref reason => for_disconnect(reason),
        },
        DisconnectReason::Broken(_)
        | DisconnectReason::Closed
        | DisconnectReason::Silent(_)
        | DisconnectReason::NotSubscribed => {
            "does something between here and the master cut connections, or hold them up?"
        }
    }
}

fn for_refusal(refused: &RefusedError, credentials: Option<&Credentials>) -> &'static str {
    match refused {
        RefusedError::FailedOver => "only one scheduler can speak for a framework; end the other",
        RefusedError::Removed => {
            "somebody tore it down, or the master did not hear of it for longer than \
             `cluster.failover_timeout`; run the job again"
        }
        RefusedError::Invalid(_) => {
            "`cluster.role`, `cluster.principal` and `cluster.user` are what the master is told; \
             its operator knows which it takes"
        }
        RefusedError::Unauthorized { status: 401, .. } => match credentials {
            None => {
                "say who you are: `--principal` and `--secret-file`, or `cluster.principal` and \
                 `cluster.secret_file`; or `--token-file` or `cluster.token_file`"
            }
            Some(Credentials::Basic { .. }) => {
                "the principal or its secret is not one that the master's operator knows; Mesos \
                 does not take a `:` in either"
            }
            Some(Credentials::Bearer(_)) => {
                "the token is not one that the master takes, or it has expired; many masters want \
                 a principal and a secret instead"
            }
        },
        RefusedError::Unauthorized { .. } => {
            "the principal is known but may not do this; the master's operator can allow it"
        }
        // What is wrong with the call, in Mesos's words.
        RefusedError::Rejected { status: 400, text } if !text.is_empty() => {
            "`cluster.principal`, `cluster.role` and `cluster.user` are what the master is told; \
             the principal must be that of the secret"
        }
        RefusedError::Rejected { .. } => {
            "is that the address of a Mesos master of version 1.0 or later?"
        }
    }
}

#[cfg(test)]
mod tests {
    use executor_host::outcome::Ending;
    use framework::{Reason, TaskState};

    use super::*;

    fn hint_for(source: Source, reason: &'static str) -> Option<&'static str> {
        of_executor(&TaskReport {
            task: "elevator-0".to_owned(),
            state: TaskState::Failed,
            source,
            reason: Some(Reason::new(reason)),
            message: None,
            agent: None,
        })
    }

    #[test]
    fn an_executor_that_was_not_started_is_told_by_the_agent() {
        for reason in [
            "REASON_CONTAINER_LAUNCH_FAILED",
            "REASON_EXECUTOR_TERMINATED",
            "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
        ] {
            let hint = hint_for(Source::Agent, reason).expect("there is a hint");
            assert!(hint.contains("`stderr` in its sandbox"), "{hint}");
        }
        let limit = "REASON_CONTAINER_LIMITATION_MEMORY";
        assert_eq!(hint_for(Source::Agent, limit), None);
    }

    #[test]
    fn what_an_executor_says_of_its_task_is_not_that_it_was_not_started() {
        let mut seen = 0;
        for ending in Ending::ALL {
            let Some(reason) = ending.row().reason else {
                continue;
            };
            let hint = hint_for(Source::Executor, reason.as_str_name());
            assert_eq!(hint, None, "{ending:?}");
            seen += usize::from(reason.as_str_name() == "REASON_CONTAINER_LAUNCH_FAILED");
        }
        assert!(seen >= 5, "only {seen} ends with the reason of the hint");
    }
}
