//! What an idle link keeps in memory. A binary of its own, because it counts all allocations.

use std::time::Duration;

use mesosgot_link::{Inbox, Link, LinkConfig, Receiver, Role, Sender};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const CHANNELS: usize = 1000;

/// What an end with so many channels may keep.
const BYTES_MAX: usize = 1 << 20;

/// The two ends of all channels: tasks, and their scheduler.
struct Opened {
    tasks: Vec<(Sender, Receiver)>,
    senders: Vec<Sender>,
    inbox: Inbox,
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_with_a_thousand_channels_keeps_less_than_a_mebibyte_at_each_end() {
    let names: Vec<_> = (0..CHANNELS).map(|it| format!("elevator-{it}")).collect();
    let before = ALLOCATOR.current_usage();
    let executor = Link::new(Role::Executor, 2, LinkConfig::new());
    let tasks = names.iter().map(|name| executor.open(name));
    let tasks = tasks.collect::<Result<_, _>>().expect("all names differ");
    let at_executor = ALLOCATOR.current_usage() - before;
    let scheduler = Link::new(Role::Scheduler, 1, LinkConfig::new());
    let inbox = Inbox::new();
    let senders = names.iter().map(|name| scheduler.open_into(name, &inbox));
    let senders = senders.collect::<Result<_, _>>().expect("all names differ");
    let at_scheduler = ALLOCATOR.current_usage() - before - at_executor;
    assert!(at_executor < BYTES_MAX, "{at_executor} at the executor");
    assert!(at_scheduler < BYTES_MAX, "{at_scheduler} at the scheduler");

    let opened = Opened {
        tasks,
        senders,
        inbox,
    };
    settle(&scheduler, &executor).await;
    let linked = (ALLOCATOR.current_usage() - before) / 2;
    assert!(linked < BYTES_MAX, "{linked} when the link is up");
    burst(&opened, &scheduler, &executor).await;
    let used = (ALLOCATOR.current_usage() - before) / 2;
    assert!(used < BYTES_MAX, "{used} after a burst");
}

/// Each end sends a window of messages on each channel, and each takes them all.
async fn burst(opened: &Opened, scheduler: &Link, executor: &Link) {
    for (sender, (task, _)) in opened.senders.iter().zip(&opened.tasks) {
        for _ in 0..256 {
            sender.send("hello".into()).await.expect("there is room");
            task.send("hello".into()).await.expect("there is room");
        }
    }
    settle(scheduler, executor).await;
    for (_, receiver) in &opened.tasks {
        for _ in 0..256 {
            assert_eq!(receiver.recv().await, Some("hello".into()));
        }
    }
    for _ in 0..256 * CHANNELS {
        opened.inbox.recv().await.expect("so many were sent");
    }
    settle(scheduler, executor).await;
}

/// Carries frames until both ends have nothing to say for a while.
async fn settle(scheduler: &Link, executor: &Link) {
    loop {
        let quiet = tokio::time::sleep(Duration::from_secs(1));
        tokio::select! {
            frame = scheduler.next_frame() => {
                executor.handle_frame(frame.expect("it is not shut")).expect("it is ours");
            }
            frame = executor.next_frame() => {
                scheduler.handle_frame(frame.expect("it is not shut")).expect("it is ours");
            }
            () = quiet => return,
        }
    }
}
