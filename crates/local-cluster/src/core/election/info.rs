//! What a master says of itself in its node, and what is read of another.

use bytes::Bytes;
use mesos::v1::MasterInfo;
use mesos::v1::master_info::capability::Type;
use mesos::zookeeper;

use crate::codec::{self, Encoding, Object};

/// What matters of the master that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) id: String,
    /// Where clients are sent: `host:port`.
    pub(super) place: String,
}

/// As masters write it: fields in the order of their names (PROTOCOL §11.3).
pub(super) fn write(info: &MasterInfo) -> String {
    let address = info.address.as_ref().map(|address| {
        let quoted = |text: &Option<String>| text.as_deref().map(codec::quoted);
        Object::new()
            .optional("hostname", quoted(&address.hostname))
            .optional("ip", quoted(&address.ip))
            .integer("port", address.port.into())
            .finish()
    });
    let capabilities = info.capabilities.iter().map(|capability| {
        let kind = Type::try_from(capability.r#type.unwrap_or_default());
        let kind = kind.unwrap_or(Type::Unknown);
        Object::new().text("type", kind.as_str_name()).finish()
    });
    let domain = info.domain.as_ref();
    let domain = domain.and_then(|domain| domain.fault_domain.as_ref());
    let domain = domain.map(|domain| {
        let named = |name: &str| Object::new().text("name", name).finish();
        let fault_domain = Object::new()
            .json("region", named(&domain.region.name))
            .json("zone", named(&domain.zone.name));
        Object::new()
            .json("fault_domain", fault_domain.finish())
            .finish()
    });
    let quoted = |text: &Option<String>| text.as_deref().map(codec::quoted);
    Object::new()
        .optional("address", address)
        .array("capabilities", capabilities)
        .optional("domain", domain)
        .optional("hostname", quoted(&info.hostname))
        .text("id", &info.id)
        .integer("ip", info.ip.into())
        .optional("pid", quoted(&info.pid))
        .integer("port", info.port.into())
        .optional("version", quoted(&info.version))
        .finish()
}

/// What stands in the node `name`; the error says what is wrong with it.
pub(super) fn read(name: &str, data: Bytes) -> Result<Leader, String> {
    let encoding = match zookeeper::is_json(name) {
        true => Encoding::Json,
        false => Encoding::Protobuf,
    };
    let info = codec::decode_sized::<MasterInfo>(encoding, data);
    let info = info.map_err(|error| error.to_string())?.message;
    let address = info.address.unwrap_or_default();
    let named = [info.hostname, address.hostname, address.ip];
    let host = named.into_iter().flatten().find(|host| !host.is_empty());
    let host = host.ok_or("it has neither name nor address")?;
    Ok(Leader {
        id: info.id,
        place: format!("{host}:{}", info.port),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stood in the node of a real master in the recording 14-zookeeper-three-masters.
    const RECORDED: &str = concat!(
        r#"{"address":{"hostname":"localhost","ip":"127.0.0.1","port":5053},"#,
        r#""capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"#,
        r#""hostname":"localhost","id":"cd635c6d-2f63-439d-94cd-54dd1da05ca3","ip":16777343,"#,
        r#""pid":"master@127.0.0.1:5053","port":5053,"version":"1.12.0"}"#,
    );

    #[test]
    fn a_node_holds_what_a_real_one_holds() {
        let address = "127.0.0.1:5053".parse().unwrap();
        let id = "cd635c6d-2f63-439d-94cd-54dd1da05ca3".to_owned();
        let info = crate::master::master_info(id, address, "localhost".to_owned());
        assert_eq!(write(&info), RECORDED);
    }

    #[test]
    fn the_place_of_a_leader_is_its_name_and_port() {
        let leader = Leader {
            id: "cd635c6d-2f63-439d-94cd-54dd1da05ca3".to_owned(),
            place: "localhost:5053".to_owned(),
        };
        assert_eq!(read("json.info_0000000001", RECORDED.into()), Ok(leader));
        for (name, data) in [("json.info_1", "{}"), ("json.info_1", "<"), ("info_1", "x")] {
            assert!(read(name, data.into()).is_err(), "{name} {data}");
        }
    }
}
