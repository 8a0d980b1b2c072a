//! `mesosgot doctor`: what would keep a job from running, and how is it repaired?

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Failure;
use super::masters::{cluster_and_user, masters_of};
use crate::args::{ChaosArgs, PlanArgs};
use crate::doctor::gather::{self, Patient};
use crate::doctor::{self, Facts, Level};
use crate::exit::Exit;
use crate::job_file;
use crate::report::{Event, Reporter};
use crate::signals::{self, Urgency};

/// Looks at everything that a run of the job needs, and launches nothing.
pub(super) async fn run(
    args: PlanArgs,
    reporter: &Arc<Reporter>,
    mut urgency: watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let read = job_file::read(&args.job.job)?;
    let calm = ChaosArgs::default();
    let (cluster, user) = cluster_and_user(&args.cluster, &calm, &read.job, read.folder())?;
    let (masters, local) = masters_of(cluster, reporter).await?;
    let patient = Patient {
        read: &read,
        masters: &masters,
        is_embedded: local.is_some(),
        user: &user,
        listen: Duration::from_secs(args.listen),
    };
    let gathered = async { Ok(gather::facts(patient).await) };
    let facts = signals::or_interrupted(&mut urgency, gathered).await;
    if let Some(local) = local {
        local.stop().await;
    }
    Ok(tell(&facts?, reporter))
}

fn tell(facts: &Facts, reporter: &Reporter) -> Exit {
    let findings = doctor::judge(facts);
    for finding in &findings {
        reporter.event(&Event::Finding {
            area: finding.area,
            level: finding.level.word(),
            message: &finding.text,
            repair: finding.repair.as_deref(),
        });
    }
    let count = |level| findings.iter().filter(|it| it.level == level).count();
    let problems = count(Level::Problem);
    let exit = match (problems, facts.cluster.refused()) {
        (0, _) => Exit::Success,
        (_, Some(exit)) => exit,
        (_, None) => Exit::Failure,
    };
    reporter.event(&Event::Examined {
        job: &facts.job.name,
        problems,
        warnings: count(Level::Warning),
        exit_code: exit.code(),
    });
    exit
}
