//! The calls that the machine asks for, one after the other in its order.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::Pin;

use mesos::v1::scheduler::call::Type as CallType;
use mesos_client::{CallError, SchedulerHandle};
use scheduler::{FailedCall, Input};
use tracing::debug;

use crate::convert::{self, PendingCall};

/// The most calls that wait. A gang of 10,000 tasks makes three updates each to acknowledge; what
/// waits beyond that is acknowledgements, which may be left out: the agent sends the update again
/// (PROTOCOL §8.2).
const WAITING_MAX: usize = 65_536;

type InFlight = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

/// Calls that wait for their turn, and the one that is under way.
pub(super) struct Calls {
    handle: SchedulerHandle,
    waiting: VecDeque<PendingCall>,
    in_flight: Option<(InFlight, Option<FailedCall>)>,
}

impl Calls {
    pub(super) fn new(handle: SchedulerHandle) -> Self {
        Self {
            handle,
            waiting: VecDeque::new(),
            in_flight: None,
        }
    }

    pub(super) fn push(&mut self, call: PendingCall) {
        if self.waiting.len() < WAITING_MAX || call.call.acknowledge.is_none() {
            self.waiting.push_back(call);
        }
    }

    /// Makes none of the calls that wait.
    pub(super) fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Makes calls until one of them fails in a way that the machine wants to hear of.
    /// Cancellation safe.
    pub(super) async fn next_failed(&mut self) -> Input {
        loop {
            let Some((result, on_failure)) = self.make_one().await else {
                pending::<()>().await;
                continue;
            };
            if let (Err(error), Some(call)) = (result, on_failure) {
                let fault = convert::call_fault(&error);
                return Input::CallFailed { call, fault };
            }
        }
    }

    /// Whether the last call that waits is TEARDOWN.
    pub(super) fn ends_with_teardown(&self) -> bool {
        let last = self.waiting.back();
        last.is_some_and(|last| last.call.r#type() == CallType::Teardown)
    }

    /// Makes the calls that wait before the last one. Cancellation safe.
    pub(super) async fn make_all_but_last(&mut self) {
        while self.waiting.len() > 1 {
            self.make_one().await;
        }
    }

    /// Makes none of the calls that wait but the last one.
    pub(super) fn keep_last(&mut self) {
        let before_last = self.waiting.len().saturating_sub(1);
        self.waiting.drain(..before_last);
    }

    /// Makes all calls that wait; of their failures, nobody is there any more to hear but of that
    /// of the last one.
    pub(super) async fn flush(&mut self) -> Result<(), CallError> {
        let mut last = Ok(());
        while let Some((result, _)) = self.make_one().await {
            last = result;
        }
        last
    }

    /// Makes the next call, if there is one.
    async fn make_one(&mut self) -> Option<(Result<(), CallError>, Option<FailedCall>)> {
        if self.in_flight.is_none() {
            let PendingCall { call, on_failure } = self.waiting.pop_front()?;
            let handle = self.handle.clone();
            let made = Box::pin(async move { handle.call(call).await });
            self.in_flight = Some((made, on_failure));
        }
        let (made, _) = self.in_flight.as_mut()?;
        let result = made.await;
        let (_, on_failure) = self.in_flight.take()?;
        if let Err(error) = &result {
            debug!(%error, "a call has failed");
        }
        Some((result, on_failure))
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1;
    use mesos_client::{SchedulerClient, SchedulerConfig};
    use scheduler::{Call, Uuid};

    use super::*;

    #[tokio::test]
    async fn the_last_call_is_kept_when_those_before_it_are_given_up() {
        let masters = "127.0.0.1:1".parse().unwrap();
        let config = SchedulerConfig::new(masters, v1::FrameworkInfo::default());
        let (handle, _notices) = SchedulerClient::start(config).unwrap();
        let mut calls = Calls::new(handle);
        calls.keep_last();
        for _ in 0..3 {
            calls.push(convert::call(Call::Suppress));
        }
        calls.push(convert::call(Call::Teardown));
        // Without a subscription they fail at once.
        calls.make_all_but_last().await;
        assert_eq!(calls.waiting.len(), 1);
        calls.push(convert::call(Call::Teardown));
        calls.keep_last();
        assert_eq!(calls.waiting.len(), 1);
        assert!(calls.ends_with_teardown());
    }

    #[tokio::test]
    async fn beyond_the_bound_only_acknowledgements_are_left_out() {
        let masters = "127.0.0.1:1".parse().unwrap();
        let config = SchedulerConfig::new(masters, v1::FrameworkInfo::default());
        let (handle, _notices) = SchedulerClient::start(config).unwrap();
        let mut calls = Calls::new(handle);
        let acknowledge = || {
            convert::call(Call::Acknowledge {
                agent: "a".into(),
                task: "t".into(),
                uuid: Uuid([0; 16]),
            })
        };
        for _ in 0..=WAITING_MAX {
            calls.push(acknowledge());
        }
        assert_eq!(calls.waiting.len(), WAITING_MAX);
        calls.push(convert::call(Call::Teardown));
        assert_eq!(calls.waiting.len(), WAITING_MAX + 1);
    }
}
