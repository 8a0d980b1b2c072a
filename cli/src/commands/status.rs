//! `mesosgot status`: how a running job is, or how all of them are.

use super::Failure;
use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::report::{Event, Reporter, Shape};
use crate::running::client::{self, Found, JobClient, Where};
use crate::running::status::Status;

/// Asks the job, or all jobs if there are several and none is named, and shows the answers.
pub(super) async fn run(args: StatusArgs, reporter: &Reporter) -> Result<Exit, Failure> {
    let tasks_max = match args.all {
        true => usize::MAX,
        false => args.limit,
    };
    let columns = reporter.stdout_columns();
    let page = Shape::Page { tasks_max, columns };
    let job = match Where::of_word(args.job)? {
        Where::Here(None) => {
            let jobs = client::jobs().await?;
            if jobs.len() > 1 {
                show_all(&jobs, reporter).await;
                return Ok(Exit::Success);
            }
            client::only(jobs, None)?
        }
        place => client::find(&place).await?,
    };
    show(&job, page, reporter).await?;
    Ok(Exit::Success)
}

async fn show_all(jobs: &[Found], reporter: &Reporter) {
    for Found { id, client, .. } in jobs {
        let shown = match client {
            Some(job) => show(job, Shape::Line, reporter).await.is_ok(),
            None => false,
        };
        if !shown {
            reporter.event(&Event::Silent { id });
        }
    }
}

async fn show(job: &JobClient, shape: Shape, reporter: &Reporter) -> Result<(), Failure> {
    let status: Status = job.get("/v1/status", &()).await?;
    let status = &status;
    reporter.event(&Event::Status { status, shape });
    Ok(())
}
