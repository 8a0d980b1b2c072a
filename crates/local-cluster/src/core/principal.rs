//! Who has proved to be somebody, and what Mesos says of it in texts (PROTOCOL §3, §11.4).

use std::collections::BTreeMap;
use std::fmt;

use mesos::{ContainerId, ExecutorId, FrameworkId};

/// Somebody who has proved who it is: by a name, or by the claims of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    name: Option<String>,
    claims: BTreeMap<String, String>,
}

/// The claims of executors' tokens, in the order in which Mesos shows them.
const CLAIMS: [&str; 3] = ["fid", "eid", "cid"];

impl Principal {
    /// A framework or an operator.
    pub(crate) fn named(name: String) -> Self {
        let claims = BTreeMap::new();
        let name = Some(name);
        Self { name, claims }
    }

    /// An executor.
    pub(crate) fn with_claims(claims: BTreeMap<String, String>) -> Self {
        Self { name: None, claims }
    }

    /// What frameworks and operators have.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether it may make calls of this executor, which runs in this container.
    ///
    /// # Errors
    /// When its claims are another's; the text of the 403.
    pub(crate) fn check_executor(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        container: &ContainerId,
    ) -> Result<(), String> {
        let lacks = |claim: &str, id: &str| self.claims.get(claim).is_none_or(|own| own != id);
        let missing = |text: String| {
            Err(format!(
                "Authenticated principal '{self}' does not contain {text}"
            ))
        };
        if lacks("fid", framework.as_str()) {
            let text = "an 'fid' claim with the framework ID";
            return missing(format!("{text} {framework}, which is set in the call"));
        }
        if lacks("eid", executor.as_str()) {
            let text = "an 'eid' claim with the executor ID";
            return missing(format!("{text} {executor}, which is set in the call"));
        }
        if lacks("cid", container.as_str()) {
            let text = "a 'cid' claim with the correct active ContainerID";
            return missing(text.to_owned());
        }
        Ok(())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            return f.write_str(name);
        }
        let known = CLAIMS
            .iter()
            .filter_map(|name| self.claims.get_key_value(*name));
        let others = self
            .claims
            .iter()
            .filter(|(name, _)| !CLAIMS.contains(&name.as_str()));
        f.write_str("{\"claims\":{")?;
        for (index, (name, value)) in known.chain(others).enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}\"{name}\":\"{value}\"")?;
        }
        f.write_str("}}")
    }
}
