//! Which part of an offer goes to whom, once it is known how many tasks go there.

use mesos::resources::{Resources, Value};

use super::Site;

/// Takes what the executor and the tasks of an assignment need out of a site's resources, with
/// roles and reservations as offered.
///
/// `None` when the site does not hold it, which [`place`](super::place) never answers for whole
/// amounts of ranges and any of scalars.
pub fn carve(
    site: &Site,
    executor: &Resources,
    tasks: &[&Resources],
) -> Option<(Resources, Vec<Resources>)> {
    let mut rest = site.resources.clone();
    let executor = rest.withdraw(executor)?;
    // Who must have a number comes before those to whom any will do.
    let mut carved = Vec::with_capacity(tasks.len());
    for task in tasks {
        carved.push(rest.withdraw(&part(task, is_of_its_own))?);
    }
    for (task, carved) in tasks.iter().zip(&mut carved) {
        // Few tasks have both.
        *carved = if carved.is_empty() {
            rest.withdraw(task)?
        } else {
            std::mem::take(carved) + rest.withdraw(&part(task, |value| !is_of_its_own(value)))?
        };
    }
    Some((executor, carved))
}

/// Whether it names what it wants, and not only how much.
fn is_of_its_own(value: &Value) -> bool {
    match value {
        Value::Ranges(_) | Value::Set(_) => true,
        Value::Scalar(_) => false,
    }
}

fn part(resources: &Resources, is_wanted: impl Fn(&Value) -> bool) -> Resources {
    let wanted = resources
        .iter()
        .filter(|resource| is_wanted(resource.value()));
    wanted.cloned().collect()
}
