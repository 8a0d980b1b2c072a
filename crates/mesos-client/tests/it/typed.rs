//! Typed calls and events against the embedded cluster.

use local_cluster::{AgentConfig, ClusterConfig, LocalCluster};
use mesos::resources::Resources;
use mesos::v1;
use mesos_client::{Encoding, SchedulerClient, SchedulerConfig, SchedulerEvent, SchedulerNotice};
use tokio::sync::mpsc;

use crate::fake::next;

/// The next event.
async fn event(notices: &mut mpsc::Receiver<SchedulerNotice>) -> SchedulerEvent {
    match next(notices).await {
        Some(SchedulerNotice::Event(event)) => SchedulerEvent::read(event).unwrap(),
        other => panic!("not an event: {other:?}"),
    }
}

#[tokio::test]
async fn offers_updates_and_the_end_of_a_framework_go_by_typed_calls_and_events() {
    go(Encoding::Protobuf).await;
}

#[tokio::test]
async fn they_go_in_json_too() {
    go(Encoding::Json).await;
}

async fn go(encoding: Encoding) {
    let resources = Resources::parse("cpus:2;mem:256").unwrap();
    let config = ClusterConfig::new(vec![AgentConfig::new(resources.clone())]);
    let cluster = LocalCluster::start(config).await.unwrap();
    let can = |capability: v1::framework_info::capability::Type| v1::framework_info::Capability {
        r#type: Some(capability.into()),
    };
    let framework_info = v1::FrameworkInfo {
        user: "nobody".to_owned(),
        name: "typed".to_owned(),
        roles: vec!["*".to_owned()],
        capabilities: vec![
            can(v1::framework_info::capability::Type::MultiRole),
            can(v1::framework_info::capability::Type::PartitionAware),
        ],
        ..v1::FrameworkInfo::default()
    };
    let masters = cluster.master_address().to_string().parse().unwrap();
    let mut config = SchedulerConfig::new(masters, framework_info);
    config.encoding = encoding;
    let (handle, mut notices) = SchedulerClient::start(config).unwrap();
    let subscribed = next(&mut notices).await;
    assert!(matches!(
        subscribed,
        Some(SchedulerNotice::Subscribed { .. })
    ));

    let SchedulerEvent::Offers(offers) = event(&mut notices).await else {
        panic!("no offers");
    };
    let offered = Resources::from_wire(&offers[0].resources).unwrap();
    assert_eq!(offered.unallocate(), resources);
    let at_once = v1::Filters {
        refuse_seconds: Some(0.0),
    };
    let decline = handle.decline([offers[0].id.clone().into()], at_once);
    decline.await.unwrap();
    let again = event(&mut notices).await;
    assert!(matches!(again, SchedulerEvent::Offers(_)), "{again:?}");
    handle.suppress(Vec::new()).await.unwrap();

    handle.reconcile([("t".into(), None)]).await.unwrap();
    let SchedulerEvent::Update(status) = event(&mut notices).await else {
        panic!("no update");
    };
    assert_eq!(status.task_id.value, "t");
    assert_eq!(status.state(), v1::TaskState::TaskUnknown);
    // It has no uuid: there is nothing to acknowledge, and nothing is sent.
    handle.acknowledge(&status).await.unwrap();

    handle.teardown().await.unwrap();
    while next(&mut notices).await.is_some() {}
    cluster.stop().await;
}
