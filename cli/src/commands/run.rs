//! `mesosgot run`: the whole life of a job.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use super::Failure;
use super::masters::{cluster_and_user, masters_of};
use crate::args::RunArgs;
use crate::diagnostics;
use crate::exit::Exit;
use crate::gang::{self, Target};
use crate::job_file;
use crate::report::{Event, Outcome, Reporter};
use crate::signals::{self, Urgency};

/// Builds the job, launches its gang and runs its app scheduler to the end.
pub(super) async fn run(
    args: RunArgs,
    log_directives: &str,
    reporter: &Arc<Reporter>,
    mut urgency: watch::Receiver<Urgency>,
) -> Result<Exit, Failure> {
    let started = Instant::now();
    let load = async {
        let loaded = job_file::load(&args.job.job, reporter).await?;
        let (cluster, user) =
            cluster_and_user(&args.cluster, &args.chaos, &loaded.job, loaded.folder())?;
        Ok((loaded, cluster, user))
    };
    let (loaded, cluster, user) = signals::or_interrupted(&mut urgency, load).await?;
    if let Some(ungranted) = loaded.ungranted() {
        diagnostics::warn(&ungranted, reporter);
    }
    reporter.align(loaded.task_names().iter().map(String::as_str));

    let (masters, local) = masters_of(cluster, reporter).await?;
    let target = Target {
        masters,
        is_embedded: local.is_some(),
        user,
        args: args.args,
        log_directives,
    };
    let ended = gang::run(&loaded, target, reporter, urgency).await;
    // Whatever happened: no executor survives this.
    if let Some(local) = local {
        local.stop().await;
    }
    let ended = ended?;
    if let Some(misfits) = &ended.misfits {
        diagnostics::report(misfits, reporter);
    }
    reporter.event(&Event::Outcome(Outcome {
        job: &loaded.job.name,
        outcome: ended.word,
        exit_code: ended.exit.code(),
        seconds: started.elapsed().as_secs_f64(),
        tasks: loaded.job.task_count() as usize,
        failures_ignored: ended.failures_ignored,
        reason: ended.reason,
        channels: ended.traffic.into(),
        usage: ended.usage.into(),
        help: ended.help,
    }));
    Ok(ended.exit)
}
