//! Whatever happens in whatever order, what is found by an index is what a search would find.
//!
//! What is compared after every input is in [`Master::check_invariants`]; all other tests compare it
//! too.

use std::time::Duration;

use mesos::resources::Scalar;
use proptest::prelude::*;
use serde_json::json;

use super::{Test, Timeouts, task_json};

/// One thing that happens; the numbers choose agents, frameworks, offers and tasks.
#[derive(Debug, Clone)]
enum Step {
    Register {
        agent: u8,
    },
    RegisterAgain {
        agent: u8,
        framework: u8,
        task: u8,
    },
    Lost {
        agent: u8,
    },
    Left {
        agent: u8,
    },
    Shrink {
        agent: u8,
    },
    Subscribe {
        framework: u8,
        again: bool,
    },
    Close {
        framework: u8,
    },
    Teardown {
        framework: u8,
    },
    Launch {
        framework: u8,
        offer: u8,
        task: u8,
    },
    Decline {
        framework: u8,
        offer: u8,
    },
    /// An operation on resources; its kind and a size.
    Convert {
        offer: u8,
        kind: u8,
        size: u8,
    },
    Update {
        framework: u8,
        task: u8,
        ended: bool,
    },
    Acknowledge {
        framework: u8,
        task: u8,
    },
    Exited {
        framework: u8,
        agent: u8,
    },
    Revive {
        framework: u8,
    },
    Failover,
    Wait {
        seconds: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (agent, framework, offer, task) = (0..4_u8, 0..3_u8, 0..6_u8, 0..8_u8);
    let on = (agent.clone(), framework.clone(), task.clone());
    let launch = (framework.clone(), offer.clone(), task.clone());
    let owned = (framework.clone(), task);
    prop_oneof![
        3 => agent.clone().prop_map(|agent| Step::Register { agent }),
        1 => on.prop_map(|(agent, framework, task)| Step::RegisterAgain { agent, framework, task }),
        1 => agent.clone().prop_map(|agent| Step::Lost { agent }),
        1 => agent.clone().prop_map(|agent| Step::Left { agent }),
        1 => agent.clone().prop_map(|agent| Step::Shrink { agent }),
        2 => (framework.clone(), any::<bool>())
            .prop_map(|(framework, again)| Step::Subscribe { framework, again }),
        1 => framework.clone().prop_map(|framework| Step::Close { framework }),
        1 => framework.clone().prop_map(|framework| Step::Teardown { framework }),
        6 => launch.prop_map(|(framework, offer, task)| Step::Launch { framework, offer, task }),
        2 => (framework.clone(), offer.clone())
            .prop_map(|(framework, offer)| Step::Decline { framework, offer }),
        6 => (offer, 0..6_u8, 1..5_u8)
            .prop_map(|(offer, kind, size)| Step::Convert { offer, kind, size }),
        3 => (owned.clone(), any::<bool>())
            .prop_map(|((framework, task), ended)| Step::Update { framework, task, ended }),
        2 => owned.prop_map(|(framework, task)| Step::Acknowledge { framework, task }),
        1 => (framework.clone(), agent)
            .prop_map(|(framework, agent)| Step::Exited { framework, agent }),
        1 => framework.prop_map(|framework| Step::Revive { framework }),
        1 => Just(Step::Failover),
        3 => prop_oneof![0..3_u16, 10..100_u16].prop_map(|seconds| Step::Wait { seconds }),
    ]
}

const AGENT: &str = "cpus:4;mem:1024;disk:16";

fn name(framework: u8) -> String {
    format!("f{framework}")
}

impl Test {
    fn play(&mut self, step: &Step) {
        match *step {
            Step::Register { agent } => self.run(&format!("agent {agent} {AGENT}")),
            Step::RegisterAgain {
                agent,
                framework,
                task,
            } => {
                let framework = name(framework);
                let task = format!("t{task} TASK_RUNNING cpus:0.5;mem:64 ex{agent}");
                self.run(&format!("back {agent} {AGENT} {framework} {task}"));
            }
            Step::Lost { agent } => self.run(&format!("lost {agent}")),
            Step::Left { agent } => self.run(&format!("left {agent}")),
            Step::Shrink { agent } => {
                self.run(&format!(
                    "disturb shrink_agent agent={agent} percent=50 for_ms=20000"
                ));
            }
            Step::Subscribe { framework, again } => {
                let framework = name(framework);
                let is_known = self
                    .schedulers
                    .get(&framework)
                    .is_some_and(|it| it.id.is_some());
                let again = if again && is_known { " again" } else { "" };
                // One of three has a role of its own.
                let roles = if framework == "f2" { "other" } else { "rec" };
                let roles = json!({"roles": [roles], "failover_timeout": 30.0});
                self.run(&format!("subscribe {framework}{again} {roles}"));
            }
            Step::Close { framework } => {
                let known = self.schedulers.get(&name(framework));
                if known.is_some_and(|it| it.stream.is_some()) {
                    self.run(&format!("close {}", name(framework)));
                }
            }
            Step::Failover => self.run("failover"),
            Step::Wait { seconds } => self.run(&format!("advance {seconds}")),
            Step::Teardown { framework } => self.say(framework, json!({"type": "TEARDOWN"})),
            Step::Revive { framework } => self.say(framework, json!({"type": "REVIVE"})),
            Step::Launch {
                framework,
                offer,
                task,
            } => self.launch(framework, offer, task),
            Step::Convert { offer, kind, size } => self.convert(offer, kind, size),
            Step::Decline { framework, offer } => {
                let Some(offer) = self.pick_offer(offer) else {
                    return;
                };
                let decline = json!({"offer_ids": [{"value": offer}]});
                self.say(framework, json!({"type": "DECLINE", "decline": decline}));
            }
            Step::Update {
                framework,
                task,
                ended,
            } => {
                let Some(agent) = self.agent_of(framework, task) else {
                    return;
                };
                let state = if ended {
                    "TASK_FINISHED"
                } else {
                    "TASK_RUNNING"
                };
                self.run(&format!(
                    "update {agent} {} t{task} {state}",
                    name(framework)
                ));
            }
            Step::Acknowledge { framework, task } => self.acknowledge(framework, task),
            Step::Exited { framework, agent } => {
                self.run(&format!("exited {agent} {} ex{agent} 0", name(framework)));
            }
        }
    }

