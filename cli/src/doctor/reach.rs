//! Findings about the way back: whether agents and executors can reach us.

use super::facts::{Facts, Folders, PlaceFact};
use super::{Finding, Level};

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = match &facts.places {
        Err(told) => vec![Finding::problem(
            "address",
            &told.text,
            told.help
                .clone()
                .unwrap_or_else(|| "is the network up?".to_owned()),
        )],
        Ok(places) => {
            let is_near = is_here(facts);
            let each = places.iter().map(|place| way(place, is_near));
            each.collect()
        }
    };
    findings.extend(facts.folders.as_ref().and_then(folders));
    findings
}

/// Whether all masters are on this machine: then agents may be as well.
fn is_here(facts: &Facts) -> bool {
    let mut servers = facts.cluster.servers.iter();
    facts.is_embedded
        || servers.all(|server| match &server.found {
            Ok(found) => found.iter().all(|address| address.ip().is_loopback()),
            Err(_) => false,
        })
}

fn way(place: &PlaceFact, is_near: bool) -> Finding {
    let area = "address";
    let PlaceFact {
        what,
        key,
        bind,
        advertised,
        ..
    } = place;
    if let Err(error) = &place.bound {
        return Finding::problem(
            area,
            format!("cannot listen on `{bind}` for {what}: {error}"),
            format!("name another address or port by `{key}.listen`, or end who has it"),
        );
    }
    let to_advertise =
        format!("set `{key}.advertise` to an address of this machine that agents reach");
    let found = match &place.found {
        Ok(found) => found,
        Err(error) => {
            return Finding {
                level: Level::Warning,
                ..Finding::problem(
                    area,
                    format!(
                        "`{advertised}`, where agents are to reach us for {what}, has no address \
                         from here: {error}"
                    ),
                    format!("if agents do not know the name either, {to_advertise}"),
                )
            };
        }
    };
    if found.iter().any(|address| address.ip().is_unspecified()) {
        return Finding::problem(
            area,
            format!("`{advertised}` is no address that agents could reach us at for {what}"),
            to_advertise,
        );
    }
    let is_loopback = found.iter().all(|address| address.ip().is_loopback());
    if is_loopback && !is_near {
        return Finding::problem(
            area,
            format!(
                "agents on other machines would look for {what} at `{advertised}`, which is \
                 their own loopback"
            ),
            to_advertise,
        );
    }
    let from = if is_near {
        String::new()
    } else {
        "; whether they do cannot be seen from here".to_owned()
    };
    Finding::ok(
        area,
        format!("agents reach `{advertised}` for {what}{from}"),
    )
}

fn folders(folders: &Folders) -> Option<Finding> {
    let Folders {
        names,
        file,
        is_there,
    } = folders;
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    (!is_there).then(|| {
        Finding::problem(
            "folders",
            format!(
                "tasks ask for folders of the agent ({}), and there is no `{file}` here",
                names.join(", ")
            ),
            "list them there, as root; docs/grants.md says how",
        )
    })
}
