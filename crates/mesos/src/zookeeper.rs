//! What masters of Mesos and those who look for them have to know of ZooKeeper.
//!
//! - [`wire`]: the frames between a client and a server.
//! - [`session`]: one client's connections and session, as a machine without I/O.
//! - [`leader`]: which of the nodes below a path belongs to the master that leads.

pub mod session;
pub mod wire;

/// How the nodes of masters are called now: this and a number, with a MasterInfo as JSON in them.
pub const JSON_NODE: &str = "json.info_";

/// How they were called once, with a MasterInfo as protobuf in them.
const PROTOBUF_NODE: &str = "info_";

/// The node of the master that leads: each has one with a number that counts up, and the smallest
/// leads, whatever its form; other nodes do not count (PROTOCOL §11.3).
pub fn leader(children: &[String]) -> Option<&str> {
    let number = |name: &str| -> Option<i64> {
        let number = name.strip_prefix(JSON_NODE);
        let number = number.or_else(|| name.strip_prefix(PROTOBUF_NODE));
        number?.parse().ok()
    };
    let numbered = children
        .iter()
        .filter_map(|name| Some((number(name)?, name)));
    numbered.min().map(|(_, name)| name.as_str())
}

/// Whether what such a node holds is JSON, and not protobuf.
pub fn is_json(node: &str) -> bool {
    node.starts_with(JSON_NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_number_leads_whatever_its_form_and_other_nodes_do_not_count() {
        let names = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned());
            names.collect::<Vec<_>>()
        };
        let children = names(&[
            "json.info_0000000012",
            "log_replicas",
            "json.info_0000000011",
        ]);
        assert_eq!(leader(&children), Some("json.info_0000000011"));
        let children = names(&["json.info_0000000012", "info_0000000002", "info_x"]);
        assert_eq!(leader(&children), Some("info_0000000002"));
        assert_eq!(
            leader(&names(&["log_replicas", "info", "json.info_"])),
            None
        );
        assert_eq!(leader(&[]), None);
    }
}
