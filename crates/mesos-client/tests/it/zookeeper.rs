//! Masters that are found by a real ZooKeeper, where Debian's package `zookeeper` is installed.
//!
//! The masters are played by the tests, which register them as masters do: by sessions of their
//! own that own a node each.

use mesos::v1;
use mesos::v1::scheduler::call::Type as CallType;
use mesos_client::{
    CallError, DisconnectReason, MasterOperator, OperatorConfig, OperatorError, SchedulerClient,
    SchedulerNotice,
};
use prost::Message as _;
use testkit::pki::{Authority, Clients};
use testkit::zookeeper::{Access, NodeKind, Session, ZooKeeper};

use crate::fake::{Fake, next, nobody};
use crate::scheduler::{attempt_failed, call, config, disconnected, subscribe};
use crate::tls::{serve, trust};

/// Registers a master in a session of its own, in the form that masters write now.
fn register(zookeeper: &ZooKeeper, master: &Fake) -> Session {
    let mut session = Session::open(zookeeper.address()).unwrap();
    let (ip, port) = master.address.split_once(':').unwrap();
    let info = format!(
        r#"{{"address":{{"hostname":"localhost","ip":"{ip}","port":{port}}},"id":"x","ip":16777343,"port":{port}}}"#
    );
    session.create(
        "/mesos/json.info_",
        info.as_bytes(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    session
}

/// Registers a master in the form that masters wrote before.
fn register_old(zookeeper: &ZooKeeper, master: &Fake) -> Session {
    let mut session = Session::open(zookeeper.address()).unwrap();
    let (_, port) = master.address.split_once(':').unwrap();
    let info = v1::MasterInfo {
        id: "x".to_owned(),
        ip: u32::from_le_bytes([127, 0, 0, 1]),
        port: port.parse().unwrap(),
        ..v1::MasterInfo::default()
    };
    session.create(
        "/mesos/info_",
        &info.encode_to_vec(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    session
}

#[tokio::test]
async fn the_leader_is_followed_through_changes_and_the_loss_of_zookeeper() {
    let test = "the_leader_is_followed_through_changes_and_the_loss_of_zookeeper";
    let Some(mut zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let (mut first, mut second) = (Fake::start().await, Fake::start().await);
    // The server that is not there is passed over.
    let masters = format!("zk://{},{}/mesos", nobody().await, zookeeper.address());
    let (handle, mut notices) = SchedulerClient::start(config(&masters)).unwrap();

    // Nobody has ever registered.
    loop {
        let reason = attempt_failed(&mut notices).await.to_string();
        assert!(reason.contains("zk://127.0.0.1:"), "{reason}");
        if reason.contains("there is no such path") {
            break;
        }
    }
    let mut root = Session::open(zookeeper.address()).unwrap();
    root.create("/mesos", b"", Access::Everybody, NodeKind::Lasting);
    root.create(
        "/mesos/log_replicas",
        b"",
        Access::Everybody,
        NodeKind::Lasting,
    );
    let first_session = register(&zookeeper, &first);
    let second_session = register_old(&zookeeper, &second);
    let stream = loop {
        tokio::select! {
            biased;
            request = first.next() => break request,
            Some(notice) = notices.recv() => {
                let is_failed = matches!(notice, SchedulerNotice::AttemptFailed { .. });
                assert!(is_failed, "{notice:?}");
            }
        }
    }
    .stream(Some("s"));
    stream.event(&crate::scheduler::subscribed(15.0)).await;
    while !matches!(
        next(&mut notices).await,
        Some(SchedulerNotice::Subscribed { .. })
    ) {}

    // The leader goes: the other leads, and all calls follow.
    first_session.end();
    let reason = disconnected(&mut notices).await;
    let is_changed = matches!(&reason, DisconnectReason::LeaderChanged { endpoint }
        if endpoint.contains(&second.address));
    assert!(is_changed, "{reason}");
    stream.closed().await;
    let stream = subscribe(&mut second, &mut notices).await;
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        second.next().await.answer(202, "");
    });
    assert_eq!(outcome, Ok(()));

    // Without ZooKeeper the subscription goes on, and so do calls.
    zookeeper.kill();
    let (outcome, ()) = tokio::join!(handle.call(call(CallType::Revive)), async {
        second.next().await.answer(400, "no");
    });
    assert!(
        matches!(outcome, Err(CallError::Rejected { .. })),
        "{outcome:?}"
    );

    // When it is back it is asked anew. The second master's session ends now, another master is
    // there already: no news is missed.
    zookeeper.restart();
    let _third_session = register(&zookeeper, &first);
    drop(second_session);
    let reason = disconnected(&mut notices).await;
    assert!(
        matches!(reason, DisconnectReason::LeaderChanged { .. }),
        "{reason}"
    );
    stream.closed().await;
    subscribe(&mut first, &mut notices).await;
    assert!(second.is_idle());
}

#[tokio::test]
async fn a_leader_behind_tls_is_reached_by_the_name_of_its_host() {
    let test = "a_leader_behind_tls_is_reached_by_the_name_of_its_host";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let authority = Authority::default();
    // Its certificate is for `localhost`, not for the number that stands beside it.
    let mut master = serve(&authority, Clients::Anybody).await;
    let (_, port) = master.address.split_once(':').unwrap();
    let info = format!(
        r#"{{"address":{{"hostname":"localhost","ip":"127.0.0.1","port":{port}}},"id":"x"}}"#
    );
    let mut session = Session::open(zookeeper.address()).unwrap();
    session.create("/mesos", b"", Access::Everybody, NodeKind::Lasting);
    session.create(
        "/mesos/json.info_",
        info.as_bytes(),
        Access::Everybody,
        NodeKind::Numbered,
    );
    let masters = format!("zk://{}/mesos", zookeeper.address());
    let mut secure = config(&masters);
    secure.tls = trust(&authority);
    let (_handle, mut notices) = SchedulerClient::start(secure).unwrap();
    let request = master.next().await;
    assert_eq!(request.header("host"), Some(&*master.address));
    let stream = request.stream(Some("s"));
    stream.event(&crate::scheduler::subscribed(15.0)).await;
    let notice = next(&mut notices).await;
    assert!(
        matches!(notice, Some(SchedulerNotice::Subscribed { .. })),
        "{notice:?}"
    );

    // An operator finds it by the same rules.
    let operator = OperatorConfig {
        tls: trust(&authority),
        ..OperatorConfig::default()
    };
    let operator = MasterOperator::new(masters.parse().unwrap(), operator).unwrap();
    let (health, ()) = tokio::join!(operator.get_health(), async {
        master.next().await.answer(401, "401 Unauthorized.");
    });
    let is_asked = matches!(health, Err(OperatorError::Unauthorized { .. }));
    assert!(is_asked, "{health:?}");

    // The default is no TLS: the leader's answer is none.
    let (_handle, mut notices) = SchedulerClient::start(config(&masters)).unwrap();
    let reason = attempt_failed(&mut notices).await;
    assert!(
        matches!(reason, DisconnectReason::NotHttp { .. }),
        "{reason:?}"
    );
}

#[tokio::test]
async fn a_path_that_is_not_for_everybody_wants_the_credentials() {
    let test = "a_path_that_is_not_for_everybody_wants_the_credentials";
    let Some(zookeeper) = ZooKeeper::start(test) else {
        return;
    };
    let mut master = Fake::start().await;
    let mut session = Session::open(zookeeper.address()).unwrap();
    session.authenticate("mesos:sesame");
    session.create("/mesos", b"", Access::OwnersOnly, NodeKind::Lasting);
    let (_, port) = master.address.split_once(':').unwrap();
    session.create(
        "/mesos/json.info_",
        format!(r#"{{"hostname":"127.0.0.1","port":{port}}}"#).as_bytes(),
        Access::OwnersOnly,
        NodeKind::Numbered,
    );

    let address = zookeeper.address();
    for url in [
        format!("zk://{address}/mesos"),
        format!("zk://mesos:wrong@{address}/mesos"),
    ] {
        let (_handle, mut notices) = SchedulerClient::start(config(&url)).unwrap();
        let reason = attempt_failed(&mut notices).await.to_string();
        let expected = format!(
            "no leading master is known from `zk://{address}/mesos`: `{address}`: it does not let \
             us read the path; give `user:password@` behind `zk://`"
        );
        assert_eq!(reason, expected);
    }
    let url = format!("zk://mesos:sesame@{address}/mesos");
    let (_handle, mut notices) = SchedulerClient::start(config(&url)).unwrap();
    subscribe(&mut master, &mut notices).await;
}
