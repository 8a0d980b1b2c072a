//! The calls that the machine asks for, one after the other in its order; but for acknowledgements.
//!
//! What an acknowledgement says depends on no other call, and no call on it: an agent sends the next
//! update of a task when the one before is acknowledged, so each task has at most one. They are
//! made beside the others and some at a time, or a kill would wait behind those of a large gang.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mesos::v1::scheduler::call::Type as CallType;
use mesos_client::{CallError, SchedulerHandle};
use scheduler::{FailedCall, Input};
use tracing::debug;

use crate::convert::{self, PendingCall};

/// The most acknowledgements that wait. A gang of 10,000 tasks makes three updates each to
/// acknowledge; what waits beyond that may be left out: the agent sends the update again
/// (PROTOCOL §8.2).
const WAITING_MAX: usize = 65_536;

/// The most acknowledgements under way. More than some tens gain nothing, and are felt by a master
/// (PROTOCOL §10); at a round trip of 1 ms these are 16,000 a second.
const ACKNOWLEDGEMENTS_MAX: usize = 16;

type UnderWay = Pin<Box<dyn Future<Output = Made> + Send>>;

/// A call that was made.
struct Made {
    result: Result<(), CallError>,
    on_failure: Option<FailedCall>,
    is_acknowledgement: bool,
}

/// Calls that wait for their turn, and those that are under way.
pub(super) struct Calls {
    handle: SchedulerHandle,
    ordered: VecDeque<PendingCall>,
    acknowledgements: VecDeque<PendingCall>,
    under_way: FuturesUnordered<UnderWay>,
    /// Whether one of `ordered` is under way.
    is_ordered_under_way: bool,
}

impl Calls {
    pub(super) fn new(handle: SchedulerHandle) -> Self {
        Self {
            handle,
            ordered: VecDeque::new(),
            acknowledgements: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            is_ordered_under_way: false,
        }
    }

    pub(super) fn push(&mut self, call: PendingCall) {
        if call.call.acknowledge.is_none() {
            self.ordered.push_back(call);
        } else if self.acknowledgements.len() < WAITING_MAX {
            self.acknowledgements.push_back(call);
        }
    }

    /// Makes none of the calls that wait.
    pub(super) fn forget(&mut self) {
        self.ordered.clear();
        self.acknowledgements.clear();
    }

    /// Makes calls until one of them fails in a way that the machine wants to hear of.
    /// Cancellation safe.
    pub(super) async fn next_failed(&mut self) -> Input {
        loop {
            let Some(made) = self.next_made(0).await else {
                pending::<()>().await;
                continue;
            };
            if let (Err(error), Some(call)) = (made.result, made.on_failure) {
                let fault = convert::call_fault(&error);
                return Input::CallFailed { call, fault };
            }
        }
    }

