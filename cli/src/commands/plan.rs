//! `mesosgot plan`: would the gang fit now, and where?

use std::sync::Arc;
use std::time::Duration;

use framework::{FrameworkError, PlannedAgent, Shortfall, SurveyConfig};
use tokio::sync::watch;

use super::Failure;
use super::masters::{cluster_and_user, masters_of};
use crate::args::{ChaosArgs, PlanArgs};
use crate::diagnostics;
use crate::exit::Exit;
use crate::gang;
use crate::job_file::{self, ReadJob};
use crate::report::{Event, Reporter};
use crate::settings::MastersPlace;
use crate::signals::{self, Urgency};

/// Asks the cluster what it offers, gives all of it back, and says where the tasks would go. The
/// modules of the job are not looked at.
pub(super) async fn run(
    args: PlanArgs,
    reporter: &Arc<Reporter>,
    mut urgency: watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let read = job_file::read(&args.job.job)?;
    let calm = ChaosArgs::default();
    let (cluster, user) = cluster_and_user(&args.cluster, &calm, &read.job, read.folder())?;
    let (masters, local) = masters_of(cluster, reporter).await?;
    let asked = async {
        let config = SurveyConfig {
            job: gang::planned(&read.job)?,
            master: gang::master(&read.job, &masters, &user),
            listen: Duration::from_secs(args.listen),
            seed: fastrand::u64(..),
        };
        let answer = framework::survey(config).await;
        answer.map_err(|error| not_asked(error, &masters))
    };
    let answer = signals::or_interrupted(&mut urgency, asked).await;
    if let Some(local) = local {
        local.stop().await;
    }
    Ok(match answer? {
        Ok(places) => tell_places(&read, &places, reporter),
        Err(shortfall) => tell_shortfall(&read, &shortfall, reporter),
    })
}

/// Why the cluster did not answer, by who must act.
fn not_asked(error: FrameworkError, masters: &MastersPlace) -> Failure {
    let exit = gang::exit(&error);
    let help = gang::hint(&error, masters.access.credentials.as_ref()).map(str::to_owned);
    let attempt = format!("failed to ask the master `{}`", masters.shown);
    let error = anyhow::Error::from(error).context(attempt);
    Failure::new(exit, error).with_help_if(help)
}

fn tell_places(read: &ReadJob, places: &[PlannedAgent], reporter: &Reporter) -> Exit {
    for place in places {
        let tasks = place.tasks.iter();
        reporter.event(&Event::PlannedAgent {
            agent: place.agent.as_str(),
            hostname: &place.hostname,
            tasks: tasks
                .map(|(group, count)| (group.as_str(), *count))
                .collect(),
        });
    }
    let exit = Exit::Success;
    reporter.event(&Event::Planned {
        job: &read.job.name,
        fits: true,
        tasks: read.job.task_count() as usize,
        agents: places.len(),
        reason: None,
        remedies: Vec::new(),
        exit_code: exit.code(),
    });
    exit
}

fn tell_shortfall(read: &ReadJob, shortfall: &Shortfall, reporter: &Reporter) -> Exit {
    if let Some(misfits) = read.misfits(shortfall) {
        diagnostics::report(&misfits, reporter);
    }
    let exit = Exit::Failure;
    reporter.event(&Event::Planned {
        job: &read.job.name,
        fits: false,
        tasks: read.job.task_count() as usize,
        agents: shortfall.agents,
        reason: Some(shortfall.to_string()),
        remedies: shortfall.remedies.iter().map(ToString::to_string).collect(),
        exit_code: exit.code(),
    });
    exit
}
