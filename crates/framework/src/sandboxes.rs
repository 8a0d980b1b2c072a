//! Where the sandboxes of a run's executors are, for whoever wants to read in them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesos::{AgentId, ExecutorId, FrameworkId, v1};
use tokio::sync::Notify;

/// The executors of a run, as they are launched. Shared by all clones; whoever takes one has it.
#[derive(Debug, Clone, Default)]
pub struct Sandboxes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    launched: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Where the agents are from which there were offers.
    agents: HashMap<AgentId, AgentAddress>,
    launched: VecDeque<SandboxPlace>,
}

/// An executor that was launched, and its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPlace {
    /// Its framework.
    pub framework: FrameworkId,
    /// It.
    pub executor: ExecutorId,
    /// Its agent.
    pub agent: AgentId,
    /// Where the agent answers operators.
    pub address: AgentAddress,
}

/// Where an agent answers, as its offers say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentAddress {
    /// Its name, for people.
    pub hostname: String,
    /// `host:port` or `https://host:port`, in the order in which they should be tried. With TLS the
    /// name comes first, which is what certificates are for; without, the number, which is known
    /// even where the name is not.
    pub endpoints: Vec<String>,
}

/// The port of an agent that does not say it.
const AGENT_PORT: u16 = 5051;

impl Sandboxes {
    /// No executors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next executor that was launched. Cancellation safe.
    pub async fn next(&self) -> SandboxPlace {
        loop {
            if let Some(place) = self.try_next() {
                return place;
            }
            self.0.launched.notified().await;
        }
    }

    /// The next executor, if one was launched.
    pub fn try_next(&self) -> Option<SandboxPlace> {
        self.state().launched.pop_front()
    }

    /// The names of the agents from which there were offers.
    pub fn hostnames(&self) -> HashMap<AgentId, String> {
        let state = self.state();
        let agents = state.agents.iter();
        agents
            .map(|(agent, address)| (agent.clone(), address.hostname.clone()))
            .collect()
    }

    /// Remembers where agents are.
    pub(crate) fn offered(&self, event: &v1::scheduler::Event) {
        let Some(offers) = &event.offers else {
            return;
        };
        let mut state = self.state();
        for offer in &offers.offers {
            let agent = AgentId::from(offer.agent_id.clone());
            state.agents.insert(agent, AgentAddress::of(offer));
        }
    }

    /// Says that an executor was launched.
    pub(crate) fn launched(&self, framework: &FrameworkId, executor: &ExecutorId, agent: &AgentId) {
        let mut state = self.state();
        let address = state.agents.get(agent).cloned().unwrap_or_default();
        state.launched.push_back(SandboxPlace {
            framework: framework.clone(),
            executor: executor.clone(),
            agent: agent.clone(),
            address,
        });
        self.0.launched.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SandboxPlace {
    /// The sandbox in the agent's files: the newest run (PROTOCOL §11.6).
    pub fn path(&self) -> String {
        let (framework, executor) = (&self.framework, &self.executor);
        format!("/frameworks/{framework}/executors/{executor}/runs/latest")
    }
}

impl AgentAddress {
    fn of(offer: &v1::Offer) -> Self {
        let hostname = offer.hostname.clone();
        let Some(url) = &offer.url else {
            return Self {
                endpoints: vec![format!("{hostname}:{AGENT_PORT}")],
                hostname,
            };
        };
        let is_secure = url.scheme == "https";
        let port = url.address.port;
        let endpoint = |host: &String| {
            // An IPv6 address has colons of its own.
            let host = match host.contains(':') && !host.starts_with('[') {
                true => format!("[{host}]"),
                false => host.clone(),
            };
            match is_secure {
                true => format!("https://{host}:{port}"),
                false => format!("{host}:{port}"),
            }
        };
        let name = url.address.hostname.as_ref().unwrap_or(&hostname);
        let ip = url.address.ip.as_ref();
        let hosts = match is_secure {
            true => [Some(name), ip],
            false => [ip, Some(name)],
        };
        let mut endpoints: Vec<_> = hosts.into_iter().flatten().map(endpoint).collect();
        endpoints.dedup();
        Self {
            hostname,
            endpoints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(scheme: &str, url: bool) -> v1::scheduler::Event {
        let offer = v1::Offer {
            agent_id: AgentId::from("a1").into(),
            hostname: "one.test".to_owned(),
            url: url.then(|| v1::Url {
                scheme: scheme.to_owned(),
                address: v1::Address {
                    hostname: Some("one.test".to_owned()),
                    ip: Some("fd00::1".to_owned()),
                    port: 5052,
                },
                path: Some("/slave(1)".to_owned()),
                ..v1::Url::default()
            }),
            ..v1::Offer::default()
        };
        v1::scheduler::Event {
            offers: Some(v1::scheduler::event::Offers {
                offers: vec![offer],
            }),
            ..v1::scheduler::Event::default()
        }
    }

    #[track_caller]
    fn check(event: &v1::scheduler::Event, endpoints: &[&str]) {
        let sandboxes = Sandboxes::new();
        sandboxes.offered(event);
        assert_eq!(sandboxes.try_next(), None);
        sandboxes.launched(&"f".into(), &"e".into(), &"a1".into());
        let place = sandboxes.try_next().expect("it was launched");
        assert_eq!(place.address.endpoints, endpoints);
        assert_eq!(place.path(), "/frameworks/f/executors/e/runs/latest");
        assert_eq!(sandboxes.try_next(), None);
    }

    #[test]
    fn an_agent_is_where_its_offers_say() {
        check(&offers("http", true), &["[fd00::1]:5052", "one.test:5052"]);
        check(
            &offers("https", true),
            &["https://one.test:5052", "https://[fd00::1]:5052"],
        );
        check(&offers("http", false), &["one.test:5051"]);
    }

    #[test]
    fn an_agent_that_is_not_known_has_no_address() {
        check(&v1::scheduler::Event::default(), &[]);
    }
}
