//! Every call of the scheduler API but SUBSCRIBE, which is the client's own, as a function.
//!
//! What they answer, in which order they go out and what is never sent twice is said at
//! [`SchedulerHandle::call`], which all of them use.

use bytes::Bytes;
use mesos::{AgentId, ExecutorId, OfferId, TaskId, v1};
use v1::scheduler::call::{self, Type};

use super::SchedulerHandle;
use crate::error::CallError;

type Call = v1::scheduler::Call;

impl SchedulerHandle {
    /// ACCEPT: uses offers, all of one agent, for what `operations` say, in their order; the rest
    /// of them is declined with `filters`. What fails of it comes back in updates.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn accept(
        &self,
        offers: impl IntoIterator<Item = OfferId>,
        operations: Vec<v1::offer::Operation>,
        filters: v1::Filters,
    ) -> Result<(), CallError> {
        let accept = call::Accept {
            offer_ids: offers.into_iter().map(Into::into).collect(),
            operations,
            filters: Some(filters),
        };
        self.send(Type::Accept, |call| call.accept = Some(accept))
            .await
    }

    /// DECLINE: gives offers back. Their resources are not offered again to this framework before
    /// the time in `filters` is over (5 s by default).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn decline(
        &self,
        offers: impl IntoIterator<Item = OfferId>,
        filters: v1::Filters,
    ) -> Result<(), CallError> {
        let decline = call::Decline {
            offer_ids: offers.into_iter().map(Into::into).collect(),
            filters: Some(filters),
        };
        self.send(Type::Decline, |call| call.decline = Some(decline))
            .await
    }

    /// ACCEPT_INVERSE_OFFERS: says that the resources will be free when the machine goes down.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn accept_inverse_offers(
        &self,
        inverse_offers: impl IntoIterator<Item = OfferId>,
        filters: v1::Filters,
    ) -> Result<(), CallError> {
        let accept = call::AcceptInverseOffers {
            inverse_offer_ids: inverse_offers.into_iter().map(Into::into).collect(),
            filters: Some(filters),
        };
        self.send(Type::AcceptInverseOffers, |call| {
            call.accept_inverse_offers = Some(accept);
        })
        .await
    }

    /// DECLINE_INVERSE_OFFERS: says that they will not.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn decline_inverse_offers(
        &self,
        inverse_offers: impl IntoIterator<Item = OfferId>,
        filters: v1::Filters,
    ) -> Result<(), CallError> {
        let decline = call::DeclineInverseOffers {
            inverse_offer_ids: inverse_offers.into_iter().map(Into::into).collect(),
            filters: Some(filters),
        };
        self.send(Type::DeclineInverseOffers, |call| {
            call.decline_inverse_offers = Some(decline);
        })
        .await
    }

    /// REVIVE: forgets all filters and wants offers again, for these roles or, if there are none,
    /// for all.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn revive(&self, roles: Vec<String>) -> Result<(), CallError> {
        let revive = call::Revive { roles };
        self.send(Type::Revive, |call| call.revive = Some(revive))
            .await
    }

    /// SUPPRESS: wants no offers, for these roles or, if there are none, for all, until REVIVE.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn suppress(&self, roles: Vec<String>) -> Result<(), CallError> {
        let suppress = call::Suppress { roles };
        self.send(Type::Suppress, |call| call.suppress = Some(suppress))
            .await
    }

    /// KILL: asks the executor to end a task. Nobody repeats it, and nobody helps if the executor
    /// does nothing.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn kill(
        &self,
        task: TaskId,
        agent: Option<AgentId>,
        kill_policy: Option<v1::KillPolicy>,
    ) -> Result<(), CallError> {
        let kill = call::Kill {
            task_id: task.into(),
            agent_id: agent.map(Into::into),
            kill_policy,
        };
        self.send(Type::Kill, |call| call.kill = Some(kill)).await
    }

    /// SHUTDOWN: ends an executor and all its tasks.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn shutdown(&self, executor: ExecutorId, agent: AgentId) -> Result<(), CallError> {
        let shutdown = call::Shutdown {
            executor_id: executor.into(),
            agent_id: agent.into(),
        };
        self.send(Type::Shutdown, |call| call.shutdown = Some(shutdown))
            .await
    }

    /// ACKNOWLEDGE: says that an update was handled; until then it comes again. Does nothing for
    /// an update without a uuid, which the master has made and nobody waits for.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn acknowledge(&self, status: &v1::TaskStatus) -> Result<(), CallError> {
        let (Some(uuid), Some(agent_id)) = (&status.uuid, &status.agent_id) else {
            return Ok(());
        };
        let acknowledge = call::Acknowledge {
            agent_id: agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: uuid.clone(),
        };
        self.send(Type::Acknowledge, |call| {
            call.acknowledge = Some(acknowledge);
        })
        .await
    }

    /// ACKNOWLEDGE_OPERATION_STATUS: the same for the status of an operation with an id.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn acknowledge_operation_status(
        &self,
        status: &v1::OperationStatus,
    ) -> Result<(), CallError> {
        let (Some(uuid), Some(operation_id)) = (&status.uuid, &status.operation_id) else {
            return Ok(());
        };
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: uuid.value.clone(),
            operation_id: operation_id.clone(),
        };
        self.send(Type::AcknowledgeOperationStatus, |call| {
            call.acknowledge_operation_status = Some(acknowledge);
        })
        .await
    }

    /// RECONCILE: asks for the states of these tasks, with their agents as far as they are known,
    /// or of all that the master knows if there are none. The answers are updates.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn reconcile(
        &self,
        tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>,
    ) -> Result<(), CallError> {
        let task = |(task, agent): (TaskId, Option<AgentId>)| call::reconcile::Task {
            task_id: task.into(),
            agent_id: agent.map(Into::into),
        };
        let tasks = tasks.into_iter().map(task).collect();
        let reconcile = call::Reconcile { tasks };
        self.send(Type::Reconcile, |call| call.reconcile = Some(reconcile))
            .await
    }

    /// RECONCILE_OPERATIONS: the same for operations.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn reconcile_operations(
        &self,
        operations: Vec<call::reconcile_operations::Operation>,
    ) -> Result<(), CallError> {
        let reconcile = call::ReconcileOperations { operations };
        self.send(Type::ReconcileOperations, |call| {
            call.reconcile_operations = Some(reconcile);
        })
        .await
    }

    /// MESSAGE: carries bytes to an executor, at most once, and not always in order
    /// (PROTOCOL §10).
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn message(
        &self,
        executor: ExecutorId,
        agent: AgentId,
        data: Bytes,
    ) -> Result<(), CallError> {
        let message = call::Message {
            agent_id: agent.into(),
            executor_id: executor.into(),
            data,
        };
        self.send(Type::Message, |call| call.message = Some(message))
            .await
    }

    /// REQUEST: tells the allocator what is wanted. The one of Mesos does not listen.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn request(&self, requests: Vec<v1::Request>) -> Result<(), CallError> {
        let request = call::Request { requests };
        self.send(Type::Request, |call| call.request = Some(request))
            .await
    }

    /// UPDATE_FRAMEWORK: changes what the framework is, without a new subscription. The next
    /// SUBSCRIBE of this client says again what it was started with.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn update_framework(&self, update: call::UpdateFramework) -> Result<(), CallError> {
        self.send(Type::UpdateFramework, |call| {
            call.update_framework = Some(update);
        })
        .await
    }

    /// TEARDOWN: ends the framework and all its tasks. The client ends with it.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn teardown(&self) -> Result<(), CallError> {
        self.send(Type::Teardown, |_| {}).await
    }

    async fn send(&self, kind: Type, fill: impl FnOnce(&mut Call)) -> Result<(), CallError> {
        let mut call = Call {
            r#type: Some(kind.into()),
            ..Call::default()
        };
        fill(&mut call);
        self.call(call).await
    }
}
