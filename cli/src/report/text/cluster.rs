//! What is said of the embedded cluster.

use super::{Rendered, count, talk};
use crate::report::Event;

/// The words for such an event; nothing for any other.
pub(super) fn render(event: &Event<'_>) -> Rendered {
    match event {
        Event::ClusterStarted {
            master,
            masters,
            agents,
        } => {
            let agents = count(*agents, "agent");
            let masters = match masters {
                1 => format!("master on {master}"),
                _ => format!("{masters} masters, of which {master} leads"),
            };
            talk(
                "Starting",
                &format!("embedded cluster with {agents}, {masters}"),
            )
        }
        Event::ClusterServes {
            master,
            masters,
            agents,
            faults,
            ..
        } => {
            let followers = masters.iter().filter(|address| address != master);
            let followers = followers.map(|address| format!("\nfollower {address}"));
            let agents = agents.iter().enumerate();
            let agents = agents.map(|(index, address)| format!("\nagent {index} {address}"));
            let faults = faults.iter().map(|faults| format!("\nfaults {faults}"));
            let others: String = followers.chain(agents).chain(faults).collect();
            Rendered::Result(format!("master {master}{others}"))
        }
        Event::Fault {
            chaos,
            seconds,
            fault,
        } => {
            let cause = match chaos {
                Some(chaos) => format!("chaos {chaos}"),
                None => "asked for".to_owned(),
            };
            talk("Fault", &format!("{fault} ({cause} at {seconds:.3}s)"))
        }
        Event::ClusterStopped { .. } => talk("Stopped", "embedded cluster"),
        _ => Rendered::Nothing,
    }
}