    /// A call, by a framework that has ever subscribed.
    fn say(&mut self, framework: u8, call: serde_json::Value) {
        if self.schedulers.contains_key(&name(framework)) {
            self.call(&name(framework), call);
        }
    }

    fn pick_offer(&self, pick: u8) -> Option<String> {
        let (id, _) = self.master.offers.iter().nth(pick.into())?;
        Some(id.to_string())
    }

    /// An operation of whoever has an offer on what is reserved in it, or one that reserves.
    fn convert(&mut self, offer: u8, kind: u8, size: u8) {
        let Some((id, offer)) = self.master.offers.iter().nth(offer.into()) else {
            return;
        };
        let id = id.to_string();
        let mut names = (0..3).filter(|number| self.framework(&name(*number)) == offer.framework);
        let Some(framework) = names.next() else {
            return;
        };
        let reserved = offer.resources.iter();
        let mut reserved = reserved.filter(|resource| resource.dynamic_reservation().is_some());
        let found = reserved.find(|resource| resource.persistence().is_some() == (kind > 2));
        let found_size = found.and_then(|resource| resource.amount());
        let found_size = found_size.map_or_else(|| f64::from(size), Scalar::to_f64);
        let role = if framework == 2 { "other" } else { "rec" };
        let disk = |size: f64| {
            json!({
                "name": "disk", "type": "SCALAR", "scalar": {"value": size},
                "reservations": [{"type": "DYNAMIC", "role": role}],
            })
        };
        let volume = |size: f64| {
            let mut volume = disk(size);
            volume["disk"] = json!({
                "persistence": {"id": "v"}, "volume": {"container_path": "v", "mode": "RW"},
            });
            volume
        };
        let size = f64::from(size);
        let reserve = json!({"type": "RESERVE", "reserve": {"resources": [disk(size)]}});
        let found = volume(found_size);
        let operations = match kind {
            0 => json!([reserve]),
            1 => json!([{"type": "UNRESERVE", "unreserve": {"resources": [disk(found_size)]}}]),
            2 => json!([reserve, {"type": "CREATE", "create": {"volumes": [volume(size)]}}]),
            3 => json!([{"type": "DESTROY", "destroy": {"volumes": [found]}}]),
            4 => json!([
                reserve,
                {"type": "GROW_VOLUME", "grow_volume": {"volume": found, "addition": disk(size)}},
            ]),
            _ => json!([{
                "type": "SHRINK_VOLUME",
                "shrink_volume": {"volume": found, "subtract": {"value": 1}},
            }]),
        };
        let accept = json!({
            "offer_ids": [{"value": id}], "operations": operations,
            "filters": {"refuse_seconds": 0},
        });
        self.say(framework, json!({"type": "ACCEPT", "accept": accept}));
    }

    fn launch(&mut self, framework: u8, offer: u8, task: u8) {
        let Some((id, offer)) = self.master.offers.iter().nth(offer.into()) else {
            return;
        };
        let agent = offer.agent;
        let Some(agent_id) = self.master.agents.get(&agent).map(|it| it.id().clone()) else {
            return;
        };
        let executor = format!("ex{}", agent.0);
        let mut task = task_json(&format!("t{task}"), "cpus:0.5;mem:64", &executor);
        task["agent_id"] = json!({"value": agent_id.as_str()});
        let accept = json!({
            "offer_ids": [{"value": id.to_string()}],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
        });
        self.say(framework, json!({"type": "ACCEPT", "accept": accept}));
    }

    /// The agent that has a task.
    fn agent_of(&self, framework: u8, task: u8) -> Option<usize> {
        let framework = self
            .master
            .frameworks
            .get(&self.framework(&name(framework)))?;
        let task = framework.tasks.get(&format!("t{task}").as_str().into())?;
        Some(task.agent().0)
    }

    fn acknowledge(&mut self, framework: u8, task: u8) {
        let id = self.framework(&name(framework));
        let Some(known) = self.master.frameworks.get(&id) else {
            return;
        };
        let Some(found) = known.tasks.get(&format!("t{task}").as_str().into()) else {
            return;
        };
        let Some(uuid) = found.forwarded.as_ref().and_then(|it| it.uuid.clone()) else {
            return;
        };
        let agent = found.agent_id.to_string();
        // Uuids of these tests are the name of the state, which no call would carry.
        let acknowledge = mesos::v1::scheduler::call::Acknowledge {
            agent_id: mesos::AgentId::from(agent.as_str()).into(),
            task_id: mesos::TaskId::from(format!("t{task}").as_str()).into(),
            uuid,
        };
        self.master.acknowledge(&id, acknowledge);
        self.drain(None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn an_index_finds_what_a_search_would(steps in prop::collection::vec(step(), 1..80)) {
        let timeouts = Timeouts {
            offer: Some(Duration::from_secs(20)),
            ..Timeouts::default()
        };
        let mut test = Test::new(Duration::from_secs(1), timeouts);
        for step in &steps {
            test.play(step);
        }
    }
}
