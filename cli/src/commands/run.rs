//! `mesosgot run`: the whole life of a job.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use super::Failure;
use super::masters::{cluster_and_user, masters_of};
use crate::args::RunArgs;
use crate::diagnostics;
use crate::exit::Exit;
use crate::gang::{self, Ended, Target};
use crate::job_file::{self, LoadedJob};
use crate::report::{Event, Outcome, Reporter};
use crate::running::{Address, Doors, PageOfJob, RunningJob};
use crate::settings::Cluster;
use crate::signals::{self, Urgency};

/// Builds the job, launches its gang and runs its app scheduler to the end.
pub(super) async fn run(
    args: RunArgs,
    log_directives: &str,
    reporter: &Arc<Reporter>,
    stop: watch::Sender<Urgency>,
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
    if loaded.scheduler.is_none() && !args.args.is_empty() {
        let error = anyhow::anyhow!("`scheduler: console` takes no arguments: {:?}", args.args);
        let help = "leave out `--` and what stands behind it";
        return Err(Failure::new(Exit::Usage, error).with_help(help));
    }
    if let Some(ungranted) = loaded.ungranted() {
        diagnostics::warn(&ungranted, reporter);
    }
    reporter.align(loaded.task_names().iter().map(String::as_str));
    let running = RunningJob::new(&loaded.job, stop);
    let running = Arc::new(match &loaded.view {
        Some(page) => running
            .with_page(PageOfJob::new(page).map_err(|error| Failure::new(Exit::Failure, error))?),
        None => running,
    });
    reporter.witnessed_by(&running);
    let doors = open_doors(&args, &running, reporter).await?;
    let place = Place {
        cluster,
        user,
        log_directives,
    };
    let ended = run_on(place, args.args, &loaded, &running, reporter, urgency).await;
    reporter.end_live();
    let exit = match ended {
        // Before those who follow come to the end.
        Err(failure) => super::tell(failure, reporter),
        Ok(ended) => {
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
            ended.exit
        }
    };
    running.end();
    // Those who follow read on meanwhile, and signals are heard.
    tokio::task::block_in_place(|| doors.close());
    Ok(exit)
}

/// Lets others look at the job.
async fn open_doors(
    args: &RunArgs,
    running: &Arc<RunningJob>,
    reporter: &Reporter,
) -> Result<Doors, Failure> {
    let address = Address::of(&args.dashboard)?;
    if let Some(address) = &address {
        let url = address
            .url()
            .map_err(|error| Failure::new(Exit::Failure, error))?;
        let warning = address.warning();
        let warning = warning.map_err(|error| Failure::new(Exit::Failure, error))?;
        reporter.event(&Event::DashboardServes { url: &url });
        if let Some(message) = &warning {
            reporter.event(&Event::Warning { message });
        }
    }
    Doors::open(running, address)
        .await
        .context("failed to let other commands find the job")
        .map_err(|error| Failure::new(Exit::Failure, error))
}

/// Where a job runs, and as whom.
struct Place<'a> {
    cluster: Cluster,
    user: String,
    log_directives: &'a str,
}

/// Runs the job there, on an embedded cluster if that is the place.
async fn run_on(
    place: Place<'_>,
    args: Vec<String>,
    loaded: &LoadedJob,
    running: &Arc<RunningJob>,
    reporter: &Arc<Reporter>,
    urgency: watch::Receiver<Urgency>,
) -> Result<Ended, Failure> {
    let (masters, local) = masters_of(place.cluster, reporter).await?;
    let target = Target {
        masters,
        is_embedded: local.is_some(),
        user: place.user,
        args,
        log_directives: place.log_directives,
        running: Arc::clone(running),
    };
    let ended = gang::run(loaded, target, reporter, urgency).await;
    // Whatever happened: no executor survives this.
    if let Some(local) = local {
        local.stop().await;
    }
    ended
}
