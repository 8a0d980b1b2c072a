//! Where tasks are launched and what they get there: constraints, amounts, numbers of ranges.

use std::collections::BTreeMap;

use mesos::AgentId;
use mesos::resources::{Ranges, Resources, Scalar, Value};
use scheduler::{Attribute, Constraint, ExecutorLaunch, Job, Offer, Operator, TaskLaunch};

use scheduler::constraint::HOSTNAME;

use super::books::Attempts;
use crate::violation::Violation;

/// What is known of agents, and what was launched last.
#[derive(Debug, Default)]
pub(super) struct Places {
    agents: BTreeMap<AgentId, Traits>,
    /// The groups of the tasks that were launched since they were looked at last, and their agents.
    launched: Vec<(usize, AgentId)>,
}

#[derive(Debug)]
struct Traits {
    hostname: String,
    attributes: Vec<Attribute>,
}

impl Places {
    pub(super) fn hear(&mut self, offer: &Offer) {
        let traits = Traits {
            hostname: offer.hostname.clone(),
            attributes: offer.attributes.clone(),
        };
        self.agents.insert(offer.agent.clone(), traits);
    }

    /// Tasks are launched; each must get what its group asks for, and nothing that another has.
    pub(super) fn launch(
        &mut self,
        job: &Job,
        held: &Resources,
        executor: &ExecutorLaunch,
        tasks: &[TaskLaunch],
    ) -> Result<(), Violation> {
        let overused = || Violation::Overused(executor.id.clone());
        // One after the other: numbers that two of them have would be one in a sum.
        let mut rest = held.checked_sub(&executor.resources).ok_or_else(overused)?;
        for task in tasks {
            rest = rest.checked_sub(&task.resources).ok_or_else(overused)?;
            if !gives(&job.groups[task.group].resources, &task.resources) {
                return Err(Violation::WrongAmount(task.id.to_string()));
            }
            self.launched.push((task.group, executor.agent.clone()));
        }
        if !gives(&job.executor, &executor.resources) {
            return Err(Violation::WrongAmount(executor.id.to_string()));
        }
        Ok(())
    }

    /// All launches of a wave have been made: its groups are where they may be.
    pub(super) fn settle(&mut self, job: &Job, attempts: &Attempts) -> Result<(), Violation> {
        let launched = std::mem::take(&mut self.launched);
        for (index, group) in job.groups.iter().enumerate() {
            let of_group = launched.iter().filter(|(of, _)| *of == index);
            let new: Vec<&AgentId> = of_group.map(|(_, agent)| agent).collect();
            if new.is_empty() {
                continue;
            }
            let all: Vec<&AgentId> = attempts.living_of(index).collect();
            let holds = |constraint| self.holds(constraint, &new, &all);
            let is_together = !group.colocate || all.iter().all(|agent| *agent == all[0]);
            if !is_together || !group.constraints.iter().all(holds) {
                return Err(Violation::Misplaced(group.name.clone()));
            }
        }
        Ok(())
    }

    /// Whether a constraint holds for a group with tasks on all these agents, of which those on
    /// the `new` ones have just been launched.
    fn holds(&self, constraint: &Constraint, new: &[&AgentId], all: &[&AgentId]) -> bool {
        let value = |agent: &AgentId| self.agents.get(agent)?.value(&constraint.field);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for value in all.iter().filter_map(|agent| value(agent)) {
            *counts.entry(value).or_default() += 1;
        }
        let at_most = |most: usize| {
            new.iter()
                .all(|agent| value(agent).is_some_and(|value| counts[&value] <= most))
        };
        match &constraint.operator {
            Operator::Is(wanted) => new
                .iter()
                .all(|agent| value(agent).as_ref() == Some(wanted)),
            Operator::Unique => at_most(1),
            Operator::MaxPer(most) => at_most(*most as usize),
            Operator::GroupBy(values) => {
                let values = all.len().min(*values as usize).max(1);
                // Those that were there before may be uneven: some have ended.
                let is_even = new.len() < all.len() || {
                    let (least, most) = (counts.values().min(), counts.values().max());
                    counts.len() >= values
                        && least
                            .zip(most)
                            .is_none_or(|(least, most)| most - least <= 1)
                };
                is_even && at_most(all.len().div_ceil(values))
            }
            // No job of the simulation has patterns.
            Operator::Like(_) | Operator::Unlike(_) => true,
        }
    }
}

impl Traits {
    fn value(&self, field: &str) -> Option<String> {
        if field == HOSTNAME {
            return Some(self.hostname.clone());
        }
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|attribute| attribute.name == field);
        found.map(|attribute| attribute.value.to_string())
    }
}

/// Whether this is exactly what was asked for, numbers of ranges for amounts among it.
fn gives(asked: &Resources, given: &Resources) -> bool {
    let amounts = |resources: &Resources| {
        let mut amounts: BTreeMap<String, Scalar> = BTreeMap::new();
        for resource in resources.iter() {
            let amount = match resource.value() {
                Value::Scalar(amount) => *amount,
                value => Scalar::from(u32::try_from(ranges(value).count()).unwrap_or(u32::MAX)),
            };
            *amounts.entry(resource.name().to_owned()).or_default() += amount;
        }
        amounts
    };
    let numbers = numbers(given);
    let has_numbers = |value: &Value| numbers.contains(&ranges(value));
    amounts(asked) == amounts(given) && asked.iter().all(|one| has_numbers(one.value()))
}

/// All numbers that are among some resources; agents of the simulation have one kind of them.
pub(super) fn numbers(resources: &Resources) -> Ranges {
    let all = resources.iter().map(|resource| ranges(resource.value()));
    all.fold(Ranges::default(), |all, some| all.union(&some))
}

fn ranges(value: &Value) -> Ranges {
    match value {
        Value::Ranges(ranges) => ranges.clone(),
        Value::Scalar(_) | Value::Set(_) => Ranges::default(),
    }
}
