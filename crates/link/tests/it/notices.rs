//! What the two ends tell each other beside the channels.

use std::time::Duration;

use mesosgot_link::{Link, LinkConfig, Role, TellError, spec};
use tokio::time::sleep;

use crate::pair::{Pair, message, soon, stays_pending};

fn notice(reason: &str) -> spec::Notice {
    spec::Notice::direct_failed(reason)
}

/// Waits for a notice; answers the reason that it gives.
async fn told(link: &Link) -> Option<String> {
    let failed = soon(link.told()).await?.direct_failed?;
    Some(failed.reason)
}

#[tokio::test(start_paused = true)]
async fn what_is_told_is_given_once_and_the_newest_counts() {
    let pair = Pair::with_loss(0.5);
    for reason in ["no route", "refused"] {
        pair.executor.tell(&notice(reason)).unwrap();
        assert_eq!(told(&pair.scheduler).await.as_deref(), Some(reason));
    }
    assert!(stays_pending(pair.scheduler.told()).await);
    // Nobody takes the first.
    for reason in ["late", "later"] {
        pair.executor.tell(&notice(reason)).unwrap();
        sleep(Duration::from_secs(60)).await;
    }
    assert_eq!(told(&pair.scheduler).await.as_deref(), Some("later"));
    assert!(stays_pending(pair.scheduler.told()).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_told_passes_channels_that_wait_for_a_direct_path() {
    let config = LinkConfig {
        direct_only: true,
        ..LinkConfig::new()
    };
    let pair = Pair::configured(config, 0.0);
    let (sender, _receiver) = pair.executor.open("a").unwrap();
    let (_sender, receiver) = pair.scheduler.open("a").unwrap();
    soon(sender.send(message(1))).await.unwrap();
    pair.executor.tell(&notice("no route")).unwrap();
    assert_eq!(told(&pair.scheduler).await.as_deref(), Some("no route"));
    assert!(stays_pending(receiver.recv()).await);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_shut_tells_nothing_more() {
    let link = Link::new(Role::Scheduler, 1, LinkConfig::new());
    let shut = async {
        sleep(Duration::from_secs(1)).await;
        link.shut();
    };
    let (told, ()) = soon(async { tokio::join!(link.told(), shut) }).await;
    assert_eq!(told, None);
    assert_eq!(link.tell(&notice("late")), Err(TellError::Shut));
}

#[test]
fn a_long_reason_is_cut_where_a_character_ends() {
    let link = Link::new(Role::Executor, 1, LinkConfig::new());
    for bytes in 0..4 {
        let reason = "a".repeat(bytes) + &"€".repeat(1000);
        link.tell(&notice(&reason)).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_one_thing_does_not_replace_what_was_told_of_another() {
    let pair = Pair::with_loss(0.5);
    let progress = spec::ModulesProgress {
        fetching: 1,
        bytes: 5,
        ..spec::ModulesProgress::default()
    };
    let link = &pair.executor;
    link.tell(&notice("refused")).unwrap();
    link.tell(&spec::Notice::modules(progress)).unwrap();
    let all = soon(pair.scheduler.told()).await.unwrap();
    assert_eq!(all.direct_failed.unwrap().reason, "refused");
    assert_eq!(all.modules, Some(progress));
    // What has not changed is no news.
    let done = spec::ModulesProgress::default();
    link.tell(&spec::Notice::modules(done)).unwrap();
    let told = soon(pair.scheduler.told()).await;
    assert_eq!(told, Some(spec::Notice::modules(done)));
    link.tell(&spec::Notice::modules(done)).unwrap();
    assert!(stays_pending(pair.scheduler.told()).await);
    // The same failure again is.
    link.tell(&notice("refused")).unwrap();
    let told = soon(pair.scheduler.told()).await.unwrap();
    assert_eq!(told.direct_failed.unwrap().reason, "refused");
    assert_eq!(told.modules, None);
}
