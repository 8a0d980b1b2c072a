//! Asks a cluster where a gang would go, and launches nothing.

use std::time::Duration;

use mesos_client::{
    DisconnectReason, SchedulerClient, SchedulerConfig, SchedulerHandle, SchedulerNotice,
};
use scheduler::{Call, Input, Job, Plan, PlannedAgent, Shortfall};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::warn;

use crate::config::MasterConfig;
use crate::convert::{self, Heard};
use crate::launch;
use crate::outcome::FrameworkError;

/// How long giving all back may take; the master takes it back anyway when we are gone.
const GIVE_BACK_PATIENCE: Duration = Duration::from_secs(5);

/// What to ask a cluster.
#[derive(Debug, Clone)]
pub struct SurveyConfig {
    /// The gang; of its times only that for the subscription counts.
    pub job: Job,
    /// Where the cluster is and who we are there.
    pub master: MasterConfig,
    /// How long to listen to offers while the gang does not fit.
    pub listen: Duration,
    /// The source of all chance.
    pub seed: u64,
}

/// Listens to offers until the gang fits or the time is over, and gives all of them back.
///
/// The answer is where its tasks would go now, or why they would not. The framework is torn down,
/// whatever the answer; to drop the future instead ends the connection, and with it the framework.
///
/// # Errors
/// When the cluster could not be asked; the class says who must act.
pub async fn survey(
    config: SurveyConfig,
) -> Result<Result<Vec<PlannedAgent>, Shortfall>, FrameworkError> {
    let groups = config.job.groups.iter();
    let needs = groups.map(|group| (&group.resources, &group.constraints[..]));
    let capabilities = launch::capabilities(needs);
    let name = &config.job.name;
    let master = MasterConfig {
        // Nothing is left behind that a failover could save.
        failover_timeout: Duration::ZERO,
        ..config.master.clone()
    };
    let (handle, notices) = SchedulerClient::start(SchedulerConfig {
        credentials: master.credentials.clone(),
        tls: master.tls.clone(),
        seed: config.seed,
        ..SchedulerConfig::new(
            master.masters.clone(),
            launch::framework_info(name, &master, capabilities),
        )
    })?;
    let subscribe = config.job.timing.subscribe;
    let mut survey = Survey {
        plan: Plan::new(config.job)?,
        notices,
        reason: None,
    };
    let answer = survey.listen(subscribe, config.listen).await;
    if answer.is_ok() {
        give_back(&handle, &mut survey.plan).await;
    }
    handle.stop();
    answer
}

struct Survey {
    plan: Plan,
    notices: mpsc::Receiver<SchedulerNotice>,
    /// Why the last attempt to subscribe failed.
    reason: Option<DisconnectReason>,
}

impl Survey {
    async fn listen(
        &mut self,
        subscribe: Duration,
        listen: Duration,
    ) -> Result<Result<Vec<PlannedAgent>, Shortfall>, FrameworkError> {
        let mut until = Instant::now() + subscribe;
        let mut is_subscribed = false;
        loop {
            let notice = tokio::select! {
                notice = self.notices.recv() => notice.ok_or(FrameworkError::ClientEnded)?,
                () = sleep_until(until) => {
                    if is_subscribed {
                        return Ok(self.plan.answer());
                    }
                    let reason = self.reason.take();
                    return Err(FrameworkError::Unreachable { reason });
                }
            };
            match notice {
                SchedulerNotice::Subscribed { .. } => {
                    self.plan.void();
                    if !is_subscribed {
                        is_subscribed = true;
                        until = Instant::now() + listen;
                    }
                }
                SchedulerNotice::Event(event) => match convert::event(event) {
                    Ok(Heard::Input(Input::Offers(offers))) => {
                        self.plan.add(Instant::now().into_std(), offers);
                        if let Some(places) = self.plan.places() {
                            return Ok(Ok(places));
                        }
                    }
                    Ok(Heard::Input(Input::Rescind(offer))) => self.plan.rescind(&offer),
                    Ok(_) => {}
                    Err(error) => warn!(%error, "left out an event that makes no sense"),
                },
                SchedulerNotice::Disconnected { reason } => {
                    self.plan.void();
                    self.reason = Some(reason);
                }
                SchedulerNotice::AttemptFailed { reason, .. } => {
                    self.reason = Some(reason);
                }
                SchedulerNotice::Refused(refused) => return Err(FrameworkError::Refused(refused)),
            }
        }
    }
}

async fn give_back(handle: &SchedulerHandle, plan: &mut Plan) {
    let offers = plan.take_all();
    let decline = (!offers.is_empty()).then_some(Call::Decline {
        offers,
        refuse: Duration::ZERO,
    });
    let until = Instant::now() + GIVE_BACK_PATIENCE;
    for call in decline.into_iter().chain([Call::Teardown]) {
        // What does not get through the master takes back with the framework.
        let sent = timeout_at(until, handle.call(convert::call(call).call)).await;
        if !matches!(sent, Ok(Ok(()))) {
            warn!("could not give everything back to the master");
        }
    }
}