    /// Whether the last call that waits is TEARDOWN.
    pub(super) fn ends_with_teardown(&self) -> bool {
        let last = self.ordered.back();
        last.is_some_and(|last| last.call.r#type() == CallType::Teardown)
    }

    /// Makes the calls that wait but for the last one that has an order. Cancellation safe.
    pub(super) async fn make_all_but_last(&mut self) {
        while self.next_made(1).await.is_some() {}
    }

    /// Makes none of the calls that wait but the last one that has an order.
    pub(super) fn keep_last(&mut self) {
        let before_last = self.ordered.len().saturating_sub(1);
        self.ordered.drain(..before_last);
        self.acknowledgements.clear();
    }

    /// Makes all calls that wait; of their failures, nobody is there any more to hear but of that
    /// of the last one that has an order.
    pub(super) async fn flush(&mut self) -> Result<(), CallError> {
        let mut last = Ok(());
        while let Some(made) = self.next_made(0).await {
            if !made.is_acknowledgement {
                last = made.result;
            }
        }
        last
    }

    /// Makes calls, but for the last so many that have an order, until one is made; nothing if there
    /// is none. Cancellation safe.
    async fn next_made(&mut self, left: usize) -> Option<Made> {
        if !self.is_ordered_under_way && self.ordered.len() > left {
            self.begin_ordered();
        }
        let mut acknowledging = self.under_way.len() - usize::from(self.is_ordered_under_way);
        while acknowledging < ACKNOWLEDGEMENTS_MAX
            && let Some(call) = self.acknowledgements.pop_front()
        {
            self.begin(call);
            acknowledging += 1;
        }
        let made = self.under_way.next().await?;
        if !made.is_acknowledgement {
            self.is_ordered_under_way = false;
        }
        if let Err(error) = &made.result {
            debug!(%error, "a call has failed");
        }
        Some(made)
    }

    fn begin_ordered(&mut self) {
        if let Some(call) = self.ordered.pop_front() {
            self.is_ordered_under_way = true;
            self.begin(call);
        }
    }

    fn begin(&mut self, PendingCall { call, on_failure }: PendingCall) {
        let handle = self.handle.clone();
        self.under_way.push(Box::pin(async move {
            let is_acknowledgement = call.acknowledge.is_some();
            Made {
                result: handle.call(call).await,
                on_failure,
                is_acknowledgement,
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1;
    use mesos_client::{SchedulerClient, SchedulerConfig, SchedulerNotice};
    use scheduler::{Call, Uuid};
    use tokio::sync::mpsc;

    use super::*;

    /// Without a subscription: each call fails at once.
    fn calls() -> (Calls, mpsc::Receiver<SchedulerNotice>) {
        let masters = "127.0.0.1:1".parse().unwrap();
        let config = SchedulerConfig::new(masters, v1::FrameworkInfo::default());
        let (handle, notices) = SchedulerClient::start(config).unwrap();
        (Calls::new(handle), notices)
    }

    fn acknowledge() -> PendingCall {
        convert::call(Call::Acknowledge {
            agent: "a".into(),
            task: "t".into(),
            uuid: Uuid([0; 16]),
        })
    }

    #[tokio::test]
    async fn the_last_call_is_kept_when_those_before_it_are_given_up() {
        let (mut calls, _notices) = calls();
        calls.keep_last();
        for _ in 0..3 {
            calls.push(convert::call(Call::Suppress));
        }
        calls.push(convert::call(Call::Teardown));
        calls.make_all_but_last().await;
        assert_eq!(calls.ordered.len(), 1);
        calls.push(convert::call(Call::Teardown));
        calls.keep_last();
        assert_eq!(calls.ordered.len(), 1);
        assert!(calls.ends_with_teardown());
    }

    #[tokio::test]
    async fn beyond_the_bound_only_acknowledgements_are_left_out() {
        let (mut calls, _notices) = calls();
        for _ in 0..=WAITING_MAX {
            calls.push(acknowledge());
        }
        assert_eq!(calls.acknowledgements.len(), WAITING_MAX);
        calls.push(convert::call(Call::Teardown));
        assert!(calls.ends_with_teardown());
    }

    #[tokio::test]
    async fn a_kill_does_not_wait_behind_acknowledgements() {
        let (mut calls, _notices) = calls();
        for _ in 0..100 {
            calls.push(acknowledge());
        }
        calls.push(convert::call(Call::Suppress));
        calls.push(convert::call(Call::Suppress));
        // Whichever of those under way comes first: one that has an order is among them.
        calls.next_made(0).await.unwrap();
        assert!(calls.under_way.len() >= ACKNOWLEDGEMENTS_MAX);
        assert_eq!(calls.ordered.len(), 1);
        let mut ordered = 0;
        let mut made = 1;
        while let Some(next) = calls.next_made(0).await {
            made += 1;
            ordered += usize::from(!next.is_acknowledgement);
        }
        assert_eq!(made, 102);
        assert!(ordered >= 1);
    }
}
