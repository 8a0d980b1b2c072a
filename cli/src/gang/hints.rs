//! What the user can do when the cluster cannot be reached or refuses us.

use framework::{DisconnectReason, FrameworkError, RefusedError};

/// The remedy, if there is one that is worth a line.
pub(crate) fn hint(error: &FrameworkError) -> Option<&'static str> {
    match error {
        FrameworkError::Unreachable { reason } => reason.as_ref().map(for_disconnect),
        FrameworkError::Refused(refused) => Some(for_refusal(refused)),
        FrameworkError::Start(_) => Some(
            "look at the files that `cluster.ca_file`, `cluster.certificate_file` and \
             `cluster.key_file` name, or the flags of these names",
        ),
        _ => None,
    }
}

fn for_disconnect(reason: &DisconnectReason) -> &'static str {
    match reason {
        DisconnectReason::Unreachable { .. }
        | DisconnectReason::Unanswered { .. }
        | DisconnectReason::Broken(_)
        | DisconnectReason::Closed => {
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
            "are servers and path of `zk://` those which the masters were given by `--zk`?"
        }
        DisconnectReason::Silent(_) | DisconnectReason::NotSubscribed => {
            "does something between here and the master hold connections up?"
        }
    }
}

fn for_refusal(refused: &RefusedError) -> &'static str {
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
        RefusedError::Unauthorized { status: 401, .. } => {
            "give the principal and the secret that the master's operator knows: `--principal` and \
             `--secret-file`, or `cluster.principal` and `cluster.secret_file`; Mesos does not \
             take a `:` in either"
        }
        RefusedError::Unauthorized { .. } => {
            "the principal is known but may not do this; the master's operator can allow it"
        }
        RefusedError::Rejected { .. } => {
            "is that the address of a Mesos master of version 1.0 or later?"
        }
    }
}
