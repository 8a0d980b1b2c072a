//! What the tests of placements share.

use expect_test::Expect;

use super::*;
use crate::constraint::AttributeValue;
use crate::constraint::tests::constraint;

mod carving;
mod constraints;
mod fitting;
mod force;
mod ports;
mod prices;
mod remedies;

fn resources(text: &str) -> Resources {
    Resources::parse(text).unwrap()
}

/// An agent that offers this: resources and attributes (`rack=r1`), with blanks between.
fn site(agent: &str, text: &str) -> Site {
    let (attributes, offered): (Vec<&str>, Vec<&str>) =
        text.split_whitespace().partition(|word| word.contains('='));
    let attributes = attributes.iter().map(|word| {
        let (name, value) = word.split_once('=').unwrap();
        Attribute {
            name: name.to_owned(),
            value: AttributeValue::Text(value.to_owned()),
        }
    });
    Site {
        agent: agent.into(),
        hostname: format!("{agent}.test"),
        attributes: attributes.collect(),
        role: "*".to_owned(),
        offers: vec![format!("o-{agent}").into()],
        resources: resources(&offered.join(";")),
    }
}

/// A group of which nothing is placed yet.
struct Group {
    name: String,
    count: u32,
    resources: Resources,
    constraints: Vec<Constraint>,
    colocate: bool,
}

impl Group {
    /// Reads `name*count cpus:… | rack is r1 | colocate`.
    fn parse(text: &str) -> Self {
        let mut parts = text.split('|').map(str::trim);
        let (head, needs) = parts.next().unwrap().split_once(' ').unwrap();
        let (name, count) = head.split_once('*').unwrap();
        let (colocate, constraints): (Vec<&str>, Vec<&str>) =
            parts.partition(|part| *part == "colocate");
        Self {
            name: name.to_owned(),
            count: count.parse().unwrap(),
            resources: resources(needs),
            constraints: constraints.into_iter().map(constraint).collect(),
            colocate: !colocate.is_empty(),
        }
    }

    fn want(&self) -> Want<'_> {
        Want {
            group: &self.name,
            count: self.count,
            resources: &self.resources,
            constraints: &self.constraints,
            colocate: self.colocate,
            beside: Vec::new(),
        }
    }
}

/// Finds places, or says why there are none.
fn place(
    wants: &[Want<'_>],
    executor: &Resources,
    sites: &[Site],
    strategy: Strategy,
) -> Result<Vec<Assignment>, Shortfall> {
    super::place(wants, executor, sites, strategy)
        .map_err(|misfit| misfit.explain(wants, executor, sites, strategy))
}

/// Places groups (`name*count cpus:…`) on agents (`name cpus:…`) and tells the answer.
#[track_caller]
fn check(strategy: Strategy, executor: &str, groups: &[&str], agents: &[&str], expect: &Expect) {
    let groups: Vec<Group> = groups.iter().map(|group| Group::parse(group)).collect();
    let wants: Vec<Want<'_>> = groups.iter().map(Group::want).collect();
    let sites: Vec<Site> = agents
        .iter()
        .map(|agent| {
            let (name, offered) = agent.split_once(' ').unwrap();
            site(name, offered)
        })
        .collect();
    expect.assert_eq(&answer(&wants, &resources(executor), &sites, strategy));
}

fn answer(wants: &[Want<'_>], executor: &Resources, sites: &[Site], strategy: Strategy) -> String {
    match place(wants, executor, sites, strategy) {
        Ok(assignments) => assignments
            .iter()
            .map(|assignment| {
                let agent = &sites[assignment.site].agent;
                let tasks = assignment.tasks.iter().zip(wants);
                let tasks = tasks.filter(|(count, _)| **count > 0);
                let tasks: Vec<String> = tasks
                    .map(|(count, want)| format!("{count} {}", want.group))
                    .collect();
                format!("{agent}: {}\n", tasks.join(", "))
            })
            .collect(),
        Err(shortfall) => format!("{:?}: {shortfall}\n", shortfall.certainty),
    }
}

/// A want without constraints.
fn plain<'a>(group: &'a str, count: u32, resources: &'a Resources) -> Want<'a> {
    Want {
        group,
        count,
        resources,
        constraints: &[],
        colocate: false,
        beside: Vec::new(),
    }
}
