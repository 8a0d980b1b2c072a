//! Where the master is that leads.
//!
//! Its node in ZooKeeper holds a MasterInfo: as JSON where its name begins with `json.info_`, as
//! protobuf where it begins with `info_`, as older masters write it (PROTOCOL §11.3).

use std::net::Ipv4Addr;

use mesos::v1::MasterInfo;
use prost::Message as _;
use serde_json::Value;

use crate::core::endpoint::Endpoint;

/// How the addresses of masters are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// `http`, at the address that a master listens on.
    Http,
    /// `https`, at the name of its host: certificates have names.
    Https,
}

/// Where the master is whose node `name` holds `data`; the error says what is wrong with it.
pub(crate) fn endpoint(
    name: &str,
    data: &[u8],
    scheme: Scheme,
    path: &str,
) -> Result<Endpoint, String> {
    let place = if mesos::zookeeper::is_json(name) {
        from_json(data)
    } else {
        from_protobuf(data)
    }?;
    let hosts = match scheme {
        Scheme::Http => [&place.ip, &place.hostname],
        Scheme::Https => [&place.hostname, &place.ip],
    };
    let host = hosts.into_iter().flatten().find(|host| !host.is_empty());
    let host = host.ok_or("it has neither address nor name")?;
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.clone(),
    };
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let address = format!("{scheme}://{host}:{}", place.port);
    Endpoint::parse(&address, place.port, path).map_err(|error| error.to_string())
}

/// What a MasterInfo says of the place of a master.
struct Place {
    ip: Option<String>,
    hostname: Option<String>,
    port: u16,
}

fn from_json(data: &[u8]) -> Result<Place, String> {
    let info: Value = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    let address = &info["address"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let port = [&address["port"], &info["port"]].into_iter();
    let port = port.filter_map(Value::as_u64).next();
    Ok(Place {
        ip: text(&address["ip"]).or_else(|| {
            let number = info["ip"].as_u64()?;
            Some(dotted(u32::try_from(number).ok()?))
        }),
        hostname: text(&address["hostname"]).or_else(|| text(&info["hostname"])),
        port: checked_port(port)?,
    })
}

fn from_protobuf(data: &[u8]) -> Result<Place, String> {
    let info = MasterInfo::decode(data).map_err(|error| error.to_string())?;
    let address = info.address.unwrap_or_default();
    let port = match address.port {
        0 => u64::from(info.port),
        port => u64::try_from(port).map_err(|_| format!("its port is {port}"))?,
    };
    Ok(Place {
        ip: address
            .ip
            .or_else(|| (info.ip != 0).then(|| dotted(info.ip))),
        hostname: address.hostname.or(info.hostname),
        port: checked_port(Some(port))?,
    })
}

/// The number is the address in network order, read by a little-endian machine.
fn dotted(ip: u32) -> String {
    Ipv4Addr::from(ip.to_le_bytes()).to_string()
}

fn checked_port(port: Option<u64>) -> Result<u16, String> {
    let port = port.ok_or("it has no port")?;
    let number = u16::try_from(port).ok().filter(|number| *number != 0);
    number.ok_or_else(|| format!("its port is {port}"))
}

#[cfg(test)]
mod tests {
    use mesos::v1::Address;

    use super::*;

    const PATH: &str = "/api/v1/scheduler";

    fn read(name: &str, data: &[u8], scheme: Scheme) -> Result<String, String> {
        endpoint(name, data, scheme, PATH).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn recorded_json_names_the_address_and_for_tls_the_host() {
        let data = br#"{"address":{"hostname":"m.example","ip":"127.0.0.1","port":5053},
            "capabilities":[{"type":"AGENT_UPDATE"}],"hostname":"m.example","id":"x",
            "ip":16777343,"pid":"master@127.0.0.1:5053","port":5053,"version":"1.12.0"}"#;
        assert_eq!(
            read("json.info_0000000011", data, Scheme::Http).as_deref(),
            Ok("http://127.0.0.1:5053/api/v1/scheduler")
        );
        assert_eq!(
            read("json.info_0000000011", data, Scheme::Https).as_deref(),
            Ok("https://m.example:5053/api/v1/scheduler")
        );
    }

    #[test]
    fn json_without_an_address_has_the_number() {
        let data = br#"{"id":"x","ip":16777343,"port":5050}"#;
        assert_eq!(
            read("json.info_1", data, Scheme::Https).as_deref(),
            Ok("https://127.0.0.1:5050/api/v1/scheduler")
        );
    }

    #[test]
    fn protobuf_of_an_old_master_is_read() {
        let mut info = MasterInfo {
            id: "x".to_owned(),
            ip: u32::from_le_bytes([10, 0, 0, 1]),
            port: 5050,
            hostname: Some("m".to_owned()),
            ..MasterInfo::default()
        };
        assert_eq!(
            read("info_1", &info.encode_to_vec(), Scheme::Http).as_deref(),
            Ok("http://10.0.0.1:5050/api/v1/scheduler")
        );
        info.address = Some(Address {
            ip: Some("::1".to_owned()),
            port: 5053,
            ..Address::default()
        });
        assert_eq!(
            read("info_1", &info.encode_to_vec(), Scheme::Http).as_deref(),
            Ok("http://[::1]:5053/api/v1/scheduler")
        );
    }

    #[test]
    fn what_names_no_master_says_why() {
        let error = |data: &str| read("json.info_1", data.as_bytes(), Scheme::Http).unwrap_err();
        assert_eq!(error("{}"), "it has no port");
        assert_eq!(error(r#"{"port":99999}"#), "its port is 99999");
        assert_eq!(error(r#"{"port":5050}"#), "it has neither address nor name");
        assert!(
            error("<html>").starts_with("expected value"),
            "{}",
            error("<html>")
        );
        assert!(read("info_1", b"\xff", Scheme::Http).is_err());
    }
}
